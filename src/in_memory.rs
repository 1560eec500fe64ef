//! Queue and ledger in the memory of one process, for `duffel-hooks serve` and the tests.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
    queue::{FIFO_MEMORY, Message, Queue, QueueError, received_message},
};

/// A ledger in memory.
#[derive(Default)]
pub struct MemoryLedger {
    records: Mutex<HashMap<Identity, Record>>,
}

impl MemoryLedger {
    /// Returns the records that were written last, newest first and at most so many, and the number of all records.
    #[must_use]
    pub fn newest(&self, most: usize) -> (Vec<(Identity, Record)>, usize) {
        let records = lock(&self.records);
        let mut newest: Vec<_> = records.iter().collect();
        newest.sort_by_key(|(_, record)| Reverse(record.recorded_at));
        let newest =
            newest.into_iter().take(most).map(|(identity, record)| (identity.clone(), record.clone()));
        (newest.collect(), records.len())
    }
}

impl Ledger for MemoryLedger {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        Ok(lock(&self.records).get(identity).cloned())
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        let mut records = lock(&self.records);
        if records.get(identity).is_none_or(|old| old.counts_from < record.counts_from) {
            records.insert(identity.clone(), record.clone());
        }
        Ok(())
    }
}

/// A FIFO queue in memory with one consumer, which receives messages in the form in which SQS delivers them.
pub struct MemoryQueue {
    sent: Mutex<HashMap<String, (SystemTime, String)>>,
    sequence: AtomicU64,
    consumer: mpsc::UnboundedSender<Value>,
}

impl MemoryQueue {
    /// Makes a queue and the receiving end for its consumer.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Value>) {
        let (consumer, messages) = mpsc::unbounded_channel();
        (Self { sent: Mutex::default(), sequence: AtomicU64::new(1), consumer }, messages)
    }
}

impl Queue for MemoryQueue {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        let mut sent = lock(&self.sent);
        let now = message.sent_at();
        // The queue must not forget a message because the clock was set back.
        sent.retain(|_, (at, _)| now.duration_since(*at).is_ok_and(|age| age < FIFO_MEMORY) || now < *at);
        if let Some((_, message_id)) = sent.get(message.deduplication_id()) {
            return Ok(message_id.clone());
        }
        let message_id = Uuid::new_v4().to_string();
        let number = self.sequence.fetch_add(1, Ordering::Relaxed);
        self.consumer
            .send(as_received(message, &message_id, Some(number)))
            .map_err(|_| QueueError("the consumer is gone".into()))?;
        sent.insert(message.deduplication_id().to_owned(), (now, message_id.clone()));
        Ok(message_id)
    }
}

/// Returns the message in the form in which its consumer receives it. A real queue numbers it itself.
#[must_use]
pub fn as_received(message: &Message, message_id: &str, number: Option<u64>) -> Value {
    let attributes = message
        .attributes()
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!({ "DataType": "String", "StringValue": value })));
    let number = number.map(|number| format!("{number:020}"));
    let system = [
        ("MessageGroupId", Some(message.group_id())),
        ("MessageDeduplicationId", Some(message.deduplication_id())),
        ("SequenceNumber", number.as_deref()),
        ("AWSTraceHeader", message.trace()),
    ];
    let system: Map<_, _> =
        system.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
    received_message(Some(message_id), Some(message.body()), &system, &attributes.collect())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one insertion, so a panic elsewhere leaves no change incomplete.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
