//! Configuration errors, collected so that all of them are reported together.

use std::fmt;

use thiserror::Error;

const MAX_QUOTED_CHARS: usize = 100;

/// All errors of an environment, each with the name of its variable.
#[derive(Debug, Error, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is not valid: {}", self.0.join("; "))
    }
}

/// The mistakes found so far, each with the name of its variable or field.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(pub(super) Vec<String>);

impl Mistakes {
    /// Adds a mistake without the value: it is a secret, or may be one by mistake.
    pub(crate) fn add(&mut self, name: &str, what: impl fmt::Display) {
        self.0.push(format!("{name} {what}"));
    }

    /// Adds a mistake together with the value.
    pub(crate) fn add_value(&mut self, name: &str, value: &str, what: impl fmt::Display) {
        self.add(name, format_args!("{} {what}", quoted(value)));
    }
}

/// A value as it is quoted in a message: cut off if it is long.
pub(super) fn quoted(value: &str) -> String {
    match value.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    }
}
