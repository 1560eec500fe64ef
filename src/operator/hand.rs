//! How to look at what is in a queue: take it in hand, and put it back or delete it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{CallError, dead_letters::DeadLetters};

/// The most that one call takes, and the most that one call deletes.
const BATCH: usize = 10;

/// How long others do not see what is being looked at, should the one who looks never put it back.
pub const HOLD: Duration = Duration::from_mins(2);

/// Asked so long for a message, every server of the queue has been asked.
const WAIT: Duration = Duration::from_secs(1);

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

impl<'a> Hand<'a> {
    pub(super) fn new(queue: &'a DeadLetters) -> Self {
        Self { queue, seen: HashSet::new(), held: HashMap::new() }
    }

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
