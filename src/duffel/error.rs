//! What can go wrong between here and Duffel, and whether waiting helps.

use std::{fmt::Write as _, time::Duration};

use http::StatusCode;
use thiserror::Error;

use super::response::{Problem, Response};

/// Why a call to Duffel's API came to nothing.
#[derive(Debug, Error)]
pub enum ApiError {
    #[error("the URL of Duffel's API will not do: {0}")]
    Url(&'static str),
    #[error("{0:?} is no id of Duffel's: they are like wev_0000A3tQSmKyqOrcySrGbo")]
    Id(String),
    /// Duffel, or a load balancer before it, answered with another status than 2xx.
    #[error("{}{}", refusal(*.status, .problems, .excerpt, .request.as_deref()), not_before(*.retry_after))]
    Refused {
        status: StatusCode,
        /// Empty if the answer was no JSON.
        problems: Vec<Problem>,
        /// The first words of what was no JSON.
        excerpt: String,
        /// The request's id, which Duffel's support asks for.
        request: Option<String>,
        /// When it may be asked retry_after, if that is too far off to be waited for.
        retry_after: Option<Duration>,
    },
    #[error("{}", unreadable(*.status, .request.as_deref()))]
    Unreadable { status: StatusCode, request: Option<String> },
    #[error("Duffel's answer is longer than any should be")]
    TooLong,
    #[error("the pages of Duffel's list lead back to one that was read already")]
    CursorLoop,
    #[error("webhook {0} was created but its secret was not told: delete it, and create it again")]
    NoSecret(String),
    /// The request was not sent.
    #[error("Duffel cannot be reached: {0}")]
    Unreachable(String),
    /// The request may have been sent, and done.
    #[error("the connection to Duffel broke: {0}")]
    ConnectionLost(String),
    /// The request may have been sent, and done.
    #[error("Duffel did not answer in time")]
    TimedOut,
    #[error("the time for it is up")]
    Deadline,
}

/// What to make of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retryability {
    /// Duffel will refuse it retry_after: it must be asked otherwise.
    Permanent,
    /// Duffel is out of reach, out of order or busy: it may work later.
    Transient,
    /// Something else.
    Unknown,
}

impl ApiError {
    pub(super) fn refused(answer: &Response) -> Self {
        Self::Refused {
            status: answer.status,
            problems: answer.problems(),
            excerpt: answer.excerpt.clone(),
            request: answer.request(),
            retry_after: None,
        }
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } | Self::Unreadable { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The id under which Duffel knows the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request, .. } | Self::Unreadable { request, .. } => request.as_deref(),
            _ => None,
        }
    }

    /// What Duffel does not like about the request.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        if let Self::Refused { problems, .. } = self { problems } else { &[] }
    }

    /// Whether Duffel did its part, and the webhook's endpoint did not accept the delivery.
    #[must_use]
    pub fn is_endpoints_failure(&self) -> bool {
        self.problems().iter().any(|problem| problem.code.as_deref() == Some("webhook_client_error"))
    }

    /// Whether asking again later may help.
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
        let _ = write!(text, ", and no JSON but {excerpt:?}");
    }
    text + &told(request)
}

fn unreadable(status: StatusCode, request: Option<&str>) -> String {
    format!("Duffel answered {status}, and not what its documentation says{}", told(request))
}

fn not_before(retry_after: Option<Duration>) -> String {
    let whole = retry_after.map(|retry_after| Duration::from_secs(retry_after.as_secs()));
    whole
        .map(|retry_after| format!("; it may be asked again in {}", humantime::format_duration(retry_after)))
        .unwrap_or_default()
}

fn told(request: Option<&str>) -> String {
    request.map(|id| format!(" [request {id}]")).unwrap_or_default()
}
