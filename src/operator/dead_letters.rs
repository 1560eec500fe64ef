//! What became of the events that a consumer gave up: the dead-letter queue, looked at and emptied.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
        MessageSystemAttributeName, QueueAttributeName,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::CallError;

/// The most that one call takes, and the most that one call deletes.
const BATCH: usize = 10;

/// How long others do not see what is being looked at, should the one who looks never put it back.
pub const HOLD: Duration = Duration::from_mins(2);

/// Asked so long for a message, every server of the queue has been asked.
const WAIT: Duration = Duration::from_secs(1);

/// A queue of what a consumer could not digest.
pub struct DeadLetters {
    client: Client,
    url: String,
}

/// How many messages there are, as far as SQS knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub waiting: usize,
    /// In somebody's hands, or not yet due.
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

    /// The queue's ARN and depth (`sqs:GetQueueAttributes`).
    ///
    /// # Errors
    /// When the queue is not there, or nobody says.
    pub async fn depth(&self) -> Result<(String, Depth), CallError> {
        let names = [
            QueueAttributeName::QueueArn,
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = request.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:GetQueueAttributes", &error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name| attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let [arn, waiting, in_flight, delayed] = &names;
        let depth = Depth { waiting: number(waiting), held: number(in_flight) + number(delayed) };
        Ok((attributes.get(arn).cloned().unwrap_or_default(), depth))
    }

    /// Where the dead letters come from (`sqs:ListDeadLetterSourceQueues`).
    ///
    /// # Errors
    /// When nobody says.
    pub async fn sources(&self) -> Result<Vec<String>, CallError> {
        let answer = self.client.list_dead_letter_source_queues().queue_url(&self.url).send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ListDeadLetterSourceQueues", &error))?;
        Ok(answer.queue_urls)
    }

    /// An empty hand.
    pub fn hand(&self) -> Hand<'_> {
        Hand { queue: self, seen: HashSet::new(), held: HashMap::new() }
    }

    /// Lets SQS move everything back to where it came from (`sqs:StartMessageMoveTask`).
    ///
    /// # Errors
    /// When no move was started.
    pub async fn start_move(&self, arn: &str, max_per_second: Option<u16>) -> Result<(), CallError> {
        let request = self.client.start_message_move_task().source_arn(arn);
        let request = request.set_max_number_of_messages_per_second(max_per_second.map(Into::into));
        let answer = request.send().await;
        answer.map_err(|error| CallError::new("sqs:StartMessageMoveTask", &error)).map(drop)
    }

    /// The move that was started last, running or ended (`sqs:ListMessageMoveTasks`).
    ///
    /// # Errors
    /// When nobody says.
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

/// A move of messages from the dead-letter queue back to where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED` or `FAILED`.
    pub status: String,
    /// In milliseconds since the epoch; tells one move from another, since SQS names only the running one.
    pub started: i64,
    pub moved: i64,
    /// How many there were at the start.
    pub of: Option<i64>,
    pub reason: Option<String>,
}

impl Move {
    #[must_use]
    pub fn is_running(&self) -> bool {
        ["RUNNING", "CANCELLING"].contains(&self.status.as_str())
    }
}

/// Messages taken in hand, which nobody else sees until they are put back.
///
/// Of a message group SQS hands out the first ten at the most: the others come after those are deleted.
#[must_use = "what is in hand is to be put back"]
pub struct Hand<'a> {
    queue: &'a DeadLetters,
    seen: HashSet<String>,
    /// The receipts by the messages' ids.
    held: HashMap<String, String>,
}

impl Hand<'_> {
    /// Takes up to ten messages that were not seen before; none if there are no more (`sqs:ReceiveMessage`).
    ///
    /// # Errors
    /// When nobody says.
    pub async fn take(&mut self, most: usize) -> Result<Vec<DeadLetter>, CallError> {
        let seconds = |time: Duration| i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
        let request = self.queue.client.receive_message().queue_url(&self.queue.url);
        let request = request.visibility_timeout(seconds(HOLD)).wait_time_seconds(seconds(WAIT));
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let request = request.message_attribute_names("All");
        let most = i32::try_from(most.clamp(1, BATCH)).unwrap_or(1);
        let answer = request.max_number_of_messages(most).send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ReceiveMessage", &error))?;
        let mut taken = Vec::new();
        for message in answer.messages.unwrap_or_default() {
            let id = message.message_id.clone().unwrap_or_default();
            if let Some(receipt) = message.receipt_handle.clone() {
                self.held.insert(id.clone(), receipt);
            }
            if self.seen.insert(id) {
                taken.push(DeadLetter(message));
            }
        }
        Ok(taken)
    }

    /// Deletes what is in hand (`sqs:DeleteMessage`); returns how many messages SQS deleted.
    ///
    /// # Errors
    /// When nobody says; some may be deleted.
    pub async fn delete(&mut self) -> Result<usize, CallError> {
        let mut deleted = 0;
        for entries in self.batches() {
            let request = self.queue.client.delete_message_batch().queue_url(&self.queue.url);
            let request = entries
                .iter()
                .fold(request, |request, (index, _, receipt)| request.entries(deletion(index, receipt)));
            let answer = request.send().await;
            let answer = answer.map_err(|error| CallError::new("sqs:DeleteMessage", &error))?;
            for (index, id, _) in &entries {
                if answer.successful.iter().any(|done| done.id == *index) {
                    self.held.remove(id);
                    deleted += 1;
                }
            }
        }
        Ok(deleted)
    }

    /// Lets others see again what is in hand (`sqs:ChangeMessageVisibility`).
    ///
    /// # Errors
    /// When it is not known to be seen by others before [`HOLD`] is over.
    pub async fn put_back(self) -> Result<(), CallError> {
        for entries in self.batches() {
            let request = self.queue.client.change_message_visibility_batch().queue_url(&self.queue.url);
            let request = entries
                .iter()
                .fold(request, |request, (index, _, receipt)| request.entries(release(index, receipt)));
            let answer = request.send().await;
            answer.map_err(|error| CallError::new("sqs:ChangeMessageVisibility", &error))?;
        }
        Ok(())
    }

    /// Numbers within a batch, messages' ids and receipts.
    fn batches(&self) -> Vec<Vec<(String, String, String)>> {
        let held: Vec<_> = self.held.iter().collect();
        let entry = |(index, (id, receipt)): (usize, &(&String, &String))| {
            (index.to_string(), (*id).clone(), (*receipt).clone())
        };
        held.chunks(BATCH).map(|batch| batch.iter().enumerate().map(entry).collect()).collect()
    }
}

fn deletion(index: &str, receipt: &str) -> DeleteMessageBatchRequestEntry {
    let entry = DeleteMessageBatchRequestEntry::builder().id(index).receipt_handle(receipt);
    entry.build().expect("it has an id and a receipt")
}

fn release(index: &str, receipt: &str) -> ChangeMessageVisibilityBatchRequestEntry {
    let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index).receipt_handle(receipt);
    entry.visibility_timeout(0).build().expect("it has an id and a receipt")
}

/// A message that a consumer gave up.
pub struct DeadLetter(Message);

impl DeadLetter {
    /// An attribute that the receiver gave it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.0.message_attributes.as_ref()?.get(name)?.string_value()
    }

    /// How often it was received, by whomever.
    #[must_use]
    pub fn receive_count(&self) -> Option<&str> {
        let name = MessageSystemAttributeName::ApproximateReceiveCount;
        self.0.attributes.as_ref()?.get(&name).map(String::as_str)
    }

    /// The bytes of its body.
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
        json!({
            "MessageId": self.0.message_id,
            "Body": self.0.body,
            "Attributes": system,
            "MessageAttributes": attributes,
        })
    }
}
