//! The search with a limit on requests and time, for runs on a schedule.

use std::time::{Duration, Instant, SystemTime};

use super::{
    CLOCK_SKEW, Client, EventRecord, Open, Search, delivered, earliest,
    reading::{End, read},
    successes,
};

/// The maximum number of events that are compared with their deliveries, newest first: 20 pages of Duffel's list.
pub const MAX_EVENTS: usize = 4_000;

/// The maximum number of successful deliveries that are read for them, and again for older events.
pub const MAX_DELIVERIES: usize = 2 * MAX_EVENTS;

/// The first time span that is searched for the delivery of an old event; each is twice the one before.
const FIRST_SPAN: Duration = Duration::from_hours(1);

/// The result of a bounded search.
#[derive(Debug, Default)]
pub struct Found {
    /// In no particular order.
    pub events: Vec<EventRecord>,
    /// What was not read to its end because of the limits.
    pub notes: Vec<String>,
    /// What failed, so that events may be missing.
    pub errors: Vec<String>,
}

impl Search {
    /// Finds them with a limited number of requests, until a deadline.
    ///
    /// The newest events are compared with the deliveries, as [`Search::all`] does. Of the older ones, only those are
    /// considered that Duffel lists as failed. If there are too many deliveries to read, such an event counts as
    /// undelivered: twice is better than never, and the ledger recognises it.
    #[must_use]
    pub fn bounded(&self, duffel: &Client, until: Instant) -> Found {
        let mut found = Found::default();
        let mut failed = Open::new();
        let end = read(duffel.events(&self.filter(Some(false))), until, usize::MAX, |event| {
            self.admit(event, &mut failed);
            true
        });
        found.error("events", end, true);
        // Reading the newest must leave time for the older ones.
        let half = Instant::now() + until.saturating_duration_since(Instant::now()) / 2;
        let mut recent = Open::new();
        // From then on, all events and their deliveries are known.
        let mut known = self.read_recent(duffel, half, &mut recent, &mut found);
        let broke_off =
            leave_out_recent_arrivals(duffel, half, [&mut failed, &mut recent], &mut known, &mut found);
        if known != Some(self.after) {
            let before = known.map_or_else(String::new, |known| {
                format!(" from before {}", humantime::format_rfc3339_seconds(known))
            });
            found
                .notes
                .push(format!("of the events{before} only those were found that Duffel lists as failed"));
        }
        recent.retain(|id, event| !failed.contains_key(id) && self.is_known(event, known));
        if !broke_off {
            self.leave_out_older_arrivals(duffel, until, &mut failed, known, &mut found);
        }
        found.events.extend(failed.into_values().chain(recent.into_values()));
        found
    }

    /// Reads the newest events, and returns the time from which they are complete.
    fn read_recent(
        &self,
        duffel: &Client,
        until: Instant,
        recent: &mut Open,
        found: &mut Found,
    ) -> Option<SystemTime> {
        let mut oldest = None::<SystemTime>;
        let end = read(duffel.events(&self.filter(None)), until, MAX_EVENTS, |event| {
            oldest = oldest.into_iter().chain(event.created_at).min();
            self.admit(event, recent);
            true
        });
        let known = if matches!(end, End::Whole) { Some(self.after) } else { oldest };
        found.error("events", end, false);
        known
    }

    /// Leaves out events from before `known` that were delivered after their first failure.
    ///
    /// A lost event arrives once deliveries work again, so among the first deliveries after it. Searching from its
    /// creation on avoids reading all deliveries since then in every run.
    fn leave_out_older_arrivals(
        &self,
        duffel: &Client,
        until: Instant,
        failed: &mut Open,
        known: Option<SystemTime>,
        found: &mut Found,
    ) {
        let mut older = failed.clone();
        older.retain(|_, event| !self.is_known(event, known));
        let (mut left, mut span, mut begin) = (MAX_DELIVERIES, FIRST_SPAN, self.after);
        while !older.is_empty() {
            begin = earliest(&older).map_or(begin, |earliest| begin.max(earliest));
            let last = known.unwrap_or_else(SystemTime::now);
            let before = begin.checked_add(span).filter(|end| *end < last);
            let end = read(duffel.deliveries(&successes(begin, before)), until, left, |delivery| {
                left -= 1;
                if let Some(id) = delivered(&delivery) {
                    older.remove(id);
                    failed.remove(id);
                }
                !older.is_empty()
            });
            if !matches!(end, End::Whole) {
                found.error("deliveries", end, false);
                found.notes.push(format!(
                    "{} of them may have arrived already, since not all successful deliveries were read",
                    older.len()
                ));
                return;
            }
            let Some(next) = before else { return };
            begin = next;
            span = span.saturating_mul(2);
        }
    }

    fn is_known(&self, event: &EventRecord, known: Option<SystemTime>) -> bool {
        known.is_some_and(|known| known <= self.after || event.created_at.is_some_and(|at| at >= known))
    }
}

impl Found {
    /// Adds the error that ended a list, unless it was the limit, or the deadline where that is allowed.
    fn error(&mut self, what: &str, end: End, must_be_in_time: bool) {
        self.errors.extend(match end {
            End::Failed(error) => Some(format!("the list of {what} broke off: {error}")),
            End::Late if must_be_in_time => {
                Some(format!("the list of {what} is too long for the time there is"))
            }
            End::Late | End::Bound | End::Whole => None,
        });
    }
}

/// Leaves out events that were delivered since `known`, and moves it forward if not all deliveries were read.
///
/// Returns whether the list failed.
fn leave_out_recent_arrivals(
    duffel: &Client,
    until: Instant,
    [failed, recent]: [&mut Open; 2],
    known: &mut Option<SystemTime>,
    found: &mut Found,
) -> bool {
    let Some(since) = known.filter(|_| !failed.is_empty() || !recent.is_empty()) else { return false };
    let first = if failed.keys().all(|id| recent.contains_key(id)) { earliest(recent) } else { None };
    let filter = successes(first.unwrap_or(since).max(since), None);
    let mut oldest = None::<SystemTime>;
    let end = read(duffel.deliveries(&filter), until, MAX_DELIVERIES, |delivery| {
        oldest = oldest.into_iter().chain(delivery.created_at).min();
        if let Some(id) = delivered(&delivery) {
            failed.remove(id);
            recent.remove(id);
        }
        !failed.is_empty() || !recent.is_empty()
    });
    if !matches!(end, End::Whole) {
        *known = oldest.and_then(|oldest| oldest.checked_add(CLOCK_SKEW)).map(|oldest| oldest.max(since));
    }
    let broke_off = matches!(end, End::Failed(_));
    found.error("deliveries", end, false);
    broke_off
}
