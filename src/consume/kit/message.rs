//! A message in the forms in which a consumer receives it, and what may become of it.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

use super::record::lambda_record;
use crate::{
    consume::received::{Received, Undecodable},
    queue,
};

const QUEUE_ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:events.fifo";

/// A message that the queue delivers.
#[derive(Clone)]
pub struct Message {
    id: String,
    body: String,
    system: BTreeMap<&'static str, String>,
    attributes: BTreeMap<String, String>,
}

impl Message {
    /// The first delivery of a message, whose ids are made of a number.
    pub(super) fn first(message: &queue::Message, number: u64) -> Self {
        let attributes = message.attributes().iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let system = BTreeMap::from([
            ("MessageDeduplicationId", message.deduplication_id().to_owned()),
            ("MessageGroupId", message.group_id().to_owned()),
        ]);
        let this = Self {
            id: String::new(),
            body: message.body().to_owned(),
            system,
            attributes: attributes.collect(),
        };
        this.sent_again(number, message.sent_at())
    }

    pub(super) fn sent_again(&self, number: u64, at: SystemTime) -> Self {
        let mut this = self.clone();
        this.id = format!("00000000-0000-4000-8000-{number:012x}");
        let millis = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis()).to_string();
        this.system.extend([
            ("ApproximateFirstReceiveTimestamp", millis.clone()),
            ("ApproximateReceiveCount", "1".to_owned()),
            ("SenderId", "AROAEXAMPLE:receiver".to_owned()),
            ("SentTimestamp", millis),
            ("SequenceNumber", format!("{number:020}")),
        ]);
        this
    }

    pub(super) fn without_dead_letter_source(mut self) -> Self {
        self.system.remove("DeadLetterQueueSourceArn");
        self
    }

    /// The queue's id for the message.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.id
    }

    /// The same message, received for the `count`th time.
    #[must_use]
    pub fn received_times(mut self, count: u32) -> Self {
        self.system.insert("ApproximateReceiveCount", count.to_string());
        self
    }

    /// The message in the dead-letter queue, after it was received `count` times without being deleted. Its
    /// `MessageDeduplicationId` is its message id.
    #[must_use]
    pub fn dead_letter(&self, count: u32) -> Self {
        let mut this = self.clone().received_times(count + 1);
        this.system.insert("MessageDeduplicationId", self.id.clone());
        this.system.insert("DeadLetterQueueSourceArn", QUEUE_ARN.to_owned());
        this
    }

    /// The message in another message group.
    #[must_use]
    pub fn in_group(mut self, group: &str) -> Self {
        self.system.insert("MessageGroupId", group.to_owned());
        self
    }

    /// The message on a standard queue: without group, deduplication id and sequence number.
    #[must_use]
    pub fn on_standard_queue(mut self) -> Self {
        for name in ["MessageGroupId", "MessageDeduplicationId", "SequenceNumber"] {
            self.system.remove(name);
        }
        self
    }

    /// The message with another body, which its signature does not cover.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// The message with another value of an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The message without an attribute.
    #[must_use]
    pub fn without_attribute(mut self, name: &str) -> Self {
        self.attributes.remove(name);
        self
    }

    /// A message that no consumer can decode: its attribute `encoding` has an unknown value.
    #[must_use]
    pub fn undecodable(self) -> Self {
        self.with_attribute("encoding", "unknown")
    }

    /// Reads the message as a consumer does.
    ///
    /// # Errors
    /// As [`Received::read`].
    pub fn received(&self) -> Result<Received, Undecodable> {
        Received::read(self.record())
    }

    /// The record of a Lambda event:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-fifo-queue-message-event>.
    #[must_use]
    pub fn record(&self) -> Value {
        lambda_record(&self.polled(), QUEUE_ARN)
    }

    /// The message in a result of
    /// [`ReceiveMessage`](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html).
    #[must_use]
    pub fn polled(&self) -> Value {
        let attribute = |value| json!({ "DataType": "String", "StringValue": value });
        let attributes = self.attributes.iter().map(|(name, value)| (name.clone(), attribute(value)));
        json!({
            "MessageId": self.id,
            "ReceiptHandle": self.receipt_handle(),
            "MD5OfBody": self.md5_of_body(),
            "Body": self.body,
            "Attributes": self.system,
            "MessageAttributes": attributes.collect::<Map<_, _>>(),
        })
    }

    fn receipt_handle(&self) -> String {
        format!("receipt of {}", self.id)
    }

    /// The checksum that SQS adds.
    fn md5_of_body(&self) -> String {
        hex::encode(Md5::digest(&self.body))
    }
}
