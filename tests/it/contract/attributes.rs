//! The attributes of messages: those that the pipeline makes are those of the schema and of the page.

use std::{collections::BTreeSet, fs};

use duffel_webhook_receiver::{
    config::sources,
    consume::{
        kit::{Kit, Message},
        received::{Parts as ReceivedParts, Received},
    },
    signature::scheme::Scheme,
};
use fastrand::Rng;
use serde_json::{Value, json};

use super::{Parts, errors, generator, schemas};
use crate::support::test_receiver::{TestReceiver, event, noon, signed};

/// With a character that SQS refuses, so that the body is encoded, and with every value that a scheme reads.
const ENCODED: &str = "{\"id\":\"1\",\"type\":\"t\",\"idempotency_key\":\"k\",\"live_mode\":true,\"livemode\":true,\"x\":\"\u{ffff}\"}";

const UNSIGNED: [(&str, &str); 5] = [
    ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    ("x-github-event", "push"),
    ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
    ("x-shopify-topic", "orders/create"),
    ("x-shopify-shop-domain", "anna.myshopify.com"),
];

fn messages_of_the_schemes() -> Vec<Message> {
    let timed = r#"{"scheme":"hmac-sha256","timestamp_header":"X-Timestamp"}"#;
    let schemes = Scheme::NAMES.map(|name| Scheme::named(name).unwrap());
    let schemes = schemes.into_iter().chain([sources::read_scheme(timed).unwrap()]);
    schemes
        .flat_map(|scheme| {
            let secret = if scheme.name == "standard-webhooks" { "whsec_aGk=" } else { "secret" };
            let mut kit = Kit::new(scheme.name, scheme, secret, noon()).unwrap();
            let full = kit.message_with(ENCODED, &UNSIGNED).unwrap();
            let bare = kit.message(r#"{"id":"1","type":"t"}"#).unwrap();
            [full, bare]
        })
        .collect()
}

/// Messages of the endpoint: the sample bodies, and bodies that are unusual but valid.
fn messages_of_the_endpoint() -> Vec<Value> {
    let samples = fs::read_dir("events/bodies").unwrap();
    let samples = samples.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let unusual = [
        event("order.created", "wev_1", &"x".repeat(200)),
        event("order.created", "wev_1", "with blanks and é").replace("{}", r#"{"id":"ord_1"}"#),
        event("not a type\u{fffe}", "wev_\\u0001", "\u{1f600}"),
        r#"{"id":"wev_1","type":"t"}"#.to_owned(),
        r#"{"type":"t","idempotency_key":"k","data":null}"#.to_owned(),
        r#" {"type":"t","id":"1","live_mode":false,"more":[1,{"x":null}]}"#.to_owned(),
    ];
    let unusual =
        unusual.into_iter().map(|body| body.replace(r#""object":{}"#, r#""object":{"id":"ord_1"}"#));
    samples
        .chain(unusual)
        .map(|body| {
            let receiver = TestReceiver::new();
            let mut request = signed(body.trim_end(), noon());
            let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
            request.headers_mut().insert("x-amzn-trace-id", trace.parse().unwrap());
            assert_eq!(receiver.send(request, noon()).0, 202, "{body}");
            receiver.queued().pop().unwrap()
        })
        .collect()
}

fn messages() -> Vec<Parts> {
    let kit = messages_of_the_schemes();
    let forms = kit.iter().flat_map(|message| [message.record(), message.polled()]);
    forms.chain(messages_of_the_endpoint()).map(|message| Parts::of(&message)).collect()
}

fn names(attributes: &Value) -> BTreeSet<String> {
    attributes.as_object().unwrap().keys().cloned().collect()
}

fn names_of_the_schema() -> BTreeSet<String> {
    names(&schemas()["attributes.json"]["properties"])
}

#[test]
fn every_message_of_the_pipeline_is_valid() {
    let documents: Vec<_> = messages().iter().flat_map(Parts::documents).collect();
    for (error, (schema, document)) in errors(documents.clone()).iter().zip(&documents) {
        assert_eq!(*error, None, "{schema}: {document}");
    }
    let seen: BTreeSet<_> = documents.iter().map(|(schema, _)| *schema).collect();
    for schema in ["attributes.json", "system-attributes.json", "envelope.json", "order.created.json"] {
        assert!(seen.contains(schema), "no message was compared with {schema}");
    }
}

#[test]
fn the_attributes_of_the_schema_are_those_that_the_pipeline_makes() {
    let messages = messages();
    let made: BTreeSet<_> = messages.iter().flat_map(|message| names(&message.attributes)).collect();
    assert_eq!(made, names_of_the_schema());
    // An attribute is required if every message has it.
    let required: BTreeSet<_> =
        messages.iter().map(|message| names(&message.attributes)).reduce(|a, b| &a & &b).unwrap();
    let schema = &schemas()["attributes.json"];
    let stated = schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    assert_eq!(required, stated.collect());
    // The tenth is kept free.
    let most = messages.iter().map(|message| names(&message.attributes).len()).max();
    assert_eq!((most, &schema["maxProperties"]), (Some(9), &json!(10)));
    let system = messages.iter().flat_map(|message| names(&message.system)).collect::<BTreeSet<_>>();
    assert!(names(&schemas()["system-attributes.json"]["properties"]).is_subset(&system), "{system:?}");
}

#[test]
fn the_attributes_of_the_page_are_those_of_the_schema() {
    let page = fs::read_to_string("docs/consuming.md").unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| attribute `"));
    let rows: Vec<_> = rows.map(|row| row.split('`').next().unwrap().to_owned()).collect();
    assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), names_of_the_schema());
    assert_eq!(rows.len(), names_of_the_schema().len(), "an attribute has two rows");
}

#[test]
fn a_message_with_a_wrong_attribute_is_not_valid() {
    let message = Parts::of(&Kit::duffel(noon()).event("order.created", "ord_1").unwrap().polled());
    let wrong = [
        ("identity", "530BB35CEF3D09EAE07AA43F3DDAC393BC9FC0BA94F8C7172FC061EA0E7FAC3E"),
        ("identity", "530bb35cef3d09eae07aa43f3ddac393"),
        ("source", "Duffel"),
        ("source", ""),
        ("event_type", ""),
        ("live_mode", "True"),
        ("received_at", "2026-11-25T21:17:38Z"),
        ("received_at", "2026-13-25T21:17:38.372Z"),
        ("received_at", "1795641458"),
        ("signature", ""),
        ("signature_timestamp", "2026-11-25T21:17:38.372Z"),
        ("encoding", "gzip"),
    ];
    let mut cases: Vec<_> = wrong
        .iter()
        .map(|(name, value)| {
            let mut attributes = message.attributes.clone();
            attributes[name] = json!(value);
            ("attributes.json", attributes)
        })
        .collect();
    for name in ["identity", "received_at", "signature", "source"] {
        let mut attributes = message.attributes.clone();
        attributes.as_object_mut().unwrap().remove(name).unwrap();
        cases.push(("attributes.json", attributes));
    }
    let mut eleven = message.attributes.clone();
    for number in names(&message.attributes).len()..11 {
        eleven[number.to_string()] = json!("x");
    }
    cases.push(("attributes.json", eleven));
    for (name, value) in [
        ("MessageGroupId", "duffel/"),
        ("MessageGroupId", "duffel/a b"),
        ("MessageGroupId", &format!("duffel/{}", "x".repeat(122))),
        ("MessageDeduplicationId", "wev_1"),
        ("AWSTraceHeader", "Sampled=1"),
    ] {
        let mut system = message.system.clone();
        system[name] = json!(value);
        cases.push(("system-attributes.json", system));
    }
    for (error, case) in errors(cases.clone()).iter().zip(&cases) {
        assert_ne!(*error, None, "{case:?}");
    }
}

#[test]
fn a_consumer_reads_random_attributes_of_the_schema() {
    let mut random = Rng::with_seed(11);
    let documents: Vec<_> =
        (0..200).map(|_| ("attributes.json", generator::document("attributes.json", &mut random))).collect();
    for (error, (_, attributes)) in errors(documents.clone()).iter().zip(&documents) {
        assert_eq!(*error, None, "the generator made {attributes}");
        let get = |name: &str| attributes[name].as_str();
        let body = if get("encoding").is_some() { "e30=" } else { "{}" };
        let received = Received::new(ReceivedParts {
            message_id: Some("1".to_owned()),
            body: Some(body.to_owned()),
            attributes: serde_json::from_value(attributes.clone()).unwrap(),
            ..ReceivedParts::default()
        });
        let received = received.unwrap_or_else(|error| panic!("{error}: {attributes}"));
        assert_eq!(received.body(), b"{}");
        assert_eq!(Some(received.identity()), get("identity"));
        assert_eq!(Some(received.source()), get("source"));
        assert_eq!(received.kind(), get("event_type"));
        assert_eq!(received.event_id(), get("event_id"));
        assert_eq!(received.idempotency_key(), get("idempotency_key"));
        assert_eq!(received.live_mode(), get("live_mode").map(|mode| mode == "true"));
        assert_eq!(received.shop(), get("shop"));
        let time = received.received_at().map(|time| humantime::format_rfc3339_millis(time).to_string());
        assert_eq!(time.as_deref(), get("received_at"));
    }
    let encoded = documents.iter().filter(|(_, attributes)| attributes.get("encoding").is_some());
    assert!(encoded.count() > 50);
}
