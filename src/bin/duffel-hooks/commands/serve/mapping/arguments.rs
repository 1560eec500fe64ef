//! The options of `serve` for the consumer of its messages.

use std::time::Duration;

use clap::Args;

use crate::commands::send::endpoint::parse_url;

/// The longest visibility timeout of SQS.
const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// What SQS and Lambda are configured with.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) batch_size: usize,
    pub(super) visibility_timeout: Duration,
    pub(super) max_receives: u32,
}

#[derive(Args, Clone, Default)]
#[group(skip)]
#[command(next_help_heading = "Consumer")]
pub(crate) struct Arguments {
    /// Invokes a consumer with the messages, as Lambda's event source mapping does: posts events of SQS to this URL
    #[arg(long, value_name = "URL", value_parser = parse_url, conflicts_with = "forward")]
    pub(super) to: Option<String>,
    /// The consumer is this function of `cargo lambda watch` or `sam local start-lambda` at the URL: posts to
    /// URL/2015-03-31/functions/NAME/invocations
    #[arg(long, value_name = "NAME", requires = "to", value_parser = parse_function)]
    function: Option<String>,
    /// The most messages in a batch, 1 to 10 [default: 10]
    #[arg(long, value_name = "NUMBER", requires = "to", value_parser = clap::value_parser!(u8).range(1..=10))]
    batch_size: Option<u8>,
    /// How long the consumer has for a batch, and how long a message that failed is invisible [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "to", value_parser = parse_visibility)]
    visibility_timeout: Option<Duration>,
    /// How often a message is received before it becomes a dead letter [default: 5]
    #[arg(long, value_name = "NUMBER", requires = "to", value_parser = clap::value_parser!(u16).range(1..=1000))]
    max_receive_count: Option<u16>,
    /// The most batches at the same time, of different groups [default: 1]
    #[arg(long, value_name = "NUMBER", requires = "to", value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: Option<u16>,
}

impl Arguments {
    /// The URL to which events are posted.
    pub(super) fn url(&self) -> Option<String> {
        let to = self.to.as_deref()?;
        Some(match &self.function {
            None => to.to_owned(),
            Some(name) => format!("{}/2015-03-31/functions/{name}/invocations", to.trim_end_matches('/')),
        })
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            batch_size: self.batch_size.unwrap_or(10).into(),
            visibility_timeout: self.visibility_timeout.unwrap_or(Duration::from_secs(30)),
            max_receives: self.max_receive_count.unwrap_or(5).into(),
        }
    }

    pub(super) fn concurrency(&self) -> usize {
        self.concurrency.unwrap_or(1).into()
    }
}

fn parse_function(text: &str) -> Result<String, &'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_@$:".contains(c);
    if text.is_empty() || !text.chars().all(is_plain) {
        return Err("it is not the name of a function: letters, digits, - and _");
    }
    Ok(text.to_owned())
}

fn parse_visibility(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if timeout < Duration::from_secs(1) || timeout > MAX_VISIBILITY {
        return Err("it must be between 1s and 12h".to_owned());
    }
    Ok(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_function_is_added_to_the_url() {
        let url = |to: &str, function: Option<&str>| {
            let (to, function) = (Some(to.to_owned()), function.map(str::to_owned));
            Arguments { to, function, ..Arguments::default() }.url().unwrap()
        };
        assert_eq!(url("http://localhost:8080/events?a=b", None), "http://localhost:8080/events?a=b");
        let function = "http://localhost:9000/2015-03-31/functions/consumer/invocations";
        assert_eq!(url("http://localhost:9000", Some("consumer")), function);
        assert_eq!(url("http://localhost:9000/", Some("consumer")), function);
    }

    #[test]
    fn names_and_timeouts_are_checked() {
        assert!(parse_function("rust-lambda_2").is_ok());
        for name in ["", "a b", "a/b", "ä", "a?b"] {
            assert!(parse_function(name).is_err(), "{name}");
        }
        assert!(parse_visibility("1s").is_ok() && parse_visibility("12h").is_ok());
        for timeout in ["0s", "999ms", "12h 1s", "soon", "30"] {
            assert!(parse_visibility(timeout).is_err(), "{timeout}");
        }
    }
}
