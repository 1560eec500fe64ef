//! A store in the memory of one process, for tests and for consumers that are one process.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use super::{
    claim::Claim,
    record::{Record, Status},
    store::{Claimed, Completed, Store, StoreError},
};
use crate::time::unix_seconds;

/// A store in memory. It forgets everything with the process.
#[derive(Default)]
pub struct InMemory {
    records: Mutex<HashMap<String, Record>>,
}

impl InMemory {
    /// Returns the record of an event.
    #[must_use]
    pub fn get(&self, identity: &str) -> Option<Record> {
        self.records().get(identity).cloned()
    }

    /// Deletes the records whose retention is over, as a table does by itself.
    pub fn sweep(&self, now: SystemTime) {
        self.records().retain(|_, record| record.expires_at >= unix_seconds(now));
    }

    fn records(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        // Each change is one insertion or removal, so a panic elsewhere leaves no change incomplete.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for InMemory {
    async fn claim(&self, claim: &Claim, now: SystemTime) -> Result<Claimed, StoreError> {
        let mut records = self.records();
        let answer =
            records.get(claim.identity()).map_or(Claimed::Granted, |record| record.answer(claim, now));
        if answer == Claimed::Granted {
            records.insert(claim.identity().to_owned(), Record::of(claim, Status::InProgress));
        }
        Ok(answer)
    }

    async fn complete(&self, claim: &Claim) -> Result<Completed, StoreError> {
        let mut records = self.records();
        match records.get_mut(claim.identity()).filter(|record| record.token == claim.token()) {
            Some(record) => record.status = Status::Completed,
            None => return Ok(Completed::Superseded),
        }
        Ok(Completed::Stored)
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let mut records = self.records();
        if records.get(claim.identity()).is_some_and(|record| record.is_held_by(claim)) {
            records.remove(claim.identity());
        }
        Ok(())
    }
}
