//! The store of claims and completions, which all processes of a consumer share.

use std::{error::Error, future::Future, time::SystemTime};

use thiserror::Error;

use super::claim::Claim;

/// A store in which each call is atomic. A call may be repeated, and may arrive late.
pub trait Store: Send + Sync {
    /// Stores a claim, unless the event is done or another claim holds. A claim holds until its lease expires; a
    /// repeated claim, with the same token, is granted again.
    ///
    /// # Errors
    /// If it is not known whether the claim was granted.
    fn claim(
        &self,
        claim: &Claim,
        now: SystemTime,
    ) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// Turns a claim into a completion, if no other run has claimed the event since.
    ///
    /// # Errors
    /// If it is not known whether the completion was stored. A retry is safe.
    fn complete(&self, claim: &Claim) -> impl Future<Output = Result<Completed, StoreError>> + Send;

    /// Deletes a claim, unless it was completed or another run has claimed the event since. A repetition of the claim
    /// that arrives even later holds again until its lease expires.
    ///
    /// # Errors
    /// If it is not known whether the claim was deleted. It expires with its lease.
    fn release(&self, claim: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The work may run.
    Granted,
    /// Another run has the claim.
    InProgress {
        /// The end of its lease.
        until: SystemTime,
    },
    /// The work was done, within the retention.
    Done,
}

/// The answer to a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// The event does not run again within the retention.
    Stored,
    /// The claim does not exist any more: its lease expired, and another run claimed the event.
    Superseded,
}

/// The failure of a store to answer.
#[derive(Debug, Error)]
#[error("the store of the guard failed")]
pub struct StoreError(#[source] pub Box<dyn Error + Send + Sync>);
