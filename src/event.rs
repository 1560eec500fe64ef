//! The event of a verified delivery: its type, id, idempotency key and mode, at the places that its scheme names.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    identity::{Identity, IdentityParts},
    json::pointer::{self, JsonError},
    signature::{
        SignatureError, Verified,
        scheme::{FieldLocation, Scheme, Text},
    },
    trace::Trace,
};

/// A verified delivery that is an event; only [`Event::parse`] makes one.
pub struct Event {
    verified: Verified,
    kind: Option<String>,
    id: Option<String>,
    idempotency_key: Option<String>,
    live_mode: Option<bool>,
    shop: Option<String>,
    object: String,
    identity: Identity,
    body_hash: OnceLock<String>,
}

impl Event {
    /// Reads the event of a verified delivery, as its scheme says.
    ///
    /// # Errors
    /// If the body is not an event of the scheme. A retry has the same body, so it cannot succeed.
    pub fn parse(verified: Verified) -> Result<Self, EventError> {
        let scheme = verified.scheme();
        if verified.body().is_empty() {
            return Err(EventError::Empty);
        }
        let [kind, id, idempotency_key, live_mode] = body_values(&verified)?;
        let family = verified.family();
        let kind = text(&verified, &scheme.kind, kind, family.kind.as_deref());
        let id = text(&verified, &scheme.id, id, family.id.as_deref());
        let idempotency_key = key(&verified, idempotency_key, family.id.as_deref())?;
        let shop = header(&verified, family.shop.as_deref());
        let live_mode = live_mode.and_then(|raw| serde_json::from_str(raw.get()).ok());
        verified.check_mode(live_mode).map_err(EventError::Untrusted)?;
        if scheme.requires_type_and_id && kind.is_none() {
            return Err(EventError::NoType);
        }
        if scheme.requires_type_and_id && id.is_none() && idempotency_key.is_none() {
            return Err(EventError::NoIdentity);
        }
        let signed_key = idempotency_key.as_deref();
        let signed_id = id.as_deref().filter(|_| scheme.id.is_signed());
        let parts = IdentityParts {
            source: verified.source(),
            live_mode,
            kind: kind.as_deref().filter(|_| scheme.kind.is_signed()).unwrap_or_default(),
            key: signed_key,
            id: signed_id,
        };
        // The hash costs a full pass over the body, so it is only made where the identity needs it.
        let body_hash = OnceLock::new();
        let hash = parts.need_the_body(scheme).then(|| hash_once(&body_hash, verified.body()));
        let identity = parts.identity(scheme, hash);
        let identity = identity.at_time_of_receipt(scheme, verified.received_at());
        let identity = identity.with_unsigned(scheme, id.as_deref(), kind.as_deref(), shop.as_deref());
        let object = signed_key.or(signed_id).or(hash).unwrap_or_default().to_owned();
        Ok(Self { verified, kind, id, idempotency_key, live_mode, shop, object, identity, body_hash })
    }

    /// The name of the source whose secret signed it, as in `duffel`.
    #[must_use]
    pub fn source(&self) -> &str {
        self.verified.source()
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        self.verified.scheme()
    }

    /// The signed bytes, exactly as they were received.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.verified.body()
    }

    /// The signature's header, verbatim.
    #[must_use]
    pub fn signature(&self) -> &str {
        self.verified.signature()
    }

    /// The text of the header that holds the time of the signature; `None` if the scheme has no such header.
    #[must_use]
    pub fn signature_timestamp(&self) -> Option<&str> {
        self.verified.time_header()
    }

    /// The signed time, in seconds since the epoch; `None` if the signature covers no time.
    #[must_use]
    pub fn signed_at(&self) -> Option<u64> {
        self.verified.timestamp()
    }

    /// The X-Ray trace that the delivery is part of.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        self.verified.trace()
    }

    /// The type, as in `order.created`; `None` if the event has none.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The event's own id, as in `wev_0000A3tQSmKyqOrcySrGbo`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The key by which the provider says to recognise repetitions, as in `ord_0000ABd6wggSct7BoraU1o`.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// `true` in live mode, `false` in test mode; `None` if the event does not say.
    #[must_use]
    pub fn live_mode(&self) -> Option<bool> {
        self.live_mode
    }

    /// The shop in which it happened, as in `anna.myshopify.com`; not signed.
    #[must_use]
    pub fn shop(&self) -> Option<&str> {
        self.shop.as_deref()
    }

    /// The object that the event is about: its key, else its id, else the SHA-256 of its body. All are signed.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The SHA-256 of the signed body, in 64 lower-case hex digits.
    #[must_use]
    pub fn body_sha256(&self) -> &str {
        hash_once(&self.body_hash, self.body())
    }

    /// The hash that all deliveries of the event share, and no other event's.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// A reason why a signed body is not an event that can be forwarded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EventError {
    #[error(transparent)]
    Untrusted(SignatureError),
    #[error("the body is empty, and a queue accepts no empty message")]
    Empty,
    #[error("the body is not JSON")]
    NotJson,
    #[error(
        "a key on the path to the type, id, idempotency key or mode appears twice, so readers may disagree on its value"
    )]
    DuplicateKey,
    #[error("the event has no type")]
    NoType,
    #[error("the event has neither an id nor an idempotency key")]
    NoIdentity,
}

/// Reads type, id, idempotency key and mode, as far as the scheme has them in the body.
fn body_values(verified: &Verified) -> Result<[Option<&RawValue>; 4], EventError> {
    let Scheme { kind, id, idempotency_key, live_mode, requires_type_and_id, .. } = verified.scheme();
    let pointers = [kind, id, idempotency_key, live_mode].map(|location| match location {
        FieldLocation::Body(pointer) => Some(&**pointer),
        _ => None,
    });
    if pointers.iter().all(Option::is_none) {
        return Ok([None; 4]);
    }
    match pointer::read(verified.body(), pointers) {
        Ok(values) => Ok(values),
        Err(JsonError::DuplicateKey) => Err(EventError::DuplicateKey),
        Err(JsonError::NotJson) if *requires_type_and_id => Err(EventError::NotJson),
        Err(JsonError::NotJson) => Ok([None; 4]),
    }
}

/// Returns a field's text: of its value in the body, or of the family's header of this name.
fn text(
    verified: &Verified,
    location: &FieldLocation,
    value: Option<&RawValue>,
    name: Option<&str>,
) -> Option<String> {
    let text = match location {
        FieldLocation::Nowhere | FieldLocation::Several(_) => None,
        FieldLocation::Body(_) => {
            let raw = value?.get();
            let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            // Other providers' ids are often numbers; Duffel's are text, and anything else counts as absent.
            if is_number && !verified.scheme().requires_type_and_id {
                Some(raw.to_owned())
            } else {
                serde_json::from_str(raw).ok()
            }
        }
        FieldLocation::SignedHeader | FieldLocation::UnsignedHeader => header(verified, name),
    };
    text.filter(|text| !text.is_empty())
}

/// Returns the key of an event: the text at one place, or a JSON list of the values at several, where `null` is a value
/// that is not there.
fn key(
    verified: &Verified,
    value: Option<&RawValue>,
    name: Option<&str>,
) -> Result<Option<String>, EventError> {
    let location = &verified.scheme().idempotency_key;
    let FieldLocation::Several(pointers) = location else { return Ok(text(verified, location, value, name)) };
    let value = |pointer: &Text| match pointer::read(verified.body(), [Some(pointer)]) {
        Ok([value]) => Ok(value.map_or("null", RawValue::get)),
        Err(JsonError::DuplicateKey) => Err(EventError::DuplicateKey),
        Err(JsonError::NotJson) => Ok("null"),
    };
    let values = pointers.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    let is_there = values.iter().any(|value| *value != "null");
    Ok(is_there.then(|| format!("[{}]", values.join(","))))
}

fn header(verified: &Verified, name: Option<&str>) -> Option<String> {
    verified.header(name?).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn hash_once<'a>(hash: &'a OnceLock<String>, body: &[u8]) -> &'a str {
    hash.get_or_init(|| hex::encode(Sha256::digest(body)))
}
