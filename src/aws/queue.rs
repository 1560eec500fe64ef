//! The queue of events in SQS.

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue},
};

use super::{QUEUE_TIMEOUT, timeouts, trace_header};
use crate::queue::{Message, Queue, QueueError};

/// A FIFO queue of SQS.
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    #[must_use]
    pub fn new(config: &SdkConfig, url: String) -> Self {
        let config =
            aws_sdk_sqs::config::Builder::from(config).timeout_config(timeouts(QUEUE_TIMEOUT)).build();
        Self { client: Client::from_conf(config), url }
    }
}

impl Queue for SqsQueue {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body())
            .message_group_id(message.group_id())
            .message_deduplication_id(message.deduplication_id());
        for (name, value) in message.attributes() {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            request = request.message_attributes(*name, value.map_err(|error| QueueError(error.into()))?);
        }
        if let Some(trace) = message.trace() {
            let value =
                MessageSystemAttributeValue::builder().data_type("String").string_value(trace).build();
            let value = value.map_err(|error| QueueError(error.into()))?;
            request =
                request.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
        }
        let request = request.customize().mutate_request(trace_header::of(message));
        let answer = request.send().await.map_err(|error| QueueError(error.into()))?;
        answer.message_id.ok_or_else(|| QueueError("the answer has no message id".into()))
    }
}
