//! Every call to AWS: three on the path of a delivery, one for its secrets, one for the reconciler's tokens.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::AttributeValue};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use thiserror::Error;
use tokio::task::JoinSet;

use crate::{
    config::{Config, Secrets, SourceConfig},
    duffel::{AccessToken, AccessTokenError},
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
    log,
    queue::{Message, Queue, QueueError},
    receive::{Receiver, Source, key_refresh::KeyRefresh},
    signature::{
        scheme::{FieldLocation, KeyForm},
        secret::{ActiveSecret, Key, SecretError, StoredSecrets},
    },
};

/// The attribute by which the table deletes records.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// The attribute by which the later of two records of an event stays.
const COUNTS_FROM: &str = "counts_from";

/// The table's partition key.
pub const PARTITION_KEY: &str = "pk";

/// The time for one ledger call with its retries. New keys, look-up, send and two attempts to record
/// take 9.1 s at the most, which leaves the function's 10 s some air.
const LEDGER_TIMEOUT: Duration = Duration::from_millis(1_300);
const QUEUE_TIMEOUT: Duration = Duration::from_secs(4);
/// At the start; on the way of a delivery there is less time.
const SECRET_TIMEOUT: Duration = Duration::from_secs(5);
const RENEWAL_TIMEOUT: Duration = Duration::from_millis(1_200);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Composes the receiver that a configuration asks for, with the real queue and table.
///
/// A source whose secret cannot be had yet answers 503 until it can.
///
/// # Errors
/// When there is no region.
pub async fn compose(
    sdk: &SdkConfig,
    config: Config,
) -> Result<Receiver<Option<DynamoLedger>, SqsQueue>, NoRegion> {
    if sdk.region().is_none() {
        return Err(NoRegion);
    }
    let sources = config.sources.into_iter().map(|source| with_keys(sdk.clone(), source));
    let sources = sources.collect::<JoinSet<_>>().join_all().await;
    for (index, source) in sources.iter().enumerate() {
        source.report_shared_keys(&sources[..index]);
    }
    let ledger = config.ledger_table.map(|table| DynamoLedger::new(sdk, table));
    if ledger.is_none() {
        tracing::warn!(
            "LEDGER_TABLE is not set: an event delivered again after 5 minutes is forwarded again, and so is a replay"
        );
    }
    Ok(Receiver { sources, ledger, queue: SqsQueue::new(sdk, config.queue_url), window: config.window })
}

/// Why no AWS service can be called.
#[derive(Debug, Error)]
#[error("AWS_REGION is required")]
pub struct NoRegion;

async fn with_keys(sdk: SdkConfig, source: SourceConfig) -> Source {
    let arn = match &source.secrets {
        Secrets::Given(keys) => {
            let keys = keys.clone();
            return source.source(keys, None);
        }
        Secrets::Stored(arn) => arn.clone(),
    };
    let states_mode = source.scheme.live_mode != FieldLocation::Nowhere;
    let stored = StoredKeys { sdk, arn, name: source.name.clone(), form: source.scheme.key, states_mode };
    let keys = stored.fetch(SECRET_TIMEOUT).await;
    let since = keys.is_ok().then(SystemTime::now);
    let keys = keys.unwrap_or_else(|error| {
        let reason = log::chain(&error);
        tracing::error!("source {}: deliveries are answered 503 for want of a secret: {reason}", source.name);
        Vec::new()
    });
    let stored = Arc::new(stored);
    let key_refresh = KeyRefresh::new(since, move || {
        let stored = Arc::clone(&stored);
        async move { Ok(stored.fetch(RENEWAL_TIMEOUT).await?) }
    });
    source.source(keys, Some(key_refresh))
}

/// Region and credentials as the SDK finds them, over one shared pool of connections.
pub async fn sdk_config() -> SdkConfig {
    let tls = Provider::Rustls(CryptoMode::Ring);
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(Builder::new().tls_provider(tls).build_https())
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(50)))
        .load()
        .await
}

fn timeouts(operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(operation / 2))
        .operation_attempt_timeout(operation / 2)
        .operation_timeout(operation)
        .build()
}

/// The ledger as a table; its TTL attribute is [`TTL_ATTRIBUTE`].
pub struct DynamoLedger {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl DynamoLedger {
    #[must_use]
    pub fn new(config: &SdkConfig, table: String) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(config);
        let config = config.timeout_config(timeouts(LEDGER_TIMEOUT)).build();
        Self { client: aws_sdk_dynamodb::Client::from_conf(config), table }
    }

    /// With the time-outs of the configuration, for those who have no sender waiting.
    #[cfg(feature = "operate")]
    pub(crate) fn patient(config: &SdkConfig, table: String) -> Self {
        Self { client: aws_sdk_dynamodb::Client::new(config), table }
    }
}

impl Ledger for DynamoLedger {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(PARTITION_KEY, string(identity.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| LedgerError(error.into()))?;
        let Some(item) = answer.item else { return Ok(None) };
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let number = |name: &str| item.get(name)?.as_n().ok()?.parse().ok();
        let expires_at = number(TTL_ATTRIBUTE).ok_or_else(|| unreadable(TTL_ATTRIBUTE))?;
        Ok(Some(Record {
            event_id: text("event_id"),
            event_type: text("event_type"),
            body_sha256: text("body_sha256"),
            message_id: text("message_id").ok_or_else(|| unreadable("message_id"))?,
            recorded_at: number("recorded_at").ok_or_else(|| unreadable("recorded_at"))?,
            // A record of an earlier version has none. It must not stop counting too early, and the table deletes it
            // soon after this.
            counts_from: number(COUNTS_FROM).unwrap_or(expires_at),
            expires_at,
        }))
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        let counts_from = AttributeValue::N(record.counts_from.to_string());
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(PARTITION_KEY, string(identity.as_str()))
            .item(TTL_ATTRIBUTE, AttributeValue::N(record.expires_at.to_string()))
            .item(COUNTS_FROM, counts_from.clone())
            .item("message_id", string(&record.message_id))
            .item("recorded_at", AttributeValue::N(record.recorded_at.to_string()));
        let optional = [
            ("event_id", &record.event_id),
            ("event_type", &record.event_type),
            ("body_sha256", &record.body_sha256),
        ];
        let known = optional.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let request = known.fold(request, |request, (name, text)| request.item(name, string(text)));
        let answer = request
            // Also where there is no item, or one of an earlier version.
            .condition_expression("attribute_not_exists(#counts_from) OR #counts_from < :counts_from")
            .expression_attribute_names("#counts_from", COUNTS_FROM)
            .expression_attribute_values(":counts_from", counts_from)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // Another delivery of this event has recorded it from a later second already.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(LedgerError(error.into())),
        }
    }
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn unreadable(name: &str) -> LedgerError {
    LedgerError(format!("a record has no readable {name}").into())
}

/// A FIFO queue of SQS.
pub struct SqsQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl SqsQueue {
    #[must_use]
    pub fn new(config: &SdkConfig, url: String) -> Self {
        let config =
            aws_sdk_sqs::config::Builder::from(config).timeout_config(timeouts(QUEUE_TIMEOUT)).build();
        Self { client: aws_sdk_sqs::Client::from_conf(config), url }
    }
}

impl Queue for SqsQueue {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body())
            .message_group_id(message.group_id())
            .message_deduplication_id(message.deduplication_id());
        for (name, value) in message.attributes() {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            request = request.message_attributes(*name, value.map_err(|error| QueueError(error.into()))?);
        }
        if let Some(trace) = message.trace() {
            let value =
                MessageSystemAttributeValue::builder().data_type("String").string_value(trace).build();
            let value = value.map_err(|error| QueueError(error.into()))?;
            request =
                request.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
        }
        let answer = request.send().await.map_err(|error| QueueError(error.into()))?;
        answer.message_id.ok_or_else(|| QueueError("the answer has no message id".into()))
    }
}

/// The variable, or the field, that names a stored secret.
const STORED: &str = "WEBHOOK_SECRET_ARN (or its secret_arn in SOURCES)";

/// A source's keys as Secrets Manager has them.
struct StoredKeys {
    sdk: SdkConfig,
    arn: String,
    /// The source's.
    name: String,
    form: KeyForm,
    /// Whether the source's events state their mode.
    states_mode: bool,
}

impl StoredKeys {
    /// Fetches the active secrets: the current version and, where there is one, the previous.
    async fn fetch(&self, time: Duration) -> Result<Vec<Key>, StoredKeysError> {
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.sdk);
        let client = aws_sdk_secretsmanager::Client::from_conf(config.timeout_config(timeouts(time)).build());
        let version =
            |stage: &'static str| client.get_secret_value().secret_id(&self.arn).version_stage(stage).send();
        let (current, previous) = tokio::join!(version("AWSCURRENT"), version("AWSPREVIOUS"));
        let current = current.map_err(|error| StoredKeysError::Unavailable(error.into()))?;
        let mut keys = self.read(current.secret_string()).map_err(StoredKeysError::Unusable)?;
        match previous {
            Ok(previous) => {
                if let Ok(previous) = self.read(previous.secret_string()) {
                    keys.extend(previous);
                } else {
                    // As after a placeholder was replaced: it signed nothing, so nothing is lost with it.
                    tracing::warn!(
                        "source {}: the previous version of its secret is none and is passed over",
                        self.name
                    );
                }
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) => {}
            Err(error) => return Err(StoredKeysError::Unavailable(error.into())),
        }
        Ok(keys)
    }

    fn read(&self, text: Option<&str>) -> Result<Vec<Key>, SecretError> {
        let secrets = StoredSecrets::read(text)?;
        for active in &secrets {
            active.secret.warn(&self.name, STORED);
        }
        if secrets.have_modes() && !self.states_mode {
            tracing::warn!(
                "source {}: the modes in {STORED} are ignored: events of its scheme do not state their mode",
                self.name
            );
        }
        secrets.keys(self.form)
    }
}

/// Why there is no key to verify with.
#[derive(Debug, Error)]
enum StoredKeysError {
    #[error("Secrets Manager did not give {STORED}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    #[error("{STORED} holds no valid secret")]
    Unusable(#[source] SecretError),
}

/// Fetches the access tokens to Duffel's API: one for each of its modes, or just one.
///
/// # Errors
/// When they cannot be had, or are none; nothing of them is told.
pub async fn access_tokens(sdk: &SdkConfig, arn: &str) -> Result<Vec<AccessToken>, StoredTokensError> {
    let config = aws_sdk_secretsmanager::config::Builder::from(sdk).timeout_config(timeouts(SECRET_TIMEOUT));
    let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
    // The current version only: who replaced a token may have revoked the one before.
    let answer = client.get_secret_value().secret_id(arn).send().await;
    let answer = answer.map_err(|error| StoredTokensError::Unavailable(error.into()))?;
    let secrets = StoredSecrets::read(answer.secret_string()).map_err(StoredTokensError::Unusable)?;
    let token =
        |active: &ActiveSecret| AccessToken::new(active.secret.expose()).map_err(StoredTokensError::NoToken);
    secrets.iter().map(token).collect()
}

/// Why there is no access token to Duffel's API.
#[derive(Debug, Error)]
pub enum StoredTokensError {
    #[error("Secrets Manager did not give DUFFEL_ACCESS_TOKEN_ARN")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    #[error("DUFFEL_ACCESS_TOKEN_ARN is of no use")]
    Unusable(#[source] SecretError),
    #[error("DUFFEL_ACCESS_TOKEN_ARN is of no use")]
    NoToken(#[source] AccessTokenError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_delivery_ends_within_the_functions_ten_seconds() {
        assert!(RENEWAL_TIMEOUT + LEDGER_TIMEOUT * 3 + QUEUE_TIMEOUT < Duration::from_millis(9_200));
    }
}
