//! The events of Duffel: the types and payloads of the schemas are those of `consume`, and of the receiver.

use std::fs;

use duffel_webhook_receiver::consume::{
    Event,
    event::{DuffelEvent, Misfit, Payload},
    kit::Kit,
};
use fastrand::Rng;
use serde_json::{Value, json};

use super::{README, errors, generator, schemas, types_with_a_schema};
use crate::support::test_receiver::noon;

/// The first error of a payload.
fn misfit(payload: &Payload) -> Option<Misfit> {
    match payload {
        Payload::PaymentPending(payment)
        | Payload::PaymentSucceeded(payment)
        | Payload::PaymentFailed(payment)
        | Payload::PaymentCancelled(payment) => payment.as_ref().err().copied(),
        Payload::OrderCreated(order) => order.as_ref().err().copied(),
        Payload::AirlineInitiatedChangeDetected(change) => change.as_ref().err().copied(),
        Payload::OrderCancellationCreated(cancellation)
        | Payload::OrderCancellationConfirmed(cancellation) => cancellation.as_ref().err().copied(),
        _ => None,
    }
}

/// The event as a consumer gets it after the whole pipeline.
fn received(body: &str) -> DuffelEvent {
    let message = Kit::duffel(noon()).message(body.to_owned());
    let message = message.unwrap_or_else(|error| panic!("the receiver refuses {body}: {error}"));
    match message.received().unwrap().event() {
        Event::Duffel(event) => event,
        _ => panic!("not an event of Duffel: {body}"),
    }
}

/// Compares an event with the document that it was read from.
fn assert_is_read(event: &DuffelEvent, document: &Value) {
    assert_eq!(misfit(&event.payload), None, "{document}");
    let texts = [
        ("id", &event.id),
        ("idempotency_key", &event.idempotency_key),
        ("api_version", &event.api_version),
        ("created_at", &event.created_at),
        ("identity_organisation_id", &event.identity_organisation_id),
    ];
    for (name, text) in texts {
        assert_eq!(text.as_deref(), document[name].as_str(), "{name} of {document}");
    }
    assert_eq!(Some(event.kind.as_str()), document["type"].as_str());
    assert_eq!(event.live_mode, document["live_mode"].as_bool(), "{document}");
}

#[test]
fn the_table_of_the_readme_has_every_type_and_its_schema() {
    let readme = fs::read_to_string(README).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Types of Duffel")).unwrap();
    let mut rows: Vec<_> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).collect();
    rows.sort_unstable();
    let kinds: Vec<_> = rows.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, Payload::KINDS);
    let with_schema = rows.iter().filter(|(kind, row)| {
        let has_link = row.starts_with(&format!("[schema](schemas/{kind}.json)"));
        assert!(has_link || row.starts_with("none: "), "{kind}: {row}");
        has_link
    });
    assert_eq!(with_schema.map(|(kind, _)| *kind).collect::<Vec<_>>(), types_with_a_schema());
}

#[test]
fn every_schema_has_an_id_a_source_and_an_example() {
    for (name, schema) in schemas() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        let id = format!("https://duffel-webhook-receiver.invalid/contract/1/{name}");
        assert_eq!(schema["$id"], id);
    }
    for kind in types_with_a_schema() {
        let schema = &schemas()[&format!("{kind}.json")];
        assert_eq!(schema["properties"]["type"], json!({ "const": kind }));
        assert!(schema["$comment"].as_str().unwrap().contains("https://duffel.com/docs/"), "{kind}");
        let example = &schema["examples"][0];
        let event = received(&example.to_string());
        assert_is_read(&event, example);
        assert_ne!(event.payload, Payload::Other);
    }
}

#[test]
fn events_of_the_test_kit_are_valid() {
    let known = types_with_a_schema();
    let documents: Vec<_> = Payload::KINDS
        .iter()
        .map(|kind| {
            let message = Kit::duffel(noon()).event(kind, "ord_1").unwrap().received().unwrap();
            let has_schema = known.iter().any(|known| known == kind);
            let schema = if has_schema { format!("{kind}.json") } else { "envelope.json".to_owned() };
            (schema, serde_json::from_slice::<Value>(message.body()).unwrap())
        })
        .collect();
    let examples = known.iter().map(|kind| {
        let schema = format!("{kind}.json");
        let example = schemas()[&schema]["examples"][0].clone();
        (schema, example)
    });
    let documents: Vec<_> = documents.into_iter().chain(examples).collect();
    let errors = errors(documents.iter().map(|(schema, event)| (schema.as_str(), event.clone())));
    for (error, document) in errors.iter().zip(&documents) {
        assert_eq!(*error, None, "{document:?}");
    }
}

#[test]
fn an_event_without_a_required_member_is_not_valid_and_a_misfit() {
    let cases = [
        ("order.created", r#"{"offer_id":"off_1"}"#),
        ("order.created", r#"{"id":""}"#),
        ("order.airline_initiated_change_detected", r#"{"aic_id":"aic_1"}"#),
        ("air.payment.failed", r#"{"id":"pay_1"}"#),
        ("order_cancellation.created", r#"{"id":"ore_1"}"#),
        ("order_cancellation.confirmed", r#"{"order_id":"ord_1"}"#),
    ];
    let documents = cases.map(|(kind, object)| {
        let object: Value = serde_json::from_str(object).unwrap();
        let document = json!({ "id": "wev_1", "type": kind, "data": { "object": object } });
        assert_ne!(misfit(&received(&document.to_string()).payload), None, "{document}");
        document
    });
    let names = cases.map(|(kind, _)| format!("{kind}.json"));
    let errors = errors(names.iter().map(String::as_str).zip(documents.clone()));
    for (error, document) in errors.iter().zip(&documents) {
        assert_ne!(*error, None, "{document}");
    }
}

/// The least that each type needs, so that no schema requires more than the code.
#[test]
fn an_event_with_the_required_members_only_is_valid_and_typed() {
    let cases = types_with_a_schema().into_iter().flat_map(|kind| {
        let objects: &[Value] = match kind.as_str() {
            "order.created" => &[json!({ "id": "ord_1" }), json!({ "order_id": "ord_1" })],
            "order.airline_initiated_change_detected" => &[json!({ "id": "ord_1" })],
            "order_cancellation.created" | "order_cancellation.confirmed" => {
                &[json!({ "id": "ore_1", "order_id": "ord_1" })]
            }
            kind if kind.starts_with("air.payment.") => &[json!({ "payment_id": "pay_1" })],
            _ => &[json!({}), Value::Null],
        };
        let event = |object| json!({ "idempotency_key": "1", "type": kind, "data": { "object": object } });
        objects.iter().map(|object| (format!("{kind}.json"), event(object))).collect::<Vec<_>>()
    });
    let cases: Vec<_> = cases.collect();
    let errors = errors(cases.iter().map(|(schema, event)| (schema.as_str(), event.clone())));
    for (error, (_, event)) in errors.iter().zip(&cases) {
        assert_eq!(*error, None, "{event}");
        assert_is_read(&received(&event.to_string()), event);
    }
}

#[test]
fn an_event_that_the_receiver_refuses_is_not_valid() {
    let refused =
        [json!([]), json!({}), json!({ "id": "1" }), json!({ "type": "t" }), json!({ "type": 1, "id": "1" })];
    for (error, document) in
        errors(refused.clone().map(|document| ("envelope.json", document))).iter().zip(&refused)
    {
        assert_ne!(*error, None, "{document}");
        assert!(Kit::duffel(noon()).message(document.to_string()).is_err(), "{document}");
    }
}

/// With members that no schema lists, at every level.
#[test]
fn random_documents_of_every_schema_pass_the_receiver_and_are_typed_events() {
    let mut random = Rng::with_seed(11);
    let names = types_with_a_schema().into_iter().chain(["envelope".to_owned()]);
    let names = names.map(|name| format!("{name}.json")).flat_map(|name| std::iter::repeat_n(name, 100));
    let documents: Vec<_> = names.map(|name| (generator::document(&name, &mut random), name)).collect();
    let errors = errors(documents.iter().map(|(document, name)| (name.as_str(), document.clone())));
    let mut extra = 0;
    for (error, (document, name)) in errors.iter().zip(&documents) {
        assert_eq!(*error, None, "the generator made {document} of {name}");
        let event = received(&document.to_string());
        assert_is_read(&event, document);
        assert!(name == "envelope.json" || event.payload != Payload::Other, "{document}");
        extra += usize::from(document.as_object().unwrap().keys().any(|key| key.starts_with("new_")));
    }
    assert!(extra * 2 > documents.len(), "{extra} of {} have other members", documents.len());
}
