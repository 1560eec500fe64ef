//! The local inspector: keeps the deliveries, and answers the page.

mod access;

use std::{net::IpAddr, sync::Arc, time::Duration};

use duffel_webhook_receiver::signature::{scheme::Scheme, secret::Secret};
use http::{Method, Response, StatusCode, header::ALLOW, request::Parts};
use serde_json::{Value, json};
use uuid::Uuid;

use self::access::Access;
use super::{
    body::Body,
    journal::{Bounds, Journal},
    page,
    stream::stream,
};

/// The bounds of what is kept.
const BOUNDS: Bounds = Bounds { deliveries: 10_000, bytes: 64 * 1024 * 1024 };

/// The most deliveries in one answer, and the number if none is asked for.
const LIMIT: usize = 10_000;
const DEFAULT_LIMIT: usize = 200;

/// A source as the inspector knows it.
pub(super) struct KnownSource {
    pub(super) name: String,
    pub(super) scheme: Scheme,
    pub(super) tolerance: Duration,
    /// Empty if they are in AWS.
    pub(super) secrets: Vec<Secret>,
}

pub(super) struct Inspector {
    pub(super) journal: Arc<Journal>,
    pub(super) sources: Vec<KnownSource>,
    access: Access,
    /// The id of this run.
    instance: String,
}

impl Inspector {
    pub(super) fn new(sources: Vec<KnownSource>, listen: &str, port: u16) -> Self {
        let journal = Arc::new(Journal::new(BOUNDS));
        Self { journal, sources, access: Access::new(listen, port), instance: Uuid::new_v4().to_string() }
    }

    /// Answers a request of the page without its body.
    ///
    /// # Errors
    /// If the request must not be answered; with the answer that says so.
    pub(super) fn check(&self, request: &Parts, client: IpAddr) -> Result<(), Response<Body>> {
        self.access.check(request, client).map_err(|reason| error(StatusCode::FORBIDDEN, reason))
    }

    /// Answers a request that changes nothing.
    pub(super) fn get(&self, request: &Parts) -> Response<Body> {
        let path = request.uri.path();
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return not_allowed("GET, HEAD");
        }
        if let Some(file) = page::file(path) {
            return file;
        }
        let query = |name: &str| query(request, name);
        match path.strip_prefix("/inspector/").unwrap_or_default() {
            "deliveries" => {
                let limit =
                    query("limit").map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(LIMIT));
                let section = self.journal.before(query("before").unwrap_or(u64::MAX), limit.min(LIMIT));
                let summaries: Vec<_> =
                    section.deliveries.iter().map(|delivery| &delivery.facts.summary).collect();
                let (total, kept) = (section.total, section.kept);
                answer(
                    &json!({ "deliveries": summaries, "total": total, "kept": kept, "instance": self.instance }),
                )
            }
            "stream" => {
                let resumed =
                    request.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
                let after = resumed.or_else(|| query("after"));
                let events = stream(Arc::clone(&self.journal), after, &self.instance);
                page::response(StatusCode::OK, "text/event-stream", Body::Stream(events))
            }
            other => self.delivery(other.strip_prefix("deliveries/").unwrap_or_default()),
        }
    }

    fn delivery(&self, path: &str) -> Response<Body> {
        let (number, _form) = path.split_once('/').unwrap_or((path, ""));
        let delivery = number.parse().ok().and_then(|number| self.journal.find(number));
        let Some(delivery) = delivery else {
            return error(
                StatusCode::NOT_FOUND,
                "there is no such page, or the delivery is not kept any more",
            );
        };
        answer(&delivery.json())
    }
}

fn query(request: &Parts, name: &str) -> Option<u64> {
    let pairs = request.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok())
}

/// Returns `true` for a path that is the inspector's, and not that of a delivery under some base path.
pub(super) fn is_inspectors(path: &str) -> bool {
    let is_endpoints = path.contains("/webhooks/") || path.trim_end_matches('/').ends_with("/health");
    path.starts_with("/inspector/") && !is_endpoints
}

fn answer(json: &Value) -> Response<Body> {
    page::response(StatusCode::OK, "application/json", Body::text(json.to_string()))
}

pub(super) fn error(status: StatusCode, reason: &str) -> Response<Body> {
    page::response(status, "application/json", Body::text(json!({ "error": reason }).to_string()))
}

pub(super) fn not_allowed(allow: &'static str) -> Response<Body> {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here");
    response.headers_mut().insert(ALLOW, http::HeaderValue::from_static(allow));
    response
}
