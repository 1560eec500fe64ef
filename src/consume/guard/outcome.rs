//! The result of a guarded run: whether to acknowledge the message.

use std::time::SystemTime;

use thiserror::Error;

use super::store::StoreError;

/// The reason to acknowledge a message.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The work was done now.
    Ran {
        value: T,
        /// Whether other messages of the event will be recognised.
        recorded: Result<(), Unrecorded>,
    },
    /// An earlier run did the work.
    AlreadyDone,
}

/// The reason not to acknowledge a message. It must come again.
#[derive(Debug, Error)]
pub enum GuardError<E> {
    /// Another run has the claim. If it succeeds, the next delivery is [`Outcome::AlreadyDone`].
    #[error("another run of the event is in progress")]
    InProgress {
        /// The end of its lease.
        until: SystemTime,
    },
    /// It is not known whether the event is done or in progress, so the work did not run.
    #[error("the guard does not know whether the event is done")]
    Store(#[from] StoreError),
    /// The work failed.
    #[error("{0}")]
    Work(E),
}

/// The reason why finished work is not recorded. It is done again if another message of the event arrives.
#[derive(Debug, Error)]
pub enum Unrecorded {
    /// The lease expired during the work, and another run claimed the event: the lease is too short.
    #[error("the lease expired during the work, and another run claimed the event")]
    Superseded,
    #[error(transparent)]
    Store(#[from] StoreError),
}
