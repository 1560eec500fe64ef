//! What no gateway and no Duffel sends: answered with a 4xx all the same, by a process that lives on.

use serde_json::{Value, json};

use super::{Delivery, Gateway, Stage, answer};
use crate::helpers::{self, ORDER_CREATED, event};

const DEEP: usize = 10_000;

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// A proper event with one thing changed in it.
fn changed(gateway: Gateway, change: impl FnOnce(&mut Value)) -> String {
    let delivery = Delivery::new(ORDER_CREATED).through(gateway, false);
    let mut event = serde_json::from_str(&delivery.event()).unwrap();
    change(&mut event);
    event.to_string()
}

fn without(gateway: Gateway, name: &str) -> String {
    changed(gateway, |event| drop(event.as_object_mut().unwrap().remove(name)))
}

/// Hands over every payload to one process, which must refuse them all and then still accept a delivery.
async fn refuses_all(payloads: Vec<String>) {
    let stage = Stage::new().await;
    for payload in payloads {
        let start = payload.get(..2_000).unwrap_or(&payload).to_owned();
        let refusal = answer(stage.function.invoke(payload).await);
        assert!([400, 401, 404, 405, 413].contains(&refusal.status), "{} to {start}", refusal.status);
    }
    assert!(stage.proxy.calls().is_empty());
    assert_eq!(stage.deliver(&Delivery::new(ORDER_CREATED)).await, helpers::answer(202, "accepted"));
    assert!(stage.function.errors().is_empty());
}

#[tokio::test]
async fn payloads_that_are_no_request_are_refused() {
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

#[tokio::test]
async fn requests_with_something_amiss_are_refused() {
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
        payloads.push(changed(gateway, |event| event["headers"]["no header name"] = "x".into()));
    }
    refuses_all(payloads).await;
}

/// Though the text as it stands is what was signed: of two readings of a body only one is tried.
#[tokio::test]
async fn a_signed_body_that_is_no_base64_where_the_event_says_so_is_refused() {
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
    let deep = Delivery::new(event("order.created", "wev_1", "ord_1").replace("{}", &nested(DEEP)));
    let signature = |text: String| Delivery::new(ORDER_CREATED).signature(&text);
    let payloads = [
        huge.clone().unsigned(),
        huge.clone().unsigned().through(Gateway::RestApi, true),
        huge.signature("t=1,v1=00"),
        many_headers,
        deep.unsigned(),
        signature("v1=00,".repeat(100_000)),
        signature(format!("t={}", "9".repeat(1_000_000))),
    ];
    refuses_all(payloads.iter().map(Delivery::event).collect()).await;
}

#[tokio::test]
async fn signed_bodies_of_any_depth_are_the_consumer_s_affair() {
    let stage = Stage::new().await;
    let body = event("order.created", "wev_1", "ord_1").replace("{}", &nested(DEEP));
    assert_eq!(stage.deliver(&Delivery::new(body.as_str())).await, helpers::answer(202, "accepted"));
    assert_eq!(stage.message().await.body(), Some(body.as_str()));
    for body in [nested(DEEP), format!(r#"{{"type":{0},"id":{0}}}"#, nested(DEEP)), "[".repeat(DEEP)] {
        assert_eq!(stage.deliver(&Delivery::new(body)).await, helpers::answer(400, "malformed"));
    }
}
