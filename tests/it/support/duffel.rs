//! A stand-in of Duffel: its webhook API over HTTP, with faults on demand, and real, signed deliveries.
//!
//! Written from Duffel's documentation and what others saw of it. Where that leaves a question open, [`Settings`] has
//! both answers. Nothing here uses the product's own code. All methods block, deliveries included: in a test that is
//! itself the receiver, call them from another thread (`tokio::task::spawn_blocking`). Stops when dropped.

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

/// How the stand-in behaves where nobody knows how Duffel does, and where tests want it otherwise.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "open questions are")]
pub struct Settings {
    /// An event's `delivery_success` is that of the first attempt, whatever a later one did.
    pub first_attempt_counts: bool,
    /// An event that nobody was there for is neither delivered nor failed.
    pub unattempted_is_nothing: bool,
    /// Redelivery is answered 202 at once and happens so much later; else it is answered 204 when it is done.
    pub redelivers_after: Option<Duration>,
    /// A redelivery that is done at once and not accepted is answered 422, as a ping is; else 204 all the same.
    pub redelivery_tells: bool,
    /// Retries and redeliveries go to the webhook of the first attempt under its secret, though it be deleted.
    pub remembers_endpoint: bool,
    /// A retry is signed with the time of the first attempt.
    pub signs_first_time: bool,
    /// Lists are not filtered, as if the parameters had other names.
    pub ignores_filters: bool,
    /// Lists tell no `created_at`.
    pub hides_times: bool,
    /// The signature's label.
    pub label: &'static str,
    /// How long an endpoint may take.
    pub patience: Duration,
    /// So many requests in such a time; the next ones are answered 429.
    pub rate: Option<(usize, Duration)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_attempt_counts: false,
            unattempted_is_nothing: false,
            redelivers_after: None,
            redelivery_tells: false,
            remembers_endpoint: false,
            signs_first_time: false,
            ignores_filters: false,
            hides_times: false,
            label: "v2",
            patience: Duration::from_secs(10),
            rate: None,
        }
    }
}

/// What befalls a request to the API.
#[derive(Clone)]
pub enum ApiFault {
    /// 429, with `ratelimit-reset` so many seconds from now, as an HTTP date.
    RateLimited(u64),
    /// 429 or 503, with `retry-after` in seconds.
    RetryAfter(u16, u64),
    /// An error of the API's own, such as 500, in the envelope.
    Status(u16),
    /// A page of HTML, as load balancers have them.
    Html(u16),
    /// Any status with any body.
    Answer(u16, &'static str),
    /// A redirect to another address.
    Redirect(String),
    /// The request is carried out and the answer comes so much later.
    Slow(Duration),
    /// The connection is cut, and nothing was done.
    Down,
    /// The request is carried out and the connection is cut.
    AnswerLost,
}

/// A request that came to the API.
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
    /// The bytes that are delivered, each time the same.
    body: String,
    /// The first attempt's endpoint and time.
    first: Option<(String, SystemTime)>,
    /// How each attempt went.
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
    /// What befalls the next requests that begin so.
    faults: VecDeque<(String, ApiFault)>,
    asked: Vec<Asked>,
    /// When the requests of the current window came.
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

    /// What `DUFFEL_API_URL` should be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how it behaves.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut lock(&self.state).settings);
    }

    /// Lets a fault inject the next `times` requests that begin with `what`, such as `GET /air/webhooks/events`.
    pub fn inject(&self, what: &str, fault: &ApiFault, times: usize) {
        lock(&self.state).faults.extend(vec![(what.to_owned(), fault.clone()); times]);
    }

    /// What it was asked since the last look.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut lock(&self.state).asked)
    }

    /// Registers an endpoint for all events of the test mode without the API; its id and secret.
    pub fn register(&self, url: &str) -> (String, String) {
        let webhook = Webhook::new(url, &[], false);
        lock(&self.state).webhooks.push(webhook.clone());
        (webhook.id, webhook.secret)
    }

    /// The webhooks that there are, with their secrets.
    pub fn webhooks(&self) -> Vec<Value> {
        let state = lock(&self.state);
        let present = state.webhooks.iter().filter(|webhook| !webhook.deleted);
        present.map(|webhook| webhook.json(true)).collect()
    }

    /// Lets something happen in test mode and delivers it; the event's id.
    pub fn occur(&self, kind: &str, object: &Value) -> String {
        self.occur_at(SystemTime::now(), kind, object)
    }

    /// Lets something have happened at a moment, for the API's filters, and delivers it now; the event's id.
    pub fn occur_at(&self, at: SystemTime, kind: &str, object: &Value) -> String {
        let event = Event::new(kind, object, false, at);
        lock(&self.state).events.push(event.clone());
        delivery::deliver(&self.state, &event.id);
        event.id
    }

    /// Lets something have happened so many times at a moment, and have been delivered at once.
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

    /// Lets an event have been delivered at a moment.
    pub fn delivered_at(&self, event_id: &str, at: SystemTime) {
        let mut state = lock(&self.state);
        let endpoint = state.webhooks[0].clone();
        let event = state.events.iter_mut().find(|event| event.id == event_id).unwrap();
        event.attempts.push(true);
        let delivery = Delivery::accepted(event, &endpoint, at);
        state.deliveries.push(delivery);
        state.deliveries.sort_by_key(|delivery| delivery.created_at);
    }

    /// Lets something have happened in live mode at a moment and delivers it now; the event's id.
    pub fn occur_live_at(&self, at: SystemTime, kind: &str, object: &Value) -> String {
        let event = Event::new(kind, object, true, at);
        lock(&self.state).events.push(event.clone());
        delivery::deliver(&self.state, &event.id);
        event.id
    }

    /// Lets something happen in live mode and delivers it; the event's id.
    pub fn occur_live(&self, kind: &str, object: &Value) -> String {
        self.occur_live_at(SystemTime::now(), kind, object)
    }

    /// Delivers again what was not accepted yet, as Duffel does for 72 hours; how many those were.
    pub fn retry_failed(&self) -> usize {
        let failed = |event: &&Event| !event.attempts.is_empty() && !event.attempts.contains(&true);
        let failed: Vec<_> =
            lock(&self.state).events.iter().filter(failed).map(|event| event.id.clone()).collect();
        for id in &failed {
            delivery::deliver(&self.state, id);
        }
        failed.len()
    }

    /// How often an event was delivered, and how: the endpoint's answers, `None` where there was none.
    pub fn attempts(&self, event_id: &str) -> Vec<Option<u16>> {
        let state = lock(&self.state);
        let of_event = state.deliveries.iter().filter(|delivery| delivery.event.id == event_id);
        of_event.map(|delivery| delivery.status).collect()
    }

    /// The events of which no attempt was accepted.
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

    /// None stands for all.
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

    /// `None` if there was no attempt and that is nothing.
    fn success(&self, settings: &Settings) -> Option<bool> {
        match self.attempts.first() {
            None if settings.unattempted_is_nothing => None,
            None => Some(false),
            Some(first) if settings.first_attempt_counts => Some(*first),
            Some(_) => Some(self.attempts.contains(&true)),
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "type": self.kind, "live_mode": self.live, "idempotency_key": self.key,
            "created_at": time(self.created_at), "api_version": "v2",
        })
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

/// An endpoint that answers each delivery with the next of these statuses, and 202 after the last; its URL.
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
