//! The contract in `contract/` agrees with the code, in both directions.
//!
//! The validator is a Python package, because one in Rust would add 43 crates to `Cargo.lock`.
//!
//! `UPDATE_CONTRACT=1 cargo test --test it contract::` writes `contract/fixtures/` again.

mod attributes;
mod document;
mod events;
mod fixtures;
mod generator;
mod snippets;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    process::{Command, Stdio},
    sync::LazyLock,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::support::setup;

const SCHEMAS: &str = "contract/schemas";
const README: &str = "contract/README.md";

/// Schemas that are not those of an event.
const GENERAL: [&str; 3] = ["attributes.json", "envelope.json", "system-attributes.json"];

const PYTHON: [&str; 3] = ["jsonschema==4.26.0", "pytest==9.2.0", "rfc3339-validator==0.1.4"];

/// The schemas by the names of their files.
fn schemas() -> &'static BTreeMap<String, Value> {
    static SCHEMAS_BY_NAME: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
        let files = fs::read_dir(SCHEMAS).unwrap().map(Result::unwrap);
        let read = |path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        files.map(|file| (file.file_name().into_string().unwrap(), read(file.path()))).collect()
    });
    &SCHEMAS_BY_NAME
}

/// The types of Duffel that have a schema.
pub fn types_with_a_schema() -> Vec<String> {
    let names = schemas().keys().filter(|name| !GENERAL.contains(&name.as_str()));
    names.map(|name| name.strip_suffix(".json").unwrap().to_owned()).collect()
}

/// Runs the validator.
fn validate<'a>(arguments: &[&str], documents: impl IntoIterator<Item = &'a Value>) -> Vec<Option<String>> {
    let mut command = Command::new(setup::python("contract", &PYTHON));
    command.arg("tests/contract/validate.py").args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for document in documents {
        // It prints nothing before it has read everything.
        writeln!(stdin, "{document}").unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the validator failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Validates documents, each against the schema of this file; the first error of each, or `None`.
pub fn errors<'a>(documents: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<Option<String>> {
    let pairs: Vec<_> = documents.into_iter().map(|pair| json!(pair)).collect();
    let errors = validate(&[SCHEMAS], &pairs);
    assert_eq!(errors.len(), pairs.len());
    errors
}

/// A message as the contract describes it.
struct Parts {
    attributes: Value,
    system: Value,
    /// The decoded body.
    body: Vec<u8>,
}

impl Parts {
    /// Reads a record of Lambda or a polled message, in which every attribute has the type `String`.
    fn of(message: &Value) -> Self {
        let is_record = message.get("messageId").is_some();
        let name = |lambda, poll| if is_record { lambda } else { poll };
        let attributes = message[name("messageAttributes", "MessageAttributes")].as_object().unwrap();
        let attributes: Map<_, _> = attributes
            .iter()
            .map(|(key, value)| {
                assert_eq!(value[name("dataType", "DataType")], "String", "{key}");
                (key.clone(), value[name("stringValue", "StringValue")].clone())
            })
            .collect();
        let body = message[name("body", "Body")].as_str().unwrap();
        let is_encoded = attributes.contains_key("encoding");
        let body = if is_encoded { STANDARD.decode(body).unwrap() } else { body.into() };
        let system = message[name("attributes", "Attributes")].clone();
        Self { attributes: attributes.into(), system, body }
    }

    /// The schemas that the message must have, and the parts that they describe.
    fn documents(&self) -> Vec<(&'static str, Value)> {
        let mut documents = vec![
            ("attributes.json", self.attributes.clone()),
            ("system-attributes.json", self.system.clone()),
        ];
        if self.attributes["source"] == "duffel" {
            let event: Value = serde_json::from_slice(&self.body).unwrap();
            let schema = format!("{}.json", event["type"].as_str().unwrap());
            let known = types_with_a_schema().contains(&schema.replace(".json", ""));
            documents.push((if known { schema.leak() } else { "envelope.json" }, event));
        }
        documents
    }
}
