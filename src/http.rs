//! What does the sender hear? The one door: headers in, one status and one word out.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};

use crate::{
    ledger::{Difference, Ledger},
    log,
    queue::Queue,
    receive::{Outcome, Receiver, Refusal, Source, Trail},
    signature::Delivery,
};

/// The header in which a trace travels to us.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

const RETRY_AFTER_SECONDS: &str = "30";
const PATH_PREFIX: &str = "/webhooks/";

/// The caller's name for a request, to find it again in the log; travels in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Why a request is not what its sender sent, for the log; travels in the request's extensions.
#[derive(Clone, Debug)]
pub struct Unreadable(pub String);

/// Answers a request; every mode of the product knocks here. Writes one line to the log.
pub async fn respond<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    request: Request<Bytes>,
    now: SystemTime,
) -> Response<String> {
    let started = Instant::now();
    let mut trail = Trail::default();
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let unreadable = request.extensions().get::<Unreadable>().map(|reason| reason.0.clone());
    let name = request.uri().path().strip_prefix(PATH_PREFIX);
    let answer = match name.and_then(|name| receiver.source(name)) {
        None => Answer::NotFound,
        Some(_) if request.method() != Method::POST => Answer::MethodNotAllowed,
        Some(source) => {
            trail.source = Some(source.verifier.source().to_owned());
            let delivery = delivery(source, request);
            Answer::Received(receiver.receive(source, delivery, now, &mut trail).await)
        }
    };
    let (status, word) = answer.line();
    note(&answer, unreadable, status, word, &trail, request_id.as_deref(), started);
    response(status, word)
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
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, const { http::HeaderValue::from_static("POST") });
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, const { http::HeaderValue::from_static(RETRY_AFTER_SECONDS) });
    }
    response
}

/// What there is to say to a request.
enum Answer {
    Received(Result<Outcome, Refusal>),
    NotFound,
    MethodNotAllowed,
}

impl Answer {
    /// The one table of statuses.
    fn line(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Received(Ok(Outcome::Accepted { .. })) => (StatusCode::ACCEPTED, "accepted"),
            Self::Received(Ok(Outcome::Duplicate { .. })) => (StatusCode::OK, "duplicate"),
            Self::Received(Ok(Outcome::Ignored)) => (StatusCode::OK, "ignored"),
            Self::Received(Err(Refusal::Malformed(_))) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Received(Err(Refusal::Unauthorized(_))) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
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

/// The word by which a duplicate that differs from what was forwarded is counted.
fn cause_of(difference: Difference) -> &'static str {
    match difference {
        Difference::EventId => "other_event_id",
        Difference::EventType => "other_event_type",
        Difference::Body => "other_body",
    }
}

fn note(
    answer: &Answer,
    unreadable: Option<String>,
    status: StatusCode,
    word: &str,
    trail: &Trail,
    request_id: Option<&str>,
    started: Instant,
) {
    let (mut message_id, mut recorded_event_id, mut cause, mut error) = (None, None, None, None);
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
            cause = difference.map(cause_of);
            let has_other_id = *difference == Some(Difference::EventId);
            recorded_event_id = has_other_id.then(|| of.event_id.as_deref().unwrap_or("none"));
            error = extended
                .as_ref()
                .err()
                .map(|error| format!("the record was not extended: {}", log::chain(error)));
        }
        Answer::Received(Err(refusal)) => error = Some(log::chain(refusal)),
        Answer::Received(Ok(Outcome::Ignored)) | Answer::NotFound | Answer::MethodNotAllowed => {}
    }
    // What became of it follows from that.
    let error = unreadable.or(error);
    let event_type = trail.event_type.as_deref();
    let duration_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                request.id = request_id,
                source = trail.source,
                event.id = trail.event_id,
                event.r#type = event_type,
                event.identity = trail.identity,
                event.recorded_id = recorded_event_id,
                signature.label = trail.label,
                signature.age_s = trail.signature_age,
                message.id = message_id,
                outcome = word,
                cause,
                status = status.as_u16(),
                duration_ms,
                error,
                "{} {word}{}{}",
                status.as_u16(),
                event_type.map(|kind| format!(" {kind}")).unwrap_or_default(),
                trail.event_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default(),
            )
        };
    }
    match status {
        StatusCode::SERVICE_UNAVAILABLE => line!(error),
        _ if error.is_some() || cause.is_some() => line!(warn),
        _ => line!(info),
    }
}
