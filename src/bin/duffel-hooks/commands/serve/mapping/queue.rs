//! The queue of the mapping: a FIFO queue of SQS with the order of groups, visibility, and dead letters.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html>

mod counts;
mod entry;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Instant, SystemTime},
};

pub(crate) use self::counts::Counts;
use self::entry::{Entry, State};
use super::{
    arguments::Settings,
    message::{Queued, Received},
};

/// The largest event that Lambda passes to a function is 6 MB. A message has up to 1 MiB, and more in JSON.
const MAX_BATCH_BYTES: usize = 6_000_000;

/// The messages that were not deleted, in the order of their arrival.
pub(super) struct Fifo {
    settings: Settings,
    entries: VecDeque<Entry>,
    dead_letters: usize,
    handled: usize,
}

impl Fifo {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, entries: VecDeque::new(), dead_letters: 0, handled: 0 }
    }

    pub(super) fn push(&mut self, message: Queued) {
        self.entries.push_back(Entry::new(message));
    }

    /// Receives a batch: the messages of the group whose turn it is, then those of the next. A group of which a message
    /// is invisible waits. Empty if every group waits.
    pub(super) fn receive(&mut self, now: Instant, at: SystemTime) -> Vec<Received> {
        let waits = |entry: &&Entry| !entry.is_visible(now);
        let waiting: HashSet<_> = self.entries.iter().filter(waits).map(Entry::group).collect();
        let mut turns = HashMap::new();
        let mut next = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if !waiting.contains(entry.group()) {
                let turn = turns.len();
                next.push((*turns.entry(entry.group()).or_insert(turn), index));
            }
        }
        next.sort_unstable();
        let sizes = next.iter().map(|(_, index)| self.entries[*index].message.bytes());
        let totals = sizes.scan(0, |total, bytes| {
            *total += bytes;
            Some(*total)
        });
        let fitting = totals.take_while(|total| *total <= MAX_BATCH_BYTES).count().max(1);
        next.truncate(self.settings.batch_size.min(fitting));
        let invisible_until = now + self.settings.visibility_timeout;
        let receive = |(_, index): (usize, usize)| self.entries[index].receive(at, invisible_until);
        next.into_iter().map(receive).collect()
    }

    /// Deletes the messages of a batch that did not fail. The others become visible again at the end of their timeout.
    pub(super) fn settle(&mut self, batch: &[Received], failed: &HashSet<&str>) {
        let before = self.entries.len();
        self.change(batch, |entry| match entry.state {
            State::InFlight(until) if failed.contains(entry.message.id()) => {
                entry.state = State::Invisible(until);
                true
            }
            _ => false,
        });
        self.handled += before - self.entries.len();
    }

    /// Undoes the receipt of a batch that did not reach the consumer.
    pub(super) fn put_back(&mut self, batch: &[Received]) {
        self.change(batch, |entry| {
            entry.put_back();
            true
        });
    }

    /// Changes the messages of a batch, and deletes those for which the function returns `false`.
    fn change(&mut self, batch: &[Received], mut change: impl FnMut(&mut Entry) -> bool) {
        let batch: HashSet<_> = batch.iter().map(|received| received.message.id()).collect();
        self.entries.retain_mut(|entry| !batch.contains(entry.message.id()) || change(entry));
    }

    /// Takes out the messages that were received too often, as soon as they would be received again.
    pub(super) fn take_dead_letters(&mut self, now: Instant) -> Vec<Received> {
        let most = self.settings.max_receives;
        let is_dead = |entry: &Entry| entry.receives >= most && entry.is_visible(now);
        let dead = self.entries.iter().filter(|entry| is_dead(entry)).map(Entry::received);
        let dead: Vec<_> = dead.collect();
        self.dead_letters += dead.len();
        self.entries.retain(|entry| !is_dead(entry));
        dead
    }

    /// Returns the time at which the next message becomes visible again.
    pub(super) fn next_visible(&self, now: Instant) -> Option<Instant> {
        let until = |entry: &Entry| match entry.state {
            State::Invisible(until) => Some(until).filter(|until| *until > now),
            State::Visible | State::InFlight(_) => None,
        };
        self.entries.iter().filter_map(until).min()
    }

    pub(super) fn counts(&self) -> Counts {
        let Self { dead_letters, handled, .. } = *self;
        let mut counts = Counts { dead_letters, handled, ..Counts::default() };
        for entry in &self.entries {
            match entry.state {
                State::Visible => counts.waiting += 1,
                State::InFlight(_) => counts.in_flight += 1,
                State::Invisible(_) => counts.invisible += 1,
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    /// A queue of messages, each named by its group and a digit.
    fn queue(messages: &str, batch_size: usize) -> Fifo {
        let mut queue = Fifo::new(Settings { batch_size, visibility_timeout: TIMEOUT, max_receives: 2 });
        for id in messages.split(' ') {
            let message = json!({ "MessageId": id, "Attributes": { "MessageGroupId": &id[..1] } });
            queue.push(Queued::new(message, SystemTime::UNIX_EPOCH));
        }
        queue
    }

    fn ids(messages: &[Received]) -> String {
        messages.iter().map(|received| received.message.id()).collect::<Vec<_>>().join(" ")
    }

    fn receive(queue: &mut Fifo, now: Instant) -> Vec<Received> {
        queue.receive(now, SystemTime::now())
    }

    #[test]
    fn a_batch_has_the_messages_of_one_group_before_those_of_the_next() {
        let now = Instant::now();
        let mut queue = queue("a1 b1 a2 c1 b2 a3", 4);
        let first = receive(&mut queue, now);
        assert_eq!(ids(&first), "a1 a2 a3 b1");
        assert_eq!(ids(&receive(&mut queue, now)), "c1", "b2 waits for b1");
        assert_eq!(ids(&receive(&mut queue, now)), "");
        queue.settle(&first, &HashSet::new());
        assert_eq!(ids(&receive(&mut queue, now)), "b2");
    }

    #[test]
    fn a_batch_has_at_most_six_megabytes_or_one_message() {
        let now = Instant::now();
        let mut queue = queue("a1 a2", 10);
        for (id, bytes) in [("b1", 2_900_000), ("c1", 2_900_000), ("d1", 2_900_000), ("e1", 7_000_000)] {
            let attributes = json!({ "MessageGroupId": id });
            let message = json!({ "MessageId": id, "Body": "x".repeat(bytes), "Attributes": attributes });
            queue.push(Queued::new(message, SystemTime::UNIX_EPOCH));
        }
        let batches = [(); 4].map(|()| ids(&receive(&mut queue, now)));
        assert_eq!(batches, ["a1 a2 b1 c1", "d1", "e1", ""]);
    }

    #[test]
    fn a_group_waits_for_a_message_that_failed_and_other_groups_do_not() {
        let now = Instant::now();
        let mut queue = queue("a1 a2 a3 b1 b2", 2);
        let first = receive(&mut queue, now);
        queue.settle(&first, &HashSet::from(["a1"]));
        assert_eq!(ids(&receive(&mut queue, now)), "b1 b2");
        assert_eq!(ids(&receive(&mut queue, now)), "");
        assert_eq!(queue.next_visible(now), Some(now + TIMEOUT));
        assert_eq!(
            queue.counts(),
            Counts { waiting: 1, in_flight: 2, invisible: 1, handled: 1, ..Counts::default() }
        );
        let later = now + TIMEOUT;
        let again = receive(&mut queue, later);
        assert_eq!(ids(&again), "a1 a3", "a2 was handled");
        assert_eq!((again[0].receives, again[1].receives), (2, 1));
        assert_eq!(again[0].first_received_at, first[0].first_received_at);
    }

    #[test]
    fn a_message_in_flight_stays_so_until_its_batch_is_answered() {
        let now = Instant::now();
        let mut queue = queue("a1", 10);
        let batch = receive(&mut queue, now);
        let later = now + 2 * TIMEOUT;
        assert_eq!(ids(&receive(&mut queue, later)), "");
        queue.settle(&batch, &HashSet::from(["a1"]));
        assert_eq!(ids(&receive(&mut queue, later)), "a1");
    }

    #[test]
    fn a_message_that_was_received_too_often_is_a_dead_letter_when_it_is_visible_again() {
        let now = Instant::now();
        let mut queue = queue("a1 a2", 1);
        for receive_count in 1..=2 {
            let at = now + TIMEOUT * (receive_count - 1);
            assert_eq!(queue.take_dead_letters(at).len(), 0);
            let batch = receive(&mut queue, at);
            assert_eq!((ids(&batch).as_str(), batch[0].receives), ("a1", receive_count));
            queue.settle(&batch, &HashSet::from(["a1"]));
        }
        assert_eq!(queue.take_dead_letters(now + TIMEOUT).len(), 0, "it is still invisible");
        let dead = queue.take_dead_letters(now + 2 * TIMEOUT);
        assert_eq!((ids(&dead).as_str(), dead[0].receives), ("a1", 2));
        assert_eq!(ids(&receive(&mut queue, now + 2 * TIMEOUT)), "a2");
    }

    #[test]
    fn a_batch_that_did_not_reach_the_consumer_was_not_received() {
        let now = Instant::now();
        let mut queue = queue("a1 a2", 1);
        for _ in 0..5 {
            let batch = receive(&mut queue, now);
            assert_eq!((ids(&batch).as_str(), batch[0].receives), ("a1", 1));
            queue.put_back(&batch);
            assert_eq!(queue.counts(), Counts { waiting: 2, ..Counts::default() });
            assert_eq!(queue.take_dead_letters(now).len(), 0);
        }
    }
}
