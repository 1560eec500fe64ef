//! The answer to a request, and the table of statuses.

use http::StatusCode;

use super::BadEvent;
use crate::{
    log,
    receive::{Outcome, Refusal},
    route::Unknown,
};

/// The result of a request.
pub(super) enum Answer {
    Received(Result<Outcome, Refusal>),
    Healthy,
    NotFound(NotFound),
    MethodNotAllowed { allow: &'static str },
}

/// The reason why a path has no target, for the log.
pub(super) struct NotFound {
    /// The path as it was given, without a query; `None` if the gateway's event could not be read.
    pub(super) path: Option<String>,
    pub(super) reason: String,
    /// `true` if the request may be a misdirected delivery; most other unknown paths are scans.
    pub(super) is_warning: bool,
}

impl NotFound {
    pub(super) fn new(path: &str, unknown: Unknown, bad_event: Option<&BadEvent>) -> Self {
        match bad_event {
            Some(event @ BadEvent::Event(_)) => {
                Self { path: None, reason: event.to_string(), is_warning: true }
            }
            Some(BadEvent::Body) | None => Self {
                path: Some(log::excerpt(path)),
                reason: unknown.to_string(),
                is_warning: unknown != Unknown::Path,
            },
        }
    }
}

impl Answer {
    /// The table of statuses: the only one, for every mode of the product.
    pub(super) fn status_and_word(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Received(Ok(Outcome::Accepted { .. })) => (StatusCode::ACCEPTED, "accepted"),
            Self::Received(Ok(Outcome::Duplicate { .. })) => (StatusCode::OK, "duplicate"),
            Self::Received(Ok(Outcome::Ignored)) => (StatusCode::OK, "ignored"),
            Self::Received(Err(Refusal::Malformed(_))) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Received(Err(Refusal::Unauthorized(_))) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Healthy => (StatusCode::OK, "ok"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Received(Err(Refusal::TooLarge(_))) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Received(Err(
                Refusal::SecretUnavailable | Refusal::LedgerUnavailable(_) | Refusal::QueueUnavailable(_),
            )) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }
}
