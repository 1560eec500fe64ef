//! Secrets for examples, new each time.

use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::signature::{
    scheme::{KeyEncoding, KeyForm},
    secret::{Secret, SecretError},
};
use uuid::Uuid;

/// Makes a secret of a form that nobody else has. For an algorithm with public keys, it is a private key.
pub(crate) fn secret(form: KeyForm) -> Result<Secret, SecretError> {
    let bytes = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
    Secret::new(&match form.encoding {
        KeyEncoding::Raw | KeyEncoding::Hex => hex::encode(bytes),
        KeyEncoding::Base64 => STANDARD.encode(bytes),
        KeyEncoding::Whsec => format!("whsec_{}", STANDARD.encode(&bytes[..24])),
    })
}

#[cfg(test)]
mod tests {
    use duffel_webhook_receiver::signature::scheme::Preset;

    use super::*;

    #[test]
    fn every_preset_accepts_a_made_up_secret() {
        for scheme in Preset::all().map(Preset::scheme) {
            let secret = secret(scheme.key).unwrap();
            let key = secret.signing_key(scheme.key).unwrap();
            assert!(secret.public_half(scheme.key).unwrap().key(scheme.key).unwrap().verifies_as(&key));
        }
    }
}
