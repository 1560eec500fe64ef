//! The objects in payloads. With API v2 they have ids only: fetch the object, and act on its current state.
//!
//! Duffel documents few of them. A member is required where its presence is documented or was observed in traffic, and
//! optional elsewhere. Members that are not listed are in the body.

use std::cell::OnceCell;

use serde_json::value::RawValue;
use thiserror::Error;

use super::duffel::text;
use crate::json::pointer;

/// The object of `order.created`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// As in `ord_0000ABd6wggSct7BoraU1o`.
    pub order_id: String,
    /// As in `off_0000ABd6wggSct7BoraU1o`.
    pub offer_id: Option<String>,
}

/// The object of `order.creation_failed`: the creation was answered 202, and failed later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderCreationFailure {
    pub offer_id: Option<String>,
    pub order_id: Option<String>,
}

/// The object of `air.order.changed` and `order.updated`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderChange {
    pub order_id: Option<String>,
}

/// The object of `order.airline_initiated_change_detected`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AirlineInitiatedChange {
    pub order_id: String,
    /// As in `aic_0011AJSACO83RgsiSySpzH`; absent with API v1.
    pub change_id: Option<String>,
}

/// The object of `order_cancellation.created` and `order_cancellation.confirmed`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderCancellation {
    /// As in `ore_0000ABd6wggSct7BoraU1o`.
    pub cancellation_id: String,
    pub order_id: String,
}

/// The object of `air.payment.pending`, `.succeeded`, `.failed` and `.cancelled`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payment {
    /// As in `pay_0000ABd6wggSct7BoraU1o`.
    pub payment_id: String,
}

/// The object of `payment.created`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentCreation {
    pub payment_id: Option<String>,
}

/// The object of `air.airline_credit.created`, `.spent` and `.invalidated`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AirlineCredit {
    pub id: Option<String>,
}

/// The object of `stays.booking.created` and `stays.booking.cancelled`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Booking {
    /// As in `bok_0000AcTKWKVb0RWQOUazJo`.
    pub id: Option<String>,
}

/// The object of `stays.booking_creation_failed`: the creation was answered 202, and failed later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookingCreationFailure {
    pub quote_id: Option<String>,
}

/// The object of `assistant.conversation.updated`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    pub id: Option<String>,
}

/// A payload of a known type that does not have the form that this module knows. The body is still whole.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("data.object of the event has no text {member}")]
pub struct Misfit {
    /// The member that is absent, not text, empty, or there more than once.
    pub member: &'static str,
}

/// The texts in `data.object` of a body, which is searched for it once, if at all.
pub(super) struct Object<'a> {
    body: &'a [u8],
    found: OnceCell<Option<&'a RawValue>>,
}

impl<'a> Object<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, found: OnceCell::new() }
    }

    fn found(&self) -> Option<&'a RawValue> {
        *self.found.get_or_init(|| {
            let [object] = pointer::read(self.body, [Some("/data/object")]).ok()?;
            object
        })
    }

    /// Returns the text of the first of these members that is there once.
    pub(super) fn text(&self, members: &[&str]) -> Option<String> {
        let object = self.found()?.get().as_bytes();
        members.iter().find_map(|member| {
            let [found] = pointer::read(object, [Some(&*format!("/{member}"))]).ok()?;
            text(found)
        })
    }

    /// Returns the text, or names the first of the members as missing.
    pub(super) fn required(&self, members: &[&'static str]) -> Result<String, Misfit> {
        self.text(members).ok_or(Misfit { member: members.first().copied().unwrap_or_default() })
    }
}
