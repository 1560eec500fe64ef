//! The cost of a delivery in the pipeline, without queue, table and network: `cargo bench --no-default-features --features tool`.
#![allow(clippy::unwrap_used)]

use std::{
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use duffel_webhook_receiver::{
    http::{RequestContext, respond},
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
    receive::{Receiver, Source, filter::Filter},
    signature::{
        Verifier,
        scheme::Scheme,
        secret::Secret,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use http::Request;

const DELIVERIES: usize = 20_000;
const ROUNDS: usize = 9;

/// A ledger without records and a queue that accepts everything, both at no cost.
struct Nowhere;

impl Ledger for Nowhere {
    async fn find(&self, _: &Identity) -> Result<Option<Record>, LedgerError> {
        Ok(None)
    }

    async fn record(&self, _: &Identity, record: &Record) -> Result<(), LedgerError> {
        black_box(record);
        Ok(())
    }
}

impl Queue for Nowhere {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        black_box(message);
        Ok(String::new())
    }
}

fn main() {
    for pad in [0, 10_000, 1_000_000] {
        let deliveries = if pad > 100_000 { DELIVERIES / 100 } else { DELIVERIES };
        let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round(deliveries, pad)).collect();
        rounds.sort();
        println!(
            "body of {:>9} bytes: {:?} a delivery",
            300 + pad,
            rounds[ROUNDS / 2] / u32::try_from(deliveries).unwrap()
        );
    }
}

/// Signs new events, and measures how long the endpoint takes to accept all of them.
fn round(deliveries: usize, pad: usize) -> Duration {
    let scheme = Scheme::duffel();
    let key = || Secret::new("54vFWvaSbbzYpxXPeB4YEw==").unwrap().key(scheme.key).unwrap();
    let now = SystemTime::now();
    let requests: Vec<_> = (0..deliveries)
        .map(|number| {
            let body = format!(
                r#"{{"id":"wev_{number:022}","api_version":"v2","type":"order.created","data":{{"object":{{"id":"ord_{number:022}","offer_id":"off_{number:022}","pad":"{}"}}}},"live_mode":true,"idempotency_key":"ord_{number:022}","created_at":"2020-04-11T15:48:11.642000Z"}}"#,
                "x".repeat(pad)
            );
            let signing = Signing { seconds: unix_seconds(now), ..Signing::default() };
            let headers = sign(&scheme, &key(), signing, body.as_bytes()).unwrap();
            let request = Request::post("/webhooks/duffel").header("content-type", "application/json");
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            request.body(Bytes::from(body)).unwrap()
        })
        .collect();
    let window = Duration::from_hours(24);
    let verifier = Verifier::new("duffel", scheme.clone(), vec![key()], window);
    let sources = vec![Source { verifier, key_refresh: None, filter: Filter::default() }];
    let receiver = Receiver { sources, ledger: Nowhere, queue: Nowhere, window };
    let mut context = Context::from_waker(Waker::noop());
    let started = Instant::now();
    for request in requests {
        // No port here waits.
        let answered = pin!(respond(&receiver, request, RequestContext::default(), now)).poll(&mut context);
        let Poll::Ready(response) = answered else {
            continue;
        };
        assert_eq!(black_box(response).status(), 202);
    }
    started.elapsed()
}
