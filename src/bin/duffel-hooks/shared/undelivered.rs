//! Undelivered events, and the deliveries since a moment.

use std::{collections::HashSet, time::SystemTime};

use duffel_webhook_receiver::duffel::{
    ApiError, Client, DeliveryFilter, DeliveryRecord, EventRecord,
    undelivered::{Search, Wanted},
};

/// Lists the events of a period that the active webhook wants and that no endpoint accepted, oldest first. `None` if no
/// webhook is active, so that none can be delivered.
pub(crate) fn since(
    duffel: &Client,
    after: SystemTime,
    before: Option<SystemTime>,
) -> Result<Option<Vec<EventRecord>>, ApiError> {
    let webhooks = duffel.webhooks().collect::<Result<Vec<_>, _>>()?;
    let search = Wanted::by(&webhooks).map(|wanted| Search { wanted, after, before });
    search.map(|search| search.all(duffel)).transpose()
}

/// The deliveries since a moment.
pub(crate) struct Deliveries {
    /// The ids of the events of which a delivery was accepted.
    pub(crate) delivered: HashSet<String>,
    /// All deliveries, newest first.
    pub(crate) all: Vec<DeliveryRecord>,
}

pub(crate) fn deliveries(duffel: &Client, after: SystemTime) -> Result<Deliveries, ApiError> {
    let filter = DeliveryFilter { after: Some(after), ..DeliveryFilter::default() };
    let mut all = duffel.deliveries(&filter).collect::<Result<Vec<_>, _>>()?;
    all.sort_by_key(|delivery| std::cmp::Reverse(delivery.created_at));
    let delivered = all.iter().filter(|delivery| delivery.succeeded() == Some(true));
    let delivered = delivered.filter_map(|delivery| delivery.event_id.clone()).collect();
    Ok(Deliveries { delivered, all })
}
