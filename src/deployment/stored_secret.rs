//! The receiver's secret in Secrets Manager: its active secrets, and the addition of a new one.

mod active;
mod counts;
mod version;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueOutput};
use thiserror::Error;

use self::version::{PURPOSES, Version, version_id};
pub use self::{
    active::{Active, KEPT, Selection},
    counts::Counts,
    version::first_version_id,
};
use super::CallError;
use crate::{
    aws::secrets::{CURRENT, PREVIOUS, is_missing, read_version},
    signature::secret::{ActiveSecret, SecretError, StoredSecrets},
};

/// The IAM actions that the rotation of a stored secret needs.
pub const ACTIONS: [&str; 3] =
    ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"];

/// A receiver's secret in Secrets Manager.
#[derive(Debug)]
pub struct StoredSecret {
    client: Client,
    arn: String,
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

    /// Reads the active secrets (`secretsmanager:GetSecretValue`; `secretsmanager:DescribeSecret` distinguishes an empty
    /// secret from a missing one).
    ///
    /// # Errors
    /// If there is no such secret, its current version is not valid for a receiver, or AWS refuses or does not answer.
    pub async fn read(&self) -> Result<Active, StoredSecretError> {
        let is_empty = match self.is_empty().await {
            Ok(is_empty) => Some(is_empty),
            // Permission to read a secret does not include permission to describe it.
            Err(StoredSecretError::Call(CallError::Denied(_))) => None,
            Err(error) => return Err(error),
        };
        let current = match (self.version(CURRENT).await, is_empty) {
            (Err(CallError::Denied(_)), Some(true)) => return Ok(Active::default()),
            (Ok(None), None) => return Err(StoredSecretError::EmptyOrMissing(self.arn.clone())),
            (current, _) => current?.filter(has_value).map(Version::read).transpose()?,
        };
        // A version that is not valid signed nothing; the receiver ignores it too.
        let previous = self.version(PREVIOUS).await?.and_then(|version| Version::read(version).ok());
        Ok(Active::new(current, previous.as_ref()))
    }

    /// Whether the secret exists and has no version.
    async fn is_empty(&self) -> Result<bool, StoredSecretError> {
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
        Ok(described.version_ids_to_stages.is_none_or(|versions| versions.is_empty()))
    }

    /// Fetches the version at a stage (`secretsmanager:GetSecretValue`); `None` if there is no such version.
    pub(super) async fn version(&self, stage: &str) -> Result<Option<GetSecretValueOutput>, CallError> {
        match read_version(&self.client, &self.arn, stage).await {
            Ok(version) => Ok(Some(version)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(CallError::new("secretsmanager:GetSecretValue", &error)),
        }
    }

    /// Checks whether a new version may be stored, by storing the current one again, which Secrets Manager ignores
    /// under the same version id. An empty secret is left empty.
    ///
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>
    ///
    /// # Errors
    /// If it may not.
    pub async fn try_put(&self, active: &Active) -> Result<(), CallError> {
        match active.current() {
            Some(current) => self.put(&current.id, &current.text).await,
            None => Ok(()),
        }
    }

    /// Stores the secret of a new webhook before those that are active, as [`Active::keep_old`] selects them. It is
    /// idempotent.
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn keep_old(
        &self,
        webhook: &str,
        new: &ActiveSecret,
        active: &Active,
    ) -> Result<Selection, CallError> {
        let old = active.keep_old(Some(&new.secret), new.live_mode);
        self.put(&version_id(webhook, PURPOSES[0]), &old.after(new).to_json()).await?;
        Ok(old)
    }

    /// Stores the secret of a new webhook with those alone that [`Active::forget_old`] selects, and once more, so that
    /// the version before has no other one either. It is idempotent.
    ///
    /// # Errors
    /// If AWS refuses or does not answer; one of the two versions may be stored.
    pub async fn forget_old(
        &self,
        webhook: &str,
        new: &ActiveSecret,
        active: &Active,
    ) -> Result<Selection, CallError> {
        let old = active.forget_old(Some(&new.secret), new.live_mode);
        let text = old.after(new).to_json();
        for purpose in &PURPOSES[1..] {
            self.put(&version_id(webhook, purpose), &text).await?;
        }
        Ok(old)
    }

    /// Stores the secret of a new webhook alone; the current version becomes the previous one. It is
    /// idempotent.
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn replace(&self, webhook: &str, new: &ActiveSecret) -> Result<(), CallError> {
        let text = StoredSecrets::from_iter([new.clone()]).to_json();
        self.put(&version_id(webhook, PURPOSES[0]), &text).await
    }

    async fn put(&self, version: &str, text: &str) -> Result<(), CallError> {
        let request = self.client.put_secret_value().secret_id(&self.arn);
        let answer = request.client_request_token(version).secret_string(text).send().await;
        answer.map(drop).map_err(|error| CallError::new("secretsmanager:PutSecretValue", &error))
    }
}

/// Emulators give an empty secret a version; AWS does not.
fn has_value(version: &GetSecretValueOutput) -> bool {
    version.secret_string.is_some() || version.secret_binary.is_some()
}

/// Why the active secrets cannot be read.
#[derive(Debug, Error)]
pub enum StoredSecretError {
    #[error("there is no secret {0}: is it another region (AWS_REGION) or account?")]
    Missing(String),
    #[error("the secret {0} is scheduled for deletion: restore it first")]
    Doomed(String),
    #[error(
        "the secret {0} has no value, and whether it exists is not known, since the permission \
         secretsmanager:DescribeSecret is missing"
    )]
    EmptyOrMissing(String),
    #[error("the secret holds bytes, and a receiver reads text")]
    Binary,
    #[error(
        "the secret holds sources (SOURCES_ARN), not the secret of one source: change the source in its value instead"
    )]
    Sources,
    #[error("the secret's value is not valid for a receiver")]
    Unusable(#[source] SecretError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl StoredSecretError {
    /// Whether the secret may exist, and only its content is unknown or not valid.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        let denied = matches!(self, Self::Call(CallError::Denied(_)));
        denied || matches!(self, Self::EmptyOrMissing(_) | Self::Binary | Self::Unusable(_))
    }
}
