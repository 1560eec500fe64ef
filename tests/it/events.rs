//! The sample events of `events/`, all of them, in the formats of the gateways.

use std::{collections::BTreeSet, fs};

use duffel_webhook_receiver::gateway::GatewayRequest;
use http::Method;
use serde_json::{Value, json};

use crate::support::test_receiver::{TestReceiver, answer, noon};

/// The result of each sample; all are signed with [`crate::support::test_receiver::SECRET`] at [`noon`].
pub const SAMPLES: [(&str, u16, &str); 10] = [
    ("http-api.order-created.json", 202, "accepted"),
    ("http-api.schedule-change.json", 202, "accepted"),
    ("http-api.unknown-type.json", 202, "accepted"),
    ("http-api.base64.json", 202, "accepted"),
    ("http-api.malformed.json", 400, "malformed"),
    ("http-api.tampered.json", 401, "unauthorized"),
    ("http-api.unsigned.json", 401, "unauthorized"),
    ("rest-api.order-created.json", 202, "accepted"),
    ("rest-api.base64.json", 202, "accepted"),
    ("function-url.ping.json", 202, "accepted"),
];

fn folder(path: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

pub fn sample(name: &str) -> String {
    fs::read_to_string(format!("events/{name}")).unwrap()
}

fn send(payload: &str) -> (u16, String) {
    let GatewayRequest { request, context, .. } = GatewayRequest::read(payload);
    TestReceiver::new().send_in(request, context, noon())
}

#[test]
fn every_sample_has_the_result_of_its_name() {
    let known: BTreeSet<_> = SAMPLES.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(folder("events"), known);
    for (name, status, word) in SAMPLES {
        assert_eq!(send(&sample(name)), answer(status, word), "{name}");
    }
}

#[test]
fn every_sample_body_is_an_event() {
    for name in folder("events/bodies") {
        let receiver = TestReceiver::new();
        let body = fs::read(format!("events/bodies/{name}")).unwrap();
        assert_eq!(receiver.deliver(&body, noon()), answer(202, "accepted"), "{name}");
        assert_eq!(receiver.queued()[0]["Body"].as_str().unwrap().as_bytes(), body);
    }
}

/// The conversion is our own, and must agree with that of `lambda_http` where that succeeds.
#[test]
fn lambda_http_reads_the_same_request_from_every_sample() {
    for (name, ..) in SAMPLES {
        let ours = GatewayRequest::read(&sample(name)).request;
        let theirs = lambda_http::request::from_str(&sample(name)).unwrap();
        assert_eq!(ours.method(), theirs.method());
        // It puts the stage before the path.
        assert!(theirs.uri().path().ends_with(ours.uri().path()));
        assert_eq!(ours.headers(), theirs.headers());
        assert_eq!(&ours.body()[..], &theirs.body()[..], "{name}");
    }
}

#[test]
fn every_gateway_and_stage_leads_to_the_same_endpoint() {
    let mut event: Value = serde_json::from_str(&sample("http-api.order-created.json")).unwrap();
    event["requestContext"]["stage"] = "prod".into();
    assert_eq!(send(&event.to_string()), answer(202, "accepted"));
    event["rawPath"] = "/prod/webhooks/duffel".into();
    assert_eq!(send(&event.to_string()), answer(202, "accepted"));
    event["rawPath"] = "/production/webhooks/duffel".into();
    assert_eq!(send(&event.to_string()), answer(404, "not_found"));
    event["requestContext"]["stage"] = "webhooks".into();
    event["rawPath"] = "/webhooks/webhooks/duffel".into();
    assert_eq!(send(&event.to_string()), answer(202, "accepted"));
}

#[test]
fn rest_event_without_multi_value_headers_is_read() {
    let mut event: Value = serde_json::from_str(&sample("rest-api.order-created.json")).unwrap();
    event["multiValueHeaders"] = Value::Null;
    assert_eq!(send(&event.to_string()), answer(202, "accepted"));
    event["headers"] = Value::Null;
    assert_eq!(send(&event.to_string()), answer(401, "unauthorized"));
}

#[test]
fn repeated_header_is_a_list_of_all_its_values() {
    let mut event: Value = serde_json::from_str(&sample("rest-api.order-created.json")).unwrap();
    let signature = event["headers"]["X-Duffel-Signature"].clone();
    event["multiValueHeaders"]["X-Duffel-Signature"] = json!(["t=1,v1=00", signature]);
    assert_eq!(send(&event.to_string()), answer(401, "unauthorized"));
}

#[test]
fn body_that_is_not_valid_base64_is_refused() {
    for name in ["http-api.base64.json", "rest-api.base64.json"] {
        let mut event: Value = serde_json::from_str(&sample(name)).unwrap();
        event["body"] = "%%%".into();
        assert_eq!(send(&event.to_string()), answer(401, "unauthorized"));
        event["body"] = Value::Null;
        assert_eq!(send(&event.to_string()), answer(401, "unauthorized"));
    }
    let mut event: Value = serde_json::from_str(&sample("http-api.base64.json")).unwrap();
    event["isBase64Encoded"] = false.into();
    assert_eq!(send(&event.to_string()), answer(401, "unauthorized"));
}

#[test]
fn payload_that_is_not_an_http_event_is_not_found() {
    let event: Value = serde_json::from_str(&sample("http-api.order-created.json")).unwrap();
    let change = |pointer: &str, value: Value| {
        let mut event = event.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        event.to_string()
    };
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for payload in [
        "null",
        "{}",
        "[]",
        "17",
        r#""text""#,
        r#"{"version":"2.0"}"#,
        r#"{"version":2}"#,
        r#"{"Records":[{"eventSource":"aws:sqs"}]}"#,
        &deep,
        &change("/requestContext", json!(null)),
        &change("/requestContext", json!({})),
        &change("/rawPath", json!("/webhooks/duf fel\u{0}")),
        &change("/rawPath", json!("")),
        &change("/rawPath", json!(null)),
    ] {
        assert_eq!(send(payload), answer(404, "not_found"), "{payload:.80}");
    }
}

#[test]
fn other_methods_are_answered_405() {
    let mut event: Value = serde_json::from_str(&sample("function-url.ping.json")).unwrap();
    event["requestContext"]["http"]["method"] = "GET".into();
    assert_eq!(GatewayRequest::read(&event.to_string()).request.method(), Method::GET);
    assert_eq!(send(&event.to_string()), answer(405, "method_not_allowed"));
}

#[test]
fn members_beside_the_request_may_have_any_type() {
    for (name, pointers) in [
        (
            "http-api.order-created.json",
            [
                "/routeKey",
                "/rawQueryString",
                "/requestContext/timeEpoch",
                "/requestContext/accountId",
                "/requestContext/http/sourceIp",
                "/headers/user-agent",
            ],
        ),
        (
            "rest-api.order-created.json",
            [
                "/resource",
                "/requestContext",
                "/stageVariables",
                "/pathParameters",
                "/headers/Accept",
                "/version",
            ],
        ),
    ] {
        for value in [json!(null), json!("x"), json!(-1.5), json!([[null]]), json!({"x": 1})] {
            let mut event: Value = serde_json::from_str(&sample(name)).unwrap();
            for pointer in pointers {
                let (parent, field) = pointer.rsplit_once('/').unwrap();
                event.pointer_mut(parent).unwrap()[field] = value.clone();
            }
            event["authorizer"] = value.clone();
            assert_eq!(send(&event.to_string()), answer(202, "accepted"), "{name} with {value}");
        }
    }
}

#[test]
fn values_that_no_header_can_hold_are_ignored() {
    for name in ["http-api.order-created.json", "rest-api.order-created.json"] {
        let mut event: Value = serde_json::from_str(&sample(name)).unwrap();
        for lists in ["headers", "multiValueHeaders"] {
            if event.get(lists).is_some() {
                event[lists]["no header name"] = "x".into();
                event[lists]["x-lines"] = json!(["a\r\nb", null, 5]);
            }
        }
        let request = GatewayRequest::read(&event.to_string()).request;
        assert!(!request.headers().contains_key("x-lines"));
        assert_eq!(send(&event.to_string()), answer(202, "accepted"));
    }
}

#[test]
fn event_with_too_many_headers_is_not_found() {
    for (name, lists) in [
        ("http-api.order-created.json", "headers"),
        ("rest-api.order-created.json", "headers"),
        ("rest-api.order-created.json", "multiValueHeaders"),
    ] {
        let mut event: Value = serde_json::from_str(&sample(name)).unwrap();
        for number in 0..40_000 {
            event[lists][format!("x-{number}")] = "1".into();
        }
        assert_eq!(send(&event.to_string()), answer(404, "not_found"));
    }
}
