//! A version of a stored secret; its ID identifies the webhook for which it was stored.

use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::StoredSecretError;
use crate::signature::secret::{Secret, StoredSecrets};

/// The purposes of a version: the first keeps the old secrets, the others drop them.
pub(super) const PURPOSES: [&str; 3] = ["keep-old", "forget-old", "forget-older"];

pub(super) struct Version {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) secrets: StoredSecrets,
}

impl Version {
    pub(super) fn read(version: GetSecretValueOutput) -> Result<Self, StoredSecretError> {
        let text = version.secret_string.ok_or(StoredSecretError::Binary)?;
        let secrets = StoredSecrets::parse(&text).map_err(|error| {
            if holds_sources(&text) { StoredSecretError::Sources } else { StoredSecretError::Unusable(error) }
        })?;
        Ok(Self { id: version.version_id.unwrap_or_default(), text, secrets })
    }

    pub(super) fn is_of(&self, webhook: &str) -> bool {
        PURPOSES.iter().any(|purpose| self.id == version_id(webhook, purpose))
    }

    pub(super) fn is_of_a_webhook(&self) -> bool {
        // Other versions have a UUID.
        self.id.len() == version_id("", "").len()
    }

    pub(super) fn holds(&self, secret: &Secret) -> bool {
        self.secrets.iter().any(|active| active.secret.expose() == secret.expose())
    }
}

/// Returns `true` if a value is an object of objects, as `SOURCES_ARN` names it.
fn holds_sources(text: &str) -> bool {
    let members: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    !members.is_empty() && members.values().all(Value::is_object)
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The ID of the version that is stored for a webhook; a rotation that is continued recognises it.
#[must_use]
pub fn first_version_id(webhook: &str) -> String {
    version_id(webhook, PURPOSES[0])
}

pub(super) fn version_id(webhook: &str, purpose: &str) -> String {
    hex::encode(Sha256::digest(format!("{purpose} {webhook}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_recognises_its_webhook_and_shows_no_secret() {
        let version = |id: String| {
            let version = GetSecretValueOutput::builder().version_id(id).secret_string("hush").build();
            Version::read(version).unwrap()
        };
        let of_webhook = version(first_version_id("end_1"));
        assert!(of_webhook.is_of("end_1") && !of_webhook.is_of("end_2") && of_webhook.is_of_a_webhook());
        assert!(!format!("{of_webhook:?}").contains("hush"));
        let by_hand = version("c4a6cd9e-1f3b-4d5e-8a7b-0123456789ab".to_owned());
        assert!(!by_hand.is_of("end_1") && !by_hand.is_of_a_webhook());
    }
}
