//! The printing of findings, each as soon as it is known, and their numbers at the end.

use std::io::{self, Write};

use serde_json::json;

use super::finding::{Finding, State};
use crate::shared::output::count;

/// The width of the names of most checks. Lines are printed before the longest name is known.
const WIDTH: usize = 14;

/// The numbers of findings by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: usize,
    warned: usize,
    failed: usize,
    not_made: usize,
}

impl Tally {
    pub(super) fn add(&mut self, finding: &Finding) {
        *match finding.state {
            State::Ok => &mut self.passed,
            State::Warn => &mut self.warned,
            State::Fail => &mut self.failed,
            State::Error => &mut self.not_made,
        } += 1;
    }

    /// What makes the command fail; `None` if nothing does.
    pub(super) fn failure(self) -> Option<String> {
        let parts = [
            (self.failed, format!("{} failed", count(self.failed, "check"))),
            (self.not_made, format!("{} could not be made", count(self.not_made, "check"))),
        ];
        let parts: Vec<_> =
            parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    fn text(self) -> String {
        let Self { passed, warned, failed, not_made } = self;
        if warned + failed + not_made == 0 {
            return format!("All {} passed.", count(passed, "check"));
        }
        let not_made = if not_made > 0 { format!(", {not_made} could not be made") } else { String::new() };
        format!("{passed} passed, {}, {failed} failed{not_made}.", count(warned, "warning"))
    }
}

/// Prints to the standard output of the command. No line is longer than `width`, except for a command.
pub(super) struct Printer<W> {
    pub(super) out: W,
    pub(super) json: bool,
    pub(super) width: Option<usize>,
}

impl<W: Write> Printer<W> {
    /// Prints a finding, with the time if it is one of several rounds.
    pub(super) fn finding(&mut self, finding: &Finding, at: Option<&str>) -> io::Result<()> {
        if self.json {
            let mut object = finding.json();
            if let Some(at) = at {
                object["at"] = at.into();
            }
            writeln!(self.out, "{object}")?;
            return self.out.flush();
        }
        let Finding { check, state, seen, fix, command } = finding;
        let at = at.map(|at| format!("{at}  ")).unwrap_or_default();
        let head = format!("{at}{:5} {check:WIDTH$}  ", state.word());
        self.wrapped(seen, &head)?;
        if let Some(fix) = fix {
            let colon = if command.is_some() { ":" } else { "" };
            self.wrapped(&format!("{fix}{colon}"), "      → ")?;
        }
        if let Some(command) = command {
            writeln!(self.out, "        {command}")?;
        }
        self.out.flush()
    }

    /// Prints the numbers of all findings.
    pub(super) fn summary(&mut self, tally: Tally) -> io::Result<()> {
        if self.json {
            let Tally { passed, warned, failed, not_made } = tally;
            let numbers =
                json!({ "passed": passed, "warned": warned, "failed": failed, "not_made": not_made });
            writeln!(self.out, "{}", json!({ "summary": numbers }))?;
        } else {
            self.wrapped(&tally.text(), "")?;
        }
        self.out.flush()
    }

    /// Writes words after a head. Further lines are indented by its width.
    fn wrapped(&mut self, text: &str, head: &str) -> io::Result<()> {
        let (out, width) = (&mut self.out, self.width);
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
        let mut printer = Printer { out: Vec::new(), json: false, width };
        let mut tally = Tally::default();
        for finding in findings {
            tally.add(&finding);
            printer.finding(&finding, None).unwrap();
        }
        printer.summary(tally).unwrap();
        String::from_utf8(printer.out).unwrap()
    }

    #[test]
    fn a_fix_and_its_command_have_lines_of_their_own() {
        let lines = "\
OK    stack           hooks is CREATE_COMPLETE
FAIL  webhook         end_1 is not active: Duffel delivers nothing
      → activate it:
        duffel-hooks webhooks update end_1 --active true
1 passed, 0 warnings, 1 failed.
";
        assert_eq!(printed(None), lines);
    }

    #[test]
    fn words_are_wrapped_and_commands_are_not() {
        let lines = "\
OK    stack           hooks is
                      CREATE_COMPLETE
FAIL  webhook         end_1 is not active:
                      Duffel delivers nothing
      → activate it:
        duffel-hooks webhooks update end_1 --active true
1 passed, 0 warnings, 1 failed.
";
        assert_eq!(printed(Some(45)), lines);
    }

    #[test]
    fn the_closing_line_names_what_could_not_be_made() {
        let mut tally = Tally { passed: 9, ..Tally::default() };
        assert_eq!((tally.text(), tally.failure()), ("All 9 checks passed.".to_owned(), None));
        tally.warned = 1;
        assert_eq!(tally.failure(), None);
        tally.not_made = 2;
        assert_eq!(tally.text(), "9 passed, 1 warning, 0 failed, 2 could not be made.");
        assert_eq!(tally.failure(), Some("2 checks could not be made".to_owned()));
    }
}
