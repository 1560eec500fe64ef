//! Payloads that neither a gateway nor Duffel sends: they are answered 4xx, and the process continues.

#[cfg(target_os = "linux")]
mod cost;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Delivery, Env, Gateway, answer};
use crate::support::test_receiver::{self, ORDER_CREATED, event};

const DEEP: usize = 10_000;

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// A valid event with one change.
fn changed(gateway: Gateway, change: impl FnOnce(&mut Value)) -> String {
    let delivery = Delivery::new(ORDER_CREATED).through(gateway, false);
    let mut event = serde_json::from_str(&delivery.event()).unwrap();
    change(&mut event);
    event.to_string()
}

fn without(gateway: Gateway, name: &str) -> String {
    changed(gateway, |event| drop(event.as_object_mut().unwrap().remove(name)))
}

/// Invokes one process with every payload; it must refuse them all and then accept a delivery.
async fn refuses_all(payloads: Vec<impl Into<Bytes>>) {
    let env = Env::new().await;
    for payload in payloads {
        let payload = payload.into();
        let start = String::from_utf8_lossy(&payload[..payload.len().min(2_000)]).into_owned();
        let refusal = answer(env.function.invoke(payload).await);
        assert!([400, 401, 404, 405, 413].contains(&refusal.status), "{} to {start}", refusal.status);
    }
    assert!(env.proxy.calls().is_empty());
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await, test_receiver::answer(202, "accepted"));
    assert!(env.function.errors().is_empty());
}

#[tokio::test]
async fn payloads_that_are_not_requests_are_refused() {
    let deep = nested(DEEP);
    let record = json!({"messageId": "1", "body": ORDER_CREATED, "eventSource": "aws:sqs"});
    refuses_all(vec![
        "null".to_owned(),
        "42".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#""POST /webhooks/duffel""#.to_owned(),
        r#"{"version":"2.0"}"#.to_owned(),
        r#"{"version":2}"#.to_owned(),
        json!({"Records": [record]}).to_string(),
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}).to_string(),
        deep.clone(),
        format!(r#"{{"version":"2.0","body":{deep}}}"#),
        format!(r#"{{"version":{deep}}}"#),
        format!(r#"{{"httpMethod":"POST","path":"/webhooks/duffel","requestContext":{deep}}}"#),
    ])
    .await;
}

/// No gateway sends them, and Lambda itself accepts JSON only.
#[tokio::test]
async fn payloads_that_are_not_json_are_refused() {
    let event = Delivery::new(ORDER_CREATED).event().into_bytes();
    let cut = event[..event.len() - 1].to_vec();
    let not_utf8 = [&cut, &b",\"x\":\"\xff\"}"[..]].concat();
    let nul = [&cut, &b"\0}"[..]].concat();
    let lone_surrogate = String::from_utf8(event).unwrap().replacen(r#""body":""#, r#""body":"\ud800"#, 1);
    refuses_all(vec![
        b"".to_vec(),
        b"\xff".to_vec(),
        b"{".to_vec(),
        cut,
        not_utf8,
        nul,
        lone_surrogate.into(),
    ])
    .await;
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let mut payloads = Vec::new();
    for gateway in [Gateway::HttpApi, Gateway::RestApi, Gateway::FunctionUrl] {
        let path = if gateway == Gateway::RestApi { "path" } else { "rawPath" };
        for name in ["headers", "body", path] {
            if gateway != Gateway::RestApi || name != "headers" {
                payloads.push(without(gateway, name));
            }
        }
        for no_path in
            ["", "webhooks/duffel", "/web hooks", "/webhooks/\u{0}", "/webhooks/%", "//", "/\u{e9}\\", "*"]
        {
            payloads.push(changed(gateway, |event| event[path] = no_path.into()));
        }
        payloads.push(changed(gateway, |event| event[path] = format!("/{}", "a".repeat(100_000)).into()));
        payloads.push(changed(gateway, |event| {
            event["isBase64Encoded"] = true.into();
            event["body"] = "%%%".into();
        }));
        payloads.push(changed(gateway, |event| event["body"] = Value::Null));
        payloads.push(changed(gateway, |event| event["body"] = json!({"id": "wev_1"})));
    }
    for gateway in [Gateway::HttpApi, Gateway::FunctionUrl] {
        payloads.push(changed(gateway, |event| event["version"] = "3.0".into()));
        payloads.push(without(gateway, "requestContext"));
        payloads.push(changed(gateway, |event| event["requestContext"] = json!({})));
        for method in ["", "PO ST", "\n", "post"] {
            payloads
                .push(changed(gateway, |event| event["requestContext"]["http"]["method"] = method.into()));
        }
        for value in
            [json!(5), json!(null), json!(["a", "b"]), json!("t=1\r\nv1=2"), json!("\u{e9}"), json!("\u{0}")]
        {
            payloads.push(changed(gateway, |event| event["headers"]["x-duffel-signature"] = value));
        }
    }
    refuses_all(payloads).await;
}

/// Even if the text itself was signed: only one of the two interpretations of a body is tried.
#[tokio::test]
async fn signed_body_that_is_not_valid_base64_is_refused() {
    let gateways = [Gateway::HttpApi, Gateway::RestApi, Gateway::FunctionUrl];
    refuses_all(
        gateways.map(|gateway| changed(gateway, |event| event["isBase64Encoded"] = true.into())).into(),
    )
    .await;
}

#[tokio::test]
async fn large_unsigned_requests_are_refused() {
    let huge = Delivery::new("x".repeat(5 * 1024 * 1024));
    let mut many_headers = Delivery::new(ORDER_CREATED).unsigned();
    for number in 0..10_000 {
        many_headers = many_headers.header(&format!("x-{number}"), "1");
    }
    let mut huge_headers = Delivery::new(ORDER_CREATED).unsigned();
    for number in 0..16 {
        huge_headers = huge_headers.header(&format!("x-{number}"), &"x".repeat(64 * 1024));
    }
    // A map of headers has room for 32,768.
    let mut too_many_headers = Delivery::new(ORDER_CREATED);
    for number in 0..40_000 {
        too_many_headers = too_many_headers.header(&format!("x-{number}"), "1");
    }
    let deep = Delivery::new(event("order.created", "wev_1", "ord_1").replace("{}", &nested(DEEP)));
    let signature = |text: String| Delivery::new(ORDER_CREATED).signature(&text);
    let payloads = [
        huge.clone().unsigned(),
        huge.clone().unsigned().through(Gateway::RestApi, true),
        huge.signature("t=1,v1=00"),
        many_headers,
        huge_headers.clone(),
        huge_headers.through(Gateway::RestApi, false),
        too_many_headers.clone(),
        too_many_headers.through(Gateway::RestApi, false),
        deep.unsigned(),
        signature("v1=00,".repeat(100_000)),
        signature(format!("t={}", "9".repeat(1_000_000))),
    ];
    refuses_all(payloads.iter().map(Delivery::event).collect()).await;
}

#[tokio::test]
async fn signed_bodies_of_any_depth_are_forwarded() {
    let env = Env::new().await;
    let body = event("order.created", "wev_1", "ord_1").replace("{}", &nested(DEEP));
    assert_eq!(env.deliver(&Delivery::new(body.as_str())).await, test_receiver::answer(202, "accepted"));
    assert_eq!(env.message().await.body(), Some(body.as_str()));
    for body in [nested(DEEP), format!(r#"{{"type":{0},"id":{0}}}"#, nested(DEEP)), "[".repeat(DEEP)] {
        assert_eq!(env.deliver(&Delivery::new(body)).await, test_receiver::answer(400, "malformed"));
    }
}

/// Only the signature counts; other members of an event may be missing, or of any type.
#[tokio::test]
async fn invalid_members_beside_the_request_are_ignored() {
    let env = Env::new().await;
    let deep: Value = serde_json::from_str(&nested(100)).unwrap();
    for (number, value) in [json!(null), json!(5), json!("x"), deep].into_iter().enumerate() {
        for gateway in [Gateway::HttpApi, Gateway::RestApi, Gateway::FunctionUrl] {
            let body = event("order.created", "wev_1", &format!("ord_{number}_{gateway:?}"));
            let delivery = Delivery::new(body).through(gateway, false);
            let mut event: Value = serde_json::from_str(&delivery.event()).unwrap();
            for name in [
                "cookies",
                "pathParameters",
                "queryStringParameters",
                "stageVariables",
                "resource",
                "routeKey",
            ] {
                event[name] = value.clone();
            }
            for name in ["accept", "no header name", "x-\u{e9}"] {
                event["headers"][name] = value.clone();
            }
            for name in ["timeEpoch", "authorizer", "identity"] {
                event["requestContext"][name] = value.clone();
            }
            let answer = answer(env.function.invoke(event.to_string()).await);
            assert_eq!((answer.status, answer.word.as_str()), (202, "accepted"), "{gateway:?} with {value}");
        }
    }
}

#[tokio::test]
async fn signed_bodies_of_any_content_have_an_answer_of_the_contract() {
    const MARK: &str = "\"~\"";
    let in_data = |key: &str| event("order.created", "wev_1", key).replace("{}", r#"{"x":"~"}"#);
    let env = Env::new().await;
    let mut sent = Vec::new();
    for (number, content) in [
        &b"\"\xff\xfe\xc0\x80\""[..],
        br#""\u0000""#,
        "\"\u{ffff}\"".as_bytes(),
        "\"\u{fffd}\"".as_bytes(),
        br#""\ud800 \udc00\ud800""#,
        br#"{"a":1,"a":2}"#,
        b"1e999",
        b"-123456789012345678901234567890e400",
    ]
    .into_iter()
    .enumerate()
    {
        let text = in_data(&format!("ord_{number}"));
        let (before, after) = text.split_once(MARK).unwrap();
        let body = [before.as_bytes(), content, after.as_bytes()].concat();
        assert_eq!(
            env.deliver(&Delivery::new(body.clone())).await,
            test_receiver::answer(202, "accepted"),
            "{text}"
        );
        sent.push(body);
    }
    let mut received: Vec<_> = env.backend.messages().await.iter().map(signed_bytes).collect();
    received.sort();
    sent.sort();
    assert_eq!(received, sent);

    for body in [
        r#"{"type":"\ud800","id":"wev_1"}"#,
        r#"{"type":"order.created","id":1e999}"#,
        r#"{"type":"order.created","id":"wev_1","type":"order.created"}"#,
        r#"{"type":"order.created","id":"wev_1","\u0069d":"wev_1"}"#,
        "{\"type\":\"order.created\",\"id\":\"wev_1\"}\u{feff}",
        "{\"type\":\"order.created\",\"id\":\"wev_1\0\"}",
        "\0",
        "\u{fffd}",
    ] {
        assert_eq!(
            env.deliver(&Delivery::new(body)).await,
            test_receiver::answer(400, "malformed"),
            "{body:?}"
        );
    }
    // The largest payload of an invocation: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
    let large =
        event("order.created", "wev_1", "ord_large").replace("{}", &format!("\"{}\"", "x".repeat(5_900_000)));
    assert_eq!(env.deliver(&Delivery::new(large)).await, test_receiver::answer(413, "too_large"));
}

pub(super) fn signed_bytes(message: &aws_sdk_sqs::types::Message) -> Vec<u8> {
    let body = message.body().unwrap();
    match message.message_attributes().and_then(|attributes| attributes.get("encoding")) {
        Some(_) => STANDARD.decode(body).unwrap(),
        None => body.into(),
    }
}

#[tokio::test]
async fn the_log_says_why_an_event_cannot_be_read_and_nothing_of_its_content() {
    const MARKER: &str = "Marguerite-Yourcenar";
    let mut env = Env::new().await;
    let marked = |change: fn(&mut Value)| changed(Gateway::HttpApi, change);
    for payload in [
        marked(|event| event["rawPath"] = json!({ MARKER: MARKER })),
        marked(|event| event["rawPath"] = format!("/{MARKER} ").into()),
        marked(|event| event["requestContext"] = MARKER.into()),
        marked(|event| event["requestContext"]["http"]["method"] = format!("{MARKER} ").into()),
        marked(|event| event["headers"] = MARKER.into()),
        marked(|event| event["body"] = json!([MARKER])),
        marked(|event| event["isBase64Encoded"] = MARKER.into()),
        marked(|event| {
            event["isBase64Encoded"] = true.into();
            event["body"] = MARKER.into();
        }),
        json!({"Records": [{"body": MARKER}]}).to_string(),
        format!(r#""{MARKER}""#),
    ] {
        let refusal = answer(env.function.invoke(payload).await);
        assert!([401, 404].contains(&refusal.status));
    }
    let lines = env.function.lines();
    assert!(!lines.concat().contains(MARKER), "{lines:#?}");
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answers: Vec<_> = lines.iter().filter(|line| line.get("status").is_some()).collect();
    assert_eq!(answers.len(), 10);
    for line in answers {
        assert_eq!(line["level"], "WARN", "{line}");
        let cause = line["cause"].as_str().unwrap();
        assert!(["unreadable_event", "body"].contains(&cause), "{line}");
    }
}
