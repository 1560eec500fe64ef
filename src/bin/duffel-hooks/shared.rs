//! The parts that several commands share.

pub(crate) mod colour;
pub(crate) mod confirm;
#[cfg(feature = "operate")]
pub(crate) mod delivery_line;
pub(crate) mod diagnosis;
pub(crate) mod duffel;
#[cfg(feature = "operate")]
pub(crate) mod in_flight;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod local_client;
pub(crate) mod made_up;
pub(crate) mod offer;
pub(crate) mod output;
pub(crate) mod printout;
pub(crate) mod progress;
pub(crate) mod query;
pub(crate) mod samples;
pub(crate) mod signals;
#[cfg(feature = "operate")]
pub(crate) mod stack;
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

/// The result of a command that worked and found something that somebody must act on; the exit code is 6.
#[cfg(feature = "operate")]
#[derive(Debug)]
pub(crate) struct NeedsAction(pub(crate) String);

#[cfg(feature = "operate")]
impl fmt::Display for NeedsAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(feature = "operate")]
impl Error for NeedsAction {}
