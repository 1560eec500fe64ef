//! SQS, `DynamoDB` and Secrets Manager as far as the subjects call them: in memory, without delay, the same for all.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    mem,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Handle,
};
use tokio_rustls::TlsAcceptor;

use crate::{lab, payload::SECRET};

/// All of them at one address, because `AWS_ENDPOINT_URL` is the only variable for it that every subject supports
/// without reading more of its configuration than on Lambda.
pub struct Backend {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    items: HashMap<String, Map<String, Value>>,
    sent: u64,
    /// The current version of every secret.
    secret: String,
    observed: Observed,
}

/// What a subject did since the last look.
#[derive(Default)]
pub struct Observed {
    /// The number of calls by operation.
    pub calls: BTreeMap<String, u64>,
    pub connections: u64,
    /// The last request of each operation, in their order.
    pub requests: Vec<(String, Value)>,
}

impl Backend {
    pub fn start(handle: &Handle, tls: Option<&TlsAcceptor>) -> Self {
        let state = Arc::new(Mutex::new(State { secret: json!([SECRET]).to_string(), ..State::default() }));
        let (address, listener) = lab::listen(handle);
        handle.spawn(accept(listener, tls.cloned(), Arc::clone(&state)));
        Self { address, state }
    }

    /// Returns what was observed since the last look, and forgets it.
    pub fn observed(&self) -> Observed {
        mem::take(&mut self.state.lock().unwrap().observed)
    }

    /// Forgets every record.
    pub fn clear(&self) {
        self.state.lock().unwrap().items.clear();
    }

    pub fn set_secret(&self, secret: String) {
        self.state.lock().unwrap().secret = secret;
    }
}

impl State {
    fn answer(&mut self, operation: &str, request: Value) -> Result<Value, Value> {
        let answer = match operation {
            "SendMessage" => {
                self.sent += 1;
                let digest = hex::encode(Md5::digest(request["MessageBody"].as_str().unwrap()));
                let id = format!("34c2e63a-36db-4b4f-8277-{:012x}", self.sent);
                Ok(json!({ "MessageId": id, "MD5OfMessageBody": digest }))
            }
            "GetItem" => {
                let item = self.items.get(key(&request["Key"]));
                Ok(item.map_or_else(|| json!({}), |item| json!({ "Item": item })))
            }
            "PutItem" => self.put(&request),
            "UpdateItem" => {
                let item = self.items.entry(key(&request["Key"]).to_owned()).or_default();
                for (name, attribute) in request["ExpressionAttributeNames"].as_object().unwrap() {
                    let value = &request["ExpressionAttributeValues"][name.replace('#', ":")];
                    item.insert(attribute.as_str().unwrap().into(), value.clone());
                }
                Ok(json!({}))
            }
            "GetSecretValue" if request["VersionStage"] == "AWSPREVIOUS" => {
                Err(json!({ "__type": "ResourceNotFoundException" }))
            }
            "GetSecretValue" => Ok(json!({ "SecretString": self.secret })),
            other => panic!("not known here: {other}"),
        };
        self.observed.requests.retain(|(earlier, _)| earlier != operation);
        self.observed.requests.push((operation.to_owned(), request));
        answer
    }

    /// Every condition of the subjects fails on a record that exists and has not expired, as all of theirs have not.
    fn put(&mut self, request: &Value) -> Result<Value, Value> {
        let item = request["Item"].as_object().unwrap();
        let key = key(&request["Item"]).to_owned();
        if let Some(item) = self.items.get(&key).filter(|_| request.get("ConditionExpression").is_some()) {
            let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
            return Err(json!({ "__type": kind, "Item": item }));
        }
        self.items.insert(key, item.clone());
        Ok(json!({}))
    }
}

fn key(item: &Value) -> &str {
    item["pk"]["S"].as_str().unwrap()
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        state.lock().unwrap().observed.connections += 1;
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, state).await,
                // A subject that is killed during the handshake closes the connection.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<Mutex<State>>) {
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(&state, request).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(state: &Mutex<State>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(target) = request.headers().get("x-amz-target") else {
        // A request that only opens a connection.
        return Response::new("healthy".into());
    };
    let target = target.to_str().unwrap().to_owned();
    let operation = target.rsplit('.').next().unwrap();
    let Ok(body) = request.into_body().collect().await else {
        return Response::default();
    };
    let request = serde_json::from_slice(&body.to_bytes()).unwrap();
    let mut state = state.lock().unwrap();
    *state.observed.calls.entry(operation.to_owned()).or_default() += 1;
    let (status, answer) = match state.answer(operation, request) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(error) => (StatusCode::BAD_REQUEST, error),
    };
    let response = Response::builder().status(status).header("Content-Type", "application/x-amz-json-1.0");
    response.body(answer.to_string().into()).unwrap()
}
