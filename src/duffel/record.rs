//! The records of Duffel's API: webhooks, events and deliveries. Only the ID is certain; every other field is optional.

use std::{fmt, time::SystemTime};

use serde::Serialize;
use serde_json::Value;

use crate::{identity::Identity, time::parse_time};

/// An endpoint that Duffel delivers to.
#[derive(Clone)]
pub struct Webhook {
    /// As in `end_0000A3tQSmKyqOrcySrGbo`.
    pub id: String,
    pub url: Option<String>,
    pub active: Option<bool>,
    pub live_mode: Option<bool>,
    /// The types of events that it is registered for; empty for all.
    pub events: Vec<String>,
    pub created_at: Option<SystemTime>,
    /// The whole record without the secret.
    pub raw: Value,
}

/// An event that happened, whether it was delivered or not.
#[derive(Clone)]
pub struct EventRecord {
    /// As in `wev_0000A3tQSmKyqOrcySrGbo`.
    pub id: String,
    /// As in `order.created`.
    pub kind: Option<String>,
    pub live_mode: Option<bool>,
    pub idempotency_key: Option<String>,
    pub created_at: Option<SystemTime>,
    /// Not in any documented event; the filter of the same name is documented.
    pub delivery_success: Option<bool>,
    /// The whole record.
    pub raw: Value,
}

/// One attempt to deliver one event.
#[derive(Clone)]
pub struct DeliveryRecord {
    /// As in `del_0000A3tQSmKyqOrcySrGbo`.
    pub id: String,
    pub event_id: Option<String>,
    /// The webhook's id.
    pub endpoint_id: Option<String>,
    pub kind: Option<String>,
    pub url: Option<String>,
    /// The endpoint's response; absent if there was none.
    pub response_status_code: Option<u16>,
    pub response_body: Option<String>,
    pub live_mode: Option<bool>,
    pub created_at: Option<SystemTime>,
    pub delivery_success: Option<bool>,
    /// The whole record.
    pub raw: Value,
}

impl EventRecord {
    /// The event's identity at a source of that name; `None` if the record lacks what the identity needs.
    #[must_use]
    pub fn identity(&self, source: &str) -> Option<Identity> {
        let key = self.idempotency_key.as_deref();
        Some(Identity::of_duffels(source, self.live_mode?, self.kind.as_deref()?, key, &self.id))
    }
}

impl DeliveryRecord {
    /// Whether the endpoint accepted it, if the record states it.
    #[must_use]
    pub fn succeeded(&self) -> Option<bool> {
        self.delivery_success.or_else(|| Some((200..300).contains(&self.response_status_code?)))
    }
}

/// A change of a webhook; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

/// A filter of events. Records that Duffel lists but that do not match are left out.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    pub kind: Option<String>,
    pub delivery_success: Option<bool>,
    /// Created at this time or later.
    pub after: Option<SystemTime>,
    /// Created at this time or earlier.
    pub before: Option<SystemTime>,
}

/// A filter of deliveries. Records that Duffel lists but that do not match are left out.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub kind: Option<String>,
    pub delivery_success: Option<bool>,
    /// The webhook's id.
    pub endpoint_id: Option<String>,
    /// Created at this time or later.
    pub after: Option<SystemTime>,
    /// Created at this time or earlier.
    pub before: Option<SystemTime>,
}

/// A record that is read from JSON.
pub(super) trait Record: Sized {
    fn read(id: String, raw: Value) -> Self;
}

impl Record for Webhook {
    fn read(id: String, raw: Value) -> Self {
        let events = raw["events"].as_array().into_iter().flatten();
        Self {
            id,
            url: text(&raw, "url"),
            active: raw["active"].as_bool(),
            live_mode: raw["live_mode"].as_bool(),
            events: events.filter_map(Value::as_str).map(str::to_owned).collect(),
            created_at: time(&raw),
            raw,
        }
    }
}

impl Record for EventRecord {
    fn read(id: String, raw: Value) -> Self {
        Self {
            id,
            kind: text(&raw, "type"),
            live_mode: raw["live_mode"].as_bool(),
            idempotency_key: text(&raw, "idempotency_key"),
            created_at: time(&raw),
            delivery_success: raw["delivery_success"].as_bool(),
            raw,
        }
    }
}

impl Record for DeliveryRecord {
    fn read(id: String, raw: Value) -> Self {
        Self {
            id,
            event_id: text(&raw, "event_id"),
            endpoint_id: text(&raw, "endpoint_id"),
            kind: text(&raw, "type"),
            url: text(&raw, "url"),
            response_status_code: raw["response_status_code"].as_u64().and_then(|code| code.try_into().ok()),
            response_body: text(&raw, "response_body"),
            live_mode: raw["live_mode"].as_bool(),
            created_at: time(&raw),
            delivery_success: raw["delivery_success"].as_bool(),
            raw,
        }
    }
}

fn text(raw: &Value, name: &str) -> Option<String> {
    raw[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(raw: &Value) -> Option<SystemTime> {
    parse_time(raw["created_at"].as_str()?)
}

macro_rules! name_only {
    ($($record:ident),*) => {$(
        // The content of an event may be personal data.
        impl fmt::Debug for $record {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($record)).field("id", &self.id).finish_non_exhaustive()
            }
        }
    )*};
}

name_only!(Webhook, EventRecord, DeliveryRecord);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_id_is_required() {
        let raw = json!({ "id": "del_1", "response_status_code": "200", "created_at": 5, "type": null });
        let delivery = DeliveryRecord::read("del_1".to_owned(), raw);
        assert_eq!(delivery.response_status_code, None);
        assert_eq!(delivery.created_at, None);
        assert_eq!(delivery.succeeded(), None);
        assert_eq!(format!("{delivery:?}"), r#"DeliveryRecord { id: "del_1", .. }"#);
    }
}
