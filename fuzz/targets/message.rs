//! A signed body and its result: the same bytes in a message that SQS accepts, or the right refusal.
//!
//! An input is a source, the number of a size, the length of a text, the text, which becomes the value of the headers
//! that are not signed, and the body.

#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use duffel_webhook_receiver::http::{RequestContext, respond};
use duffel_webhook_receiver_fuzz::{
    message::{check, is_acceptable, written},
    oracle::{Claim, Kind, Provider},
    pairs::Pairs,
    receiver::run,
    signer::{ID, PROVIDERS, header, names},
};
use http::{HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

const NOW: u64 = 1_795_262_400;

/// Sizes on either side of what fits into a message, as text and as base64, with its attributes.
const SIZES: [usize; 6] = [0, 3 << 18, (3 << 18) - 700, 1 << 20, (1 << 20) - 300, (1 << 20) - 700];

fuzz_target!(|data: &[u8]| {
    let Some(([source, size, length], rest)) = data.split_first_chunk() else { return };
    let Some((text, body)) = rest.split_at_checked((*length).into()) else { return };
    let provider = &PROVIDERS[usize::from(*source) % PROVIDERS.len()];
    // White space after a JSON text does not change it. Rarely, since large bodies are slow.
    let least = SIZES.get(usize::from(*size)).copied().unwrap_or_default();
    let mut body = body.to_vec();
    body.resize(body.len().max(least), b' ');
    let time = NOW.to_string();
    let header = header(provider, &time, ID, &body);
    let mut request = Request::post(format!("/webhooks/{}", provider.name));
    for (name, value) in names(provider.kind).into_iter().zip([&*header, &time, ID]) {
        if !name.is_empty() {
            request = request.header(name, value);
        }
    }
    if let Ok(text) = HeaderValue::from_bytes(text) {
        for name in ["x-github-event", "x-github-delivery", "x-shopify-topic", "x-amzn-trace-id"] {
            request = request.header(name, text.clone());
        }
    }
    let request = request.body(Bytes::from(body.clone())).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let (status, messages) = run(async |receiver| {
        respond(receiver, request, RequestContext::default(), now).await.status().as_u16()
    });
    assert_eq!(messages.len(), usize::from(status == 202));
    let has_time = !names(provider.kind)[1].is_empty();
    let claim = Claim { signature: Some(&header), time: has_time.then_some(&time), id: None };
    for message in &messages {
        check(message, provider, &claim, &body);
    }
    let is_base64 = written(&body).1;
    let least = if is_base64 { body.len().div_ceil(3) * 4 } else { body.len() };
    match status {
        202 => {}
        // The attributes have 8 KiB at most, except for those with values from the body.
        413 => {
            assert!(least + body.len() > (1 << 20) - (1 << 13), "a message of {least} bytes is not too large")
        }
        400 => assert!(!is_event(provider, &body), "a valid event is refused"),
        status => panic!("{status} to a signed delivery"),
    }
    if status == 202 && provider.kind == Kind::Duffel {
        check_attributes(&messages[0], &body);
    }
});

/// Returns whether it is certainly an event; `false` if the oracle's own reader does not accept it.
fn is_event(provider: &Provider, body: &[u8]) -> bool {
    let json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if provider.kind != Kind::Duffel {
        let is_json = serde_json::from_slice::<IgnoredAny>(json).is_ok();
        return !body.is_empty() && (!is_json || matches!(provider.kind, Kind::Github | Kind::Shopify));
    }
    let Ok(Pairs(members)) = serde_json::from_slice::<Pairs<Value>>(json) else { return false };
    let count = |wanted| members.iter().filter(|(name, _)| name == wanted).count();
    let is_twice = ["type", "id", "idempotency_key", "live_mode"].into_iter().any(|name| count(name) > 1);
    let has = |name| text(&members, name).is_some();
    !is_twice && has("type") && (has("id") || has("idempotency_key"))
}

fn text<'a>(members: &'a [(String, Value)], name: &str) -> Option<&'a str> {
    let (_, value) = members.iter().find(|(key, _)| key == name)?;
    value.as_str().filter(|text| !text.is_empty())
}

fn check_attributes(message: &Value, body: &[u8]) {
    // The oracle does not read very deep JSON and very large numbers.
    let json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(Pairs(members)) = serde_json::from_slice::<Pairs<Value>>(json) else { return };
    for (attribute, name) in
        [("event_type", "type"), ("event_id", "id"), ("idempotency_key", "idempotency_key")]
    {
        let value = message["MessageAttributes"][attribute]["StringValue"].as_str();
        assert_eq!(value, text(&members, name).filter(|text| is_acceptable(text)));
    }
    let mode = members.iter().find(|(name, _)| name == "live_mode").and_then(|(_, value)| value.as_bool());
    let value = message["MessageAttributes"]["live_mode"]["StringValue"].as_str();
    assert_eq!(value, mode.map(|mode| if mode { "true" } else { "false" }));
}
