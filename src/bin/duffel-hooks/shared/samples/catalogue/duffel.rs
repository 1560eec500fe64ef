//! Events of Duffel: its types, and new bodies of them.

use std::time::SystemTime;

use duffel_webhook_receiver::consume::kit::sample::{body, object_prefix};
use serde_json::{Value, json};

use super::Basis;
use crate::shared::samples::ids::new_id;

/// The types that Duffel documents, the older ones, and those that only public integrations name (`cars`).
pub(super) const KINDS: [(&str, Basis); 22] = [
    ("air.airline_credit.created", Basis::Unknown),
    ("air.airline_credit.invalidated", Basis::Unknown),
    ("air.airline_credit.spent", Basis::Unknown),
    ("air.order.changed", Basis::Reported),
    ("air.payment.cancelled", Basis::Reported),
    ("air.payment.failed", Basis::Reported),
    ("air.payment.pending", Basis::Reported),
    ("air.payment.succeeded", Basis::Observed),
    ("assistant.conversation.updated", Basis::Unknown),
    ("cars.booking.cancelled", Basis::Unlisted),
    ("cars.booking.created", Basis::Unlisted),
    ("order.airline_initiated_change_detected", Basis::Documented),
    ("order.created", Basis::Observed),
    ("order.creation_failed", Basis::Reported),
    ("order.updated", Basis::Unlisted),
    ("order_cancellation.confirmed", Basis::Observed),
    ("order_cancellation.created", Basis::Observed),
    ("payment.created", Basis::Unlisted),
    ("ping.triggered", Basis::Documented),
    ("stays.booking.cancelled", Basis::Unknown),
    ("stays.booking.created", Basis::Unknown),
    ("stays.booking_creation_failed", Basis::Reported),
];

/// Makes the id and the body of a new event in test mode.
pub(super) fn make(kind: &str, now: SystemTime) -> (String, Value) {
    let mut body = body(kind, &new_id(object_prefix(kind)), now, new_id);
    body["live_mode"] = json!(false);
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    (id, body)
}
