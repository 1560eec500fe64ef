//! Is it the provider's? The signature of a delivery, checked over the bytes as they came.

mod header;
pub mod scheme;
pub mod secret;
pub mod sign;

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use thiserror::Error;

use self::scheme::{Family, FieldLocation, Scheme};

mod claim;
mod verifier;

pub(crate) use verifier::Failed;
pub use verifier::Verifier;

/// How far ahead of our clock a signature's time may be.
pub const MAX_SKEW: Duration = Duration::from_mins(5);

/// A request as it came: nothing in it is known to be true.
#[derive(Clone, Default)]
pub struct Delivery {
    /// The headers that the source's scheme asks for, by their lower-case names.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The bytes that were signed.
    pub body: Bytes,
    /// The X-Ray trace header to pass on.
    pub trace: Option<String>,
}

impl Delivery {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A delivery that the holder of an active secret signed; only [`Verifier::verify`] makes one.
pub struct Verified {
    delivery: Delivery,
    source: Arc<str>,
    scheme: Arc<Scheme>,
    family: Family,
    timestamp: Option<u64>,
    label: &'static str,
    /// The mode of the secret, where it has one.
    live_mode: Option<bool>,
}

impl Verified {
    pub(crate) fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// The source whose secret it was.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The headers that belong to the signature which matched.
    pub(crate) fn family(&self) -> &Family {
        &self.family
    }

    /// The signature's header, verbatim.
    pub(crate) fn header(&self) -> &str {
        self.delivery.header(&self.family.signature).unwrap_or_default()
    }

    /// The text of the time, where it stands in a header of its own.
    pub(crate) fn time_header(&self) -> Option<&str> {
        self.delivery.header(self.family.time.as_deref()?)
    }

    /// The signed time, in seconds since the epoch; `None` where the signature covers none.
    #[must_use]
    pub fn timestamp(&self) -> Option<u64> {
        self.timestamp
    }

    /// Compares the mode that the event states with that of the secret which signed it: who has the test secret must
    /// not make live events.
    pub(crate) fn check_mode(&self, stated: Option<bool>) -> Result<(), SignatureError> {
        let secret = self.live_mode.filter(|_| self.scheme.live_mode != FieldLocation::Nowhere);
        if secret.is_some() && stated != secret { Err(SignatureError::OtherMode) } else { Ok(()) }
    }

    /// The label of the signature that matched, as in `v2`; empty where signatures have none.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.label
    }
}

/// Why a delivery is not trusted; all alike from outside.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    #[error("there is no signature header")]
    Missing,
    #[error("a header of the signature is malformed")]
    Malformed,
    #[error("no active secret made this signature")]
    Mismatch,
    #[error("the signature is {age} s old, which is more than is tolerated")]
    Stale { age: u64 },
    #[error("the signature is from {ahead} s in the future")]
    Future { ahead: u64 },
    #[error("the event is not of the mode (live or test) of the secret that signed it")]
    OtherMode,
}

/// The whole seconds since the epoch, as signatures and records count time.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
