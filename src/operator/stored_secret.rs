//! Which secrets are active, and how is a new one added? The receiver's secret in Secrets Manager.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::CallError;
use crate::secret::{Secret, SecretError, StoredSecrets};

/// How many secrets one version holds at most; the version before it is active as well.
///
/// Each costs one HMAC where a signature is wrong; Secrets Manager would hold some hundreds.
pub const KEPT: usize = 10;

/// What the rotation of a stored secret must be allowed.
pub const ACTIONS: [&str; 3] =
    ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"];

/// The purposes for which a version is made, in the order of [`StoredSecret::keep_old`] and
/// [`StoredSecret::forget_old`].
const PURPOSES: [&str; 3] = ["keep-old", "forget-old", "forget-older"];

/// Where a receiver's secrets are stored.
#[derive(Debug)]
pub struct StoredSecret {
    client: Client,
    arn: String,
}

/// What is stored, as of one moment.
#[derive(Debug)]
pub struct Active {
    current: Option<Version>,
    previous: Option<Version>,
}

struct Version {
    id: String,
    text: String,
    secrets: StoredSecrets,
}

impl StoredSecret {
    #[must_use]
    pub fn new(sdk: &SdkConfig, arn: &str) -> Self {
        Self { client: Client::new(sdk), arn: arn.to_owned() }
    }

    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Reads the active secrets (`secretsmanager:DescribeSecret`, `secretsmanager:GetSecretValue`).
    ///
    /// # Errors
    /// When there is no such secret, or its current version is not what a receiver could use.
    pub async fn read(&self) -> Result<Active, StoredSecretError> {
        let described = self.client.describe_secret().secret_id(&self.arn).send().await;
        let described = described.map_err(|error| match error.as_service_error() {
            Some(refusal) if refusal.is_resource_not_found_exception() => {
                StoredSecretError::Missing(self.arn.clone())
            }
            _ => CallError::new("secretsmanager:DescribeSecret", &error).into(),
        })?;
        if described.deleted_date.is_some() {
            return Err(StoredSecretError::Doomed(self.arn.clone()));
        }
        let current = self.version("AWSCURRENT").await?.map(Version::read).transpose()?;
        // What is no secret signed nothing; the receiver passes over it too.
        let previous = self.version("AWSPREVIOUS").await?.and_then(|version| Version::read(version).ok());
        Ok(Active { current, previous })
    }

    /// A version (`secretsmanager:GetSecretValue`); `None` if there is none at that stage.
    pub(super) async fn version(&self, stage: &str) -> Result<Option<GetSecretValueOutput>, CallError> {
        let request = self.client.get_secret_value().secret_id(&self.arn).version_stage(stage);
        match request.send().await {
            Ok(version) => Ok(Some(version)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(CallError::new("secretsmanager:GetSecretValue", &error)),
        }
    }

    /// Finds out whether a new version may be stored, by storing the current one anew, which Secrets Manager ignores
    /// under the same version id. An empty secret is left empty.
    ///
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>
    ///
    /// # Errors
    /// When it may not.
    pub async fn try_put(&self, active: &Active) -> Result<(), CallError> {
        match &active.current {
            Some(current) => self.put(&current.id, &current.text).await,
            None => Ok(()),
        }
    }

    /// Stores the secret of a new webhook before those that are active, so that all of them are, but for the oldest
    /// beyond [`KEPT`]; how many those are. Doing it again does nothing.
    ///
    /// # Errors
    /// Whenever it is not known to be stored.
    pub async fn keep_old(&self, webhook: &str, new: &Secret, active: &Active) -> Result<usize, CallError> {
        let mut texts = vec![new.expose()];
        for old in active.secrets() {
            if !texts.contains(&old.expose()) {
                texts.push(old.expose());
            }
        }
        let dropped = texts.len().saturating_sub(KEPT);
        texts.truncate(KEPT);
        self.put(&version_id(webhook, PURPOSES[0]), &serde_json::json!(texts).to_string()).await?;
        Ok(dropped)
    }

    /// Stores the secret of a new webhook alone, and once more, so that the version before has no old one either.
    /// Doing it again does nothing.
    ///
    /// # Errors
    /// Whenever it is not known to be stored twice.
    pub async fn forget_old(&self, webhook: &str, new: &Secret) -> Result<(), CallError> {
        // A list, like the other versions: the one secret might itself begin with a bracket.
        let text = serde_json::json!([new.expose()]).to_string();
        for purpose in &PURPOSES[1..] {
            self.put(&version_id(webhook, purpose), &text).await?;
        }
        Ok(())
    }

    async fn put(&self, version: &str, text: &str) -> Result<(), CallError> {
        let request = self.client.put_secret_value().secret_id(&self.arn);
        let answer = request.client_request_token(version).secret_string(text).send().await;
        answer.map(drop).map_err(|error| CallError::new("secretsmanager:PutSecretValue", &error))
    }
}

impl Active {
    /// The active secrets, the current version's first.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.current
            .iter()
            .chain(&self.previous)
            .flat_map(|version| &version.secrets)
            .map(|active| &active.secret)
    }

    /// How many different secrets are active.
    #[must_use]
    pub fn count(&self) -> usize {
        let mut texts: Vec<_> = self.secrets().map(Secret::expose).collect();
        texts.sort_unstable();
        texts.dedup();
        texts.len()
    }

    /// The secret of a webhook, if the current version was stored for it.
    #[must_use]
    pub fn secret_of(&self, webhook: &str) -> Option<&Secret> {
        let current = self.current.as_ref()?;
        current.secrets.iter().next().map(|active| &active.secret).filter(|_| current.is_of(webhook))
    }

    /// Whether the current version was stored for the rotation of a webhook that is none of these.
    #[must_use]
    pub fn is_of_another(&self, webhooks: &[&str]) -> bool {
        self.current.as_ref().is_some_and(|current| {
            // Other versions have a UUID.
            current.id.len() == version_id("", "").len() && !webhooks.iter().any(|id| current.is_of(id))
        })
    }
}

impl Version {
    fn read(version: GetSecretValueOutput) -> Result<Self, StoredSecretError> {
        let text = version.secret_string.ok_or(StoredSecretError::Binary)?;
        let secrets = StoredSecrets::parse(&text).map_err(StoredSecretError::Unusable)?;
        Ok(Self { id: version.version_id.unwrap_or_default(), text, secrets })
    }

    fn is_of(&self, webhook: &str) -> bool {
        PURPOSES.iter().any(|purpose| self.id == version_id(webhook, purpose))
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The id of the version that is stored for a webhook, by which whoever goes on with a rotation knows that it was.
#[must_use]
pub fn first_version_id(webhook: &str) -> String {
    version_id(webhook, PURPOSES[0])
}

fn version_id(webhook: &str, purpose: &str) -> String {
    hex::encode(Sha256::digest(format!("{purpose} {webhook}")))
}

/// Why a secret cannot be rotated.
#[derive(Debug, Error)]
pub enum StoredSecretError {
    #[error("there is no secret {0}: is it another region (AWS_REGION) or account?")]
    Missing(String),
    #[error("the secret {0} is about to be deleted: restore it first")]
    Doomed(String),
    #[error("the secret holds bytes, and a receiver reads text")]
    Binary,
    #[error("what the secret holds is of no use to a receiver")]
    Unusable(#[source] SecretError),
    #[error(transparent)]
    Call(#[from] CallError),
}
