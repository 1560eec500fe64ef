//! The place in Duffel's list of events: which of them are new.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use duffel_webhook_receiver::duffel::EventRecord;

/// How long before the newest event the list is read again: an event may appear in it after newer ones.
const OVERLAP: Duration = Duration::from_mins(10);

/// By how much this machine's clock may be ahead of Duffel's before events are missed at the start.
const LOOK_BACK: Duration = Duration::from_hours(1);

/// The events that were seen, as far as Duffel may list them again.
#[derive(Debug, PartialEq)]
pub(super) struct Cursor {
    /// From when on the list is read.
    after: SystemTime,
    /// The ids of the events that were seen since then or have no time, with their times.
    seen: BTreeMap<String, Option<SystemTime>>,
    /// Whether the next list is that of the events before the start.
    is_first: bool,
}

impl Cursor {
    /// From an earlier time, which includes the events since then, or from now.
    pub(super) fn new(since: Option<SystemTime>, now: SystemTime) -> Self {
        let after = since.or(now.checked_sub(LOOK_BACK)).unwrap_or(UNIX_EPOCH);
        Self { after, seen: BTreeMap::new(), is_first: since.is_none() }
    }

    /// From where an earlier run ended.
    pub(super) fn resume(after: SystemTime, seen: BTreeMap<String, Option<SystemTime>>) -> Self {
        Self { after, seen, is_first: false }
    }

    pub(super) fn after(&self) -> SystemTime {
        self.after
    }

    pub(super) fn seen(&self) -> &BTreeMap<String, Option<SystemTime>> {
        &self.seen
    }

    /// Takes a complete list of the events since [`Cursor::after`], newest first, and returns the new ones, oldest first.
    pub(super) fn advance(&mut self, listed: Vec<EventRecord>, now: SystemTime) -> Vec<EventRecord> {
        let mut new = Vec::new();
        for event in listed.into_iter().rev() {
            let is_new = self.seen.insert(event.id.clone(), event.created_at).is_none();
            new.extend(Some(event).filter(|_| is_new && !self.is_first));
        }
        self.is_first = false;
        // A time in the future would hide the events until then.
        let newest = self.seen.values().flatten().max().map(|newest| (*newest).min(now));
        let after = newest.and_then(|newest| newest.checked_sub(OVERLAP));
        self.after = after.unwrap_or(self.after).max(self.after);
        self.seen.retain(|_, at| at.is_none_or(|at| at >= self.after));
        new.sort_by_key(|event| event.created_at);
        new
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(minutes: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_mins(1_000_000 + minutes)
    }

    /// A list in Duffel's order from ids and times.
    fn list(events: &[(&str, Option<u64>)]) -> Vec<EventRecord> {
        let event = |(id, minutes): &(&str, Option<u64>)| EventRecord {
            id: (*id).to_owned(),
            kind: None,
            live_mode: None,
            idempotency_key: None,
            created_at: minutes.map(at),
            delivery_success: None,
            raw: json!({}),
        };
        events.iter().map(event).collect()
    }

    fn ids(events: &[EventRecord]) -> Vec<&str> {
        events.iter().map(|event| event.id.as_str()).collect()
    }

    #[test]
    fn from_now_excludes_what_is_listed_at_the_start() {
        let mut cursor = Cursor::new(None, at(100));
        assert_eq!(cursor.after(), at(40));
        assert!(cursor.advance(list(&[("b", Some(98)), ("a", None)]), at(100)).is_empty());
        let new = cursor.advance(list(&[("c", Some(99)), ("b", Some(98)), ("a", None)]), at(100));
        assert_eq!(ids(&new), ["c"]);
    }

    #[test]
    fn an_empty_list_at_the_start_is_the_start() {
        let mut cursor = Cursor::new(None, at(100));
        assert!(cursor.advance(Vec::new(), at(100)).is_empty());
        assert_eq!(ids(&cursor.advance(list(&[("a", None)]), at(100))), ["a"]);
    }

    #[test]
    fn new_events_are_returned_once_oldest_first() {
        let mut cursor = Cursor::new(Some(at(0)), at(100));
        let listed = [("c", Some(3)), ("a", Some(1)), ("b", Some(2)), ("a", Some(1))];
        assert_eq!(ids(&cursor.advance(list(&listed), at(100))), ["a", "b", "c"]);
        assert!(cursor.advance(list(&listed), at(100)).is_empty());
        assert_eq!(cursor.after(), at(0), "not before the start");
    }

    #[test]
    fn an_event_that_is_listed_late_is_new() {
        let mut cursor = Cursor::new(Some(at(0)), at(100));
        assert_eq!(ids(&cursor.advance(list(&[("b", Some(60))]), at(100))), ["b"]);
        assert_eq!(cursor.after(), at(50));
        assert_eq!(ids(&cursor.advance(list(&[("b", Some(60)), ("a", Some(51))]), at(100))), ["a"]);
    }

    #[test]
    fn only_what_may_be_listed_again_is_remembered() {
        let mut cursor = Cursor::new(Some(at(0)), at(100));
        cursor.advance(list(&[("d", Some(60)), ("c", Some(50)), ("b", Some(49)), ("a", None)]), at(100));
        assert_eq!(cursor.seen().keys().collect::<Vec<_>>(), ["a", "c", "d"]);
    }

    #[test]
    fn a_time_in_the_future_does_not_hide_the_events_until_then() {
        let mut cursor = Cursor::new(Some(at(0)), at(100));
        cursor.advance(list(&[("z", Some(9_000))]), at(100));
        assert_eq!(cursor.after(), at(90));
    }
}
