//! The standard output of a command that changes something. If it is closed, the work must go on.

use std::{
    fmt::Display,
    io::{self, Write},
};

use crate::shared::Result;

/// Lines for the standard output. If it is closed, they go to the standard error, and [`Printout::finish`] fails.
#[derive(Default)]
pub(crate) struct Printout {
    failure: Option<io::Error>,
}

impl Printout {
    /// Prints a line.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.line_to(line, &mut io::stdout(), &mut io::stderr());
    }

    /// Prints whole lines.
    #[cfg(feature = "operate")]
    pub(crate) fn text(&mut self, lines: &str) {
        lines.lines().for_each(|line| self.line(line));
    }

    fn line_to(&mut self, line: impl Display, out: &mut impl Write, errors: &mut impl Write) {
        if self.failure.is_none() {
            self.failure = writeln!(out, "{line}").and_then(|()| out.flush()).err();
        }
        if self.failure.is_some() {
            // If that is closed as well, there is nowhere to report it.
            let _ = writeln!(errors, "{line}");
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.failure.is_some()
    }

    /// Ends the command after its work is done.
    ///
    /// # Errors
    /// If a line could not be written to the standard output.
    pub(crate) fn finish(self) -> Result<()> {
        self.failure.map_or(Ok(()), |error| {
            Err(format!("the work is done, but not all of it could be printed ({error}): the rest is above")
                .into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that is closed after so many lines.
    struct Pipe(usize, Vec<u8>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1.split(|byte| *byte == b'\n').count() > self.0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_closed_pipe_does_not_take_go_to_standard_error() {
        let (mut out, mut errors) = (Pipe(1, Vec::new()), Vec::new());
        let mut printout = Printout::default();
        for line in ["one", "two", "three"] {
            printout.line_to(line, &mut out, &mut errors);
        }
        assert_eq!((&out.1[..], &errors[..]), (&b"one\n"[..], &b"two\nthree\n"[..]));
        let error = printout.finish().unwrap_err();
        assert!(error.to_string().contains("not all of it could be printed (broken pipe)"), "{error}");
        assert!(!error.is::<io::Error>(), "main would take it for a list that was cut off");
    }

    #[test]
    fn a_printout_without_a_failure_is_a_success() {
        let mut printout = Printout::default();
        printout.line_to("one", &mut Vec::new(), &mut Vec::new());
        assert!(printout.finish().is_ok());
    }
}
