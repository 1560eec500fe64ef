//! The store of the model: the real one in memory, or a mutant of it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use duffel_webhook_receiver::{
    consume::guard::{Claim, Claimed, Completed, InMemory, Record, Status, Store, StoreError},
    time::unix_seconds,
};
use futures_util::FutureExt;

/// A store that answers at once.
pub trait Table: Send {
    fn get(&self, identity: &str) -> Option<Record>;
    fn claim(&mut self, claim: &Claim, now: SystemTime) -> Claimed;
    fn complete(&mut self, claim: &Claim) -> Completed;
    fn release(&mut self, claim: &Claim);
    /// Completes a claim as a part of a transaction, on the condition of `Dynamo::completion`.
    fn transact(&mut self, claim: &Claim) -> bool;
    fn sweep(&mut self, now: SystemTime);
}

impl Table for InMemory {
    fn get(&self, identity: &str) -> Option<Record> {
        self.get(identity)
    }

    fn claim(&mut self, claim: &Claim, now: SystemTime) -> Claimed {
        at_once(Store::claim(self, claim, now))
    }

    fn complete(&mut self, claim: &Claim) -> Completed {
        at_once(Store::complete(self, claim))
    }

    fn release(&mut self, claim: &Claim) {
        at_once(Store::release(self, claim));
    }

    fn transact(&mut self, claim: &Claim) -> bool {
        in_transaction(self, claim)
    }

    fn sweep(&mut self, now: SystemTime) {
        InMemory::sweep(self, now);
    }
}

/// Completes a claim as a transaction with `Dynamo::completion` does.
pub fn in_transaction(store: &mut InMemory, claim: &Claim) -> bool {
    let is_held = store.get(claim.identity()).is_some_and(|record| record.is_held_by(claim));
    is_held && Table::complete(store, claim) == Completed::Stored
}

fn at_once<T>(call: impl Future<Output = Result<T, StoreError>>) -> T {
    call.now_or_never().expect("the store in memory does not wait").unwrap()
}

/// The mutation of a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TableMutation {
    /// None. It shows that the other mutants are detected for their mutations, not for how they are written.
    None,
    GrantsEveryClaim,
    /// Answers a claim that holds as if it were completed.
    TakesInProgressForDone,
    NeverEndsALease,
    /// Lets a lease end at once.
    IgnoresTheLease,
    /// Lets a completion count for the time of the lease only.
    ForgetsWithTheLease,
    NeverEndsTheRetention,
    /// Treats a repeated claim as that of another run.
    RefusesRepeatedClaims,
    /// Lets a repeated claim replace its own completion.
    RepeatsClaimsOverCompletions,
    CompletesForStrangers,
    NeverReleases,
    ReleasesForStrangers,
    /// Lets the run that completed delete its completion.
    ReleasesCompletions,
    TransactsForStrangers,
    /// Accepts a transaction of a claim that is completed.
    TransactsTwice,
}

pub struct MutantTable {
    records: BTreeMap<String, Record>,
    mutation: TableMutation,
}

impl MutantTable {
    pub fn new(mutation: TableMutation) -> Self {
        Self { records: BTreeMap::new(), mutation }
    }

    fn has(&self, claim: &Claim, is_right: impl Fn(&Record) -> bool) -> bool {
        self.records.get(claim.identity()).is_some_and(is_right)
    }

    fn put(&mut self, claim: &Claim, status: Status) {
        let (token, leased_until) = (claim.token().to_owned(), claim.leased_until());
        let record = Record { token, status, leased_until, expires_at: claim.expires_at() };
        self.records.insert(claim.identity().to_owned(), record);
    }

    fn answer(&self, record: &Record, claim: &Claim, now: SystemTime) -> Claimed {
        let (is_completed, is_own) = (record.status == Status::Completed, record.token == claim.token());
        let is_expired =
            record.expires_at < unix_seconds(now) && self.mutation != TableMutation::NeverEndsTheRetention;
        let until = UNIX_EPOCH + Duration::from_millis(record.leased_until);
        let is_over = match self.mutation {
            TableMutation::NeverEndsALease => false,
            TableMutation::IgnoresTheLease => true,
            _ => until < now,
        };
        let is_free = is_over && (!is_completed || self.mutation == TableMutation::ForgetsWithTheLease);
        let is_repeated = match self.mutation {
            TableMutation::RefusesRepeatedClaims => false,
            TableMutation::RepeatsClaimsOverCompletions => is_own,
            _ => is_own && !is_completed,
        };
        if is_expired || is_free || is_repeated || self.mutation == TableMutation::GrantsEveryClaim {
            Claimed::Granted
        } else if is_completed || self.mutation == TableMutation::TakesInProgressForDone {
            Claimed::Done
        } else {
            Claimed::InProgress { until }
        }
    }
}

impl Table for MutantTable {
    fn get(&self, identity: &str) -> Option<Record> {
        self.records.get(identity).cloned()
    }

    fn claim(&mut self, claim: &Claim, now: SystemTime) -> Claimed {
        let record = self.records.get(claim.identity());
        let answer = record.map_or(Claimed::Granted, |record| self.answer(record, claim, now));
        if answer == Claimed::Granted {
            self.put(claim, Status::InProgress);
        }
        answer
    }

    fn complete(&mut self, claim: &Claim) -> Completed {
        let strangers = self.mutation == TableMutation::CompletesForStrangers;
        if self.has(claim, |record| strangers || record.token == claim.token()) {
            self.put(claim, Status::Completed);
            Completed::Stored
        } else {
            Completed::Superseded
        }
    }

    fn release(&mut self, claim: &Claim) {
        let is_right = match self.mutation {
            TableMutation::NeverReleases => false,
            TableMutation::ReleasesForStrangers => {
                self.has(claim, |record| record.status == Status::InProgress)
            }
            TableMutation::ReleasesCompletions => self.has(claim, |record| record.token == claim.token()),
            _ => self.has(claim, |record| record.is_held_by(claim)),
        };
        if is_right {
            self.records.remove(claim.identity());
        }
    }

    fn transact(&mut self, claim: &Claim) -> bool {
        let is_right = match self.mutation {
            TableMutation::TransactsForStrangers => true,
            TableMutation::TransactsTwice => self.has(claim, |record| record.token == claim.token()),
            _ => self.has(claim, |record| record.is_held_by(claim)),
        };
        if is_right {
            self.put(claim, Status::Completed);
        }
        is_right
    }

    fn sweep(&mut self, now: SystemTime) {
        self.records.retain(|_, record| record.expires_at >= unix_seconds(now));
    }
}
