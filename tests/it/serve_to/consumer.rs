//! A consumer whose responses a test decides, and a receiver that invokes it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use duffel_webhook_receiver::time::unix_seconds;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::support::{
    runtime_api::listen_at,
    serve::Serve,
    test_receiver::{SECRET, duffel_header, event},
    tool,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A response of the consumer.
pub enum Reply {
    Json(Value),
    /// A status, whether there is the header of a function error, and a body.
    Raw(u16, bool, &'static str),
    /// The same as a success, after a time.
    Late(Duration),
    /// The connection is closed.
    Nothing,
}

/// An invocation as the consumer gets it.
pub struct Invocation {
    pub at: Instant,
    pub path: String,
    pub headers: HeaderMap,
    pub event: Value,
}

impl Invocation {
    pub fn records(&self) -> &[Value] {
        self.event["Records"].as_array().unwrap()
    }

    /// The ids of the events.
    pub fn ids(&self) -> Vec<&str> {
        self.records().iter().map(id).collect()
    }

    /// How often each message was received.
    pub fn receives(&self) -> Vec<&str> {
        let count =
            |record: &'_ Value| record["attributes"]["ApproximateReceiveCount"].as_str().unwrap().to_owned();
        self.records().iter().map(count).map(|count| &*count.leak()).collect()
    }
}

pub fn id(record: &Value) -> &str {
    record["messageAttributes"]["event_id"]["stringValue"].as_str().unwrap()
}

/// A running consumer, stopped at the end of its test.
pub struct ConsumerStandIn {
    pub url: String,
    pub invocations: Receiver<Invocation>,
    _runtime: Runtime,
}

impl ConsumerStandIn {
    /// Starts a consumer. The script gets the number of the invocation, from 0, and its records.
    pub fn start(script: impl Fn(usize, &[Value]) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script)
    }

    pub fn start_at(
        address: SocketAddr,
        script: impl Fn(usize, &[Value]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (sender, invocations) = channel();
        let (script, number) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = runtime.block_on(listen_at(address, move |request: http::Request<_>| {
            let (script, number, sender) = (Arc::clone(&script), Arc::clone(&number), sender.clone());
            async move {
                let at = Instant::now();
                let (parts, body) = request.into_parts();
                let body: Bytes = BodyExt::collect(body).await.unwrap().to_bytes();
                let event: Value = serde_json::from_slice(&body).unwrap();
                let number = number.fetch_add(1, Ordering::Relaxed);
                let reply = script(number, event["Records"].as_array().unwrap());
                let path = parts.uri.path().to_owned();
                // The test may have ended.
                let _ = sender.send(Invocation { at, path, headers: parts.headers, event });
                respond(reply).await
            }
        }));
        Self { url: format!("http://{address}"), invocations, _runtime: runtime }
    }

    /// The next invocation.
    pub fn next(&self) -> Invocation {
        self.invocations.recv_timeout(PATIENCE).unwrap()
    }

    /// Fails if there is an invocation within a time.
    pub fn assert_idle(&self, time: Duration) {
        if let Ok(invocation) = self.invocations.recv_timeout(time) {
            panic!("there is an invocation: {}", invocation.event);
        }
    }
}

async fn respond(reply: Reply) -> Result<Response<Full<Bytes>>, &'static str> {
    let (status, is_error, body) = match reply {
        Reply::Json(body) => (200, false, body.to_string()),
        Reply::Raw(status, is_error, body) => (status, is_error, body.to_owned()),
        Reply::Late(time) => {
            tokio::time::sleep(time).await;
            (200, false, "{}".to_owned())
        }
        Reply::Nothing => return Err("closed"),
    };
    let response = Response::builder().status(status);
    let response = if is_error { response.header("X-Amz-Function-Error", "Unhandled") } else { response };
    Ok(response.body(body.into()).unwrap())
}

/// A success.
pub fn handled() -> Reply {
    Reply::Json(json!({ "batchItemFailures": [] }))
}

/// The failure of the records whose events have these ids.
pub fn fail(records: &[Value], ids: &[&str]) -> Reply {
    let failed = records.iter().filter(|record| ids.contains(&id(record)));
    let failed: Vec<_> = failed.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
    Reply::Json(json!({ "batchItemFailures": failed }))
}

/// A receiver that invokes a consumer.
pub struct Receiving {
    pub serve: Serve,
    pub url: String,
}

impl Receiving {
    /// Starts `serve --to URL` with options.
    pub fn start(to: &str, options: &str) -> Self {
        let mut command = tool::command(["serve", "--listen", "127.0.0.1:0", "--to", to]);
        command.args(options.split_whitespace()).env("WEBHOOK_SECRET", SECRET);
        let serve = Serve::spawn(&mut command);
        let url = serve.line("Receiving on ");
        serve.line("Consumer ");
        Self { serve, url }
    }

    /// Delivers an event about an order, and returns the status of the answer.
    pub fn deliver(&self, id: &str, order: &str) -> u16 {
        self.send(&event("air.order.changed", id, order))
    }

    /// Delivers a body, and returns the status of the answer.
    pub fn send(&self, body: &str) -> u16 {
        let header = duffel_header(SECRET, "v2", unix_seconds(SystemTime::now()), body.as_bytes());
        ureq::post(&self.url).header("X-Duffel-Signature", header).send(body).unwrap().status().as_u16()
    }

    /// Delivers events, each named by its order and a digit, such as `a1`.
    pub fn deliver_all(&self, ids: &str) {
        for id in ids.split(' ') {
            assert_eq!(self.deliver(id, &id[..1]), 202, "{id}");
        }
    }

    /// The next object of the output with a member of this name: `MessageId`, `batch`, `not_reached` or `dead_letter`.
    pub fn printed(&self, member: &str) -> Value {
        loop {
            let message = self.serve.message();
            if !message[member].is_null() {
                return message[member].clone();
            }
        }
    }
}
