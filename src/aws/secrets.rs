//! Secrets Manager as the functions read it: a source's keys, and the access tokens to Duffel's API.

use std::{error::Error, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use thiserror::Error;

use super::{SECRET_TIMEOUT, timeouts};
use crate::{
    duffel::AccessToken,
    signature::{
        scheme::KeyForm,
        secret::{ActiveSecret, Key, SecretError, StoredSecrets},
    },
};

/// The variable, or the field, that names a source's stored secret.
const SECRET_ARN: &str = "WEBHOOK_SECRET_ARN (or its secret_arn in SOURCES)";

/// The variable that names the stored access tokens.
const TOKEN_ARN: &str = "DUFFEL_ACCESS_TOKEN_ARN";

/// The stage of the version that is in use.
pub(crate) const CURRENT: &str = "AWSCURRENT";

/// The stage of the version before it.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// Reads the version of a stored secret at a stage (`secretsmanager:GetSecretValue`).
pub(crate) async fn read_version(
    client: &Client,
    arn: &str,
    stage: &str,
) -> Result<GetSecretValueOutput, SdkError<GetSecretValueError>> {
    client.get_secret_value().secret_id(arn).version_stage(stage).send().await
}

/// Whether the secret does not exist, or has no version at that stage.
pub(crate) fn is_missing(error: &SdkError<GetSecretValueError>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

pub(super) fn client(sdk: &SdkConfig, timeout: Duration) -> Client {
    let config = aws_sdk_secretsmanager::config::Builder::from(sdk);
    Client::from_conf(config.timeout_config(timeouts(timeout)).build())
}

/// A source's secret in Secrets Manager.
pub(super) struct StoredKeys {
    pub(super) sdk: SdkConfig,
    pub(super) arn: String,
    /// The source's name.
    pub(super) source: String,
    pub(super) form: KeyForm,
    /// Whether the source's events state their mode.
    pub(super) states_mode: bool,
}

impl StoredKeys {
    /// Fetches the keys with which a process starts, and says whether they are all that are active.
    ///
    /// If the current version is a list, it has the old secrets as well, and the previous version is not read. A
    /// signature that matches none of them causes a fetch of both, so the previous version stays active all the same.
    pub(super) async fn fetch_at_start(&self, timeout: Duration) -> Result<(Vec<Key>, bool), StoredError> {
        let client = client(&self.sdk, timeout);
        let current = read_version(&client, &self.arn, CURRENT).await;
        let current = current.map_err(unavailable)?;
        let mut keys = self.current_keys(&current)?;
        let is_list = current.secret_string().is_some_and(StoredSecrets::is_list);
        if !is_list {
            keys.extend(self.previous_keys(read_version(&client, &self.arn, PREVIOUS).await)?);
        }
        Ok((keys, !is_list))
    }

    /// Fetches the keys of the active secrets: those of the current version and, if there is one, of the previous.
    pub(super) async fn fetch(&self, timeout: Duration) -> Result<Vec<Key>, StoredError> {
        let client = client(&self.sdk, timeout);
        let version = |stage| read_version(&client, &self.arn, stage);
        let (current, previous) = tokio::join!(version(CURRENT), version(PREVIOUS));
        let mut keys = self.current_keys(&current.map_err(unavailable)?)?;
        keys.extend(self.previous_keys(previous)?);
        Ok(keys)
    }

    fn current_keys(&self, version: &GetSecretValueOutput) -> Result<Vec<Key>, StoredError> {
        self.keys(version.secret_string())
            .map_err(|error| StoredError::Invalid { name: SECRET_ARN, source: error.into() })
    }

    fn previous_keys(
        &self,
        version: Result<GetSecretValueOutput, SdkError<GetSecretValueError>>,
    ) -> Result<Vec<Key>, StoredError> {
        match version {
            Ok(version) => Ok(self.keys(version.secret_string()).unwrap_or_else(|_| {
                // As after a placeholder was replaced: it signed nothing, so nothing is lost with it.
                tracing::warn!(
                    "source {}: the previous version of its secret is not valid and is ignored",
                    self.source
                );
                Vec::new()
            })),
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn keys(&self, text: Option<&str>) -> Result<Vec<Key>, SecretError> {
        let secrets = StoredSecrets::read(text)?;
        for active in &secrets {
            active.secret.warn(&self.source, SECRET_ARN);
        }
        if secrets.have_modes() && !self.states_mode {
            tracing::warn!(
                "source {}: the modes in {SECRET_ARN} are ignored: events of its scheme do not state their mode",
                self.source
            );
        }
        secrets.keys(self.form)
    }
}

fn unavailable(error: SdkError<GetSecretValueError>) -> StoredError {
    StoredError::unavailable(SECRET_ARN, error)
}

/// Fetches the access tokens to Duffel's API: one for each of its modes, or one alone.
///
/// # Errors
/// If they cannot be read or are not valid; the error shows nothing of them.
pub async fn access_tokens(sdk: &SdkConfig, arn: &str) -> Result<Vec<AccessToken>, StoredError> {
    // The current version only: who replaced a token may have revoked the one before.
    let version = read_version(&client(sdk, SECRET_TIMEOUT), arn, CURRENT).await;
    let version = version.map_err(|error| StoredError::unavailable(TOKEN_ARN, error))?;
    let secrets = StoredSecrets::read(version.secret_string());
    let secrets = secrets.map_err(|error| StoredError::Invalid { name: TOKEN_ARN, source: error.into() })?;
    let token = |active: &ActiveSecret| {
        AccessToken::new(active.secret.expose())
            .map_err(|error| StoredError::Invalid { name: TOKEN_ARN, source: error.into() })
    };
    secrets.iter().map(token).collect()
}

/// Why a stored secret cannot be used, by the name of its variable.
#[derive(Debug, Error)]
pub enum StoredError {
    #[error("Secrets Manager did not give {name}")]
    Unavailable { name: &'static str, source: Box<dyn Error + Send + Sync> },
    #[error("{name} holds no valid secret")]
    Invalid { name: &'static str, source: Box<dyn Error + Send + Sync> },
}

impl StoredError {
    fn unavailable(name: &'static str, error: SdkError<GetSecretValueError>) -> Self {
        Self::Unavailable { name, source: error.into() }
    }
}
