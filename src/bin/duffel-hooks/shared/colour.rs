//! Colours of a terminal, where they are wanted.

use std::env;
#[cfg(feature = "operate")]
use std::io::{self, IsTerminal};

/// The colours of an output: on a terminal only, and not with `NO_COLOR` (<https://no-color.org>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colours {
    are_on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

impl Colours {
    #[cfg(feature = "operate")]
    pub(crate) fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::of_terminal() } else { Self::off() }
    }

    /// The colours of any terminal.
    pub(crate) fn of_terminal() -> Self {
        let is_set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let is_dumb = is_set("TERM").is_some_and(|term| term == "dumb");
        Self { are_on: is_set("NO_COLOR").is_none() && !is_dumb }
    }

    pub(crate) fn off() -> Self {
        Self { are_on: false }
    }

    #[cfg(test)]
    pub(crate) fn on() -> Self {
        Self { are_on: true }
    }

    pub(crate) fn paint(self, text: &str, colour: Colour) -> String {
        if self.are_on { format!("\x1b[{}m{text}\x1b[0m", colour as u8) } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_colours_is_unchanged() {
        assert_eq!(Colours::off().paint("202", Colour::Green), "202");
        assert_eq!(Colours::on().paint("202", Colour::Green), "\x1b[32m202\x1b[0m");
    }
}
