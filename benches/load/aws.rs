//! SQS and `DynamoDB` as far as the function calls them, in memory and without delay, so that only the function is
//! measured. The rules are the real ones, but the deduplication interval is shorter than 5 minutes, which puts more load
//! on the ledger.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::environment::{block_on, listen};

const CONDITION: &str = "attribute_not_exists(#counts_from) OR #counts_from < :counts_from";

/// The state at the end.
pub struct Aws {
    memory: Duration,
    /// Deduplication ids in the order of their arrival.
    order: VecDeque<(Instant, String)>,
    ids: HashMap<String, String>,
    /// The number of messages that the queue accepted, by the hash of the body.
    pub messages: HashMap<u64, u32>,
    /// The number of messages that the queue dropped as duplicates.
    pub dropped: u64,
    records: HashMap<String, (u64, Box<RawValue>)>,
    /// The number of records that were not written because one that lives longer existed.
    pub kept: u64,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "MessageBody")]
    body: String,
    #[serde(rename = "MessageGroupId")]
    group: String,
    #[serde(rename = "MessageDeduplicationId")]
    id: String,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

#[derive(Deserialize)]
struct Number {
    #[serde(rename = "N")]
    number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetItem {
    key: Key,
    consistent_read: bool,
}

#[derive(Deserialize)]
struct Key {
    pk: Text,
    counts_from: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutItem {
    item: Box<RawValue>,
    condition_expression: String,
}

impl Aws {
    /// Starts the server on its own thread.
    pub fn start(memory: Duration) -> (SocketAddr, Arc<Mutex<Self>>) {
        let aws = Arc::new(Mutex::new(Self {
            memory,
            order: VecDeque::new(),
            ids: HashMap::new(),
            messages: HashMap::new(),
            dropped: 0,
            records: HashMap::new(),
            kept: 0,
        }));
        let (listening, shared) = (std::sync::mpsc::channel(), Arc::clone(&aws));
        thread::spawn(move || {
            block_on(async move {
                let address = listen(move |request| answer(Arc::clone(&shared), request)).await;
                listening.0.send(address).unwrap();
                std::future::pending::<()>().await;
            });
        });
        (listening.1.recv().unwrap(), aws)
    }

    fn send(&mut self, message: &Message) -> Value {
        let now = Instant::now();
        while self.order.front().is_some_and(|(at, _)| now - *at > self.memory) {
            let (_, id) = self.order.pop_front().unwrap();
            self.ids.remove(&id);
        }
        // The scope is the message group, as in `template.yaml`.
        let id = format!("{}/{}", message.group, message.id);
        if let Some(message_id) = self.ids.get(&id) {
            self.dropped += 1;
            return json!({ "MessageId": message_id });
        }
        let message_id = format!("{:032x}", self.messages.len());
        *self.messages.entry(hash(&message.body)).or_default() += 1;
        self.order.push_back((now, id.clone()));
        self.ids.insert(id, message_id.clone());
        json!({ "MessageId": message_id })
    }

    fn get(&self, request: &GetItem) -> Value {
        assert!(request.consistent_read);
        self.records.get(&request.key.pk.text).map_or_else(|| json!({}), |(_, item)| json!({ "Item": item }))
    }

    fn put(&mut self, request: PutItem) -> Option<Value> {
        assert_eq!(request.condition_expression, CONDITION, "an unknown condition");
        let key: Key = serde_json::from_str(request.item.get()).unwrap();
        let counts_from = key.counts_from.unwrap().number.parse().unwrap();
        if self.records.get(&key.pk.text).is_some_and(|(known, _)| *known >= counts_from) {
            self.kept += 1;
            return None;
        }
        self.records.insert(key.pk.text, (counts_from, request.item));
        Some(json!({}))
    }
}

async fn answer(aws: Arc<Mutex<Aws>>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(target) = request.headers().get("x-amz-target").cloned() else {
        // The function opens its connections with a request that is not a call.
        return Response::new("healthy".into());
    };
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let answer = match target.as_bytes() {
        b"AmazonSQS.SendMessage" => {
            let message = serde_json::from_slice(&body).unwrap();
            Some(aws.lock().unwrap().send(&message))
        }
        b"DynamoDB_20120810.GetItem" => {
            Some(aws.lock().unwrap().get(&serde_json::from_slice(&body).unwrap()))
        }
        b"DynamoDB_20120810.PutItem" => aws.lock().unwrap().put(serde_json::from_slice(&body).unwrap()),
        other => panic!("not known here: {}", String::from_utf8_lossy(other)),
    };
    let error = || json!({ "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" });
    let status = if answer.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let body = answer.unwrap_or_else(error).to_string();
    let response = Response::builder().status(status).header("Content-Type", "application/x-amz-json-1.0");
    response.body(body.into()).unwrap()
}

/// The hash of a body.
pub fn hash(body: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
