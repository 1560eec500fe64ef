//! Who has seen it? What was forwarded is remembered here for the deduplication window.

use std::{
    error::Error,
    future::Future,
    time::{Duration, SystemTime},
};

use thiserror::Error;

use crate::{
    event::{Event, Identity},
    queue::Forwarded,
    signature::unix_seconds,
};

/// What is remembered of an event that is on the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The id of the event that was forwarded; a duplicate may bear another.
    pub event_id: Option<String>,
    /// The queue's id of its message.
    pub message_id: String,
    /// When it was recorded, in seconds since the epoch.
    pub recorded_at: u64,
    /// The last second in which it counts, since the epoch.
    pub expires_at: u64,
}

impl Record {
    /// Outlives both the window and the signature, whose time may lie ahead of our clock.
    pub(crate) fn of(forwarded: &Forwarded, window: Duration, now: SystemTime) -> Self {
        let event = forwarded.event();
        Self {
            event_id: event.id().map(str::to_owned),
            message_id: forwarded.message_id().to_owned(),
            recorded_at: unix_seconds(now),
            expires_at: expiry(event, window, now),
        }
    }

    /// The same record kept longer, where a newer signature of the event could outlive it.
    pub(crate) fn prolonged_for(&self, event: &Event, window: Duration, now: SystemTime) -> Option<Self> {
        let expires_at = expiry(event, window, now);
        let signature_dies = event.verified().timestamp()?.saturating_add(window.as_secs());
        (signature_dies > self.expires_at).then(|| Self { expires_at, ..self.clone() })
    }
}

fn expiry(event: &Event, window: Duration, now: SystemTime) -> u64 {
    // A signature without a time never dies, so there the window is all there is.
    event.verified().timestamp().unwrap_or_default().max(unix_seconds(now)).saturating_add(window.as_secs())
}

/// A memory shared by every environment of the function.
pub trait Ledger: Send + Sync {
    /// Finds what is recorded of an event, expired or not, as of every write that was answered.
    ///
    /// # Errors
    /// Whenever it is not known whether there is a record.
    fn find(&self, identity: &Identity) -> impl Future<Output = Result<Option<Record>, LedgerError>> + Send;

    /// Keeps a record, unless one that expires later stands in its place.
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
pub async fn look_up<L: Ledger>(ledger: &L, event: Event, now: SystemTime) -> Result<LookUp, LedgerError> {
    // The table deletes expired records days late, so whether one still counts is judged here.
    let found = ledger.find(event.identity()).await?.filter(|record| record.expires_at >= unix_seconds(now));
    Ok(match found {
        Some(record) => LookUp::Seen(event, record),
        None => LookUp::Unseen(Unseen(event)),
    })
}
