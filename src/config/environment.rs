//! Environment variables, and the mistakes that reading them finds.

use std::time::Duration;

use super::error::{ConfigError, Mistakes};

const MAX_WINDOW: Duration = Duration::from_hours(10 * 365 * 24);

/// A reader of environment variables.
pub(crate) struct Environment<F> {
    variable: F,
    pub(crate) mistakes: Mistakes,
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    pub(crate) fn new(variable: F) -> Self {
        Self { variable, mistakes: Mistakes::default() }
    }

    /// The value of a variable without white space around it; a blank one counts as unset.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.get_raw(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value of a variable as it is, even if it is blank.
    pub(super) fn get_raw(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        let value = self.get(name)?;
        parse_duration(&value).map_err(|what| self.mistakes.add_value(name, &value, what)).ok()
    }

    /// Returns what was read, if there was no mistake in it.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, ConfigError> {
        if self.mistakes.0.is_empty() { Ok(read) } else { Err(ConfigError(self.mistakes.0)) }
    }
}

/// Parses a duration such as `7d`; the error says what is wrong with it.
pub(super) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = humantime::parse_duration(text).ok();
    duration
        .filter(|duration| (1..=MAX_WINDOW.as_secs()).contains(&duration.as_secs()))
        .ok_or("is not a duration of at least a second, such as 7d, 36h or 90m")
}
