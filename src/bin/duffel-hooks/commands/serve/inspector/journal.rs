//! The journal: the deliveries that the inspector keeps, within bounds.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::delivery::{Content, Delivery, Facts, Summary};

/// The bounds of a journal.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) deliveries: usize,
    /// The size of all contents together.
    pub(crate) bytes: usize,
}

/// The deliveries in the order in which they were answered, numbered from 1.
pub(crate) struct Journal {
    bounds: Bounds,
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    deliveries: VecDeque<Delivery>,
    total: u64,
    /// How many of the oldest have no content any more.
    emptied: usize,
    bytes: usize,
}

/// Some deliveries, and the number of all.
pub(crate) struct Section {
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) total: u64,
    pub(crate) kept: usize,
}

impl Journal {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, kept: Mutex::default(), newest: watch::Sender::new(0) }
    }

    /// Keeps a delivery, and returns it with its number.
    pub(crate) fn keep(&self, mut facts: Facts, content: Content) -> Summary {
        let mut kept = self.kept();
        kept.total += 1;
        facts.summary.number = kept.total;
        let summary = facts.summary.clone();
        kept.bytes += content.size();
        kept.deliveries.push_back(Delivery { facts: Arc::new(facts), content: Some(Arc::new(content)) });
        kept.enforce(self.bounds);
        drop(kept);
        self.newest.send_replace(summary.number);
        summary
    }

    pub(crate) fn find(&self, number: u64) -> Option<Delivery> {
        let kept = self.kept();
        let index = kept.index(number)?;
        kept.deliveries.get(index).cloned()
    }

    /// Returns the newest deliveries before a number, newest first and at most so many.
    pub(crate) fn before(&self, number: u64, most: usize) -> Section {
        let kept = self.kept();
        let end =
            kept.index(number).unwrap_or_else(|| if number > kept.total { kept.deliveries.len() } else { 0 });
        let deliveries = kept.deliveries.range(..end.min(kept.deliveries.len())).rev().take(most).cloned();
        Section { deliveries: deliveries.collect(), total: kept.total, kept: kept.deliveries.len() }
    }

    /// Returns the oldest deliveries after a number, oldest first and at most so many; `None` if some of them are not
    /// kept any more, or the number is not one of this journal.
    pub(crate) fn after(&self, number: u64, most: usize) -> Option<Vec<Summary>> {
        let kept = self.kept();
        let start = number.checked_sub(kept.total - kept.deliveries.len() as u64)?;
        let start = usize::try_from(start).ok().filter(|start| *start <= kept.deliveries.len())?;
        let summaries = kept.deliveries.range(start..).take(most);
        Some(summaries.map(|delivery| delivery.facts.summary.clone()).collect())
    }

    /// Returns the newest deliveries that became a message, newest first and at most so many.
    pub(crate) fn messages(&self, most: usize) -> Vec<Delivery> {
        let kept = self.kept();
        let sent = kept.deliveries.iter().rev().filter(|delivery| delivery.facts.message.is_some());
        sent.take(most).cloned().collect()
    }

    /// The number of the newest delivery, and its changes.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere leaves at most one delivery uncounted.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn index(&self, number: u64) -> Option<usize> {
        let first = self.total + 1 - self.deliveries.len() as u64;
        usize::try_from(number.checked_sub(first)?).ok().filter(|index| *index < self.deliveries.len())
    }

    /// Drops the oldest contents first, then the oldest deliveries.
    fn enforce(&mut self, bounds: Bounds) {
        while self.bytes > bounds.bytes && self.emptied < self.deliveries.len() {
            self.empty(self.emptied);
            self.emptied += 1;
        }
        while self.deliveries.len() > bounds.deliveries {
            self.empty(0);
            self.emptied = self.emptied.saturating_sub(1);
            self.deliveries.pop_front();
        }
    }

    fn empty(&mut self, index: usize) {
        let content = self.deliveries.get_mut(index).and_then(|delivery| delivery.content.take());
        self.bytes -= content.map_or(0, |content| content.size());
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::commands::serve::inspector::delivery::SentBy;

    fn keep(journal: &Journal, bytes: usize) {
        let summary = Summary {
            number: 0,
            received_at: String::new(),
            source: None,
            method: "POST".to_owned(),
            path: "/".to_owned(),
            status: 202,
            outcome: "accepted",
            cause: None,
            event_id: None,
            event_type: None,
            bytes,
            duration_ms: 0.0,
            reason: String::new(),
            sent_by: SentBy::Client,
        };
        let facts = Facts { summary, explanation: Vec::new(), hint: None, record: None, message: None };
        let body = vec![b'x'; bytes].into();
        journal.keep(
            facts,
            Content { uri: "/".parse().unwrap(), headers: HeaderMap::new(), body, message: None },
        );
    }

    fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
        deliveries.iter().map(|delivery| delivery.facts.summary.number).collect()
    }

    #[test]
    fn the_oldest_contents_are_dropped_before_the_oldest_deliveries() {
        let journal = Journal::new(Bounds { deliveries: 4, bytes: 100 });
        for _ in 0..4 {
            keep(&journal, 40);
        }
        let kept = |number| journal.find(number).map(|delivery| delivery.content.is_some());
        assert_eq!([1, 2, 3, 4].map(kept), [Some(false), Some(false), Some(true), Some(true)]);
        keep(&journal, 10);
        assert_eq!([1, 2, 3, 4, 5].map(kept), [None, Some(false), Some(true), Some(true), Some(true)]);
        keep(&journal, 1000);
        assert_eq!([2, 3, 4, 5, 6].map(kept), [None, Some(false), Some(false), Some(false), Some(false)]);
        keep(&journal, 100);
        assert_eq!([4, 5, 6, 7].map(kept), [Some(false), Some(false), Some(false), Some(true)]);
        assert_eq!(journal.kept().bytes, 100);
    }

    #[test]
    fn deliveries_are_listed_in_both_directions() {
        let journal = Journal::new(Bounds { deliveries: 5, bytes: 100 });
        assert_eq!(journal.after(0, 9).map(|after| after.len()), Some(0));
        for _ in 0..8 {
            keep(&journal, 1);
        }
        let before = |number, most| numbers(&journal.before(number, most).deliveries);
        assert_eq!(before(u64::MAX, 9), [8, 7, 6, 5, 4]);
        assert_eq!(before(7, 2), [6, 5]);
        assert_eq!((before(4, 9), before(1, 9), before(9, 1)), (vec![], vec![], vec![8]));
        let after = |number, most| {
            let after = journal.after(number, most)?;
            Some(after.iter().map(|summary| summary.number).collect::<Vec<_>>())
        };
        assert_eq!(after(5, 9), Some(vec![6, 7, 8]));
        assert_eq!(after(3, 2), Some(vec![4, 5]));
        assert_eq!((after(8, 9), after(2, 9), after(9, 9)), (Some(vec![]), None, None));
    }
}
