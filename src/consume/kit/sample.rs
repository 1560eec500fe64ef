//! Bodies of Duffel's events, with the payloads that are known of their types.

use std::time::SystemTime;

use serde_json::{Value, json};

/// Returns the body of an event in the form of API v2, about an object such as `ord_1`.
///
/// `new_id` makes every other id, such as `wev_1` for the prefix `wev`.
pub fn body(kind: &str, object: &str, now: SystemTime, mut new_id: impl FnMut(&str) -> String) -> Value {
    json!({
        "id": new_id("wev"),
        "api_version": "v2",
        "type": kind,
        "data": { "object": payload(kind, object, &mut new_id) },
        "live_mode": true,
        "idempotency_key": object,
        "created_at": humantime::format_rfc3339_micros(now).to_string(),
        "identity_organisation_id": new_id("org"),
    })
}

/// Returns the prefix of the ids of the objects that events of a type are about, such as `ord`; `obj` if it is not
/// known.
#[must_use]
pub fn object_prefix(kind: &str) -> &'static str {
    match kind {
        "order.airline_initiated_change_detected" => "aic",
        _ if kind.starts_with("air.airline_credit.") => "acd",
        _ if kind.starts_with("air.payment.") || kind.starts_with("payment.") => "pay",
        _ if kind.starts_with("order_cancellation.") => "ore",
        _ if kind.starts_with("air.order.") || kind.starts_with("order.") => "ord",
        _ if kind.starts_with("stays.") => "bok",
        _ => "obj",
    }
}

fn payload(kind: &str, object: &str, new_id: &mut impl FnMut(&str) -> String) -> Value {
    match kind {
        "order.created" => json!({ "id": object, "offer_id": new_id("off") }),
        "order.creation_failed" => json!({ "offer_id": new_id("off") }),
        "order.airline_initiated_change_detected" => json!({ "id": new_id("ord"), "aic_id": object }),
        "air.order.changed" => json!({ "order_id": object }),
        "order_cancellation.created" | "order_cancellation.confirmed" => {
            json!({ "id": object, "order_id": new_id("ord") })
        }
        "air.payment.pending" | "air.payment.succeeded" | "air.payment.failed" | "air.payment.cancelled" => {
            json!({ "payment_id": object })
        }
        "stays.booking_creation_failed" => json!({ "quote_id": new_id("quo") }),
        "ping.triggered" => json!({}),
        _ => json!({ "id": object }),
    }
}
