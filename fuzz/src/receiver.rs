//! The receiver as it is shipped, with an empty queue and ledger in memory.

use std::{
    cell::RefCell,
    pin::pin,
    task::{Context, Poll, Waker},
};

use duffel_webhook_receiver::{
    config::{Config, Secrets},
    in_memory::{MemoryLedger, MemoryQueue},
    receive::Receiver,
};
use serde_json::Value;

use crate::signer::sources;

pub type Memory = Receiver<MemoryLedger, MemoryQueue>;

pub const WINDOW: &str = "3650d";

/// Builds a receiver with every source from the variables that an operator would set.
fn receiver() -> Memory {
    let config = Config::read(|name| match name {
        "QUEUE_URL" => Some("http://localhost/memory.fifo".to_owned()),
        "DEDUP_WINDOW" => Some(WINDOW.to_owned()),
        "SOURCES" => Some(sources()),
        _ => None,
    })
    .unwrap();
    let window = config.window;
    let sources = config.sources.into_iter().map(|source| {
        let Secrets::Given(keys) = &source.secrets else { unreachable!("all are given") };
        let keys = keys.clone();
        source.source(keys, None)
    });
    Receiver {
        sources: sources.collect(),
        ledger: MemoryLedger::default(),
        queue: MemoryQueue::new().0,
        window,
    }
}

/// Calls `run` with a receiver that has no records, and returns its result and the messages in the queue.
pub fn run<T>(run: impl AsyncFnOnce(&Memory) -> T) -> (T, Vec<Value>) {
    thread_local! {
        // Only its sources are kept: the result of an input must not depend on the inputs before it.
        static RECEIVER: RefCell<Memory> = RefCell::new(receiver());
    }
    RECEIVER.with_borrow_mut(|receiver| {
        let (queue, mut messages) = MemoryQueue::new();
        (receiver.queue, receiver.ledger) = (queue, MemoryLedger::default());
        // The in-memory ports answer at once, so what is pending stays pending.
        let Poll::Ready(result) = pin!(run(receiver)).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the receiver waits for ever");
        };
        (result, std::iter::from_fn(|| messages.try_recv().ok()).collect())
    })
}
