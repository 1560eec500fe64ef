//! The key that a scheme makes of a secret, and the comparison of signatures in constant time.

use std::fmt;

use ctutils::CtEq;
use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

#[cfg(feature = "ecdsa")]
use super::ecdsa;
#[cfg(feature = "tool")]
use super::private::PrivateKey;
use crate::signature::{
    header::Signature,
    scheme::{Algorithm, Joined, Text},
};

/// A key that verifies signatures: of the secret that both sides know, or a public key.
#[derive(Clone)]
pub struct Key {
    form: Form,
    /// The mode of the events that the key may sign; `None` for both.
    pub(super) live_mode: Option<bool>,
    /// The MAC of a constant, or the public key: equal for keys that verify the same signatures, and not confidential.
    fingerprint: [u8; 32],
    /// What signs, if the key verifies with a public key.
    #[cfg(feature = "tool")]
    private: Option<PrivateKey>,
}

/// An HMAC is initialised with the key; only the message is missing.
#[derive(Clone)]
enum Form {
    HmacSha1(Hmac<Sha1>),
    HmacSha256(Hmac<Sha256>),
    HmacSha384(Box<Hmac<Sha384>>),
    HmacSha512(Box<Hmac<Sha512>>),
    Ed25519(VerifyingKey),
    #[cfg(feature = "ecdsa")]
    EcdsaP256(Box<ecdsa::PublicKey>),
    Token(Box<[u8]>),
}

impl Key {
    /// Makes the key of an HMAC, or of a token.
    ///
    /// # Panics
    /// Never: an HMAC accepts a key of any length.
    pub(super) fn shared(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let form = match algorithm {
            Algorithm::HmacSha1 => Form::HmacSha1(hmac(bytes)),
            Algorithm::HmacSha256 => Form::HmacSha256(hmac(bytes)),
            Algorithm::HmacSha384 => Form::HmacSha384(hmac::<Hmac<Sha384>>(bytes).into()),
            Algorithm::HmacSha512 => Form::HmacSha512(hmac::<Hmac<Sha512>>(bytes).into()),
            Algorithm::Token => Form::Token(bytes.into()),
            Algorithm::Ed25519 | Algorithm::EcdsaP256 => return None,
        };
        Some(Self::new(form, fingerprint(algorithm, bytes)))
    }

    pub(super) fn ed25519(key: VerifyingKey) -> Self {
        Self::new(Form::Ed25519(key), key.to_bytes())
    }

    #[cfg(feature = "ecdsa")]
    pub(super) fn ecdsa_p256(key: ecdsa::PublicKey) -> Self {
        let fingerprint = fingerprint(Algorithm::EcdsaP256, &key.to_bytes());
        Self::new(Form::EcdsaP256(key.into()), fingerprint)
    }

    fn new(form: Form, fingerprint: [u8; 32]) -> Self {
        Self {
            form,
            live_mode: None,
            fingerprint,
            #[cfg(feature = "tool")]
            private: None,
        }
    }

    /// Returns the same key with its private half, so that it signs.
    #[cfg(feature = "tool")]
    pub(super) fn with_private(self, private: PrivateKey) -> Self {
        Self { private: Some(private), ..self }
    }

    /// Returns the same key for events of a mode; `None` for both.
    pub(super) fn in_mode(self, live_mode: Option<bool>) -> Self {
        Self { live_mode, ..self }
    }

    /// The mode of the events that the key may sign; `None` for both.
    pub(crate) fn live_mode(&self) -> Option<bool> {
        self.live_mode
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.form {
            Form::HmacSha1(_) => Algorithm::HmacSha1,
            Form::HmacSha256(_) => Algorithm::HmacSha256,
            Form::HmacSha384(_) => Algorithm::HmacSha384,
            Form::HmacSha512(_) => Algorithm::HmacSha512,
            Form::Ed25519(_) => Algorithm::Ed25519,
            #[cfg(feature = "ecdsa")]
            Form::EcdsaP256(_) => Algorithm::EcdsaP256,
            Form::Token(_) => Algorithm::Token,
        }
    }

    /// Returns `true` if both verify the same signatures; their modes do not matter.
    #[must_use]
    pub fn verifies_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// What is equal for keys that verify the same signatures. It is not confidential.
    #[cfg(feature = "receiver")]
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Returns the bytes of a signature over a body and what is around it; `None` for a public key, which cannot sign.
    pub(in crate::signature) fn sign(&self, joined: &Joined<'_>, body: &[u8]) -> Option<Vec<u8>> {
        #[cfg(feature = "tool")]
        if let Some(private) = &self.private {
            return Some(private.sign(&joined.concat(body)));
        }
        match self.read(joined, body) {
            Checker::Mac(mac) => Some(mac.bytes().to_vec()),
            Checker::Token(_) => match &self.form {
                Form::Token(bytes) => Some(bytes.to_vec()),
                _ => None,
            },
            Checker::Ed25519(..) => None,
            #[cfg(feature = "ecdsa")]
            Checker::EcdsaP256(..) => None,
        }
    }

    /// Returns `true` if any of the signatures is of this key's algorithm.
    pub(in crate::signature) fn may_have_made(&self, signatures: &[Signature<'_>]) -> bool {
        let algorithm = self.algorithm();
        signatures.iter().any(|signature| signature.algorithm == algorithm)
    }

    /// Reads a message in parts, once for any number of signatures.
    pub(in crate::signature) fn read(&self, joined: &Joined<'_>, body: &[u8]) -> Checker<'_> {
        match &self.form {
            Form::HmacSha1(mac) => Checker::Mac(mac_over(mac.clone(), joined, body)),
            Form::HmacSha256(mac) => Checker::Mac(mac_over(mac.clone(), joined, body)),
            Form::HmacSha384(mac) => Checker::Mac(mac_over(Hmac::clone(mac), joined, body)),
            Form::HmacSha512(mac) => Checker::Mac(mac_over(Hmac::clone(mac), joined, body)),
            Form::Ed25519(key) => Checker::Ed25519(key, joined.concat(body)),
            #[cfg(feature = "ecdsa")]
            Form::EcdsaP256(key) => Checker::EcdsaP256(key, joined.concat(body)),
            Form::Token(_) => Checker::Token(&self.fingerprint),
        }
    }

    /// Finds the label of the first signature that this key made over the message, in constant time for each.
    pub(in crate::signature) fn find<'s>(
        &self,
        checker: &Checker<'_>,
        signatures: &[Signature<'s>],
    ) -> Option<&'s Text> {
        let algorithm = self.algorithm();
        let made = |signature: &&Signature<'_>| match checker {
            Checker::Mac(mac) => mac.bytes().ct_eq(signature.bytes()).into(),
            Checker::Ed25519(key, message) => ed25519_dalek::Signature::from_slice(signature.bytes())
                .is_ok_and(|made| key.verify_strict(message, &made).is_ok()),
            #[cfg(feature = "ecdsa")]
            Checker::EcdsaP256(key, message) => key.made(message, signature.bytes()),
            Checker::Token(known) => known[..].ct_eq(signature.bytes()).into(),
        };
        let mut own = signatures.iter().filter(|signature| signature.algorithm == algorithm);
        own.find(made).map(|signature| signature.label)
    }
}

/// Makes an HMAC with its key.
fn hmac<M: KeyInit>(bytes: &[u8]) -> M {
    M::new_from_slice(bytes).expect("HMAC accepts a key of any length")
}

/// The fingerprint of the key that a token is. Tokens are compared by it: it has one length, so the comparison does not
/// depend on the length of the secret.
pub(in crate::signature) fn token_fingerprint(token: &[u8]) -> [u8; 32] {
    fingerprint(Algorithm::Token, token)
}

fn fingerprint(algorithm: Algorithm, bytes: &[u8]) -> [u8; 32] {
    let mut mac: Hmac<Sha256> = hmac(bytes);
    mac.update(b"fingerprint");
    // The most common algorithm adds nothing.
    if algorithm != Algorithm::HmacSha256 {
        mac.update(format!("{algorithm:?}").as_bytes());
    }
    mac.finalize().into_bytes().into()
}

fn mac_over<M: Mac>(mut mac: M, joined: &Joined<'_>, body: &[u8]) -> MacBytes {
    joined.each(body, |part| mac.update(part));
    let output = mac.finalize().into_bytes();
    let mut mac = MacBytes { bytes: [0; 64], length: output.len().min(64) };
    mac.bytes[..mac.length].copy_from_slice(&output[..mac.length]);
    mac
}

/// The output of an HMAC: 20, 32, 48 or 64 bytes.
pub(in crate::signature) struct MacBytes {
    bytes: [u8; 64],
    length: usize,
}

impl MacBytes {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A key and a message that it may have signed.
pub(in crate::signature) enum Checker<'a> {
    Mac(MacBytes),
    Ed25519(&'a VerifyingKey, Vec<u8>),
    #[cfg(feature = "ecdsa")]
    EcdsaP256(&'a ecdsa::PublicKey, Vec<u8>),
    Token(&'a [u8; 32]),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{scheme::KeyForm, secret::Secret};

    #[test]
    fn keys_are_compared_by_what_they_verify() {
        let key = |text: &str, form| Secret::new(text).unwrap().key(form).unwrap();
        let (raw, whsec) = (KeyForm::RAW, KeyForm::WHSEC);
        assert!(key("hush", raw).verifies_as(&key(" hush", raw)));
        assert!(!key("hush", raw).verifies_as(&key("hush!", raw)));
        assert!(key("whsec_aGk=", whsec).verifies_as(&key("aGk", whsec)));
        assert!(key("aGk=", whsec).verifies_as(&key("hi", raw)));
        assert!(!key("aGk=", whsec).verifies_as(&key("aGk=", raw)));
    }

    #[test]
    fn a_secret_is_another_key_with_each_algorithm() {
        let shared = Algorithm::NAMES.into_iter().filter(|(_, algorithm)| !algorithm.is_public());
        let keys: Vec<_> = shared.map(|(_, algorithm)| Key::shared(algorithm, b"hush").unwrap()).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(keys[index + 1..].iter().all(|other| !key.verifies_as(other)), "{:?}", key.algorithm());
        }
    }
}
