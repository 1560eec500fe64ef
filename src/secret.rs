//! What does a provider sign with? Secrets, which are never printed, and the keys that schemes make of them.

use std::fmt;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::scheme::KeyForm;

mod stored;

pub use stored::{ActiveSecret, StoredSecrets};

/// As the reference libraries do, takes secrets whose padding was lost on the way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A webhook's secret as it was pasted, less the white space around it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text of a secret.
    ///
    /// # Errors
    /// When nothing is left of it: with an empty key anybody could sign.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.is_empty() { Err(SecretError::Blank) } else { Ok(Self(text.to_owned())) }
    }

    /// Whether white space stands within it, as happens when it is pasted from a wrapped line.
    #[must_use]
    pub fn looks_broken(&self) -> bool {
        self.0.contains(char::is_whitespace)
    }

    /// The secret itself, for those who store it, or show it once to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Makes the key that a scheme verifies with; warns if the secret looks broken.
    ///
    /// # Errors
    /// When the secret has not the form that the scheme's provider gives it.
    pub fn key(&self, form: KeyForm) -> Result<Key, SecretError> {
        if self.looks_broken() {
            tracing::warn!("a secret has white space within it: was it pasted whole?");
        }
        let (is_public, bytes) = match form {
            KeyForm::Raw => return Ok(Key::hmac(self.0.as_bytes())),
            KeyForm::Whsec => match self.0.strip_prefix("whpk_") {
                Some(public) => (true, BASE64.decode(public)),
                None => (false, BASE64.decode(self.0.strip_prefix("whsec_").unwrap_or(&self.0))),
            },
        };
        let bytes = bytes.map_err(|_| SecretError::NotBase64)?;
        if is_public {
            let bytes = bytes.try_into().map_err(|_| SecretError::NotAPublicKey)?;
            return VerifyingKey::from_bytes(&bytes)
                .map(Key::Ed25519)
                .map_err(|_| SecretError::NotAPublicKey);
        }
        if bytes.is_empty() { Err(SecretError::Blank) } else { Ok(Key::hmac(&bytes)) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a text is no secret; never what the text was.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SecretError {
    #[error("a secret is blank")]
    Blank,
    #[error(
        "a stored secret must be a plain string, a JSON list of strings, or a JSON object with live, test and any"
    )]
    Form,
    #[error("a secret is not base64, as it should be after whsec_ or whpk_")]
    NotBase64,
    #[error("a whpk_ secret is not an Ed25519 public key")]
    NotAPublicKey,
}

/// What signatures are checked against.
#[derive(Clone)]
pub enum Key {
    /// Ready to go on; keyed but for the message.
    Hmac(Hmac<Sha256>),
    Ed25519(VerifyingKey),
}

impl Key {
    fn hmac(bytes: &[u8]) -> Self {
        Self::Hmac(Hmac::new_from_slice(bytes).expect("a key of any length will do"))
    }

    /// The MAC over a message in parts; `None` of a public key, which signs nothing.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let Self::Hmac(mac) = self else { return None };
        let mut mac = mac.clone();
        for part in parts {
            mac.update(part);
        }
        Some(mac)
    }

    /// Finds the first of the signatures that this key made, in constant time for each.
    pub(crate) fn find<'a, T>(&self, parts: &[&[u8]], signatures: &'a [(T, Vec<u8>)]) -> Option<&'a T> {
        let found = match self {
            Self::Hmac(_) => {
                let mac = self.mac(parts)?;
                signatures.iter().find(|(_, signature)| mac.clone().verify_slice(signature).is_ok())
            }
            Self::Ed25519(key) => {
                let message = parts.concat();
                let made = |signature| key.verify_strict(&message, &signature).is_ok();
                signatures.iter().find(|(_, bytes)| Signature::from_slice(bytes).is_ok_and(made))
            }
        };
        found.map(|(label, _)| label)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_confidential_is_printed() {
        let secret = Secret::new("hush").unwrap();
        assert_eq!(format!("{secret:?} {:?}", secret.key(KeyForm::Raw).unwrap()), "Secret(..) Key(..)");
    }

    #[test]
    fn a_secret_is_what_was_pasted_less_the_space_around_it() {
        assert_eq!(Secret::new("  a+b/c==\r\n").map(|secret| secret.0), Ok("a+b/c==".to_owned()));
        assert_eq!(Secret::new(" \n").map(|secret| secret.0), Err(SecretError::Blank));
        assert!(Secret::new("a\nb").is_ok_and(|secret| secret.looks_broken()));
    }

    #[test]
    fn a_key_has_the_form_that_its_scheme_wants() {
        let key = |text: &str, form| Secret::new(text).unwrap().key(form).map(drop);
        assert_eq!(key("not base64!", KeyForm::Raw), Ok(()));
        assert_eq!(key("not base64!", KeyForm::Whsec), Err(SecretError::NotBase64));
        assert_eq!(key("whsec_", KeyForm::Whsec), Err(SecretError::Blank));
        assert_eq!(key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::Whsec), Ok(()));
        assert_eq!(key("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::Whsec), Ok(()));
        assert_eq!(
            key("whpk_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::Whsec),
            Err(SecretError::NotAPublicKey)
        );
    }
}
