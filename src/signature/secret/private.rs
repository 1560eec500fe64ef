//! Private keys, with which the tool signs as a provider does. The receiver is built without them.

use base64::Engine;
use ed25519_dalek::{Signer, SigningKey};
use p256::{SecretKey, ecdsa, pkcs8::EncodePublicKey};

use super::{BASE64, Key, SecretError, public_key};
use crate::signature::scheme::Algorithm;

/// The private half of a pair of keys.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    /// Made of its seed ([RFC 8032, 5.1.5](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.5)).
    Ed25519(Box<SigningKey>),
    EcdsaP256(Box<ecdsa::SigningKey>),
}

impl PrivateKey {
    /// Reads the seed or the scalar, 32 bytes in hex or base64. After `whsk_` it may be followed by its public key, as in
    /// Standard Webhooks.
    pub(super) fn read(algorithm: Algorithm, text: &str) -> Option<Self> {
        let base64 = text.strip_prefix("whsk_").unwrap_or(text).replace('-', "+").replace('_', "/");
        let bytes = hex::decode(text).ok().or_else(|| BASE64.decode(base64).ok())?;
        match algorithm {
            Algorithm::Ed25519 => {
                let seed = bytes.get(..32).filter(|_| matches!(bytes.len(), 32 | 64))?;
                Some(Self::Ed25519(Box::new(SigningKey::from_bytes(seed.try_into().ok()?))))
            }
            Algorithm::EcdsaP256 => {
                Some(Self::EcdsaP256(Box::new(ecdsa::SigningKey::from_slice(&bytes).ok()?)))
            }
            _ => None,
        }
    }

    /// Returns the public half, as providers show it: 32 bytes, or a `SubjectPublicKeyInfo`.
    fn public_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Ed25519(key) => Some(key.verifying_key().to_bytes().to_vec()),
            Self::EcdsaP256(key) => {
                let document = SecretKey::from(&**key).public_key().to_public_key_der().ok()?;
                Some(document.as_bytes().to_vec())
            }
        }
    }

    /// Makes the key that verifies what this one signs, and signs with it.
    pub(super) fn key(self, algorithm: Algorithm) -> Result<Key, SecretError> {
        let bytes = self.public_bytes().ok_or(SecretError::NotAPrivateKey)?;
        Ok(public_key(algorithm, &bytes)?.with_private(self))
    }

    /// Returns the public half.
    pub(super) fn public(&self) -> Result<Vec<u8>, SecretError> {
        self.public_bytes().ok_or(SecretError::NotAPrivateKey)
    }

    /// Signs a message: 64 bytes, or DER with ECDSA.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::EcdsaP256(key) => {
                let signature: ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::signature::{
        scheme::{Algorithm, KeyEncoding, KeyForm},
        secret::{Secret, SecretError},
    };

    fn form(algorithm: Algorithm, encoding: KeyEncoding) -> KeyForm {
        KeyForm { algorithm, encoding }
    }

    /// RFC 8032, 7.1, test 1.
    #[test]
    fn a_seed_has_the_public_key_of_the_standard() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let form = form(Algorithm::Ed25519, KeyEncoding::Hex);
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let private = Secret::new(seed).unwrap();
        assert_eq!(private.public_half(form).unwrap().expose(), public);
        let key = private.signing_key(form).unwrap();
        assert!(key.verifies_as(&Secret::new(public).unwrap().key(form).unwrap()));
    }

    #[test]
    fn a_private_key_has_hex_or_base64() {
        let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            for encoding in [KeyEncoding::Raw, KeyEncoding::Base64, KeyEncoding::Hex] {
                let form = form(algorithm, encoding);
                let key = Secret::new(seed).unwrap().signing_key(form).unwrap();
                let public = Secret::new(seed).unwrap().public_half(form).unwrap();
                assert!(key.verifies_as(&public.key(form).unwrap()));
                assert_eq!(
                    Secret::new("hush").unwrap().signing_key(form).map(drop),
                    Err(SecretError::NotAPrivateKey)
                );
            }
        }
        let whsec = form(Algorithm::HmacSha256, KeyEncoding::Whsec);
        let key = Secret::new(&format!("whsk_{seed}")).unwrap().signing_key(whsec).unwrap();
        assert_eq!(key.algorithm(), Algorithm::Ed25519);
    }
}
