//! What happened, and when are two deliveries one event?

use std::sync::OnceLock;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    json::pointer::{self, JsonError},
    signature::{
        SignatureError, Verified,
        scheme::{FieldLocation, KeyNames, Scheme},
    },
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
    /// Trades the proof of origin for what the event says of itself, at the places that its scheme names.
    ///
    /// # Errors
    /// When it is no event; delivering it again will not help.
    pub fn parse(verified: Verified) -> Result<Self, EventError> {
        let scheme = verified.scheme();
        if verified.delivery().body.is_empty() {
            return Err(EventError::Empty);
        }
        let [kind, id, idempotency_key, live_mode] = body_values(&verified)?;
        let family = verified.family();
        let kind = text(&verified, &scheme.kind, kind, family.kind.as_deref());
        let id = text(&verified, &scheme.id, id, family.id.as_deref());
        let idempotency_key = text(&verified, &scheme.idempotency_key, idempotency_key, family.id.as_deref());
        let shop = header(&verified, family.shop.as_deref());
        let live_mode = live_mode.and_then(|raw| serde_json::from_str(raw.get()).ok());
        verified.check_mode(live_mode).map_err(EventError::Untrusted)?;
        if scheme.requires_type_and_id && kind.is_none() {
            return Err(EventError::NoType);
        }
        if scheme.requires_type_and_id && id.is_none() && idempotency_key.is_none() {
            return Err(EventError::NoIdentity);
        }
        // What is not signed tells events apart only where a scheme says so: a replay under another name of it is a new
        // event.
        let signed_kind = kind.as_deref().filter(|_| is_signed(&scheme.kind)).unwrap_or_default();
        let signed_id = id.as_deref().filter(|_| is_signed(&scheme.id));
        let key = idempotency_key.as_deref();
        let parts =
            IdentityParts { source: verified.source(), live_mode, kind: signed_kind, key, id: signed_id };
        // Needed where nothing signed names the event, and a full pass over the body, so only there.
        let nameless = parts.id_counts(scheme) && signed_id.is_none();
        let body_hash = OnceLock::new();
        let hash = nameless.then(|| hash_once(&body_hash, &verified));
        let identity = parts.identity(scheme, hash);
        let identity = match (scheme.unsigned_identity, id.as_deref(), kind.as_deref(), shop.as_deref()) {
            (false, ..) | (true, None, None, None) => identity,
            (true, Some(id), ..) => Identity::of(&[identity.as_str(), id]),
            (true, None, kind, shop) => {
                Identity::of(&[identity.as_str(), kind.unwrap_or_default(), shop.unwrap_or_default()])
            }
        };
        let object = key.or(signed_id).or(hash).unwrap_or_default().to_owned();
        Ok(Self { verified, kind, id, idempotency_key, live_mode, shop, object, identity, body_hash })
    }

    pub(crate) fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Its type, as in `order.created`; `None` where its scheme has none.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Its own id, as in `wev_0000A3tQSmKyqOrcySrGbo`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the provider says to tell repetitions by, as in `ord_0000ABd6wggSct7BoraU1o`.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Whether it happened in live mode; `None` where it does not say.
    #[must_use]
    pub fn live_mode(&self) -> Option<bool> {
        self.live_mode
    }

    /// The shop in which it happened, as in `anna.myshopify.com`; not signed.
    #[must_use]
    pub fn shop(&self) -> Option<&str> {
        self.shop.as_deref()
    }

    /// What it is about: its key, else its id, else the SHA-256 of its body. All are signed.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The SHA-256 of the signed body, in lower-case hex.
    #[must_use]
    pub fn body_sha256(&self) -> &str {
        hash_once(&self.body_hash, &self.verified)
    }

    /// What two deliveries of one event share, and no other delivery.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// What tells events apart, as far as it is signed.
struct IdentityParts<'a> {
    source: &'a str,
    live_mode: Option<bool>,
    /// Empty where there is none.
    kind: &'a str,
    key: Option<&'a str>,
    id: Option<&'a str>,
}

impl IdentityParts<'_> {
    fn id_counts(&self, scheme: &Scheme) -> bool {
        let key_identifies = match scheme.key_names {
            KeyNames::Event => true,
            KeyNames::Object { once } => once.contains(&self.kind),
        };
        self.key.is_none() || !key_identifies
    }

    /// With the body's hash where nothing signed names the event.
    fn identity(&self, scheme: &Scheme, hash: Option<&str>) -> Identity {
        let mode = self.live_mode.map_or("", |live| if live { "live" } else { "test" });
        let mut parts = vec![self.source, mode, self.kind, self.key.unwrap_or_default()];
        parts.extend(self.id.filter(|_| self.id_counts(scheme)));
        parts.extend(hash.iter().flat_map(|hash| ["", hash]));
        Identity::of(&parts)
    }
}

/// What makes two deliveries the same event: a SHA-256 in hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// The identity of an event of Duffel's by what is told of it elsewhere than in a delivery; see
    /// [`EventRecord::identity`](crate::duffel::EventRecord::identity).
    pub(crate) fn of_duffels(
        source: &str,
        live_mode: bool,
        kind: &str,
        idempotency_key: Option<&str>,
        id: &str,
    ) -> Self {
        let parts =
            IdentityParts { source, live_mode: Some(live_mode), kind, key: idempotency_key, id: Some(id) };
        parts.identity(&Scheme::duffel(), None)
    }

    /// Each part goes in with its length, so that none runs over into the next.
    fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// 64 lower-case hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a signed body is not an event that can be forwarded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EventError {
    #[error(transparent)]
    Untrusted(SignatureError),
    #[error("the body is empty, and a queue takes no empty message")]
    Empty,
    #[error("the body is not JSON")]
    NotJson,
    #[error("a key that says what the event is appears twice, so readers may disagree on its value")]
    DuplicateKey,
    #[error("the event has no type")]
    NoType,
    #[error("the event has neither an id nor an idempotency key")]
    NoIdentity,
}

fn body_values(verified: &Verified) -> Result<[Option<&RawValue>; 4], EventError> {
    let Scheme { kind, id, idempotency_key, live_mode, requires_type_and_id, .. } = verified.scheme();
    let pointers = [kind, id, idempotency_key, live_mode].map(|origin| match origin {
        FieldLocation::Body(pointer) => Some(&**pointer),
        _ => None,
    });
    if pointers.iter().all(Option::is_none) {
        return Ok([None; 4]);
    }
    match pointer::read(&verified.delivery().body, pointers) {
        Ok(values) => Ok(values),
        Err(JsonError::DuplicateKey) => Err(EventError::DuplicateKey),
        Err(JsonError::NotJson) if *requires_type_and_id => Err(EventError::NotJson),
        Err(JsonError::NotJson) => Ok([None; 4]),
    }
}

fn text(
    verified: &Verified,
    origin: &FieldLocation,
    value: Option<&RawValue>,
    name: Option<&str>,
) -> Option<String> {
    let text = match origin {
        FieldLocation::Nowhere => None,
        FieldLocation::Body(_) => {
            let raw = value?.get();
            let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            // Elsewhere ids are often numbers; Duffel's are text, and anything else counts as absent.
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

/// A full pass over the body, so at most one an event.
fn hash_once<'a>(hash: &'a OnceLock<String>, verified: &Verified) -> &'a str {
    hash.get_or_init(|| hex::encode(Sha256::digest(&verified.delivery().body)))
}

fn header(verified: &Verified, name: Option<&str>) -> Option<String> {
    verified.delivery().header(name?).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn is_signed(origin: &FieldLocation) -> bool {
    !matches!(origin, FieldLocation::UnsignedHeader)
}
