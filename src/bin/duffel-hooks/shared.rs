//! The parts that several commands share.

pub(crate) mod diagnosis;
pub(crate) mod duffel;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod output;
pub(crate) mod printout;
pub(crate) mod progress;
pub(crate) mod samples;
#[cfg(feature = "operate")]
pub(crate) mod signals;
pub(crate) mod store;
#[cfg(feature = "operate")]
pub(crate) mod undelivered;
pub(crate) mod values;

use std::{error::Error, fmt};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A mistake in the command line that only the command itself can find; the exit code is 2.
#[derive(Debug)]
pub(crate) struct WrongUsage(pub(crate) String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for WrongUsage {}
