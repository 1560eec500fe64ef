//! What does the sender hear? The one door: headers in, one status and one word out.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use thiserror::Error;

use crate::{
    ledger::{Difference, Ledger},
    log,
    queue::Queue,
    receive::{DeliveryLog, Outcome, Receiver, Refusal, Source},
    route::{BasePath, Path, Route, Stage, Unknown},
    signature::Delivery,
};

/// The header in which a trace travels to us.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

const RETRY_AFTER_SECONDS: &str = "30";

/// The caller's name for a request, to find it again in the log; travels in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Why a request is not what its sender sent, for the log; travels in the request's extensions.
#[derive(Clone, Debug, Error)]
pub enum BadEvent {
    #[error("the event cannot be read: {0}")]
    Event(String),
    #[error("the body is not the base64 that the event says it is")]
    Body,
}

/// Answers a request; every mode of the product knocks here. Writes one line to the log.
pub async fn respond<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    request: Request<Bytes>,
    now: SystemTime,
) -> Response<String> {
    let started = Instant::now();
    let mut delivery_log = DeliveryLog::default();
    let extensions = request.extensions();
    let request_id = extensions.get::<RequestId>().map(|id| id.0.clone());
    let unreadable = extensions.get::<BadEvent>().cloned();
    let path = Path::new(request.uri().path(), extensions.get::<Stage>(), extensions.get::<BasePath>());
    let answer = match path.find(|name| receiver.source(name)) {
        None => Answer::NotFound(NotFound::new(request.uri().path(), path.unknown(), unreadable.as_ref())),
        Some(Route::Health) if matches!(*request.method(), Method::GET | Method::HEAD) => Answer::Healthy,
        Some(Route::Health) => Answer::MethodNotAllowed { allow: "GET, HEAD" },
        Some(Route::Source(_)) if request.method() != Method::POST => {
            Answer::MethodNotAllowed { allow: "POST" }
        }
        Some(Route::Source(source)) => {
            delivery_log.source = Some(source.verifier.source().to_owned());
            let delivery = delivery(source, request);
            Answer::Received(receiver.receive(source, delivery, now, &mut delivery_log).await)
        }
    };
    let (status, word) = answer.status_and_word();
    note(&answer, unreadable, status, word, &delivery_log, request_id.as_deref(), started);
    let mut response = response(status, word);
    if let Answer::MethodNotAllowed { allow } = answer {
        response.headers_mut().insert(ALLOW, http::HeaderValue::from_static(allow));
    }
    response
}

/// Refuses a request whose body is too large to be read at all.
#[must_use]
pub fn too_large() -> Response<String> {
    response(StatusCode::PAYLOAD_TOO_LARGE, "too_large")
}

fn response(status: StatusCode, word: &str) -> Response<String> {
    let mut response = Response::new(format!(r#"{{"status":"{word}"}}"#));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, const { http::HeaderValue::from_static("application/json") });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, const { http::HeaderValue::from_static(RETRY_AFTER_SECONDS) });
    }
    response
}

/// What there is to say to a request.
enum Answer {
    Received(Result<Outcome, Refusal>),
    Healthy,
    NotFound(NotFound),
    MethodNotAllowed { allow: &'static str },
}

/// Why nothing was found, for the log.
struct NotFound {
    /// As it was given, without a query; `None` where the event could not be read.
    path: Option<String>,
    reason: String,
    /// Whether it may be a delivery that was misdirected; most of the others are scans.
    is_warning: bool,
}

impl NotFound {
    fn new(path: &str, unknown: Unknown, unreadable: Option<&BadEvent>) -> Self {
        match unreadable {
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
    /// The one table of statuses.
    fn status_and_word(&self) -> (StatusCode, &'static str) {
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

/// Keeps of a request what its source's scheme asks for.
fn delivery(source: &Source, request: Request<Bytes>) -> Delivery {
    let wanted = source.verifier.scheme().headers();
    let headers = wanted.filter_map(|name| Some((name.clone(), header(request.headers(), name)?))).collect();
    let trace = header(request.headers(), TRACE_HEADER);
    Delivery { headers, trace, body: request.into_body() }
}

/// A header's text; one that stands several times counts as one list, as RFC 9110, 5.3 has it.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Result<Vec<_>, _> = headers.get_all(name).iter().map(http::HeaderValue::to_str).collect();
    values.ok().filter(|values| !values.is_empty()).map(|values| values.join(","))
}

fn note(
    answer: &Answer,
    unreadable: Option<BadEvent>,
    status: StatusCode,
    word: &str,
    delivery_log: &DeliveryLog,
    request_id: Option<&str>,
    started: Instant,
) {
    let (mut message_id, mut recorded_event_id, mut cause) = (None, None, None);
    let (mut path, mut error) = (None, None);
    // What became of it follows from that.
    let unreadable = unreadable.map(|reason| reason.to_string());
    match answer {
        Answer::Received(Ok(Outcome::Accepted { message_id: id, recorded })) => {
            message_id = Some(id.as_str());
            error = recorded
                .as_ref()
                .err()
                .map(|error| format!("in the queue, but not recorded: {}", log::chain(error)));
        }
        Answer::Received(Ok(Outcome::Duplicate { of, difference, extended })) => {
            message_id = Some(of.message_id.as_str());
            cause = difference.map(Difference::cause);
            let has_other_id = *difference == Some(Difference::EventId);
            recorded_event_id = has_other_id.then(|| log::excerpt(of.event_id.as_deref().unwrap_or("none")));
            error = extended
                .as_ref()
                .err()
                .map(|error| format!("the record was not extended: {}", log::chain(error)));
        }
        Answer::Received(Err(refusal)) => error = unreadable.or_else(|| Some(log::chain(refusal))),
        Answer::NotFound(not_found) => {
            path = not_found.path.as_deref();
            error = Some(not_found.reason.clone());
        }
        Answer::MethodNotAllowed { .. } => error = unreadable,
        Answer::Received(Ok(Outcome::Ignored)) | Answer::Healthy => {}
    }
    let error = delivery_log
        .warning
        .clone()
        .into_iter()
        .chain(error)
        .reduce(|warning, error| format!("{warning}; {error}"));
    let event_type = delivery_log.event_type.as_deref().map(log::excerpt);
    let event_id = delivery_log.event_id.as_deref().map(log::excerpt);
    let duration_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                request.id = request_id,
                source = delivery_log.source,
                path,
                event.id = event_id,
                event.r#type = event_type,
                event.identity = delivery_log.identity,
                event.recorded_id = recorded_event_id,
                signature.label = delivery_log.label,
                signature.age_s = delivery_log.signature_age,
                message.id = message_id,
                outcome = word,
                cause,
                status = status.as_u16(),
                duration_ms,
                error,
                "{} {word}{}{}",
                status.as_u16(),
                event_type.as_deref().map(|kind| format!(" {kind}")).unwrap_or_default(),
                event_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default(),
            )
        };
    }
    match answer {
        _ if status == StatusCode::SERVICE_UNAVAILABLE => line!(error),
        // A monitor asks every few seconds; the gateway's access log has it anyway.
        Answer::Healthy => line!(debug),
        Answer::NotFound(NotFound { is_warning: false, .. }) => line!(info),
        _ if error.is_some() || cause.is_some() => line!(warn),
        _ => line!(info),
    }
}
