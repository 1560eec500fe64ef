//! Deliveries that the page asks for.

use std::process::Command;

use serde_json::{Value, json};

use super::{Inspector, signature};
use crate::support::tool::{assert_success, text};

const SOURCES: &str = r#"{
    "duffel":{"scheme":"duffel","secret":["new","old"]},
    "stripe":{"scheme":"stripe","secret":"two"},
    "github":{"scheme":"github","secret":"three"},
    "shopify":{"scheme":"shopify","secret":"four"},
    "standard-webhooks":{"scheme":"standard-webhooks","secret":"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
    "hmac-sha256":{"scheme":"hmac-sha256","secret":"five"},
    "public":{"scheme":"standard-webhooks","secret":"whpk_1B2VsTYoVXvJqFMFkqDfBEGqoqzcq3EWNHHBnAkJbVI="}
}"#;

#[test]
fn a_sample_of_every_type_is_accepted_by_a_source_of_its_scheme() {
    let inspector = Inspector::start(&[("SOURCES", SOURCES)]);
    let samples = inspector.json("/inspector/samples");
    let samples = samples.as_array().unwrap();
    assert!(samples.len() > 20, "{samples:?}");
    for sample in samples {
        let delivery = inspector.send(&json!({ "source": sample["scheme"], "type": sample["type"] }));
        assert_eq!(delivery["status"], 202, "{delivery}");
        assert_eq!(delivery["event_type"], sample["type"], "{delivery}");
        assert_eq!(delivery["sent_by"], "page");
    }
    let rows = inspector.json("/inspector/deliveries?limit=10000");
    assert_eq!(rows["total"], samples.len());
}

#[test]
fn a_delivery_is_sent_again_in_every_form() {
    let inspector = Inspector::start(&[("SOURCES", SOURCES)]);
    for (source, kind, has_time) in [
        ("duffel", "order.created", true),
        ("stripe", "payment_intent.succeeded", true),
        ("github", "push", false),
        ("standard-webhooks", "example.updated", true),
    ] {
        let samples = inspector.json("/inspector/samples");
        let known = |sample: &&Value| sample["scheme"] == source && sample["type"] == kind;
        let first = samples.as_array().unwrap().iter().find(|sample| sample["scheme"] == source).unwrap();
        let sample = samples.as_array().unwrap().iter().find(known).unwrap_or(first);
        let original = inspector.send(&json!({ "source": source, "type": sample["type"] }));
        let again = |form: &str| inspector.send(&json!({ "delivery": original["number"], "as": form }));
        let same = again("same");
        assert_eq!((&original["resend_of"], &same["resend_of"]), (&json!(null), &original["number"]));
        assert_eq!((&same["status"], &same["headers"]), (&json!(200), &original["headers"]), "{source}");
        assert_eq!(same["body"], original["body"]);
        let resigned = again("resigned");
        assert_eq!(
            (&resigned["outcome"], &resigned["body"]),
            (&json!("duplicate"), &original["body"]),
            "{source}"
        );
        let new = again("new");
        assert_eq!(new["outcome"], "accepted", "{source}: {new}");
        let tampered = again("tampered");
        assert_eq!(
            (&tampered["status"], &tampered["headers"]),
            (&json!(401), &original["headers"]),
            "{source}"
        );
        assert_ne!(tampered["body"], original["body"]);
        let other = again("other_secret");
        assert_eq!((&other["status"], &other["body"]), (&json!(401), &original["body"]), "{source}");
        if has_time {
            let stale = again("stale");
            assert_eq!(stale["status"], 401, "{source}");
            assert!(stale["reason"].as_str().unwrap().contains("s old"), "{source}: {}", stale["reason"]);
        } else {
            let (status, answer) = inspector.ask(&json!({ "delivery": original["number"], "as": "stale" }));
            assert_eq!(status, 422);
            assert_eq!(answer["error"], format!("signatures of the scheme {source} have no time"));
        }
    }
}

#[test]
fn a_sample_is_sent_with_a_mistake() {
    let inspector = Inspector::start(&[]);
    for form in ["tampered", "stale", "other_secret"] {
        let sent = inspector.send(&json!({ "source": "duffel", "type": "order.created", "as": form }));
        assert_eq!((&sent["status"], &sent["outcome"]), (&json!(401), &json!("unauthorized")), "{form}");
    }
}

#[test]
fn an_order_that_cannot_be_carried_out_is_refused_with_the_reason() {
    let inspector = Inspector::start(&[("SOURCES", SOURCES)]);
    inspector.deliver("public", &[], "{}");
    for (order, status, reason) in [
        (json!({}), 422, "give a source"),
        (json!([]), 422, "invalid"),
        (json!({ "source": "nobody", "type": "order.created" }), 422, "no source nobody"),
        (json!({ "source": "duffel" }), 422, "give either type or delivery"),
        (
            json!({ "source": "duffel", "type": "nah" }),
            422,
            "no sample of the type nah with the scheme duffel",
        ),
        (json!({ "source": "duffel", "type": "order.created", "as": "same" }), 422, "cannot be sent again"),
        (json!({ "source": "duffel", "type": "order.created", "as": "nah" }), 422, "unknown variant"),
        (json!({ "source": "duffel", "type": "order.created", "to": "x" }), 422, "unknown field"),
        (json!({ "delivery": 7, "as": "same" }), 404, "not kept any more"),
        (json!({ "delivery": 1, "as": "resigned" }), 409, "no secret of public is known here to sign with"),
    ] {
        let (answered, answer) = inspector.ask(&order);
        assert_eq!(answered, status, "{order}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(reason), "{order}: {answer}");
    }
    assert_eq!(inspector.rows().len(), 1);
}

#[test]
fn a_delivery_is_copied_as_a_command_that_works() {
    let inspector = Inspector::start(&[]);
    let mut numbers = vec![inspector.sample("order.created")["number"].clone()];
    // The shell must not change any byte.
    for body in ["{\"id\":\"it's\",\"type\":\"$(x) `y` \\\\n !\"}\n", "\u{0}ÿ"] {
        inspector.deliver("duffel?a=b&c=$(x)", &[("x-other", "it's \"quoted\"")], body);
        numbers.push(inspector.newest()["number"].clone());
    }
    for number in numbers {
        let original = inspector.json(&format!("/inspector/deliveries/{number}"));
        let command = inspector.text(&format!("/inspector/deliveries/{number}/curl"));
        assert!(command.starts_with("# Signed now, with the secret that serve made.\n"), "{command}");
        assert_success(&Command::new("bash").args(["-c", &command]).output().unwrap());
        let again = inspector.newest();
        assert_eq!(again["body"], original["body"], "{command}");
        let kind = |delivery: &Value| {
            let headers = delivery["headers"].as_array().unwrap();
            headers.iter().find(|header| header[0] == "content-type").cloned()
        };
        assert_eq!(kind(&again), kind(&original), "curl adds none of its own");
        // What was not signed is signed now.
        let outcome = again["outcome"].as_str().unwrap();
        assert!(["accepted", "duplicate", "malformed"].contains(&outcome), "{again}");
    }
}

#[test]
fn a_command_has_the_received_signature_unless_serve_made_the_secret() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET", "hush")]);
    let original = inspector.sample("order.created");
    let command = inspector.text("/inspector/deliveries/1/curl");
    assert!(
        command.starts_with("# With the signature that was received, which may be too old.\n"),
        "{command}"
    );
    let signature =
        original["headers"].as_array().unwrap().iter().find(|header| header[0] == "x-duffel-signature");
    assert!(command.contains(signature.unwrap()[1].as_str().unwrap()), "{command}");
}

#[test]
fn a_delivery_is_copied_as_the_event_of_a_gateway() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET", "hush")]);
    let body = "{\"id\":\"é\"}";
    let header = signature("hush", body, &[]);
    inspector.deliver("duffel?x=1", &[("x-duffel-signature", &header), ("cookie", "hush-2")], body);
    let event = inspector.text("/inspector/deliveries/1/gateway-event");
    assert!(!event.contains("hush-2"), "{event}");
    let request = duffel_webhook_receiver::gateway::GatewayRequest::read(&event).request;
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/webhooks/duffel"));
    assert_eq!(request.headers()["x-duffel-signature"].to_str().unwrap(), header);
    assert_eq!(text(request.body()), body);
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(event["rawQueryString"], "x=1");
}
