//! The `receiver` process as Lambda runs it, with an emulated queue, table and secrets.

mod answers;
mod causes;
mod confidential;
mod crash;
mod faults;
mod handshakes;
mod hostile;
mod log;
mod measures;
mod message;
mod metrics;
mod networks;
mod recording;
mod secrets;
mod sources;
mod start;
mod stored_sources;
mod tls;
mod topic;
mod transformed;
mod xray;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::time::unix_seconds;
use serde_json::{Value, json};

use crate::support::{
    ministack::Backend,
    proxy::Proxy,
    runtime_api::{End, Function},
    test_receiver::{SECRET, duffel_header},
};

/// The longest time of an invocation, below the function's 10 s, after which Lambda may kill it.
const LIMIT: Duration = Duration::from_millis(9_500);

pub const PATH: &str = "/webhooks/duffel";

const HTTP_API: &str = include_str!("../../events/http-api.order-created.json");
const REST_API: &str = include_str!("../../events/rest-api.order-created.json");
const FUNCTION_URL: &str = include_str!("../../events/function-url.ping.json");

/// A `receiver` process with its own queue and table, behind a proxy that can inject faults.
struct Env {
    backend: Backend,
    proxy: Proxy,
    function: Function,
}

impl Env {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With more variables than are required.
    async fn with(variables: &[(&str, &str)]) -> Self {
        let secret = [("WEBHOOK_SECRET", SECRET)];
        Self::of(Backend::new().await, &[&secret, variables].concat()).await
    }

    /// With all other variables, the secret among them.
    async fn of(backend: Backend, variables: &[(&str, &str)]) -> Self {
        let proxy = Proxy::new().await;
        let function = function(&backend, &proxy, variables).await;
        Self { backend, proxy, function }
    }

    /// Delivers through the gateway and returns the status and the word of the answer.
    async fn deliver(&self, delivery: &Delivery) -> (u16, String) {
        let answer = answer(self.function.invoke(delivery.event()).await);
        (answer.status, answer.word)
    }

    /// The only message in the queue.
    async fn message(&self) -> aws_sdk_sqs::types::Message {
        let [message] = self.backend.messages().await.try_into().expect("one message");
        message
    }
}

async fn function(backend: &Backend, proxy: &Proxy, variables: &[(&str, &str)]) -> Function {
    let aws = [
        ("AWS_ENDPOINT_URL", proxy.endpoint.as_str()),
        ("QUEUE_URL", backend.queue_url.as_str()),
        ("LEDGER_TABLE", backend.table.as_str()),
    ];
    Function::start(aws.into_iter().chain(variables.iter().copied())).await
}

/// An answer of the function, which has nothing beyond the contract.
pub struct Answer {
    pub status: u16,
    word: String,
    headers: BTreeMap<String, String>,
}

pub fn answer(invocation: (End, Duration)) -> Answer {
    let RawAnswer { status, body, headers } = RawAnswer::new(invocation);
    let word = body.strip_prefix(r#"{"status":""#).and_then(|rest| rest.strip_suffix(r#""}"#)).expect(&body);
    assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{body}");
    Answer { status, word: word.to_owned(), headers }
}

/// An answer with any body, as that to a handshake.
pub struct RawAnswer {
    pub status: u16,
    pub body: String,
    pub headers: BTreeMap<String, String>,
}

impl RawAnswer {
    pub fn new((end, took): (End, Duration)) -> Self {
        let End::Answered(value) = end else { panic!("no answer: {end:?}") };
        assert!(took < LIMIT, "{value} took {took:?}");
        let keys: Vec<_> = value.as_object().unwrap().keys().filter(|key| *key != "cookies").collect();
        assert_eq!(keys, ["body", "headers", "isBase64Encoded", "statusCode"]);
        assert!(value.get("cookies").is_none_or(|cookies| *cookies == serde_json::json!([])));
        assert_eq!(value["isBase64Encoded"], false);
        Self {
            status: value["statusCode"].as_u64().unwrap().try_into().unwrap(),
            body: value["body"].as_str().unwrap().to_owned(),
            headers: serde_json::from_value(value["headers"].clone()).unwrap(),
        }
    }
}

/// An HMAC-SHA256 in hex.
pub fn hmac_hex(key: &str, text: &[u8]) -> String {
    hex::encode(secrets::hmac(key, text))
}

/// The event format of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gateway {
    HttpApi,
    /// With a stage that has a name, which comes before the path.
    HttpApiStage,
    RestApi,
    FunctionUrl,
}

/// A delivery as Duffel makes it, signed now unless a test says otherwise.
#[derive(Clone)]
pub struct Delivery {
    body: Vec<u8>,
    headers: BTreeMap<String, String>,
    method: String,
    path: String,
    gateway: Gateway,
    base64: bool,
}

impl Delivery {
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let delivery = Self {
            headers: BTreeMap::new(),
            method: "POST".to_owned(),
            path: PATH.to_owned(),
            gateway: Gateway::HttpApi,
            base64: std::str::from_utf8(&body).is_err(),
            body,
        };
        let header = delivery.sign(SECRET, "v2", 0);
        delivery.signature(&header)
    }

    /// A signature of the body that is `age` seconds old.
    pub fn sign(&self, key: &str, label: &str, age: i64) -> String {
        let at = unix_seconds(SystemTime::now()).checked_add_signed(-age).unwrap();
        duffel_header(key, label, at, &self.body)
    }

    fn signed_with(self, key: &str) -> Self {
        let header = self.sign(key, "v2", 0);
        self.signature(&header)
    }

    pub fn signature(self, value: &str) -> Self {
        self.header("X-Duffel-Signature", value)
    }

    fn unsigned(mut self) -> Self {
        self.headers.remove("X-Duffel-Signature");
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn to(mut self, method: &str, path: &str) -> Self {
        self.method = method.into();
        self.path = path.into();
        self
    }

    fn through(mut self, gateway: Gateway, base64: bool) -> Self {
        self.gateway = gateway;
        self.base64 = base64;
        self
    }

    /// The gateway's event: a sample with this request instead of its own.
    pub fn event(&self) -> String {
        let sample = match self.gateway {
            Gateway::HttpApi | Gateway::HttpApiStage => HTTP_API,
            Gateway::RestApi => REST_API,
            Gateway::FunctionUrl => FUNCTION_URL,
        };
        let mut event: Value = serde_json::from_str(sample).unwrap();
        let text = || String::from_utf8(self.body.clone()).unwrap();
        event["body"] = if self.base64 { STANDARD.encode(&self.body) } else { text() }.into();
        event["isBase64Encoded"] = self.base64.into();
        if self.gateway == Gateway::RestApi {
            event["httpMethod"] = self.method.as_str().into();
            event["path"] = self.path.as_str().into();
            event["headers"] = json!(self.headers);
            let lists: BTreeMap<_, _> = self.headers.iter().map(|(name, value)| (name, [value])).collect();
            event["multiValueHeaders"] = json!(lists);
        } else {
            let stage = if self.gateway == Gateway::HttpApiStage { "live" } else { "$default" };
            let prefix = if self.gateway == Gateway::HttpApiStage { "/live" } else { "" };
            event["requestContext"]["stage"] = stage.into();
            event["rawPath"] = format!("{prefix}{}", self.path).into();
            event["requestContext"]["http"]["path"] = event["rawPath"].clone();
            event["requestContext"]["http"]["method"] = self.method.as_str().into();
            let headers: BTreeMap<_, _> =
                self.headers.iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
            event["headers"] = json!(headers);
        }
        event.to_string()
    }
}
