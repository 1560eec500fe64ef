//! The consumer under test: the real guard, or a mutant of it, in front of the real store in memory, or a mutant of that.

use std::{
    pin::Pin,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::consume::guard::{
    Claim, Claimed, Completed, Guard, GuardError, InMemory, Outcome, Store,
};

use super::{
    ports::Ports,
    run::Verdict,
    table::{MutantTable, Table, TableMutation},
    world::{LEASE, LIMIT, RETENTION},
};

pub struct Consumer {
    pub table: fn(TableMutation) -> Box<dyn Table>,
    table_mutation: TableMutation,
    mutation: Option<Mutation>,
    /// The lease, in seconds.
    lease: u64,
    /// The time limit of a run, in seconds.
    pub limit: u64,
}

/// The mutation of a guard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// None. It shows that the other mutants are detected for their mutations, not for how they are written.
    None,
    CompletesFirst,
    AcknowledgesInProgress,
    AcknowledgesIfTheStoreFails,
    AcknowledgesFailedWork,
    WorksIfTheStoreFails,
    WorksInProgress,
    CompletesFailedWork,
    NeverClaims,
    NeverCompletes,
    NeverReleases,
    /// Does not acknowledge work that is done and not recorded.
    FailsIfUnrecorded,
}

/// The result of a run, in time.
pub type Answer = Pin<Box<dyn Future<Output = Verdict>>>;

/// The real guard and store.
pub fn real() -> Consumer {
    Consumer {
        table: |_| Box::new(InMemory::default()),
        table_mutation: TableMutation::None,
        mutation: None,
        lease: LEASE,
        limit: LIMIT,
    }
}

/// A mutant of the guard.
pub fn mutant(mutation: Mutation) -> Consumer {
    Consumer { mutation: Some(mutation), ..real() }
}

/// The real guard on a mutant of the store.
pub fn on_mutant(table_mutation: TableMutation) -> Consumer {
    Consumer { table: |mutation| Box::new(MutantTable::new(mutation)), table_mutation, ..real() }
}

/// The lease is as long as the time limit, and the clocks differ.
pub fn with_a_lease_without_margin() -> Consumer {
    Consumer { lease: LIMIT, ..real() }
}

/// The worker is killed later than the lease ends.
pub fn without_a_time_limit() -> Consumer {
    Consumer { limit: 10 * LIMIT, ..real() }
}

impl Consumer {
    pub fn new_table(&self) -> Box<dyn Table> {
        (self.table)(self.table_mutation)
    }

    /// Handles a message as a consumer does: in the guard, and then acknowledged or not.
    pub fn handle(&self, ports: Ports, identity: String, now: SystemTime) -> Answer {
        let (lease, retention) = (Duration::from_secs(self.lease), Duration::from_secs(RETENTION));
        let mutation = self.mutation;
        Box::pin(async move {
            let verdict = match mutation {
                None => {
                    let guard = Guard { store: ports.clone(), lease, retention };
                    match guard.once(&identity, now, |claim| ports.work(claim)).await {
                        Ok(Outcome::Ran { .. }) => Verdict::Ran,
                        Ok(Outcome::AlreadyDone) => Verdict::AlreadyDone,
                        Err(GuardError::InProgress { .. }) => Verdict::InProgress,
                        Err(GuardError::Store(_)) => Verdict::StoreFailed,
                        Err(GuardError::Work(_)) => Verdict::WorkFailed,
                    }
                }
                Some(mutation) => {
                    let claim = Claim::new(&identity, lease, retention, now);
                    Verdict::Mutant { acknowledged: once(mutation, &ports, claim, now).await }
                }
            };
            if verdict.is_acknowledged() {
                ports.acknowledge().await;
            }
            verdict
        })
    }
}

/// Returns whether the message is acknowledged.
async fn once(mutation: Mutation, ports: &Ports, claim: Claim, now: SystemTime) -> bool {
    let claimed =
        if mutation == Mutation::NeverClaims { Ok(Claimed::Granted) } else { ports.claim(&claim, now).await };
    match claimed {
        Ok(Claimed::Granted) => {}
        Ok(Claimed::Done) => return true,
        Ok(Claimed::InProgress { .. }) if mutation == Mutation::WorksInProgress => {}
        Ok(Claimed::InProgress { .. }) => return mutation == Mutation::AcknowledgesInProgress,
        Err(_) if mutation == Mutation::WorksIfTheStoreFails => {}
        Err(_) => return mutation == Mutation::AcknowledgesIfTheStoreFails,
    }
    if mutation == Mutation::CompletesFirst && ports.complete(&claim).await.is_err() {
        return false;
    }
    let worked = ports.work(claim.clone()).await;
    if worked.is_err() && mutation != Mutation::CompletesFailedWork {
        if mutation != Mutation::NeverReleases {
            ports.release(&claim).await.ok();
        }
        return mutation == Mutation::AcknowledgesFailedWork;
    }
    if !matches!(mutation, Mutation::CompletesFirst | Mutation::NeverCompletes) {
        let completed = match ports.complete(&claim).await {
            Err(_) => ports.complete(&claim).await,
            completed => completed,
        };
        if mutation == Mutation::FailsIfUnrecorded && !matches!(completed, Ok(Completed::Stored)) {
            return false;
        }
    }
    worked.is_ok()
}
