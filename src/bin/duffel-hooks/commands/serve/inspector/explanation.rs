//! The explanation of a delivery in words: what each step of the pipeline found.

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::{
    http::LogLine, identity::Identity, ledger::Record, queue::MAX_MESSAGE_BYTES, time::unix_seconds,
};
use serde::Serialize;

use crate::commands::serve::ports::Observed;

/// What one step of the pipeline found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::commands::serve) struct Step {
    pub(in crate::commands::serve) step: &'static str,
    pub(in crate::commands::serve) result: Outcome,
    pub(in crate::commands::serve) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::commands::serve) enum Outcome {
    Passed,
    /// The delivery is acknowledged, and goes no further.
    Stopped,
    Failed,
    Skipped,
}

/// The steps in their order.
const STEPS: [&str; 6] = ["signature", "event", "filter", "ledger", "queue", "record"];

/// What is known of a delivery after its answer.
pub(in crate::commands::serve) struct Findings<'a> {
    pub(in crate::commands::serve) line: &'a LogLine,
    pub(in crate::commands::serve) observed: &'a Observed,
    pub(in crate::commands::serve) bytes: usize,
    pub(in crate::commands::serve) received_at: SystemTime,
    /// The position of the secret that matched, and the number of secrets.
    pub(in crate::commands::serve) secret: Option<(usize, usize)>,
    /// What is wrong with the signature, if that could be found out.
    pub(in crate::commands::serve) mistake: Option<&'a Mistake>,
}

/// A mistake that was found by trying: what is wrong, and what would match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands::serve) struct Mistake {
    pub(in crate::commands::serve) what: &'static str,
    pub(in crate::commands::serve) hint: String,
}

impl Findings<'_> {
    /// Explains the delivery step by step.
    pub(in crate::commands::serve) fn steps(&self) -> Vec<Step> {
        let Some((end, result, text)) = self.end() else {
            let unknown = [Step { step: "path", result: Outcome::Failed, text: self.error() }];
            return unknown.into_iter().chain(STEPS.map(|step| self.step(step, Outcome::Skipped))).collect();
        };
        let reached = STEPS.iter().position(|step| *step == end).unwrap_or_default();
        let step = |(index, step): (usize, &&'static str)| match index {
            _ if index < reached => self.step(step, Outcome::Passed),
            _ if index > reached => self.step(step, Outcome::Skipped),
            _ => Step { step, result, text: text.clone() },
        };
        STEPS.iter().enumerate().map(step).collect()
    }

    /// Says in one sentence why the delivery had this outcome.
    pub(in crate::commands::serve) fn reason(&self) -> String {
        match (self.end(), self.line.outcome) {
            (_, "accepted") => format!("{}; {}", self.signature(), self.queue()),
            (Some((_, Outcome::Stopped, text)), _) => text,
            (Some((_, _, text)), "unavailable") => format!("not accepted, to be delivered again: {text}"),
            (Some((_, _, text)), _) => format!("refused: {text}"),
            (None, _) => format!("refused: {}", self.error()),
        }
    }

    /// Returns the step at which the delivery ended; `None` if it reached none of them.
    fn end(&self) -> Option<(&'static str, Outcome, String)> {
        let (line, failed) = (self.line, Outcome::Failed);
        Some(match (line.outcome, line.cause) {
            ("accepted", _) if line.error.is_some() && line.cause != Some("undecided") => {
                ("record", failed, self.error())
            }
            ("accepted", _) => ("record", Outcome::Passed, self.record()),
            ("duplicate", _) => ("ledger", Outcome::Stopped, self.repetition()),
            ("ignored", _) => {
                let text = "its type or mode is excluded by the filter: acknowledged and not forwarded";
                ("filter", Outcome::Stopped, text.to_owned())
            }
            ("unauthorized", Some("mode")) => ("event", failed, self.error()),
            ("unauthorized", _) => ("signature", failed, self.unauthorized()),
            ("malformed", _) => ("event", failed, self.error()),
            ("too_large", _) if self.is_verified() => ("queue", failed, self.error()),
            ("too_large", _) => {
                let text = format!(
                    "the body has {} bytes, and a message has at most {MAX_MESSAGE_BYTES}: the signature was not checked",
                    self.bytes
                );
                ("signature", failed, text)
            }
            ("unavailable", Some("queue")) => ("queue", failed, self.error()),
            ("unavailable", Some("ledger")) => ("ledger", failed, self.error()),
            ("unavailable", _) => ("signature", failed, self.error()),
            _ => return None,
        })
    }

    fn step(&self, step: &'static str, result: Outcome) -> Step {
        let text = match (step, result) {
            (_, Outcome::Skipped) => "not reached".to_owned(),
            ("signature", _) => self.signature(),
            ("event", _) => self.event(),
            ("filter", _) => self
                .line
                .error
                .clone()
                .filter(|_| self.line.cause == Some("undecided"))
                .unwrap_or_else(|| "the filter does not exclude its type and mode".to_owned()),
            ("ledger", _) => match &self.line.delivery.identity {
                Some(identity) => format!("not forwarded before, by its identity {identity}"),
                None => "not forwarded before".to_owned(),
            },
            ("queue", _) => self.queue(),
            _ => self.record(),
        };
        Step { step, result, text }
    }

    fn signature(&self) -> String {
        let mut text = match self.secret {
            Some((position, all)) => format!("signature matched secret {position} of {all}"),
            None => "signature matched".to_owned(),
        };
        if let Some(label) = self.line.delivery.label {
            text += &format!(", label {label}");
        }
        if let Some(age) = self.line.delivery.signature_age {
            text += &match self.age(age) {
                age if age < 0.0 => format!(", from {:.1} s in the future", -age),
                age => format!(", {age:.1} s old"),
            };
        }
        text
    }

    /// Returns the age of the signature with a fraction, which the log does not have.
    #[expect(clippy::cast_precision_loss, reason = "an age has few digits")]
    fn age(&self, seconds: i64) -> f64 {
        let since = self.received_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        seconds as f64 + since.as_secs_f64() - unix_seconds(self.received_at) as f64
    }

    fn event(&self) -> String {
        let log = &self.line.delivery;
        let kind =
            log.event_type.as_deref().map_or("without a type".to_owned(), |kind| format!("type {kind}"));
        let id = log.event_id.as_deref().map_or("without an id".to_owned(), |id| format!("id {id}"));
        format!("{kind}, {id}")
    }

    fn unauthorized(&self) -> String {
        match self.mistake {
            Some(Mistake { what, hint }) => format!("{what}; {hint}"),
            None => self.error(),
        }
    }

    fn repetition(&self) -> String {
        let of = self.line.message_id.as_deref().unwrap_or_default();
        let mut text = format!("forwarded before as message {of}: acknowledged and not forwarded again");
        match (self.line.cause, &self.line.recorded_event_id) {
            (Some("other_event_id"), Some(id)) => text += &format!("; it was event {id} then"),
            (Some("other_event_type"), _) => text += "; it had another type then",
            (Some("other_body"), _) => text += "; it had another body then",
            _ => {}
        }
        text
    }

    fn queue(&self) -> String {
        let id = self.line.message_id.as_deref().unwrap_or_default();
        if self.line.message_id.is_some() && self.observed.message.is_none() {
            return format!("the queue has it already as message {id}, and dropped the repetition");
        }
        format!("forwarded as message {id}")
    }

    fn record(&self) -> String {
        let Some((_, record)) = &self.observed.record else {
            return "not recorded: there is no table".to_owned();
        };
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(record.recorded_at);
        format!("recorded at {}", humantime::format_rfc3339_seconds(at))
    }

    fn is_verified(&self) -> bool {
        self.line.cause == Some("too_large_message") || self.line.delivery.identity.is_some()
    }

    fn error(&self) -> String {
        self.line.error.clone().unwrap_or_else(|| self.line.outcome.replace('_', " "))
    }
}

/// The record of the ledger as JSON.
pub(in crate::commands::serve) fn record_json(identity: &Identity, record: &Record) -> serde_json::Value {
    let at = |seconds| {
        SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .map(|at| humantime::format_rfc3339_seconds(at).to_string())
    };
    serde_json::json!({
        "identity": identity.as_str(),
        "event_id": record.event_id,
        "event_type": record.event_type,
        "body_sha256": record.body_sha256,
        "message_id": record.message_id,
        "recorded_at": at(record.recorded_at),
        "counts_from": at(record.counts_from),
        "expires_at": at(record.expires_at),
    })
}
