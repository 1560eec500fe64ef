//! A topic in `MiniStack` as `template.yaml` has it, for one test.
//!
//! The emulator lacks an archive and its replay, retries and the dead-letter queue of a subscription, deduplication at a
//! queue of what comes from a topic, and the trace of a request. Its deduplication ids are those of the whole topic, not
//! of a message group, and the largest message is the same for all topics (`LARGE_TOPICS`).

use uuid::Uuid;

use crate::support::ministack::{Backend, sdk_config};

/// The template of a subscriber in `docs/fanout.md`.
pub fn subscriber() -> &'static str {
    let page = include_str!("../../../docs/fanout.md");
    page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap()
}

/// A FIFO topic without subscriptions.
pub struct Topic {
    pub arn: String,
    sns: aws_sdk_sns::Client,
}

impl Topic {
    pub async fn new() -> Self {
        let sns = aws_sdk_sns::Client::new(&sdk_config().await);
        let request = sns.create_topic().name(format!("{}.fifo", Uuid::new_v4()));
        let request =
            request.attributes("FifoTopic", "true").attributes("FifoThroughputScope", "MessageGroup");
        let topic = request.attributes("MaximumMessageSize", "1048576").send().await.unwrap();
        Self { arn: topic.topic_arn.unwrap(), sns }
    }

    /// Subscribes the queue of a backend with raw delivery, to all events or to those that a policy selects by their
    /// attributes.
    pub async fn subscribe(&self, backend: &Backend, filter: Option<&str>) {
        let request = self.sns.subscribe().topic_arn(&self.arn).protocol("sqs").endpoint(backend.queue_arn());
        let mut request = request.attributes("RawMessageDelivery", "true");
        if let Some(filter) = filter {
            request = request
                .attributes("FilterPolicyScope", "MessageAttributes")
                .attributes("FilterPolicy", filter);
        }
        request.send().await.unwrap();
    }

    /// The variables with which the receiver publishes to it.
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        [("QUEUE_URL", ""), ("TOPIC_ARN", &self.arn)]
    }
}
