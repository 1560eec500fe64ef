//! A delivery before and after verification.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;

use super::{
    SignatureError,
    scheme::{Family, FieldLocation, Scheme, Text},
};
use crate::trace::Trace;

/// A request as it was received. Nothing in it is verified.
#[derive(Clone, Default)]
pub struct Delivery {
    /// The headers that the source's scheme needs, by their lower-case names.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The bytes that were signed.
    pub body: Bytes,
    /// The X-Ray trace that the delivery is part of.
    pub trace: Option<Trace>,
}

impl Delivery {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A delivery that the holder of an active secret signed; only [`Verifier::verify`](super::Verifier::verify) makes one.
pub struct Verified {
    pub(super) delivery: Delivery,
    pub(super) source: Arc<str>,
    pub(super) scheme: Arc<Scheme>,
    pub(super) proof: Proof,
    pub(super) received_at: u64,
}

/// The signature that matched.
pub(super) struct Proof {
    pub(super) family: Family,
    pub(super) timestamp: Option<u64>,
    pub(super) label: Text,
    /// The mode of the secret, if it has one.
    pub(super) live_mode: Option<bool>,
}

impl Verified {
    /// The signed bytes.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.delivery.body
    }

    /// The name of the source whose secret it was.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The headers that belong to the signature that matched.
    pub(crate) fn family(&self) -> &Family {
        &self.proof.family
    }

    /// The text of a header that the scheme needs, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.delivery.header(name)
    }

    /// The time at which it was verified, in milliseconds since the epoch.
    pub(crate) fn received_at(&self) -> u64 {
        self.received_at
    }

    /// The same as of another time of receipt, for a consumer that verifies it later.
    #[cfg(feature = "consume")]
    pub(crate) fn with_receipt_at(self, received_at: u64) -> Self {
        Self { received_at, ..self }
    }

    /// The signature's header, verbatim.
    pub(crate) fn signature(&self) -> &str {
        self.header(&self.family().signature).unwrap_or_default()
    }

    /// The text of the time, if it has a header of its own.
    pub(crate) fn time_header(&self) -> Option<&str> {
        self.header(self.family().time.as_deref()?)
    }

    /// The X-Ray trace that the delivery is part of.
    pub(crate) fn trace(&self) -> Option<&Trace> {
        self.delivery.trace.as_ref()
    }

    /// The signed time, in seconds since the epoch; `None` if the signature covers no time.
    #[must_use]
    pub fn timestamp(&self) -> Option<u64> {
        self.proof.timestamp
    }

    /// The label of the signature that matched, as in `v2`; empty if the scheme has no labels.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.proof.label
    }

    pub(crate) fn label_text(&self) -> &Text {
        &self.proof.label
    }

    /// Compares the mode that the event states with the mode of the secret that signed it: a holder of the test secret
    /// must not make live events.
    pub(crate) fn check_mode(&self, stated: Option<bool>) -> Result<(), SignatureError> {
        let secret = self.proof.live_mode.filter(|_| self.scheme.live_mode != FieldLocation::Nowhere);
        if secret.is_some() && stated != secret { Err(SignatureError::OtherMode) } else { Ok(()) }
    }
}
