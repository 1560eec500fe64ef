//! One source's keys, and the only way to a [`Verified`] delivery.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use super::{
    Delivery, MAX_SKEW, SignatureError, Verified,
    claim::{Claim, matches},
    unix_seconds,
};
use crate::signature::{
    scheme::{Family, Scheme},
    secret::Key,
};

/// One source's lock: its scheme, its active keys, and how old a signature may be.
#[derive(Debug)]
pub struct Verifier {
    source: Arc<str>,
    scheme: Arc<Scheme>,
    keys: RwLock<Arc<[Key]>>,
    tolerance: Duration,
}

impl Verifier {
    /// Accepts what any of `keys` signed (none: nothing is accepted), up to `tolerance` old.
    #[must_use]
    pub fn new(source: &str, scheme: Scheme, keys: Vec<Key>, tolerance: Duration) -> Self {
        let keys = RwLock::new(distinct(keys));
        Self { source: source.into(), scheme: scheme.into(), keys, tolerance }
    }

    /// The name of the source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How the source signs.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Accepts from now on what any of these signed, and nothing else. Returns whether there are new ones among them.
    pub fn set_keys(&self, keys: Vec<Key>) -> bool {
        let keys = distinct(keys);
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, Arc::clone(&keys));
        keys.iter().any(|key| !contains(&old, key))
    }

    /// Whether there is nothing to verify with.
    #[must_use]
    pub fn has_no_keys(&self) -> bool {
        self.keys().is_empty()
    }

    /// Whether some delivery would be verified by both.
    #[must_use]
    pub fn shares_a_key_with(&self, other: &Self) -> bool {
        let others = other.keys();
        self.keys().iter().any(|key| contains(&others, key))
    }

    fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Trades a delivery for the proof that the provider signed it.
    ///
    /// # Errors
    /// Whenever the delivery must not be forwarded. The reason is for the operator, not for the sender.
    pub fn verify(&self, delivery: Delivery, now: SystemTime) -> Result<Verified, SignatureError> {
        self.attempt(delivery, now).map_err(Failed::into_error)
    }

    /// The same, but what no key matched may be tried again when there are others.
    pub(crate) fn attempt(&self, delivery: Delivery, now: SystemTime) -> Result<Verified, Failed> {
        let keys = self.keys();
        match self.verify_with(&keys, &delivery, now) {
            Ok(proof) => Ok(self.verified(delivery, proof)),
            Err(SignatureError::Mismatch) => Err(Failed::Unmatched(Unmatched { delivery, tried: keys })),
            Err(error) => Err(Failed::Finally(error)),
        }
    }

    /// Tries the keys that are new since the attempt, and no other.
    pub(crate) fn retry(&self, unmatched: Unmatched, now: SystemTime) -> Result<Verified, SignatureError> {
        let Unmatched { delivery, tried } = unmatched;
        let new: Vec<_> = self.keys().iter().filter(|key| !contains(&tried, key)).cloned().collect();
        if new.is_empty() {
            return Err(SignatureError::Mismatch);
        }
        let proof = self.verify_with(&new, &delivery, now)?;
        Ok(self.verified(delivery, proof))
    }

    fn verified(&self, delivery: Delivery, proof: Proof) -> Verified {
        let Proof { family, timestamp, label, live_mode } = proof;
        let (source, scheme) = (Arc::clone(&self.source), Arc::clone(&self.scheme));
        Verified { delivery, source, scheme, family, timestamp, label, live_mode }
    }

    fn verify_with(
        &self,
        keys: &[Key],
        delivery: &Delivery,
        now: SystemTime,
    ) -> Result<Proof, SignatureError> {
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
        for key in keys {
            for (claim, label) in matches(key, &claims, &delivery.body) {
                match self.check_time(claim.seconds, now) {
                    Ok(()) => {
                        let timestamp = claim.seconds.filter(|_| self.scheme.signed.covers_time());
                        let family = claim.family.clone();
                        return Ok(Proof { family, timestamp, label, live_mode: key.live_mode() });
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

/// Each key once; where two differ in their mode, the first counts.
fn distinct(keys: Vec<Key>) -> Arc<[Key]> {
    let mut distinct = Vec::with_capacity(keys.len());
    for key in keys {
        if !contains(&distinct, &key) {
            distinct.push(key);
        }
    }
    distinct.into()
}

fn contains(keys: &[Key], key: &Key) -> bool {
    keys.iter().any(|other| other.verifies_as(key))
}

/// Which signature it was that matched.
struct Proof {
    family: Family,
    timestamp: Option<u64>,
    label: &'static str,
    live_mode: Option<bool>,
}

/// Why an attempt to verify a delivery failed.
pub(crate) enum Failed {
    /// None of the keys matched, so others may.
    Unmatched(Unmatched),
    /// No key would change that.
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
    tried: Arc<[Key]>,
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
    fn equal_keys_are_one() {
        assert_eq!(verifier(&["a", "b", "a", "a"]).keys().len(), 2);
        let verifier = verifier(&["a"]);
        assert!(!verifier.set_keys(vec![key("a"), key("a")]), "there is no new one");
        assert_eq!(verifier.keys().len(), 1);
        assert!(verifier.set_keys(vec![key("b"), key("a")]));
        assert!(!verifier.set_keys(vec![key("a")]), "one that is gone is not a new one");
    }

    #[test]
    fn what_no_key_matched_is_tried_with_new_keys_and_no_other() {
        let verifier = verifier(&["a"]);
        let Err(Failed::Unmatched(unmatched)) = verifier.attempt(signed_with("b"), UNIX_EPOCH) else {
            panic!("it must be tried again")
        };
        verifier.set_keys(vec![key("a"), key("b")]);
        assert!(verifier.retry(unmatched, UNIX_EPOCH).is_ok());
        // One that was tried would match here, so whoever tried it again would accept this.
        let unmatched = Unmatched { delivery: signed_with("a"), tried: distinct(vec![key("a")]) };
        assert_eq!(verifier.retry(unmatched, UNIX_EPOCH).err(), Some(SignatureError::Mismatch));
    }

    #[test]
    fn what_no_key_would_change_is_not_tried_again() {
        let missing = verifier(&["a"]).attempt(Delivery::default(), UNIX_EPOCH);
        assert!(matches!(missing, Err(Failed::Finally(SignatureError::Missing))));
    }
}
