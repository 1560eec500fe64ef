//! The store as a `DynamoDB` table, in the layout of Powertools for AWS Lambda.

use std::{collections::HashMap, time::SystemTime};

use aws_sdk_dynamodb::{
    Client,
    error::BuildError,
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};

use super::{
    claim::Claim,
    record::{Record, Status},
    store::{Claimed, Completed, Store, StoreError},
};
use crate::time::{unix_millis, unix_seconds};

const ID: &str = "id";
const STATUS: &str = "status";
const EXPIRATION: &str = "expiration";
const IN_PROGRESS_EXPIRATION: &str = "in_progress_expiration";
const TOKEN: &str = "token";

const IN_PROGRESS: &str = "INPROGRESS";
const COMPLETED: &str = "COMPLETED";

/// A table with the partition key `id` (a string) and the TTL attribute `expiration`, as
/// [Powertools](https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/) uses it. One table serves
/// several consumers in any language, if each has a name of its own.
///
/// | attribute | content |
/// |---|---|
/// | `id` | `<consumer>#<identity>` |
/// | `status` | `INPROGRESS` or `COMPLETED` |
/// | `in_progress_expiration` | the end of the lease, in milliseconds since the epoch |
/// | `expiration` | the end of the retention, in seconds since the epoch |
/// | `token` | the token of the claim |
///
/// The consumer's role needs `dynamodb:PutItem`, `dynamodb:UpdateItem` and `dynamodb:DeleteItem` on the table. To have an
/// event run again on purpose, delete its item.
#[derive(Clone)]
pub struct Dynamo {
    client: Client,
    table: String,
    consumer: String,
}

impl Dynamo {
    /// Uses the retries and the time-outs of the client. The lease must cover these too: the work begins when the claim
    /// is answered.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, consumer: impl Into<String>) -> Self {
        Self { client, table: table.into(), consumer: consumer.into() }
    }

    /// Returns the completion of a claim as an item of
    /// [`TransactWriteItems`](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html),
    /// so that an effect in `DynamoDB` and the completion happen together or not at all.
    ///
    /// If the event is done, or another run has claimed it, the transaction is cancelled. Return an error from the work
    /// then, and after every other failure of the transaction: the next delivery finds out whether it took effect.
    #[must_use]
    pub fn completion(&self, claim: &Claim) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table)
            .key(ID, self.id(claim))
            .update_expression("SET #status = :completed")
            .condition_expression("#status = :in_progress AND #token = :token")
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":completed", string(COMPLETED))
            .expression_attribute_values(":in_progress", string(IN_PROGRESS))
            .expression_attribute_values(":token", string(claim.token()))
            .build();
        TransactWriteItem::builder().update(required(update)).build()
    }

    fn id(&self, claim: &Claim) -> AttributeValue {
        AttributeValue::S(format!("{}#{}", self.consumer, claim.identity()))
    }
}

impl Store for Dynamo {
    async fn claim(&self, claim: &Claim, now: SystemTime) -> Result<Claimed, StoreError> {
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(ID, self.id(claim))
            .item(STATUS, string(IN_PROGRESS))
            .item(IN_PROGRESS_EXPIRATION, number(claim.leased_until()))
            .item(EXPIRATION, number(claim.expires_at()))
            .item(TOKEN, string(claim.token()))
            // `Record::answer` has the same rule. The table deletes late, so expired records are found.
            .condition_expression(
                "attribute_not_exists(#id) OR #expiration < :now OR (#status = :in_progress AND \
                 (#in_progress_expiration < :now_in_millis OR #token = :token))",
            )
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#expiration", EXPIRATION)
            .expression_attribute_names("#in_progress_expiration", IN_PROGRESS_EXPIRATION)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":in_progress", string(IN_PROGRESS))
            .expression_attribute_values(":now", number(unix_seconds(now)))
            .expression_attribute_values(":now_in_millis", number(unix_millis(now)))
            .expression_attribute_values(":token", string(claim.token()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(Claimed::Granted) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                refused.item().map_or_else(|| Err(unreadable(ID)), |item| Ok(read(item)?.refusal()))
            }
            _ => Err(StoreError(error.into())),
        }
    }

    async fn complete(&self, claim: &Claim) -> Result<Completed, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(ID, self.id(claim))
            .update_expression("SET #status = :completed")
            .condition_expression("#token = :token")
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":completed", string(COMPLETED))
            .expression_attribute_values(":token", string(claim.token()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Completed::Stored),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Completed::Superseded),
                _ => Err(StoreError(error.into())),
            },
        }
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(ID, self.id(claim))
            // The work may have failed after a transaction that completed the claim.
            .condition_expression("#status = :in_progress AND #token = :token")
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":in_progress", string(IN_PROGRESS))
            .expression_attribute_values(":token", string(claim.token()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError(error.into())),
            },
        }
    }
}

fn read(item: &HashMap<String, AttributeValue>) -> Result<Record, StoreError> {
    let text = |name: &'static str| item.get(name).and_then(|value| value.as_s().ok());
    let number = |name: &'static str| item.get(name)?.as_n().ok()?.parse().ok();
    let expires_at: u64 = number(EXPIRATION).ok_or_else(|| unreadable(EXPIRATION))?;
    Ok(Record {
        // A record of Powertools has none.
        token: text(TOKEN).cloned().unwrap_or_default(),
        status: match text(STATUS).map(String::as_str) {
            Some(IN_PROGRESS) => Status::InProgress,
            Some(COMPLETED) => Status::Completed,
            _ => return Err(unreadable(STATUS)),
        },
        leased_until: number(IN_PROGRESS_EXPIRATION).unwrap_or(expires_at.saturating_mul(1000)),
        expires_at,
    })
}

fn required<T>(built: Result<T, BuildError>) -> T {
    built.expect("all required members are set")
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn unreadable(name: &str) -> StoreError {
    StoreError(format!("a record has no readable {name}").into())
}
