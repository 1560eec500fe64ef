//! `contract/asyncapi.yaml`: valid by the schema of its specification, and equal to code and template.

use std::{collections::BTreeSet, fs, path::Path};

use duffel_webhook_receiver::consume::event::Payload;
use serde_json::Value;

use super::{README, SCHEMAS, types_with_a_schema, validate};
use crate::support::{cloudformation::Template, setup};

const SPECIFICATION: &str = "@asyncapi/specs@6.11.1";

fn document() -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string("contract/asyncapi.yaml").unwrap()).unwrap()
}

/// All references of a document.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(reference) if name == "$ref" => vec![reference],
                _ => references(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_document_is_valid_by_the_schema_of_asyncapi() {
    let folder = setup::node("contract", &[SPECIFICATION]);
    let schema = folder.join("node_modules/@asyncapi/specs/schemas/3.0.0.json");
    let document = document();
    let mut wrong = [document.clone(), document.clone(), document.clone()];
    wrong[0]["channels"]["eventQueue"]["bindings"]["sqs"]["queue"]["fifoQueue"] = "yes".into();
    wrong[1]["components"]["messages"]["order.created"]["nome"] = "order.created".into();
    wrong[2]["operations"]["sendEvent"]["action"] = "publish".into();
    let errors = validate(&[SCHEMAS, schema.to_str().unwrap()], [&document].into_iter().chain(&wrong));
    assert_eq!(errors[0], None);
    assert!(errors[1..].iter().all(Option::is_some), "{errors:?}");
}

#[test]
fn every_reference_leads_to_a_schema_or_a_part_of_the_document() {
    let document = document();
    let references = references(&document);
    assert!(references.len() > 50);
    for reference in references {
        let exists = match reference.strip_prefix('#') {
            Some(pointer) => document.pointer(pointer).is_some(),
            None => Path::new("contract").join(reference).exists(),
        };
        assert!(exists, "{reference}");
    }
}

#[test]
fn the_messages_are_the_types_of_the_code_with_their_schemas() {
    let document = document();
    let messages = document["components"]["messages"].as_object().unwrap();
    let kinds: BTreeSet<_> = messages.keys().map(String::as_str).collect();
    assert_eq!(kinds, Payload::KINDS.into_iter().chain(["duffel.other", "other"]).collect());
    let known = types_with_a_schema();
    for kind in Payload::KINDS {
        let has_schema = known.iter().any(|known| known == kind);
        let schema = format!("schemas/{}.json", if has_schema { kind } else { "envelope" });
        let message = &messages[kind];
        assert_eq!(message["payload"]["schema"]["$ref"], schema);
        assert_eq!(message["name"], kind);
        let traits = references(&message["traits"]);
        assert_eq!(traits.contains(&"#/components/messageTraits/undocumented"), !has_schema, "{kind}");
        assert_eq!(traits[..2], ["#/components/messageTraits/message", "#/components/messageTraits/duffel"]);
    }
    for (name, channel) in document["channels"].as_object().unwrap() {
        let of_channel = channel["messages"].as_object().unwrap();
        assert_eq!(of_channel.keys().map(String::as_str).collect::<BTreeSet<_>>(), kinds, "{name}");
        for (name, message) in of_channel {
            assert_eq!(message["$ref"], format!("#/components/messages/{name}"));
        }
    }
}

#[test]
fn the_queues_are_those_of_the_template() {
    let (document, template) = (document(), Template::read());
    for (channel, resource) in [("eventQueue", "EventQueue"), ("deadLetterQueue", "DeadLetterQueue")] {
        let queue = &document["channels"][channel]["bindings"]["sqs"]["queue"];
        assert_eq!(queue["name"], resource);
        for (ours, theirs) in [
            ("fifoQueue", "FifoQueue"),
            ("deduplicationScope", "DeduplicationScope"),
            ("fifoThroughputLimit", "FifoThroughputLimit"),
            ("messageRetentionPeriod", "MessageRetentionPeriod"),
        ] {
            let expected = template.resolve(template.property(resource, theirs)).unwrap();
            assert_eq!(queue[ours], expected, "{resource}: {ours}");
        }
    }
    let redrive = &document["channels"]["eventQueue"]["bindings"]["sqs"]["queue"]["redrivePolicy"];
    let expected = template.resolve(template.property("EventQueue", "RedrivePolicy")).unwrap();
    assert_eq!(redrive["maxReceiveCount"].to_string(), text(&expected["maxReceiveCount"]));
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn the_version_is_that_of_the_schemas_and_the_readme() {
    let document = document();
    let version = document["info"]["version"].as_str().unwrap();
    let (major, _) = version.split_once('.').unwrap();
    for schema in super::schemas().values() {
        assert!(schema["$id"].as_str().unwrap().contains(&format!("/contract/{major}/")));
    }
    assert!(fs::read_to_string(README).unwrap().contains(&format!("Version {version}")));
}
