//! A run: one receipt of a message by a worker, with its result.

use duffel_webhook_receiver::consume::guard::{Claim, Completed};

use super::schedule::{Event, Fault, Receipt};

pub struct Run {
    pub receipt: Receipt,
    /// The number of the message.
    pub message: usize,
    pub event: Event,
    /// The time of the worker's clock at the start.
    pub clock: u64,
    /// The time of the queue at the start.
    pub since: u64,
    /// The turn in which the store granted its claim.
    pub granted: Option<u64>,
    /// The claim with which the work began.
    pub claim: Option<Claim>,
    pub working: Working,
    /// The answer to its last completion; `Err` if there was none.
    pub completion: Option<Result<Completed, ()>>,
    /// The store carried out its release. (A late repetition of the claim may come after that, and expires.)
    pub released: bool,
    /// A release had no answer.
    pub release_failed: bool,
    pub dead: bool,
    calls: usize,
}

/// The state of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Working {
    NotBegun,
    Now,
    Failed,
    /// It succeeded in this turn.
    Done(u64),
}

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message is acknowledged: the work was done now,
    Ran,
    /// or before.
    AlreadyDone,
    /// The message is not acknowledged: another run is in progress,
    InProgress,
    /// the store failed at the claim,
    StoreFailed,
    /// or the work failed.
    WorkFailed,
    /// The message is acknowledged or not, by a mutant.
    Mutant {
        acknowledged: bool,
    },
    Panic,
}

impl Verdict {
    pub fn is_acknowledged(self) -> bool {
        matches!(self, Self::Ran | Self::AlreadyDone | Self::Mutant { acknowledged: true })
    }
}

impl Run {
    pub fn new(receipt: &Receipt, message: usize, event: Event, clock: u64, since: u64) -> Self {
        Self {
            receipt: receipt.clone(),
            message,
            event,
            clock,
            since,
            granted: None,
            claim: None,
            working: Working::NotBegun,
            completion: None,
            released: false,
            release_failed: false,
            dead: false,
            calls: 0,
        }
    }

    /// The fault of its next call.
    pub fn next_fault(&mut self) -> Fault {
        self.calls += 1;
        self.receipt.faults.get(self.calls - 1).copied().unwrap_or(Fault::Fine)
    }

    pub fn is_done(&self) -> bool {
        matches!(self.working, Working::Done(_))
    }

    /// Returns whether its lease was over by this clock, while it had the time to go on. A worker with a time limit is
    /// killed before.
    pub fn outlived_its_lease(&self, clock: u64) -> bool {
        self.receipt.unlimited && self.claim.as_ref().is_some_and(|claim| claim.leased_until() < clock * 1000)
    }

    /// The failure by which its finished work was not recorded. `latest` is the latest clock of a run that had a claim.
    pub fn excuse(&self, latest: u64) -> Option<&'static str> {
        match self.completion {
            Some(Err(())) => Some("excused: the store failed at the completion"),
            None | Some(Ok(Completed::Superseded)) if self.outlived_its_lease(latest) => {
                Some("excused: the lease expired during the work")
            }
            None if self.dead => Some("excused: killed before it was recorded"),
            _ => None,
        }
    }
}
