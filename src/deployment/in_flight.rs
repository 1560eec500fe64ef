//! How to look at what is in a queue: take it in hand, and put it back or delete it.

mod dead_letter;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName,
};

pub use self::dead_letter::DeadLetter;
use super::{CallError, dead_letter_queue::DeadLetters};

/// The most that one call takes, and the most that one call deletes.
const BATCH: usize = 10;

/// How long others do not see what is being looked at, should the one who looks never put it back.
pub const HOLD: Duration = Duration::from_mins(2);

/// The most that SQS allows, from the moment of receipt; an hour is left for the time until then.
const MAX_HOLD: Duration = Duration::from_hours(11);

/// Asked so long for a message, every server of the queue has been asked.
const WAIT: Duration = Duration::from_secs(1);

/// Messages taken in hand, which nobody else sees until they are put back.
///
/// Of a message group SQS hands out the first ten at the most: the others come after those are deleted.
#[must_use = "what is in hand is to be put back"]
pub struct InFlight<'a> {
    queue: &'a DeadLetters,
    hold: Duration,
    /// The longest hold that was asked for.
    longest: Duration,
    began: Instant,
    seen: HashSet<String>,
    /// By the messages' ids.
    held: HashMap<String, Held>,
    /// When the first of them is to be held on to.
    due: Instant,
}

struct Held {
    receipt: String,
    /// When others see it again.
    until: Instant,
}

impl DeadLetters {
    /// Begins with no message; each received one stays in flight for so long at a time.
    pub fn in_flight(&self, hold: Duration) -> InFlight<'_> {
        InFlight::new(self, hold)
    }
}

impl<'a> InFlight<'a> {
    fn new(queue: &'a DeadLetters, hold: Duration) -> Self {
        let began = Instant::now();
        Self {
            queue,
            hold,
            longest: hold,
            began,
            seen: HashSet::new(),
            held: HashMap::new(),
            due: began + hold,
        }
    }

    /// How long others may not see what is in hand, should it not be put back.
    #[must_use]
    pub fn longest_hold(&self) -> Duration {
        self.longest
    }

    /// Takes up to ten messages that were not seen before; none if there are no more (`sqs:ReceiveMessage`,
    /// `sqs:ChangeMessageVisibility`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn receive(&mut self, most: usize) -> Result<Vec<DeadLetter>, CallError> {
        // Held on to, a message comes again only if that failed; if it keeps failing, nothing new ever comes.
        let give_up = Instant::now() + 2 * self.longest;
        loop {
            self.hold_on().await;
            let received = self.receive_messages(most).await?;
            if received.is_empty() {
                return Ok(Vec::new());
            }
            let taken: Vec<_> = received.into_iter().filter_map(|message| self.note(message)).collect();
            if !taken.is_empty() || Instant::now() > give_up {
                return Ok(taken);
            }
        }
    }

    async fn receive_messages(&self, most: usize) -> Result<Vec<Message>, CallError> {
        let request = self.queue.client.receive_message().queue_url(&self.queue.url);
        let request = request.visibility_timeout(seconds(self.hold)).wait_time_seconds(seconds(WAIT));
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let request = request.message_attribute_names("All");
        let most = i32::try_from(most.clamp(1, BATCH)).unwrap_or(1);
        let answer = request.max_number_of_messages(most).send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ReceiveMessage", &error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Notes that a message is in hand, and returns it if it was not before.
    fn note(&mut self, message: Message) -> Option<DeadLetter> {
        let id = message.message_id.clone().unwrap_or_default();
        if let Some(receipt) = message.receipt_handle.clone() {
            let now = Instant::now();
            self.held.insert(id.clone(), Held { receipt, until: now + self.hold });
            self.due = self.due.min(now + self.hold / 2);
        }
        self.seen.insert(id).then_some(DeadLetter(message))
    }

    /// Holds what would soon be seen by others for as long again as the work has lasted, so that the calls grow fewer.
    async fn hold_on(&mut self) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        let longer = (now - self.began).clamp(self.hold, MAX_HOLD.max(self.hold));
        let soon = now + longer / 2;
        let ending = self.batches(|held| held.until <= soon);
        if !ending.is_empty() {
            self.longest = self.longest.max(longer);
        }
        for entries in ending {
            // What is not held on to, because others can see it already for one, comes again and is passed over.
            for id in self.change_visibility(&entries, longer).await.unwrap_or_default() {
                if let Some(held) = self.held.get_mut(&id) {
                    held.until = now + longer;
                }
            }
        }
        let first = self.held.values().map(|held| held.until).filter(|until| *until > now).min();
        self.due = first.map_or(now + self.hold, |first| now + (first - now) / 2);
    }

    /// Returns the ids of the messages that SQS took on.
    async fn change_visibility(&self, entries: &[Entry], hold: Duration) -> Result<Vec<String>, CallError> {
        let request = self.queue.client.change_message_visibility_batch().queue_url(&self.queue.url);
        let request = entries.iter().fold(request, |request, entry| request.entries(entry.change(hold)));
        let answer = request.send().await;
        let answer = answer.map_err(|error| CallError::new("sqs:ChangeMessageVisibility", &error))?;
        let done = |entry: &&Entry| answer.successful.iter().any(|done| done.id == entry.index);
        Ok(entries.iter().filter(done).map(|entry| entry.message.clone()).collect())
    }

    /// Deletes what is in hand (`sqs:DeleteMessage`); returns how many messages SQS deleted.
    ///
    /// # Errors
    /// When nobody says; some may be deleted.
    pub async fn delete(&mut self) -> Result<usize, CallError> {
        let mut deleted = 0;
        for entries in self.batches(|_| true) {
            let request = self.queue.client.delete_message_batch().queue_url(&self.queue.url);
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

    /// Lets others see again what is in hand (`sqs:ChangeMessageVisibility`).
    ///
    /// # Errors
    /// When it is not known to be seen by others before [`InFlight::longest_hold`] is over.
    pub async fn release(self) -> Result<(), CallError> {
        for entries in self.batches(|_| true) {
            self.change_visibility(&entries, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// What is in hand, in batches of what one call takes.
    fn batches(&self, which: impl Fn(&Held) -> bool) -> Vec<Vec<Entry>> {
        let held: Vec<_> = self.held.iter().filter(|(_, held)| which(held)).collect();
        let entry = |(index, (id, held)): (usize, &(&String, &Held))| Entry {
            index: index.to_string(),
            message: (*id).clone(),
            receipt: held.receipt.clone(),
        };
        held.chunks(BATCH).map(|batch| batch.iter().enumerate().map(entry).collect()).collect()
    }
}

/// A message in hand as a part of one call.
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
        entry.build().expect("it has an id and a receipt")
    }

    fn change(&self, hold: Duration) -> ChangeMessageVisibilityBatchRequestEntry {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(&self.index);
        let entry = entry.receipt_handle(&self.receipt).visibility_timeout(seconds(hold));
        entry.build().expect("it has an id and a receipt")
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}
