//! The requests of the page, under `/inspector/`.

mod copy;
mod samples;
mod search;
mod send;
mod state;
mod stream;

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header::ALLOW, request::Parts};
use serde_json::{Value, json};

use self::stream::stream;
use super::{body::Body, endpoint::Endpoint, inspector::delivery::SentBy, page};

/// The most deliveries in one answer, and the number if none is asked for.
const LIMIT: usize = 10_000;
const DEFAULT_LIMIT: usize = 200;

/// A request that is answered with an error, with the reason.
pub(super) struct Refused(StatusCode, String);

impl Refused {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self(status, reason.into())
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such address, or the delivery is not kept any more")
    }

    fn response(self) -> Response<Body> {
        json_response(self.0, &json!({ "error": self.1 }))
    }
}

/// Returns `true` for a request to the page or to what it reads, and not to a source under some base path.
pub(super) fn is_inspectors(request: &Parts) -> bool {
    let path = request.uri.path();
    let is_endpoints = path.contains("/webhooks/") || path.trim_end_matches('/').ends_with("/health");
    let is_page = path == "/" && matches!(request.method, Method::GET | Method::HEAD);
    is_page || path.starts_with("/inspector/") && !is_endpoints
}

/// Returns the answer to a request that must not be answered otherwise.
pub(super) fn refuse(endpoint: &Endpoint, request: &Parts, client: IpAddr) -> Option<Response<Body>> {
    let refused = endpoint.inspector.access.check(request, client).err()?;
    Some(Refused::new(StatusCode::FORBIDDEN, refused).response())
}

/// Answers a request that was checked.
pub(super) async fn answer(endpoint: &Endpoint, request: &Parts, body: Bytes) -> Response<Body> {
    let path = request.uri.path();
    if path == "/inspector/send" {
        if request.method != Method::POST {
            return not_allowed("POST");
        }
        let (request, resend_of) = match send::request(&endpoint.inspector, &body) {
            Ok(request) => request,
            Err(refused) => return refused.response(),
        };
        let (_, number) = Box::pin(endpoint.deliver(request, SentBy::Page { resend_of })).await;
        return json_response(StatusCode::ACCEPTED, &json!({ "number": number }));
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return not_allowed("GET, HEAD");
    }
    if path == "/inspector/search" {
        return json_response(StatusCode::OK, &search::search(&endpoint.inspector, request).await);
    }
    page::file(path).unwrap_or_else(|| read(endpoint, request).unwrap_or_else(Refused::response))
}

/// Answers a request that changes nothing.
fn read(endpoint: &Endpoint, request: &Parts) -> Result<Response<Body>, Refused> {
    let inspector = &endpoint.inspector;
    let query = |name: &str| query(request, name);
    let json = match request.uri.path().strip_prefix("/inspector/").unwrap_or_default() {
        "deliveries" => {
            let limit = query("limit").map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(LIMIT));
            let section = inspector.journal.before(query("before").unwrap_or(u64::MAX), limit.min(LIMIT));
            let rows: Vec<_> = section.deliveries.iter().map(|delivery| &delivery.facts.summary).collect();
            json!({ "deliveries": rows, "total": section.total, "kept": section.kept, "instance": inspector.instance })
        }
        "stream" => {
            let resumed = request.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
            let after = resumed.or_else(|| query("after"));
            let events = stream(Arc::clone(&inspector.journal), after, &inspector.instance);
            return Ok(page::response(StatusCode::OK, "text/event-stream", Body::Stream(events)));
        }
        "samples" => samples::list(),
        "state" => state::json(endpoint),
        other => return delivery(endpoint, other),
    };
    Ok(json_response(StatusCode::OK, &json))
}

/// Answers a request for one delivery, in one of its forms.
fn delivery(endpoint: &Endpoint, path: &str) -> Result<Response<Body>, Refused> {
    let path = path.strip_prefix("deliveries/").ok_or_else(Refused::not_found)?;
    let (number, form) = path.split_once('/').unwrap_or((path, ""));
    let number = number.parse().map_err(|_| Refused::not_found())?;
    let delivery = endpoint.inspector.journal.find(number).ok_or_else(Refused::not_found)?;
    let text = match form {
        "" => return Ok(json_response(StatusCode::OK, &delivery.json())),
        "curl" => copy::curl(&endpoint.inspector, &delivery)?,
        "gateway-event" => return Ok(json_response(StatusCode::OK, &copy::gateway_event(&delivery)?)),
        _ => return Err(Refused::not_found()),
    };
    Ok(page::response(StatusCode::OK, "text/plain; charset=utf-8", Body::text(text)))
}

fn query(request: &Parts, name: &str) -> Option<u64> {
    let pairs = request.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok())
}

fn json_response(status: StatusCode, json: &Value) -> Response<Body> {
    page::response(status, "application/json", Body::text(json.to_string()))
}

fn not_allowed(allow: &'static str) -> Response<Body> {
    let mut response =
        Refused::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {allow} is answered here")).response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}
