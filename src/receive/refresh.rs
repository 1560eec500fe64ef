//! The refresh of what is stored elsewhere: when it is stale, and when a delivery does not match it.

use std::{
    error::Error,
    pin::Pin,
    time::{Duration, SystemTime},
};

use tokio::sync::Mutex;

/// The age from which a value is stale. What was removed from the store stays in use for at most this long.
pub const MAX_AGE: Duration = Duration::from_mins(5);

/// The shortest time between two refreshes, however many deliveries do not match.
pub const MIN_INTERVAL: Duration = Duration::from_secs(30);

pub(super) type Fetched<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Fetch<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Fetched<T>> + Send>> + Send + Sync>;

/// The origin of a value, and the times of the last fetch.
pub(super) struct Refresh<T> {
    fetch: Fetch<T>,
    /// Locked during a fetch, so that all tasks that wait for a new value share one answer.
    last: Mutex<Last>,
}

struct Last {
    success: Option<SystemTime>,
    attempt: Option<SystemTime>,
}

impl<T> Refresh<T> {
    /// Refreshes with `fetch` a value that was fetched at `since`, or `None` if there is none yet.
    ///
    /// The first fetch counts for the age of the value, but not for the interval: a process that started just before a
    /// change fetches the new value at once.
    pub(super) fn new<F>(since: Option<SystemTime>, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Fetched<T>> + Send + 'static,
    {
        let last = Mutex::new(Last { success: since, attempt: None });
        Self { fetch: Box::new(move || Box::pin(fetch())), last }
    }

    /// Gives a new value to `apply` if the one in use is stale. Returns what `apply` returns, or `false`.
    pub(super) async fn if_stale(&self, now: SystemTime, apply: impl FnOnce(T) -> bool) -> Fetched<bool> {
        let mut last = self.last.lock().await;
        let is_stale = last.success.is_none_or(|success| has_passed(success, MAX_AGE, now));
        if is_stale { self.run(&mut last, now, apply).await } else { Ok(false) }
    }

    /// Gives a new value to `apply` because a delivery did not match the one in use.
    pub(super) async fn after_mismatch(
        &self,
        now: SystemTime,
        apply: impl FnOnce(T) -> bool,
    ) -> Fetched<bool> {
        self.run(&mut *self.last.lock().await, now, apply).await
    }

    async fn run(&self, last: &mut Last, now: SystemTime, apply: impl FnOnce(T) -> bool) -> Fetched<bool> {
        if last.attempt.is_some_and(|attempt| !has_passed(attempt, MIN_INTERVAL, now)) {
            return Ok(false);
        }
        last.attempt = Some(now);
        let fetched = (self.fetch)().await?;
        last.success = Some(now);
        Ok(apply(fetched))
    }
}

/// Returns `true` if the interval has elapsed.
///
/// If the clock was set back by more than the interval, it counts as elapsed. A task that waited for the lock may have
/// a `now` slightly before the last refresh.
fn has_passed(since: SystemTime, interval: Duration, now: SystemTime) -> bool {
    now.duration_since(since).unwrap_or_else(|back| back.duration()) >= interval
}
