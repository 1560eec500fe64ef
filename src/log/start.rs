//! The start of the log: its format and levels.

use std::{fmt::Result, str::FromStr};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{self, FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::excerpt::printable;

/// Starts logging as Lambda's variables say: at the level `AWS_LAMBDA_LOG_LEVEL` (default `INFO`), as JSON, or as text
/// if `AWS_LAMBDA_LOG_FORMAT` is `Text`.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html>
pub fn start<W>(variable: impl Fn(&str) -> Option<String>, writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let level = variable("AWS_LAMBDA_LOG_LEVEL")
        .and_then(|level| LevelFilter::from_str(&level.replace("FATAL", "ERROR")).ok())
        .unwrap_or(LevelFilter::INFO);
    // At lower levels the runtime and the SDK log whole payloads, which must not be in a log.
    let theirs = level.min(LevelFilter::from_level(Level::WARN));
    let targets = Targets::new().with_default(theirs).with_target(env!("CARGO_CRATE_NAME"), level);
    let targets = ["receiver", "reconciler", "duffel_hooks"]
        .into_iter()
        .fold(targets, |targets, binary| targets.with_target(binary, level));
    let lines = fmt::layer().with_writer(writer).with_target(false);
    let text = variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("text"));
    let lines = if text {
        lines.event_format(OneLine(fmt::format().with_ansi(false).with_target(false))).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}

/// A text format in which each log event is one line, whatever its texts contain.
struct OneLine<F>(F);

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> Result {
        let mut text = String::new();
        self.0.format_event(context, Writer::new(&mut text), event)?;
        writeln!(writer, "{}", printable(text.strip_suffix('\n').unwrap_or(&text)))
    }
}
