//! A message as a consumer receives it, from a Lambda event or a poll.

mod json;
mod verify;

use std::{collections::HashMap, fmt, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::Value;
use thiserror::Error;

pub(super) use self::json::id_and_group;
pub use self::verify::Unverified;
use crate::time::parse_time;

/// A message with its decoded body and the attributes that the receiver set
/// ([`queue::Message`](crate::queue::Message) lists them).
#[derive(Clone)]
pub struct Received {
    message_id: String,
    receipt_handle: Option<String>,
    system: HashMap<String, String>,
    attributes: HashMap<String, String>,
    source: String,
    identity: String,
    body: Bytes,
}

/// The parts of a message, for clients whose messages are not JSON, such as the AWS SDK for Rust.
///
/// Its `Message::message_attributes` has the texts for `attributes` under `string_value`.
#[derive(Clone, Default)]
pub struct Parts {
    pub message_id: Option<String>,
    pub receipt_handle: Option<String>,
    pub body: Option<String>,
    /// The system attributes, such as `MessageGroupId`.
    pub system: HashMap<String, String>,
    /// The texts of the message attributes, such as `identity`.
    pub attributes: HashMap<String, String>,
}

impl Received {
    /// Reads a message from JSON: a record of [Lambda's SQS
    /// event](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html), or a message of
    /// [`ReceiveMessage`](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html) as
    /// AWS's CLI and SDKs print it. A subscription of SNS with raw delivery has the same form. Unknown members are
    /// ignored.
    ///
    /// # Errors
    /// If it is not a message of the receiver, or its body cannot be decoded. A retry has the same result.
    pub fn read(message: Value) -> Result<Self, Undecodable> {
        Self::new(json::parts(message)?)
    }

    /// Makes a message of its parts.
    ///
    /// # Errors
    /// As [`Received::read`].
    pub fn new(parts: Parts) -> Result<Self, Undecodable> {
        let Parts { message_id, receipt_handle, body, system, attributes } = parts;
        let message_id = message_id.filter(|id| !id.is_empty()).ok_or(Undecodable::NoMessageId)?;
        let required = |name| attributes.get(name).cloned().ok_or(Undecodable::NoAttribute(name));
        let (source, identity) = (required("source")?, required("identity")?);
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if identity.len() != 64 || !identity.bytes().all(is_hex) {
            return Err(Undecodable::Identity);
        }
        let body = body.ok_or(Undecodable::NoBody)?;
        let body = match attributes.get("encoding").map(String::as_str) {
            None => body.into(),
            Some("base64") => STANDARD.decode(body).map_err(|_| Undecodable::Base64)?.into(),
            Some(_) => return Err(Undecodable::Encoding),
        };
        Ok(Self { message_id, receipt_handle, system, attributes, source, identity, body })
    }

    /// The name of the source, as in `duffel`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The hash that all messages of one event share, 64 lower-case hex digits: the key for idempotent work.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The type of the event, as in `order.created`; `None` if it has none.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.attribute("event_type")
    }

    /// The event's own id, as in `wev_0000A3tQSmKyqOrcySrGbo`.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.attribute("event_id")
    }

    /// The provider's key for deduplication; with Duffel, the object that the event is about.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.attribute("idempotency_key")
    }

    /// `true` in live mode, `false` in test mode; `None` if the event does not state it.
    #[must_use]
    pub fn live_mode(&self) -> Option<bool> {
        self.attribute("live_mode")?.parse().ok()
    }

    /// The shop in which it happened, with the scheme `shopify`; not signed.
    #[must_use]
    pub fn shop(&self) -> Option<&str> {
        self.attribute("shop")
    }

    /// The time at which the receiver received it.
    #[must_use]
    pub fn received_at(&self) -> Option<SystemTime> {
        parse_time(self.attribute("received_at")?)
    }

    /// A message attribute by its name, if it is text.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The message group, as in `duffel/ord_0000ABd6wggSct7BoraU1o`; `None` on a standard queue, or if the poll did not
    /// request it.
    #[must_use]
    pub fn group_id(&self) -> Option<&str> {
        self.system.get("MessageGroupId").map(String::as_str).filter(|group| !group.is_empty())
    }

    /// The queue's id for the message. Two messages of one event have two ids: use [`Received::identity`].
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The handle to delete the message with.
    #[must_use]
    pub fn receipt_handle(&self) -> Option<&str> {
        self.receipt_handle.as_deref()
    }

    /// The number of times that the message was received, this time included; approximate.
    #[must_use]
    pub fn receive_count(&self) -> Option<u32> {
        self.system.get("ApproximateReceiveCount")?.parse().ok()
    }

    /// The signed bytes, exactly as the provider sent them.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Without body and attributes, which hold personal data and a signature.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Received");
        debug.field("message_id", &self.message_id).field("identity", &self.identity);
        debug.field("source", &self.source).field("kind", &self.kind()).finish_non_exhaustive()
    }
}

/// A reason why a message cannot be decoded. It never contains the body.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Undecodable {
    #[error("the message is not a JSON object")]
    NotAnObject,
    #[error("the message has no message id")]
    NoMessageId,
    #[error("the message has no body")]
    NoBody,
    #[error(
        "the message has no attribute {0}: the receiver did not send it, the poll did not request the message \
         attributes, or the subscription to a topic is without raw message delivery"
    )]
    NoAttribute(&'static str),
    #[error("the attribute {0} of the message is not text")]
    NotText(&'static str),
    #[error("the attribute identity of the message is not 64 lower-case hex digits")]
    Identity,
    #[error("the attribute encoding of the message is not base64, the only encoding that is known")]
    Encoding,
    #[error("the body of the message is not the base64 that the attribute encoding announces")]
    Base64,
}
