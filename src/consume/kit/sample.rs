//! Bodies of Duffel's events, with the payloads that are known of their types.

use std::time::SystemTime;

use serde_json::{Value, json};

/// Returns the body of an event in the form of API v2, about an object such as `ord_1`.
pub(super) fn body(kind: &str, id: &str, object: &str, now: SystemTime) -> String {
    let body = json!({
        "id": id,
        "api_version": "v2",
        "type": kind,
        "data": { "object": payload(kind, object) },
        "live_mode": true,
        "idempotency_key": object,
        "created_at": humantime::format_rfc3339_micros(now).to_string(),
        "identity_organisation_id": "org_1",
    });
    body.to_string()
}

fn payload(kind: &str, object: &str) -> Value {
    match kind {
        "order.created" => json!({ "id": object, "offer_id": "off_1" }),
        "order.creation_failed" => json!({ "offer_id": "off_1" }),
        "order.airline_initiated_change_detected" => json!({ "id": "ord_1", "aic_id": object }),
        "air.order.changed" => json!({ "order_id": object }),
        "order_cancellation.created" | "order_cancellation.confirmed" => {
            json!({ "id": object, "order_id": "ord_1" })
        }
        "air.payment.pending" | "air.payment.succeeded" | "air.payment.failed" | "air.payment.cancelled" => {
            json!({ "payment_id": object })
        }
        "stays.booking_creation_failed" => json!({ "quote_id": "quo_1" }),
        "ping.triggered" => json!({}),
        _ => json!({ "id": object }),
    }
}
