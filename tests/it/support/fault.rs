//! The faults of a call to the ledger or the queue, and in-memory ports that have them on demand.
//!
//! One type serves [`TestReceiver`](super::test_receiver::TestReceiver) and the model, which sees calls and not
//! connections. A call that crosses a connection can fail in more ways, and in different ones towards AWS and in Duffel:
//! [`AwsFault`](super::proxy::AwsFault) and [`ApiFault`](super::duffel::ApiFault). The variants that mean the same have
//! the same names: `Fine`, `Down`, `AnswerLost`.

use std::{collections::VecDeque, future::pending, sync::Mutex};

use duffel_webhook_receiver::{
    identity::Identity,
    in_memory::{MemoryLedger, MemoryQueue},
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
};

/// The fault of a call to the ledger or the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None: the call succeeds.
    Fine,
    /// The call fails, and nothing was done.
    Down,
    /// The call is carried out, but its answer is lost.
    AnswerLost,
    /// The caller gives up, and the call arrives afterwards. In the model only: it needs simulated time.
    Late,
    /// The process dies before the call.
    KilledBefore,
    /// The process dies after the call.
    KilledAfter,
}

/// An in-memory port with a list of faults, one for each of the next calls.
#[derive(Default)]
pub struct Faulty<P> {
    port: P,
    faults: Mutex<VecDeque<Fault>>,
    pub calls: Mutex<usize>,
}

impl<P> Faulty<P> {
    pub fn new(port: P) -> Self {
        Self { port, faults: Mutex::default(), calls: Mutex::default() }
    }

    /// Injects a fault into the next `times` calls, after those that are injected already.
    pub fn inject(&self, fault: Fault, times: usize) {
        self.faults.lock().unwrap().extend(vec![fault; times]);
    }

    /// Lets one call succeed before the faults that are injected after this.
    pub fn pass_next(&self) {
        self.inject(Fault::Fine, 1);
    }

    async fn call<T>(&self, work: impl Future<Output = T>) -> Result<T, &'static str> {
        *self.calls.lock().unwrap() += 1;
        let fault = self.faults.lock().unwrap().pop_front().unwrap_or(Fault::Fine);
        match fault {
            Fault::Fine => Ok(work.await),
            Fault::Down => Err("connection refused"),
            Fault::AnswerLost => {
                work.await;
                Err("connection reset")
            }
            Fault::Late => unreachable!("only the model has simulated time"),
            Fault::KilledBefore => pending().await,
            Fault::KilledAfter => {
                work.await;
                pending().await
            }
        }
    }
}

impl Ledger for Faulty<MemoryLedger> {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        self.call(self.port.find(identity)).await.map_err(|error| LedgerError(error.into()))?
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        self.call(self.port.record(identity, record)).await.map_err(|error| LedgerError(error.into()))?
    }
}

impl Queue for Faulty<MemoryQueue> {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        self.call(self.port.send(message)).await.map_err(|error| QueueError(error.into()))?
    }
}
