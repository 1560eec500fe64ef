//! The output of `serve`: a line for each delivery on a terminal, the messages as JSON in a pipe.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use serde_json::Value;
use tokio::sync::mpsc;

use super::{Arguments, inspector::delivery::Summary, mapping::Report};
use crate::shared::{
    Result,
    colour::{Colour, Colours},
    printout::Printout,
};

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
                Shown::Delivery(summary, message) => (self.line(&summary, names_sources), message),
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

    fn line(self, summary: &Summary, names_source: bool) -> String {
        let Summary { received_at, status, outcome, source, event_type, event_id, method, path, .. } =
            summary;
        let time = received_at.get(11..19).unwrap_or_default();
        let colour = match status {
            200..=299 if summary.cause.is_some() => Colour::Yellow,
            202 => Colour::Green,
            200..=299 => Colour::Cyan,
            _ => Colour::Red,
        };
        let status = format!("{status} {outcome}");
        let status = self.colours.paint(&format!("{status:<16}"), colour);
        let source = source.as_deref().filter(|_| names_source);
        let target = format!("{method} {path}");
        let event = [source, event_type.as_deref(), event_id.as_deref()];
        let mut words: Vec<_> = event.into_iter().flatten().collect();
        if summary.source.is_none() {
            words.push(&target);
        }
        let is_plain = *outcome == "accepted" && summary.cause.is_none();
        let reason = Some(format!("({})", summary.reason)).filter(|_| !is_plain);
        words.extend(reason.as_deref());
        format!("{time}Z {status} {}", words.join(" ")).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::serve::{inspector::delivery::SentBy, mapping};

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

    #[test]
    fn a_line_says_why_a_delivery_was_refused() {
        let mut summary = Summary {
            number: 1,
            received_at: "2026-11-26T04:31:53.258Z".to_owned(),
            source: Some("duffel".to_owned()),
            method: "POST".to_owned(),
            path: "/webhooks/duffel".to_owned(),
            status: 202,
            outcome: "accepted",
            cause: None,
            event_id: Some("wev_1".to_owned()),
            event_type: Some("order.created".to_owned()),
            bytes: 2,
            duration_ms: 0.5,
            reason: "why".to_owned(),
            sent_by: SentBy::Client,
        };
        let show = Show { messages: false, lines: None, logs: false, colours: Colours::off() };
        assert_eq!(show.line(&summary, false), "04:31:53Z 202 accepted     order.created wev_1");
        let coloured = Show { colours: Colours::on(), ..show }.line(&summary, true);
        assert_eq!(coloured, "04:31:53Z \x1b[32m202 accepted    \x1b[0m duffel order.created wev_1");
        summary =
            Summary { status: 401, outcome: "unauthorized", event_id: None, event_type: None, ..summary };
        assert_eq!(show.line(&summary, false), "04:31:53Z 401 unauthorized (why)");
        summary = Summary { status: 404, outcome: "not_found", source: None, ..summary };
        assert_eq!(show.line(&summary, false), "04:31:53Z 404 not_found    POST /webhooks/duffel (why)");
    }
}
