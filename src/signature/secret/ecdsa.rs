//! Public keys of ECDSA over P-256, in the forms in which providers show them.

use p256::{
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    pkcs8::DecodePublicKey,
};

/// A public key over P-256.
#[derive(Clone)]
pub(crate) struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a key: a `SubjectPublicKeyInfo` in DER
    /// ([RFC 5480](https://www.rfc-editor.org/rfc/rfc5480#section-2)), or its point alone.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let key = VerifyingKey::from_public_key_der(bytes).or_else(|_| VerifyingKey::from_sec1_bytes(bytes));
        key.ok().map(Self)
    }

    /// Returns its point, uncompressed.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_sec1_point(false).as_bytes().to_vec()
    }

    /// Returns `true` if the key made the signature over the SHA-256 of the message.
    pub(super) fn made(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_der(signature).or_else(|_| Signature::from_slice(signature));
        signature.is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}
