//! Is it wanted? By type and by mode, as the operator configured.

use wildmatch::WildMatchPattern;

use crate::event::Event;

/// Which modes are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Any,
    Live,
    Test,
}

/// The types and modes that are forwarded; all others are ignored.
#[derive(Clone, Debug)]
pub struct Filter {
    types: Vec<WildMatchPattern<'*', '\0'>>,
    mode: Mode,
}

impl Filter {
    /// Takes type patterns in which `*` stands for anything.
    pub fn new<'a>(types: impl IntoIterator<Item = &'a str>, mode: Mode) -> Self {
        Self { types: types.into_iter().map(WildMatchPattern::new).collect(), mode }
    }

    /// Whether the event is wanted. One that does not tell its mode is neither live nor test.
    #[must_use]
    pub fn admits(&self, event: &Event) -> bool {
        let mode = match self.mode {
            Mode::Any => true,
            Mode::Live => event.live_mode() == Some(true),
            Mode::Test => event.live_mode() == Some(false),
        };
        mode && self.types.iter().any(|pattern| pattern.matches(event.kind().unwrap_or_default()))
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::new(["*"], Mode::Any)
    }
}
