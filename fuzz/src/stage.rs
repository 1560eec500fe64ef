//! The receiver as it is shipped, on an empty queue and ledger in memory.

use std::{
    cell::RefCell,
    pin::pin,
    task::{Context, Poll, Waker},
};

use duffel_webhook_receiver::{config::{Config, Secrets}, in_memory::{MemoryLedger, MemoryQueue}, receive::Receiver};
use serde_json::Value;

use crate::signer::sources;

pub type Memory = Receiver<MemoryLedger, MemoryQueue>;

pub const WINDOW: &str = "3650d";

/// Builds a receiver of every source, through the variables that an operator would set.
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

/// Lets `run` at a receiver that knows of nothing, and returns its result with what came onto the queue.
pub fn run<T>(run: impl AsyncFnOnce(&Memory) -> T) -> (T, Vec<Value>) {
    thread_local! {
        // Only its sources are kept: what one input left behind must not change what comes of the next.
        static RECEIVER: RefCell<Memory> = RefCell::new(receiver());
    }
    RECEIVER.with_borrow_mut(|receiver| {
        let (queue, mut messages) = MemoryQueue::new();
        (receiver.queue, receiver.ledger) = (queue, MemoryLedger::default());
        // The ports in memory answer at once, so what is not ready never will be.
        let Poll::Ready(result) = pin!(run(receiver)).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits for ever");
        };
        (result, std::iter::from_fn(|| messages.try_recv().ok()).collect())
    })
}
