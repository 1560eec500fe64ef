//! The explanation of a delivery in words: what each step of the pipeline found.

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::{
    http::{Cause, LogLine},
    identity::Identity,
    ledger::Record,
    queue::MAX_MESSAGE_BYTES,
    time::unix_seconds,
};
use serde::Serialize;

use crate::{commands::serve::ports::Observed, shared::diagnosis::Mistake};

/// What one step of the pipeline found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    #[serde(rename = "step")]
    pub(crate) name: &'static str,
    pub(crate) result: Outcome,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Passed,
    /// The delivery is acknowledged, and goes no further.
    Stopped,
    Failed,
    Skipped,
}

/// The steps in their order.
const STEPS: [&str; 6] = ["signature", "event", "filter", "ledger", "queue", "record"];

/// What is known of a delivery after its answer.
pub(crate) struct Findings<'a> {
    pub(crate) line: &'a LogLine,
    pub(crate) observed: &'a Observed,
    pub(crate) bytes: usize,
    pub(crate) received_at: SystemTime,
    /// The position of the secret that matched, and the number of secrets.
    pub(crate) secret: Option<(usize, usize)>,
    /// What is wrong with the signature, if that could be found out.
    pub(crate) mistake: Option<&'a Mistake>,
}

impl Findings<'_> {
    /// Explains the delivery step by step.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let Some((end, result, text)) = self.end() else {
            let unknown = [Step { name: "path", result: Outcome::Failed, text: self.error() }];
            return unknown.into_iter().chain(STEPS.map(|step| self.step(step, Outcome::Skipped))).collect();
        };
        let reached = STEPS.iter().position(|step| *step == end).unwrap_or_default();
        let step = |(index, step): (usize, &&'static str)| match index {
            _ if index < reached => self.step(step, Outcome::Passed),
            _ if index > reached => self.step(step, Outcome::Skipped),
            _ => Step { name: step, result, text: text.clone() },
        };
        STEPS.iter().enumerate().map(step).collect()
    }

    /// Says in one sentence why the delivery had this outcome.
    pub(crate) fn reason(&self) -> String {
        match (self.end(), self.line.outcome) {
            (_, "accepted") => {
                let parts = [Some(self.signature()), Some(self.queue()), self.line.error.clone()];
                parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
            }
            (Some((_, Outcome::Stopped, text)), _) => text,
            (Some((_, _, text)), "unavailable") => format!("not accepted, to be delivered again: {text}"),
            (Some((_, _, text)), _) => format!("refused: {text}"),
            (None, _) => format!("refused: {}", self.error()),
        }
    }

    /// Returns the step at which the delivery ended; `None` if it reached none of them.
    fn end(&self) -> Option<(&'static str, Outcome, String)> {
        let (line, failed) = (self.line, Outcome::Failed);
        let at = |step| Some((step, failed, self.error()));
        match (line.outcome, line.cause) {
            ("accepted", Some(Cause::Unrecorded)) => at("record"),
            ("accepted", _) => Some(("record", Outcome::Passed, self.record())),
            ("duplicate", _) => Some(("ledger", Outcome::Stopped, self.repetition())),
            ("ignored", _) => {
                let text = "its type or mode is excluded by the filter: acknowledged and not forwarded";
                Some(("filter", Outcome::Stopped, text.to_owned()))
            }
            ("handshake", _) => {
                let step = if self.secret.is_some() { "event" } else { "signature" };
                let text = "a handshake of the provider: answered, and never forwarded";
                Some((step, Outcome::Stopped, text.to_owned()))
            }
            (_, Some(Cause::Mode | Cause::Event)) => at("event"),
            (_, Some(Cause::TooLargeBody)) => {
                let text = format!(
                    "the body has {} bytes, and a message has at most {MAX_MESSAGE_BYTES}: the signature was not checked",
                    self.bytes
                );
                Some(("signature", failed, text))
            }
            (_, Some(Cause::TooLargeMessage | Cause::Queue)) => at("queue"),
            (_, Some(Cause::Ledger)) => at("ledger"),
            (_, Some(Cause::Secret | Cause::Network | Cause::UnknownAddress)) => at("signature"),
            ("unauthorized", _) => Some(("signature", failed, self.unauthorized())),
            _ => None,
        }
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
                .filter(|_| self.line.cause == Some(Cause::Undecided))
                .unwrap_or_else(|| "the filter does not exclude its type and mode".to_owned()),
            ("ledger", _) => match &self.line.delivery.identity {
                Some(identity) => format!("not forwarded before, by its identity {identity}"),
                None => "not forwarded before".to_owned(),
            },
            ("queue", _) => self.queue(),
            _ => self.record(),
        };
        Step { name: step, result, text }
    }

    fn signature(&self) -> String {
        let matched = match self.secret {
            Some((position, all)) => format!("signature matched secret {position} of {all}"),
            None => "signature matched".to_owned(),
        };
        let label = self.line.delivery.label.as_ref().map(|label| format!("label {label}"));
        let age = self.line.delivery.signature_age.map(|age| match self.age(age) {
            age if age < 0.0 => format!("from {:.1} s in the future", -age),
            age => format!("{age:.1} s old"),
        });
        [Some(matched), label, age].into_iter().flatten().collect::<Vec<_>>().join(", ")
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
            Some(mistake) => format!("{}; {}", mistake.what(), mistake.hint()),
            None => self.error(),
        }
    }

    fn repetition(&self) -> String {
        let of = self.line.message_id.as_deref().unwrap_or_default();
        let difference = match (self.line.cause, &self.line.recorded_event_id) {
            (Some(Cause::OtherEventId), Some(id)) => format!("; it was event {id} then"),
            (Some(Cause::OtherEventType), _) => "; it had another type then".to_owned(),
            (Some(Cause::OtherBody), _) => "; it had another body then".to_owned(),
            _ => String::new(),
        };
        format!("forwarded before as message {of}: acknowledged and not forwarded again{difference}")
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

    fn error(&self) -> String {
        self.line.error.clone().unwrap_or_else(|| self.line.outcome.replace('_', " "))
    }
}

/// Returns `true` if the signature of a delivery matched.
pub(crate) fn is_signed(line: &LogLine) -> bool {
    let before = line.delivery.source.is_none() || line.outcome == "method_not_allowed";
    let unsigned = matches!(
        line.cause,
        Some(
            Cause::Missing
                | Cause::Malformed
                | Cause::Mismatch
                | Cause::Stale
                | Cause::Future
                | Cause::Body
                | Cause::Network
                | Cause::UnknownAddress
                | Cause::TooLargeBody
                | Cause::Secret
        )
    );
    !before && !unsigned
}

/// Explains a request whose body was not read to its end.
pub(crate) fn not_read(text: String) -> Vec<Step> {
    let skipped = |step| Step { name: step, result: Outcome::Skipped, text: "not reached".to_owned() };
    let mut steps = STEPS.map(skipped);
    steps[0] = Step { name: STEPS[0], result: Outcome::Failed, text };
    steps.into()
}

/// The record of the ledger as JSON.
pub(crate) fn record_json(identity: &Identity, record: &Record) -> serde_json::Value {
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
