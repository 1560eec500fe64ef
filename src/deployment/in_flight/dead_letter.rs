//! A message of the dead-letter queue, and what there is to see of it.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::queue::received_message;

/// A message that a consumer failed to process.
pub struct DeadLetter(pub(super) Message);

impl DeadLetter {
    /// The value of a message attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.0.message_attributes.as_ref()?.get(name)?.string_value()
    }

    /// How often it was received, by any consumer.
    #[must_use]
    pub fn receive_count(&self) -> Option<&str> {
        let name = MessageSystemAttributeName::ApproximateReceiveCount;
        self.0.attributes.as_ref()?.get(&name).map(String::as_str)
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
