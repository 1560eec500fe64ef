//! The pipe: verify → parse → look up → forward → record. Whoever delivers learns how it ended.

pub mod filter;
pub mod key_refresh;

use std::time::{Duration, SystemTime};

use thiserror::Error;

use self::{
    filter::{Decision, Filter},
    key_refresh::KeyRefresh,
};
use crate::{
    event::{Event, EventError},
    ledger::{self, Difference, Ledger, LedgerError, LookUp, Record},
    queue::{self, MAX_MESSAGE_BYTES, Message, Queue, QueueError, TooLarge},
    signature::{Delivery, Failed, SignatureError, Verified, Verifier, unix_seconds},
};

/// A provider whose deliveries are received, at `/webhooks/{name}`.
#[derive(Debug)]
pub struct Source {
    /// Holds the source's name.
    pub verifier: Verifier,
    /// Where its keys come from, if they may change.
    pub key_refresh: Option<KeyRefresh>,
    pub filter: Filter,
}

impl Source {
    /// Verifies with the keys that are active now; whatever new ones there are, the `others` should not have them too.
    async fn verify(
        &self,
        delivery: Delivery,
        now: SystemTime,
        others: &[Self],
    ) -> Result<Verified, Refusal> {
        let Some(key_refresh) = &self.key_refresh else { return Ok(self.verifier.verify(delivery, now)?) };
        if key_refresh.refresh_if_stale(&self.verifier, now).await {
            self.report_shared_keys(others);
        }
        let unmatched = match self.verifier.attempt(delivery, now) {
            Ok(verified) => return Ok(verified),
            Err(Failed::Finally(error)) => return Err(error.into()),
            Err(Failed::Unmatched(unmatched)) => unmatched,
        };
        if key_refresh.refresh_after_mismatch(&self.verifier, now).await {
            self.report_shared_keys(others);
        }
        if self.verifier.has_no_keys() {
            return Err(Refusal::SecretUnavailable);
        }
        Ok(self.verifier.retry(unmatched, now)?)
    }

    /// Logs an error for each of the `others` that has a key of this source: each delivery of one would be good at the
    /// other, and a second event there.
    pub fn report_shared_keys(&self, others: &[Self]) {
        let name = self.verifier.source();
        for other in others.iter().map(|other| &other.verifier).filter(|other| other.source() != name) {
            if self.verifier.shares_a_key_with(other) {
                tracing::error!(
                    "source {name}: one of its secrets is also one of source {}: a delivery to one of them is valid \
                     at the other, and forwarded twice",
                    other.source()
                );
            }
        }
    }
}

/// Everything a delivery needs on its way; one per process.
pub struct Receiver<L, Q> {
    pub sources: Vec<Source>,
    pub ledger: L,
    pub queue: Q,
    /// How long what was forwarded is remembered.
    pub window: Duration,
}

impl<L: Ledger, Q: Queue> Receiver<L, Q> {
    /// Finds the source that answers at `/webhooks/{name}`.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.verifier.source() == name)
    }

    /// Sees a source's delivery through, noting on the delivery_log what is learnt of it.
    ///
    /// # Errors
    /// Whenever the event is not known to be in the queue, with what its sender should conclude.
    pub async fn receive(
        &self,
        source: &Source,
        delivery: Delivery,
        now: SystemTime,
        delivery_log: &mut DeliveryLog,
    ) -> Result<Outcome, Refusal> {
        // Whoever signed it, it would not fit; a forged body should cost no pass over it.
        let bytes = delivery.body.len();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(TooLarge { bytes }.into());
        }
        let verified = source.verify(delivery, now, &self.sources).await?;
        delivery_log.record_signature(&verified, now);
        let event = Event::parse(verified)?;
        delivery_log.record_event(&event);
        match source.filter.decide(&event) {
            Decision::Wanted => {}
            Decision::Unwanted => return Ok(Outcome::Ignored),
            // Nobody excluded it, so ignored it would be lost after a 2xx.
            Decision::Undecided(reason) => delivery_log.warning = Some(reason),
        }
        let unseen = match ledger::look_up(&self.ledger, event, self.window, now).await? {
            LookUp::Unseen(unseen) => unseen,
            LookUp::Seen(event, record) => return Ok(self.duplicate(&event, record, now).await),
        };
        let message = Message::new(unseen, now)?;
        let forwarded = queue::forward(&self.queue, message).await?;
        // From here on the event is in the queue: whatever fails, it is acknowledged.
        let record = forwarded.record(self.window, now);
        let recorded = self.record(forwarded.event(), &record).await;
        Ok(Outcome::Accepted { message_id: record.message_id, recorded })
    }

    async fn duplicate(&self, event: &Event, record: Record, now: SystemTime) -> Outcome {
        let extended = match record.extended_for(event, self.window, now) {
            Some(extended) => self.record(event, &extended).await,
            None => Ok(()),
        };
        let difference = record.difference(event);
        Outcome::Duplicate { of: record, difference, extended }
    }

    async fn record(&self, event: &Event, record: &Record) -> Result<(), LedgerError> {
        match self.ledger.record(event.identity(), record).await {
            Ok(()) => Ok(()),
            Err(_) => self.ledger.record(event.identity(), record).await,
        }
    }
}

/// How a delivery ended that needs no repetition.
#[derive(Debug)]
pub enum Outcome {
    /// The event is in the queue now. Unrecorded, a repetition after five minutes would be forwarded again.
    Accepted { message_id: String, recorded: Result<(), LedgerError> },
    /// It was forwarded before, perhaps with another event id, type or body.
    Duplicate { of: Record, difference: Option<Difference>, extended: Result<(), LedgerError> },
    /// Its type or mode is known and not wanted.
    Ignored,
}

/// Why a delivery was not taken.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error(transparent)]
    Unauthorized(#[from] SignatureError),
    #[error(transparent)]
    Malformed(EventError),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("there is no secret to verify with")]
    SecretUnavailable,
    #[error(transparent)]
    LedgerUnavailable(#[from] LedgerError),
    #[error(transparent)]
    QueueUnavailable(#[from] QueueError),
}

impl From<EventError> for Refusal {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Untrusted(error) => Self::Unauthorized(error),
            error => Self::Malformed(error),
        }
    }
}

/// What was learnt of a delivery on its way, for the log; nothing of its content.
#[derive(Debug, Default)]
pub struct DeliveryLog {
    pub source: Option<String>,
    pub label: Option<&'static str>,
    /// In seconds; negative where the signature's clock is ahead of ours, `None` where it has none.
    pub signature_age: Option<i64>,
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    pub identity: Option<String>,
    /// Why it was not filtered, though a filter is configured.
    pub warning: Option<String>,
}

impl DeliveryLog {
    fn record_signature(&mut self, verified: &Verified, now: SystemTime) {
        self.label = Some(verified.label()).filter(|label| !label.is_empty());
        let age = |signed: u64| unix_seconds(now).cast_signed() - signed.cast_signed();
        self.signature_age = verified.timestamp().map(age);
    }

    fn record_event(&mut self, event: &Event) {
        self.event_id = event.id().map(str::to_owned);
        self.event_type = event.kind().map(str::to_owned);
        self.identity = Some(event.identity().as_str().to_owned());
    }
}
