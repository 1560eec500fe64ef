//! In-flight messages: received to look at them, and then released or deleted.

mod message;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
        MessageSystemAttributeName,
    },
};

pub use self::message::QueuedMessage;
use super::{CallError, dead_letter_queue::DeadLetters};

/// The maximum number of messages in one call.
const BATCH: usize = 10;

/// The visibility time-out: how long other consumers do not see a message if it is never released.
pub const HOLD: Duration = Duration::from_mins(2);

/// One hour less than the maximum of SQS, which counts from the receipt.
const MAX_HOLD: Duration = Duration::from_hours(11);

/// Long polling: SQS then asks all of its servers for a message.
const WAIT: Duration = Duration::from_secs(1);

/// Messages in flight, which no other consumer sees until they are released.
///
/// SQS delivers at most the first ten messages of a group: the others follow after those are deleted.
#[must_use = "in-flight messages must be released"]
pub struct InFlight<'a> {
    client: &'a Client,
    url: &'a str,
    hold: Duration,
    /// The longest hold that was asked for.
    longest: Duration,
    began: Instant,
    seen: HashSet<String>,
    /// By message ID.
    held: HashMap<String, Held>,
    /// When the first hold must be extended.
    due: Instant,
}

struct Held {
    receipt: String,
    /// When other consumers see it again.
    until: Instant,
}

impl DeadLetters {
    /// Creates an empty set of in-flight messages; `hold` is their visibility time-out.
    pub fn in_flight(&self, hold: Duration) -> InFlight<'_> {
        InFlight::new(&self.client, &self.url, hold)
    }
}

impl<'a> InFlight<'a> {
    pub(super) fn new(client: &'a Client, url: &'a str, hold: Duration) -> Self {
        let began = Instant::now();
        Self {
            client,
            url,
            hold,
            longest: hold,
            began,
            seen: HashSet::new(),
            held: HashMap::new(),
            due: began + hold,
        }
    }

    /// The longest time for which other consumers do not see the messages if they are not released.
    #[must_use]
    pub fn longest_hold(&self) -> Duration {
        self.longest
    }

    /// Receives up to ten messages that were not seen before; none if there are no more (`sqs:ReceiveMessage`,
    /// `sqs:ChangeMessageVisibility`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn receive(&mut self, most: usize) -> Result<Vec<QueuedMessage>, CallError> {
        // A held message is received again only if extending its hold failed; if that persists, no new one comes.
        let give_up = Instant::now() + 2 * self.longest;
        loop {
            self.extend_holds().await;
            let received = self.receive_messages(most).await?;
            if received.is_empty() {
                return Ok(Vec::new());
            }
            let taken: Vec<_> = received.into_iter().filter_map(|message| self.add(message)).collect();
            if !taken.is_empty() || Instant::now() > give_up {
                return Ok(taken);
            }
        }
    }

    async fn receive_messages(&self, most: usize) -> Result<Vec<Message>, CallError> {
        let request = self.client.receive_message().queue_url(self.url);
        let request = request.visibility_timeout(seconds(self.hold)).wait_time_seconds(seconds(WAIT));
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let request = request.message_attribute_names("All");
        let most = i32::try_from(most.clamp(1, BATCH)).unwrap_or(1);
        let answer = request.max_number_of_messages(most).send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ReceiveMessage", &error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Adds a message to those in flight, and returns it if it was not seen before.
    fn add(&mut self, message: Message) -> Option<QueuedMessage> {
        let id = message.message_id.clone().unwrap_or_default();
        if let Some(receipt) = message.receipt_handle.clone() {
            let now = Instant::now();
            self.held.insert(id.clone(), Held { receipt, until: now + self.hold });
            self.due = self.due.min(now + self.hold / 2);
        }
        self.seen.insert(id).then_some(QueuedMessage(message))
    }

    /// Extends the holds that end soon by the time that the work has taken so far, so that calls become rarer.
    async fn extend_holds(&mut self) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        let longer = (now - self.began).clamp(self.hold, MAX_HOLD.max(self.hold));
        let soon = now + longer / 2;
        let ending = self.batches(|_, held| held.until <= soon);
        if !ending.is_empty() {
            self.longest = self.longest.max(longer);
        }
        for entries in ending {
            // A message whose hold is not extended, as it is already visible, is received again and ignored.
            for id in self.change_visibility(&entries, longer).await.unwrap_or_default() {
                if let Some(held) = self.held.get_mut(&id) {
                    held.until = now + longer;
                }
            }
        }
        let first = self.held.values().map(|held| held.until).filter(|until| *until > now).min();
        self.due = first.map_or(now + self.hold, |first| now + (first - now) / 2);
    }

    /// Changes the visibility time-out, and returns the IDs of the messages for which SQS did.
    async fn change_visibility(&self, entries: &[Entry], hold: Duration) -> Result<Vec<String>, CallError> {
        let request = self.client.change_message_visibility_batch().queue_url(self.url);
        let request = entries.iter().fold(request, |request, entry| request.entries(entry.change(hold)));
        let answer = request.send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ChangeMessageVisibility", &error))?;
        let done = |entry: &&Entry| answer.successful.iter().any(|done| done.id == entry.index);
        Ok(entries.iter().filter(done).map(|entry| entry.message.clone()).collect())
    }

    /// Deletes the messages in flight (`sqs:DeleteMessage`); returns how many messages SQS deleted.
    ///
    /// # Errors
    /// If AWS refuses or does not answer; some may be deleted.
    pub async fn delete(&mut self) -> Result<usize, CallError> {
        self.delete_batches(self.batches(|_, _| true)).await
    }

    /// Deletes one of them (`sqs:DeleteMessage`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn delete_one(&mut self, message_id: &str) -> Result<(), CallError> {
        let deleted = self.delete_batches(self.batches(|id, _| id == message_id)).await?;
        if deleted == 1 {
            return Ok(());
        }
        let reason = format!("message {message_id} was not deleted");
        Err(CallError::Refused { action: "sqs:DeleteMessage", reason })
    }

    async fn delete_batches(&mut self, batches: Vec<Vec<Entry>>) -> Result<usize, CallError> {
        let mut deleted = 0;
        for entries in batches {
            let request = self.client.delete_message_batch().queue_url(self.url);
            let request = entries.iter().fold(request, |request, entry| request.entries(entry.deletion()));
            let answer = request.send().await;
            let answer = answer.map_err(|error| CallError::new("sqs:DeleteMessage", &error))?;
            for entry in &entries {
                if answer.successful.iter().any(|done| done.id == entry.index) {
                    self.held.remove(&entry.message);
                    deleted += 1;
                }
            }
        }
        Ok(deleted)
    }

    /// Makes the messages visible to other consumers again (`sqs:ChangeMessageVisibility`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer; the messages may stay invisible for [`InFlight::longest_hold`].
    pub async fn release(self) -> Result<(), CallError> {
        for entries in self.batches(|_, _| true) {
            self.change_visibility(&entries, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// The messages in flight, in batches for one call each.
    fn batches(&self, which: impl Fn(&str, &Held) -> bool) -> Vec<Vec<Entry>> {
        let held: Vec<_> = self.held.iter().filter(|(id, held)| which(id, held)).collect();
        let entry = |(index, (id, held)): (usize, &(&String, &Held))| Entry {
            index: index.to_string(),
            message: (*id).clone(),
            receipt: held.receipt.clone(),
        };
        held.chunks(BATCH).map(|batch| batch.iter().enumerate().map(entry).collect()).collect()
    }
}

/// An in-flight message as an entry of one call.
struct Entry {
    /// Its number within the call.
    index: String,
    /// The message's id.
    message: String,
    receipt: String,
}

impl Entry {
    fn deletion(&self) -> DeleteMessageBatchRequestEntry {
        let entry = DeleteMessageBatchRequestEntry::builder().id(&self.index).receipt_handle(&self.receipt);
        entry.build().expect("the entry has an ID and a receipt")
    }

    fn change(&self, hold: Duration) -> ChangeMessageVisibilityBatchRequestEntry {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(&self.index);
        let entry = entry.receipt_handle(&self.receipt).visibility_timeout(seconds(hold));
        entry.build().expect("the entry has an ID and a receipt")
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}
