//! A message of a queue, and what there is to see of it.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::queue::received_message;

/// A message that was received to look at it.
pub struct QueuedMessage(pub(super) Message);

impl QueuedMessage {
    /// The value of a message attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.0.message_attributes.as_ref()?.get(name)?.string_value()
    }

    /// The queue's id of the message.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.0.message_id()
    }

    /// The object that it is about.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.system_attribute(&MessageSystemAttributeName::MessageGroupId)
    }

    /// The time from which the queue has it, in milliseconds since the epoch.
    #[must_use]
    pub fn sent_at(&self) -> Option<u64> {
        self.system_attribute(&MessageSystemAttributeName::SentTimestamp)?.parse().ok()
    }

    /// The time of its first receive, in milliseconds since the epoch.
    #[must_use]
    pub fn first_received_at(&self) -> Option<u64> {
        let name = MessageSystemAttributeName::ApproximateFirstReceiveTimestamp;
        self.system_attribute(&name)?.parse().ok()
    }

    fn system_attribute(&self, name: &MessageSystemAttributeName) -> Option<&str> {
        self.0.attributes.as_ref()?.get(name).map(String::as_str)
    }

    /// How often it was received, by any consumer.
    #[must_use]
    pub fn receive_count(&self) -> Option<&str> {
        self.system_attribute(&MessageSystemAttributeName::ApproximateReceiveCount)
    }

    /// The size of its body in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.body.as_ref().map_or(0, String::len)
    }

    /// All of it, as AWS's own tools print it, but for the receipt.
    #[must_use]
    pub fn json(&self) -> Value {
        let system = self.0.attributes.iter().flatten();
        let system: Map<_, _> =
            system.map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
        let attributes = self.0.message_attributes.iter().flatten();
        let attributes: Map<_, _> = attributes
            .map(|(name, value)| {
                let value = match &value.binary_value {
                    Some(bytes) => {
                        json!({ "DataType": value.data_type, "BinaryValue": STANDARD.encode(bytes) })
                    }
                    None => json!({ "DataType": value.data_type, "StringValue": value.string_value }),
                };
                (name.clone(), value)
            })
            .collect();
        received_message(self.0.message_id.as_deref(), self.0.body.as_deref(), &system, &attributes)
    }
}
