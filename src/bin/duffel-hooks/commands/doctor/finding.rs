//! The findings of the doctor's checks, and their printing.

use std::{
    error::Error,
    io::{self, Write},
};

use duffel_webhook_receiver::log::chain;
use serde_json::{Value, json};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warn,
    Fail,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

#[derive(Debug)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) state: State,
    pub(super) seen: String,
    pub(super) fix: Option<String>,
    /// The command of the fix, ready to be pasted.
    pub(super) command: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, state: State::Ok, seen: seen.into(), fix: None, command: None }
    }

    pub(super) fn warn(check: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warn, fix: Some(fix.into()), ..Self::ok(check, seen) }
    }

    pub(super) fn fail(check: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Fail, fix: Some(fix.into()), ..Self::ok(check, seen) }
    }

    pub(super) fn with_command(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }

    /// A check that was not made, with the reason.
    pub(super) fn skipped(check: &'static str, reason: &str) -> Self {
        Self { state: State::Warn, ..Self::ok(check, format!("not checked: {reason}")) }
    }

    /// A check that could not be made, which is a finding too. The error says what to do.
    pub(super) fn unknown(check: &'static str, error: &(dyn Error + 'static)) -> Self {
        Self { state: State::Fail, ..Self::ok(check, chain(error)) }
    }

    pub(super) fn json(&self) -> Value {
        let Self { check, state, seen, fix, command } = self;
        json!({ "check": check, "state": state.word(), "seen": seen, "fix": fix, "command": command })
    }
}

/// Prints the findings. No line is longer than `width`, except for a command.
pub(super) fn print(findings: &[Finding], width: Option<usize>, out: &mut impl Write) -> io::Result<()> {
    let widest = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    for Finding { check, state, seen, fix, command } in findings {
        let head = format!("{:4}  {check:widest$}  ", state.word());
        write_wrapped(seen, &head, width, out)?;
        if let Some(fix) = fix {
            let colon = if command.is_some() { ":" } else { "" };
            write_wrapped(&format!("{fix}{colon}"), "      → ", width, out)?;
        }
        if let Some(command) = command {
            writeln!(out, "        {command}")?;
        }
    }
    Ok(())
}

/// Writes words after a head. Further lines are indented by its width.
fn write_wrapped(text: &str, head: &str, width: Option<usize>, out: &mut impl Write) -> io::Result<()> {
    let indent = head.chars().count();
    write!(out, "{head}")?;
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column == indent {
            column += length;
        } else if width.is_some_and(|width| column + 1 + length > width) {
            write!(out, "\n{:indent$}", "")?;
            column = indent + length;
        } else {
            write!(out, " ")?;
            column += 1 + length;
        }
        write!(out, "{word}")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(width: Option<usize>) -> String {
        let findings = [
            Finding::ok("stack", "hooks is CREATE_COMPLETE"),
            Finding::fail("webhook", "end_1 is not active: Duffel delivers nothing", "activate it")
                .with_command("duffel-hooks webhooks update end_1 --active true"),
        ];
        let mut out = Vec::new();
        print(&findings, width, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_fix_and_its_command_have_lines_of_their_own() {
        let lines = "\
OK    stack    hooks is CREATE_COMPLETE
FAIL  webhook  end_1 is not active: Duffel delivers nothing
      → activate it:
        duffel-hooks webhooks update end_1 --active true
";
        assert_eq!(printed(None), lines);
    }

    #[test]
    fn words_are_wrapped_and_commands_are_not() {
        let lines = "\
OK    stack    hooks is
               CREATE_COMPLETE
FAIL  webhook  end_1 is not
               active: Duffel
               delivers
               nothing
      → activate it:
        duffel-hooks webhooks update end_1 --active true
";
        assert_eq!(printed(Some(30)), lines);
    }
}
