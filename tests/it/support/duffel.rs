//! A stand-in for Duffel: its webhook API over HTTP, with faults on demand, and real, signed deliveries.
//!
//! It follows Duffel's documentation and public observations. Where they leave a question open, [`Settings`] has both
//! answers. It uses no code of the product. All methods block, deliveries included: if the receiver runs in the test
//! itself, call them on another thread (`tokio::task::spawn_blocking`). It stops when it is dropped.

mod delivery;
mod server;

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

/// The access token of the organisation's test mode.
pub const TOKEN: &str = "duffel_test_n0t-a_real0ne";
/// The access token of its live mode.
pub const LIVE_TOKEN: &str = "duffel_live_n0t-a_real0ne";

/// Behaviour that Duffel does not document, or that tests need to change.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question")]
pub struct Settings {
    /// `delivery_success` of an event is that of the first attempt, whatever later ones did.
    pub first_attempt_counts: bool,
    /// An event without an attempt is neither delivered nor failed.
    pub unattempted_is_nothing: bool,
    /// A redelivery is answered 202 at once and happens this much later; otherwise it is answered 204 when it is done.
    pub redelivers_after: Option<Duration>,
    /// A redelivery that the endpoint does not accept is answered 422, as a ping is; otherwise 204.
    pub redelivery_reports_failure: bool,
    /// Retries and redeliveries go to the webhook of the first attempt with its secret, even if it is deleted.
    pub remembers_endpoint: bool,
    /// A retry has the signed time of the first attempt.
    pub signs_first_time: bool,
    /// Lists are not filtered, as if the parameters were unknown.
    pub ignores_filters: bool,
    /// Records in lists have no `created_at`.
    pub hides_times: bool,
    /// Which answers have the `data` of events.
    pub data_in: DataIn,
    /// The label of the signature.
    pub label: &'static str,
    /// The time limit for the answer of an endpoint.
    pub patience: Duration,
    /// The rate limit: requests in an interval; further ones are answered 429.
    pub rate: Option<(usize, Duration)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_attempt_counts: false,
            unattempted_is_nothing: false,
            redelivers_after: None,
            redelivery_reports_failure: false,
            remembers_endpoint: false,
            signs_first_time: false,
            ignores_filters: false,
            hides_times: false,
            data_in: DataIn::Deliveries,
            label: "v2",
            patience: Duration::from_secs(10),
            rate: None,
        }
    }
}

/// Where the `data` of an event is: Duffel documents it for events, and its examples of lists have none.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub enum DataIn {
    Deliveries,
    /// Also where one event is returned.
    Event,
    /// Also in lists.
    Lists,
}

/// The fault of a request to Duffel's API. Without one the request succeeds.
#[derive(Clone)]
pub enum ApiFault {
    /// 429, with `ratelimit-reset` this many seconds from now, as an HTTP date.
    RateLimited(u64),
    /// 429 or 503, with `retry-after` in seconds.
    RetryAfter(u16, u64),
    /// An error of the API, such as 500, in its envelope.
    Status(u16),
    /// A page of HTML, as from a load balancer.
    Html(u16),
    /// Any status with any body.
    Answer(u16, &'static str),
    /// A redirect to another address.
    Redirect(String),
    /// The request is carried out and the answer comes this much later.
    Slow(Duration),
    /// The connection is closed, and nothing was done.
    Down,
    /// The request is carried out, and the connection closed before the answer.
    AnswerLost,
}

/// A request to the API.
#[derive(Clone, Debug)]
pub struct Asked {
    /// As in `GET /air/webhooks`.
    pub what: String,
    pub query: Vec<(String, String)>,
    pub headers: http::HeaderMap,
    pub body: Value,
}

impl Asked {
    /// A query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone)]
struct Webhook {
    id: String,
    url: String,
    secret: String,
    events: Vec<String>,
    active: bool,
    live: bool,
    deleted: bool,
    created_at: SystemTime,
}

#[derive(Clone)]
struct Event {
    id: String,
    kind: String,
    live: bool,
    key: Option<String>,
    created_at: SystemTime,
    /// The bytes of every delivery.
    body: String,
    /// Endpoint and time of the first attempt.
    first: Option<(String, SystemTime)>,
    /// For each attempt, true if it succeeded.
    attempts: Vec<bool>,
}

#[derive(Clone)]
struct Delivery {
    id: String,
    event: Event,
    endpoint: String,
    url: String,
    status: Option<u16>,
    body: Option<String>,
    created_at: SystemTime,
}

#[derive(Default)]
struct State {
    settings: Settings,
    webhooks: Vec<Webhook>,
    events: Vec<Event>,
    deliveries: Vec<Delivery>,
    /// Faults of the next requests, each with the beginning of its request.
    faults: VecDeque<(String, ApiFault)>,
    asked: Vec<Asked>,
    /// The events whose redelivery was accepted, once for each request.
    redelivered: Vec<String>,
    /// The times of the requests in the current interval.
    recent: Vec<Instant>,
}

/// A running stand-in.
pub struct DuffelStandIn {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
}

impl DuffelStandIn {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let (stop, stopped) = oneshot::channel();
        let served = state.clone();
        thread::spawn(move || server::serve(listener, &served, stopped));
        Self { address, state, stop: Some(stop) }
    }

    /// The value of `DUFFEL_API_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the settings.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut lock(&self.state).settings);
    }

    /// Injects a fault into the next `times` requests that begin with `what`, such as `GET /air/webhooks/events`.
    pub fn inject(&self, what: &str, fault: &ApiFault, times: usize) {
        lock(&self.state).faults.extend(vec![(what.to_owned(), fault.clone()); times]);
    }

    /// Takes the requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut lock(&self.state).asked)
    }

    /// The events whose redelivery was accepted since the start, once for each request.
    pub fn redelivered(&self) -> Vec<String> {
        lock(&self.state).redelivered.clone()
    }

    /// Registers an endpoint for all events of test mode without the API, and returns its id and secret.
    pub fn register(&self, url: &str) -> (String, String) {
        let webhook = Webhook::new(url, &[], false);
        lock(&self.state).webhooks.push(webhook.clone());
        (webhook.id, webhook.secret)
    }

    /// The webhooks, with their secrets.
    pub fn webhooks(&self) -> Vec<Value> {
        let state = lock(&self.state);
        let present = state.webhooks.iter().filter(|webhook| !webhook.deleted);
        present.map(|webhook| webhook.json(true)).collect()
    }

    /// Creates an event in test mode and delivers it, and returns its id.
    pub fn occur(&self, kind: &str, object: &Value) -> String {
        self.occur_at(SystemTime::now(), kind, object)
    }

    /// The same, with a time of creation for the filters of the API.
    pub fn occur_at(&self, at: SystemTime, kind: &str, object: &Value) -> String {
        let event = Event::new(kind, object, false, at);
        lock(&self.state).events.push(event.clone());
        delivery::deliver(&self.state, &event.id);
        event.id
    }

    /// Creates events with a time of creation that were delivered at once.
    pub fn occur_delivered(&self, at: SystemTime, times: usize) {
        let mut state = lock(&self.state);
        let endpoint = state.webhooks[0].clone();
        for number in 0..times {
            let mut event =
                Event::new("order.created", &json!({ "id": format!("ord_d{number}") }), false, at);
            event.first = Some((endpoint.id.clone(), at));
            event.attempts.push(true);
            state.deliveries.push(Delivery::accepted(&event, &endpoint, at));
            state.events.push(event);
        }
    }

    /// Adds a successful delivery of an event at a time.
    pub fn delivered_at(&self, event_id: &str, at: SystemTime) {
        let mut state = lock(&self.state);
        let endpoint = state.webhooks[0].clone();
        let event = state.events.iter_mut().find(|event| event.id == event_id).unwrap();
        event.attempts.push(true);
        let delivery = Delivery::accepted(event, &endpoint, at);
        state.deliveries.push(delivery);
        state.deliveries.sort_by_key(|delivery| delivery.created_at);
    }

    /// Creates an event in live mode with a time of creation and delivers it, and returns its id.
    pub fn occur_live_at(&self, at: SystemTime, kind: &str, object: &Value) -> String {
        let event = Event::new(kind, object, true, at);
        lock(&self.state).events.push(event.clone());
        delivery::deliver(&self.state, &event.id);
        event.id
    }

    /// Creates an event in live mode and delivers it, and returns its id.
    pub fn occur_live(&self, kind: &str, object: &Value) -> String {
        self.occur_live_at(SystemTime::now(), kind, object)
    }

    /// Retries the events that were not accepted, as Duffel does for 72 hours, and returns their number.
    pub fn retry_failed(&self) -> usize {
        let failed = |event: &&Event| !event.attempts.is_empty() && !event.attempts.contains(&true);
        let failed: Vec<_> =
            lock(&self.state).events.iter().filter(failed).map(|event| event.id.clone()).collect();
        for id in &failed {
            delivery::deliver(&self.state, id);
        }
        failed.len()
    }

    /// The status of the answer to each attempt of an event; `None` if there was no answer.
    pub fn attempts(&self, event_id: &str) -> Vec<Option<u16>> {
        let state = lock(&self.state);
        let of_event = state.deliveries.iter().filter(|delivery| delivery.event.id == event_id);
        of_event.map(|delivery| delivery.status).collect()
    }

    /// The events without a successful attempt.
    pub fn undelivered(&self) -> Vec<String> {
        let state = lock(&self.state);
        let undelivered = state.events.iter().filter(|event| !event.attempts.contains(&true));
        undelivered.map(|event| event.id.clone()).collect()
    }
}

impl Drop for DuffelStandIn {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }
}

impl Webhook {
    fn new(url: &str, events: &[String], live: bool) -> Self {
        Self {
            id: id("end"),
            url: url.to_owned(),
            secret: STANDARD.encode(Uuid::new_v4()),
            events: events.to_vec(),
            active: true,
            live,
            deleted: false,
            created_at: SystemTime::now(),
        }
    }

    fn json(&self, with_secret: bool) -> Value {
        let mut json = json!({
            "id": self.id, "url": self.url, "events": self.events, "active": self.active,
            "live_mode": self.live, "created_at": time(self.created_at), "updated_at": time(self.created_at),
        });
        if with_secret {
            json["secret"] = self.secret.clone().into();
        }
        json
    }

    /// An empty list of types means all types.
    fn wants(&self, event: &Event) -> bool {
        let wanted = self.events.is_empty() || self.events.contains(&event.kind) || event.is_ping();
        wanted && self.active && self.live == event.live
    }
}

impl Event {
    fn new(kind: &str, object: &Value, live: bool, created_at: SystemTime) -> Self {
        let id = id("wev");
        let mut ids = object.as_object().into_iter().flatten();
        let key = object["id"].as_str().or_else(|| ids.find_map(|(_, id)| id.as_str()));
        let key = key.map(str::to_owned);
        let mut body = json!({
            "id": id, "api_version": "v2", "type": kind, "data": { "object": object }, "live_mode": live,
            "created_at": time(created_at), "identity_organisation_id": "org_0000APMFjhs4X2rJ6k7UIE",
        });
        if let Some(key) = &key {
            body["idempotency_key"] = key.clone().into();
        }
        let (kind, body) = (kind.to_owned(), body.to_string());
        Self { id, kind, live, key, created_at, body, first: None, attempts: Vec::new() }
    }

    fn is_ping(&self) -> bool {
        self.kind == "ping.triggered"
    }

    /// `None` if an event without an attempt has no result.
    fn success(&self, settings: &Settings) -> Option<bool> {
        match self.attempts.first() {
            None if settings.unattempted_is_nothing => None,
            None => Some(false),
            Some(first) if settings.first_attempt_counts => Some(*first),
            Some(_) => Some(self.attempts.contains(&true)),
        }
    }

    fn json(&self, has_data: bool) -> Value {
        let mut json = json!({
            "id": self.id, "type": self.kind, "live_mode": self.live, "idempotency_key": self.key,
            "created_at": time(self.created_at), "api_version": "v2",
        });
        if has_data {
            let body: Value = serde_json::from_str(&self.body).unwrap();
            json["data"] = body["data"].clone();
        }
        json
    }
}

impl Delivery {
    fn accepted(event: &Event, endpoint: &Webhook, at: SystemTime) -> Self {
        Self {
            id: id("del"),
            event: event.clone(),
            endpoint: endpoint.id.clone(),
            url: endpoint.url.clone(),
            status: Some(202),
            body: None,
            created_at: at,
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "event_id": self.event.id, "endpoint_id": self.endpoint, "type": self.event.kind,
            "url": self.url, "response_status_code": self.status, "response_body": self.body,
            "live_mode": self.event.live, "created_at": time(self.created_at),
        })
    }

    fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

fn id(prefix: &str) -> String {
    format!("{prefix}_{}", &Uuid::new_v4().simple().to_string()[..22])
}

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_micros(at).to_string()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

/// Starts an endpoint that answers each delivery with the next of these statuses, and 202 after the last, and returns its
/// URL.
pub fn endpoint(statuses: &'static [u16]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/webhooks/duffel", listener.local_addr().unwrap());
    let mut statuses = statuses.iter();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut part) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"}") {
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
                assert!(read > 0, "no body");
            }
            let status = statuses.next().unwrap_or(&202);
            let answer = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}
