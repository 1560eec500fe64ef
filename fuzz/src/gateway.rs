//! The events of the gateways: written for the signer, and read for the oracle, as simply as possible.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Deserializer, Value, json, value::RawValue};

use crate::pairs::Pairs;

/// The event format of a gateway.
#[derive(Clone, Copy, Debug)]
pub enum Gateway {
    HttpApi,
    HttpApiStage,
    FunctionUrl,
    RestApi,
    /// Without lists of headers.
    RestApiSingle,
}

pub const GATEWAYS: [Gateway; 5] =
    [Gateway::HttpApi, Gateway::HttpApiStage, Gateway::FunctionUrl, Gateway::RestApi, Gateway::RestApiSingle];

/// A format with its optional parts.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub gateway: Gateway,
    pub base64: bool,
    /// Each element of a header is a separate value, in formats that have lists.
    pub split: bool,
}

/// Writes the event of a delivery.
pub fn write(form: Form, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let Form { gateway, base64, split } = form;
    let text = std::str::from_utf8(body).ok().filter(|_| !base64);
    let (body, base64) = text.map_or_else(|| (STANDARD.encode(body), true), |text| (text.to_owned(), false));
    let single: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let values =
        |value: &str| if split { value.split(',').map(|one| json!(one)).collect() } else { json!([value]) };
    let lists: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), values(value))).collect();
    let v2 = |stage: &str, path: String| {
        json!({
            "version": "2.0",
            "rawPath": path,
            "headers": single,
            "requestContext": {"stage": stage, "http": {"method": "POST", "path": path}},
            "body": body,
            "isBase64Encoded": base64,
        })
    };
    let event = match gateway {
        Gateway::HttpApi | Gateway::FunctionUrl => v2("$default", path.to_owned()),
        Gateway::HttpApiStage => v2("live", format!("/live{path}")),
        Gateway::RestApi => json!({
            "httpMethod": "POST",
            "path": path,
            "headers": single,
            "multiValueHeaders": lists,
            "body": body,
            "isBase64Encoded": base64,
        }),
        Gateway::RestApiSingle => json!({
            "version": "1.0",
            "httpMethod": "POST",
            "path": path,
            "headers": single,
            "multiValueHeaders": null,
            "body": body,
            "isBase64Encoded": base64,
        }),
    };
    event.to_string()
}

/// The request of an event.
#[derive(Debug)]
pub struct ParsedEvent {
    pub method: String,
    pub path: String,
    pub stage: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Reads an event; `None` if it is not valid.
pub fn read(payload: &[u8]) -> Option<ParsedEvent> {
    let event: Object = Deserialize::deserialize(&mut Deserializer::from_slice(payload)).ok()?;
    let text = |name| value(member(&event, name)?)?.as_str().map(str::to_owned);
    let context = member(&event, "requestContext").and_then(object);
    let stage = context.as_ref().and_then(|context| value(member(context, "stage")?));
    let stage = stage.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let (method, path) = if text("version").as_deref() == Some("2.0") {
        let context = context?;
        let path = text("rawPath")?;
        let http = object(member(&context, "http")?)?;
        (value(member(&http, "method")?)?.as_str()?.to_owned(), path)
    } else {
        (text("httpMethod")?, text("path")?)
    };
    let body = text("body").unwrap_or_default();
    let body = match member(&event, "isBase64Encoded").and_then(value) {
        Some(Value::Bool(true)) => STANDARD.decode(body).ok()?,
        _ => body.into_bytes(),
    };
    let mut headers = Vec::new();
    let lists = |name| member(&event, name).and_then(object).map_or_else(Vec::new, |pairs| pairs.0);
    for (name, raw) in lists("multiValueHeaders") {
        add(&mut headers, &name, &raw);
    }
    let known: Vec<_> = headers.iter().map(|(name, _)| name.clone()).collect();
    for (name, raw) in lists("headers") {
        if !known.contains(&name.to_lowercase()) {
            add(&mut headers, &name, &raw);
        }
    }
    let path = path.split(['?', '#']).next().unwrap().to_owned();
    Some(ParsedEvent { method, path, stage, headers, body })
}

type Object = Pairs<Box<RawValue>>;

fn member<'a>(object: &'a Object, name: &str) -> Option<&'a RawValue> {
    object.0.iter().find(|(key, _)| key == name).map(|(_, raw)| &**raw)
}

fn object(raw: &RawValue) -> Option<Object> {
    serde_json::from_str(raw.get()).ok()
}

fn value(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(raw.get()).ok()
}

fn add(headers: &mut Vec<(String, String)>, name: &str, raw: &RawValue) {
    if let Ok(values) = serde_json::from_str::<Vec<Box<RawValue>>>(raw.get()) {
        for raw in values.iter().filter(|raw| raw.get().starts_with('"')) {
            add(headers, name, raw);
        }
    } else if let Some(Value::String(text)) = value(raw)
        && !text.bytes().any(|byte| byte == 127 || byte < 32 && byte != 9)
    {
        headers.push((name.to_lowercase(), text));
    }
}

impl ParsedEvent {
    /// Returns whether the path is that of a source, with or without the stage before it. Each part may begin with two
    /// slashes, and the path may end with one.
    pub fn leads_to(&self, name: &str) -> bool {
        let stage = if self.stage.is_empty() { String::new() } else { format!("/{}", self.stage) };
        let mut forms = Vec::new();
        for first in ["", "/"] {
            for last in ["", "/"] {
                forms.push(format!("{first}/webhooks/{name}{last}"));
                for second in ["", "/"] {
                    forms.push(format!("{first}{stage}{second}/webhooks/{name}{last}"));
                }
            }
        }
        // Without a stage, no more than two slashes.
        forms.contains(&self.path) && !self.path.starts_with("///")
    }

    /// The values of a header, joined to one list.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty() && values.iter().all(|value| value.is_ascii())).then(|| values.join(","))
    }
}
