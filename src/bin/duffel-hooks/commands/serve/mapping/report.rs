//! What `serve` prints about the consumer: a line, or an object in JSON.

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::time::milliseconds;
use serde_json::{Value, json};

use super::{message::Received, response::Verdict};
use crate::shared::{
    colour::{Colour, Colours},
    output::{count, duration},
};

/// The most messages that a line names.
const NAMED: usize = 3;

/// Something that happened to messages after they were accepted.
pub(crate) struct Report {
    pub(super) at: SystemTime,
    pub(super) what: What,
}

pub(super) enum What {
    Batch(Batch),
    /// The consumer cannot be reached. The messages wait until it can.
    NotReached {
        url: String,
        reason: String,
        waiting: usize,
    },
    DeadLetter(Received),
}

/// A batch that was answered, or may have been received without an answer.
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) messages: Vec<Received>,
    pub(super) status: Option<u16>,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
    /// The time until messages that failed become visible again.
    pub(super) invisible: Duration,
    pub(super) max_receives: u32,
}

impl Report {
    /// The line of the report.
    pub(crate) fn line(&self, colours: Colours) -> String {
        let (status, colour, text) = match &self.what {
            What::Batch(batch) => batch.texts(),
            What::NotReached { url, reason, waiting } => {
                let waiting = count(*waiting, "message");
                let text = format!("the consumer is not running at {url} ({reason}): {waiting} in the queue");
                ("--- waiting".to_owned(), Colour::Yellow, text)
            }
            What::DeadLetter(Received { message, receives, .. }) => {
                let text = format!("{} was received {}", message.name(), times(*receives));
                ("dead letter".to_owned(), Colour::Red, text)
            }
        };
        let time = humantime::format_rfc3339_seconds(self.at).to_string();
        let time = time.get(11..19).unwrap_or_default();
        let status = colours.paint(&format!("{:<16}", format!("-> {status}")), colour);
        format!("{time}Z {status} {text}")
    }

    pub(crate) fn json(&self) -> Value {
        let at = humantime::format_rfc3339_millis(self.at).to_string();
        match &self.what {
            What::Batch(batch) => json!({ "at": at, "batch": batch.json() }),
            What::NotReached { url, reason, waiting } => {
                json!({ "at": at, "not_reached": { "url": url, "reason": reason, "waiting": waiting } })
            }
            What::DeadLetter(received) => json!({ "at": at, "dead_letter": received.dead_letter() }),
        }
    }
}

impl Batch {
    fn failed(&self) -> Vec<&Received> {
        let failed = |received: &&Received| match &self.verdict {
            Verdict::Handled => false,
            Verdict::Partial(failed) => failed.contains(received.message.id()),
            Verdict::Failed(_) => true,
        };
        self.messages.iter().filter(failed).collect()
    }

    fn outcome(&self) -> (&'static str, Colour) {
        match self.failed().len() {
            0 => ("handled", Colour::Green),
            failed if failed < self.messages.len() => ("partial", Colour::Yellow),
            _ => ("failed", Colour::Red),
        }
    }

    fn texts(&self) -> (String, Colour, String) {
        let (outcome, colour) = self.outcome();
        let status = self.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let all = count(self.messages.len(), "message");
        let failed = self.failed();
        let took = format!("{:.0} ms", milliseconds(self.took));
        let text = match &self.verdict {
            Verdict::Handled => {
                format!("{all} in {took}: {}", names(&self.messages.iter().collect::<Vec<_>>()))
            }
            Verdict::Partial(_) => {
                format!(
                    "{} of {all} failed in {took}: {}; {}",
                    failed.len(),
                    names(&failed),
                    self.next(&failed)
                )
            }
            Verdict::Failed(reason) => {
                format!("{all} failed in {took} ({reason}): {}; {}", names(&failed), self.next(&failed))
            }
        };
        (format!("{status} {outcome}"), colour, text)
    }

    /// What becomes of messages that failed.
    fn next(&self, failed: &[&Received]) -> String {
        let wait = duration(Duration::from_secs(
            self.invisible.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
        ));
        let receives = failed.iter().map(|received| received.receives);
        let (least, most) = (receives.clone().min().unwrap_or_default(), receives.max().unwrap_or_default());
        let most_receives = self.max_receives;
        let next = if least >= most_receives {
            "a dead letter"
        } else if most >= most_receives {
            "again or a dead letter"
        } else {
            "again"
        };
        format!("received {most} of {}, {next} in {wait}", times(most_receives))
    }

    fn json(&self) -> Value {
        let reason = match &self.verdict {
            Verdict::Failed(reason) => Some(reason),
            Verdict::Handled | Verdict::Partial(_) => None,
        };
        let failed: Vec<_> = self.failed().iter().map(|received| received.message.id()).collect();
        let messages = self.messages.iter().map(|received| {
            let Received { message, receives, .. } = received;
            json!({
                "message_id": message.id(),
                "group_id": message.group(),
                "event_type": message.attribute("event_type"),
                "event_id": message.attribute("event_id"),
                "receive_count": receives,
                "outcome": if failed.contains(&message.id()) { "failed" } else { "handled" },
            })
        });
        json!({
            "number": self.number,
            "status": self.status,
            "outcome": self.outcome().0,
            "reason": reason,
            "duration_ms": milliseconds(self.took),
            "messages": messages.collect::<Value>(),
        })
    }
}

/// The names of the first messages.
fn names(messages: &[&Received]) -> String {
    let mut names: Vec<_> = messages.iter().take(NAMED).map(|received| received.message.name()).collect();
    if messages.len() > NAMED {
        names.push(format!("{} more", messages.len() - NAMED));
    }
    names.join(", ")
}

fn times(number: u32) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}
