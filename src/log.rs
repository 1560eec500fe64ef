//! The log: one JSON object a line, on a writer of the caller's choice.

use std::{error::Error, iter, str::FromStr};

use tracing::Level;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Starts logging as Lambda's variables say: `AWS_LAMBDA_LOG_LEVEL`, and text only if `AWS_LAMBDA_LOG_FORMAT` asks.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html>
pub fn start<W>(variable: impl Fn(&str) -> Option<String>, writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let level = variable("AWS_LAMBDA_LOG_LEVEL")
        .and_then(|level| LevelFilter::from_str(&level.replace("FATAL", "ERROR")).ok())
        .unwrap_or(LevelFilter::INFO);
    // Below that the runtime and the SDK log whole payloads, and those belong in no log.
    let theirs = level.min(LevelFilter::from_level(Level::WARN));
    let targets = Targets::new().with_default(theirs).with_target(env!("CARGO_CRATE_NAME"), level);
    let targets = ["receiver", "reconciler", "duffel_hooks"]
        .into_iter()
        .fold(targets, |targets, binary| targets.with_target(binary, level));
    let lines = fmt::layer().with_writer(writer).with_target(false);
    let text = variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("text"));
    let lines = if text {
        lines.with_ansi(false).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}

/// An error and its causes in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
