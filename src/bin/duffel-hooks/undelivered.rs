//! Which events did no endpoint accept? Read in every way in which Duffel may tell it.

use std::{collections::HashSet, time::SystemTime};

use duffel_webhook_receiver::duffel::{ApiError, Client, DeliveryFilter, EventFilter, EventRecord, PING};

/// Lists the events since a moment that were delivered to nobody, the oldest first; pings apart.
///
/// Whether an event that nobody was there for counts as failed, and whether a later success counts, is not
/// documented. So it is not Duffel's filter that decides, but the deliveries there were.
pub(crate) fn since(duffel: &Client, after: SystemTime) -> Result<Vec<EventRecord>, ApiError> {
    let filter = EventFilter { after: Some(after), ..EventFilter::default() };
    // Before the deliveries, so that what is delivered meanwhile is known to be.
    let mut events = duffel.events(&filter).collect::<Result<Vec<_>, _>>()?;
    let delivered = deliveries(duffel, after)?.delivered;
    events.retain(|event| {
        let is_delivered = event.delivery_success == Some(true) || delivered.contains(&event.id);
        !is_delivered && event.kind.as_deref() != Some(PING)
    });
    events.sort_by_key(|event| event.created_at);
    Ok(events)
}

/// How the deliveries since a moment went.
pub(crate) struct Deliveries {
    /// The events of which one was accepted.
    pub(crate) delivered: HashSet<String>,
    /// All, the newest first.
    pub(crate) all: Vec<duffel_webhook_receiver::duffel::DeliveryRecord>,
}

pub(crate) fn deliveries(duffel: &Client, after: SystemTime) -> Result<Deliveries, ApiError> {
    let filter = DeliveryFilter { after: Some(after), ..DeliveryFilter::default() };
    let mut all = duffel.deliveries(&filter).collect::<Result<Vec<_>, _>>()?;
    all.sort_by_key(|delivery| std::cmp::Reverse(delivery.created_at));
    let delivered = all.iter().filter(|delivery| delivery.succeeded() == Some(true));
    let delivered = delivered.filter_map(|delivery| delivery.event_id.clone()).collect();
    Ok(Deliveries { delivered, all })
}
