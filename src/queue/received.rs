//! A message in the form in which a consumer receives it.

use serde_json::{Map, Value, json};

/// Builds the JSON of SQS's `ReceiveMessage`,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html>, without the receipt.
pub(crate) fn received_message(
    message_id: Option<&str>,
    body: Option<&str>,
    system: &Map<String, Value>,
    attributes: &Map<String, Value>,
) -> Value {
    json!({ "MessageId": message_id, "Body": body, "Attributes": system, "MessageAttributes": attributes })
}
