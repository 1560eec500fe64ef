//! Algorithms of signatures, their encodings, and the forms of the keys.

/// An algorithm of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// [RFC 2104](https://www.rfc-editor.org/rfc/rfc2104) with SHA-1. Its weakness concerns collisions, which do not
    /// help to forge an HMAC.
    HmacSha1,
    HmacSha256,
    HmacSha384,
    HmacSha512,
    /// [RFC 8032](https://www.rfc-editor.org/rfc/rfc8032).
    Ed25519,
    /// ECDSA over P-256 with SHA-256, as DER or as two numbers of 32 bytes
    /// ([FIPS 186-5](https://csrc.nist.gov/pubs/fips/186-5/final)).
    EcdsaP256,
    /// The header holds the secret itself. It proves who sent the request, and nothing about its content.
    Token,
}

impl Algorithm {
    /// Each algorithm with its name in a configuration.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("hmac-sha1", Self::HmacSha1),
        ("hmac-sha256", Self::HmacSha256),
        ("hmac-sha384", Self::HmacSha384),
        ("hmac-sha512", Self::HmacSha512),
        ("ed25519", Self::Ed25519),
        ("ecdsa-p256", Self::EcdsaP256),
        ("token", Self::Token),
    ];

    /// The name in a configuration, as in `hmac-sha256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        name(&Self::NAMES, &self)
    }

    /// Returns `true` if the secret is a public key: whoever verifies with it cannot sign.
    #[must_use]
    pub fn is_public(self) -> bool {
        matches!(self, Self::Ed25519 | Self::EcdsaP256)
    }

    /// Returns `true` if a signature may have this length in bytes.
    pub(in crate::signature) fn accepts(self, bytes: usize) -> bool {
        match self {
            Self::HmacSha1 => bytes == 20,
            Self::HmacSha256 => bytes == 32,
            Self::HmacSha384 => bytes == 48,
            Self::HmacSha512 | Self::Ed25519 => bytes == 64,
            // The shortest and the longest DER.
            Self::EcdsaP256 => (8..=72).contains(&bytes),
            Self::Token => bytes > 0,
        }
    }
}

/// The encoding of the bytes of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// In either case.
    Hex,
    /// With padding ([RFC 4648, 4](https://www.rfc-editor.org/rfc/rfc4648#section-4)).
    Base64,
    /// With the alphabet that is safe in URLs, with or without padding
    /// ([RFC 4648, 5](https://www.rfc-editor.org/rfc/rfc4648#section-5)).
    Base64Url,
    /// The characters themselves, for a token.
    Text,
}

impl Encoding {
    /// Each encoding with its name in a configuration.
    pub const NAMES: [(&'static str, Self); 4] =
        [("hex", Self::Hex), ("base64", Self::Base64), ("base64url", Self::Base64Url), ("text", Self::Text)];

    /// The name in a configuration, as in `base64url`.
    #[must_use]
    pub fn name(self) -> &'static str {
        name(&Self::NAMES, &self)
    }
}

fn name<T: PartialEq>(names: &[(&'static str, T)], wanted: &T) -> &'static str {
    names.iter().find(|(_, value)| value == wanted).map(|(name, _)| *name).unwrap_or_default()
}

/// The way from a secret to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyForm {
    pub algorithm: Algorithm,
    pub encoding: KeyEncoding,
}

impl KeyForm {
    /// The characters of the secret are the key of an HMAC-SHA256.
    pub const RAW: Self = Self { algorithm: Algorithm::HmacSha256, encoding: KeyEncoding::Raw };
    /// The key of an HMAC-SHA256 as in Standard Webhooks.
    pub const WHSEC: Self = Self { algorithm: Algorithm::HmacSha256, encoding: KeyEncoding::Whsec };
}

/// The encoding of the bytes of a key in its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEncoding {
    /// The characters of the secret; of a public key, base64 of it.
    Raw,
    /// With or without padding, with either alphabet.
    Base64,
    Hex,
    /// Base64 after `whsec_`, which may have a prefix such as `v1,`; or an Ed25519 public key after `whpk_`
    /// ([Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)).
    Whsec,
}

impl KeyEncoding {
    /// Each encoding with its name in a configuration.
    pub const NAMES: [(&'static str, Self); 4] =
        [("raw", Self::Raw), ("base64", Self::Base64), ("hex", Self::Hex), ("whsec", Self::Whsec)];
}
