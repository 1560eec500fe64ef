//! The HTTP client for receivers and consumers under development, on this machine or in its network.

use std::{io, time::Duration};

use ureq::Timeout;

use super::output::duration;

/// The time for a connection, which on this machine is made at once or not at all.
const CONNECT: Duration = Duration::from_secs(5);

/// The absence of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// There was no connection, so the request did not arrive.
    NotReached(String),
    /// The request may have arrived.
    Lost(String),
}

/// Makes a client that waits this long for a whole response.
pub(crate) fn local_client(timeout: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // A redirect is a refusal, as the URL is wrong.
        .max_redirects(0)
        .timeout_global(Some(timeout))
        .timeout_connect(Some(CONNECT.min(timeout / 2)))
        // A connection that a restarted server has closed would look like a response that was lost.
        .max_idle_connections(0)
        .proxy(None);
    config.build().new_agent()
}

impl Unanswered {
    /// Finds out what an error of a client with this timeout means.
    pub(crate) fn of(error: ureq::Error, timeout: Duration) -> Self {
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Self::NotReached("the connection was refused".to_owned())
            }
            ureq::Error::HostNotFound => Self::NotReached("the host name cannot be resolved".to_owned()),
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Self::NotReached("the connection timed out".to_owned())
            }
            ureq::Error::ConnectionFailed => Self::NotReached("there is no connection".to_owned()),
            ureq::Error::Timeout(_) => Self::Lost(format!("no response within {}", duration(timeout))),
            error => Self::Lost(format!("no response ({error})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_to_connect_means_that_the_request_did_not_arrive() {
        let of = |error| Unanswered::of(error, Duration::from_secs(30));
        let io = |kind| ureq::Error::Io(io::Error::from(kind));
        for error in [io(io::ErrorKind::ConnectionRefused), ureq::Error::Timeout(Timeout::Connect)] {
            assert!(matches!(of(error), Unanswered::NotReached(_)));
        }
        assert!(matches!(of(io(io::ErrorKind::ConnectionReset)), Unanswered::Lost(_)));
        let timeout = of(ureq::Error::Timeout(Timeout::Global));
        assert_eq!(timeout, Unanswered::Lost("no response within 30 s".to_owned()));
    }
}
