//! Mutants of the batch handler, on plain data: one for each way in which handlers of batches were found to be wrong.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use duffel_webhook_receiver::consume::batch;
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use serde_json::{Value, json};

use super::schedules::Batch;

/// A handler of batches, and what it keeps from one batch to the next.
pub trait Subject {
    /// Returns the response; `None` if the invocation fails.
    fn handle(&mut self, batch: &Batch) -> Option<Value>;
}

/// Runs a future on a runtime without threads; `None` if it panics.
pub fn block_on<T>(future: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(future))).ok()
}

/// The handler of the product.
pub struct Real;

impl Subject for Real {
    fn handle(&mut self, batch: &Batch) -> Option<Value> {
        let event = serde_json::from_value(batch.event.clone()).ok()?;
        let response =
            block_on(batch::handle(event, async |message| batch.work(message.message_id()).await))?;
        serde_json::to_value(response).ok()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// None. It shows that the other mutants are detected for their mutations, not for how they are written.
    None,
    /// Powertools for Python #1927: as if the queue were a standard queue.
    ContinuesWithinTheGroup,
    /// Powertools for Python #2981 and TypeScript #2561.
    StopsTheBatch,
    ReportsTheFailedOneOnly,
    ReportsTheWholeGroup,
    ReportsTheWholeBatch,
    ReportsNothing,
    ReportsTwice,
    ReportsAnEmptyId,
    /// Powertools for TypeScript #3673: a retry in the same process is not handled.
    RemembersFailedGroups,
    /// Powertools for Python #7596.
    FailsTheInvocationIfAllFailed,
    FailsTheInvocationIfAnyFailed,
    ReversesAGroup,
    RunsAGroupAtOnce,
    RunsAGroupTwice,
    RunsOneGroupAfterTheOther,
    RunsMessagesWithoutAGroupAsOne,
    DropsWhatItCannotDecode,
    ContinuesAfterWhatItCannotDecode,
    RefusesABatchWithWhatItCannotDecode,
    TakesAPanicForSuccess,
    LetsAPanicThrough,
}

pub struct Mutant {
    mutation: Mutation,
    failed_groups: HashSet<String>,
}

impl Mutant {
    pub fn new(mutation: Mutation) -> Self {
        Self { mutation, failed_groups: HashSet::new() }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == mutation
    }

    /// Handles one record. Returns whether it succeeded.
    async fn attempt(&self, batch: &Batch, record: &Value) -> bool {
        if record["messageAttributes"].get("encoding").is_some() {
            return self.is(Mutation::DropsWhatItCannotDecode);
        }
        let work = batch.work(record["messageId"].as_str().unwrap());
        if self.is(Mutation::LetsAPanicThrough) {
            return work.await.is_ok();
        }
        let done = AssertUnwindSafe(work).catch_unwind().await;
        done.map_or(self.is(Mutation::TakesAPanicForSuccess), |done| done.is_ok())
    }

    /// Returns the ids of a group that come again.
    async fn group(&self, batch: &Batch, name: &str, records: &[&Value]) -> Vec<String> {
        let ids: Vec<_> =
            records.iter().map(|record| record["messageId"].as_str().unwrap().to_owned()).collect();
        if self.is(Mutation::RemembersFailedGroups) && self.failed_groups.contains(name) {
            return ids;
        }
        if self.is(Mutation::RunsAGroupAtOnce) {
            let done = join_all(records.iter().map(|record| self.attempt(batch, record))).await;
            let failure = done.iter().position(|done| !done).unwrap_or(done.len());
            return ids[failure..].to_vec();
        }
        let mut failed = Vec::new();
        let times = if self.is(Mutation::RunsAGroupTwice) { 2 } else { 1 };
        for (at, record) in (0..times).flat_map(|_| records.iter().enumerate()) {
            if self.attempt(batch, record).await {
                continue;
            }
            let is_undecodable = record["messageAttributes"].get("encoding").is_some();
            match self.mutation {
                Mutation::ContinuesWithinTheGroup => failed.push(ids[at].clone()),
                Mutation::ContinuesAfterWhatItCannotDecode if is_undecodable => failed.push(ids[at].clone()),
                Mutation::ReportsTheFailedOneOnly => return vec![ids[at].clone()],
                Mutation::ReportsTheWholeGroup => return ids,
                _ => {
                    failed.extend_from_slice(&ids[at..]);
                    return failed;
                }
            }
        }
        failed
    }

    async fn run(&mut self, batch: &Batch) -> Option<Value> {
        let records = batch.event["Records"].as_array().unwrap();
        let undecodable = |record: &Value| record["messageAttributes"].get("encoding").is_some();
        if self.is(Mutation::RefusesABatchWithWhatItCannotDecode) && records.iter().any(undecodable) {
            return None;
        }
        let mut groups: Vec<(String, Vec<&Value>)> = Vec::new();
        for (at, record) in records.iter().enumerate() {
            let alone = if self.is(Mutation::RunsMessagesWithoutAGroupAsOne) { 0 } else { at };
            let group = record["attributes"]["MessageGroupId"].as_str();
            let group = group.map_or_else(|| format!("alone {alone}"), str::to_owned);
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, records)) => records.push(record),
                None => groups.push((group, vec![record])),
            }
        }
        if self.is(Mutation::ReversesAGroup) {
            for (_, records) in &mut groups {
                records.reverse();
            }
        }
        let this = &*self;
        let failed: Vec<Vec<String>> = match this.mutation {
            Mutation::StopsTheBatch => {
                let mut failed = Vec::new();
                for record in records {
                    let id = record["messageId"].as_str().unwrap().to_owned();
                    if !failed.is_empty() || !this.attempt(batch, record).await {
                        failed.push(id);
                    }
                }
                vec![failed]
            }
            Mutation::RunsOneGroupAfterTheOther => {
                let mut failed = Vec::new();
                for (name, records) in &groups {
                    failed.push(this.group(batch, name, records).await);
                }
                failed
            }
            _ => {
                let runs = groups.iter().map(|(name, records)| -> BoxFuture<'_, _> {
                    Box::pin(this.group(batch, name, records))
                });
                join_all(runs).await
            }
        };
        let names: HashSet<_> = groups
            .iter()
            .zip(&failed)
            .filter(|(_, failed)| !failed.is_empty())
            .map(|((name, _), _)| name.clone())
            .collect();
        let failed: HashSet<_> = failed.into_iter().flatten().collect();
        self.failed_groups.extend(names);
        self.response(records, &failed)
    }

    fn response(&self, records: &[Value], failed: &HashSet<String>) -> Option<Value> {
        let all = records.iter().map(|record| record["messageId"].as_str().unwrap());
        let mut ids: Vec<_> = all.clone().filter(|id| failed.contains(*id)).collect();
        match self.mutation {
            Mutation::ReportsNothing => ids.clear(),
            Mutation::ReportsTheWholeBatch if !ids.is_empty() => ids = all.collect(),
            Mutation::ReportsTwice => ids = ids.into_iter().flat_map(|id| [id, id]).collect(),
            Mutation::ReportsAnEmptyId => ids.fill(""),
            Mutation::FailsTheInvocationIfAllFailed if !ids.is_empty() && ids.len() == records.len() => {
                return None;
            }
            Mutation::FailsTheInvocationIfAnyFailed if !ids.is_empty() => return None,
            _ => {}
        }
        let failures: Vec<_> = ids.into_iter().map(|id| json!({ "itemIdentifier": id })).collect();
        Some(json!({ "batchItemFailures": failures }))
    }
}

impl Subject for Mutant {
    fn handle(&mut self, batch: &Batch) -> Option<Value> {
        block_on(self.run(batch)).flatten()
    }
}
