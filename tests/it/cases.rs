//! Cases from public bug reports of other webhook receivers: each file of `tests/cases/` has the environment, the gateway
//! events, and the right answers of one case.
//!
//! `env` has the variables beside queue and table (`null`: not set), where `{soon}` is a time in an hour. Each of `right`
//! has a `status` and may have the `body` of the answer, the number of `messages`, a text that is `logged` in a warning, and
//! `attributes` of the message, where `*` is an attribute of any name. Where `or` is `reported at start`, a line of the
//! log that names the variable before the first delivery is right as well.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::types::Message;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    function::RawAnswer,
    support::{ministack::Backend, runtime_api::Function, test_receiver::SECRET},
};

const FOLDER: &str = "tests/cases";
const HOUR: Duration = Duration::from_hours(1);

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
    /// The whole body of the answer.
    body: Option<String>,
    /// The number of messages in the queue; by default one after a 202, and none otherwise.
    messages: Option<usize>,
    /// A text in a warning of the log.
    logged: Option<String>,
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
        let soon = humantime::format_rfc3339_seconds(SystemTime::now() + HOUR).to_string();
        let env: BTreeMap<_, _> = self
            .env
            .iter()
            .map(|(name, value)| (name, value.as_ref().map(|it| it.replace("{soon}", &soon))))
            .collect();
        for (name, value) in &env {
            match value {
                Some(value) => variables.insert(name, value),
                None => variables.remove(name.as_str()),
            };
        }
        let mut function = Function::start(variables).await;
        let mut result = Ok(());
        for (event, right) in self.events.iter().zip(&self.right) {
            let answer = RawAnswer::new(function.invoke(event.to_string()).await);
            result = result.and(right.compare(&answer, &backend.messages().await));
        }
        let lines = function.lines();
        let is_logged = |text: &String| {
            lines.iter().any(|line| line.contains(r#""level":"WARN""#) && line.contains(text))
        };
        if let Some(text) =
            self.right.iter().filter_map(|right| right.logged.as_ref()).find(|text| !is_logged(text))
        {
            result = result.and(Err(format!("{text} is not in a warning of {lines:?}")));
        }
        if result.is_err() && self.or.is_some() && reports_at_start(&lines) {
            return Ok(());
        }
        result
    }
}

impl Right {
    fn compare(&self, answer: &RawAnswer, messages: &[Message]) -> Result<(), String> {
        let status = answer.status;
        if status != self.status {
            return Err(format!("{status} instead of {}", self.status));
        }
        if self.body.as_ref().is_some_and(|body| *body != answer.body) {
            return Err(format!("{status} with the body {:?}", answer.body));
        }
        if messages.len() != self.messages.unwrap_or(usize::from(status == 202)) {
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
