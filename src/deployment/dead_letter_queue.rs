//! The dead-letter queue: its depth, its sources and the redrive back to them.

use aws_config::SdkConfig;
use aws_sdk_sqs::{Client, types::QueueAttributeName};

use super::CallError;

/// A queue of messages that a consumer failed to process.
pub struct DeadLetters {
    pub(super) client: Client,
    pub(super) url: String,
}

/// The approximate number of messages, as SQS reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub waiting: usize,
    /// In flight, or delayed.
    pub held: usize,
}

impl Depth {
    #[must_use]
    pub fn all(self) -> usize {
        self.waiting + self.held
    }
}

impl DeadLetters {
    #[must_use]
    pub fn new(sdk: &SdkConfig, url: &str) -> Self {
        Self { client: Client::new(sdk), url: url.to_owned() }
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Fetches the queue's ARN and depth (`sqs:GetQueueAttributes`).
    ///
    /// # Errors
    /// If the queue does not exist or is not a dead-letter queue, or if AWS refuses or does not answer.
    pub async fn depth(&self) -> Result<(String, Depth), CallError> {
        let names = [
            QueueAttributeName::QueueArn,
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::RedrivePolicy,
        ];
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = request.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:GetQueueAttributes", &error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name| attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let [arn, waiting, in_flight, delayed, redrive] = &names;
        // Looking at a message is receiving it, and a message that is received too often becomes a dead letter.
        if attributes.contains_key(redrive) {
            return Err(CallError::NoDeadLetters(self.url.clone()));
        }
        let depth = Depth { waiting: number(waiting), held: number(in_flight) + number(delayed) };
        Ok((attributes.get(arn).cloned().unwrap_or_default(), depth))
    }

    /// Fetches the URLs of the source queues (`sqs:ListDeadLetterSourceQueues`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn sources(&self) -> Result<Vec<String>, CallError> {
        let answer = self.client.list_dead_letter_source_queues().queue_url(&self.url).send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ListDeadLetterSourceQueues", &error))?;
        Ok(answer.queue_urls)
    }

    /// Starts a redrive of all messages to their source queues (`sqs:StartMessageMoveTask`).
    ///
    /// # Errors
    /// If no move was started.
    pub async fn start_move(&self, arn: &str, max_per_second: Option<u16>) -> Result<(), CallError> {
        let request = self.client.start_message_move_task().source_arn(arn);
        let request = request.set_max_number_of_messages_per_second(max_per_second.map(Into::into));
        let answer = request.send().await;
        answer.map_err(|error| CallError::new("sqs:StartMessageMoveTask", &error)).map(drop)
    }

    /// Fetches the last move, running or ended (`sqs:ListMessageMoveTasks`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn last_move(&self, arn: &str) -> Result<Option<Move>, CallError> {
        let request = self.client.list_message_move_tasks().source_arn(arn).max_results(1);
        let answer = request.send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ListMessageMoveTasks", &error))?;
        let last = answer.results.unwrap_or_default().into_iter().next();
        Ok(last.map(|task| Move {
            status: task.status.unwrap_or_default(),
            started: task.started_timestamp,
            moved: task.approximate_number_of_messages_moved,
            of: task.approximate_number_of_messages_to_move,
            reason: task.failure_reason,
        }))
    }
}

/// A redrive of messages from the dead-letter queue to their source queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED` or `FAILED`.
    pub status: String,
    /// In milliseconds since the epoch; distinguishes moves, since SQS names only the running one.
    pub started: i64,
    pub moved: i64,
    /// The number of messages at the start.
    pub of: Option<i64>,
    pub reason: Option<String>,
}

impl Move {
    #[must_use]
    pub fn is_running(&self) -> bool {
        ["RUNNING", "CANCELLING"].contains(&self.status.as_str())
    }
}
