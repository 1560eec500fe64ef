//! The queue or the topic, as the configuration says.

use aws_config::SdkConfig;

use super::{queue::SqsQueue, topic::SnsTopic};
use crate::{
    config,
    queue::{Message, Queue, QueueError},
};

/// Where the receiver forwards events to. Only the client of the one that is used is built.
pub enum Destination {
    Queue(SqsQueue),
    Topic(SnsTopic),
}

impl Destination {
    #[must_use]
    pub fn new(sdk: &SdkConfig, destination: config::Destination) -> Self {
        match destination {
            config::Destination::Queue(url) => Self::Queue(SqsQueue::new(sdk, url)),
            config::Destination::Topic(arn) => Self::Topic(SnsTopic::new(sdk, arn)),
        }
    }
}

impl Queue for Destination {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        match self {
            Self::Queue(queue) => queue.send(message).await,
            Self::Topic(topic) => topic.send(message).await,
        }
    }
}
