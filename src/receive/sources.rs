//! The sources of a receiver, which are found by their names, and their refresh if they are stored elsewhere.

use std::{
    error::Error,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use super::{
    Source,
    refresh::{Fetched, Refresh},
};
use crate::log;

/// The sources of a receiver.
pub struct Sources {
    /// In the order of their names; `None` until they could be read.
    known: RwLock<Option<Arc<[Arc<Source>]>>>,
    refresh: Option<Refresh<Option<Vec<Arc<Source>>>>>,
}

impl Sources {
    /// Makes sources that are stored elsewhere. `known` were fetched at `since`; both are `None` if they could not be read
    /// yet. `fetch` returns all sources, or `None` if they have not changed.
    pub fn stored<F>(
        known: Option<Vec<Arc<Source>>>,
        since: Option<SystemTime>,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<Vec<Arc<Source>>>, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let known = RwLock::new(known.map(in_order));
        Self { known, refresh: Some(Refresh::new(since, fetch)) }
    }

    /// Finds the source of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Source>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_deref()?;
        let index = known.binary_search_by(|source| source.name().cmp(name)).ok()?;
        Some(Arc::clone(&known[index]))
    }

    /// Returns all sources; none if they could not be read yet.
    #[must_use]
    pub fn all(&self) -> Arc<[Arc<Source>]> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Returns `false` as long as the sources could not be read, so that nobody knows which there are.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns `true` if the sources are stored elsewhere, so that a refresh may change them.
    #[must_use]
    pub fn are_stored(&self) -> bool {
        self.refresh.is_some()
    }

    /// Refreshes the sources if they are stale.
    pub async fn refresh_if_stale(&self, now: SystemTime) {
        if let Some(refresh) = &self.refresh {
            report(refresh.if_stale(now, |sources| self.set(sources)).await);
        }
    }

    /// Refreshes the sources because none has the name of a delivery, or its source has no key that matches.
    pub async fn refresh_after_mismatch(&self, now: SystemTime) {
        if let Some(refresh) = &self.refresh {
            report(refresh.after_mismatch(now, |sources| self.set(sources)).await);
        }
    }

    fn set(&self, sources: Option<Vec<Arc<Source>>>) -> bool {
        let Some(sources) = sources else { return false };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(in_order(sources));
        true
    }
}

fn in_order(mut sources: Vec<Arc<Source>>) -> Arc<[Arc<Source>]> {
    sources.sort_by(|one, other| one.name().cmp(other.name()));
    sources.into()
}

fn report(refreshed: Fetched<bool>) {
    if let Err(error) = refreshed {
        let reason = log::chain(error.as_ref());
        tracing::error!("the sources were not refreshed, and those before stay active: {reason}");
    }
}

/// Sources that do not change.
impl FromIterator<Source> for Sources {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        let sources = sources.into_iter().map(Arc::new).collect();
        Self { known: RwLock::new(Some(in_order(sources))), refresh: None }
    }
}

impl From<Vec<Source>> for Sources {
    fn from(sources: Vec<Source>) -> Self {
        Self::from_iter(sources)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().iter()).finish()
    }
}
