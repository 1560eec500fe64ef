//! The events that are to be delivered, in the order of each object.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::duffel::EventRecord;
use serde_json::Value;

/// The longest wait between two attempts.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// An event that was not accepted yet.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) kind: String,
    /// What it is about: events of one object are delivered in their order.
    pub(super) object: String,
    pub(super) created_at: Option<SystemTime>,
    pub(super) record: Record,
    /// The number of attempts that failed in this run.
    pub(super) failures: u32,
    next: Next,
}

/// What is known of Duffel's record of an event.
#[derive(Clone)]
pub(super) enum Record {
    /// An earlier run has read it.
    Unread,
    /// Without `data`, as in the list.
    Listed(Value),
    /// All that Duffel returns.
    Complete(Value),
}

#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// Delivered as soon as it may.
    Attempt(Instant),
    /// Not in this run: the receiver refused it.
    Never,
}

impl Open {
    pub(super) fn new(event: EventRecord) -> Self {
        Self {
            object: event.idempotency_key.unwrap_or_else(|| event.id.clone()),
            id: event.id,
            kind: event.kind.unwrap_or_default(),
            created_at: event.created_at,
            record: if has_data(&event.raw) {
                Record::Complete(event.raw)
            } else {
                Record::Listed(event.raw)
            },
            failures: 0,
            next: Next::Attempt(Instant::now()),
        }
    }

    /// An event of an earlier run.
    pub(super) fn resume(id: String, kind: String, object: String, created_at: Option<SystemTime>) -> Self {
        let next = Next::Attempt(Instant::now());
        Self { id, kind, object, created_at, record: Record::Unread, failures: 0, next }
    }
}

/// The events that were not accepted yet, oldest first.
#[derive(Default)]
pub(super) struct Backlog(Vec<Open>);

impl Backlog {
    pub(super) fn extend(&mut self, events: impl IntoIterator<Item = Open>) {
        self.0.extend(events);
        // Stable: those without a time stay in their order.
        self.0.sort_by_key(|event| event.created_at);
    }

    pub(super) fn events(&self) -> &[Open] {
        &self.0
    }

    /// Returns the first event that may be delivered next, and when. No earlier event of its object waits.
    pub(super) fn next(&self, now: Instant) -> Option<(&Open, Instant)> {
        let mut objects = BTreeSet::new();
        let mut first = None::<(&Open, Instant)>;
        for event in &self.0 {
            let Next::Attempt(at) = event.next else { continue };
            // Of those that are due, the oldest event is the first, whenever it became due.
            let at = at.max(now);
            let is_first_of_object = objects.insert(&event.object);
            if is_first_of_object && first.is_none_or(|(_, other)| at < other) {
                first = Some((event, at));
            }
        }
        first
    }

    /// Removes an event, which was accepted.
    pub(super) fn settle(&mut self, id: &str) {
        self.0.retain(|event| event.id != id);
    }

    /// Keeps an event for a later run. Later events of its object are delivered.
    pub(super) fn refuse(&mut self, id: &str) {
        if let Some(event) = self.get(id) {
            event.next = Next::Never;
            event.record = Record::Unread;
        }
    }

    /// Has an event delivered again after a wait, which is returned: longer after each failure, and not shorter than the
    /// receiver asks for.
    pub(super) fn retry(&mut self, id: &str, at_least: Option<Duration>) -> Duration {
        let Some(event) = self.get(id) else { return Duration::ZERO };
        event.failures += 1;
        let wait = wait_after(event.failures).max(at_least.unwrap_or_default());
        event.next = Next::Attempt(Instant::now() + wait);
        wait
    }

    /// Keeps what Duffel returned for an event.
    pub(super) fn complete(&mut self, id: &str, record: Value) {
        if let Some(event) = self.get(id) {
            event.record = Record::Complete(record);
        }
    }

    /// The numbers of events that wait, and that were refused.
    pub(super) fn counts(&self) -> (usize, usize) {
        let refused = self.0.iter().filter(|event| event.next == Next::Never).count();
        (self.0.len() - refused, refused)
    }

    fn get(&mut self, id: &str) -> Option<&mut Open> {
        self.0.iter_mut().find(|event| event.id == id)
    }
}

/// Whether a record has the content of the event.
pub(super) fn has_data(record: &Value) -> bool {
    !record["data"].is_null()
}

/// The wait after a number of failures: 1 s, then twice as long each time, up to a limit.
pub(super) fn wait_after(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(16)).min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: &str, object: &str, seconds: u64) -> Open {
        let created_at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Open::resume(id.to_owned(), String::new(), object.to_owned(), Some(created_at))
    }

    fn backlog(events: &[(&str, &str, u64)]) -> Backlog {
        let mut backlog = Backlog::default();
        backlog.extend(events.iter().map(|(id, object, seconds)| open(id, object, *seconds)));
        backlog
    }

    fn next(backlog: &Backlog) -> &str {
        &backlog.next(Instant::now()).unwrap().0.id
    }

    #[test]
    fn events_of_one_object_wait_for_the_first_and_others_do_not() {
        let mut backlog = backlog(&[("c", "x", 3), ("b", "y", 2), ("a", "x", 1)]);
        assert_eq!(next(&backlog), "a");
        assert_eq!(backlog.retry("a", None), Duration::from_secs(1));
        assert_eq!(next(&backlog), "b");
        backlog.settle("b");
        assert_eq!(next(&backlog), "a", "and not the later one of its object");
        backlog.settle("a");
        assert_eq!(next(&backlog), "c");
        backlog.settle("c");
        assert!(backlog.next(Instant::now()).is_none());
    }

    #[test]
    fn a_refused_event_is_kept_and_does_not_hold_up_its_object() {
        let mut backlog = backlog(&[("a", "x", 1), ("b", "x", 2)]);
        backlog.refuse("a");
        assert_eq!(next(&backlog), "b");
        assert_eq!(backlog.counts(), (1, 1));
        backlog.settle("b");
        assert!(backlog.next(Instant::now()).is_none());
        assert_eq!(backlog.events().len(), 1);
    }

    #[test]
    fn waits_grow_to_a_limit_and_are_not_shorter_than_the_receiver_asks_for() {
        let seconds = |failures| wait_after(failures).as_secs();
        assert_eq!([0, 1, 2, 3, 5, 6, 40].map(seconds), [1, 1, 2, 4, 16, 30, 30]);
        let mut backlog = backlog(&[("a", "x", 1)]);
        assert_eq!(backlog.retry("a", Some(Duration::from_secs(9))), Duration::from_secs(9));
        assert_eq!(backlog.retry("a", Some(Duration::from_secs(1))), Duration::from_secs(2));
    }
}
