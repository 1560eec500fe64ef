//! A proxy between a process and `MiniStack` that injects faults into calls to AWS on demand, or holds them up.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    future::pending,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    request::Parts,
};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::{sync::oneshot, task::spawn_blocking, time::sleep};
use tokio_rustls::TlsAcceptor;

use crate::support::{
    ministack,
    runtime_api::{listen, listen_tls},
};

/// The fault of a call to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsFault {
    /// None: the call succeeds.
    Fine,
    /// The connection is closed before the call arrives, and nothing was done.
    Down,
    /// The call is carried out, and the connection closed before the answer.
    AnswerLost,
    /// The call is carried out, and the connection closed in the middle of the answer.
    AnswerCut,
    /// The call is carried out, and nothing follows the first half of the answer.
    AnswerStalled,
    /// The call never arrives, and there is no answer.
    Hang,
    /// The call arrives late.
    Delay(Duration),
    /// The call is refused with a status and an error of AWS.
    Refuse(u16, &'static str),
    /// The call is not carried out, and answered with this JSON or XML, as AWS documents it.
    Answer(&'static str),
}

impl AwsFault {
    /// Every way in which a call can fail.
    pub const FAILURES: [Self; 9] = [
        Self::Down,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::AnswerStalled,
        Self::Hang,
        Self::Refuse(500, "InternalServerError"),
        Self::Refuse(503, "ServiceUnavailable"),
        Self::Refuse(400, "ThrottlingException"),
        Self::Refuse(400, "ProvisionedThroughputExceededException"),
    ];

    /// Returns whether only a time-out ends the call.
    pub fn is_slow(self) -> bool {
        matches!(self, Self::Hang | Self::AnswerStalled)
    }
}

/// The time at which a call is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    Before,
    After,
}

/// A call that is held up. If this is dropped, the connection is closed.
pub struct Held {
    reached: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
}

impl Held {
    /// Waits for the call to come to where it is held up.
    pub async fn reached(&mut self) {
        (&mut self.reached).await.unwrap();
    }

    /// Lets the call go on.
    pub fn release(self) {
        self.go_on.send(()).unwrap();
    }
}

struct Hold {
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

/// The request by which the function opens a connection. It is not a call: AWS answers anyone.
pub const PING: &str = "GET /ping";

/// Forwards calls, except for injected faults. Calls are named as in IAM: `sqs:SendMessage`.
pub struct Proxy {
    pub endpoint: String,
    shared: Arc<Shared>,
}

impl Proxy {
    pub async fn new() -> Self {
        let shared = Shared::new();
        let of_listener = Arc::clone(&shared);
        let address = listen(move |request| {
            let shared = Arc::clone(&of_listener);
            async move { shared.pass(request).await }
        });
        Self { endpoint: format!("http://{}", address.await), shared }
    }

    /// Before it stands TLS, with a certificate for `localhost`.
    pub async fn with_tls(tls: TlsAcceptor) -> Self {
        let shared = Shared::new();
        let of_listener = Arc::clone(&shared);
        let address = listen_tls(tls, move |request| {
            let shared = Arc::clone(&of_listener);
            async move { shared.pass(request).await }
        });
        Self { endpoint: format!("https://localhost:{}", address.await.port()), shared }
    }

    /// Injects faults into the next calls of a name, in this order, and the last one into every call after that.
    pub fn inject(&self, call: &str, faults: impl IntoIterator<Item = AwsFault>) {
        self.shared.faults.lock().unwrap().insert(call.to_owned(), faults.into_iter().collect());
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Holds up the next call of a name.
    pub fn hold(&self, call: &str, moment: Moment) -> Held {
        let (reached, has_reached) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel();
        self.shared
            .holds
            .lock()
            .unwrap()
            .insert((call.to_owned(), moment), Hold { reached, go_on: may_go_on });
        Held { reached: has_reached, go_on }
    }

    /// The names of all calls and how often each was made, with or without a fault.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for ((name, _), times) in &*self.shared.calls.lock().unwrap() {
            *calls.entry(name.clone()).or_default() += times;
        }
        calls
    }

    /// The connections, in the order of their first request, each with the names of its requests.
    pub fn connections(&self) -> Vec<Vec<String>> {
        self.shared.connections.lock().unwrap().iter().map(|(_, requests)| requests.clone()).collect()
    }

    /// A header of the last call of a name.
    pub fn header(&self, call: &str, name: &str) -> Option<String> {
        let headers = self.shared.headers.lock().unwrap();
        headers[call].get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    /// The parameters of each call of a name in AWS's query protocol, in order.
    pub fn forms(&self, call: &str) -> Vec<BTreeMap<String, String>> {
        let forms = self.shared.forms.lock().unwrap();
        forms.iter().filter(|(name, _)| name == call).map(|(_, form)| form.clone()).collect()
    }

    /// The names of all calls, each with the queue, topic, table or secret that it names.
    pub fn targets(&self) -> BTreeSet<(String, String)> {
        self.shared.calls.lock().unwrap().keys().cloned().collect()
    }
}

struct Shared {
    upstream: &'static str,
    agent: ureq::Agent,
    faults: Mutex<HashMap<String, VecDeque<AwsFault>>>,
    holds: Mutex<HashMap<(String, Moment), Hold>>,
    calls: Mutex<BTreeMap<(String, String), usize>>,
    connections: Mutex<Vec<(SocketAddr, Vec<String>)>>,
    headers: Mutex<HashMap<String, HeaderMap>>,
    forms: Mutex<Vec<(String, BTreeMap<String, String>)>>,
}

impl Shared {
    fn new() -> Arc<Self> {
        let upstream = ministack::endpoint();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        Arc::new(Self {
            upstream,
            agent,
            faults: Mutex::default(),
            holds: Mutex::default(),
            calls: Mutex::default(),
            connections: Mutex::default(),
            headers: Mutex::default(),
            forms: Mutex::default(),
        })
    }

    fn note(&self, peer: SocketAddr, request: &str) {
        let mut connections = self.connections.lock().unwrap();
        match connections.iter_mut().find(|(known, _)| *known == peer) {
            Some((_, requests)) => requests.push(request.to_owned()),
            None => connections.push((peer, vec![request.to_owned()])),
        }
    }

    async fn pass(&self, request: Request<Incoming>) -> io::Result<Response<Answer>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let call = name(&parts, &body);
        self.note(*parts.extensions.get().unwrap(), &call);
        if call != PING {
            *self.calls.lock().unwrap().entry((call.clone(), target(&body))).or_default() += 1;
            self.headers.lock().unwrap().insert(call.clone(), parts.headers.clone());
            self.forms.lock().unwrap().push((call.clone(), form(&body)));
        }
        let fault = self.next_fault(&call);
        match fault {
            AwsFault::Down => return Err(hang_up()),
            AwsFault::Hang => pending().await,
            AwsFault::Delay(time) => sleep(time).await,
            AwsFault::Refuse(status, error) => return Ok(refusal(&call, status, error)),
            AwsFault::Answer(text) => return Ok(Response::new(Answer::new(text.into(), Rest::Whole))),
            AwsFault::Fine if call == PING => {
                return Ok(Response::new(Answer::new("healthy".into(), Rest::Whole)));
            }
            AwsFault::Fine | AwsFault::AnswerLost | AwsFault::AnswerCut | AwsFault::AnswerStalled => {}
        }
        self.hold_up(&call, Moment::Before).await?;
        let answer = self.forward(parts, body).await?;
        self.hold_up(&call, Moment::After).await?;
        let rest = match fault {
            AwsFault::AnswerLost => return Err(hang_up()),
            AwsFault::AnswerCut => Rest::Cut,
            AwsFault::AnswerStalled => Rest::Stalled,
            _ => Rest::Whole,
        };
        Ok(answer.map(|data| Answer::new(data, rest)))
    }

    fn next_fault(&self, call: &str) -> AwsFault {
        let mut faults = self.faults.lock().unwrap();
        let Some(faults) = faults.get_mut(call) else { return AwsFault::Fine };
        if faults.len() > 1 {
            faults.pop_front().unwrap()
        } else {
            faults.front().copied().unwrap_or(AwsFault::Fine)
        }
    }

    async fn hold_up(&self, call: &str, moment: Moment) -> io::Result<()> {
        let hold = self.holds.lock().unwrap().remove(&(call.to_owned(), moment));
        let Some(Hold { reached, go_on }) = hold else { return Ok(()) };
        let _ = reached.send(());
        go_on.await.map_err(|_| hang_up())
    }

    async fn forward(&self, mut parts: Parts, body: Bytes) -> io::Result<Response<Bytes>> {
        parts.uri = format!("{}{}", self.upstream, parts.uri).parse().unwrap();
        parts.headers.remove(CONTENT_LENGTH);
        let agent = self.agent.clone();
        let answer = spawn_blocking(move || {
            let answer = agent.run(Request::from_parts(parts, body.to_vec())).unwrap();
            let (mut parts, mut body) = answer.into_parts();
            parts.headers.remove(CONTENT_LENGTH);
            parts.headers.remove(TRANSFER_ENCODING);
            Response::from_parts(parts, Bytes::from(body.read_to_vec().unwrap()))
        });
        answer.await.map_err(io::Error::other)
    }
}

/// The name of a call: `sqs:SendMessage` for `AmazonSQS.SendMessage`, or method and URL of an unknown request.
fn name(parts: &Parts, body: &[u8]) -> String {
    let Some(target) = parts.headers.get("x-amz-target") else {
        return match field(body, "Action") {
            Some(operation) => format!("{}:{operation}", signed_for(parts)),
            None if parts.uri.path() == "/2016-08-19/account-settings/" => {
                "lambda:GetAccountSettings".to_owned()
            }
            None => format!("{} {}", parts.method, parts.uri),
        };
    };
    let target = target.to_str().unwrap();
    let (service, operation) = target.split_once('.').unwrap();
    let service = match service {
        "AmazonSQS" => "sqs",
        "DynamoDB_20120810" => "dynamodb",
        "GraniteServiceVersion20100801" => "cloudwatch",
        "Logs_20140328" => "logs",
        other => other,
    };
    format!("{service}:{operation}")
}

/// The service of a signature of version 4: `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
fn signed_for(parts: &Parts) -> &str {
    parts.headers["authorization"].to_str().unwrap().split('/').nth(3).unwrap()
}

/// The fields of a form, as AWS's query protocol sends it; none of another body.
fn form(body: &[u8]) -> BTreeMap<String, String> {
    let fields =
        str::from_utf8(body).unwrap_or_default().split('&').filter_map(|field| field.split_once('='));
    fields
        .filter_map(|(key, value)| {
            Some((key.to_owned(), percent_decode_str(value).decode_utf8().ok()?.into_owned()))
        })
        .collect()
}

fn field(body: &[u8], name: &str) -> Option<String> {
    form(body).remove(name)
}

fn target(body: &[u8]) -> String {
    if let Some(topic) = field(body, "TopicArn") {
        return topic;
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut named = ["QueueUrl", "TableName", "SecretId"].iter().filter_map(|member| body[*member].as_str());
    named.next().unwrap_or_default().to_owned()
}

fn hang_up() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn refusal(call: &str, status: u16, error: &str) -> Response<Answer> {
    let (kind, text) = if ["cloudformation:", "sns:"].iter().any(|service| call.starts_with(service)) {
        let error =
            format!("<Error><Type>Sender</Type><Code>{error}</Code><Message>{error}</Message></Error>");
        ("text/xml", format!("<ErrorResponse>{error}</ErrorResponse>"))
    } else {
        let text = format!(r#"{{"__type":"com.amazonaws#{error}","message":"{error}"}}"#);
        ("application/x-amz-json-1.0", text)
    };
    let mut response = Response::new(Answer::new(text.into(), Rest::Whole));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The part of an answer after its first half.
#[derive(Clone, Copy)]
enum Rest {
    Whole,
    Cut,
    Stalled,
}

/// An answer whose announced length may be too large.
struct Answer {
    length: u64,
    data: Option<Bytes>,
    rest: Rest,
}

impl Answer {
    fn new(mut data: Bytes, rest: Rest) -> Self {
        let length = data.len() as u64;
        if !matches!(rest, Rest::Whole) {
            data.truncate(data.len() / 2);
        }
        Self { length, data: Some(data), rest }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match (self.data.take(), self.rest) {
            (Some(data), _) => Poll::Ready(Some(Ok(Frame::data(data)))),
            (None, Rest::Whole) => Poll::Ready(None),
            (None, Rest::Cut) => Poll::Ready(Some(Err(hang_up()))),
            (None, Rest::Stalled) => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
