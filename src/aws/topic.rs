//! The topic of events in SNS.

use aws_config::SdkConfig;
use aws_sdk_sns::{Client, types::MessageAttributeValue};

use super::{QUEUE_TIMEOUT, timeouts, trace_header};
use crate::queue::{Message, Queue, QueueError};

/// A FIFO topic of SNS, from which subscribed queues receive every message unchanged.
///
/// SNS discards a message of more than ten attributes instead of delivering it raw:
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html>.
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    #[must_use]
    pub fn new(config: &SdkConfig, arn: String) -> Self {
        let config =
            aws_sdk_sns::config::Builder::from(config).timeout_config(timeouts(QUEUE_TIMEOUT)).build();
        Self { client: Client::from_conf(config), arn }
    }
}

impl Queue for SnsTopic {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        let mut request = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .message(message.body())
            .message_group_id(message.group_id())
            .message_deduplication_id(message.deduplication_id());
        for (name, value) in message.attributes() {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            request = request.message_attributes(*name, value.map_err(|error| QueueError(error.into()))?);
        }
        // SNS has no system attributes. It passes on the trace of the request:
        // <https://docs.aws.amazon.com/sns/latest/dg/sns-active-tracing.html>.
        let request = request.customize().mutate_request(trace_header::of(message));
        let answer = request.send().await.map_err(|error| QueueError(error.into()))?;
        answer.message_id.ok_or_else(|| QueueError("the answer has no message id".into()))
    }
}
