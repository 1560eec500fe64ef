//! The event of a gateway: payload format 1.0 of REST APIs, and 2.0 of HTTP APIs and function URLs.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::{collections::HashSet, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::query;
use crate::{
    http::{BadEvent, RequestContext},
    json::members::Members,
};

/// The fields of an event of either format that the receiver needs. Others may be absent, and of any type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    http_method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    #[serde(borrow)]
    raw_query_string: Option<&'a RawValue>,
    #[serde(borrow)]
    query_string_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    multi_value_query_string_parameters: Option<&'a RawValue>,
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
struct Context<'a> {
    #[serde(borrow)]
    http: Http<'a>,
}

#[derive(Deserialize)]
struct Staged {
    stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: String,
    #[serde(borrow)]
    source_ip: Option<&'a RawValue>,
}

/// The request context of format 1.0.
#[derive(Deserialize)]
struct RestContext<'a> {
    #[serde(borrow)]
    identity: Identity<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow)]
    source_ip: Option<&'a RawValue>,
}

/// What both formats state of a request.
struct Basics {
    method: String,
    path: String,
    /// The address from which the gateway received it, if the event states a valid one.
    caller: Option<IpAddr>,
}

impl<'a> Event<'a> {
    /// Reads an event, and otherwise returns the reason why it is not valid.
    pub(super) fn read(payload: &'a str) -> Result<Self, String> {
        serde_json::from_str(payload).map_err(|error| position(&error))
    }

    /// Returns `true` for payload format 2.0. Format 1.0 need not state its version.
    pub(super) fn is_v2(&self) -> bool {
        self.version.is_some_and(|version| version.get() == r#""2.0""#)
    }

    /// Converts the event into the request that the gateway received, and its context.
    pub(super) fn request(mut self) -> Result<(Request<Bytes>, RequestContext), String> {
        let Basics { method, path, caller } = if self.is_v2() { self.http_api()? } else { self.rest_api()? };
        let mut request = Request::default();
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|_| "its method is not a valid HTTP method")?;
        let uri = |text: String| Uri::builder().path_and_query(text).build().ok();
        // A delivery is found by its path alone, so it is answered whatever the query is.
        let with_query = self.query().and_then(|query| uri(format!("{path}?{query}")));
        *request.uri_mut() = with_query.or_else(|| uri(path)).ok_or("its path is not valid in a request")?;
        let mut context = RequestContext { stage: self.stage(), caller, ..RequestContext::default() };
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
            // The signed bytes are lost. The headers are dropped too, so that no signature can match another reading of
            // them.
            context.bad_event = Some(BadEvent::Body);
        }
        Ok((request, context))
    }

    fn http_api(&mut self) -> Result<Basics, String> {
        let context = self.request_context.ok_or("it has no request context")?.get();
        let context: Context = serde_json::from_str(context)
            .map_err(|error| format!("in its request context, {}", position(&error)))?;
        let (method, caller) = (context.http.method, address(context.http.source_ip));
        Ok(Basics { method, path: self.raw_path.take().ok_or("it has no path")?, caller })
    }

    fn rest_api(&mut self) -> Result<Basics, String> {
        let method = self.http_method.take().ok_or("it has no method")?;
        let path = self.path.take().ok_or("it has no path")?;
        let context = self.request_context.map(RawValue::get);
        let context = context.and_then(|context| serde_json::from_str::<RestContext>(context).ok());
        Ok(Basics { method, path, caller: context.and_then(|context| address(context.identity.source_ip)) })
    }

    fn query(&self) -> Option<String> {
        if self.is_v2() {
            return query::as_text(self.raw_query_string?);
        }
        let several = self.multi_value_query_string_parameters.and_then(query::from_object);
        several.or_else(|| query::from_object(self.query_string_parameters?))
    }

    /// Returns the stage, which may be in front of the path; both formats allow an event without one.
    fn stage(&self) -> Option<String> {
        let context: Staged = serde_json::from_str(self.request_context?.get()).ok()?;
        context.stage.filter(|stage| !stage.is_empty())
    }

    fn headers(&self) -> Result<HeaderMap, &'static str> {
        let several: Vec<_> = self.multi_value_headers.iter().flat_map(entries).collect();
        let mut headers = HeaderMap::new();
        // A plain append panics beyond 32,768 headers.
        let mut append = |(name, value)| match headers.try_append(name, value) {
            Ok(_) => Ok(()),
            Err(_) => Err("it has too many headers"),
        };
        let repeated: HashSet<_> = several.iter().map(|(name, _)| name.clone()).collect();
        several.into_iter().try_for_each(&mut append)?;
        // The single value is the last of several; alone it would hide the others.
        let single = self.headers.iter().flat_map(entries).filter(|(name, _)| !repeated.contains(name));
        single.into_iter().try_for_each(append)?;
        Ok(headers)
    }
}

/// Reads the address of a caller. A gateway states it in the request context, which nothing that the sender chooses gets
/// into.
fn address(text: Option<&RawValue>) -> Option<IpAddr> {
    serde_json::from_str::<&str>(text?.get()).ok()?.parse().ok()
}

/// Returns the valid headers of an object. A value may be a list; names and values that no header can hold are ignored.
fn entries(headers: &Members<&RawValue>) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    headers
        .0
        .iter()
        .filter_map(|(name, value)| Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value)))
        .flat_map(|(name, value)| {
            // Most are no lists, and an attempt to read a list is costly if it fails.
            let list =
                value.get().starts_with('[').then(|| serde_json::from_str::<Vec<&RawValue>>(value.get()));
            let values = list.and_then(Result::ok).unwrap_or_else(|| vec![*value]);
            values.into_iter().filter_map(move |value| {
                let text: String = serde_json::from_str(value.get()).ok()?;
                Some((name.clone(), HeaderValue::from_str(&text).ok()?))
            })
        })
}

/// Returns the position of a mistake, but not its text: the error's own message would quote the event.
fn position(error: &serde_json::Error) -> String {
    let what = if error.is_data() {
        "something that it needs is missing or of the wrong type"
    } else {
        "it is not JSON"
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}
