//! What became of each event, and how it is told.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use duffel_webhook_receiver::{duffel::EventRecord, event::Identity, ledger::Record};
use serde_json::json;

use crate::table::{self, Table};

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
    Missing(String),
    /// It will not come, and everything is as it was.
    Refused(String),
    /// The queue would drop it until then.
    Young(SystemTime),
    /// Another of the events is the same one.
    Same(String),
}

impl Replayed {
    pub(super) fn new(event: &EventRecord, source: &str) -> Self {
        let identity = event.identity(source);
        let outcome = match identity {
            Some(_) => Outcome::Chosen,
            None => Outcome::Refused(
                "Duffel does not tell its type and mode, by which the ledger knows it".to_owned(),
            ),
        };
        Self {
            id: event.id.clone(),
            kind: event.kind.clone().unwrap_or_default(),
            created: table::created(event.created_at, &event.raw),
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

    /// The word for it, and what is to be said of it.
    fn words(&self, dry_run: bool) -> (&'static str, String) {
        let forwarded = |record: &Record| forwarded_at(record).map(time).unwrap_or_default();
        match &self.outcome {
            Outcome::Chosen if dry_run => match &self.known {
                Some(record) => ("would replay", format!("forwarded {}", forwarded(record))),
                None => ("would replay", "the ledger does not know it".to_owned()),
            },
            Outcome::Chosen if self.forgotten.is_some() => {
                ("refused", "its record may be gone from the ledger".to_owned())
            }
            Outcome::Chosen => ("refused", "Duffel was not asked for it".to_owned()),
            Outcome::Asked => ("missing", "Duffel may still deliver it".to_owned()),
            Outcome::Arrived(Some(message)) => ("arrived", format!("message {message}")),
            Outcome::Arrived(None) => ("arrived", "accepted, and not in the ledger".to_owned()),
            Outcome::Missing(reason) => ("missing", format!("{reason}; Duffel may still deliver it")),
            Outcome::Unclear(reason) | Outcome::Refused(reason) if self.forgotten.is_some() => {
                ("refused", format!("{reason}; its record may be gone from the ledger"))
            }
            Outcome::Unclear(reason) | Outcome::Refused(reason) => ("refused", reason.clone()),
            Outcome::Young(forgets) => {
                let age = self.known.as_ref().map(forwarded).unwrap_or_default();
                let text =
                    format!("forwarded {age}, and the queue drops it until {}: see --wait", time(*forgets));
                ("too young", text)
            }
            Outcome::Same(other) => ("same", format!("the receiver takes it for one event with {other}")),
        }
    }
}

pub(super) fn print(events: &[Replayed], as_json: bool, dry_run: bool) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    if as_json {
        for event in events {
            let (outcome, detail) = event.words(dry_run);
            let message =
                if let Outcome::Arrived(message) = &event.outcome { message.as_deref() } else { None };
            let line = json!({
                "event": event.id, "type": event.kind, "created_at": event.created,
                "identity": event.identity.as_ref().map(Identity::as_str),
                "outcome": outcome.replace(' ', "_"), "detail": detail, "message_id": message,
            });
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    let mut table = Table::new(["EVENT", "TYPE", "CREATED", "OUTCOME", "DETAIL"]);
    for event in events {
        let (outcome, detail) = event.words(dry_run);
        table.push([event.id.clone(), event.kind.clone(), event.created.clone(), outcome.to_owned(), detail]);
    }
    table.print(out)?;
    if dry_run {
        writeln!(out, "Nothing was changed.")?;
    }
    Ok(())
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
