//! Filters: the types and modes of events that are forwarded, as configured.

use wildmatch::WildMatchPattern;

use crate::{
    event::Event,
    json::pointer::{self, JsonError},
    signature::scheme::FieldLocation,
};

/// The wanted modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Any,
    Live,
    Test,
}

/// The wanted types and modes; events of others are ignored.
#[derive(Clone, Debug)]
pub struct Filter {
    types: Vec<WildMatchPattern<'*', '\0'>>,
    mode: Mode,
}

/// The decision of a filter about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Wanted,
    /// The event's type or mode is known, and not wanted.
    Unwanted,
    /// The event does not state its type or mode, for this reason, so the filter cannot exclude it.
    Undecided(String),
}

impl Filter {
    /// Makes a filter of type patterns with the wildcard `*`, and a mode.
    pub fn new<'a>(types: impl IntoIterator<Item = &'a str>, mode: Mode) -> Self {
        Self { types: types.into_iter().map(WildMatchPattern::new).collect(), mode }
    }

    /// Decides about an event. A type or mode that it states must be wanted; one that it does not state excludes
    /// nothing.
    #[must_use]
    pub fn decide(&self, event: &Event) -> Decision {
        let has_type = self.types.iter().any(|pattern| pattern.matches(event.kind().unwrap_or_default()));
        let has_mode = match self.mode {
            Mode::Any => true,
            Mode::Live => event.live_mode() == Some(true),
            Mode::Test => event.live_mode() == Some(false),
        };
        let is_unwanted = !has_type && event.kind().is_some() || !has_mode && event.live_mode().is_some();
        if is_unwanted {
            return Decision::Unwanted;
        }
        let mut reasons = Vec::new();
        if !has_type {
            let reason = absence(event, &event.scheme().kind);
            reasons.push(format!("the filter of types was not applied: {reason}"));
        }
        if !has_mode {
            let reason = absence(event, &event.scheme().live_mode);
            reasons.push(format!("the filter of modes was not applied: {reason}"));
        }
        if reasons.is_empty() { Decision::Wanted } else { Decision::Undecided(reasons.join("; ")) }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::new(["*"], Mode::Any)
    }
}

/// Returns the reason why there is no value at the location that the scheme names.
fn absence(event: &Event, location: &FieldLocation) -> String {
    let FieldLocation::Body(pointer) = location else { return "no header has it".to_owned() };
    match pointer::read(event.body(), [Some(pointer)]) {
        Err(JsonError::NotJson) => "the body is not JSON".to_owned(),
        Ok([None]) => format!("there is nothing at {pointer}"),
        Ok([Some(_)]) | Err(JsonError::DuplicateKey) => format!("there is no valid value at {pointer}"),
    }
}
