//! The reasons why a delivery makes no message.

use thiserror::Error;

use crate::{event::EventError, queue::TooLarge, signature::SignatureError};

/// A reason why the receiver would refuse a delivery.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KitError {
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}
