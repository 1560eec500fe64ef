//! A run of the reconciler: finds the events that Duffel failed to deliver, and requests their redelivery.
//!
//! No state is kept between two runs. If an event is delivered twice, the ledger recognises it, as long as its
//! redelivery arrives within the window; see [`look_back`](crate::duffel::undelivered::look_back).

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

/// The minimum age of an event: Duffel itself retries recent failures.
pub const MIN_AGE: Duration = Duration::from_mins(30);

/// Stop after this many consecutive failures that are not specific to one event.
const MAX_STREAK: usize = 5;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum age of an event.
    ///
    /// A run does not know when the last one succeeded, since no state is kept. Looking back all the way costs 3
    /// requests per token if little happened, about 65 for
    /// [`MAX_EVENTS`](crate::duffel::undelivered::MAX_EVENTS) events, and few more beyond that, unless thousands
    /// failed.
    pub look_back: Duration,
    /// The maximum number of redeliveries to request.
    pub redeliveries: usize,
    /// The end of the run; no call to Duffel continues after it.
    pub deadline: Instant,
}

/// The result of a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The events that Duffel failed to deliver, and did not deliver later.
    pub found: usize,
    /// Those of them for which a redelivery was requested, and not refused.
    pub asked: usize,
    /// Those that Duffel or the endpoint refused, or for which the answer was lost.
    pub failed: usize,
    /// Those that were not requested: a limit was reached, or too many requests before them had failed.
    pub left: usize,
    /// What the run did not read because of its limits, and requests for events that may have arrived.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// The errors that kept the run from being complete.
    #[serde(skip)]
    pub errors: Vec<String>,
}

impl Report {
    /// Whether a redelivery was requested for every event that was found.
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

/// Requests redelivery of the undelivered events, with one client for each access token.
///
/// A failure of one event or token does not end the run.
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
        // The lists of one token must not use up the time of the others.
        let until = Instant::now() + lists_end.saturating_duration_since(Instant::now()) / share;
        share -= 1;
        let client = client.deadline(until);
        // All lists are read before the first request: a list that shrinks loses its cursors.
        let Found { events: undelivered, notes, errors } = find(&client, limits.look_back, now, until);
        events.extend(undelivered.into_iter().map(|event| (index, event.id)));
        report.notes.extend(notes.iter().map(|note| with_token_index(index, count, note)));
        report.errors.extend(errors.iter().map(|error| with_token_index(index, count, error)));
        listed.push(client.deadline(limits.deadline));
    }
    let clients = listed;
    report.found = events.len();
    // Events that always fail must not block the others, and no state is kept to recognise them: a random order gives
    // each event its turn.
    fastrand::shuffle(&mut events);
    let mut batches: Vec<_> = clients.iter().map(Batch::new).collect();
    for (index, id) in events {
        if report.asked + report.failed == limits.redeliveries {
            report.left += 1;
        } else {
            batches[index].redeliver(&id, &mut report);
        }
    }
    let errors = batches.into_iter().enumerate();
    report
        .errors
        .extend(errors.filter_map(|(index, batch)| Some(with_token_index(index, count, &batch.error?))));
    if report.left > 0 && report.asked + report.failed == limits.redeliveries {
        report.errors.push(format!("a run may request {} redeliveries", limits.redeliveries));
    }
    report
}

/// Finds the undelivered events of one token's webhook.
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

/// Adds the index of the token to an error or a note, if there are several tokens.
fn with_token_index(index: usize, count: usize, error: &str) -> String {
    if count > 1 { format!("token {} of {count}: {error}", index + 1) } else { error.to_owned() }
}

/// One token's redeliveries.
struct Batch<'a> {
    client: &'a Client,
    /// Consecutive failures that were not specific to one event.
    streak: usize,
    /// The first failure, or the one that ended the batch.
    error: Option<String>,
    is_over: bool,
}

impl<'a> Batch<'a> {
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
        let is_specific = error.is_endpoints_failure() || error.retryability() == Retryability::Permanent;
        self.streak = if is_specific { 0 } else { self.streak + 1 };
        self.is_over = concerns_all(&error) || self.streak == MAX_STREAK;
        if self.error.is_none() || self.is_over {
            let ended = if self.is_over { ", so no more were requested" } else { "" };
            self.error = Some(format!("{error}{ended}"));
        }
    }
}

/// Whether the request for another event would fail in the same way: no time, no permission, or the rate limit.
fn concerns_all(error: &ApiError) -> bool {
    matches!(error, ApiError::Deadline)
        || error.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403 | 429))
}
