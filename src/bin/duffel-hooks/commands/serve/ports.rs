//! Queue and ledger of `serve`, in memory or in AWS. Each shows what it was given during a request.

use std::{
    cell::RefCell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

#[cfg(feature = "aws")]
use duffel_webhook_receiver::aws;
use duffel_webhook_receiver::{
    identity::Identity,
    in_memory::{MemoryLedger, MemoryQueue},
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
};
use serde_json::Value;
use tokio::{sync::mpsc, task_local};

use super::mapping::{Queued, Subscriber};

task_local! {
    static OBSERVED: RefCell<Observed>;
}

/// What queue and ledger were given, and what they returned, during one request.
#[derive(Default)]
pub(super) struct Observed {
    /// The message as a consumer receives it; none if the queue dropped it as a repetition.
    pub(super) message: Option<Value>,
    /// The record that was found or written last, with the identity.
    pub(super) record: Option<(Identity, Record)>,
}

/// Runs a request, and returns what was observed during it.
pub(super) async fn observe<F: Future>(request: F) -> (F::Output, Observed) {
    let observed = async { (request.await, OBSERVED.with(RefCell::take)) };
    OBSERVED.scope(RefCell::default(), observed).await
}

fn note(change: impl FnOnce(&mut Observed)) {
    // Every request is observed.
    let _ = OBSERVED.try_with(|observed| change(&mut observed.borrow_mut()));
}

/// The queue, or topic, and the number of messages that were sent to it.
pub(super) struct ObservedQueue {
    queue: Destination,
    sent: AtomicU64,
}

enum Destination {
    Memory(MemoryQueue, Mutex<mpsc::UnboundedReceiver<Value>>, Option<Subscriber>),
    #[cfg(feature = "aws")]
    Aws(aws::Destination),
}

impl ObservedQueue {
    /// Makes a queue in memory, of which a consumer may receive the messages.
    pub(super) fn in_memory(consumer: Option<Subscriber>) -> Self {
        let (queue, messages) = MemoryQueue::new();
        Self { queue: Destination::Memory(queue, Mutex::new(messages), consumer), sent: AtomicU64::new(0) }
    }

    #[cfg(feature = "aws")]
    pub(super) fn in_aws(queue: aws::Destination) -> Self {
        Self { queue: Destination::Aws(queue), sent: AtomicU64::new(0) }
    }

    /// The consumer that is invoked with the messages.
    pub(super) fn consumer(&self) -> Option<&Subscriber> {
        match &self.queue {
            Destination::Memory(.., consumer) => consumer.as_ref(),
            #[cfg(feature = "aws")]
            Destination::Aws(_) => None,
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Queue for ObservedQueue {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        let (id, received) = match &self.queue {
            Destination::Memory(queue, messages, consumer) => {
                let id = queue.send(message).await?;
                let received = messages.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok();
                if let (Some(consumer), Some(received)) = (consumer, &received) {
                    let queued = Queued::new(received.clone(), message.sent_at());
                    consumer.messages.send(queued).map_err(|_| QueueError("the consumer is gone".into()))?;
                }
                (id, received)
            }
            #[cfg(feature = "aws")]
            Destination::Aws(queue) => {
                let id = queue.send(message).await?;
                let received = duffel_webhook_receiver::in_memory::as_received(message, &id, None);
                (id, Some(received))
            }
        };
        if received.is_some() {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        note(|observed| observed.message = received);
        Ok(id)
    }
}

/// The ledger.
pub(super) enum ObservedLedger {
    Memory(MemoryLedger),
    #[cfg(feature = "aws")]
    Aws(Option<aws::DynamoLedger>),
}

impl Ledger for ObservedLedger {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        let found = match self {
            Self::Memory(ledger) => ledger.find(identity).await?,
            #[cfg(feature = "aws")]
            Self::Aws(ledger) => ledger.find(identity).await?,
        };
        note(|observed| observed.record = found.clone().map(|record| (identity.clone(), record)));
        Ok(found)
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        match self {
            Self::Memory(ledger) => ledger.record(identity, record).await?,
            #[cfg(feature = "aws")]
            Self::Aws(ledger) => ledger.record(identity, record).await?,
        }
        if self.exists() {
            note(|observed| observed.record = Some((identity.clone(), record.clone())));
        }
        Ok(())
    }

    fn exists(&self) -> bool {
        match self {
            Self::Memory(ledger) => ledger.exists(),
            #[cfg(feature = "aws")]
            Self::Aws(ledger) => ledger.exists(),
        }
    }
}
