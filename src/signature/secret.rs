//! Secrets, with which providers sign. They are never printed.

use std::fmt;

#[cfg(feature = "tool")]
use base64::engine::general_purpose::STANDARD as STANDARD_BASE64;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ed25519_dalek::VerifyingKey;
use thiserror::Error;

pub(in crate::signature) use self::key::token_fingerprint;
pub use self::{
    doubt::Doubt,
    key::Key,
    stored::{ActiveSecret, StoredSecrets},
};
use super::scheme::{Algorithm, KeyEncoding, KeyForm};

mod doubt;
#[cfg(feature = "ecdsa")]
mod ecdsa;
mod key;
#[cfg(feature = "tool")]
mod private;
mod stored;

/// Like the reference libraries, accepts secrets without padding, or with surplus bits in the last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A webhook's secret as it was pasted, without the white space and the invisible characters around it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Trims the text of a secret.
    ///
    /// # Errors
    /// If nothing is left: anybody can sign with an empty key.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let text = text.trim_matches(doubt::is_blank);
        if text.is_empty() { Err(SecretError::Blank) } else { Ok(Self(text.to_owned())) }
    }

    /// Returns the reasons to doubt that the secret was pasted correctly. It is used unchanged all the same.
    pub fn doubts(&self) -> impl Iterator<Item = Doubt> {
        Doubt::about(&self.0)
    }

    /// Logs a warning for each doubt, with the secret's source and its variable or field.
    pub fn warn(&self, source: &str, field: &str) {
        for doubt in self.doubts() {
            tracing::warn!("source {source}: a secret in {field} {doubt}: was it pasted correctly?");
        }
    }

    /// Returns the secret itself, to store it or to show it once to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Makes the key that a scheme verifies with.
    ///
    /// # Errors
    /// If the secret is not of the form that the scheme's provider uses.
    pub fn key(&self, form: KeyForm) -> Result<Key, SecretError> {
        let KeyForm { algorithm, encoding } = form;
        if encoding == KeyEncoding::Whsec
            && let Some(public) = self.0.strip_prefix("whpk_")
        {
            let bytes = BASE64.decode(public).map_err(|_| SecretError::NotBase64)?;
            return public_key(Algorithm::Ed25519, &bytes);
        }
        let bytes = self.bytes(form)?;
        if algorithm.is_public() {
            return public_key(algorithm, &bytes);
        }
        Key::shared(algorithm, &bytes).filter(|_| !bytes.is_empty()).ok_or(SecretError::Blank)
    }

    /// Makes a key that signs as well. For an algorithm with public keys, the secret is the private key: the seed of
    /// Ed25519, or the number of ECDSA, 32 bytes in hex or base64.
    ///
    /// # Errors
    /// If the secret is not of that form.
    #[cfg(feature = "tool")]
    pub fn signing_key(&self, form: KeyForm) -> Result<Key, SecretError> {
        match self.private_key(form) {
            Some(private) => {
                let (algorithm, private) = private?;
                private.key(algorithm)
            }
            None => self.key(form),
        }
    }

    /// Returns the public key of a private one, in the form in which a source has it; a shared secret unchanged.
    ///
    /// # Errors
    /// If the secret is not a valid private key.
    #[cfg(feature = "tool")]
    pub fn public_half(&self, form: KeyForm) -> Result<Self, SecretError> {
        let Some(private) = self.private_key(form) else { return Ok(self.clone()) };
        let (_, private) = private?;
        let bytes = private.public()?;
        Ok(Self(match form.encoding {
            KeyEncoding::Hex => hex::encode(bytes),
            KeyEncoding::Raw | KeyEncoding::Base64 => STANDARD_BASE64.encode(bytes),
            KeyEncoding::Whsec => format!("whpk_{}", STANDARD_BASE64.encode(bytes)),
        }))
    }

    #[cfg(feature = "tool")]
    fn private_key(&self, form: KeyForm) -> Option<Result<(Algorithm, private::PrivateKey), SecretError>> {
        let is_whsk = form.encoding == KeyEncoding::Whsec && self.0.starts_with("whsk_");
        let algorithm = if is_whsk { Algorithm::Ed25519 } else { form.algorithm };
        algorithm.is_public().then(|| {
            let private = private::PrivateKey::read(algorithm, &self.0).ok_or(SecretError::NotAPrivateKey)?;
            Ok((algorithm, private))
        })
    }

    /// Decodes the bytes of a key.
    fn bytes(&self, form: KeyForm) -> Result<Vec<u8>, SecretError> {
        let text = self.0.as_str();
        let either = |text: &str| {
            // The alphabets differ in two characters.
            let standard = text.replace('-', "+").replace('_', "/");
            BASE64.decode(standard).map_err(|_| SecretError::NotBase64)
        };
        match form.encoding {
            KeyEncoding::Raw if form.algorithm.is_public() => either(&text_of_pem(text)),
            KeyEncoding::Raw => Ok(text.as_bytes().to_vec()),
            KeyEncoding::Base64 => either(text),
            KeyEncoding::Hex => hex::decode(text).map_err(|_| SecretError::NotHex),
            KeyEncoding::Whsec => {
                let bare = text.split_once("whsec_").map_or(text, |(_, bare)| bare);
                BASE64.decode(bare).map_err(|_| SecretError::NotBase64)
            }
        }
    }
}

/// Returns the base64 between the lines that begin and end a PEM, or a text that has no such lines
/// ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)).
fn text_of_pem(text: &str) -> String {
    let body = text.split("-----").nth(2).unwrap_or(text);
    body.split_whitespace().collect()
}

fn public_key(algorithm: Algorithm, bytes: &[u8]) -> Result<Key, SecretError> {
    /// What precedes an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410).
    const ED25519_HEADER: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    if algorithm == Algorithm::EcdsaP256 {
        #[cfg(feature = "ecdsa")]
        return ecdsa::PublicKey::read(bytes).map(Key::ecdsa_p256).ok_or(SecretError::NotAPublicKey);
        #[cfg(not(feature = "ecdsa"))]
        return Err(SecretError::NoEcdsa);
    }
    let bytes = bytes.strip_prefix(ED25519_HEADER).unwrap_or(bytes);
    let bytes = bytes.try_into().map_err(|_| SecretError::NotAPublicKey)?;
    VerifyingKey::from_bytes(&bytes).map(Key::ed25519).map_err(|_| SecretError::NotAPublicKey)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The reason why a text is not a valid secret. It never contains the text.
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
    #[error("a secret is not base64, as it must be in this scheme (also after whsec_ or whpk_)")]
    NotBase64,
    #[error("a secret is not hex, as it must be in this scheme")]
    NotHex,
    #[error("a secret is not a public key of the algorithm (after whpk_: Ed25519)")]
    NotAPublicKey,
    #[cfg(feature = "tool")]
    #[error(
        "to sign with this scheme, the secret must be the private key: 32 bytes in hex or base64 (the seed of Ed25519, or \
         the number of ECDSA)"
    )]
    NotAPrivateKey,
    #[cfg(not(feature = "ecdsa"))]
    #[error("signatures with ECDSA need the feature `ecdsa` of this crate")]
    NoEcdsa,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_confidential_is_printed() {
        let secret = Secret::new("hush").unwrap();
        assert_eq!(format!("{secret:?} {:?}", secret.key(KeyForm::RAW).unwrap()), "Secret(..) Key(..)");
    }

    #[test]
    fn a_secret_is_what_was_pasted_without_the_space_around_it() {
        assert_eq!(Secret::new("  a+b/c==\r\n").map(|secret| secret.0), Ok("a+b/c==".to_owned()));
        assert_eq!(Secret::new(" \n").map(|secret| secret.0), Err(SecretError::Blank));
        assert_eq!(
            Secret::new("\u{feff}\u{200b} hush\u{2060}\n\u{200d}").map(|secret| secret.0),
            Ok("hush".to_owned())
        );
        assert_eq!(Secret::new("\u{200b}").map(|secret| secret.0), Err(SecretError::Blank));
    }

    #[test]
    fn a_key_has_the_form_of_its_scheme() {
        let key = |text: &str, form| Secret::new(text).unwrap().key(form).map(drop);
        assert_eq!(key("not base64!", KeyForm::RAW), Ok(()));
        assert_eq!(key("not base64!", KeyForm::WHSEC), Err(SecretError::NotBase64));
        assert_eq!(key("whsec_", KeyForm::WHSEC), Err(SecretError::Blank));
        assert_eq!(key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::WHSEC), Ok(()));
        for surplus in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr"] {
            assert_eq!(key(surplus, KeyForm::WHSEC), Ok(()));
            assert_eq!(key(&format!("whsec_{surplus}"), KeyForm::WHSEC), Ok(()));
        }
        assert_eq!(key("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::WHSEC), Ok(()));
        assert_eq!(
            key("whpk_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyForm::WHSEC),
            Err(SecretError::NotAPublicKey)
        );
    }
}
