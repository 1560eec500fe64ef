//! The report of a replay.

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::{identity::Identity, ledger::Record};
use serde_json::{Value, json};

use super::outcome::{Outcome, Replayed, forwarded_at};
use crate::shared::output::{Table, count};

/// The format of a report.
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub(super) json: bool,
    /// The time to wait, in a dry run.
    pub(super) dry_run: Option<Duration>,
}

/// The report: a table, or one JSON object per line.
pub(super) fn report(events: &[Replayed], format: Format) -> String {
    let rows = events.iter().map(|event| (event, words(event, format)));
    if format.json {
        let lines = rows.map(|(event, (outcome, detail))| json(event, outcome, &detail).to_string() + "\n");
        return lines.collect();
    }
    let mut table = Table::new(["EVENT", "TYPE", "CREATED", "OUTCOME", "DETAIL"]);
    for (event, (outcome, detail)) in rows {
        table.push([event.id.clone(), event.kind.clone(), event.created.clone(), outcome.to_owned(), detail]);
    }
    let mut text = table.text();
    if format.dry_run.is_some() {
        text.push_str("Nothing was changed.\n");
    }
    text
}

fn json(event: &Replayed, outcome: &str, detail: &str) -> Value {
    let message = if let Outcome::Arrived(message) = &event.outcome { message.as_deref() } else { None };
    json!({
        "event": event.id, "type": event.kind, "created_at": event.created,
        "identity": event.identity.as_ref().map(Identity::as_str),
        "outcome": outcome.replace(' ', "_"), "detail": detail, "message_id": message,
    })
}

/// The numbers of events by outcome, as in `3 events: 2 arrived, 1 too young`.
pub(super) fn summary(events: &[Replayed], format: Format) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for event in events {
        let (word, _) = words(event, format);
        match counts.iter_mut().find(|(counted, _)| *counted == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let gap = if counts.is_empty() { "" } else { ": " };
    format!("{}{gap}{}", count(events.len(), "event"), counts.join(", "))
}

const WOULD_REPLAY: &str = "would replay";
const NOT_ASKED: &str = "not asked";

/// The word for an event's outcome, with the details.
fn words(event: &Replayed, format: Format) -> (&'static str, String) {
    let forwarded = |record: &Record| forwarded_at(record).map(time).unwrap_or_default();
    let age = || event.known.as_ref().map(forwarded).unwrap_or_default();
    let record_lost =
        if event.forgotten.is_some() { "; its record may be missing from the ledger" } else { "" };
    match &event.outcome {
        Outcome::Selected if format.dry_run.is_some() => match &event.known {
            Some(record) => (WOULD_REPLAY, format!("forwarded {}", forwarded(record))),
            None => (WOULD_REPLAY, "it is not in the ledger".to_owned()),
        },
        Outcome::Selected => (NOT_ASKED, format!("it was not requested{record_lost}")),
        Outcome::Requested => ("missing", "Duffel may still deliver it".to_owned()),
        Outcome::Arrived(Some(message)) => ("arrived", format!("message {message}")),
        Outcome::Arrived(None) => ("arrived", "accepted, and not in the ledger".to_owned()),
        Outcome::NotSeen(reason) => ("missing", format!("{reason}; Duffel may still deliver it")),
        Outcome::Unclear(reason) => ("unclear", format!("{reason}{record_lost}")),
        Outcome::Refused(reason) => ("refused", format!("{reason}{record_lost}")),
        Outcome::NotRequested(reason) => (NOT_ASKED, format!("{reason}{record_lost}")),
        Outcome::StillDeduplicated(until) if format.dry_run.is_some_and(|wait| event.is_awaited(wait)) => {
            let text = format!("forwarded {}: after {}, when SQS accepts it again", age(), time(*until));
            (WOULD_REPLAY, text)
        }
        Outcome::StillDeduplicated(until) => {
            let left = until.duration_since(SystemTime::now()).unwrap_or_default();
            // With time to arrive.
            let minutes = (left.as_secs() + 30).div_ceil(60);
            let text = format!(
                "forwarded {}, and SQS drops it until {}: use --wait {minutes}m",
                age(),
                time(*until)
            );
            ("too young", text)
        }
        Outcome::SameEventAs(other) => ("same", format!("it is the same event as {other} to the receiver")),
    }
}

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}
