//! What `listen` prints: where it listens, a line for each attempt, and the last words.

use std::time::SystemTime;

use duffel_webhook_receiver::duffel::plain;
use http::StatusCode;
use serde_json::json;

use super::{
    attempt::{Attempt, Outcome},
    backlog::{Open, has_data},
    decision::Decision,
};
use crate::shared::{
    output::{count, remark},
    printout::Printout,
};

/// The standard output, and what it has said.
pub(super) struct Report {
    printout: Printout,
    json: bool,
    accepted: usize,
    has_explained_data: bool,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { printout: Printout::default(), json, accepted: 0, has_explained_data: false }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.printout.is_closed()
    }

    pub(super) fn finish(self) -> crate::shared::Result<()> {
        self.printout.finish()
    }

    /// Prints the result of an attempt.
    pub(super) fn attempt(&mut self, event: &Open, attempt: &Attempt, decision: Decision) {
        self.accepted += usize::from(matches!(decision, Decision::Accepted));
        let lacks_data = attempt.record.as_ref().is_some_and(|record| !has_data(record));
        if lacks_data && !self.has_explained_data {
            self.has_explained_data = true;
            remark(
                "duffel-hooks: Duffel's API returns no `data` for this event: what is delivered has its type, id, \
                 mode and idempotency_key only (see --help)",
            );
        }
        let (status, response) = match &attempt.outcome {
            Outcome::Answered(status, text, _) => (Some(*status), text.clone()),
            Outcome::NoConnection(reason) | Outcome::NoAnswer(reason) => (None, reason.clone()),
            Outcome::NotFetched(error) => (None, error.to_string()),
            Outcome::Gone => (None, "Duffel does not have it any more".to_owned()),
        };
        let time = humantime::format_rfc3339_seconds(SystemTime::now());
        let (id, kind) = (plain(&event.id, 80), plain(&event.kind, 80));
        if self.json {
            self.printout.line(json!({
                "time": time.to_string(),
                "status": status.map(|status| status.as_u16()),
                "type": kind,
                "id": id,
                "outcome": decision.name(),
                "retry_in_s": decision.wait().map(|wait| wait.as_secs()),
                "has_data": !lacks_data,
                "response": response,
            }));
            return;
        }
        let text = status.as_ref().map_or("---", StatusCode::as_str);
        let notes = [Some(response).filter(|text| !text.is_empty()), decision.note(status)];
        let notes: Vec<_> = notes.into_iter().flatten().collect();
        let notes = if notes.is_empty() { String::new() } else { format!("  {}", notes.join(": ")) };
        self.printout.line(format_args!("{time}  {text}  {kind}  {id}{notes}"));
    }

    /// Says where things stand at the end.
    pub(super) fn totals(&self, (waiting, refused): (usize, usize)) -> String {
        let mut words = vec![format!("{} delivered", count(self.accepted, "event"))];
        words.extend((refused > 0).then(|| format!("{refused} refused")));
        words.extend((waiting > 0).then(|| format!("{waiting} waiting")));
        words.join(", ")
    }
}
