//! The way to Duffel's API: the client, the exit codes and the hints.

use std::{
    env,
    error::Error,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::duffel::{AccessToken, ApiError, CLOCK_SKEW, Client, DEFAULT_URL, Retryability};
use thiserror::Error;

use super::{
    Result,
    output::{duration, remark},
};

/// The end of the help of a command whose subcommands call Duffel.
pub(crate) const ENVIRONMENT: &str = "\
Environment:
  DUFFEL_ACCESS_TOKEN  Access token, from Duffel's dashboard. It gives access to
                       its own mode only: duffel_test_… or duffel_live_…
  DUFFEL_API_URL       URL of the API [default: https://api.duffel.com]

Exit codes:
  0  Done
  1  Failed: for example not configured, or Duffel's response is not valid
  2  The command line is not valid
  3  Duffel refused the request; repeating it does not help
  4  Duffel cannot be reached, has an internal error or is busy; try again later
  5  Duffel tried, but the webhook's endpoint did not accept the delivery";

/// The end of a subcommand's help: examples, and a reference to [`ENVIRONMENT`].
macro_rules! help {
    ($group:literal $(, $examples:literal)*) => {
        concat!(
            $("Examples:\n", $examples, "\n\n",)*
            "DUFFEL_ACCESS_TOKEN holds the access token. Variables and exit codes:\n  \
             duffel-hooks ", $group, " --help"
        )
    };
}
pub(crate) use help;

/// The URL of Duffel's API.
pub(crate) fn api_url() -> String {
    let url = env::var("DUFFEL_API_URL").unwrap_or_default().trim().to_owned();
    if url.is_empty() { DEFAULT_URL.to_owned() } else { url }
}

/// Configures a client from the environment. It reports each wait before a retry.
pub(crate) fn client() -> Result<Client> {
    let token = env::var("DUFFEL_ACCESS_TOKEN").map_err(|_| {
        "DUFFEL_ACCESS_TOKEN is not set: create an access token in Duffel's dashboard, under \
         Developers, and export it; test tokens begin with duffel_test_"
    })?;
    let token = AccessToken::new(&token).map_err(|error| format!("DUFFEL_ACCESS_TOKEN: {error}"))?;
    let client = Client::new(&api_url(), token).map_err(|error| format!("DUFFEL_API_URL: {error}"))?;
    Ok(client.on_wait(|error, wait| {
        // Rounded up, as "0 s" would be no wait.
        let seconds = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        // Long work meets the limit every minute, and the rest of the answer says nothing more.
        let reason = if error.status() == Some(http::StatusCode::TOO_MANY_REQUESTS) {
            "Duffel's rate limit is reached (429)".to_owned()
        } else {
            error.to_string()
        };
        remark(&format!("duffel-hooks: {reason}: trying again in {}", duration(seconds)));
    }))
}

/// The earliest time that Duffel's clock may have shown at a moment.
pub(crate) fn earliest_at_duffel(at: SystemTime) -> SystemTime {
    at.checked_sub(CLOCK_SKEW).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Failures that were reported one by one; the exit code is that of the first.
#[derive(Debug, Error)]
#[error("{summary}")]
pub(crate) struct Reported {
    pub(crate) summary: String,
    pub(crate) first: ApiError,
}

fn api_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a ApiError> {
    let first = || Some(&error.downcast_ref::<Reported>()?.first);
    error.downcast_ref().or_else(first)
}

/// The exit code of a failure, as listed in [`ENVIRONMENT`].
pub(crate) fn exit_code(error: &(dyn Error + 'static)) -> u8 {
    match api_error(error) {
        Some(error) if error.is_endpoints_failure() => 5,
        Some(error) if error.retryability() == Retryability::Permanent => 3,
        Some(error) if error.retryability() == Retryability::Transient => 4,
        _ => 1,
    }
}

/// A hint on what to do about a failure, where Duffel's message does not say.
pub(crate) fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let error = api_error(error)?;
    let contains = |words: &str| {
        error.problems().iter().filter_map(|problem| problem.message.as_deref()).any(|it| it.contains(words))
    };
    match error.status()?.as_u16() {
        401 => Some("Is DUFFEL_ACCESS_TOKEN right, and not revoked?"),
        404 => Some("Is the id right? A token gives access to its own mode only: is the id from that mode?"),
        422 if contains("already exists") => Some(
            "There is one webhook per organisation and mode. `duffel-hooks webhooks list` shows it, `webhooks \
             update` changes it. Its secret is not shown again.",
        ),
        _ => None,
    }
}
