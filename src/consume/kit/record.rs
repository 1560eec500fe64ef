//! The two forms of a message: as a poll returns it, and as Lambda passes it to a function.

use serde_json::{Map, Value, json};

/// Returns the record of a Lambda event,
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-fifo-queue-message-event>, of a message in the form
/// of [`ReceiveMessage`](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html), whose
/// attributes are all of the type `String`.
#[must_use]
pub fn lambda_record(polled: &Value, queue_arn: &str) -> Value {
    let attribute = |value: &Value| {
        json!({
            "stringValue": value["StringValue"],
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        })
    };
    let attributes = polled["MessageAttributes"].as_object().into_iter().flatten();
    let attributes: Map<_, _> = attributes.map(|(name, value)| (name.clone(), attribute(value))).collect();
    json!({
        "messageId": polled["MessageId"],
        "receiptHandle": polled["ReceiptHandle"],
        "body": polled["Body"],
        "attributes": polled["Attributes"],
        "messageAttributes": attributes,
        "md5OfBody": polled["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(':').nth(3),
    })
}
