//! Sources in Secrets Manager (`SOURCES_ARN`), and their refresh.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    error::SdkError,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::task::JoinSet;

use super::{
    KEY_REFRESH_TIMEOUT, SECRET_TIMEOUT,
    secrets::{CURRENT, client, read_version},
};
use crate::{
    config::{
        Secrets,
        stored_sources::{self, BadSources, StoredSource},
    },
    log,
    receive::{Source, Sources},
};

/// Reads the sources with which a process starts. If they cannot be read, nothing is forwarded until they can.
pub(super) async fn stored(sdk: SdkConfig, arns: Vec<String>, window: Duration) -> Sources {
    let stored = Arc::new(StoredSources { sdk, arns, window, last: Mutex::default() });
    let fetched = stored.fetch(SECRET_TIMEOUT).await;
    let since = fetched.is_ok().then(SystemTime::now);
    let known = fetched.unwrap_or_else(|error| {
        let reason = log::chain(&error);
        tracing::error!("deliveries are answered 503 until the sources can be read: {reason}");
        None
    });
    Sources::stored(known, since, move || {
        let stored = Arc::clone(&stored);
        async move { Ok(stored.fetch(KEY_REFRESH_TIMEOUT).await?) }
    })
}

/// Sources in one or several secrets.
struct StoredSources {
    sdk: SdkConfig,
    arns: Vec<String>,
    window: Duration,
    /// What was fetched last.
    last: Mutex<Last>,
}

/// Sources by their names, with the digest of each.
type ByName = HashMap<String, ([u8; 32], Arc<Source>)>;

#[derive(Default)]
struct Last {
    /// The SHA-256 of all values.
    digest: Option<[u8; 32]>,
    sources: ByName,
}

impl StoredSources {
    /// Fetches all sources; `None` if they have not changed. One that has not changed is the same as before.
    ///
    /// Only the current version counts: a source that was removed must not come back with the version before.
    async fn fetch(&self, timeout: Duration) -> Result<Option<Vec<Arc<Source>>>, SourcesError> {
        let texts = self.texts(timeout).await?;
        let mut digest = Sha256::new();
        for text in &texts {
            digest.update(Sha256::digest(text));
        }
        let digest = digest.finalize().into();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.digest == Some(digest) {
            return Ok(None);
        }
        let sources = stored_sources::read(&texts, self.window)?;
        let is_first = last.digest.replace(digest).is_none();
        let before = std::mem::take(&mut last.sources);
        last.sources = sources.into_iter().map(|source| keep(source, &before)).collect();
        if !is_first {
            report(&before, &last.sources);
        }
        Ok(Some(last.sources.values().map(|(_, source)| Arc::clone(source)).collect()))
    }

    /// Reads the values of all secrets at the same time (`secretsmanager:GetSecretValue`).
    async fn texts(&self, timeout: Duration) -> Result<Vec<String>, SourcesError> {
        let client = client(&self.sdk, timeout);
        let calls = self.arns.iter().cloned().enumerate().map(|(index, arn)| {
            let client = client.clone();
            async move { (index + 1, read_version(&client, &arn, CURRENT).await) }
        });
        let mut versions = calls.collect::<JoinSet<_>>().join_all().await;
        versions.sort_by_key(|(number, _)| *number);
        let text =
            |(number, version): (usize, Result<GetSecretValueOutput, SdkError<GetSecretValueError>>)| {
                match version {
                    Ok(version) => version.secret_string.ok_or(SourcesError::Bytes { number }),
                    Err(error) => Err(SourcesError::Unavailable { number, source: error.into() }),
                }
            };
        versions.into_iter().map(text).collect()
    }
}

/// Returns a source with its name and digest: the one of before, if it has not changed.
fn keep(StoredSource { config, digest }: StoredSource, before: &ByName) -> (String, ([u8; 32], Arc<Source>)) {
    let name = config.name.clone();
    if let Some((_, source)) = before.get(&name).filter(|(known, _)| *known == digest) {
        return (name, (digest, Arc::clone(source)));
    }
    let keys = match &config.secrets {
        Secrets::Given(keys) => keys.clone(),
        // The reader refuses it.
        Secrets::Stored(_) => Vec::new(),
    };
    (name, (digest, Arc::new(config.source(keys, None))))
}

/// Logs what a refresh has changed, so that the operator sees when a change is in use.
fn report(before: &ByName, after: &ByName) {
    let new = after.keys().filter(|name| !before.contains_key(*name)).count();
    let removed = before.keys().filter(|name| !after.contains_key(*name)).count();
    let is_changed = |(name, (digest, _)): &(&String, &([u8; 32], _))| {
        before.get(*name).is_some_and(|(known, _)| known != digest)
    };
    let changed = after.iter().filter(is_changed).count();
    tracing::info!(
        "the sources were refreshed: {} in all, {new} new, {changed} changed, {removed} removed",
        after.len()
    );
}

/// Why stored sources cannot be used.
#[derive(Debug, Error)]
enum SourcesError {
    #[error("Secrets Manager did not give secret {number} of SOURCES_ARN")]
    Unavailable { number: usize, source: Box<dyn Error + Send + Sync> },
    #[error("secret {number} of SOURCES_ARN holds bytes (SecretBinary), not text: store it as a string")]
    Bytes { number: usize },
    #[error(transparent)]
    Invalid(#[from] BadSources),
}
