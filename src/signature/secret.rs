//! What does a provider sign with? Secrets, which are never printed, and the keys that schemes make of them.

use std::fmt;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, KeyInit, Mac, digest::CtOutput};
use sha2::Sha256;
use thiserror::Error;

use crate::signature::{header::Signatures, scheme::KeyForm};

mod doubt;
mod stored;

pub use doubt::Doubt;
pub use stored::{ActiveSecret, StoredSecrets};

/// As the reference libraries do, takes secrets whose padding was lost, or whose last character has surplus bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A webhook's secret as it was pasted, less the white space and the invisible characters around it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text of a secret.
    ///
    /// # Errors
    /// When nothing is left of it: with an empty key anybody could sign.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let text = text.trim_matches(doubt::is_blank);
        if text.is_empty() { Err(SecretError::Blank) } else { Ok(Self(text.to_owned())) }
    }

    /// What makes it look as if it had not been pasted rightly; it is used as it is.
    pub fn doubts(&self) -> impl Iterator<Item = Doubt> {
        Doubt::about(&self.0)
    }

    /// Warns of what makes it look as if it had not been pasted rightly, by its source and its variable or field.
    pub fn warn(&self, source: &str, field: &str) {
        for doubt in self.doubts() {
            tracing::warn!("source {source}: a secret in {field} {doubt}: was it pasted correctly?");
        }
    }

    /// The secret itself, for those who store it, or show it once to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Makes the key that a scheme verifies with.
    ///
    /// # Errors
    /// When the secret has not the form that the scheme's provider gives it.
    pub fn key(&self, form: KeyForm) -> Result<Key, SecretError> {
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
                .map(Key::ed25519)
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
    #[error("a stored secret holds bytes (SecretBinary), not text: store it as a string")]
    Bytes,
    #[error("a secret is not base64, as it should be after whsec_ or whpk_")]
    NotBase64,
    #[error("a whpk_ secret is not an Ed25519 public key")]
    NotAPublicKey,
}

/// What signatures are checked against.
#[derive(Clone)]
pub struct Key {
    form: Form,
    live_mode: Option<bool>,
    /// What it makes of a constant, and so the same for keys that verify the same signatures; gives nothing away of them.
    fingerprint: [u8; 32],
}

#[derive(Clone)]
enum Form {
    /// Ready to go on; keyed but for the message.
    Hmac(Hmac<Sha256>),
    Ed25519(VerifyingKey),
}

impl Key {
    fn hmac(bytes: &[u8]) -> Self {
        let mac = Hmac::new_from_slice(bytes).expect("a key of any length will do");
        let fingerprint = mac_over(&mac, &[b"fingerprint"]).finalize().into_bytes().into();
        Self { form: Form::Hmac(mac), live_mode: None, fingerprint }
    }

    fn ed25519(key: VerifyingKey) -> Self {
        Self { form: Form::Ed25519(key), live_mode: None, fingerprint: key.to_bytes() }
    }

    /// The mode of the events that it may sign; `None` for both.
    pub(crate) fn live_mode(&self) -> Option<bool> {
        self.live_mode
    }

    /// Whether it verifies what the other verifies, whatever their modes.
    #[must_use]
    pub fn verifies_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// The MAC over a message in parts; `None` of a public key, which signs nothing.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let Form::Hmac(mac) = &self.form else { return None };
        Some(mac_over(mac, parts))
    }

    /// Whether any of the signatures is of this key's kind.
    pub(crate) fn may_have_made(&self, signatures: &Signatures) -> bool {
        match self.form {
            Form::Hmac(_) => !signatures.hmac.is_empty(),
            Form::Ed25519(_) => !signatures.ed25519.is_empty(),
        }
    }

    /// Reads a message in parts, once for however many signatures.
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

/// A key with a message that it may have signed.
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
        assert_eq!(
            Secret::new("\u{feff}\u{200b} hush\u{2060}\n\u{200d}").map(|secret| secret.0),
            Ok("hush".to_owned())
        );
        assert_eq!(Secret::new("\u{200b}").map(|secret| secret.0), Err(SecretError::Blank));
    }

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

    #[test]
    fn a_key_has_the_form_that_its_scheme_wants() {
        let key = |text: &str, form| Secret::new(text).unwrap().key(form).map(drop);
        assert_eq!(key("not base64!", KeyForm::Raw), Ok(()));
        assert_eq!(key("not base64!", KeyForm::Whsec), Err(SecretError::NotBase64));
        assert_eq!(key("whsec_", KeyForm::Whsec), Err(SecretError::Blank));
        assert_eq!(key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::Whsec), Ok(()));
        for surplus in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr"] {
            assert_eq!(key(surplus, KeyForm::Whsec), Ok(()));
            assert_eq!(key(&format!("whsec_{surplus}"), KeyForm::Whsec), Ok(()));
        }
        assert_eq!(key("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::Whsec), Ok(()));
        assert_eq!(
            key("whpk_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::Whsec),
            Err(SecretError::NotAPublicKey)
        );
    }
}
