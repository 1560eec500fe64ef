//! The event of a message: Duffel's, typed, or another.

mod duffel;
mod object;
mod payload;

use thiserror::Error;

pub use self::{
    duffel::DuffelEvent,
    object::{
        AirlineCredit, AirlineInitiatedChange, Booking, BookingCreationFailure, Conversation, Misfit, Order,
        OrderCancellation, OrderChange, OrderCreationFailure, Payment, PaymentCreation,
    },
    payload::Payload,
};
use super::received::Received;

/// The event of a message. The bytes are always in [`Received::body`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one event at a time, and it is mostly of the large variant"
)]
pub enum Event {
    /// An event of the source `duffel`.
    Duffel(DuffelEvent),
    /// An event that this module has no types for.
    Other(Untyped),
}

impl Received {
    /// Reads the event in the body, if the source is `duffel`. It never fails: what cannot be read is [`Event::Other`].
    ///
    /// If your source of the scheme `duffel` has another name, use [`DuffelEvent::read`].
    #[must_use]
    pub fn event(&self) -> Event {
        if self.source() != "duffel" {
            return Event::Other(Untyped::OtherSource);
        }
        DuffelEvent::read(self.body()).map_or_else(Event::Other, Event::Duffel)
    }
}

/// The reason why an event is not typed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Untyped {
    #[error("the source is not duffel")]
    OtherSource,
    #[error("the body is not JSON")]
    NotJson,
    #[error("a key on the path to the type, id, idempotency key or mode appears twice")]
    DuplicateKey,
    #[error("the event has no type")]
    NoType,
}
