//! The refresh of a source's keys: when they are stale, and when a signature matches none of them.

use std::{
    error::Error,
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use super::refresh::{Fetched, Refresh};
use crate::{
    log,
    signature::{Verifier, secret::Key},
};

/// The origin of a source's keys.
pub struct KeyRefresh {
    refresh: Refresh<Vec<Key>>,
    /// Whether the keys are all that are active.
    is_complete: AtomicBool,
}

impl KeyRefresh {
    /// Refreshes with `fetch` the keys that were fetched at `since`, or `None` if there are none yet. `are_all` is `false`
    /// if others are active as well; `fetch` returns all of them.
    pub fn new<F>(
        since: Option<SystemTime>,
        are_all: bool,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Vec<Key>, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        Self { refresh: Refresh::new(since, fetch), is_complete: AtomicBool::new(are_all) }
    }

    /// Refreshes the keys if they are stale. Returns `true` if there are new ones.
    pub(crate) async fn refresh_if_stale(&self, verifier: &Verifier, now: SystemTime) -> bool {
        Self::report(verifier, self.refresh.if_stale(now, |keys| self.set(verifier, keys)).await)
    }

    /// Refreshes the keys because none of them matched. Returns `true` if there are new ones.
    pub(crate) async fn refresh_after_mismatch(&self, verifier: &Verifier, now: SystemTime) -> bool {
        Self::report(verifier, self.refresh.after_mismatch(now, |keys| self.set(verifier, keys)).await)
    }

    /// Returns `true` if all active keys are known, so that a signature that matches none of them is not valid.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Relaxed)
    }

    fn set(&self, verifier: &Verifier, keys: Vec<Key>) -> bool {
        self.is_complete.store(true, Ordering::Relaxed);
        verifier.set_keys(keys)
    }

    fn report(verifier: &Verifier, refreshed: Fetched<bool>) -> bool {
        refreshed.unwrap_or_else(|error| {
            let reason = log::chain(error.as_ref());
            tracing::error!("source {}: the secrets were not refreshed: {reason}", verifier.source());
            false
        })
    }
}

impl fmt::Debug for KeyRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRefresh(..)")
    }
}
