//! Who has seen it? What was forwarded is remembered here for the deduplication window.

use std::{
    error::Error,
    future::Future,
    time::{Duration, SystemTime},
};

use thiserror::Error;

use crate::{
    event::{Event, Identity},
    signature::unix_seconds,
};

/// How much longer the table keeps a record than the window of its time asks for.
///
/// The window in force at the look-up decides whether a record counts. So a window that is raised by up to this much
/// finds the records that were made before, and a table whose clock is ahead deletes none that still counts.
pub const RETENTION_MARGIN: Duration = Duration::from_hours(30 * 24);

/// What is remembered of an event that is on the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The id of the event that was forwarded; a duplicate may bear another.
    pub event_id: Option<String>,
    /// The type of the event that was forwarded.
    pub event_type: Option<String>,
    /// The SHA-256 of the body that was forwarded, in lower-case hex; `None` in a record of an earlier version.
    pub body_sha256: Option<String>,
    /// The queue's id of its message.
    pub message_id: String,
    /// When it was recorded, in seconds since the epoch.
    pub recorded_at: u64,
    /// From when the window counts, in seconds since the epoch: the time of the newest signature under the same event
    /// id, or of its receipt if that is later.
    pub counts_from: u64,
    /// From when the table may delete it, in seconds since the epoch.
    pub expires_at: u64,
}

/// How a duplicate differs from the event that was forwarded under the same identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It has another event id.
    EventId,
    /// It has the same event id and another type.
    EventType,
    /// It has the same event id and type and another body.
    Body,
}

impl Difference {
    pub const ALL: [Self; 3] = [Self::EventId, Self::EventType, Self::Body];

    /// The word by which the log names it, and metrics count it.
    #[must_use]
    pub fn cause(self) -> &'static str {
        match self {
            Self::EventId => "other_event_id",
            Self::EventType => "other_event_type",
            Self::Body => "other_body",
        }
    }
}

impl Record {
    /// The record of a forwarded event, which outlives its signature, whose time may be ahead of our clock.
    pub(crate) fn of(event: &Event, message_id: &str, window: Duration, now: SystemTime) -> Self {
        let counts_from = counts_from(event, now);
        Self {
            event_id: event.id().map(str::to_owned),
            event_type: event.kind().map(str::to_owned),
            body_sha256: Some(event.body_sha256().to_owned()),
            message_id: message_id.to_owned(),
            recorded_at: unix_seconds(now),
            counts_from,
            expires_at: expiry(counts_from, window),
        }
    }

    /// Whether the event counts as forwarded, under the window in force.
    #[must_use]
    pub fn counts(&self, window: Duration, now: SystemTime) -> bool {
        self.counts_from.saturating_add(window.as_secs()) >= unix_seconds(now)
    }

    /// The same record extended, where a newer signature of the event could outlive it.
    ///
    /// A duplicate under another event id was never forwarded, so there is nothing of it to protect; if it extended the
    /// record, an object whose events come more often than the window would never be forwarded again.
    pub(crate) fn extended_for(&self, event: &Event, window: Duration, now: SystemTime) -> Option<Self> {
        let signed_at = event.verified().timestamp()?;
        if signed_at <= self.counts_from || self.difference(event) == Some(Difference::EventId) {
            return None;
        }
        let counts_from = counts_from(event, now);
        Some(Self { counts_from, expires_at: expiry(counts_from, window), ..self.clone() })
    }

    /// How a duplicate differs from what was forwarded; the first of several differences.
    #[must_use]
    pub fn difference(&self, duplicate: &Event) -> Option<Difference> {
        // A record of an earlier version has neither type nor hash.
        let is_known = self.body_sha256.is_some();
        if self.event_id.as_deref() != duplicate.id() {
            Some(Difference::EventId)
        } else if is_known && self.event_type.as_deref() != duplicate.kind() {
            Some(Difference::EventType)
        } else if is_known && self.body_sha256.as_deref() != Some(duplicate.body_sha256()) {
            Some(Difference::Body)
        } else {
            None
        }
    }
}

/// A signature without a time is good for ever, so there the window is all there is.
fn counts_from(event: &Event, now: SystemTime) -> u64 {
    event.verified().timestamp().unwrap_or_default().max(unix_seconds(now))
}

fn expiry(counts_from: u64, window: Duration) -> u64 {
    counts_from.saturating_add(window.saturating_add(RETENTION_MARGIN).as_secs())
}

/// A memory shared by every environment of the function.
pub trait Ledger: Send + Sync {
    /// Finds what is recorded of an event, whether it still counts or not, as of every write that was answered.
    ///
    /// # Errors
    /// Whenever it is not known whether there is a record.
    fn find(&self, identity: &Identity) -> impl Future<Output = Result<Option<Record>, LedgerError>> + Send;

    /// Keeps a record, unless there is one that counts from the same second or a later one.
    ///
    /// # Errors
    /// Whenever it is not known whether it was kept; doing it again is safe.
    fn record(
        &self,
        identity: &Identity,
        record: &Record,
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;
}

/// No memory: only the queue's own five minutes stand between an event and its duplicate.
impl<L: Ledger> Ledger for Option<L> {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        match self {
            Some(ledger) => ledger.find(identity).await,
            None => Ok(None),
        }
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        match self {
            Some(ledger) => ledger.record(identity, record).await,
            None => Ok(()),
        }
    }
}

/// The ledger did not answer.
#[derive(Debug, Error)]
#[error("the ledger failed")]
pub struct LedgerError(#[source] pub Box<dyn Error + Send + Sync>);

/// The right to forward an event; only [`look_up`] grants it.
pub struct Unseen(Event);

impl Unseen {
    pub(crate) fn into_event(self) -> Event {
        self.0
    }
}

/// What the ledger knows of an event.
pub enum LookUp {
    /// Nothing that still counts.
    Unseen(Unseen),
    /// It was forwarded.
    Seen(Event, Record),
}

/// Trades an event for the right to forward it, unless it was forwarded before.
///
/// # Errors
/// Whenever the ledger does not answer; the event must then be delivered again.
pub async fn look_up<L: Ledger>(
    ledger: &L,
    event: Event,
    window: Duration,
    now: SystemTime,
) -> Result<LookUp, LedgerError> {
    let found = ledger.find(event.identity()).await?.filter(|record| record.counts(window, now));
    Ok(match found {
        Some(record) => LookUp::Seen(event, record),
        None => LookUp::Unseen(Unseen(event)),
    })
}
