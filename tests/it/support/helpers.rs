//! A receiver on memory ports that fail when told to, and deliveries as Duffel signs them.

use std::{
    collections::VecDeque,
    future::pending,
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use duffel_webhook_receiver::{
    http::{RequestContext, respond},
    identity::Identity,
    in_memory::{MemoryLedger, MemoryQueue},
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
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

pub const DAY: Duration = Duration::from_hours(24);
pub const WINDOW: Duration = Duration::from_hours(24 * 7);

/// A secret as Duffel makes them; signs nothing but tests.
pub const SECRET: &str = "54vFWvaSbbzYpxXPeB4YEw==";

/// A moment when all of these tests happen, unless they say otherwise.
pub fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_262_400)
}

pub const ORDER_CREATED: &str = include_str!("../../../events/bodies/order.created.json");

/// An event of the envelope's usual form.
pub fn event(kind: &str, id: &str, key: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"{kind}","data":{{"object":{{}}}},"live_mode":true,"idempotency_key":"{key}"}}"#
    )
}

/// A secret's key, as a scheme makes it.
pub fn key(scheme: &Scheme, text: &str) -> Key {
    Secret::new(text).unwrap().key(scheme.key).unwrap()
}

/// Duffel's signature header.
pub fn duffel_header(secret: &str, label: &str, seconds: u64, body: &[u8]) -> String {
    let scheme = Scheme::duffel();
    let signing = Signing { label: Some(label), id: "", seconds };
    let mut headers = sign(&scheme, &key(&scheme, secret), signing, body).unwrap();
    headers.pop().unwrap().1
}

/// A source called `duffel`.
pub fn duffel(secrets: &[&str], tolerance: Duration, filter: Filter) -> Source {
    let scheme = Scheme::duffel();
    let keys = secrets.iter().map(|secret| key(&scheme, secret)).collect();
    Source { verifier: Verifier::new("duffel", scheme, keys, tolerance), key_refresh: None, filter }
}

/// What a port does with its next call instead of its work.
#[derive(Clone, Copy)]
pub enum Fault {
    /// Fails without having done anything.
    Down,
    /// Does it, but the answer is lost.
    AnswerLost,
    /// The process dies before it.
    KilledBefore,
    /// The process dies after it.
    KilledAfter,
}

/// A port in front of which faults lie in wait, one a call.
#[derive(Default)]
pub struct Faulty<P> {
    port: P,
    faults: Mutex<VecDeque<Option<Fault>>>,
    pub calls: Mutex<usize>,
}

impl<P> Faulty<P> {
    fn new(port: P) -> Self {
        Self { port, faults: Mutex::default(), calls: Mutex::default() }
    }

    /// Lets `fault` inject the next `times` calls.
    pub fn inject(&self, fault: Fault, times: usize) {
        self.faults.lock().unwrap().extend(vec![Some(fault); times]);
    }

    /// Lets the next call through, whatever lies behind it.
    pub fn pass_next(&self) {
        self.faults.lock().unwrap().push_back(None);
    }

    async fn call<T>(&self, work: impl Future<Output = T>) -> Result<T, &'static str> {
        *self.calls.lock().unwrap() += 1;
        let fault = self.faults.lock().unwrap().pop_front().flatten();
        match fault {
            None => Ok(work.await),
            Some(Fault::Down) => Err("connection refused"),
            Some(Fault::AnswerLost) => {
                work.await;
                Err("connection reset")
            }
            Some(Fault::KilledBefore) => pending().await,
            Some(Fault::KilledAfter) => {
                work.await;
                pending().await
            }
        }
    }
}

impl Ledger for Faulty<MemoryLedger> {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        self.call(self.port.find(identity)).await.map_err(|error| LedgerError(error.into()))?
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        self.call(self.port.record(identity, record)).await.map_err(|error| LedgerError(error.into()))?
    }
}

impl Queue for Faulty<MemoryQueue> {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        self.call(self.port.send(message)).await.map_err(|error| QueueError(error.into()))?
    }
}

/// The receiver and the far end of its queue.
pub struct TestReceiver {
    pub receiver: Receiver<Faulty<MemoryLedger>, Faulty<MemoryQueue>>,
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
        let receiver = Receiver { sources, ledger, queue: Faulty::new(queue), window: WINDOW };
        Self { receiver, messages: Mutex::new(messages) }
    }

    /// Knocks at the door; `None` when the process died before it answered.
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
        // The memory ports answer at once, so whatever waits waits for ever.
        match pin!(respond(&self.receiver, request, context, now))
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(response) => Some(response),
            Poll::Pending => None,
        }
    }

    /// Knocks, and returns the status and the word of the answer.
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
        assert_eq!(body.as_object().unwrap().len(), 1, "an answer says one thing: {body}");
        (response.status().as_u16(), body["status"].as_str().unwrap().to_owned())
    }

    /// Delivers a body signed now.
    pub fn deliver(&self, body: impl AsRef<[u8]>, now: SystemTime) -> (u16, String) {
        self.send(signed(body, now), now)
    }

    /// Delivers a body under a signature header of one's own.
    pub fn deliver_with(&self, body: impl AsRef<[u8]>, header: &str) -> (u16, String) {
        self.send(post(body, Some(header)), noon())
    }

    /// Everything that came onto the queue since the last look.
    pub fn queued(&self) -> Vec<Value> {
        let mut messages = self.messages.lock().unwrap();
        std::iter::from_fn(|| messages.try_recv().ok()).collect()
    }
}

/// A delivery signed at a moment, as live traffic signs.
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
