//! The deliveries: new events, repeated ones, and forgeries.

use std::time::SystemTime;

use bytes::Bytes;
use duffel_webhook_receiver::{
    signature::{
        scheme::Scheme,
        secret::{Key, Secret},
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use fastrand::Rng;
use serde_json::Value;

pub const SECRET: &str = "54vFWvaSbbzYpxXPeB4YEw==";

const SAMPLE: &str = include_str!("../../events/http-api.order-created.json");

/// Events are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    New(u64),
    /// Delivered before, or at the same time.
    Again(u64),
    /// Without a valid signature.
    Forged(u64),
}

/// Draws deliveries: of a hundred, 70 new ones, 20 repetitions, 10 forgeries.
pub struct Deliveries {
    random: Rng,
    scheme: Scheme,
    keys: [Key; 2],
    sample: Value,
    /// The number of events so far.
    pub events: u64,
    /// An event that is repeated at once.
    echo: Option<u64>,
}

impl Deliveries {
    pub fn new(seed: u64) -> Self {
        let scheme = Scheme::duffel();
        let keys = [SECRET, "another secret"].map(|text| Secret::new(text).unwrap().key(scheme.key).unwrap());
        let sample = serde_json::from_str(SAMPLE).unwrap();
        Self { random: Rng::with_seed(seed), scheme, keys, sample, events: 0, echo: None }
    }

    pub fn draw(&mut self) -> (Kind, Bytes) {
        let kind = self.kind();
        let payload = match kind {
            Kind::New(number) | Kind::Again(number) => self.payload(&body(number), &body(number), 0),
            // Half of them altered after they were signed, half signed with another secret.
            Kind::Forged(number) if number % 2 == 0 => {
                let forged = body(number).replace("order.created", "order.deleted");
                self.payload(&forged, &body(number), 0)
            }
            Kind::Forged(number) => self.payload(&body(number), &body(number), 1),
        };
        (kind, payload)
    }

    fn kind(&mut self) -> Kind {
        if let Some(number) = self.echo.take() {
            return Kind::Again(number);
        }
        match self.random.u32(..90) {
            // Two deliveries at the same time, in most cases to two environments.
            0..10 => {
                self.echo = Some(self.events);
                self.new_event()
            }
            10..20 if self.events > 0 => Kind::Again(self.random.u64(..self.events)),
            // Of a later event, which it must not affect.
            20..30 => Kind::Forged(self.events),
            _ => self.new_event(),
        }
    }

    fn new_event(&mut self) -> Kind {
        self.events += 1;
        Kind::New(self.events - 1)
    }

    /// The gateway's event.
    fn payload(&mut self, body: &str, signed: &str, key: usize) -> Bytes {
        let signing = Signing { label: Some("v2"), id: "", seconds: unix_seconds(SystemTime::now()) };
        let header = sign(&self.scheme, &self.keys[key], signing, signed.as_bytes()).unwrap().pop().unwrap();
        self.sample["headers"]["x-duffel-signature"] = header.1.into();
        self.sample["body"] = body.into();
        serde_json::to_vec(&self.sample).unwrap().into()
    }
}

/// The body of an event, which depends on its number only, and is as long as Duffel's.
pub fn body(number: u64) -> String {
    format!(
        r#"{{"id":"wev_{number:022}","api_version":"v2","type":"order.created","data":{{"object":{{"id":"ord_{number:022}","offer_id":"off_{number:022}"}}}},"live_mode":true,"idempotency_key":"ord_{number:022}","created_at":"2020-04-11T15:48:11.642000Z"}}"#
    )
}
