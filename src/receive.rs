//! The pipeline: verify → parse → filter → look up → forward → record.

mod delivery_log;
pub mod filter;
pub mod handshake;
pub mod key_refresh;
pub mod networks;
pub mod refresh;
mod source;
mod sources;

// An address as a value, for the log.
use core::net::IpAddr;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use thiserror::Error;

pub use self::{delivery_log::DeliveryLog, source::Source, sources::Sources};
use self::{
    filter::Decision,
    handshake::{HandshakeError, Reply},
};
use crate::{
    event::{Event, EventError},
    ledger::{self, Difference, Ledger, LedgerError, LookUp, Record},
    queue::{self, MAX_MESSAGE_BYTES, Message, Queue, QueueError, TooLarge},
    signature::{Delivery, SignatureError},
};

/// The pipeline with its sources, ledger and queue; one in each process.
pub struct Receiver<L, Q> {
    pub sources: Sources,
    pub ledger: L,
    pub queue: Q,
    /// The deduplication window: how long a forwarded event makes others of its identity duplicates.
    pub window: Duration,
}

impl<L: Ledger, Q: Queue> Receiver<L, Q> {
    /// Takes a source's delivery through the pipeline, and fills the delivery log on the way.
    ///
    /// # Errors
    /// If the event is not known to be in the queue. The variant says whether a retry can succeed.
    pub async fn receive(
        &self,
        source: Arc<Source>,
        delivery: Delivery,
        now: SystemTime,
        delivery_log: &mut DeliveryLog,
    ) -> Result<Outcome, Refusal> {
        // Checked first: a forged body that would not fit should cost no pass over it.
        let bytes = delivery.body.len();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(Refusal::TooLargeBody(TooLarge { bytes }));
        }
        let (source, verified) = source.verify(delivery, now, &self.sources).await?;
        delivery_log.add_signature(&verified, now);
        if let Some(reply) = source.reply(&verified, now)? {
            return Ok(Outcome::Handshake(reply));
        }
        let event = Event::parse(verified)?;
        delivery_log.add_event(&event);
        match source.filter.decide(&event) {
            Decision::Wanted => {}
            Decision::Unwanted => return Ok(Outcome::Ignored),
            // The filter does not exclude the event, and an ignored event is lost after the 2xx.
            Decision::Undecided(reason) => delivery_log.warning = Some(reason),
        }
        let since = Instant::now();
        let looked_up = ledger::look_up(&self.ledger, event, self.window, now).await;
        delivery_log.add_ledger_calls(&self.ledger, since);
        let unseen = match looked_up? {
            LookUp::Unseen(unseen) => unseen,
            LookUp::Seen(event, record) => {
                return Ok(self.duplicate(&event, record, now, delivery_log).await);
            }
        };
        let message = Message::new(unseen, now)?;
        let since = Instant::now();
        let forwarded = queue::forward(&self.queue, message).await;
        delivery_log.add_queue_call(since);
        let forwarded = forwarded?;
        // From here on the event is in the queue, so it is acknowledged whatever fails.
        let record = forwarded.record(self.window, now);
        let recorded = self.record(forwarded.event(), &record, delivery_log).await;
        Ok(Outcome::Accepted { message_id: record.message_id, recorded })
    }

    async fn duplicate(
        &self,
        event: &Event,
        record: Record,
        now: SystemTime,
        delivery_log: &mut DeliveryLog,
    ) -> Outcome {
        let extended = match record.extended_for(event, self.window, now) {
            Some(extended) => self.record(event, &extended, delivery_log).await,
            None => Ok(()),
        };
        let difference = record.difference(event);
        Outcome::Duplicate { of: record, difference, extended }
    }

    async fn record(
        &self,
        event: &Event,
        record: &Record,
        delivery_log: &mut DeliveryLog,
    ) -> Result<(), LedgerError> {
        let since = Instant::now();
        let recorded = match self.ledger.record(event.identity(), record).await {
            Ok(()) => Ok(()),
            Err(_) => self.ledger.record(event.identity(), record).await,
        };
        delivery_log.add_ledger_calls(&self.ledger, since);
        recorded
    }
}

/// The outcome of a delivery that needs no retry.
#[derive(Debug)]
pub enum Outcome {
    /// The event is in the queue now. If it was not recorded, a retry after 5 minutes is forwarded again.
    Accepted { message_id: String, recorded: Result<(), LedgerError> },
    /// An event of the same identity was forwarded before, perhaps with another event id, type or body.
    Duplicate { of: Record, difference: Option<Difference>, extended: Result<(), LedgerError> },
    /// The filter excludes the event's type or mode.
    Ignored,
    /// The request was a handshake, which is no event.
    Handshake(Reply),
}

/// The reason why a delivery was not accepted.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("the address {caller} is in none of the source's allowed_ips")]
    OtherNetwork { caller: IpAddr },
    #[error("the source has allowed_ips, and the gateway does not state a valid address of the caller")]
    UnknownCaller,
    #[error(transparent)]
    Unauthorized(#[from] SignatureError),
    #[error(transparent)]
    Malformed(EventError),
    /// A handshake that has no answer.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The body alone is larger than a message may be, so its signature was not checked.
    #[error(transparent)]
    TooLargeBody(TooLarge),
    /// The event is signed, and does not fit into a message with its attributes.
    #[error(transparent)]
    TooLargeMessage(#[from] TooLarge),
    #[error("a secret to verify with could not be read")]
    SecretUnavailable,
    #[error("the sources could not be read")]
    SourcesUnavailable,
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
