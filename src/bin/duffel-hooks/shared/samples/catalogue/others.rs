//! Events of the other schemes: the members of a payload that identify it, as their providers document them.

use std::time::SystemTime;

use duffel_webhook_receiver::time::unix_seconds;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::shared::samples::ids::{new_id, new_number};

/// Schemes with types of theirs.
pub(super) const KINDS: [(&str, &str); 17] = [
    ("standard-webhooks", "contact.created"),
    ("standard-webhooks", "contact.updated"),
    ("stripe", "charge.refunded"),
    ("stripe", "checkout.session.completed"),
    ("stripe", "customer.subscription.deleted"),
    ("stripe", "invoice.paid"),
    ("stripe", "payment_intent.succeeded"),
    ("github", "issues"),
    ("github", "ping"),
    ("github", "pull_request"),
    ("github", "push"),
    ("shopify", "app/uninstalled"),
    ("shopify", "orders/create"),
    ("shopify", "orders/paid"),
    ("shopify", "products/update"),
    ("hmac-sha256", "example.created"),
    ("hmac-sha256", "example.updated"),
];

/// Makes the id and the body of a new event.
pub(super) fn make(scheme: &str, kind: &str, now: SystemTime) -> (String, Value) {
    let at = humantime::format_rfc3339_seconds(now).to_string();
    match scheme {
        "stripe" => stripe(kind, now),
        "github" => (Uuid::new_v4().to_string(), github(kind)),
        "shopify" => (Uuid::new_v4().to_string(), shopify(kind, &at)),
        // <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure>
        "standard-webhooks" => {
            let data = json!({ "id": new_id("contact"), "name": "Amelia Earhart" });
            (new_id("msg"), json!({ "type": kind, "timestamp": at, "data": data }))
        }
        // Its id and type are put where the scheme has them.
        _ => {
            let data = json!({ "id": Uuid::new_v4().to_string() });
            (Uuid::new_v4().to_string(), json!({ "created_at": at, "data": data }))
        }
    }
}

/// <https://docs.stripe.com/api/events/object>
fn stripe(kind: &str, now: SystemTime) -> (String, Value) {
    let object = match kind {
        "charge.refunded" => json!({
            "id": new_id("ch"), "object": "charge", "amount": 1000, "amount_refunded": 1000, "currency": "gbp",
            "payment_intent": new_id("pi"), "refunded": true, "status": "succeeded",
        }),
        "checkout.session.completed" => json!({
            "id": new_id("cs_test"), "object": "checkout.session", "amount_total": 1000, "currency": "gbp",
            "mode": "payment", "payment_intent": new_id("pi"), "payment_status": "paid", "status": "complete",
        }),
        "customer.subscription.deleted" => json!({
            "id": new_id("sub"), "object": "subscription", "customer": new_id("cus"), "status": "canceled",
        }),
        "invoice.paid" => json!({
            "id": new_id("in"), "object": "invoice", "amount_paid": 1000, "currency": "gbp",
            "customer": new_id("cus"), "status": "paid",
        }),
        _ => json!({
            "id": new_id("pi"), "object": "payment_intent", "amount": 1000, "amount_received": 1000,
            "currency": "gbp", "status": "succeeded",
        }),
    };
    let id = new_id("evt");
    let event = json!({
        "id": id, "object": "event", "type": kind, "created": unix_seconds(now), "data": { "object": object },
        "livemode": false, "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null },
    });
    (id, event)
}

/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
fn github(kind: &str) -> Value {
    let repository =
        json!({ "id": new_number(), "name": "example", "full_name": "octocat/example", "private": true });
    let sender = json!({ "id": 583_231, "login": "octocat", "type": "User" });
    let number = fastrand::u32(1..10_000);
    let mut event = match kind {
        "issues" => json!({
            "action": "opened",
            "issue": { "id": new_number(), "number": number, "state": "open", "title": "An example" },
        }),
        "ping" => json!({
            "hook_id": new_number(), "zen": "Design for failure.",
            "hook": { "active": true, "events": ["push"], "type": "Repository" },
        }),
        "pull_request" => json!({
            "action": "opened", "number": number,
            "pull_request": { "id": new_number(), "number": number, "state": "open", "title": "An example" },
        }),
        _ => json!({
            "ref": "refs/heads/main", "before": commit(), "after": commit(), "commits": [], "created": false,
            "deleted": false, "forced": false, "pusher": { "name": "octocat" },
        }),
    };
    event["repository"] = repository;
    event["sender"] = sender;
    event
}

fn commit() -> String {
    format!("{:032x}{:08x}", fastrand::u128(..), fastrand::u32(..))
}

/// <https://shopify.dev/docs/api/webhooks>
fn shopify(kind: &str, at: &str) -> Value {
    let id = new_number();
    match kind {
        "app/uninstalled" => {
            json!({ "id": id, "name": "Example", "domain": super::SHOP, "myshopify_domain": super::SHOP })
        }
        "products/update" => json!({
            "id": id, "admin_graphql_api_id": format!("gid://shopify/Product/{id}"), "status": "active",
            "title": "An example", "updated_at": at, "variants": [],
        }),
        _ => json!({
            "id": id, "admin_graphql_api_id": format!("gid://shopify/Order/{id}"), "created_at": at,
            "currency": "GBP", "financial_status": if kind == "orders/paid" { "paid" } else { "pending" },
            "line_items": [], "name": "#1001", "test": true, "total_price": "10.00", "updated_at": at,
        }),
    }
}
