//! The cost of a delivery in the pipeline, without queue, table and network, beside what any receiver must do with its
//! body: hash it once and parse it once. `cargo bench --no-default-features --features tool --bench endpoint`; a path after
//! `--` is that of a file for the figures.
#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    gateway::{self, Invocation},
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
    receive::{Receiver, Source, Sources},
    signature::{
        Verifier,
        scheme::Scheme,
        secret::Secret,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The bytes of all bodies of a round, so that each round takes about as long.
const BYTES: usize = 16 << 20;
const MAX_DELIVERIES: usize = 10_000;
const ROUNDS: usize = 15;

const EVENT: &str = include_str!("../events/http-api.order-created.json");
const SLICE: &str = r#"{"id":"sli_00009htYpSCXrwaB9Dn123","origin":{"iata_code":"LHR","name":"Heathrow"},"destination":{"iata_code":"JFK","name":"John F. Kennedy"},"duration":"PT8H26M","segments":[{"id":"seg_00009htYpSCXrwaB9Dn456","distance":"5540.3","departing_at":"2020-06-13T16:38:02"}]}"#;

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
    let mut figures = Vec::new();
    println!(
        "{:>9}  {:>10}  {:>12}  {:>12}  {:>11}",
        "body", "a delivery", "hash + parse", "hash + check", "ratios"
    );
    for bytes in [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1020 << 10] {
        let deliveries = (BYTES / bytes).min(MAX_DELIVERIES);
        // Interleaved, so that a busy moment of the machine affects all of them.
        let rounds: Vec<_> = (0..ROUNDS).map(|_| round(deliveries, bytes)).collect();
        let median = |index: usize| {
            let mut times: Vec<_> = rounds.iter().map(|round| round[index]).collect();
            times.sort();
            times[ROUNDS / 2] / u32::try_from(deliveries).unwrap()
        };
        let [delivery, parsed, checked] = [0, 1, 2].map(median);
        let ratio = |other: Duration| delivery.as_secs_f64() / other.as_secs_f64();
        println!(
            "{bytes:>9}  {delivery:>10.1?}  {parsed:>12.1?}  {checked:>12.1?}  {:>5.2} {:>5.2}",
            ratio(parsed),
            ratio(checked)
        );
        let [delivery, parsed, checked] = [delivery, parsed, checked].map(|time| time.as_secs_f64() * 1e6);
        figures.push(json!({ "bytes": bytes, "us": delivery, "parsed_us": parsed, "checked_us": checked }));
    }
    if let Some(path) = env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        fs::write(path, format!("{:#}\n", json!(figures))).unwrap();
    }
}

/// Measures how long the function's code takes to accept all of some new events, from the payloads of their invocations
/// to the answers; and how long it takes to hash their bodies and to parse them, or to check that they are JSON.
fn round(deliveries: usize, bytes: usize) -> [Duration; 3] {
    let scheme = Scheme::duffel();
    let key = || Secret::new("54vFWvaSbbzYpxXPeB4YEw==").unwrap().key(scheme.key).unwrap();
    let now = SystemTime::now();
    let bodies: Vec<_> = (0..deliveries).map(|number| body(number, bytes)).collect();
    let payloads: Vec<_> = bodies
        .iter()
        .map(|body| {
            let signing = Signing { seconds: unix_seconds(now), ..Signing::default() };
            let headers = sign(&scheme, &key(), signing, body.as_bytes()).unwrap();
            let mut event: Value = serde_json::from_str(EVENT).unwrap();
            event["body"] = json!(body);
            for (name, value) in headers {
                event["headers"][name.as_str().to_lowercase()] = json!(value);
            }
            event.to_string()
        })
        .collect();
    let window = Duration::from_hours(24);
    let verifier = Verifier::new("duffel", scheme.clone(), vec![key()], window);
    let sources = Sources::from(vec![Source::new(verifier)]);
    let receiver = Receiver { sources, ledger: Nowhere, queue: Nowhere, window };
    let mut context = Context::from_waker(Waker::noop());
    let mut started = Instant::now();
    for payload in &payloads {
        let payload = serde_json::from_str(payload).unwrap();
        let invocation = pin!(gateway::invoke(&receiver, None, payload, Invocation::default(), |_, _| {}));
        // No port here waits.
        let Poll::Ready(answer) = invocation.poll(&mut context) else { panic!("it waits") };
        assert_eq!(black_box(answer)["statusCode"], 202);
    }
    let mut lap = || std::mem::replace(&mut started, Instant::now()).elapsed();
    let delivery = lap();
    for body in &bodies {
        black_box(Sha256::digest(body));
        black_box(serde_json::from_str::<Value>(body).unwrap());
    }
    let parsed = lap();
    for body in &bodies {
        black_box(Sha256::digest(body));
        black_box(serde_json::from_str::<IgnoredAny>(body).unwrap());
    }
    [delivery, parsed, lap()]
}

/// Makes an event of a number of bytes: a list of slices, as an order has them.
fn body(number: usize, bytes: usize) -> String {
    let body = |slices: &str| {
        format!(
            r#"{{"id":"wev_{number:022}","api_version":"v2","type":"order.created","data":{{"object":{{"id":"ord_{number:022}","slices":[{slices}]}}}},"live_mode":true,"idempotency_key":"ord_{number:022}","created_at":"2020-04-11T15:48:11.642000Z"}}"#
        )
    };
    let room = bytes - body("").len();
    let slices = vec![SLICE; room / (SLICE.len() + 1)].join(",");
    body(&slices)
}
