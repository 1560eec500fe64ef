//! Health checks of the parts of a deployment: secret, queue and ledger.

use std::{collections::HashMap, time::SystemTime};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    operation::describe_table::DescribeTableError,
    types::{KeyType, ScalarAttributeType, TimeToLiveStatus},
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::{CallError, stored_secret::StoredSecret};
use crate::{
    aws::{PARTITION_KEY, TTL_ATTRIBUTE, secrets::CURRENT},
    signature::secret::{SecretError, StoredSecrets},
};

/// A version of a stored secret.
#[derive(Debug)]
pub struct StoredVersion {
    /// Parsed as the receiver does.
    pub secrets: Result<StoredSecrets, SecretError>,
    pub stored_at: Option<SystemTime>,
}

/// Fetches a version of a stored secret; `None` if there is no such version (`secretsmanager:GetSecretValue`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn secrets(sdk: &SdkConfig, arn: &str, stage: &str) -> Result<Option<StoredVersion>, CallError> {
    let version = StoredSecret::new(sdk, arn).version(stage).await?;
    Ok(version.map(|version| StoredVersion {
        secrets: StoredSecrets::read(version.secret_string()),
        stored_at: version.created_date().and_then(|at| SystemTime::try_from(*at).ok()),
    }))
}

/// Fetches the current value of a stored secret; `None` if it has none as text (`secretsmanager:GetSecretValue`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn text(sdk: &SdkConfig, arn: &str) -> Result<Option<String>, CallError> {
    let version = StoredSecret::new(sdk, arn).version(CURRENT).await?;
    Ok(version.and_then(|version| version.secret_string))
}

/// The state of the queue of events.
#[derive(Debug)]
pub struct Queue {
    pub is_fifo: bool,
    /// The ARN of its dead-letter queue.
    pub dead_letters_to: Option<String>,
    /// How often a message is received before it becomes a dead letter.
    pub max_receives: Option<u64>,
    pub waiting: usize,
    pub in_flight: usize,
    pub delayed: usize,
}

impl Queue {
    /// The number of messages in the queue, as SQS approximates it.
    #[must_use]
    pub fn all(&self) -> usize {
        self.waiting + self.in_flight + self.delayed
    }
}

/// Fetches the state of the queue of events (`sqs:GetQueueAttributes`).
///
/// # Errors
/// If the queue does not exist, or AWS refuses or does not answer.
pub async fn queue(sdk: &SdkConfig, url: &str) -> Result<Queue, CallError> {
    let client = aws_sdk_sqs::Client::new(sdk);
    let request = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let answer = request.send().await.map_err(|error| CallError::new("sqs:GetQueueAttributes", &error))?;
    let attributes: HashMap<_, _> = answer.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let policy = attributes.get(&QueueAttributeName::RedrivePolicy);
    let policy = policy.and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
    // SQS writes it as a number or as text.
    let max_receives = &policy["maxReceiveCount"];
    let max_receives = max_receives.as_u64().or_else(|| max_receives.as_str()?.parse().ok());
    Ok(Queue {
        is_fifo: attributes.get(&QueueAttributeName::FifoQueue).is_some_and(|text| text == "true"),
        dead_letters_to: policy["deadLetterTargetArn"].as_str().map(str::to_owned),
        max_receives,
        waiting: number(QueueAttributeName::ApproximateNumberOfMessages),
        in_flight: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        delayed: number(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
    })
}

/// Checks the ledger's table, and returns its problem, if any (`dynamodb:DescribeTable`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn table_problem(sdk: &SdkConfig, table: &str) -> Result<Option<String>, CallError> {
    let client = aws_sdk_dynamodb::Client::new(sdk);
    let answer = client.describe_table().table_name(table).send().await;
    let description = match answer {
        Ok(answer) => {
            answer.table.unwrap_or_else(|| aws_sdk_dynamodb::types::TableDescription::builder().build())
        }
        Err(error)
            if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) =>
        {
            return Ok(Some("is not there".to_owned()));
        }
        Err(error) => return Err(CallError::new("dynamodb:DescribeTable", &error)),
    };
    let status = description.table_status().map_or("in an unknown state", |status| status.as_str());
    // A table can be read and written while it is being updated.
    if !["ACTIVE", "UPDATING"].contains(&status) {
        return Ok(Some(format!("is {status}")));
    }
    let is_text = description.attribute_definitions().iter().any(|attribute| {
        attribute.attribute_name == PARTITION_KEY && attribute.attribute_type == ScalarAttributeType::S
    });
    let is_key = matches!(
        description.key_schema(),
        [key] if key.attribute_name == PARTITION_KEY && key.key_type == KeyType::Hash
    );
    let problem = format!("has another key than the partition key {PARTITION_KEY} (S)");
    Ok((!is_text || !is_key).then_some(problem))
}

/// Checks the TTL of the ledger's table, and returns its problem, if any (`dynamodb:DescribeTimeToLive`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn ttl_problem(sdk: &SdkConfig, table: &str) -> Result<Option<String>, CallError> {
    let client = aws_sdk_dynamodb::Client::new(sdk);
    let answer = client.describe_time_to_live().table_name(table).send().await;
    let answer = answer.map_err(|error| CallError::new("dynamodb:DescribeTimeToLive", &error))?;
    let Some(expiry) = answer.time_to_live_description else { return Ok(Some("is off".to_owned())) };
    Ok(match (expiry.time_to_live_status, expiry.attribute_name.as_deref()) {
        (Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling), Some(TTL_ATTRIBUTE)) => None,
        (Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling), other) => {
            Some(format!("is on for the attribute {}", other.unwrap_or_default()))
        }
        _ => Some("is off".to_owned()),
    })
}
