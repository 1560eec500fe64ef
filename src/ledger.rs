//! The ledger: records of forwarded events, and the look-up that finds duplicates within the deduplication window.

use std::{
    error::Error,
    future::Future,
    time::{Duration, SystemTime},
};

use thiserror::Error;

use crate::{event::Event, identity::Identity, time::unix_seconds};

/// The time for which the table keeps a record beyond the window that was configured when it was written: 30 days.
///
/// The window in force at the look-up decides whether a record counts. So a window that is raised by up to 30 days
/// finds the records that were written before, and a table whose clock is ahead does not delete a record that still
/// counts.
pub const RETENTION_MARGIN: Duration = Duration::from_hours(30 * 24);

/// The record of an event that is on the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The id of the event that was forwarded; a duplicate may have another.
    pub event_id: Option<String>,
    /// The type of the event that was forwarded.
    pub event_type: Option<String>,
    /// The SHA-256 of the body that was forwarded, in 64 lower-case hex digits; `None` in a record of an earlier
    /// version.
    pub body_sha256: Option<String>,
    /// The `MessageId` that the queue gave the message.
    pub message_id: String,
    /// The time of recording, in seconds since the epoch.
    pub recorded_at: u64,
    /// The start of the window, in seconds since the epoch: the time of the newest signature under the same event id,
    /// or of its receipt if that is later.
    pub counts_from: u64,
    /// The time from which the table may delete the record, in seconds since the epoch.
    pub expires_at: u64,
}

/// The difference between a duplicate and the event that was forwarded under the same identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Another event id.
    EventId,
    /// The same event id and another type.
    EventType,
    /// The same event id and type, and another body.
    Body,
}

impl Difference {
    pub const ALL: [Self; 3] = [Self::EventId, Self::EventType, Self::Body];
}

impl Record {
    /// Makes the record of a forwarded event. It outlives the signature, whose time may be ahead of our clock.
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

    /// Returns `true` if the event counts as forwarded, under the window in force.
    #[must_use]
    pub fn counts(&self, window: Duration, now: SystemTime) -> bool {
        self.counts_from.saturating_add(window.as_secs()) >= unix_seconds(now)
    }

    /// Returns the record extended, if the duplicate has a newer signature, which could outlive the record.
    ///
    /// A duplicate under another event id was never forwarded, so nothing of it needs protection. If it extended the
    /// record, an object with more than one event in each window would never be forwarded again.
    pub(crate) fn extended_for(&self, event: &Event, window: Duration, now: SystemTime) -> Option<Self> {
        let signed_at = event.signed_at()?;
        if signed_at <= self.counts_from || self.difference(event) == Some(Difference::EventId) {
            return None;
        }
        let counts_from = counts_from(event, now);
        Some(Self { counts_from, expires_at: expiry(counts_from, window), ..self.clone() })
    }

    /// Returns the first difference between a duplicate and the event that was forwarded.
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

/// Returns the start of an event's window. A signature without a time is valid for ever, so there only the receipt
/// counts.
fn counts_from(event: &Event, now: SystemTime) -> u64 {
    event.signed_at().unwrap_or_default().max(unix_seconds(now))
}

fn expiry(counts_from: u64, window: Duration) -> u64 {
    counts_from.saturating_add(window.saturating_add(RETENTION_MARGIN).as_secs())
}

/// A store of records that all environments of the function share.
pub trait Ledger: Send + Sync {
    /// Finds the record of an event, whether it still counts or not. The read is consistent: it sees every write that
    /// was confirmed before.
    ///
    /// # Errors
    /// If it is not known whether there is a record.
    fn find(&self, identity: &Identity) -> impl Future<Output = Result<Option<Record>, LedgerError>> + Send;

    /// Stores a record, unless there is one that counts from the same second or a later one.
    ///
    /// # Errors
    /// If it is not known whether the record was stored. A retry is safe.
    fn record(
        &self,
        identity: &Identity,
        record: &Record,
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Returns `false` if there is no store behind it, so that nothing is called.
    fn exists(&self) -> bool {
        true
    }
}

/// `None` is no ledger: only the queue deduplicates, for 5 minutes.
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

    fn exists(&self) -> bool {
        self.is_some()
    }
}

/// The failure of a ledger to answer.
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

/// The result of a look-up.
pub enum LookUp {
    /// There is no record that still counts.
    Unseen(Unseen),
    /// The event was forwarded before.
    Seen(Event, Record),
}

/// Looks an event up. Returns the right to forward it, unless it was forwarded before.
///
/// # Errors
/// If the ledger does not answer. The event must be delivered again.
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
