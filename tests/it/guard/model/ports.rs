//! Store and queue of the model: every call awaits before and after its work, and may meet a fault.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use duffel_webhook_receiver::consume::guard::{Claim, Claimed, Completed, Store, StoreError};

use super::{schedule::Fault, world::World};
use crate::support::search::breathe;

/// The ports of a run to the world.
#[derive(Clone)]
pub struct Ports {
    world: Arc<Mutex<World>>,
    run: usize,
}

/// There was no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub struct Lost;

/// The failure of the work.
#[derive(Debug, thiserror::Error)]
#[error("the work failed")]
pub struct Failed;

impl Ports {
    pub fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)), run: 0 }
    }

    pub fn of(&self, run: usize) -> Self {
        Self { world: Arc::clone(&self.world), run }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Does the work of the event.
    pub async fn work(&self, claim: Claim) -> Result<(), Failed> {
        let (awaits, fails, event) = {
            let mut world = self.world();
            world.begin_work(self.run, &claim);
            let run = &world.runs[self.run];
            (run.receipt.awaits, run.receipt.fails, run.event)
        };
        for _ in 0..awaits {
            breathe().await;
        }
        let succeeds = if event.is_transactional() && !fails {
            // An SDK repeats a transaction under the same request token; a caller may try it once more under another.
            match self.transact(&claim).await {
                Err(Lost) => self.transact(&claim).await.unwrap_or(false),
                Ok(done) => done,
            }
        } else {
            !fails
        };
        self.world().end_work(self.run, succeeds);
        if succeeds { Ok(()) } else { Err(Failed) }
    }

    /// Deletes the message of the run from the queue.
    pub async fn acknowledge(&self) {
        let answer = self.call("acknowledges", World::acknowledge).await;
        if answer.is_err() {
            self.world().count("acknowledgements lost");
        }
    }

    async fn transact(&self, claim: &Claim) -> Result<bool, Lost> {
        let claim = claim.clone();
        self.call("transacts", move |world, run| world.transact(run, &claim)).await
    }

    async fn call<T>(
        &self,
        verb: &str,
        mut work: impl FnMut(&mut World, usize) -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let run = self.run;
        breathe().await;
        let fault = self.world().runs[run].next_fault();
        self.world().note(|| format!("  #{run} {verb}: {fault:?}"));
        let answer = match fault {
            Fault::Fine => Ok(work(&mut self.world(), run)),
            Fault::Down => Err(Lost),
            Fault::AnswerLost => {
                work(&mut self.world(), run);
                Err(Lost)
            }
            Fault::Late => {
                self.world().delay(run, move |world, run| drop(work(world, run)));
                Err(Lost)
            }
            Fault::Repeated => {
                self.world().count("calls repeated");
                work(&mut self.world(), run);
                Ok(work(&mut self.world(), run))
            }
            Fault::RepeatedLate => {
                let answer = work(&mut self.world(), run);
                self.world().delay(run, move |world, run| drop(work(world, run)));
                Ok(answer)
            }
        };
        breathe().await;
        answer
    }
}

impl Store for Ports {
    async fn claim(&self, claim: &Claim, now: SystemTime) -> Result<Claimed, StoreError> {
        let claim = claim.clone();
        let answer = self.call("claims", move |world, run| world.claim(run, &claim, now)).await;
        answer.map_err(|lost| StoreError(lost.into()))
    }

    async fn complete(&self, claim: &Claim) -> Result<Completed, StoreError> {
        let claim = claim.clone();
        let answer = self.call("completes", move |world, run| world.complete(run, &claim)).await;
        self.world().runs[self.run].completion = Some(answer.as_ref().map(|answer| *answer).map_err(|_| ()));
        answer.map_err(|lost| StoreError(lost.into()))
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let claim = claim.clone();
        let answer = self.call("releases", move |world, run| world.release(run, &claim)).await;
        self.world().runs[self.run].release_failed |= answer.is_err();
        answer.map_err(|lost| StoreError(lost.into()))
    }
}
