//! The output of `serve`: a line for each delivery on a terminal, the messages as JSON in a pipe.

mod line;

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use serde_json::Value;
use tokio::sync::mpsc;

use self::line::line;
use super::{Arguments, inspector::delivery::Summary, mapping::Report};
use crate::shared::{Result, colour::Colours, printout::Printout};

/// Something to print.
pub(super) enum Shown {
    /// A delivery, with its message.
    Delivery(Box<Summary>, Option<Value>),
    /// What became of messages.
    Consumer(Report),
}

/// What goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Show {
    /// Whether the messages go to the standard output.
    pub(super) messages: bool,
    /// The stream that has a line for each delivery.
    lines: Option<Stream>,
    /// Whether the log has a line for each delivery.
    pub(super) logs: bool,
    colours: Colours,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Output,
    Error,
}

/// Which of the streams are terminals.
#[derive(Clone, Copy)]
struct Terminals {
    output: bool,
    error: bool,
}

impl Show {
    /// Decides by the options, and by what the standard streams are.
    pub(super) fn new(arguments: &Arguments) -> Self {
        let terminals = Terminals { output: io::stdout().is_terminal(), error: io::stderr().is_terminal() };
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let logs_anyway = is_set("AWS_LAMBDA_LOG_FORMAT");
        Self { colours: Colours::of_terminal(), ..Self::decide(arguments, terminals, logs_anyway) }
    }

    fn decide(arguments: &Arguments, terminals: Terminals, logs_anyway: bool) -> Self {
        let Arguments { json, verbose, forward, .. } = *arguments;
        let messages = json || verbose || !terminals.output && !forward;
        let logs = logs_anyway || !terminals.error;
        let lines = match terminals {
            Terminals { output: true, .. } if !json => Some(Stream::Output),
            Terminals { error: true, .. } if !logs => Some(Stream::Error),
            _ => None,
        };
        Self { messages, lines, logs, colours: Colours::off() }
    }

    /// Whether people read the standard error, so that the log is text.
    pub(super) fn is_for_people(self) -> bool {
        !self.logs
    }

    /// Prints each delivery, with the name of its source if there are several, and what the consumer made of messages.
    ///
    /// # Errors
    /// If the standard output is closed.
    pub(super) async fn all(
        self,
        mut events: mpsc::UnboundedReceiver<Shown>,
        names_sources: bool,
    ) -> Result<()> {
        let mut printout = Printout::default();
        while let Some(event) = events.recv().await {
            let (line, json) = match event {
                Shown::Delivery(summary, message) => (line(&summary, names_sources, self.colours), message),
                // A line says it on a terminal.
                Shown::Consumer(report) => {
                    let json = (self.lines != Some(Stream::Output)).then(|| report.json());
                    (report.line(self.colours), json)
                }
            };
            match self.lines {
                Some(Stream::Output) => printout.line(line),
                // If nobody reads it, the work goes on.
                Some(Stream::Error) => drop(writeln!(io::stderr(), "{line}")),
                None => {}
            }
            if let Some(json) = json.filter(|_| self.messages) {
                printout.line(format_args!("{json:#}"));
            }
            if printout.is_closed() {
                return Err("the standard output is closed: the last message is above".into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::serve::mapping;

    fn arguments(json: bool, verbose: bool, forward: bool) -> Arguments {
        Arguments { listen: String::new(), forward, verbose, json, mapping: mapping::Arguments::default() }
    }

    #[test]
    fn the_standard_output_has_messages_only_in_a_pipe_or_with_json() {
        for (options, output, error, messages, lines, logs) in [
            ((false, false, false), true, true, false, Some(Stream::Output), false),
            ((false, true, false), true, true, true, Some(Stream::Output), false),
            ((true, false, false), true, true, true, Some(Stream::Error), false),
            ((false, false, false), false, true, true, Some(Stream::Error), false),
            ((false, false, false), false, false, true, None, true),
            ((true, false, false), false, false, true, None, true),
            ((false, false, false), true, false, false, Some(Stream::Output), true),
            ((true, false, false), true, false, true, None, true),
            ((false, false, true), false, true, false, Some(Stream::Error), false),
            ((true, false, true), false, true, true, Some(Stream::Error), false),
        ] {
            let (json, verbose, forward) = options;
            let show = Show::decide(&arguments(json, verbose, forward), Terminals { output, error }, false);
            assert_eq!(
                (show.messages, show.lines, show.logs),
                (messages, lines, logs),
                "{options:?} {output} {error}"
            );
        }
        let logs =
            Show::decide(&arguments(false, false, false), Terminals { output: false, error: true }, true);
        assert_eq!((logs.lines, logs.logs), (None, true), "the log was asked for");
    }
}
