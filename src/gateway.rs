//! What did the gateway say? Events of API Gateway (HTTP and REST) and of function URLs, and answers they take.
//!
//! The conversion is ours, since that of `lambda_http` panics on a body that is no base64 and on a path that is
//! no URI, and puts the stage in front of the path. Whether a stage is there already is for the routes to find out.

use std::{
    collections::{BTreeMap, HashSet},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json, value::RawValue};

use crate::{
    http::{BadEvent, RequestId, TRACE_HEADER, respond},
    json::members::Members,
    ledger::Ledger,
    queue::Queue,
    receive::Receiver,
    route::{BasePath, Stage},
};

/// Answers one invocation. Whatever it was, there is an answer.
pub async fn invoke<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    base_path: Option<&BasePath>,
    Payload(payload): Payload,
    request_id: String,
    trace: Option<&str>,
) -> Value {
    let mut request = request(payload.as_deref().map(RawValue::get).unwrap_or_default());
    if let Some(trace) = trace.and_then(|trace| HeaderValue::from_str(trace).ok()) {
        let _ = request.headers_mut().try_insert(TRACE_HEADER, trace);
    }
    request.extensions_mut().insert(RequestId(request_id));
    if let Some(base_path) = base_path {
        request.extensions_mut().insert(base_path.clone());
    }
    let format = request.extensions().get::<Format>().copied();
    answer(&respond(receiver, request, SystemTime::now()).await, format)
}

/// What the runtime hands over, whatever it is: a type that refused would answer with an error of its own.
pub struct Payload(Option<Box<RawValue>>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Deserialize::deserialize(deserializer).ok()))
    }
}

/// Turns an event into the request it tells of; what tells of none becomes one to nowhere.
#[must_use]
pub fn request(payload: &str) -> Request<Bytes> {
    let event = serde_json::from_str::<Event>(payload).map_err(|error| not_of_its_form(&error));
    let is_v2 = event.as_ref().is_ok_and(Event::is_v2);
    let mut request = event.and_then(Event::request).unwrap_or_else(|reason| {
        let mut nowhere = Request::default();
        nowhere.extensions_mut().insert(BadEvent::Event(reason));
        nowhere
    });
    if is_v2 {
        request.extensions_mut().insert(Format::V2);
    }
    request
}

/// The payload format that a gateway speaks, where it is not the old one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    V2,
}

/// What we need of an event of either format. The rest may be there or not, and of any type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    http_method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    #[serde(borrow)]
    request_context: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<Members<&'a RawValue>>,
    #[serde(borrow)]
    multi_value_headers: Option<Members<&'a RawValue>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
struct Context {
    http: Http,
}

#[derive(Deserialize)]
struct Staged {
    stage: Option<String>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

impl Event<'_> {
    /// Payload format 2.0, of HTTP APIs and function URLs; 1.0, of REST APIs, need not say so.
    fn is_v2(&self) -> bool {
        self.version.is_some_and(|version| version.get() == r#""2.0""#)
    }

    fn request(mut self) -> Result<Request<Bytes>, String> {
        let (method, path) = if self.is_v2() { self.http_api()? } else { self.rest_api()? };
        let mut request = Request::default();
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|_| "its method is none of HTTP's")?;
        *request.uri_mut() =
            Uri::builder().path_and_query(path).build().map_err(|_| "its path is not valid in a request")?;
        if let Some(stage) = self.stage() {
            request.extensions_mut().insert(Stage(stage));
        }
        let body = self.body.take().unwrap_or_default();
        let body = if self.is_base64_encoded == Some(true) {
            STANDARD.decode(body).ok()
        } else {
            Some(body.into_bytes())
        };
        if let Some(body) = body {
            *request.body_mut() = body.into();
            *request.headers_mut() = self.headers()?;
        } else {
            // What the sender signed is lost, so its signature goes too: there is one reading of a body, not two.
            request.extensions_mut().insert(BadEvent::Body);
        }
        Ok(request)
    }

    fn http_api(&mut self) -> Result<(String, String), String> {
        let context = self.request_context.ok_or("it has no request context")?.get();
        let context: Context = serde_json::from_str(context)
            .map_err(|error| format!("in its request context, {}", not_of_its_form(&error)))?;
        Ok((context.http.method, self.raw_path.take().ok_or("it has no path")?))
    }

    fn rest_api(&mut self) -> Result<(String, String), String> {
        let method = self.http_method.take().ok_or("it has no method")?;
        Ok((method, self.path.take().ok_or("it has no path")?))
    }

    /// The stage that may stand in front of the path; neither format requires_type_and_id on one.
    fn stage(&self) -> Option<String> {
        let context: Staged = serde_json::from_str(self.request_context?.get()).ok()?;
        context.stage.filter(|stage| !stage.is_empty())
    }

    fn headers(&self) -> Result<HeaderMap, &'static str> {
        let many: Vec<_> = self.multi_value_headers.iter().flat_map(entries).collect();
        let mut headers = HeaderMap::new();
        // A plain append panics beyond 32,768 headers.
        let mut append = |(name, value)| match headers.try_append(name, value) {
            Ok(_) => Ok(()),
            Err(_) => Err("it has too many headers"),
        };
        let known: HashSet<_> = many.iter().map(|(name, _)| name.clone()).collect();
        many.into_iter().try_for_each(&mut append)?;
        // The single value is the last of the many; alone it would hide the others.
        let single = self.headers.iter().flat_map(entries).filter(|(name, _)| !known.contains(name));
        single.into_iter().try_for_each(append)?;
        Ok(headers)
    }
}

/// A value may be a list; what no header can hold is passed over.
fn entries(headers: &Members<&RawValue>) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    headers
        .0
        .iter()
        .filter_map(|(name, value)| Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value)))
        .flat_map(|(name, value)| {
            let values = serde_json::from_str::<Vec<&RawValue>>(value.get()).unwrap_or_else(|_| vec![*value]);
            values.into_iter().filter_map(move |value| {
                let text: String = serde_json::from_str(value.get()).ok()?;
                Some((name.clone(), HeaderValue::from_str(&text).ok()?))
            })
        })
}

/// Says where, but not what: the error's own words would quote the event.
fn not_of_its_form(error: &serde_json::Error) -> String {
    let what = if error.is_data() {
        "something that it needs is missing or of the wrong type"
    } else {
        "it is no JSON"
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
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
