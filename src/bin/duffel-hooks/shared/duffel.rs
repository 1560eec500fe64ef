//! What the commands that talk to Duffel share: the way there, filters, lists.

mod values;

use std::{
    env,
    io::{self, Write},
    time::{Duration, SystemTime},
};

use clap::Args;
use duffel_webhook_receiver::duffel::{AccessToken, ApiError, Client, DEFAULT_URL, Retryability};
use serde_json::Value;
use thiserror::Error;

use self::values::parse_kind;
pub(crate) use self::values::{parse_since, parse_type, parse_until};
use crate::shared::{
    Result,
    output::{Progress, Table},
};

/// For the end of a help text.
pub(crate) const ENVIRONMENT: &str = "\
Environment:
  DUFFEL_ACCESS_TOKEN  The access token, from Duffel's dashboard. It sees its own mode only: a
                       duffel_test_… token test webhooks and events, a duffel_live_… token live ones
  DUFFEL_API_URL       Another address than https://api.duffel.com

Exit codes:
  0  Done
  1  Failed: not set up, or an answer that makes no sense
  2  The command line is wrong
  3  Duffel refused it: it has to be asked otherwise
  4  Duffel is out of reach, out of order or busy: it may work later
  5  Duffel did its part, and the webhook's endpoint did not accept the delivery";

/// The end of a command's help: examples, and where the rest is told.
macro_rules! help {
    ($group:literal $(, $examples:literal)*) => {
        concat!(
            $("Examples:\n", $examples, "\n\n",)*
            "DUFFEL_ACCESS_TOKEN holds the access token. More of the environment, and the exit codes:\n  \
             duffel-hooks ", $group, " --help"
        )
    };
}
pub(crate) use help;

/// Duffel's API as the environment tells; waits are told on the standard error.
pub(crate) fn client() -> Result<Client> {
    let token = env::var("DUFFEL_ACCESS_TOKEN").map_err(|_| {
        "DUFFEL_ACCESS_TOKEN is not set: make an access token in Duffel's dashboard, under \
         Developers, and export it; those for tests begin with duffel_test_"
    })?;
    let token = AccessToken::new(&token).map_err(|error| format!("DUFFEL_ACCESS_TOKEN: {error}"))?;
    let url = env::var("DUFFEL_API_URL").ok().filter(|url| !url.trim().is_empty());
    let client = Client::new(url.as_deref().unwrap_or(DEFAULT_URL).trim(), token);
    let client = client.map_err(|error| format!("DUFFEL_API_URL: {error}"))?;
    Ok(client.on_wait(|error, wait| {
        // Rounded up, as zero seconds are no wait.
        let seconds = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        tell(&format!("duffel-hooks: {error}: trying again in {}", duration(seconds)));
    }))
}

/// Prints a line for whoever watches. If nobody does any more, the work goes on.
pub(crate) fn tell(line: &str) {
    // Not eprintln!, which panics when the terminal is gone.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A duration to the second, the same way everywhere: `72 h`, `1 h 30 min`, `9 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<_> = parts.into_iter().filter(|(number, _)| *number > 0).collect();
    let parts: Vec<_> = parts.iter().map(|(number, unit)| format!("{number} {unit}")).collect();
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// A number of things, such as `1 event` or `2 events`.
#[cfg(feature = "operate")]
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Failures that were reported one by one; the exit code is that of the first.
#[derive(Debug, Error)]
#[error("{summary}")]
pub(crate) struct Reported {
    pub(crate) summary: String,
    pub(crate) first: ApiError,
}

fn api_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a ApiError> {
    let first = || Some(&error.downcast_ref::<Reported>()?.first);
    error.downcast_ref().or_else(first)
}

/// What scripts are told about a failure; see [`ENVIRONMENT`].
pub(crate) fn exit_code(error: &(dyn std::error::Error + 'static)) -> u8 {
    match api_error(error) {
        Some(error) if error.is_endpoints_failure() => 5,
        Some(error) if error.retryability() == Retryability::Permanent => 3,
        Some(error) if error.retryability() == Retryability::Transient => 4,
        _ => 1,
    }
}

/// What to do about a failure, where Duffel's words leave it open.
pub(crate) fn hint(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let error = api_error(error)?;
    let says = |words: &str| {
        error.problems().iter().filter_map(|problem| problem.message.as_deref()).any(|it| it.contains(words))
    };
    match error.status()?.as_u16() {
        401 => Some("Is DUFFEL_ACCESS_TOKEN right, and not revoked?"),
        404 => Some("A token sees its own mode only: is the id right, and of the token's mode?"),
        422 if says("already exists") => Some(
            "There is one webhook per organisation and mode: `duffel-hooks webhooks list` shows it, `webhooks \
             update` changes it; its secret is not shown again.",
        ),
        _ => None,
    }
}

/// Which events, or deliveries of events
#[derive(Args)]
pub(crate) struct FilterArguments {
    /// Only events of this type, such as order.created
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_kind)]
    pub(crate) kind: Option<String>,
    /// Only what was not accepted
    #[arg(long, conflicts_with = "delivered")]
    failed: bool,
    /// Only what was accepted
    #[arg(long)]
    delivered: bool,
    /// Only what was created since then: 2h or 3d (ago), 2026-01-31 (from its beginning, in UTC), or
    /// 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub(crate) since: Option<SystemTime>,
    /// Only what was created until then; a date is to its end, in UTC
    #[arg(long, value_name = "WHEN", value_parser = parse_until)]
    pub(crate) until: Option<SystemTime>,
}

impl FilterArguments {
    pub(crate) fn delivery_success(&self) -> Option<bool> {
        (self.failed || self.delivered).then_some(self.delivered)
    }
}

/// How much of a list, and in which form
#[derive(Args)]
pub(crate) struct ListArguments {
    /// How many to list at the most, in Duffel's order
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Lists all, however many
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    form: Form,
}

/// For people or for programs
#[derive(Args)]
pub(crate) struct Form {
    /// Prints what Duffel told, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Form {
    /// Prints one record: indented for people, on one line for programs.
    pub(crate) fn print(&self, record: &Value) -> Result<()> {
        let text = if self.json { record.to_string() } else { format!("{record:#}") };
        Ok(writeln!(io::stdout(), "{text}")?)
    }
}

impl ListArguments {
    /// Prints a list as it comes, or as a table of `columns` when it is there, and says when there is more.
    pub(crate) fn print<T, const N: usize>(
        &self,
        records: impl Iterator<Item = std::result::Result<T, ApiError>>,
        raw: impl Fn(&T) -> &Value,
        columns: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<()> {
        let mut table = Table::new(columns);
        let progress = Progress::default();
        let limit = if self.all { u64::MAX } else { self.limit };
        let mut failure = None;
        let mut more = false;
        for (index, record) in (0..).zip(records) {
            match record {
                Ok(_) if index == limit => more = true,
                Ok(record) if self.form.json => writeln!(io::stdout(), "{}", raw(&record))?,
                Ok(record) => table.push(row(&record)),
                Err(error) => failure = Some(error),
            }
            if more || failure.is_some() {
                break;
            }
            progress.tell(index + 1);
        }
        progress.end();
        if !self.form.json && (failure.is_none() || table.has_rows()) {
            table.print(&mut io::stdout().lock())?;
        }
        if more {
            eprintln!("There are more: see --limit, --all");
        }
        // What came before the failure was printed.
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_form() {
        let text = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [0, 9, 60, 3_600, 5_400, 259_200].map(text),
            ["0 s", "9 s", "1 min", "1 h", "1 h 30 min", "72 h"]
        );
    }
}
