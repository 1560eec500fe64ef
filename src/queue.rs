//! The message of an event, and the FIFO queue that it is sent to.
//!
//! Limits and characters of SQS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.

mod received;

use std::{
    error::Error,
    future::Future,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub(crate) use self::received::received_message;
use crate::{
    event::Event,
    ledger::{Record, Unseen},
    trace::Trace,
};

/// The largest message that SQS accepts, body and attributes together: 1 MiB.
pub const MAX_MESSAGE_BYTES: usize = 1_048_576;

/// The deduplication interval of a FIFO queue:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html>.
pub const FIFO_MEMORY: Duration = Duration::from_mins(5);

const MAX_GROUP_ID_CHARS: usize = 128;

/// An event as consumers receive it; only an [`Unseen`] event becomes a message.
///
/// The attributes, all of SQS's type `String`, each of them only if the event has it:
///
/// | attribute | value |
/// |---|---|
/// | `identity` | the event's identity, 64 hex digits |
/// | `source` | the name of the source |
/// | `event_type`, `event_id`, `idempotency_key` | the event's type, id and key |
/// | `live_mode` | `true` or `false` |
/// | `shop` | the shop in which it happened; not signed |
/// | `received_at` | the time of receipt, RFC 3339 in UTC with milliseconds |
/// | `signature` | the signature's header, verbatim |
/// | `signature_timestamp` | the header of the signature's time, verbatim |
/// | `encoding` | `base64` if the body is base64 |
pub struct Message {
    event: Event,
    body: String,
    attributes: Vec<(&'static str, String)>,
    group_id: String,
    sent_at: SystemTime,
}

impl Message {
    /// Makes the message of an event that was not forwarded before.
    ///
    /// # Errors
    /// If the message is larger than [`MAX_MESSAGE_BYTES`]. A retry cannot succeed.
    pub fn new(unseen: Unseen, now: SystemTime) -> Result<Self, TooLarge> {
        let event = unseen.into_event();
        let signed = event.body();
        let verbatim = std::str::from_utf8(signed).ok().filter(|text| is_acceptable(text));
        let encoding = verbatim.is_none().then(|| "base64".to_owned());
        let attributes: Vec<_> = [
            // It is also the deduplication id, but a dead letter gets another one, and keeps it when it is redriven.
            ("identity", Some(event.identity().as_str().to_owned())),
            ("source", Some(event.source().to_owned())),
            ("event_type", event.kind().map(str::to_owned)),
            ("event_id", event.id().map(str::to_owned)),
            ("idempotency_key", event.idempotency_key().map(str::to_owned)),
            ("live_mode", event.live_mode().map(|live| live.to_string())),
            ("shop", event.shop().map(str::to_owned)),
            ("received_at", Some(humantime::format_rfc3339_millis(now).to_string())),
            ("signature", Some(event.signature().to_owned())),
            ("signature_timestamp", event.signature_timestamp().map(str::to_owned)),
            ("encoding", encoding),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| is_acceptable(value))?)))
        .collect();
        // Measured before the body is copied: a refused message should cost nothing more.
        let body_bytes = if verbatim.is_some() { signed.len() } else { signed.len().div_ceil(3) * 4 };
        let bytes = body_bytes + attributes.iter().map(attribute_bytes).sum::<usize>();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(TooLarge { bytes });
        }
        let body = verbatim.map_or_else(|| STANDARD.encode(signed), str::to_owned);
        let group_id = group_id(event.source(), event.object());
        Ok(Self { event, body, attributes, group_id, sent_at: now })
    }

    /// The signed bytes as text, or their base64 if the attribute `encoding` says so: bytes that are not UTF-8, or have
    /// characters that SQS does not accept.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Names and values of the attributes.
    #[must_use]
    pub fn attributes(&self) -> &[(&'static str, String)] {
        &self.attributes
    }

    /// The message group: `<source>/<object>`, at most 128 characters. SQS delivers a group in order, to one consumer
    /// at a time.
    #[must_use]
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// The deduplication id: the event's identity.
    #[must_use]
    pub fn deduplication_id(&self) -> &str {
        self.event.identity().as_str()
    }

    /// The header of the X-Ray trace to pass on; `None` if the delivery is not part of one.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.event.trace().map(Trace::header)
    }

    /// The time at which the message was made.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        self.sent_at
    }
}

/// A signed body that does not fit into a message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the message would have {bytes} bytes, and SQS accepts at most {MAX_MESSAGE_BYTES}")]
pub struct TooLarge {
    pub bytes: usize,
}

/// A FIFO queue, or a FIFO topic that delivers to queues.
pub trait Queue: Send + Sync {
    /// Sends a message and returns the queue's or topic's id for it.
    ///
    /// # Errors
    /// If the message is not known to be in the queue or topic. A retry is safe.
    fn send(&self, message: &Message) -> impl Future<Output = Result<String, QueueError>> + Send;
}

/// The failure of a queue to confirm a message.
#[derive(Debug, Error)]
#[error("the queue or the topic failed")]
pub struct QueueError(#[source] pub Box<dyn Error + Send + Sync>);

/// An event that is in the queue; only [`forward`] makes one, and only such an event is recorded and acknowledged.
pub struct Forwarded {
    event: Event,
    message_id: String,
}

impl Forwarded {
    pub(crate) fn event(&self) -> &Event {
        &self.event
    }

    /// Makes the event's record.
    pub(crate) fn record(&self, window: Duration, now: SystemTime) -> Record {
        Record::of(&self.event, &self.message_id, window, now)
    }
}

/// Sends a message. Returns the proof that the queue has it.
///
/// # Errors
/// If the queue does not confirm it. The event must be delivered again.
pub async fn forward<Q: Queue>(queue: &Q, message: Message) -> Result<Forwarded, QueueError> {
    let message_id = queue.send(&message).await?;
    Ok(Forwarded { event: message.event, message_id })
}

fn attribute_bytes((name, value): &(&'static str, String)) -> usize {
    name.len() + "String".len() + value.len()
}

/// Returns `true` for a text that SQS accepts as a body or a value: not empty, and without characters that XML forbids.
fn is_acceptable(text: &str) -> bool {
    let is_control = |byte| matches!(byte, 0..=0x8 | 0xb | 0xc | 0xe..=0x1f);
    // By bytes and in chunks, which the compiler makes vector instructions of: for a large body, a search that ends at the
    // first match takes longer than verifying it.
    let has_control = |chunk: &[u8]| chunk.iter().fold(false, |found, &byte| found | is_control(byte));
    !text.is_empty()
        && !text.as_bytes().chunks(64).any(has_control)
        && !text.contains('\u{fffe}')
        && !text.contains('\u{ffff}')
}

/// Returns `<source>/<object>`, or its SHA-256 if SQS would refuse that. A source's name has no slash. With the source
/// in it, events of one provider that a consumer cannot process do not block another provider's events.
fn group_id(source: &str, object: &str) -> String {
    let group = format!("{source}/{object}");
    let is_allowed = group.len() <= MAX_GROUP_ID_CHARS && group.bytes().all(|byte| byte.is_ascii_graphic());
    if is_allowed { group } else { hex::encode(Sha256::digest(group)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_characters_are_those_that_sqs_accepts() {
        assert!(is_acceptable("\t\n\r \u{7f}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}"));
        for refused in ["", "\0", "\u{8}", "\u{b}", "\u{c}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert!(!is_acceptable(refused), "{refused:?}");
        }
    }

    #[test]
    fn a_group_id_is_source_and_object_or_their_hash_if_sqs_would_refuse_them() {
        assert_eq!(
            group_id("duffel", "ZmFpbGVkLXBvcl8wMDAwQW5KMjhnQ0lxU3k5RURDeFRV"),
            "duffel/ZmFpbGVkLXBvcl8wMDAwQW5KMjhnQ0lxU3k5RURDeFRV"
        );
        for object in ["a b", "é", "a\u{7f}", &"x".repeat(122)] {
            assert_eq!(group_id("duffel", object), hex::encode(Sha256::digest(format!("duffel/{object}"))));
        }
    }
}
