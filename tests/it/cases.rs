//! Cases from public bug reports of other webhook receivers: each file of `tests/cases/` has the environment, the gateway
//! events, and the right answers of one case.
//!
//! `env` has the variables beside queue and table (`null`: not set). Each of `right` has a `status` and may have
//! `attributes` of the message, where `*` is an attribute of any name. Where `or` is `reported at start`, a line of the
//! log that names the variable before the first delivery is right as well.

use std::{collections::BTreeMap, fs, path::Path};

use aws_sdk_sqs::types::Message;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    function::answer,
    support::{ministack::Backend, runtime_api::Function, test_receiver::SECRET},
};

const FOLDER: &str = "tests/cases";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The report that it comes from.
    source: String,
    env: BTreeMap<String, Option<String>>,
    events: Vec<Value>,
    right: Vec<Right>,
    or: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Right {
    status: u16,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let case: Self = serde_json::from_str(&fs::read_to_string(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!case.source.is_empty() && !case.events.is_empty(), "{}", path.display());
        assert_eq!(case.events.len(), case.right.len(), "{}", path.display());
        assert!(case.or.as_deref().is_none_or(|or| or == "reported at start"), "{}", path.display());
        case
    }

    /// Delivers the events to a new process and returns what was not right.
    async fn play(&self) -> Result<(), String> {
        let backend = Backend::new().await;
        let mut variables: BTreeMap<_, _> = backend.variables().into();
        variables.insert("WEBHOOK_SECRET", SECRET);
        for (name, value) in &self.env {
            match value {
                Some(value) => variables.insert(name, value),
                None => variables.remove(name.as_str()),
            };
        }
        let mut function = Function::start(variables).await;
        let mut result = Ok(());
        for (event, right) in self.events.iter().zip(&self.right) {
            let status = answer(function.invoke(event.to_string()).await).status;
            result = result.and(right.compare(status, &backend.messages().await));
        }
        if result.is_err() && self.or.is_some() && reports_at_start(&function.lines()) {
            return Ok(());
        }
        result
    }
}

impl Right {
    fn compare(&self, status: u16, messages: &[Message]) -> Result<(), String> {
        if status != self.status {
            return Err(format!("{status} instead of {}", self.status));
        }
        if messages.len() != usize::from(status == 202) {
            return Err(format!("{status} and {} messages", messages.len()));
        }
        let attributes = messages.iter().filter_map(Message::message_attributes).flatten();
        let attributes: Vec<_> =
            attributes.filter_map(|(name, value)| Some((name.as_str(), value.string_value()?))).collect();
        let is_there = |wanted: &str, value: &str| {
            attributes.iter().any(|(name, is)| (wanted == "*" || wanted == *name) && *is == value)
        };
        match self.attributes.iter().find(|(name, value)| !is_there(name, value)) {
            Some((name, value)) => Err(format!("{name} is not {value:?} in {attributes:?}")),
            None => Ok(()),
        }
    }
}

/// Returns whether the log names the variable, or the source that it configures, before the first answer.
fn reports_at_start(lines: &[String]) -> bool {
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.take_while(|line| line.get("status").is_none()).any(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        matches!(line["level"].as_str(), Some("WARN" | "ERROR"))
            && (message.contains("WEBHOOK_SECRET") || message.contains("source duffel"))
    })
}

#[tokio::test]
async fn every_case_has_the_expected_answer() {
    let mut cases = JoinSet::new();
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().and_then(|extension| extension.to_str()), Some("json"), "{path:?}");
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let case = Case::read(&path);
        cases.spawn(async move { (name, case.play().await) });
    }
    let mut results = cases.join_all().await;
    results.retain(|(_, result)| result.is_err());
    assert!(results.is_empty(), "wrong: {results:#?}");
}
