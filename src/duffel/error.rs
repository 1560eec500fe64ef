//! The errors of calls to Duffel, and whether a later attempt may succeed.

use std::{fmt::Write as _, time::Duration};

use http::StatusCode;
use thiserror::Error;

/// Why a call to Duffel's API failed.
#[derive(Debug, Error)]
pub enum ApiError {
    #[error("the URL of Duffel's API is not valid: {0}")]
    Url(&'static str),
    #[error("{0:?} is not a valid Duffel ID, such as wev_0000A3tQSmKyqOrcySrGbo")]
    Id(String),
    /// Duffel, or a load balancer before it, answered with another status than 2xx.
    #[error("{}{}", refusal(*.status, .problems, .excerpt, .request.as_deref()), retry_suffix(*.retry_after))]
    Refused {
        status: StatusCode,
        /// Empty if the response was not JSON.
        problems: Vec<Problem>,
        /// The first words of a response that was not JSON.
        excerpt: String,
        /// The request's id, which Duffel's support asks for.
        request: Option<String>,
        /// The time until Duffel accepts a retry, if it is too long to wait.
        retry_after: Option<Duration>,
    },
    #[error("{}", unreadable(*.status, .request.as_deref()))]
    Unreadable { status: StatusCode, request: Option<String> },
    #[error("Duffel's response is too long")]
    TooLong,
    #[error("the pages of Duffel's list form a loop")]
    CursorLoop,
    #[error("webhook {0} was created but Duffel did not return its secret: delete it, and create it again")]
    NoSecret(String),
    /// The request was not sent.
    #[error("Duffel cannot be reached: {0}")]
    Unreachable(String),
    /// The request may have been sent, and done.
    #[error("the connection to Duffel was lost: {0}")]
    ConnectionLost(String),
    /// The request may have been sent, and done.
    #[error("Duffel did not answer in time")]
    TimedOut,
    #[error("the time for it is up")]
    Deadline,
}

/// One reason why Duffel refuses a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// As in `validation_error`.
    pub kind: Option<String>,
    pub title: Option<String>,
    pub message: Option<String>,
    /// As in `rate_limit_exceeded`.
    pub code: Option<String>,
    /// The part of the request that is wrong: a JSON pointer, or the name of a parameter.
    pub source: Option<String>,
}

/// Whether a later attempt may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retryability {
    /// Duffel will refuse the request again: it must be changed.
    Permanent,
    /// Duffel cannot be reached, has a fault or is busy: a later attempt may succeed.
    Transient,
    /// Neither is known.
    Unknown,
}

impl ApiError {
    /// The status of the response, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } | Self::Unreadable { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The ID under which Duffel logs the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request, .. } | Self::Unreadable { request, .. } => request.as_deref(),
            _ => None,
        }
    }

    /// The reasons why Duffel refused the request.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        if let Self::Refused { problems, .. } = self { problems } else { &[] }
    }

    /// Whether Duffel sent the delivery, and the webhook's endpoint did not accept it.
    #[must_use]
    pub fn is_endpoints_failure(&self) -> bool {
        self.problems().iter().any(|problem| problem.code.as_deref() == Some("webhook_client_error"))
    }

    /// Classifies the error by whether a later attempt may succeed.
    #[must_use]
    pub fn retryability(&self) -> Retryability {
        match self {
            Self::Refused { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => {
                Retryability::Transient
            }
            Self::Refused { status, .. } if status.is_client_error() => Retryability::Permanent,
            Self::Refused { status, .. } if status.is_server_error() => Retryability::Transient,
            Self::Unreachable(_) | Self::ConnectionLost(_) | Self::TimedOut | Self::Deadline => {
                Retryability::Transient
            }
            _ => Retryability::Unknown,
        }
    }
}

fn refusal(status: StatusCode, problems: &[Problem], excerpt: &str, request: Option<&str>) -> String {
    let mut text = format!("Duffel answered {status}");
    for (index, problem) in problems.iter().enumerate() {
        text.push_str(if index == 0 { ": " } else { "; " });
        let words = [&problem.title, &problem.message];
        let words: Vec<_> = words.into_iter().flatten().map(|words| words.trim_end_matches('.')).collect();
        let details = [&problem.code, &problem.source];
        let details: Vec<_> = details.into_iter().flatten().map(String::as_str).collect();
        text.push_str(&words.join(": "));
        if !details.is_empty() {
            let gap = if words.is_empty() { "" } else { " " };
            let _ = write!(text, "{gap}({})", details.join(", "));
        }
    }
    if problems.is_empty() && !excerpt.is_empty() {
        let _ = write!(text, ", and not JSON but {excerpt:?}");
    }
    text + &request_suffix(request)
}

fn unreadable(status: StatusCode, request: Option<&str>) -> String {
    format!("Duffel answered {status}, and not in the documented form{}", request_suffix(request))
}

fn retry_suffix(retry_after: Option<Duration>) -> String {
    let whole = retry_after.map(|retry_after| Duration::from_secs(retry_after.as_secs()));
    whole
        .map(|retry_after| format!("; retry in {}", humantime::format_duration(retry_after)))
        .unwrap_or_default()
}

fn request_suffix(request: Option<&str>) -> String {
    request.map(|id| format!(" [request {id}]")).unwrap_or_default()
}
