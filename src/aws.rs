//! Every call to AWS on the path of a delivery: three on the way, one at the start.

use std::{error::Error, time::Duration};

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
    event::Identity,
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
    receive::{Receiver, Source},
    scheme::KeyForm,
    secret::{Secret, SecretError},
};

/// What the function's role must allow, and no more.
pub const ACTIONS: [&str; 4] =
    ["dynamodb:GetItem", "dynamodb:PutItem", "secretsmanager:GetSecretValue", "sqs:SendMessage"];

/// The attribute by which the table forgets.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// The table's partition key.
pub const PARTITION_KEY: &str = "pk";

/// The time for one ledger call with its retries. Look-up, send and two attempts to record take 8 s
/// at the most, which leaves the function's 10 s some air.
const LEDGER_TIMEOUT: Duration = Duration::from_millis(1_300);
const QUEUE_TIMEOUT: Duration = Duration::from_secs(4);
const SECRET_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Composes the receiver that a configuration asks for, with the real queue and table.
///
/// # Errors
/// When a secret cannot be had; the message names the source.
pub async fn compose(config: Config) -> Result<Receiver<Option<DynamoLedger>, SqsQueue>, ComposeError> {
    let sdk = sdk_config().await;
    if sdk.region().is_none() {
        return Err(ComposeError::Region);
    }
    let sources: JoinSet<_> =
        config.sources.into_iter().map(|source| with_secrets(sdk.clone(), source)).collect();
    let sources = sources.join_all().await.into_iter().collect::<Result<_, _>>()?;
    let ledger = config.ledger_table.map(|table| DynamoLedger::new(&sdk, table));
    if ledger.is_none() {
        tracing::warn!(
            "LEDGER_TABLE is not set: an event delivered again after 5 minutes is forwarded again, and so is a replay"
        );
    }
    Ok(Receiver { sources, ledger, queue: SqsQueue::new(&sdk, config.queue_url), window: config.window })
}

async fn with_secrets(sdk: SdkConfig, mut source: SourceConfig) -> Result<Source, ComposeError> {
    let name = source.name.clone();
    let secrets = match source.take_secrets() {
        Secrets::Given(secrets) => Ok(secrets),
        Secrets::Stored(arn) => secrets(&sdk, &arn, source.scheme.key).await,
    };
    let source = secrets.and_then(|secrets| source.source(&secrets).map_err(StoredSecretError::Unfit));
    source.map_err(|cause| ComposeError::Secrets { name, cause })
}

/// Why there is no receiver.
#[derive(Debug, Error)]
pub enum ComposeError {
    #[error("AWS_REGION is required")]
    Region,
    #[error("source {name}: WEBHOOK_SECRET_ARN (or its secret_arn in SOURCES) is of no use")]
    Secrets {
        name: String,
        #[source]
        cause: StoredSecretError,
    },
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
        Ok(Some(Record {
            event_id: text("event_id"),
            message_id: text("message_id").ok_or_else(|| unreadable("message_id"))?,
            recorded_at: number("recorded_at").ok_or_else(|| unreadable("recorded_at"))?,
            expires_at: number(TTL_ATTRIBUTE).ok_or_else(|| unreadable(TTL_ATTRIBUTE))?,
        }))
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        let expires_at = AttributeValue::N(record.expires_at.to_string());
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(PARTITION_KEY, string(identity.as_str()))
            .item(TTL_ATTRIBUTE, expires_at.clone())
            .item("message_id", string(&record.message_id))
            .item("recorded_at", AttributeValue::N(record.recorded_at.to_string()));
        let request = match &record.event_id {
            Some(id) => request.item("event_id", string(id)),
            None => request,
        };
        let answer = request
            .condition_expression("attribute_not_exists(#pk) OR #ttl < :expires_at")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#ttl", TTL_ATTRIBUTE)
            .expression_attribute_values(":expires_at", expires_at)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // Another delivery of this event has recorded it for longer already.
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

/// Fetches the active secrets: the current version and, where there is one, the previous.
///
/// # Errors
/// When there is none to be had, or one that cannot be a webhook's secret.
async fn secrets(config: &SdkConfig, arn: &str, form: KeyForm) -> Result<Vec<Secret>, StoredSecretError> {
    let config = aws_sdk_secretsmanager::config::Builder::from(config);
    let client =
        aws_sdk_secretsmanager::Client::from_conf(config.timeout_config(timeouts(SECRET_TIMEOUT)).build());
    let version = |stage: &'static str| client.get_secret_value().secret_id(arn).version_stage(stage).send();
    let (current, previous) = tokio::join!(version("AWSCURRENT"), version("AWSPREVIOUS"));
    let current = current.map_err(|error| StoredSecretError::Unavailable(error.into()))?;
    let mut secrets = parse_secrets(current.secret_string())?;
    match previous {
        Ok(previous) => {
            let previous = parse_secrets(previous.secret_string());
            let fit = |previous: &Vec<Secret>| previous.iter().all(|secret| secret.key(form).is_ok());
            if let Some(previous) = previous.ok().filter(fit) {
                secrets.extend(previous);
            } else {
                // As after a placeholder was replaced: it signed nothing, so nothing is lost with it.
                tracing::warn!("the previous version of {arn} is no secret and is passed over");
            }
        }
        Err(error)
            if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) => {
        }
        Err(error) => return Err(StoredSecretError::Unavailable(error.into())),
    }
    Ok(secrets)
}

/// A plain string is one secret; a JSON list of strings is several.
pub(crate) fn parse_secrets(text: Option<&str>) -> Result<Vec<Secret>, StoredSecretError> {
    let text = text.ok_or(StoredSecretError::Unusable)?;
    let texts = match text.trim_start().bytes().next() {
        Some(b'[') => serde_json::from_str(text).map_err(|_| StoredSecretError::Unusable)?,
        Some(b'{') => return Err(StoredSecretError::Unusable),
        _ => vec![text.to_owned()],
    };
    let secrets: Result<Vec<_>, _> = texts.iter().map(|text| Secret::new(text)).collect();
    secrets.ok().filter(|secrets| !secrets.is_empty()).ok_or(StoredSecretError::Unusable)
}

/// Why there is no secret to verify with.
#[derive(Debug, Error)]
pub enum StoredSecretError {
    #[error("Secrets Manager did not give the secret")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    #[error(
        "WEBHOOK_SECRET_ARN: the secret must be a plain string or a JSON list of strings, none of them blank"
    )]
    Unusable,
    #[error(transparent)]
    Unfit(SecretError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Option<usize> {
        parse_secrets(Some(text)).ok().map(|secrets| secrets.len())
    }

    #[test]
    fn a_stored_secret_is_a_string_or_a_list_of_them() {
        assert_eq!(count("54vFWvaSbbzYpxXPeB4YEw==\n"), Some(1));
        assert_eq!(count("with,comma"), Some(1));
        assert_eq!(count(r#"["new", "old"]"#), Some(2));
        for unusable in ["", " ", "[]", r#"["new", ""]"#, "[1]", r#"{"secret":"new"}"#, "[\"new\""] {
            assert_eq!(count(unusable), None, "{unusable}");
        }
        assert!(parse_secrets(None).is_err());
    }

    #[test]
    fn the_worst_delivery_ends_within_the_functions_ten_seconds() {
        assert!(LEDGER_TIMEOUT * 3 + QUEUE_TIMEOUT < Duration::from_secs(8));
    }
}
