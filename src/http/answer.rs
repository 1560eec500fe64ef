//! The answer to a request, and the table of statuses.

use http::StatusCode;

use super::BadEvent;
use crate::{
    log,
    receive::{Outcome, Refusal},
    route::Unknown,
    signature::scheme::{AcceptedStatus, AnswerForm},
};

/// The result of a request.
pub(super) enum Answer {
    Received(Result<Outcome, Refusal>),
    Healthy,
    NotFound(NotFound),
    MethodNotAllowed { allow: &'static str },
}

/// The reason why a request has no target, for the log.
pub(super) enum NotFound {
    /// The gateway's event could not be read.
    UnreadableEvent { reason: String },
    /// The path, as it was given and without a query, leads nowhere.
    UnknownPath { path: String, unknown: Unknown },
}

impl NotFound {
    pub(super) fn new(path: &str, unknown: Unknown, bad_event: Option<&BadEvent>) -> Self {
        match bad_event {
            Some(event @ BadEvent::Event(_)) => Self::UnreadableEvent { reason: event.to_string() },
            Some(BadEvent::Body) | None => Self::UnknownPath { path: log::excerpt(path), unknown },
        }
    }
}

impl Answer {
    /// The table of statuses: the only one, for every mode of the product. The form of a source's answers may replace
    /// the status of a delivery that needs no retry, and no other.
    pub(super) fn status_and_word(&self, form: AnswerForm) -> (StatusCode, &'static str) {
        let acknowledged = |usual| form.status.map_or(usual, status);
        match self {
            Self::Received(Ok(Outcome::Accepted { .. })) => (acknowledged(StatusCode::ACCEPTED), "accepted"),
            Self::Received(Ok(Outcome::Duplicate { .. })) => (acknowledged(StatusCode::OK), "duplicate"),
            Self::Received(Ok(Outcome::Ignored)) => (acknowledged(StatusCode::OK), "ignored"),
            Self::Received(Ok(Outcome::Handshake(_))) => (StatusCode::OK, "handshake"),
            Self::Received(Err(Refusal::Handshake(error))) if error.is_signed() => {
                (StatusCode::BAD_REQUEST, "malformed")
            }
            Self::Received(Err(Refusal::Malformed(_))) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Received(Err(Refusal::Unauthorized(_) | Refusal::Handshake(_))) => {
                (StatusCode::UNAUTHORIZED, "unauthorized")
            }
            Self::Received(Err(Refusal::OtherNetwork { .. } | Refusal::UnknownCaller)) => {
                (StatusCode::FORBIDDEN, "forbidden")
            }
            Self::Healthy => (StatusCode::OK, "ok"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Received(Err(Refusal::TooLargeBody(_) | Refusal::TooLargeMessage(_))) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large")
            }
            Self::Received(Err(
                Refusal::SecretUnavailable
                | Refusal::SourcesUnavailable
                | Refusal::LedgerUnavailable(_)
                | Refusal::QueueUnavailable(_),
            )) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }
}

fn status(accepted: AcceptedStatus) -> StatusCode {
    match accepted {
        AcceptedStatus::Ok => StatusCode::OK,
        AcceptedStatus::Created => StatusCode::CREATED,
        AcceptedStatus::Accepted => StatusCode::ACCEPTED,
        AcceptedStatus::NoContent => StatusCode::NO_CONTENT,
    }
}
