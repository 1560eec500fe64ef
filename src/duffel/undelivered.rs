//! The search for events that no endpoint accepted, for the reconciler, `replay --failed` and `rotate`.
//!
//! Whether Duffel's filter lists an event as failed that it never tried to deliver, and whether a later success counts,
//! is not documented. So the successful deliveries decide, whose status Duffel's records state.

mod bounded;
mod reading;

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

pub use self::bounded::{Found, MAX_DELIVERIES, MAX_EVENTS};
use super::{
    ApiError, CLOCK_SKEW, Client, DeliveryFilter, DeliveryRecord, EventFilter, EventRecord, PING, Webhook,
};

/// The time reserved between the listing of an event and the arrival of its redelivery.
pub const MARGIN: Duration = Duration::from_hours(1);

/// The maximum age of an event at which the ledger still recognises it when its redelivery arrives.
#[must_use]
pub fn look_back(window: Duration) -> Duration {
    window.saturating_sub(MARGIN)
}

/// The types of event that are delivered.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Empty for all.
    types: Vec<String>,
}

impl Wanted {
    /// Returns the types of the active webhooks; `None` if no webhook is active, so that nothing can be delivered.
    #[must_use]
    pub fn by(webhooks: &[Webhook]) -> Option<Self> {
        let active = || webhooks.iter().filter(|webhook| webhook.active != Some(false));
        active().next()?;
        let all = active().any(|webhook| webhook.events.is_empty());
        let types = if all { Vec::new() } else { active().flat_map(|it| it.events.clone()).collect() };
        Some(Self { types })
    }

    /// Takes the types from a list; empty for all.
    #[must_use]
    pub fn types(types: &[String]) -> Self {
        Self { types: types.to_vec() }
    }

    /// Never includes a ping: it has no content, and its sender saw it fail.
    fn includes(&self, event: &EventRecord) -> bool {
        let Some(kind) = &event.kind else { return true };
        kind != PING && (self.types.is_empty() || self.types.contains(kind))
    }
}

/// A search for events that no endpoint accepted.
#[derive(Clone, Debug)]
pub struct Search {
    pub wanted: Wanted,
    /// Created at this time or later.
    pub after: SystemTime,
    /// Created at this time or earlier.
    pub before: Option<SystemTime>,
}

/// Events that may be undelivered, by ID.
type Open = HashMap<String, EventRecord>;

impl Search {
    /// Finds all of them, oldest first, by reading all events of that time and all successful deliveries since.
    ///
    /// # Errors
    /// If either list cannot be read to its end.
    pub fn all(&self, duffel: &Client) -> Result<Vec<EventRecord>, ApiError> {
        let mut open = Open::new();
        // Before the deliveries, so that events that are delivered meanwhile are recognised.
        for event in duffel.events(&self.filter(None)) {
            self.admit(event?, &mut open);
        }
        let filter = successes(earliest(&open).unwrap_or(self.after), None);
        let mut deliveries = duffel.deliveries(&filter);
        while !open.is_empty()
            && let Some(delivery) = deliveries.next()
        {
            if let Some(id) = delivered(&delivery?) {
                open.remove(id);
            }
        }
        let mut events: Vec<_> = open.into_values().collect();
        events.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(events)
    }

    fn filter(&self, delivery_success: Option<bool>) -> EventFilter {
        EventFilter {
            delivery_success,
            after: Some(self.after),
            before: self.before,
            ..EventFilter::default()
        }
    }

    fn admit(&self, event: EventRecord, open: &mut Open) {
        if self.wanted.includes(&event) && event.delivery_success != Some(true) {
            open.insert(event.id.clone(), event);
        }
    }
}

/// The filter for successful deliveries between two times.
fn successes(after: SystemTime, before: Option<SystemTime>) -> DeliveryFilter {
    let after = after.checked_sub(CLOCK_SKEW).filter(|at| *at >= SystemTime::UNIX_EPOCH);
    DeliveryFilter { delivery_success: Some(true), after, before, ..DeliveryFilter::default() }
}

/// The ID of the event, if the delivery was accepted.
fn delivered(delivery: &DeliveryRecord) -> Option<&String> {
    // The filter passes deliveries without a status; those must not count here: the event would be lost.
    delivery.event_id.as_ref().filter(|_| delivery.succeeded() == Some(true))
}

/// The time of the earliest event; `None` if there are no events, or one has no time.
fn earliest(events: &Open) -> Option<SystemTime> {
    let times: Option<Vec<_>> = events.values().map(|event| event.created_at).collect();
    times?.into_iter().min()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::duffel::record::Record as _;

    fn webhook(active: Option<bool>, events: &[&str]) -> Webhook {
        Webhook::read("end_1".to_owned(), json!({ "active": active, "events": events }))
    }

    fn wants(webhooks: &[Webhook], kind: Option<&str>) -> Option<bool> {
        let event = EventRecord::read("wev_1".to_owned(), json!({ "type": kind }));
        Wanted::by(webhooks).map(|wanted| wanted.includes(&event))
    }

    #[test]
    fn wanted_is_what_active_webhooks_are_registered_for() {
        let order = |active| webhook(active, &["order.created"]);
        let created = Some("order.created");
        assert_eq!(wants(&[], created), None);
        assert_eq!(wants(&[order(Some(false))], created), None);
        assert_eq!(wants(&[order(Some(true))], created), Some(true));
        assert_eq!(wants(&[order(None)], created), Some(true));
        assert_eq!(wants(&[order(None)], None), Some(true));
        assert_eq!(wants(&[order(None)], Some("order.updated")), Some(false));
        assert_eq!(wants(&[order(None), webhook(None, &[])], Some("order.updated")), Some(true));
        assert_eq!(wants(&[webhook(Some(false), &[]), order(None)], Some("order.updated")), Some(false));
        assert_eq!(wants(&[webhook(None, &[])], Some(PING)), Some(false));
    }

    #[test]
    fn the_look_back_is_shorter_than_the_window() {
        assert_eq!(look_back(Duration::from_hours(24)), Duration::from_hours(23));
        assert_eq!(look_back(Duration::from_mins(1)), Duration::ZERO);
    }
}
