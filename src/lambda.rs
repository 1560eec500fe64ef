//! What did the gateway say? Events of API Gateway (HTTP and REST) and of function URLs, and answers they take.
//!
//! The conversion is ours, since that of `lambda_http` panics on a body that is no base64 and on a path that is
//! no URI, and puts the stage in front of the path.

use std::{collections::BTreeMap, convert::Infallible, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    http::{RequestId, TRACE_HEADER, respond},
    ledger::Ledger,
    queue::Queue,
    receive::Receiver,
};

/// Answers one invocation. Whatever it was, the runtime hears of no error.
///
/// # Errors
/// Never.
pub async fn invoke<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Value, Infallible> {
    let mut request = request(event.payload.get());
    let trace = event.context.xray_trace_id.as_deref().and_then(|trace| HeaderValue::from_str(trace).ok());
    if let Some(trace) = trace {
        request.headers_mut().insert(TRACE_HEADER, trace);
    }
    request.extensions_mut().insert(RequestId(event.context.request_id));
    let format = request.extensions().get::<Format>().copied();
    Ok(answer(&respond(receiver, request, SystemTime::now()).await, format))
}

/// Turns an event into the request it tells of; what tells of none becomes one to nowhere.
#[must_use]
pub fn request(payload: &str) -> Request<Bytes> {
    #[derive(Deserialize)]
    struct Version {
        version: Option<String>,
    }

    let version = serde_json::from_str(payload).ok().and_then(|Version { version }| version);
    if version.as_deref() != Some("2.0") {
        return rest_api(payload).and_then(Parts::assemble).unwrap_or_default();
    }
    let mut request = http_api(payload).and_then(Parts::assemble).unwrap_or_default();
    request.extensions_mut().insert(Format::V2);
    request
}

/// The payload format that a gateway speaks, where it is not the old one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    V2,
}

struct Parts {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<String>,
    is_base64: bool,
}

/// Payload format 2.0, of HTTP APIs and function URLs: a named stage stands in front of the path.
fn http_api(payload: &str) -> Option<Parts> {
    let event: ApiGatewayV2httpRequest = serde_json::from_str(payload).ok()?;
    let path = event.raw_path?;
    let stage = event.request_context.stage.filter(|stage| stage != "$default");
    let path = match stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(&stage)) {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => path,
    };
    Some(Parts {
        method: event.request_context.http.method,
        path,
        headers: event.headers,
        body: event.body,
        is_base64: event.is_base64_encoded,
    })
}

/// Payload format 1.0, of REST APIs.
fn rest_api(payload: &str) -> Option<Parts> {
    let event: ApiGatewayProxyRequest = serde_json::from_str(payload).ok()?;
    let mut headers = event.multi_value_headers;
    for (name, value) in &event.headers {
        // The single value is the last of the many; alone it would hide the others.
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    Some(Parts {
        method: event.http_method,
        path: event.path?,
        headers,
        body: event.body,
        is_base64: event.is_base64_encoded,
    })
}

impl Parts {
    fn assemble(self) -> Option<Request<Bytes>> {
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64 { STANDARD.decode(body) } else { Ok(body.into_bytes()) };
        // What the sender signed is lost, so its signature goes too: there is one reading of a body, not two.
        let (body, headers) = body.map_or_else(|_| Default::default(), |body| (body, self.headers));
        let mut request = Request::new(body.into());
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::builder().path_and_query(self.path).build().ok()?;
        *request.headers_mut() = headers;
        Some(request)
    }
}

/// The part of the answer's form that all gateways share, and what emulators of the new one insist on.
fn answer(response: &Response<String>, format: Option<Format>) -> Value {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: BTreeMap<_, _> =
        response.headers().iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    let mut answer = json!({
        "statusCode": response.status().as_u16(),
        "headers": headers,
        "body": response.body(),
        "isBase64Encoded": false,
    });
    if format == Some(Format::V2) {
        answer["cookies"] = json!([]);
    }
    answer
}
