//! The progress of a long command, on the standard error.

use std::io::{self, IsTerminal, Write};

/// One line that is overwritten, on a terminal. In a file, a line for each change, or nothing.
pub(crate) struct Progress {
    shown: Option<String>,
    /// Whether changes are written to a file, too.
    in_files: bool,
    /// Whether an interruption ends the process, and nothing else remains to be done.
    ends_when_interrupted: bool,
}

impl Progress {
    /// The progress of reading a list.
    pub(crate) fn of_list() -> Self {
        Self { shown: None, in_files: false, ends_when_interrupted: true }
    }

    /// The progress of a part of a command, whose other parts an interruption must not skip.
    #[cfg(feature = "operate")]
    pub(crate) fn of_part() -> Self {
        Self { shown: None, in_files: false, ends_when_interrupted: false }
    }

    /// The progress of an operation that goes on without this process.
    #[cfg(feature = "operate")]
    pub(crate) fn of_operation() -> Self {
        Self { shown: None, in_files: true, ends_when_interrupted: false }
    }

    /// Shows a line in place of the last one, which must not be longer.
    pub(crate) fn show(&mut self, line: String) {
        let mut out = io::stderr();
        let is_terminal = out.is_terminal();
        if self.shown.as_ref() == Some(&line) || !is_terminal && !self.in_files {
            return;
        }
        if self.shown.is_none() && self.ends_when_interrupted {
            end_line_when_interrupted();
        }
        // If it cannot be written, nothing is lost: the result follows.
        let _ = if is_terminal {
            write!(out, "\r{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
        self.shown = Some(line);
    }

    /// Removes the line from a terminal.
    pub(crate) fn end(&mut self) {
        let mut out = io::stderr();
        if self.shown.take().is_some() && out.is_terminal() {
            let _ = write!(out, "\r\x1b[K");
        }
    }
}

/// Lets the shell's prompt begin on a line of its own after Ctrl-C.
fn end_line_when_interrupted() {
    // If it cannot be arranged, the prompt follows on the same line.
    let _ = super::signals::on_first(|signal| {
        let _ = writeln!(io::stderr());
        std::process::exit(signal.exit_code());
    });
}
