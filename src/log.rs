//! Texts for the log, and its start: one JSON object in each line.

#[cfg(feature = "receiver")]
mod excerpt;
#[cfg(feature = "receiver")]
mod start;

use std::{error::Error, iter};

#[cfg(feature = "receiver")]
pub(crate) use self::excerpt::excerpt;
#[cfg(feature = "receiver")]
pub use self::{excerpt::MAX_EXCERPT, start::start};

/// Returns an error and its causes in one line, joined by colons.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
