//! What became of each event, and how it is told.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use duffel_webhook_receiver::{duffel::EventRecord, identity::Identity, ledger::Record};
use serde_json::json;

use crate::shared::{
    duffel,
    output::{self, Table},
};

/// An event on its way through the queue once more.
pub(super) struct Replayed {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) created: String,
    pub(super) identity: Option<Identity>,
    /// What the ledger knew of it at the last look.
    pub(super) known: Option<Record>,
    /// The record that was taken out of the ledger, or may have been, and is not back yet.
    pub(super) forgotten: Option<Record>,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    /// Nothing was done yet.
    Chosen,
    /// Duffel was asked.
    Asked,
    /// Duffel was asked, and whether it will deliver is not known.
    Unclear(String),
    /// It is on the queue, as the message that the ledger tells, if it does.
    Arrived(Option<String>),
    /// It was not seen in time, and may still come.
    NotSeen(String),
    /// Duffel refused it: it will not come, and everything is as it was.
    Refused(String),
    /// Duffel was not asked, and everything is as it was.
    NotAsked(String),
    /// The queue would drop it until then.
    StillDeduplicated(SystemTime),
    /// Another of the events is the same one.
    SameEventAs(String),
}

impl Replayed {
    pub(super) fn new(event: &EventRecord, source: &str) -> Self {
        let identity = event.identity(source);
        let outcome = match identity {
            Some(_) => Outcome::Chosen,
            None => Outcome::NotAsked(
                "Duffel does not tell its type and mode, by which the ledger knows it".to_owned(),
            ),
        };
        Self {
            id: event.id.clone(),
            kind: event.kind.clone().unwrap_or_default(),
            created: output::created(event.created_at, &event.raw),
            identity,
            known: None,
            forgotten: None,
            outcome,
        }
    }

    pub(super) fn unknown(id: &str, reason: String) -> Self {
        let (kind, created, outcome) = (String::new(), String::new(), Outcome::Refused(reason));
        Self { id: id.to_owned(), kind, created, identity: None, known: None, forgotten: None, outcome }
    }

    /// Whether Duffel was asked, and it may arrive.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Asked | Outcome::Unclear(_))
    }

    /// Whether the queue forgets it within a time from now.
    pub(super) fn is_awaited(&self, wait: Duration) -> bool {
        let Outcome::StillDeduplicated(forgets) = self.outcome else { return false };
        SystemTime::now().checked_add(wait).is_none_or(|latest| forgets <= latest)
    }

    /// Whether nothing is left to be done for it, now or later.
    pub(super) fn is_well(&self) -> bool {
        matches!(self.outcome, Outcome::Arrived(_) | Outcome::SameEventAs(_) | Outcome::StillDeduplicated(_))
    }

    /// The word for it, and what is to be said of it.
    fn words(&self, form: Form) -> (&'static str, String) {
        let forwarded = |record: &Record| forwarded_at(record).map(time).unwrap_or_default();
        let age = || self.known.as_ref().map(forwarded).unwrap_or_default();
        let record_lost =
            if self.forgotten.is_some() { "; its record may be gone from the ledger" } else { "" };
        match &self.outcome {
            Outcome::Chosen if form.dry_run.is_some() => match &self.known {
                Some(record) => (WOULD_REPLAY, format!("forwarded {}", forwarded(record))),
                None => (WOULD_REPLAY, "the ledger does not know it".to_owned()),
            },
            Outcome::Chosen => (NOT_ASKED, format!("Duffel was not asked for it{record_lost}")),
            Outcome::Asked => ("missing", "Duffel may still deliver it".to_owned()),
            Outcome::Arrived(Some(message)) => ("arrived", format!("message {message}")),
            Outcome::Arrived(None) => ("arrived", "accepted, and not in the ledger".to_owned()),
            Outcome::NotSeen(reason) => ("missing", format!("{reason}; Duffel may still deliver it")),
            Outcome::Unclear(reason) => ("unclear", format!("{reason}{record_lost}")),
            Outcome::Refused(reason) => ("refused", format!("{reason}{record_lost}")),
            Outcome::NotAsked(reason) => (NOT_ASKED, format!("{reason}{record_lost}")),
            Outcome::StillDeduplicated(forgets) if form.dry_run.is_some_and(|wait| self.is_awaited(wait)) => {
                let text =
                    format!("forwarded {}: after {}, when the queue has forgotten it", age(), time(*forgets));
                (WOULD_REPLAY, text)
            }
            Outcome::StillDeduplicated(forgets) => {
                let left = forgets.duration_since(SystemTime::now()).unwrap_or_default();
                // With time to arrive.
                let minutes = (left.as_secs() + 30).div_ceil(60);
                let text = format!(
                    "forwarded {}, and the queue drops it until {}: use --wait {minutes}m",
                    age(),
                    time(*forgets)
                );
                ("too young", text)
            }
            Outcome::SameEventAs(other) => {
                ("same", format!("the receiver takes it for one event with {other}"))
            }
        }
    }
}

const WOULD_REPLAY: &str = "would replay";
const NOT_ASKED: &str = "not asked";

/// How a report is printed.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) json: bool,
    /// How long it would be waited, if nothing is to be done.
    pub(super) dry_run: Option<Duration>,
}

pub(super) fn print(events: &[Replayed], form: Form, out: &mut impl Write) -> io::Result<()> {
    if form.json {
        for event in events {
            let (outcome, detail) = event.words(form);
            let message =
                if let Outcome::Arrived(message) = &event.outcome { message.as_deref() } else { None };
            let line = json!({
                "event": event.id, "type": event.kind, "created_at": event.created,
                "identity": event.identity.as_ref().map(Identity::as_str),
                "outcome": outcome.replace(' ', "_"), "detail": detail, "message_id": message,
            });
            writeln!(out, "{line}")?;
        }
        return out.flush();
    }
    let mut table = Table::new(["EVENT", "TYPE", "CREATED", "OUTCOME", "DETAIL"]);
    for event in events {
        let (outcome, detail) = event.words(form);
        table.push([event.id.clone(), event.kind.clone(), event.created.clone(), outcome.to_owned(), detail]);
    }
    table.print(out)?;
    if form.dry_run.is_some() {
        writeln!(out, "Nothing was changed.")?;
    }
    out.flush()
}

/// How many events there are of each outcome, as in `3 events: 2 arrived, 1 too young`.
pub(super) fn summary(events: &[Replayed], form: Form) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for event in events {
        let (word, _) = event.words(form);
        match counts.iter_mut().find(|(counted, _)| *counted == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let gap = if counts.is_empty() { "" } else { ": " };
    format!("{}{gap}{}", duffel::count(events.len(), "event"), counts.join(", "))
}

/// When an event was recorded; `None` if its record tells no time that there can be.
pub(super) fn forwarded_at(record: &Record) -> Option<SystemTime> {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(record.recorded_at))?;
    // Which also leaves room to add to it, and to print that.
    let century = Duration::from_hours(24 * 36525);
    SystemTime::now().checked_add(century).is_some_and(|end| at < end).then_some(at)
}

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}
