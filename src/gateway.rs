//! Gateways: the events of API Gateway (HTTP and REST APIs) and function URLs as requests, and the responses that they
//! accept.
//!
//! The conversion is not that of `lambda_http`, which panics on a body that is not valid base64 and on a path that is
//! not a valid URI, and puts the stage in front of the path. Whether a stage is there already is decided by the routes.

mod event;
mod query;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json, value::RawValue};

use self::event::Event;
use crate::{
    http::{BadEvent, LogLine, RequestContext, TRACE_HEADER, respond_and_report},
    ledger::Ledger,
    queue::Queue,
    receive::Receiver,
    route::BasePath,
};

/// Answers one invocation. Every payload, valid or not, gets a response in the gateway's form. The line of the log is
/// given to `report`, with the duration of the request.
pub async fn invoke<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    base_path: Option<&BasePath>,
    Payload(payload): Payload,
    invocation: Invocation<'_>,
    report: impl FnOnce(LogLine, Duration),
) -> Value {
    let Invocation { request_id, trace, is_first } = invocation;
    let payload = payload.as_deref().map(RawValue::get).unwrap_or_default();
    let GatewayRequest { mut request, context, is_v2 } = GatewayRequest::read(payload);
    // The header in the event is the sender's or the gateway's, and the invocation may not be part of its trace.
    request.headers_mut().remove(TRACE_HEADER);
    if let Some(trace) = trace.and_then(|trace| HeaderValue::from_str(trace).ok()) {
        let _ = request.headers_mut().try_insert(TRACE_HEADER, trace);
    }
    let context =
        RequestContext { request_id: Some(request_id), base_path: base_path.cloned(), is_first, ..context };
    answer(&respond_and_report(receiver, request, context, SystemTime::now(), report).await, is_v2)
}

/// The context of an invocation: what the runtime knows besides the payload.
#[derive(Clone, Debug, Default)]
pub struct Invocation<'a> {
    pub request_id: String,
    /// The header of the X-Ray trace.
    pub trace: Option<&'a str>,
    /// `true` for the first invocation of an execution environment.
    pub is_first: bool,
}

/// The payload of an invocation, of any form: a type that refused one would make the runtime answer with an error.
pub struct Payload(Option<Box<RawValue>>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Deserialize::deserialize(deserializer).ok()))
    }
}

/// The request in a gateway's event.
pub struct GatewayRequest {
    pub request: Request<Bytes>,
    /// The stage, and the reason why the event is not valid.
    pub context: RequestContext,
    /// `true` for payload format 2.0.
    is_v2: bool,
}

impl GatewayRequest {
    /// Reads an event. One that is not valid becomes a request without a target, with the reason in its context.
    #[must_use]
    pub fn read(payload: &str) -> Self {
        let event = Event::read(payload);
        let is_v2 = event.as_ref().is_ok_and(Event::is_v2);
        let (request, context) = event.and_then(Event::request).unwrap_or_else(|reason| {
            let bad_event = Some(BadEvent::Event(reason));
            (Request::default(), RequestContext { bad_event, ..RequestContext::default() })
        });
        Self { request, context, is_v2 }
    }
}

/// Returns a response in the form that all gateways accept, with the list of cookies that emulators of format 2.0
/// require.
fn answer(response: &Response<String>, is_v2: bool) -> Value {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: BTreeMap<_, _> =
        response.headers().iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    let mut answer = json!({
        "statusCode": response.status().as_u16(),
        "headers": headers,
        "body": response.body(),
        "isBase64Encoded": false,
    });
    if is_v2 {
        answer["cookies"] = json!([]);
    }
    answer
}
