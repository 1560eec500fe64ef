//! What happens to an event after an attempt to deliver it.

use std::time::{Duration, Instant};

use duffel_webhook_receiver::duffel::Retryability;
use http::StatusCode;

use super::{
    agenda::Agenda,
    attempt::{Attempt, Outcome},
    backlog::{Backlog, wait_after},
};
use crate::shared::output::duration;

/// The longest wait between two attempts to connect to a receiver that is not running.
const MAX_WAIT_FOR_RECEIVER: Duration = Duration::from_secs(10);

/// What happens to an event after an attempt.
#[derive(Clone, Copy)]
pub(super) enum Decision {
    Accepted,
    /// Not delivered again in this run.
    Refused,
    /// Delivered again after this time.
    Retry(Duration),
    /// Duffel does not have it any more.
    Gone,
}

impl Decision {
    /// Decides after an attempt, and has the event or the receiver wait if there is to be another.
    pub(super) fn make(attempt: &Attempt, backlog: &mut Backlog, agenda: &mut Agenda) -> Self {
        let id = &attempt.id;
        if let Outcome::NoConnection(_) = attempt.outcome {
            agenda.connection_failures += 1;
            let wait = wait_after(agenda.connection_failures).min(MAX_WAIT_FOR_RECEIVER);
            agenda.next_connection = Instant::now() + wait;
            return Self::Retry(wait);
        }
        agenda.connection_failures = 0;
        match &attempt.outcome {
            Outcome::Answered(status, ..) if status.is_success() => Self::Accepted,
            Outcome::Answered(status, _, retry_after)
                if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS =>
            {
                Self::Retry(backlog.retry(id, *retry_after))
            }
            Outcome::NotFetched(error) if error.retryability() == Retryability::Permanent => Self::Refused,
            Outcome::Answered(..) => Self::Refused,
            Outcome::NoConnection(_) | Outcome::NoAnswer(_) | Outcome::NotFetched(_) => {
                Self::Retry(backlog.retry(id, None))
            }
            Outcome::Gone => Self::Gone,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Retry(_) => "retry",
            Self::Gone => "gone",
        }
    }

    pub(super) fn wait(self) -> Option<Duration> {
        if let Self::Retry(wait) = self { Some(wait) } else { None }
    }

    pub(super) fn note(self, status: Option<StatusCode>) -> Option<String> {
        match self {
            Self::Accepted | Self::Gone => None,
            Self::Retry(wait) => Some(format!("trying again in {}", duration(wait))),
            Self::Refused => Some(match status {
                Some(StatusCode::UNAUTHORIZED) => {
                    "refused: is this WEBHOOK_SECRET the receiver's?".to_owned()
                }
                Some(StatusCode::NOT_FOUND) => "refused: does the URL end in /webhooks/NAME?".to_owned(),
                _ => "refused".to_owned(),
            }),
        }
    }
}
