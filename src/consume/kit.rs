//! The test kit: messages as the queue delivers them, for a consumer's tests.
//!
//! The same kit, with the same calls, makes the same messages: ids are counted, and the time is an argument.

mod error;
mod message;
mod record;
pub mod sample;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Value, json};

pub use self::{error::KitError, message::Message, record::lambda_record};
use crate::{
    event::Event,
    in_memory::MemoryLedger,
    ledger::{self, LookUp},
    queue,
    signature::{
        Delivery, Verifier,
        scheme::Scheme,
        secret::{Key, Secret, SecretError},
        sign::{Signing, sign},
    },
    time::unix_seconds,
};

/// A source whose deliveries go through the pipeline of the receiver: signed, verified, parsed, looked up, and made a
/// message. So the messages are those that the receiver sends.
pub struct Kit {
    key: Key,
    verifier: Verifier,
    now: SystemTime,
    /// The number of messages made so far, of which their ids are made.
    count: u64,
}

impl Kit {
    /// The secret of [`Kit::duffel`], for tests only.
    pub const SECRET: &str = "54vFWvaSbbzYpxXPeB4YEw==";

    /// Makes a kit of a source with this name, scheme and secret, at a time.
    ///
    /// # Errors
    /// If the secret is not of the form that the scheme's provider uses.
    pub fn new(source: &str, scheme: Scheme, secret: &str, now: SystemTime) -> Result<Self, SecretError> {
        let key = Secret::new(secret)?.key(scheme.key)?;
        let verifier = Verifier::new(source, scheme, vec![key.clone()], Duration::ZERO);
        Ok(Self { key, verifier, now, count: 0 })
    }

    /// Makes a kit of the source `duffel`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn duffel(now: SystemTime) -> Self {
        Self::new("duffel", Scheme::duffel(), Self::SECRET, now)
            .expect("every text is a secret of this scheme")
    }

    /// Moves the kit's time forward.
    pub fn wait(&mut self, duration: Duration) {
        self.now += duration;
    }

    /// Makes an event of Duffel in live mode, about an object such as `ord_1`, with the payload that is known of its
    /// type. The type may be one that is not known.
    ///
    /// # Errors
    /// If the kit's scheme does not accept it, which `duffel` does.
    pub fn event(&mut self, kind: &str, object: &str) -> Result<Message, KitError> {
        let number = self.count + 1;
        let new_id = |prefix: &str| format!("{prefix}_{}", if prefix == "wev" { number } else { 1 });
        self.message(sample::body(kind, object, self.now, new_id).to_string())
    }

    /// Signs a body, and makes its message.
    ///
    /// # Errors
    /// If the receiver would refuse the delivery.
    pub fn message(&mut self, body: impl Into<Bytes>) -> Result<Message, KitError> {
        self.message_with(body, &[])
    }

    /// Signs a body, and makes its message. `headers` are those that the provider does not sign, by their lower-case
    /// names, such as `x-github-event`.
    ///
    /// # Errors
    /// If the receiver would refuse the delivery.
    pub fn message_with(
        &mut self,
        body: impl Into<Bytes>,
        headers: &[(&'static str, &str)],
    ) -> Result<Message, KitError> {
        let (body, number) = (body.into(), self.count + 1);
        let id = format!("msg_{number}");
        let signing = Signing { label: None, id: &id, seconds: unix_seconds(self.now) };
        let signed = sign(self.verifier.scheme(), &self.key, signing, &body)?;
        let signed = signed.into_iter().map(|(name, value)| (name.into(), value));
        let unsigned = headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned()));
        let delivery = Delivery { headers: signed.chain(unsigned).collect(), body, trace: None };
        let event = Event::parse(self.verifier.verify(delivery, self.now)?)?;
        let look_up = ledger::look_up(&None::<MemoryLedger>, event, Duration::ZERO, self.now).now_or_never();
        let Some(Ok(LookUp::Unseen(unseen))) = look_up else {
            unreachable!("without a ledger, the answer is there at once, and nothing was seen")
        };
        let message = queue::Message::new(unseen, self.now)?;
        self.count = number;
        Ok(Message::first(&message, number))
    }

    /// Makes a second message of an event: with the same identity under another message id, as after the deduplication
    /// interval of the queue.
    pub fn duplicate(&mut self, message: &Message) -> Message {
        self.count += 1;
        message.sent_again(self.count, self.now)
    }

    /// Makes the message that a redrive of a dead letter puts back into the queue: under another message id, received
    /// once. Its `MessageDeduplicationId` is still the first message id, and its attribute `identity` unchanged.
    pub fn redriven(&mut self, message: &Message) -> Message {
        self.count += 1;
        message.dead_letter(0).without_dead_letter_source().sent_again(self.count, self.now)
    }

    /// The verifier of the source, with a tolerance, for [`Received::verify`](super::Received::verify).
    #[must_use]
    pub fn verifier(&self, tolerance: Duration) -> Verifier {
        let scheme = self.verifier.scheme().clone();
        Verifier::new(self.verifier.source(), scheme, vec![self.key.clone()], tolerance)
    }
}

/// Returns the event that Lambda's event source mapping passes to a function.
#[must_use]
pub fn lambda_event(messages: &[Message]) -> Value {
    json!({ "Records": messages.iter().map(Message::record).collect::<Vec<_>>() })
}

/// Returns the result of a poll, as AWS's CLI and SDKs print that of
/// [`ReceiveMessage`](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html).
#[must_use]
pub fn poll_result(messages: &[Message]) -> Value {
    json!({ "Messages": messages.iter().map(Message::polled).collect::<Vec<_>>() })
}
