//! The ledger as a `DynamoDB` table.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError, types::AttributeValue};

use super::{LEDGER_TIMEOUT, timeouts};
use crate::{
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
};

/// The table's partition key.
pub const PARTITION_KEY: &str = "pk";

/// The attribute by which the table deletes records.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// The attribute by which the later of two records of an event is kept.
const COUNTS_FROM: &str = "counts_from";

/// The ledger as a table; its TTL attribute is [`TTL_ATTRIBUTE`].
pub struct DynamoLedger {
    client: Client,
    table: String,
}

impl DynamoLedger {
    /// Uses the time-outs of a delivery.
    #[must_use]
    pub fn new(config: &SdkConfig, table: String) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(config);
        let config = config.timeout_config(timeouts(LEDGER_TIMEOUT)).build();
        Self { client: Client::from_conf(config), table }
    }

    /// Uses the time-outs of the configuration, for callers without a sender that waits.
    #[cfg(feature = "operate")]
    pub(crate) fn with_own_timeouts(config: &SdkConfig, table: String) -> Self {
        Self { client: Client::new(config), table }
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
            // soon after `expires_at`.
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
            // Also if there is no item, or one of an earlier version.
            .condition_expression("attribute_not_exists(#counts_from) OR #counts_from < :counts_from")
            .expression_attribute_names("#counts_from", COUNTS_FROM)
            .expression_attribute_values(":counts_from", counts_from)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // Another delivery of this event has already written a record that counts from a later second.
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
