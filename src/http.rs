//! The HTTP endpoint: a request in; one status, one word and one line of the log out.

mod answer;
mod cause;
mod handshake;
mod log_line;
mod query;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use thiserror::Error;

use self::answer::{Answer, NotFound};
pub use self::{cause::Cause, log_line::LogLine};
use crate::{
    ledger::Ledger,
    queue::Queue,
    receive::{DeliveryLog, Outcome, Receiver, Refusal, Source, Sources},
    route::{BasePath, Path, Route, Unknown},
    signature::{
        Delivery,
        scheme::{AnswerForm, Scheme},
    },
    trace::Trace,
};

/// The header of an X-Ray trace:
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

/// The value of `Retry-After` ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)) with each
/// 503.
const RETRY_AFTER_SECONDS: &str = "30";

/// The context of a request: what the caller of [`respond`] knows besides the request itself.
#[derive(Clone, Debug, Default)]
pub struct RequestContext {
    /// The id under which the log has the request.
    pub request_id: Option<String>,
    /// The reason why the request is not what its sender sent.
    pub bad_event: Option<BadEvent>,
    /// The stage of the API, as in `prod`, which some gateways put in front of the path.
    pub stage: Option<String>,
    /// The base path of a custom domain, as in `/in`.
    pub base_path: Option<BasePath>,
    /// `true` for the first request of an execution environment.
    pub is_first: bool,
    /// The address from which the gateway received the request; `None` if it is not known. Never that of a header, which
    /// the sender chooses.
    pub caller: Option<IpAddr>,
}

/// The reason why a gateway's event is not the request that its sender sent, for the log.
#[derive(Clone, Debug, Error)]
pub enum BadEvent {
    #[error("the event cannot be read: {0}")]
    Event(String),
    #[error("the body is not the base64 that the event says it is")]
    Body,
}

/// Answers a request, and writes one line to the log. The function, `serve` and the tests all call this endpoint.
pub fn respond<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    request: Request<Bytes>,
    context: RequestContext,
    now: SystemTime,
) -> impl Future<Output = Response<String>> + use<'_, L, Q> {
    respond_and_report(receiver, request, context, now, LogLine::write)
}

/// Answers like [`respond`], and gives the line of the log, with the duration of the request, to `report`.
pub async fn respond_and_report<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    request: Request<Bytes>,
    context: RequestContext,
    now: SystemTime,
    report: impl FnOnce(LogLine, Duration),
) -> Response<String> {
    let started = Instant::now();
    let RequestContext { request_id, bad_event, stage, base_path, is_first, caller } = context;
    let trace = header(request.headers(), TRACE_HEADER).and_then(|header| Trace::sampled(&header));
    let mut delivery_log = DeliveryLog { trace, ..DeliveryLog::default() };
    let path = Path::new(request.uri().path(), stage.as_deref(), base_path.as_ref());
    let mut form = AnswerForm::default();
    let route = route(&receiver.sources, &path, now).await;
    let answer = match route {
        None if path.unknown() == Unknown::Source && !receiver.sources.are_known() => {
            Answer::Received(Err(Refusal::SourcesUnavailable))
        }
        None => Answer::NotFound(NotFound::new(request.uri().path(), path.unknown(), bad_event.as_ref())),
        Some(Route::Health) if matches!(*request.method(), Method::GET | Method::HEAD) => Answer::Healthy,
        Some(Route::Health) => Answer::MethodNotAllowed { allow: "GET, HEAD" },
        Some(Route::Source(source)) if let Err(refusal) = source.check_caller(caller) => {
            form = source.answer;
            delivery_log.source = Some(source.name().to_owned());
            Answer::Received(Err(refusal))
        }
        Some(Route::Source(source)) => {
            form = source.answer;
            answer_of(receiver, source, request, bad_event.as_ref(), now, &mut delivery_log).await
        }
    };
    let (status, word) = answer.status_and_word(form);
    let mut response = response(status, word);
    match &answer {
        Answer::Received(Ok(Outcome::Handshake(reply))) => handshake::put(reply, &mut response),
        _ if form.is_empty || status == StatusCode::NO_CONTENT => {
            response.headers_mut().remove(CONTENT_TYPE);
            response.body_mut().clear();
        }
        _ => {}
    }
    if let Answer::MethodNotAllowed { allow } = answer {
        response.headers_mut().insert(ALLOW, http::HeaderValue::from_static(allow));
    }
    report(
        LogLine::new(request_id, is_first, bad_event, delivery_log, (answer, (status, word))),
        started.elapsed(),
    );
    response
}

/// Finds where a path leads, after a refresh of stored sources if it is due.
async fn route(sources: &Sources, path: &Path<'_>, now: SystemTime) -> Option<Route<Arc<Source>>> {
    let find = || path.find(|name| sources.find(name));
    let route = find();
    if !sources.are_stored() {
        return route;
    }
    match route {
        Some(Route::Source(_)) => sources.refresh_if_stale(now).await,
        // There may be a new source. A path that cannot be one's, and the health check, cause no call.
        None if path.unknown() == Unknown::Source => sources.refresh_after_mismatch(now).await,
        None | Some(Route::Health) => {}
    }
    find()
}

/// Answers a request to a source: a handshake that nobody signs, or a delivery.
async fn answer_of<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    source: Arc<Source>,
    request: Request<Bytes>,
    bad_event: Option<&BadEvent>,
    now: SystemTime,
    delivery_log: &mut DeliveryLog,
) -> Answer {
    // If the body was lost, a request may look like a handshake that has none.
    let handshake = bad_event.is_none().then(|| handshake::result(&source, &request, now)).flatten();
    if handshake.is_none() && request.method() != Method::POST {
        return Answer::MethodNotAllowed { allow: handshake::methods(&source) };
    }
    delivery_log.source = Some(source.name().to_owned());
    if let Some(result) = handshake {
        return Answer::Received(result);
    }
    let (parts, body) = request.into_parts();
    let scheme = source.verifier.scheme();
    let delivery = delivery(scheme, &parts.headers, parts.uri.query(), body, delivery_log.trace.clone());
    Answer::Received(receiver.receive(source, delivery, now, delivery_log).await)
}

/// Returns the answer to a request whose body is too large to be read at all.
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

/// Takes from a request what a scheme needs: headers, and parameters of the query.
#[must_use]
pub fn delivery(
    scheme: &Scheme,
    headers: &HeaderMap,
    query: Option<&str>,
    body: Bytes,
    trace: Option<Trace>,
) -> Delivery {
    let text = |name: &str| match name.strip_prefix('?') {
        Some(parameter) => query::parameter(query?, parameter),
        None => header(headers, name),
    };
    let headers = scheme.headers().filter_map(|name| Some((name.clone(), text(name)?))).collect();
    Delivery { headers, body, trace }
}

/// Returns a header's text. Repeated headers are one list
/// ([RFC 9110, 5.3](https://www.rfc-editor.org/rfc/rfc9110#section-5.3)).
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Result<Vec<_>, _> = headers.get_all(name).iter().map(http::HeaderValue::to_str).collect();
    values.ok().filter(|values| !values.is_empty()).map(|values| values.join(","))
}
