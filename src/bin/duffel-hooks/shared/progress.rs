//! The progress of a long command, on the standard error.

use std::io::{self, IsTerminal, Write};
#[cfg(feature = "operate")]
use std::time::{Duration, Instant};

#[cfg(feature = "operate")]
use super::output::duration;
use super::output::set_progress;

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

    /// Shows a line in place of the last one.
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
            // In one write, so that the echo of Ctrl-C does not come between.
            out.write_all(format!("\r{line}\x1b[K").as_bytes()).and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
        set_progress(is_terminal);
        self.shown = Some(line);
    }

    /// Removes the line from a terminal.
    pub(crate) fn end(&mut self) {
        let mut out = io::stderr();
        if self.shown.take().is_some() && out.is_terminal() {
            let _ = write!(out, "\r\x1b[K");
            set_progress(false);
        }
    }
}

/// The progress of a known number of steps, with the time that is left.
#[cfg(feature = "operate")]
pub(crate) struct Steps {
    progress: Progress,
    all: usize,
    done: &'static str,
    began: Instant,
}

#[cfg(feature = "operate")]
impl Steps {
    /// `done` is the word for a step that is done.
    pub(crate) fn new(all: usize, done: &'static str) -> Self {
        Self { progress: Progress::of_part(), all, done, began: Instant::now() }
    }

    /// Shows how many steps are done.
    pub(crate) fn show(&mut self, number: usize) {
        let left = time_left(number, self.all, self.began.elapsed());
        let left = left.map(|left| format!(", about {} left", duration(left))).unwrap_or_default();
        self.progress.show(format!("{number} of {} {}{left}", self.all, self.done));
    }

    /// Removes the line from a terminal.
    pub(crate) fn end(&mut self) {
        self.progress.end();
    }
}

/// The time for the rest at the pace so far; `None` if it is too early to say.
#[cfg(feature = "operate")]
fn time_left(done: usize, all: usize, elapsed: Duration) -> Option<Duration> {
    let rest = u32::try_from(all.checked_sub(done)?).ok().filter(|rest| *rest > 0)?;
    let done = u32::try_from(done).ok().filter(|done| *done > 0)?;
    let left = elapsed.checked_mul(rest)? / done;
    (elapsed >= Duration::from_secs(2)).then(|| Duration::from_secs(left.as_secs() + 1))
}

/// Lets the shell's prompt begin on a line of its own after Ctrl-C.
fn end_line_when_interrupted() {
    // If it cannot be arranged, the prompt follows on the same line.
    let _ = super::signals::on_first(|signal| {
        let _ = writeln!(io::stderr());
        std::process::exit(signal.exit_code());
    });
}

#[cfg(all(test, feature = "operate"))]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_pace_so_far() {
        let seconds = Duration::from_secs;
        assert_eq!(time_left(60, 180, seconds(60)), Some(seconds(121)));
        assert_eq!(time_left(1, 9, seconds(1)), None, "too early");
        assert_eq!(time_left(0, 9, seconds(9)), None, "no pace yet");
        assert_eq!(time_left(9, 9, seconds(9)), None, "nothing left");
    }
}
