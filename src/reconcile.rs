//! Which events did Duffel fail to deliver, and will it try again? It is asked to, through the door they all come by.
//!
//! Nothing is kept between two runs. An event that is delivered twice all the same is one the ledger has seen, as
//! long as it is asked for before the ledger forgets; see [`look_back`](crate::duffel::undelivered::look_back).

mod settings;

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

use serde::Serialize;

pub use self::settings::{MAX_LOOK_BACK, Settings, VARIABLES};
use crate::duffel::{
    ApiError, Client, Retryability,
    undelivered::{Found, Search, Wanted},
};

/// How old an event must be: what has just failed, Duffel tries again by itself.
pub const MIN_AGE: Duration = Duration::from_mins(30);

/// So many failures in a row that are not the event's own mean that those after them would fail as well.
const MAX_STREAK: usize = 5;

/// How far a run may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How old an event may be.
    ///
    /// A run cannot know when the last one succeeded, since nothing is kept. To look back all the way each time costs
    /// 3 requests a token where little happened, some 65 for
    /// [`MAX_EVENTS`](crate::duffel::undelivered::MAX_EVENTS) events, and not many more
    /// beyond that, unless thousands failed.
    pub look_back: Duration,
    /// The most redeliveries to ask for.
    pub redeliveries: usize,
    /// When the run must be over; no call to Duffel goes past it.
    pub deadline: Instant,
}

/// What a run has come to.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The events that Duffel failed to deliver, and did not deliver later.
    pub found: usize,
    /// Those of them that Duffel was asked to deliver again, and did not refuse.
    pub asked: usize,
    /// Those that Duffel, or the endpoint, refused, or where the answer was lost.
    pub failed: usize,
    /// Those that were not asked for: a bound was met, or the failures before them left no hope.
    pub left: usize,
    /// What the run did not look at, on purpose, and what it asked for though it may have arrived.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Whatever kept the run from doing all there was to do.
    #[serde(skip)]
    pub errors: Vec<String>,
}

impl Report {
    /// Whether Duffel was asked for every event that there was.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.errors.is_empty() && self.asked == self.found
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, asked, failed, left, .. } = self;
        write!(f, "{found} undelivered events found: {asked} asked for, {failed} failed, {left} left")?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

/// Asks Duffel to deliver again what it failed to deliver; one client for each access token.
///
/// Whatever fails, the rest is still done.
#[must_use]
pub fn reconcile(clients: Vec<Client>, limits: Limits, now: SystemTime) -> Report {
    let mut report = Report::default();
    // Half the time is for redeliveries, however long the lists.
    let time = limits.deadline.saturating_duration_since(Instant::now());
    let lists_end = limits.deadline.checked_sub(time / 2).unwrap_or(limits.deadline);
    let mut events = Vec::new();
    let mut listed = Vec::new();
    let count = clients.len();
    let mut share = u32::try_from(clients.len()).unwrap_or(u32::MAX);
    for (index, client) in clients.into_iter().enumerate() {
        // One token's lists must not take the time of another's.
        let until = Instant::now() + lists_end.saturating_duration_since(Instant::now()) / share;
        share -= 1;
        let client = client.deadline(until);
        // All of them before the first is asked for: a list that shrinks loses its cursors.
        let Found { events: undelivered, notes, errors } = find(&client, limits.look_back, now, until);
        events.extend(undelivered.into_iter().map(|event| (index, event.id)));
        report.notes.extend(notes.iter().map(|note| told(index, count, note)));
        report.errors.extend(errors.iter().map(|error| told(index, count, error)));
        listed.push(client.deadline(limits.deadline));
    }
    let clients = listed;
    report.found = events.len();
    // Those that fail for ever must not stand in the way of the others, and nothing is kept that could tell them apart:
    // by chance everyone's turn comes.
    fastrand::shuffle(&mut events);
    let mut turns: Vec<_> = clients.iter().map(Turn::new).collect();
    for (index, id) in events {
        if report.asked + report.failed == limits.redeliveries {
            report.left += 1;
        } else {
            turns[index].redeliver(&id, &mut report);
        }
    }
    let errors = turns.into_iter().enumerate();
    report.errors.extend(errors.filter_map(|(index, turn)| Some(told(index, count, &turn.error?))));
    if report.left > 0 && report.asked + report.failed == limits.redeliveries {
        report.errors.push(format!("a run may ask for {} events", limits.redeliveries));
    }
    report
}

/// What one token's webhook wants and did not get.
fn find(client: &Client, look_back: Duration, now: SystemTime, until: Instant) -> Found {
    let webhooks: Vec<_> = match client.webhooks().collect() {
        Ok(webhooks) => webhooks,
        Err(error) => {
            let error = format!("the list of webhooks broke off: {error}");
            return Found { errors: vec![error], ..Found::default() };
        }
    };
    let Some(wanted) = Wanted::by(&webhooks) else {
        let note = "nothing was looked for, since there is no active webhook".to_owned();
        return Found { notes: vec![note], ..Found::default() };
    };
    let after = now.checked_sub(look_back).unwrap_or(SystemTime::UNIX_EPOCH);
    Search { wanted, after, before: now.checked_sub(MIN_AGE) }.bounded(client, until)
}

/// An error or a note with its token's place in the list, where there are several.
fn told(index: usize, count: usize, error: &str) -> String {
    if count > 1 { format!("token {} of {count}: {error}", index + 1) } else { error.to_owned() }
}

/// One token's redeliveries.
struct Turn<'a> {
    client: &'a Client,
    /// Failures in a row that were not the event's own.
    streak: usize,
    /// The first failure, or the one that ended the turn.
    error: Option<String>,
    is_over: bool,
}

impl<'a> Turn<'a> {
    fn new(client: &'a Client) -> Self {
        Self { client, streak: 0, error: None, is_over: false }
    }

    fn redeliver(&mut self, id: &str, report: &mut Report) {
        if self.is_over {
            report.left += 1;
            return;
        }
        let error = match self.client.redeliver(id) {
            Ok(()) => {
                self.streak = 0;
                report.asked += 1;
                return;
            }
            Err(error) => error,
        };
        if matches!(error, ApiError::Deadline) {
            report.left += 1;
        } else {
            tracing::warn!(event.id = id, error = %error, "{id} was not delivered again");
            report.failed += 1;
        }
        let is_its_own = error.is_endpoints_failure() || error.retryability() == Retryability::Permanent;
        self.streak = if is_its_own { 0 } else { self.streak + 1 };
        self.is_over = concerns_all(&error) || self.streak == MAX_STREAK;
        if self.error.is_none() || self.is_over {
            let ended = if self.is_over { ", after which no more was asked for" } else { "" };
            self.error = Some(format!("{error}{ended}"));
        }
    }
}

/// Whether asking for another event would end the same way: no time, no right, or too often already.
fn concerns_all(error: &ApiError) -> bool {
    matches!(error, ApiError::Deadline)
        || error.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403 | 429))
}
