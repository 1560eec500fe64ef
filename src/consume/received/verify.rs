//! A second verification, of the message: the signature over its body, and its identity against the signed event.

use std::time::SystemTime;

use thiserror::Error;

use super::Received;
use crate::{
    event::{Event, EventError},
    signature::{
        Delivery, SignatureError, Verifier,
        scheme::{Family, Text, Time},
    },
    time::unix_millis,
};

impl Received {
    /// Verifies the message as the receiver verified the delivery, with the keys and the tolerance of `verifier`.
    ///
    /// The headers are rebuilt from the attributes `signature`, `signature_timestamp`, `event_id`, `event_type` and
    /// `shop`, whatever names they had at the provider. That is enough for every built-in scheme; no further header is
    /// needed. A scheme that signs an id, such as `standard-webhooks`, needs the `event_id`, and one whose time has a
    /// header of its own needs the `signature_timestamp`.
    ///
    /// The event is then read from the body again, and its identity must be that of the message, so a changed attribute
    /// `identity` is detected. With `github` and `shopify`, type, id and shop come from headers that the provider does
    /// not sign; whoever can change all attributes of a message can change these.
    ///
    /// `now` is compared with the time of the signature. A message may wait in the queue for 14 days, so use a tolerance
    /// that is as long, or [`Received::received_at`] as `now`, which is not signed.
    ///
    /// # Errors
    /// If the message must not be trusted.
    pub fn verify(&self, verifier: &Verifier, now: SystemTime) -> Result<(), Unverified> {
        if self.source != verifier.source() {
            return Err(Unverified::OtherSource);
        }
        let scheme = verifier.scheme();
        let required = |name, is_required| match self.attribute(name) {
            None if is_required => Err(Unverified::NoAttribute(name)),
            value => Ok(value),
        };
        let signature = required("signature", true)?;
        let time = required("signature_timestamp", scheme.time == Time::Header)?;
        let id = required("event_id", scheme.signed.covers_id())?;
        // Which family it was is not recorded. Their layout is the same, so each is tried.
        let headers = scheme.families.iter().flat_map(|family| {
            let Family { signature: name, time: time_name, id: id_name, kind, shop } = family;
            let pairs: [(Option<&Text>, Option<&str>); 5] = [
                (Some(name), signature),
                (time_name.as_ref(), time),
                (id_name.as_ref(), id),
                (kind.as_ref(), self.kind()),
                (shop.as_ref(), self.shop()),
            ];
            pairs.into_iter().filter_map(|(name, value)| Some((name?.clone(), value?.to_owned())))
        });
        let delivery = Delivery { headers: headers.collect(), body: self.body.clone(), trace: None };
        let mut found = verifier.verify(delivery, now)?;
        if let Some(received_at) = self.received_at() {
            found = found.with_receipt_at(unix_millis(received_at));
        }
        let event = Event::parse(found)?;
        if event.identity().as_str() == self.identity { Ok(()) } else { Err(Unverified::OtherIdentity) }
    }
}

/// A reason not to trust a message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unverified {
    #[error("the message is of another source than the verifier")]
    OtherSource,
    #[error("the message has no attribute {0}, without which its signature cannot be verified")]
    NoAttribute(&'static str),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Event(#[from] EventError),
    #[error("the identity of the message is not that of the event in its body")]
    OtherIdentity,
}
