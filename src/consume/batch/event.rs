//! The event of a batch, with its records decoded one by one.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::consume::received::{Received, Undecodable, id_and_group};

/// The event that Lambda's event source mapping passes to a function:
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.
///
/// A record that cannot be decoded does not make the others unreadable. Deserializing fails only if a record has no
/// message id, because its failure could not be reported; the whole batch then comes again.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Records")]
pub struct SqsEvent(Vec<Record>);

/// A record of the event, decoded or not.
#[derive(Clone)]
pub(super) struct Record {
    /// Not empty.
    pub(super) message_id: String,
    pub(super) group_id: Option<String>,
    pub(super) received: Result<Received, Undecodable>,
}

impl SqsEvent {
    /// Returns the messages in their order; the reason instead of one that cannot be decoded.
    pub fn messages(&self) -> impl Iterator<Item = Result<&Received, Undecodable>> {
        self.0.iter().map(|record| record.received.as_ref().map_err(|error| *error))
    }

    pub(super) fn into_records(self) -> Vec<Record> {
        self.0
    }
}

#[derive(Deserialize)]
struct Records {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

impl TryFrom<Records> for SqsEvent {
    type Error = NoMessageId;

    fn try_from(Records { records }: Records) -> Result<Self, NoMessageId> {
        let record = |(index, record)| {
            let (message_id, group_id) = id_and_group(&record);
            let message_id = message_id.ok_or(NoMessageId { index })?.to_owned();
            let group_id = group_id.map(str::to_owned);
            Ok(Record { message_id, group_id, received: Received::read(record) })
        };
        records.into_iter().enumerate().map(record).collect::<Result<_, _>>().map(Self)
    }
}

/// A record whose failure could not be reported.
#[derive(Debug, Error)]
#[error("record {index} of the batch has no messageId: is it an event of SQS?")]
struct NoMessageId {
    /// Counted from 0.
    index: usize,
}
