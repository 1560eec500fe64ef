//! The outcome of a replay for each event.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use duffel_webhook_receiver::{duffel::EventRecord, identity::Identity, ledger::Record};

use crate::shared::output;

/// An event to replay.
pub(super) struct Replayed {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) created: String,
    pub(super) identity: Option<Identity>,
    /// Its record in the ledger, when it was last read.
    pub(super) known: Option<Record>,
    /// The record that was deleted from the ledger, or may have been, and is not restored yet.
    pub(super) forgotten: Option<Record>,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    /// Nothing was done yet.
    Selected,
    /// Duffel accepted the request.
    Requested,
    /// Whether Duffel accepted the request is not known.
    Unclear(String),
    /// It is on the queue, with the message id if the ledger has one.
    Arrived(Option<String>),
    /// It did not arrive in time, and may still arrive.
    NotSeen(String),
    /// Duffel refused the request. The record is unchanged.
    Refused(String),
    /// It was not requested. The record is unchanged.
    NotRequested(String),
    /// SQS would drop it until then.
    StillDeduplicated(SystemTime),
    /// It is one event with another of the events.
    SameEventAs(String),
}

impl Replayed {
    pub(super) fn new(event: &EventRecord, source: &str) -> Self {
        let identity = event.identity(source);
        let outcome = match identity {
            Some(_) => Outcome::Selected,
            None => Outcome::NotRequested(
                "Duffel does not report its type and mode, which its identity needs".to_owned(),
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

    /// Whether it was requested, and may arrive.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Requested | Outcome::Unclear(_))
    }

    /// Whether SQS accepts it within a time from now.
    pub(super) fn is_awaited(&self, wait: Duration) -> bool {
        let Outcome::StillDeduplicated(until) = self.outcome else { return false };
        SystemTime::now().checked_add(wait).is_none_or(|latest| until <= latest)
    }

    /// Whether it arrived, or need not arrive.
    pub(super) fn is_well(&self) -> bool {
        matches!(self.outcome, Outcome::Arrived(_) | Outcome::SameEventAs(_) | Outcome::StillDeduplicated(_))
    }
}

/// The time at which an event was recorded; `None` if the record's time is not possible.
pub(super) fn forwarded_at(record: &Record) -> Option<SystemTime> {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(record.recorded_at))?;
    // So that a later time can be computed and printed.
    let century = Duration::from_hours(24 * 36525);
    SystemTime::now().checked_add(century).is_some_and(|end| at < end).then_some(at)
}
