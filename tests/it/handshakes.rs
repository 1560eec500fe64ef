//! Handshakes and forms of answers, through the endpoint and from the configuration on.

mod announced;
mod answers;
mod presets;
mod queries;
mod signed;

use std::time::SystemTime;

use bytes::Bytes;
use duffel_webhook_receiver::config::{Config, Secrets};
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response, request::Builder};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::test_receiver::{TestReceiver, noon};

const SECRET: &str = "hush";

/// The endpoint with one source, `it`, and with these fields of it.
struct Endpoint(TestReceiver);

impl Endpoint {
    fn new(fields: Value) -> Self {
        let mut source = json!({ "scheme": "hmac-sha256", "secret": SECRET });
        let Value::Object(fields) = fields else { panic!("{fields}") };
        source.as_object_mut().unwrap().extend(fields);
        let sources = json!({ "it": source }).to_string();
        let config = Config::read(|name| match name {
            "QUEUE_URL" => Some("http://localhost/memory.fifo".to_owned()),
            "SOURCES" => Some(sources.clone()),
            _ => None,
        });
        let source = config.unwrap().sources.pop().unwrap();
        let Secrets::Given(keys) = &source.secrets else { panic!("{source:?}") };
        let keys = keys.clone();
        Self(TestReceiver::of(vec![source.source(keys, None)]))
    }

    /// Without any option.
    fn plain() -> Self {
        Self::new(json!({}))
    }

    fn send_at(&self, request: Request<Bytes>, now: SystemTime) -> Answer {
        Answer::new(&self.0.try_send(request, now).unwrap())
    }

    fn send(&self, request: Request<Bytes>) -> Answer {
        self.send_at(request, noon())
    }

    fn queued(&self) -> usize {
        self.0.queued().len()
    }
}

/// What a provider sees.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: String,
    content_type: Option<String>,
    /// `true` if a browser must not guess another type.
    nosniff: bool,
    hook_secret: Option<String>,
    allow: Option<String>,
}

impl Answer {
    fn new(response: &Response<String>) -> Self {
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Self {
            status: response.status().as_u16(),
            body: response.body().clone(),
            content_type: header("content-type"),
            nosniff: header("x-content-type-options").as_deref() == Some("nosniff"),
            hook_secret: header("x-hook-secret"),
            allow: header("allow"),
        }
    }

    fn of(status: u16, body: &str, content_type: Option<&str>) -> Self {
        let content_type = content_type.map(str::to_owned);
        Self { status, body: body.to_owned(), content_type, nosniff: false, hook_secret: None, allow: None }
    }

    /// The usual answer: a word in JSON.
    fn word(status: u16, word: &str) -> Self {
        let allow = (status == 405).then(|| "POST".to_owned());
        Self { allow, ..Self::of(status, &format!(r#"{{"status":"{word}"}}"#), Some("application/json")) }
    }

    /// A text that may come from anybody.
    fn text(body: &str) -> Self {
        Self { nosniff: true, ..Self::of(200, body, Some("text/plain; charset=utf-8")) }
    }

    fn empty(status: u16) -> Self {
        Self::of(status, "", None)
    }
}

fn unauthorized() -> Answer {
    Answer::word(401, "unauthorized")
}

fn hmac(parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

fn request(method: &str, query: &str) -> Builder {
    Request::builder().method(method).uri(format!("/webhooks/it{query}"))
}

fn unsigned(body: &str) -> Request<Bytes> {
    request("POST", "").body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// A delivery with the signature of its body.
fn signed(body: &str) -> Request<Bytes> {
    let signature = hmac(&[body.as_bytes()]);
    let request = request("POST", "").header("X-Webhook-Signature", signature);
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}
