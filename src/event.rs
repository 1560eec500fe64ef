//! What happened, and when are two deliveries one event?
//!
//! The envelope is Duffel's: `{"id":"wev_…","type":"order.created","idempotency_key":"ord_…","live_mode":true,…}`,
//! <https://duffel.com/docs/api/v2/webhooks>. The rest of the body is the consumer's.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::signature::Verified;

/// The types that happen to one object more than once, so that its key alone does not tell them apart.
pub const REPEATING_TYPES: [&str; 4] =
    ["air.order.changed", "assistant.conversation.updated", "order.updated", "ping.triggered"];

/// A verified delivery that is an event; only [`Event::parse`] makes one.
pub struct Event {
    verified: Verified,
    kind: String,
    id: Option<String>,
    idempotency_key: Option<String>,
    live_mode: Option<bool>,
    identity: Identity,
}

impl Event {
    /// Trades the proof of origin for what the envelope says.
    ///
    /// # Errors
    /// When the body is no event; delivering it again will not help.
    pub fn parse(verified: Verified) -> Result<Self, EventError> {
        let envelope: Envelope =
            serde_json::from_slice(verified.body()).map_err(|_| EventError::NotAnObject)?;
        if envelope.repeats_a_key {
            return Err(EventError::DuplicateKey);
        }
        let Envelope { id, kind, idempotency_key, live_mode, .. } = envelope;
        let kind = kind.ok_or(EventError::NoType)?;
        let (key, event_id) = (idempotency_key.as_deref(), id.as_deref());
        let identity =
            Identity::of(verified.source(), live_mode, &kind, key, event_id).ok_or(EventError::NoIdentity)?;
        Ok(Self { verified, kind, id, idempotency_key, live_mode, identity })
    }

    pub(crate) fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Its `type`, as in `order.created`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Its own id, as in `wev_0000A3tQSmKyqOrcySrGbo`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The object it is about, as in `ord_0000ABd6wggSct7BoraU1o`.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Whether it happened in live mode; `None` where the envelope does not say.
    #[must_use]
    pub fn live_mode(&self) -> Option<bool> {
        self.live_mode
    }

    /// What two deliveries of one event share, and no other delivery.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// What makes two deliveries the same event: a SHA-256 in hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Hashes source, mode, type and key; for [`REPEATING_TYPES`] the id too; the id alone where there is no key.
    fn of(source: &str, live: Option<bool>, kind: &str, key: Option<&str>, id: Option<&str>) -> Option<Self> {
        let mode = live.map_or("", |live| if live { "live" } else { "test" });
        let id = id.filter(|_| key.is_none() || REPEATING_TYPES.contains(&kind));
        if key.is_none() && id.is_none() {
            return None;
        }
        let mut hash = Sha256::new();
        for part in [source, mode, kind, key.unwrap_or_default(), id.unwrap_or_default()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Some(Self(hex::encode(hash.finalize())))
    }

    /// 64 lower-case hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a signed body is no event.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EventError {
    #[error("the body is not a JSON object")]
    NotAnObject,
    #[error("a key of the envelope stands twice, so readers may disagree on its value")]
    DuplicateKey,
    #[error("the event has no type")]
    NoType,
    #[error("the event has neither an id nor an idempotency key")]
    NoIdentity,
}

/// The fields of the envelope that are needed; values of another type count as absent.
#[derive(Default)]
struct Envelope {
    id: Option<String>,
    kind: Option<String>,
    idempotency_key: Option<String>,
    live_mode: Option<bool>,
    repeats_a_key: bool,
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => envelope.id = text(map.next_value()?),
                "type" => envelope.kind = text(map.next_value()?),
                "idempotency_key" => envelope.idempotency_key = text(map.next_value()?),
                "live_mode" => {
                    envelope.live_mode = serde_json::from_str(map.next_value::<&RawValue>()?.get()).ok();
                }
                // Passed over unread: it may be no UTF-8, too deep or too large a number for us, and still be signed.
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
            envelope.repeats_a_key |= !keys.insert(key);
        }
        Ok(envelope)
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok().filter(|text: &String| !text.is_empty())
}
