//! A verifier: one source's scheme and keys, and the only way to a [`Verified`] delivery.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use super::{
    Delivery, MAX_SKEW, SignatureError, Verified,
    claim::{Claim, matches},
    delivery::Proof,
    keys::Keys,
    scheme::{Algorithm, Scheme, Signed},
    secret::Key,
};
use crate::time::{unix_millis, unix_seconds};

/// The scheme of a source, its active keys, and its tolerance.
#[derive(Debug)]
pub struct Verifier {
    source: Arc<str>,
    scheme: Arc<Scheme>,
    keys: RwLock<Keys>,
    tolerance: Duration,
}

impl Verifier {
    /// Makes a verifier that accepts signatures by any of `keys`, at most `tolerance` old (in whole seconds). Without
    /// keys it accepts nothing.
    #[must_use]
    pub fn new(source: &str, scheme: Scheme, keys: Vec<Key>, tolerance: Duration) -> Self {
        let keys = RwLock::new(Keys::new(keys));
        Self { source: source.into(), scheme: scheme.into(), keys, tolerance }
    }

    /// The name of the source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The scheme by which the source signs.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Replaces the keys. Returns `true` if any of them is new.
    pub fn set_keys(&self, keys: Vec<Key>) -> bool {
        let keys = Keys::new(keys);
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, keys.clone());
        !keys.without(&old).is_empty()
    }

    /// Returns `true` if there is no key, so that no delivery can be verified.
    #[must_use]
    pub fn has_no_keys(&self) -> bool {
        self.keys().is_empty()
    }

    /// Returns `true` if a key is active in both, so that each accepts deliveries of the other.
    #[must_use]
    pub fn shares_a_key_with(&self, other: &Self) -> bool {
        let others = other.keys();
        self.keys().iter().any(|key| others.contains(key))
    }

    fn keys(&self) -> Keys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Verifies a delivery.
    ///
    /// # Errors
    /// If the delivery must not be forwarded. The reason is for the operator, not for the sender.
    pub fn verify(&self, delivery: Delivery, now: SystemTime) -> Result<Verified, SignatureError> {
        self.attempt(delivery, now).map_err(Failed::into_error)
    }

    /// Verifies like [`Verifier::verify`]; a delivery that no key matched can be retried with other keys.
    pub(crate) fn attempt(&self, delivery: Delivery, now: SystemTime) -> Result<Verified, Failed> {
        let keys = self.keys();
        match self.prove(&keys, &delivery, now) {
            Ok(proof) => Ok(self.verified(delivery, proof, now)),
            Err(SignatureError::Mismatch) => Err(Failed::Unmatched(Unmatched { delivery, tried: keys })),
            Err(error) => Err(Failed::Finally(error)),
        }
    }

    /// Verifies with the keys that are new since the attempt, and no others.
    pub(crate) fn retry(&self, unmatched: Unmatched, now: SystemTime) -> Result<Verified, SignatureError> {
        let Unmatched { delivery, tried } = unmatched;
        let new = self.keys().without(&tried);
        if new.is_empty() {
            return Err(SignatureError::Mismatch);
        }
        let proof = self.prove(&new, &delivery, now)?;
        Ok(self.verified(delivery, proof, now))
    }

    /// Returns the HMAC-SHA256 of a text in hex, by the key that signed a delivery; `None` if that key is of another
    /// algorithm.
    ///
    /// It signs what the caller wants signed, so the text must not be one that a delivery could have.
    pub(crate) fn mac_by_signer(&self, verified: &Verified, text: &str, now: SystemTime) -> Option<String> {
        let keys = self.keys();
        let has_signed = |key: &&Key| {
            let alone = Keys::new(vec![(*key).clone()]);
            self.prove(&alone, &verified.delivery, now).is_ok()
        };
        let key = keys.iter().find(has_signed)?;
        // The key of a token would return the secret itself.
        if key.algorithm() != Algorithm::HmacSha256 {
            return None;
        }
        let nothing = Signed::BODY.join(None, None, self.scheme.time_unit).ok()?;
        Some(hex::encode(key.sign(&nothing, text.as_bytes())?))
    }

    fn verified(&self, delivery: Delivery, proof: Proof, now: SystemTime) -> Verified {
        let (source, scheme) = (Arc::clone(&self.source), Arc::clone(&self.scheme));
        Verified { delivery, source, scheme, proof, received_at: unix_millis(now) }
    }

    /// Finds the first signature that one of the keys made and whose time is within the tolerance.
    fn prove(&self, keys: &Keys, delivery: &Delivery, now: SystemTime) -> Result<Proof, SignatureError> {
        let now = unix_seconds(now);
        let mut claims = Vec::new();
        let mut error = SignatureError::Missing;
        for family in &self.scheme.families {
            match Claim::read(&self.scheme, family, delivery) {
                Ok(claim) => claims.push(claim),
                Err(SignatureError::Missing) => {}
                Err(other) => error = other,
            }
        }
        if claims.is_empty() {
            return Err(error);
        }
        error = SignatureError::Mismatch;
        for key in keys.iter() {
            for (claim, label) in matches(key, &claims, &delivery.body) {
                match self.check_time(claim.seconds, now) {
                    Ok(()) => {
                        let timestamp = claim.seconds.filter(|_| self.scheme.signed.covers_time());
                        let family = claim.family.clone();
                        let (label, live_mode) = (label.clone(), key.live_mode());
                        return Ok(Proof { family, timestamp, label, live_mode });
                    }
                    Err(other) => error = other,
                }
            }
        }
        Err(error)
    }

    fn check_time(&self, signed: Option<u64>, now: u64) -> Result<(), SignatureError> {
        let Some(signed) = signed else { return Ok(()) };
        if now.saturating_sub(signed) > self.tolerance.as_secs() {
            return Err(SignatureError::Stale { age: now - signed });
        }
        if signed.saturating_sub(now) > MAX_SKEW.as_secs() {
            return Err(SignatureError::Future { ahead: signed - now });
        }
        Ok(())
    }
}

/// The failure of an attempt to verify a delivery.
pub(crate) enum Failed {
    /// None of the keys matched; other keys may.
    Unmatched(Unmatched),
    /// No other key could change the result.
    Finally(SignatureError),
}

impl Failed {
    fn into_error(self) -> SignatureError {
        match self {
            Self::Unmatched(_) => SignatureError::Mismatch,
            Self::Finally(error) => error,
        }
    }
}

/// A delivery with the keys that did not match it.
pub(crate) struct Unmatched {
    delivery: Delivery,
    tried: Keys,
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;

    use super::*;
    use crate::signature::{
        secret::Secret,
        sign::{Signing, sign},
    };

    fn key(secret: &str) -> Key {
        Secret::new(secret).unwrap().key(Scheme::github().key).unwrap()
    }

    fn verifier(secrets: &[&str]) -> Verifier {
        let keys = secrets.iter().map(|secret| key(secret)).collect();
        Verifier::new("it", Scheme::github(), keys, Duration::ZERO)
    }

    fn signed_with(secret: &str) -> Delivery {
        let headers = sign(&Scheme::github(), &key(secret), Signing::default(), b"{}").unwrap();
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Delivery { headers, body: Bytes::from_static(b"{}"), trace: None }
    }

    #[test]
    fn replacing_keys_says_whether_one_is_new() {
        let verifier = verifier(&["a"]);
        assert!(!verifier.set_keys(vec![key("a"), key("a")]), "there is no new one");
        assert!(verifier.set_keys(vec![key("b"), key("a")]));
        assert!(!verifier.set_keys(vec![key("a")]), "a removed key is not a new one");
    }

    #[test]
    fn a_retry_verifies_with_the_new_keys_only() {
        let verifier = verifier(&["a"]);
        let Err(Failed::Unmatched(unmatched)) = verifier.attempt(signed_with("b"), UNIX_EPOCH) else {
            panic!("the delivery can be retried")
        };
        verifier.set_keys(vec![key("a"), key("b")]);
        assert!(verifier.retry(unmatched, UNIX_EPOCH).is_ok());
        // The tried key would match here, so a retry with it would be accepted.
        let unmatched = Unmatched { delivery: signed_with("a"), tried: Keys::new(vec![key("a")]) };
        assert_eq!(verifier.retry(unmatched, UNIX_EPOCH).err(), Some(SignatureError::Mismatch));
    }

    #[test]
    fn a_delivery_that_no_key_could_verify_is_not_retried() {
        let missing = verifier(&["a"]).attempt(Delivery::default(), UNIX_EPOCH);
        assert!(matches!(missing, Err(Failed::Finally(SignatureError::Missing))));
    }
}
