//! The log: which fields a line has, and what it never holds.

use std::collections::BTreeSet;

use duffel_webhook_receiver::signature::{
    scheme::Scheme,
    sign::{Signing, sign},
};
use serde_json::{Value, json};

use super::{Delivery, Env, PATH};
use crate::support::{
    ministack::SECRET_KEY,
    proxy::AwsFault,
    test_receiver::{ORDER_CREATED, SECRET, answer, event, key},
};

const OTHER_SECRET: &str = "QKfUULLQh+8SegYmIsF6kA==";
/// A text in everything that must not be logged.
const MARKER: &str = "Marguerite-Yourcenar";
const BEARER: &str = "Bearer dG9wIHNlY3JldA";

fn parse(lines: &[String]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

fn marked(kind: &str, id: &str, key: &str) -> Delivery {
    let data = format!(r#"{{"passenger":"{MARKER}"}}"#);
    Delivery::new(event(kind, id, key).replace("{}", &data))
        .header("Authorization", BEARER)
        .header("Cookie", MARKER)
}

/// Deliveries with every outcome, and its word.
fn deliveries() -> Vec<(Delivery, &'static str)> {
    let good = marked("order.created", "wev_1", "ord_1");
    let too_large =
        good.body.clone().into_iter().chain(MARKER.bytes().cycle().take(1_048_576)).collect::<Vec<_>>();
    let large = String::from_utf8(too_large).unwrap();
    let large = event("order.created", "wev_5", "ord_5").replace("{}", &format!("{large:?}"));
    let malformed = |body: &str| Delivery::new(body.replace('~', MARKER));
    vec![
        (good.clone(), "accepted"),
        (good.clone(), "duplicate"),
        (marked("order.created", "wev_2", "ord_1"), "duplicate"),
        (marked("order_cancellation.created", "wev_3", "ore_1"), "ignored"),
        (marked("order.created", "wev_4", "ord_\u{ffff}"), "accepted"),
        (Delivery::new(large), "too_large"),
        (malformed("~"), "malformed"),
        (malformed(r#"{"type":"~"}"#), "malformed"),
        (malformed(r#"{"type":"order.created","id":"wev_1","id":"~"}"#), "malformed"),
        (malformed(r#"{"type":"order.created","id":"wev_7","~":1,"~":2}"#), "accepted"),
        (malformed(r#"{"type":["~"],"id":"wev_1"}"#), "malformed"),
        (good.clone().unsigned(), "unauthorized"),
        (good.clone().signature(MARKER), "unauthorized"),
        (good.clone().signed_with("another"), "unauthorized"),
        (good.clone().signature(&good.sign(SECRET, "v2", 9 * 24 * 60 * 60)), "unauthorized"),
        (good.clone().signature(&good.sign(SECRET, "v2", -900)), "unauthorized"),
        (good.clone().to("POST", &format!("/webhooks/nobody?token={MARKER}")), "not_found"),
        (good.clone().to("GET", PATH), "method_not_allowed"),
    ]
}

#[tokio::test]
async fn log_has_one_line_for_each_delivery_and_no_secret() {
    let both = format!("{SECRET},{OTHER_SECRET}");
    let variables =
        [("WEBHOOK_SECRET", both.as_str()), ("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("EVENT_TYPES", "order.*")];
    let mut env = Env::of(crate::support::ministack::Backend::new().await, &variables).await;
    let mut sent = Vec::new();
    for (delivery, word) in deliveries() {
        assert_eq!(env.deliver(&delivery).await.1, word);
        sent.push(delivery);
    }
    let mut words: Vec<_> = deliveries().into_iter().map(|(_, word)| word).collect();
    for (number, (call, fault)) in ["dynamodb:GetItem", "sqs:SendMessage", "dynamodb:PutItem"]
        .into_iter()
        .flat_map(|call| AwsFault::FAILURES.map(|fault| (call, fault)))
        .filter(|(_, fault)| !fault.is_slow())
        .enumerate()
    {
        env.proxy.inject(call, [fault]);
        let delivery = marked("order.created", "wev_6", &format!("ord_6{number}"));
        let word = if call == "dynamodb:PutItem" { "accepted" } else { "unavailable" };
        assert_eq!(env.deliver(&delivery).await.1, word);
        words.push(word);
        sent.push(delivery);
        env.proxy.heal();
    }
    let lines = env.function.lines();
    let text = lines.join("\n");
    for delivery in &sent {
        let signature = delivery.headers.get("X-Duffel-Signature").and_then(|header| header.rsplit_once('='));
        assert!(!signature.is_some_and(|(_, mac)| text.contains(mac)), "{text}");
    }
    for planted in [SECRET, OTHER_SECRET, SECRET_KEY, MARKER, BEARER, &hex::encode(SECRET), "passenger"] {
        assert!(!text.contains(planted), "{planted} is in: {text}");
    }
    let lines = parse(&lines);
    let logged: Vec<_> = lines.iter().filter_map(|line| line["outcome"].as_str()).collect();
    assert_eq!(logged, words);
    assert_eq!(lines.len(), words.len(), "more lines than deliveries: {text}");
}

#[tokio::test]
async fn log_line_has_the_documented_fields() {
    let mut env = Env::new().await;
    let delivery = Delivery::new(ORDER_CREATED);
    let header = delivery.sign(SECRET, "v1", 3_600);
    env.deliver(&delivery.signature(&header)).await;
    let identity = env.backend.items().await[0]["pk"].as_s().unwrap().clone();
    let message = env.message().await;
    let [line] = parse(&env.function.lines()).try_into().unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["event.id"], "wev_0000A4tQSmKyqOrcySrGbo");
    assert_eq!(line["event.type"], "order.created");
    assert_eq!(line["event.identity"], identity.as_str());
    assert_eq!(line["outcome"], "accepted");
    assert_eq!(line["status"], 202);
    assert_eq!(line["signature.label"], "v1");
    assert!((3_600..3_610).contains(&line["signature.age_s"].as_i64().unwrap()), "{line}");
    assert_eq!(line["message.id"], message.message_id().unwrap());
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(line["request.id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok(), "{line}");
}

#[tokio::test]
async fn unknown_path_is_logged_with_the_reason() {
    let long = format!("/{}", "a".repeat(10_000));
    let cut = format!("{}…", &long[..128]);
    let unknown_prefix =
        "unknown path: what precedes /webhooks/ is neither the gateway's stage nor BASE_PATH";
    let paths = [
        ("/webhooks/nobody", "/webhooks/nobody", "unknown source", "WARN"),
        ("/webhooks/nobody?token=hush", "/webhooks/nobody", "unknown source", "WARN"),
        ("/webhooks/duffel%0a/", "/webhooks/duffel%0a/", "unknown source", "WARN"),
        ("/in/webhooks/duffel", "/in/webhooks/duffel", unknown_prefix, "WARN"),
        ("/wp-login.php", "/wp-login.php", "unknown path", "INFO"),
        ("/\u{202e}webhooks", r"/\u{202e}webhooks", "unknown path", "INFO"),
        (&long, &cut, "unknown path", "INFO"),
    ];
    let mut env = Env::new().await;
    for (path, ..) in paths {
        assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED).to("POST", path)).await.0, 404, "{path}");
    }
    let lines = parse(&env.function.lines());
    assert_eq!(lines.len(), paths.len());
    for (line, (_, path, reason, level)) in lines.iter().zip(paths) {
        assert_eq!(
            (&line["path"], &line["error"], &line["level"]),
            (&path.into(), &reason.into(), &level.into())
        );
    }
}

#[tokio::test]
async fn an_event_that_could_not_be_filtered_is_logged_with_source_and_reason() {
    let sources = json!({
        "crm": { "scheme": "hmac-sha256", "secret": "crm's", "type": "/event/type", "event_types": ["order.*"] },
        "code": { "scheme": "github", "secret": "code's", "event_types": ["push"] },
        "duffel": { "scheme": "duffel", "secret": SECRET, "live_mode": "live" },
    });
    let backend = crate::support::ministack::Backend::new().await;
    let mut env = Env::of(backend, &[("SOURCES", &sources.to_string())]).await;
    let plain = |source: &str, scheme: &Scheme, body: &str| {
        let key = key(scheme, &format!("{source}'s"));
        let headers = sign(scheme, &key, Signing::default(), body.as_bytes()).unwrap();
        let delivery = Delivery::new(body).unsigned().to("POST", &format!("/webhooks/{source}"));
        headers.iter().fold(delivery, |delivery, (name, value)| delivery.header(name, value))
    };
    let modeless = event("order.created", "wev_1", "ord_1").replace(r#""live_mode":true,"#, "");
    let no_type = "the filter of types was not applied: ";
    let no_mode = "the filter of modes was not applied: ";
    let deliveries = [
        (plain("crm", &Scheme::hmac_sha256(), "a=1"), "crm", format!("{no_type}the body is not JSON")),
        (
            plain("crm", &Scheme::hmac_sha256(), r#"{"event":"order.paid"}"#),
            "crm",
            format!("{no_type}there is nothing at /event/type"),
        ),
        (
            plain("crm", &Scheme::hmac_sha256(), r#"{"event":{"type":{}}}"#),
            "crm",
            format!("{no_type}there is no valid value at /event/type"),
        ),
        (
            plain("code", &Scheme::github(), r#"{"type":"push"}"#),
            "code",
            format!("{no_type}no header has it"),
        ),
        (Delivery::new(modeless), "duffel", format!("{no_mode}there is nothing at /live_mode")),
        (
            Delivery::new(event("order.created", "wev_2", "ord_2").replace("true", "1")),
            "duffel",
            format!("{no_mode}there is no valid value at /live_mode"),
        ),
    ];
    for (delivery, ..) in &deliveries {
        assert_eq!(env.deliver(delivery).await, answer(202, "accepted"));
    }
    assert_eq!(env.backend.messages().await.len(), deliveries.len());
    let lines = of_deliveries(parse(&env.function.lines()));
    assert_eq!(lines.len(), deliveries.len());
    for (line, (_, source, reason)) in lines.iter().zip(deliveries) {
        assert_eq!(
            (&line["level"], &line["source"], &line["error"]),
            (&"WARN".into(), &source.into(), &reason.into())
        );
    }
}

/// A sender with a secret chooses types and ids, but must not influence the lines of other deliveries.
#[tokio::test]
async fn types_and_ids_can_neither_forge_nor_flood_log_lines() {
    let long = "x".repeat(400_000);
    let texts = [
        "t\n2026-11-21T12:00:00.000000Z  INFO 202 accepted order.created wev_forged outcome=\"accepted\"",
        "t\r\n{\"level\":\"INFO\",\"outcome\":\"accepted\",\"event.id\":\"wev_forged\"}",
        "t\u{85}\u{2028}\u{2029}\u{0b}\u{0c}\u{1b}[2K\u{1b}]0;x\u{7}\0\u{202e}\u{2066}\u{feff}\u{200b}",
        &long,
    ];
    for format in ["Text", "JSON"] {
        let mut env = Env::with(&[("AWS_LAMBDA_LOG_FORMAT", format)]).await;
        let mut count = 0;
        for text in texts {
            let body = |id: &str| json!({ "type": text, "id": id, "idempotency_key": text }).to_string();
            // Too large if all three are long; the second is a duplicate with another id, for which both ids are logged.
            let bodies = if text.len() > 1_000 {
                [
                    json!({ "type": "t", "id": text }).to_string(),
                    json!({ "type": text, "id": "i" }).to_string(),
                ]
            } else {
                [body(text), body(&format!("{text}2"))]
            };
            for body in bodies {
                count += 1;
                assert_eq!(env.deliver(&Delivery::new(body)).await.0 / 100, 2);
            }
        }
        let attribute = |name: &str, wanted: &str, message: &aws_sdk_sqs::types::Message| {
            let attribute = message.message_attributes().and_then(|attributes| attributes.get(name));
            attribute.and_then(|attribute| attribute.string_value()) == Some(wanted)
        };
        let messages = env.backend.messages().await;
        for name in ["event_type", "event_id"] {
            for text in [texts[0], texts[1], &long] {
                assert!(messages.iter().any(|message| attribute(name, text, message)), "{name} is changed");
            }
        }
        let lines = env.function.lines();
        assert_eq!(lines.len(), count, "{format}: {lines:#?}");
        for line in &lines {
            assert!(line.len() < 4_000, "{format}: {} bytes", line.len());
            let invisible = line.chars().find(|character| {
                character.is_control()
                    || "\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{200b}".contains(*character)
            });
            assert_eq!(invisible, None, "{format}: {line}");
        }
        if format == "JSON" {
            for line in parse(&lines) {
                for name in ["event.type", "event.id", "event.recorded_id", "message"] {
                    let text = line[name].as_str().unwrap_or_default();
                    assert!(!text.contains(char::is_control), "{name} of {line}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_delivery_has_a_request_id_of_its_own() {
    let mut env = Env::new().await;
    for delivery in [Delivery::new(ORDER_CREATED), Delivery::new(ORDER_CREATED), Delivery::new("").unsigned()]
    {
        env.deliver(&delivery).await;
    }
    let lines = parse(&env.function.lines());
    let ids: BTreeSet<_> = lines.iter().map(|line| line["request.id"].as_str().unwrap()).collect();
    assert_eq!((lines.len(), ids.len()), (3, 3));
}

#[tokio::test]
async fn duplicate_that_differs_from_the_forwarded_event_is_a_warning_with_its_cause() {
    let mut env = Env::new().await;
    let body = |id, data: &str| event("order.created", id, "ord_1").replace("{}", data);
    for body in
        [body("wev_first", "{}"), body("wev_first", "{}"), body("wev_first", "[]"), body("wev_second", "{}")]
    {
        env.deliver(&Delivery::new(body)).await;
    }
    let lines = parse(&env.function.lines());
    let logged: Vec<_> = lines
        .iter()
        .map(|line| [&line["outcome"], &line["level"], &line["cause"], &line["event.recorded_id"]])
        .collect();
    let absent = &Value::Null;
    assert_eq!(logged[0][..2], ["accepted", "INFO"]);
    assert_eq!(logged[1], [&Value::from("duplicate"), &"INFO".into(), absent, absent]);
    assert_eq!(logged[2], [&Value::from("duplicate"), &"WARN".into(), &"other_body".into(), absent]);
    assert_eq!(
        logged[3],
        [&Value::from("duplicate"), &"WARN".into(), &"other_event_id".into(), &"wev_first".into()]
    );
}

/// The lines of deliveries, without those of the start.
fn of_deliveries(mut lines: Vec<Value>) -> Vec<Value> {
    lines.retain(|line| line["outcome"].is_string());
    lines
}

/// Headers that are not signed can be changed by anybody who has the delivery.
#[tokio::test]
async fn a_duplicate_with_another_topic_is_a_warning() {
    let sources = r#"{"code":{"scheme":"github","secret":"hush"}}"#;
    let mut env = Env::of(crate::support::ministack::Backend::new().await, &[("SOURCES", sources)]).await;
    let body = r#"{"ref":"refs/heads/main"}"#;
    let scheme = Scheme::github();
    let mut headers = sign(&scheme, &key(&scheme, "hush"), Signing::default(), body.as_bytes()).unwrap();
    let (name, value) = headers.pop().unwrap();
    for topic in ["push", "push", "deployment"] {
        let delivery = Delivery::new(body).unsigned().to("POST", "/webhooks/code").header(&name, &value);
        let delivery = delivery.header("X-GitHub-Event", topic).header("X-GitHub-Delivery", "72d3162e");
        env.deliver(&delivery).await;
    }
    let lines = of_deliveries(parse(&env.function.lines()));
    let logged: Vec<_> =
        lines.iter().map(|line| [&line["outcome"], &line["level"], &line["cause"]]).collect();
    assert_eq!(logged[1], [&Value::from("duplicate"), &"INFO".into(), &Value::Null]);
    assert_eq!(logged[2], [&Value::from("duplicate"), &"WARN".into(), &"other_event_type".into()]);
    assert_eq!(env.backend.messages().await.len(), 1);
}
