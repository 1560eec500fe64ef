//! The key that a scheme makes of a secret, and the comparison of signatures in constant time.

use std::fmt;

use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, KeyInit, Mac, digest::CtOutput};
use sha2::Sha256;

use crate::signature::header::Signatures;

/// A key that verifies signatures: of an HMAC-SHA256 secret, or an Ed25519 public key.
#[derive(Clone)]
pub struct Key {
    form: Form,
    /// The mode of the events that the key may sign; `None` for both.
    pub(super) live_mode: Option<bool>,
    /// The MAC of a constant, or the public key: equal for keys that verify the same signatures, and not confidential.
    fingerprint: [u8; 32],
}

#[derive(Clone)]
enum Form {
    /// Initialised with the key; only the message is missing.
    Hmac(Hmac<Sha256>),
    Ed25519(VerifyingKey),
}

impl Key {
    pub(super) fn hmac(bytes: &[u8]) -> Self {
        let mac = Hmac::new_from_slice(bytes).expect("HMAC accepts a key of any length");
        let fingerprint = mac_over(&mac, &[b"fingerprint"]).finalize().into_bytes().into();
        Self { form: Form::Hmac(mac), live_mode: None, fingerprint }
    }

    pub(super) fn ed25519(key: VerifyingKey) -> Self {
        Self { form: Form::Ed25519(key), live_mode: None, fingerprint: key.to_bytes() }
    }

    /// Returns the same key for events of a mode; `None` for both.
    pub(super) fn in_mode(self, live_mode: Option<bool>) -> Self {
        Self { live_mode, ..self }
    }

    /// The mode of the events that the key may sign; `None` for both.
    pub(crate) fn live_mode(&self) -> Option<bool> {
        self.live_mode
    }

    /// Returns `true` if both verify the same signatures; their modes do not matter.
    #[must_use]
    pub fn verifies_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// What is equal for keys that verify the same signatures. It is not confidential.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Returns the MAC over a message in parts; `None` for a public key, which cannot sign.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let Form::Hmac(mac) = &self.form else { return None };
        Some(mac_over(mac, parts))
    }

    /// Returns `true` if any of the signatures is of this key's kind.
    pub(crate) fn may_have_made(&self, signatures: &Signatures) -> bool {
        match self.form {
            Form::Hmac(_) => !signatures.hmac.is_empty(),
            Form::Ed25519(_) => !signatures.ed25519.is_empty(),
        }
    }

    /// Reads a message in parts, once for any number of signatures.
    pub(crate) fn read(&self, parts: &[&[u8]]) -> Checker<'_> {
        match &self.form {
            Form::Hmac(mac) => Checker::Hmac(mac_over(mac, parts).finalize()),
            Form::Ed25519(key) => Checker::Ed25519(key, parts.concat()),
        }
    }
}

fn mac_over(mac: &Hmac<Sha256>, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = mac.clone();
    for part in parts {
        mac.update(part);
    }
    mac
}

/// A key and a message that it may have signed.
pub(crate) enum Checker<'a> {
    Hmac(CtOutput<Hmac<Sha256>>),
    Ed25519(&'a VerifyingKey, Vec<u8>),
}

impl Checker<'_> {
    /// Finds the label of the first signature that the key made over the message, in constant time for each.
    pub(crate) fn find(&self, signatures: &Signatures) -> Option<&'static str> {
        match self {
            Self::Hmac(mac) => {
                let made = |bytes: [u8; 32]| *mac == CtOutput::new(bytes.into());
                signatures.hmac.iter().find(|(_, bytes)| made(*bytes)).map(|(label, _)| *label)
            }
            Self::Ed25519(key, message) => {
                let made = |signature| key.verify_strict(message, signature).is_ok();
                signatures.ed25519.iter().find(|(_, signature)| made(signature)).map(|(label, _)| *label)
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use crate::signature::{scheme::KeyForm, secret::Secret};

    #[test]
    fn keys_are_compared_by_what_they_verify() {
        let key = |text: &str, form| Secret::new(text).unwrap().key(form).unwrap();
        let (raw, whsec) = (KeyForm::Raw, KeyForm::Whsec);
        assert!(key("hush", raw).verifies_as(&key(" hush", raw)));
        assert!(!key("hush", raw).verifies_as(&key("hush!", raw)));
        assert!(key("whsec_aGk=", whsec).verifies_as(&key("aGk", whsec)));
        assert!(key("aGk=", whsec).verifies_as(&key("hi", raw)));
        assert!(!key("aGk=", whsec).verifies_as(&key("aGk=", raw)));
    }
}
