//! A message that is sent to a queue again, from a dead letter or from its exported form.

use std::collections::HashMap;

use aws_sdk_sqs::{
    primitives::Blob,
    types::{MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use thiserror::Error;

use super::{CallError, dead_letter_queue::DeadLetters};

/// A message with all that a consumer gets, and the group that keeps its order.
pub struct Resend {
    body: String,
    group: String,
    /// The id of the dead letter: SQS drops a repetition within 5 minutes.
    deduplication: String,
    attributes: HashMap<String, MessageAttributeValue>,
    trace: Option<String>,
}

/// The member without which a message cannot be sent again.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0} is missing or not valid")]
pub struct NotAMessage(&'static str);

impl Resend {
    /// Reads a message in the form in which it is exported.
    ///
    /// # Errors
    /// If a member is missing.
    pub fn read(message: &Value) -> Result<Self, NotAMessage> {
        let text = |value: &Value, name| value.as_str().map(str::to_owned).ok_or(NotAMessage(name));
        let system = &message["Attributes"];
        let attributes = message["MessageAttributes"].as_object();
        let attributes = attributes.into_iter().flatten().map(|(name, value)| {
            let kind = value["DataType"].as_str().ok_or(NotAMessage("MessageAttributes"))?;
            let built = MessageAttributeValue::builder().data_type(kind);
            let built = built.set_string_value(value["StringValue"].as_str().map(str::to_owned));
            let bytes = value["BinaryValue"].as_str().and_then(|text| STANDARD.decode(text).ok());
            let built = built.set_binary_value(bytes.map(Blob::new)).build();
            Ok((name.clone(), built.map_err(|_| NotAMessage("MessageAttributes"))?))
        });
        Ok(Self {
            body: text(&message["Body"], "Body")?,
            group: text(&system["MessageGroupId"], "Attributes.MessageGroupId")?,
            deduplication: text(&message["MessageId"], "MessageId")?,
            attributes: attributes.collect::<Result<_, _>>()?,
            trace: system["AWSTraceHeader"].as_str().map(str::to_owned),
        })
    }
}

impl DeadLetters {
    /// Sends a message to another queue (`sqs:SendMessage`).
    ///
    /// # Errors
    /// If SQS does not confirm it. It may be in the queue.
    pub async fn resend(&self, url: &str, message: &Resend) -> Result<(), CallError> {
        let request = self.client.send_message().queue_url(url).message_body(&message.body);
        let request = request.message_group_id(&message.group);
        let request = request.message_deduplication_id(&message.deduplication);
        let mut request = request.set_message_attributes(Some(message.attributes.clone()));
        if let Some(trace) = &message.trace {
            let value = MessageSystemAttributeValue::builder().data_type("String").string_value(trace);
            let value = value.build().map_err(|error| CallError::Refused {
                action: "sqs:SendMessage",
                reason: error.to_string(),
            })?;
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            request = request.message_system_attributes(name, value);
        }
        request.send().await.map_err(|error| CallError::new("sqs:SendMessage", &error)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_message_lacks_is_named() {
        let whole = json!({
            "MessageId": "m", "Body": "b", "Attributes": { "MessageGroupId": "g" },
            "MessageAttributes": { "identity": { "DataType": "String", "StringValue": "i" } },
        });
        assert!(Resend::read(&whole).is_ok());
        for (pointer, name) in [
            ("/MessageId", "MessageId"),
            ("/Body", "Body"),
            ("/Attributes", "Attributes.MessageGroupId"),
            ("/MessageAttributes/identity", "MessageAttributes"),
        ] {
            let mut part = whole.clone();
            *part.pointer_mut(pointer).unwrap() = Value::Null;
            assert_eq!(Resend::read(&part).err(), Some(NotAMessage(name)));
        }
    }
}
