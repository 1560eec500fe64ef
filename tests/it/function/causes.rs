//! The field `cause` of the log: every cause, its level, and which one is logged if two apply.

use std::collections::BTreeSet;

use duffel_webhook_receiver::{
    http::Cause,
    signature::{
        scheme::Scheme,
        sign::{Signing, sign},
    },
};
use serde_json::{Value, json};

use super::{Delivery, Env, PATH, answer};
use crate::support::{
    ministack::Backend,
    proxy::AwsFault,
    test_receiver::{ORDER_CREATED, SECRET, event, key},
};

const TEST_SECRET: &str = "QKfUULLQh+8SegYmIsF6kA==";
const LOOK_UP: &str = "dynamodb:GetItem";
const SEND: &str = "sqs:SendMessage";
const RECORD: &str = "dynamodb:PutItem";

fn order(number: u32) -> Delivery {
    Delivery::new(event("order.created", &format!("wev_{number}"), &format!("ord_{number}")))
}

/// An event that does not state its mode, so that a filter of modes cannot be applied.
fn modeless(number: u32) -> Delivery {
    let body = event("order.created", &format!("wev_{number}"), &format!("ord_{number}"));
    Delivery::new(body.replace(r#""live_mode":true,"#, ""))
}

/// With a signature that is `ahead` seconds newer than now, so that a duplicate extends the record.
fn newer(delivery: Delivery, ahead: i64) -> Delivery {
    let header = delivery.sign(SECRET, "v2", -ahead);
    delivery.signature(&header)
}

/// An event that only its attributes make too large for a message.
fn almost_too_large() -> Delivery {
    let data = "x".repeat(1_048_576 - 200);
    Delivery::new(event("order.created", "wev_large", "ord_large").replace("{}", &format!("{data:?}")))
}

/// The lines of answers as outcome, cause and level.
fn fields(lines: &[String]) -> Vec<[String; 3]> {
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let fields = |line: Value| ["outcome", "cause", "level"].map(|name| text(&line[name]));
    lines.filter(|line| line.get("status").is_some()).map(fields).collect()
}

fn words(lines: &[[&str; 3]]) -> Vec<[String; 3]> {
    lines.iter().map(|line| line.map(str::to_owned)).collect()
}

/// What is refused by itself, whatever the queue and the table do.
async fn refusals() -> Vec<String> {
    let backend = Backend::new().await;
    let stored = json!({ "any": SECRET, "test": TEST_SECRET }).to_string();
    let arn = backend.create_secret(Some(&stored)).await;
    let mut env = Env::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
    let mut not_base64: Value = serde_json::from_str(&order(1).event()).unwrap();
    not_base64["isBase64Encoded"] = true.into();
    not_base64["body"] = "~".into();
    let late = order(1).sign(SECRET, "v2", 9 * 24 * 60 * 60);
    let early = order(1).sign(SECRET, "v2", -900);
    let events = [
        order(1).unsigned().event(),
        order(1).signature("nah").event(),
        order(1).signed_with("another").event(),
        order(1).signature(&late).event(),
        order(1).signature(&early).event(),
        order(1).signed_with(TEST_SECRET).event(),
        not_base64.to_string(),
        Delivery::new("{}").event(),
        Delivery::new("x".repeat(1_048_577)).unsigned().event(),
        almost_too_large().event(),
        order(1).to("POST", "/webhooks/nobody").event(),
        order(1).to("POST", "/in/webhooks/duffel").event(),
        order(1).to("POST", "/wp-login.php").event(),
        "{}".to_owned(),
        order(1).to("GET", PATH).event(),
        order(1).event(),
    ];
    for event in events {
        answer(env.function.invoke(event).await);
    }
    assert_eq!(env.backend.messages().await.len(), 1, "only the last is forwarded");
    let lines = env.function.lines();
    assert_eq!(
        fields(&lines),
        words(&[
            ["unauthorized", "missing", "WARN"],
            ["unauthorized", "malformed", "WARN"],
            ["unauthorized", "mismatch", "WARN"],
            ["unauthorized", "stale", "WARN"],
            ["unauthorized", "future", "WARN"],
            ["unauthorized", "mode", "WARN"],
            ["unauthorized", "body", "WARN"],
            ["malformed", "event", "WARN"],
            ["too_large", "too_large_body", "WARN"],
            ["too_large", "too_large_message", "WARN"],
            ["not_found", "unknown_source", "WARN"],
            ["not_found", "unknown_base_path", "WARN"],
            ["not_found", "unknown_path", "INFO"],
            ["not_found", "unreadable_event", "WARN"],
            ["method_not_allowed", "-", "INFO"],
            ["accepted", "-", "INFO"],
        ])
    );
    lines
}

/// What the address of the sender causes.
async fn networks() -> Vec<String> {
    let sources =
        json!({ "duffel": { "scheme": "duffel", "secret": SECRET, "allowed_ips": ["198.51.100.0/24"] } });
    let mut env = Env::of(Backend::new().await, &[("SOURCES", &sources.to_string())]).await;
    let event = order(1).event();
    let unknown = event.replace("sourceIp", "noIp");
    assert_ne!(event, unknown);
    for event in [event, unknown] {
        assert_eq!(answer(env.function.invoke(event).await).status, 403);
    }
    let lines = env.function.lines();
    assert_eq!(
        fields(&lines),
        words(&[["forbidden", "network", "WARN"], ["forbidden", "unknown_address", "WARN"]])
    );
    lines
}

/// What queue and table cause, alone and together with a filter that was not applied or a duplicate that differs.
async fn failures() -> Vec<String> {
    let mut env = Env::with(&[("LIVE_MODE", "live")]).await;
    let other = |id: &str, data: &str| {
        Delivery::new(event("order.created", id, "ord_1").replace(r#"{"object":{}}"#, data))
    };
    let without_mode = |data: &str| {
        let body = String::from_utf8(modeless(2).body).unwrap();
        Delivery::new(body.replace(r#"{"object":{}}"#, data))
    };
    for (delivery, faulty) in [
        (order(1), Some(LOOK_UP)),
        (order(1), Some(SEND)),
        (order(1), None),
        (order(1), None),
        (other("wev_other", "{}"), None),
        (other("wev_1", "[]"), None),
        (newer(order(1), 60), Some(RECORD)),
        (newer(other("wev_1", "[]"), 120), Some(RECORD)),
        (modeless(2), None),
        (modeless(2), None),
        (without_mode("[]"), None),
        (newer(modeless(2), 60), Some(RECORD)),
        (order(3), Some(RECORD)),
        (modeless(4), Some(RECORD)),
        (modeless(5), Some(LOOK_UP)),
    ] {
        if let Some(call) = faulty {
            env.proxy.inject(call, [AwsFault::Down]);
        }
        env.deliver(&delivery).await;
        env.proxy.heal();
    }
    let lines = env.function.lines();
    assert_eq!(
        fields(&lines),
        words(&[
            ["unavailable", "ledger", "ERROR"],
            ["unavailable", "queue", "ERROR"],
            ["accepted", "-", "INFO"],
            ["duplicate", "-", "INFO"],
            ["duplicate", "other_event_id", "WARN"],
            ["duplicate", "other_body", "WARN"],
            ["duplicate", "not_extended", "WARN"],
            ["duplicate", "other_body", "WARN"],
            ["accepted", "undecided", "WARN"],
            ["duplicate", "undecided", "WARN"],
            ["duplicate", "other_body", "WARN"],
            ["duplicate", "not_extended", "WARN"],
            ["accepted", "unrecorded", "WARN"],
            ["accepted", "unrecorded", "WARN"],
            ["unavailable", "ledger", "ERROR"],
        ])
    );
    lines
}

/// The type of GitHub's events is in a header that is not signed.
async fn other_type() -> Vec<String> {
    let sources = r#"{"code":{"scheme":"github","secret":"hush"}}"#;
    let mut env = Env::of(Backend::new().await, &[("SOURCES", sources)]).await;
    let scheme = Scheme::github();
    let mut headers = sign(&scheme, &key(&scheme, "hush"), Signing::default(), b"{}").unwrap();
    let (name, value) = headers.pop().unwrap();
    for topic in ["push", "deployment"] {
        let delivery = Delivery::new("{}").unsigned().to("POST", "/webhooks/code").header(&name, &value);
        env.deliver(&delivery.header("X-GitHub-Event", topic).header("X-GitHub-Delivery", "72d3162e")).await;
    }
    let lines = env.function.lines();
    assert_eq!(fields(&lines)[1..], words(&[["duplicate", "other_event_type", "WARN"]]));
    lines
}

async fn without_secret() -> Vec<String> {
    let backend = Backend::new().await;
    let arn = backend.create_secret(None).await;
    let mut env = Env::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await.0, 503);
    let lines = env.function.lines();
    assert_eq!(fields(&lines), words(&[["unavailable", "secret", "ERROR"]]));
    lines
}

/// The log of processes that together log every cause.
pub(super) async fn lines_of_every_cause() -> Vec<String> {
    let lines = [
        Box::pin(refusals()).await,
        Box::pin(networks()).await,
        Box::pin(failures()).await,
        Box::pin(other_type()).await,
        Box::pin(without_secret()).await,
    ];
    lines.concat()
}

#[tokio::test]
async fn every_cause_is_logged_with_its_level() {
    let lines = fields(&lines_of_every_cause().await);
    let logged: BTreeSet<_> = lines.iter().map(|[_, cause, _]| cause.as_str()).collect();
    let known: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.word()).chain(["-"]).collect();
    assert_eq!(logged, known);
}
