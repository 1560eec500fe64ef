//! A delivery as the gateway gives it to the function: signed and wrapped.

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
use serde_json::Value;

pub const SECRET: &str = "54vFWvaSbbzYpxXPeB4YEw==";

const SAMPLE: &str = include_str!("../../events/http-api.order-created.json");

/// Signs and wraps bodies.
pub struct Payload {
    scheme: Scheme,
    key: Key,
    sample: Value,
}

impl Payload {
    pub fn new() -> Self {
        Self::signed_with(SECRET)
    }

    pub fn signed_with(secret: &str) -> Self {
        let scheme = Scheme::duffel();
        let key = Secret::new(secret).unwrap().key(scheme.key).unwrap();
        Self { scheme, key, sample: serde_json::from_str(SAMPLE).unwrap() }
    }

    /// Returns the gateway's event with a body, and with the signature of a body, which is another one in a forgery.
    pub fn of(&mut self, body: &str, signed: &str) -> Bytes {
        let signing = Signing { label: Some("v2"), id: "", seconds: unix_seconds(SystemTime::now()) };
        let header = sign(&self.scheme, &self.key, signing, signed.as_bytes()).unwrap().pop().unwrap();
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
