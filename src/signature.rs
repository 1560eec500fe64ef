//! Is it the provider's? `X-Duffel-Signature: t=<unix seconds>,v1=<hex>`, and `v2=` on live traffic.
//!
//! The MAC is HMAC-SHA256 over `<t>.<body>`, keyed with the secret's own characters:
//! <https://duffel.com/docs/guides/receiving-webhooks>.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

/// The header that carries time and signatures.
pub const HEADER: &str = "x-duffel-signature";

/// How far ahead of our clock a signature's time may be.
pub const MAX_SKEW: Duration = Duration::from_mins(5);

const MAX_HEADER_BYTES: usize = 4096;
const MAX_TIMESTAMP_DIGITS: usize = 13;

/// A request as it came: nothing in it is known to be true.
pub struct Delivery {
    /// The name at the end of the path, `/webhooks/{source}`.
    pub source: String,
    /// The signature header, where there was one that is text.
    pub signature: Option<String>,
    /// The bytes that were signed.
    pub body: Bytes,
    /// The X-Ray trace header to pass on.
    pub trace: Option<String>,
}

/// A delivery that the holder of an active secret signed; only [`Verifier::verify`] makes one.
pub struct Verified {
    delivery: Delivery,
    header: String,
    timestamp: u64,
    label: Label,
}

impl Verified {
    pub(crate) fn source(&self) -> &str {
        &self.delivery.source
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.delivery.body
    }

    pub(crate) fn trace(&self) -> Option<&str> {
        self.delivery.trace.as_deref()
    }

    /// The signature header, verbatim.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// The signed time, in seconds since the epoch.
    #[must_use]
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The label of the signature that matched.
    #[must_use]
    pub fn label(&self) -> Label {
        self.label
    }
}

/// The name under which a signature stands in the header; the MAC is the same for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// As Duffel's guide shows it.
    V1,
    /// As live traffic of API v2 has it.
    V2,
}

impl Label {
    /// The label as it stands in the header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|label| label.as_str() == text)
    }
}

/// A webhook's secret, used as it is written: it looks like base64 but is never decoded.
pub struct Secret(String);

impl Secret {
    /// Takes the secret as pasted, less the white space around it.
    ///
    /// # Errors
    /// When nothing is left: with an empty key anybody could sign.
    pub fn new(text: &str) -> Result<Self, BlankSecret> {
        let text = text.trim();
        if text.is_empty() { Err(BlankSecret) } else { Ok(Self(text.to_owned())) }
    }

    /// Whether white space stands within it, as happens when it is pasted from a wrapped line.
    #[must_use]
    pub fn looks_broken(&self) -> bool {
        self.0.contains(char::is_whitespace)
    }

    fn mac(&self, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("a key of any length will do");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }

    /// Signs a body as Duffel does and returns the header's value.
    #[must_use]
    pub fn sign(&self, label: Label, timestamp: u64, body: &[u8]) -> String {
        let mac = self.mac(&timestamp.to_string(), body).finalize().into_bytes();
        format!("t={timestamp},{}={}", label.as_str(), hex::encode(mac))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// There is no secret between the commas.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a secret is blank")]
pub struct BlankSecret;

/// The active secrets, any of which may have signed, and how old a signature may be.
#[derive(Debug)]
pub struct Verifier {
    secrets: Vec<Secret>,
    tolerance: Duration,
}

impl Verifier {
    /// Accepts signatures by any of `secrets` (none: nothing verifies) up to `tolerance` old.
    #[must_use]
    pub fn new(secrets: Vec<Secret>, tolerance: Duration) -> Self {
        Self { secrets, tolerance }
    }

    /// Trades a delivery for the proof that the provider signed it.
    ///
    /// # Errors
    /// Whenever the delivery must not be forwarded. The reason is for the operator, not for the sender.
    pub fn verify(&self, delivery: Delivery, now: SystemTime) -> Result<Verified, SignatureError> {
        let header = delivery.signature.clone().ok_or(SignatureError::Missing)?;
        let Header { timestamp, signatures } = Header::parse(&header).ok_or(SignatureError::Malformed)?;
        let label = self.matching(timestamp, &signatures, &delivery.body).ok_or(SignatureError::Mismatch)?;
        // The parser let through digits only, and too few to overflow.
        let timestamp: u64 = timestamp.parse().map_err(|_| SignatureError::Malformed)?;
        let now = unix_seconds(now);
        if now.saturating_sub(timestamp) > self.tolerance.as_secs() {
            return Err(SignatureError::Stale { age: now - timestamp });
        }
        if timestamp.saturating_sub(now) > MAX_SKEW.as_secs() {
            return Err(SignatureError::Future { ahead: timestamp - now });
        }
        Ok(Verified { delivery, header, timestamp, label })
    }

    fn matching(&self, timestamp: &str, signatures: &[(Label, [u8; 32])], body: &[u8]) -> Option<Label> {
        self.secrets.iter().find_map(|secret| {
            let mac = secret.mac(timestamp, body);
            let found = signatures.iter().find(|(_, mine)| mac.clone().verify_slice(mine).is_ok());
            found.map(|(label, _)| *label)
        })
    }
}

struct Header<'a> {
    timestamp: &'a str,
    signatures: Vec<(Label, [u8; 32])>,
}

impl<'a> Header<'a> {
    /// Needs exactly one time and at least one signature; what it does not know it passes over.
    fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_HEADER_BYTES {
            return None;
        }
        let mut timestamp = None;
        let mut signatures = Vec::new();
        for (key, value) in text.split(',').filter_map(|element| element.split_once('=')) {
            let (key, value) = (key.trim(), value.trim());
            if key == "t" {
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                if timestamp.is_some() || !digits || value.len() > MAX_TIMESTAMP_DIGITS {
                    return None;
                }
                timestamp = Some(value);
            } else if let Some(label) = Label::parse(key) {
                let mut mac = [0; 32];
                if hex::decode_to_slice(value, &mut mac).is_ok() {
                    signatures.push((label, mac));
                }
            }
        }
        let timestamp = timestamp?;
        (!signatures.is_empty()).then_some(Self { timestamp, signatures })
    }
}

/// Why a delivery is not trusted; all alike from outside.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    #[error("there is no signature header")]
    Missing,
    #[error("the signature header is malformed")]
    Malformed,
    #[error("no active secret made this signature")]
    Mismatch,
    #[error("the signature is {age} s old, which is more than is tolerated")]
    Stale { age: u64 },
    #[error("the signature is from {ahead} s in the future")]
    Future { ahead: u64 },
}

/// The whole seconds since the epoch, as signatures and records count time.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_confidential_is_printed() {
        let verifier = Verifier::new(vec![Secret("hush".to_owned())], MAX_SKEW);
        assert!(!format!("{verifier:?}").contains("hush"));
    }

    #[test]
    fn a_secret_is_what_was_pasted_less_the_space_around_it() {
        assert_eq!(Secret::new("  a+b/c==\r\n").map(|secret| secret.0), Ok("a+b/c==".to_owned()));
        assert_eq!(Secret::new(" \n").map(|secret| secret.0), Err(BlankSecret));
        assert!(Secret::new("a\nb").is_ok_and(|secret| secret.looks_broken()));
    }

    #[test]
    fn what_is_signed_is_verified() {
        let secret = || Secret("54vFWvaSbbzYpxXPeB4YEw==".to_owned());
        let now = UNIX_EPOCH + Duration::from_secs(1_616_202_842);
        let signature = Some(secret().sign(Label::V1, 1_616_202_842, b"body"));
        let delivery = Delivery { source: String::new(), signature, body: "body".into(), trace: None };
        let verified = Verifier::new(vec![secret()], Duration::ZERO).verify(delivery, now).unwrap();
        assert_eq!((verified.label(), verified.timestamp()), (Label::V1, 1_616_202_842));
    }
}
