//! The lines that a command prints about what it changes. A closed standard output must not stop the work.

use std::{
    fmt::Display,
    io::{self, Write},
};

use crate::shared::Result;

/// The standard output of a command that changes something.
///
/// What it does not take goes to the standard error, and the command goes on; [`Printout::finish`] says so.
#[derive(Default)]
pub(crate) struct Printout {
    failure: Option<io::Error>,
}

impl Printout {
    pub(crate) fn line(&mut self, line: impl Display) {
        self.line_to(line, &mut io::stdout(), &mut io::stderr());
    }

    fn line_to(&mut self, line: impl Display, out: &mut impl Write, errors: &mut impl Write) {
        if self.failure.is_none() {
            self.failure = writeln!(out, "{line}").and_then(|()| out.flush()).err();
        }
        if self.failure.is_some() {
            // There is no third place.
            let _ = writeln!(errors, "{line}");
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.failure.is_some()
    }

    /// Ends the command when its work is done.
    ///
    /// # Errors
    /// If the standard output did not take every line.
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

    /// Takes so many lines and is closed.
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
        assert!(!error.is::<io::Error>(), "main would take it for the end of a list");
    }

    #[test]
    fn a_printout_that_was_taken_is_a_success() {
        let mut printout = Printout::default();
        printout.line_to("one", &mut Vec::new(), &mut Vec::new());
        assert!(printout.finish().is_ok());
    }
}
