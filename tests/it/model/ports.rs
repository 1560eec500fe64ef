//! Ledger and queue of the model: every call awaits before and after its work, and may meet a fault.

use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
};

use duffel_webhook_receiver::{
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
};

use super::{
    attempt::{Forwarding, Recording},
    world::{Replace, SentMessage, World},
};
use crate::support::{fault::Fault, search::breathe};

/// The ports of a process to the world.
#[derive(Clone)]
pub struct Ports(Arc<Mutex<World>>);

/// There was no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub struct Lost;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Find,
    Send,
    Put,
}

impl Ports {
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub async fn find(&self, identity: &str) -> Result<Option<Record>, Lost> {
        let identity = identity.to_owned();
        self.call(Call::Find, move |world, attempt| world.find(attempt, &identity)).await
    }

    pub async fn put(&self, identity: &str, record: &Record, replace: Replace) -> Result<(), Lost> {
        let (identity, record) = (identity.to_owned(), record.clone());
        self.call(Call::Put, move |world, attempt| world.put(attempt, &identity, &record, replace)).await
    }

    pub async fn send(&self, sent: SentMessage, deduplicates: bool) -> Result<String, Lost> {
        self.call(Call::Send, move |world, attempt| world.take(attempt, &sent, deduplicates)).await
    }

    /// Answers the delivery whose turn it is; only its first answer counts.
    pub fn answer(&self, answer: String) {
        let mut world = self.world();
        let (number, turn) = (world.current, world.turn);
        if world.attempts[number].answered.is_none() {
            world.note(|| format!("  #{number}: {answer}"));
            world.attempts[number].answered = Some((turn, answer));
            world.check_answer(number);
        }
    }

    async fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut World, usize) -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (attempt, fault) = {
            let mut world = self.world();
            let attempt = world.current;
            (attempt, world.attempts[attempt].next_fault())
        };
        breathe().await;
        self.count_call(attempt, call, fault);
        let answer = match fault {
            Fault::Down => Err(Lost),
            Fault::Late => {
                self.world().delay(attempt, Box::new(move |world, attempt| drop(work(world, attempt))));
                Err(Lost)
            }
            Fault::KilledBefore => self.die(attempt).await,
            Fault::KilledAfter => {
                work(&mut self.world(), attempt);
                self.die(attempt).await
            }
            Fault::AnswerLost => {
                work(&mut self.world(), attempt);
                Err(Lost)
            }
            Fault::Fine => Ok(work(&mut self.world(), attempt)),
        };
        // What the caller learns, and must base its answer on.
        let failed = answer.is_err();
        breathe().await;
        let of = &mut self.world().attempts[attempt];
        match call {
            Call::Put if failed && of.recording == Recording::NotTried => of.recording = Recording::Failed,
            Call::Put => {}
            Call::Send if !failed => of.forwarding = Forwarding::Done,
            _ if failed && of.forwarding == Forwarding::NotTried => of.forwarding = Forwarding::Failed,
            _ => {}
        }
        answer
    }

    async fn die<T>(&self, attempt: usize) -> T {
        {
            let mut world = self.world();
            world.doomed = Some(world.attempts[attempt].process);
        }
        pending().await
    }

    fn count_call(&self, attempt: usize, call: Call, fault: Fault) {
        let (verb, name) = match (call, fault) {
            (Call::Find, Fault::Fine) => ("looks up", "look-ups"),
            (Call::Find, Fault::KilledBefore | Fault::KilledAfter) => ("looks up", "kills at the look-up"),
            (Call::Find, _) => ("looks up", "faults at the look-up"),
            (Call::Send, Fault::Fine) => ("sends", "sends"),
            (Call::Send, Fault::KilledBefore) => ("sends", "kills before the send"),
            (Call::Send, Fault::KilledAfter) => ("sends", "kills after the send"),
            (Call::Send, _) => ("sends", "faults at the send"),
            (Call::Put, Fault::Fine) => ("records", "records"),
            (Call::Put, Fault::KilledBefore) => ("records", "kills before the record"),
            (Call::Put, Fault::KilledAfter) => ("records", "kills after the record"),
            (Call::Put, _) => ("records", "faults at the record"),
        };
        let mut world = self.world();
        world.count(name);
        world.note(|| match fault {
            Fault::Fine => format!("  #{attempt} {verb}"),
            fault => format!("  #{attempt} {verb}: {fault:?}"),
        });
    }
}

impl Ledger for Ports {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        self.find(identity.as_str()).await.map_err(|lost| LedgerError(lost.into()))
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        let put = self.put(identity.as_str(), record, Replace::IfLater);
        put.await.map_err(|lost| LedgerError(lost.into()))
    }
}

impl Queue for Ports {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        self.send(SentMessage::of(message), true).await.map_err(|lost| QueueError(lost.into()))
    }
}

impl SentMessage {
    pub fn of(message: &Message) -> Self {
        let signature = message.attributes().iter().find(|(name, _)| *name == "signature");
        Self {
            identity: message.deduplication_id().to_owned(),
            group: message.group_id().to_owned(),
            body: message.body().to_owned(),
            signature: signature.map(|(_, value)| value.clone()).unwrap_or_default(),
        }
    }
}
