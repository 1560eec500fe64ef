//! The receiver's records of events in the ledger: found, deleted and restored.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{delete_item::DeleteItemError, get_item::GetItemError, put_item::PutItemError},
    types::AttributeValue,
};

use super::CallError;
use crate::{
    aws::{DynamoLedger, PARTITION_KEY},
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
};

/// The IAM actions that deleting and restoring a record needs.
pub const ACTIONS: [&str; 3] = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"];

/// The records of the receiver's ledger.
pub struct LedgerRecords {
    ledger: DynamoLedger,
    client: Client,
    table: String,
}

impl LedgerRecords {
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: &str) -> Self {
        Self {
            ledger: DynamoLedger::with_own_timeouts(sdk, table.to_owned()),
            client: Client::new(sdk),
            table: table.to_owned(),
        }
    }

    /// Fetches the time at which the table was created, before which nothing was recorded (`dynamodb:DescribeTable`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn created_at(&self) -> Result<Option<SystemTime>, CallError> {
        let answer = self.client.describe_table().table_name(&self.table).send().await;
        let answer = answer.map_err(|error| CallError::new("dynamodb:DescribeTable", &error))?;
        let created = answer.table.and_then(|table| table.creation_date_time);
        Ok(created.and_then(|at| SystemTime::try_from(at).ok()))
    }

    /// Finds the record of an event (`dynamodb:GetItem`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn find(&self, identity: &Identity) -> Result<Option<Record>, CallError> {
        let found = self.ledger.find(identity).await;
        found.map_err(|error| explained::<GetItemError>("dynamodb:GetItem", error))
    }

    /// Deletes a record as it was found (`dynamodb:DeleteItem`); `false` if it is gone, or was replaced.
    ///
    /// `false` does not say who deleted it: the retry of a call without an answer finds it gone.
    ///
    /// # Errors
    /// If AWS refuses or does not answer; the record may be deleted.
    pub async fn forget(&self, identity: &Identity, found: &Record) -> Result<bool, CallError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(PARTITION_KEY, AttributeValue::S(identity.as_str().to_owned()))
            .condition_expression("message_id = :message_id")
            .expression_attribute_values(":message_id", AttributeValue::S(found.message_id.clone()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(CallError::new("dynamodb:DeleteItem", &error)),
        }
    }

    /// Restores a deleted record, unless a later one has replaced it (`dynamodb:PutItem`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn restore(&self, identity: &Identity, forgotten: &Record) -> Result<(), CallError> {
        let recorded = self.ledger.record(identity, forgotten).await;
        recorded.map_err(|error| explained::<PutItemError>("dynamodb:PutItem", error))
    }
}

fn explained<E>(action: &'static str, error: LedgerError) -> CallError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error.0.downcast::<SdkError<E>>() {
        Ok(error) => CallError::new(action, &error),
        Err(other) => CallError::Refused { action, reason: other.to_string() },
    }
}
