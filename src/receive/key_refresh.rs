//! Are these still the secrets? Fetched anew when they have aged, and when a signature matches none of them.

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

/// How long secrets are used unasked; a secret that was taken away is out of use after that.
pub const MAX_AGE: Duration = Duration::from_mins(5);

/// The shortest time between two renewals, however many signatures match nothing.
pub const MIN_INTERVAL: Duration = Duration::from_secs(30);

type Fetched = Result<Vec<Key>, Box<dyn Error + Send + Sync>>;
type Fetch = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Fetched> + Send>> + Send + Sync>;

/// Where a source's keys come from, and when they were last asked for.
pub struct KeyRefresh {
    fetch: Fetch,
    /// Held while fetching, so that all who wait for new keys share one answer.
    last: Mutex<Last>,
}

struct Last {
    success: Option<SystemTime>,
    attempt: Option<SystemTime>,
}

impl KeyRefresh {
    /// Renews through `fetch` the keys that were had at `since`, or `None` if there are none yet.
    ///
    /// That first fetch counts for their age, but not for the interval: a process that started a moment before a
    /// rotation learns of it at once.
    pub fn new<F>(since: Option<SystemTime>, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Fetched> + Send + 'static,
    {
        let last = Mutex::new(Last { success: since, attempt: None });
        Self { fetch: Box::new(move || Box::pin(fetch())), last }
    }

    /// Renews the keys if they have aged. Returns whether this brought new ones.
    pub(crate) async fn refresh_if_stale(&self, verifier: &Verifier, now: SystemTime) -> bool {
        let mut last = self.last.lock().await;
        let aged = last.success.is_none_or(|success| has_passed(success, MAX_AGE, now));
        aged && self.run(verifier, &mut last, now).await
    }

    /// Renews the keys because none of them would do. Returns whether this brought new ones.
    pub(crate) async fn refresh_after_mismatch(&self, verifier: &Verifier, now: SystemTime) -> bool {
        self.run(verifier, &mut *self.last.lock().await, now).await
    }

    async fn run(&self, verifier: &Verifier, last: &mut Last, now: SystemTime) -> bool {
        if last.attempt.is_some_and(|attempt| !has_passed(attempt, MIN_INTERVAL, now)) {
            return false;
        }
        last.attempt = Some(now);
        match (self.fetch)().await {
            Ok(keys) => {
                last.success = Some(now);
                verifier.set_keys(keys)
            }
            Err(error) => {
                let reason = log::chain(error.as_ref());
                tracing::error!("source {}: the secrets were not renewed: {reason}", verifier.source());
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

/// A clock that was set back by more than that tells nothing, so the time counts as passed; one that waited for another's
/// key_refresh is from a little before it.
fn has_passed(since: SystemTime, time: Duration, now: SystemTime) -> bool {
    now.duration_since(since).unwrap_or_else(|back| back.duration()) >= time
}
