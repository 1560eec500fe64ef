//! The refresh of a source's keys: when they are stale, and when a signature matches none of them.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    time::{Duration, SystemTime},
};

use tokio::sync::Mutex;

use crate::{
    log,
    signature::{Verifier, secret::Key},
};

/// The age from which keys are stale. A secret that was removed from the store stays in use for at most this long.
pub const MAX_AGE: Duration = Duration::from_mins(5);

/// The shortest time between two refreshes, however many signatures match no key.
pub const MIN_INTERVAL: Duration = Duration::from_secs(30);

type Fetched = Result<Vec<Key>, Box<dyn Error + Send + Sync>>;
type Fetch = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Fetched> + Send>> + Send + Sync>;

/// The origin of a source's keys, and the times of the last fetch.
pub struct KeyRefresh {
    fetch: Fetch,
    /// Locked during a fetch, so that all tasks that wait for new keys share one answer.
    last: Mutex<Last>,
}

struct Last {
    success: Option<SystemTime>,
    attempt: Option<SystemTime>,
    /// Whether the keys are all that are active.
    is_complete: bool,
}

impl KeyRefresh {
    /// Refreshes with `fetch` the keys that were fetched at `since`, or `None` if there are none yet. `are_all` is `false`
    /// if others are active as well; `fetch` returns all of them.
    ///
    /// The first fetch counts for the age of the keys, but not for the interval: a process that started just before a
    /// rotation fetches the new keys at once.
    pub fn new<F>(
        since: Option<SystemTime>,
        are_all: bool,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Fetched> + Send + 'static,
    {
        let last = Mutex::new(Last { success: since, attempt: None, is_complete: are_all });
        Self { fetch: Box::new(move || Box::pin(fetch())), last }
    }

    /// Refreshes the keys if they are stale. Returns `true` if there are new ones.
    pub(crate) async fn refresh_if_stale(&self, verifier: &Verifier, now: SystemTime) -> bool {
        let mut last = self.last.lock().await;
        let is_stale = last.success.is_none_or(|success| has_passed(success, MAX_AGE, now));
        is_stale && self.run(verifier, &mut last, now).await
    }

    /// Refreshes the keys because none of them matched. Returns `true` if there are new ones.
    pub(crate) async fn refresh_after_mismatch(&self, verifier: &Verifier, now: SystemTime) -> bool {
        self.run(verifier, &mut *self.last.lock().await, now).await
    }

    /// Returns `true` if all active keys are known, so that a signature that matches none of them is not valid.
    pub(crate) async fn is_complete(&self) -> bool {
        self.last.lock().await.is_complete
    }

    async fn run(&self, verifier: &Verifier, last: &mut Last, now: SystemTime) -> bool {
        if last.attempt.is_some_and(|attempt| !has_passed(attempt, MIN_INTERVAL, now)) {
            return false;
        }
        last.attempt = Some(now);
        match (self.fetch)().await {
            Ok(keys) => {
                last.success = Some(now);
                last.is_complete = true;
                verifier.set_keys(keys)
            }
            Err(error) => {
                let reason = log::chain(error.as_ref());
                tracing::error!("source {}: the secrets were not refreshed: {reason}", verifier.source());
                false
            }
        }
    }
}

impl fmt::Debug for KeyRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRefresh(..)")
    }
}

/// Returns `true` if the interval has elapsed.
///
/// If the clock was set back by more than the interval, it counts as elapsed. A task that waited for the lock may have
/// a `now` slightly before the last refresh.
fn has_passed(since: SystemTime, interval: Duration, now: SystemTime) -> bool {
    now.duration_since(since).unwrap_or_else(|back| back.duration()) >= interval
}
