//! The receiver on in-memory ports that fail on demand, and deliveries as Duffel signs them.

use std::{
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use duffel_webhook_receiver::{
    http::{RequestContext, respond},
    in_memory::{MemoryLedger, MemoryQueue},
    receive::{Receiver, Source, filter::Filter},
    signature::{
        Verifier,
        scheme::Scheme,
        secret::{Key, Secret},
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use http::{Request, Response};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::support::fault::Faulty;

pub const DAY: Duration = Duration::from_hours(24);
pub const WINDOW: Duration = Duration::from_hours(24 * 7);

/// A secret in Duffel's form, for tests only.
pub const SECRET: &str = "54vFWvaSbbzYpxXPeB4YEw==";

/// The time of all in-memory tests, unless they say otherwise.
pub fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_262_400)
}

pub const ORDER_CREATED: &str = include_str!("../../../events/bodies/order.created.json");

/// An event in the usual form of Duffel's envelope.
pub fn event(kind: &str, id: &str, key: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"{kind}","data":{{"object":{{}}}},"live_mode":true,"idempotency_key":"{key}"}}"#
    )
}

/// The key that a scheme derives from a secret.
pub fn key(scheme: &Scheme, text: &str) -> Key {
    Secret::new(text).unwrap().key(scheme.key).unwrap()
}

/// The value of Duffel's signature header.
pub fn duffel_header(secret: &str, label: &str, seconds: u64, body: &[u8]) -> String {
    let scheme = Scheme::duffel();
    let signing = Signing { label: Some(label), id: "", seconds };
    let mut headers = sign(&scheme, &key(&scheme, secret), signing, body).unwrap();
    headers.pop().unwrap().1
}

/// A source with the name `duffel`.
pub fn duffel(secrets: &[&str], tolerance: Duration, filter: Filter) -> Source {
    let scheme = Scheme::duffel();
    let keys = secrets.iter().map(|secret| key(&scheme, secret)).collect();
    Source { filter, ..Source::new(Verifier::new("duffel", scheme, keys, tolerance)) }
}

/// The receiver with queue and ledger in memory, and what arrives on the queue.
pub struct TestReceiver {
    receiver: Receiver<Faulty<MemoryLedger>, Faulty<MemoryQueue>>,
    messages: Mutex<UnboundedReceiver<Value>>,
}

impl TestReceiver {
    pub fn new() -> Self {
        Self::with(&[SECRET], WINDOW, Filter::default())
    }

    pub fn with(secrets: &[&str], tolerance: Duration, filter: Filter) -> Self {
        Self::of(vec![duffel(secrets, tolerance, filter)])
    }

    pub fn of(sources: Vec<Source>) -> Self {
        let (queue, messages) = MemoryQueue::new();
        let ledger = Faulty::new(MemoryLedger::default());
        let receiver =
            Receiver { sources: sources.into(), ledger, queue: Faulty::new(queue), window: WINDOW };
        Self { receiver, messages: Mutex::new(messages) }
    }

    pub fn ledger(&self) -> &Faulty<MemoryLedger> {
        &self.receiver.ledger
    }

    pub fn queue(&self) -> &Faulty<MemoryQueue> {
        &self.receiver.queue
    }

    /// Sends a request to the endpoint; `None` if the process died before it answered.
    pub fn try_send(&self, request: Request<Bytes>, now: SystemTime) -> Option<Response<String>> {
        self.try_send_in(request, RequestContext::default(), now)
    }

    /// Sends a request in a context; `None` if the process died before it answered.
    fn try_send_in(
        &self,
        request: Request<Bytes>,
        context: RequestContext,
        now: SystemTime,
    ) -> Option<Response<String>> {
        // The in-memory ports answer at once, so what is pending stays pending.
        match pin!(respond(&self.receiver, request, context, now))
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(response) => Some(response),
            Poll::Pending => None,
        }
    }

    /// Sends a request, and returns the status and the word of the answer.
    pub fn send(&self, request: Request<Bytes>, now: SystemTime) -> (u16, String) {
        self.send_in(request, RequestContext::default(), now)
    }

    /// Sends a request in a context, and returns the status and the word of the answer.
    pub fn send_in(
        &self,
        request: Request<Bytes>,
        context: RequestContext,
        now: SystemTime,
    ) -> (u16, String) {
        let response = self.try_send_in(request, context, now).unwrap();
        let body: Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 1, "an answer has one member: {body}");
        (response.status().as_u16(), body["status"].as_str().unwrap().to_owned())
    }

    /// Delivers a body with a signature of this time.
    pub fn deliver(&self, body: impl AsRef<[u8]>, now: SystemTime) -> (u16, String) {
        self.send(signed(body, now), now)
    }

    /// Delivers a body with a given signature header.
    pub fn deliver_with(&self, body: impl AsRef<[u8]>, header: &str) -> (u16, String) {
        self.send(post(body, Some(header)), noon())
    }

    /// Takes the messages off the queue.
    pub fn queued(&self) -> Vec<Value> {
        let mut messages = self.messages.lock().unwrap();
        std::iter::from_fn(|| messages.try_recv().ok()).collect()
    }
}

/// A request with a body that was signed at a time.
pub fn signed(body: impl AsRef<[u8]>, at: SystemTime) -> Request<Bytes> {
    let header = duffel_header(SECRET, "v2", unix_seconds(at), body.as_ref());
    post(body, Some(&header))
}

pub fn post(body: impl AsRef<[u8]>, header: Option<&str>) -> Request<Bytes> {
    let mut request = Request::post("/webhooks/duffel");
    if let Some(header) = header {
        request = request.header("X-Duffel-Signature", header);
    }
    request.body(Bytes::copy_from_slice(body.as_ref())).unwrap()
}

pub fn answer(status: u16, word: &str) -> (u16, String) {
    (status, word.to_owned())
}
