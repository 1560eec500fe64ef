//! The whole function: for any payload the answer is one of the contract's, and there is a message only if the oracle
//! finds a valid signature.
//!
//! An input is a payload; or, if its first byte is below 32, a delivery to be signed: source, gateway, flags, age,
//! position (2 bytes), length of an edit, the edit, the body.

#![no_main]

use std::time::SystemTime;

use duffel_webhook_receiver::{
    gateway::{Invocation, Payload, invoke},
    http::LogLine,
    time::unix_seconds,
};
use duffel_webhook_receiver_fuzz::{
    gateway::{self, Form, GATEWAYS},
    message,
    oracle::{Claim, Kind, Provider, Verdict, oracle},
    receiver::run,
    signer::{ID, PROVIDERS, families, header, names},
};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;

const WORDS: [(u64, &str); 7] = [
    (200, "ok"),
    (202, "accepted"),
    (400, "malformed"),
    (401, "unauthorized"),
    (404, "not_found"),
    (405, "method_not_allowed"),
    (413, "too_large"),
];

/// In seconds; so far from every limit that the clock may advance meanwhile.
const AGES: [i64; 8] = [0, 290, 310, 1_000_000, 400_000_000, -290, -310, -1_000_000];

const EDIT_THE_PAYLOAD: u8 = 1;
const REPLACE: u8 = 2;
const BASE64: u8 = 4;
const SPLIT: u8 = 8;

fuzz_target!(|data: &[u8]| {
    let made = data.first().filter(|first| **first < 32).and_then(|_| delivery(data));
    let (payload, is_intact) = made.unwrap_or_else(|| (data.to_vec(), false));
    let before = unix_seconds(SystemTime::now());
    let (answer, messages) = send(&payload);
    let after = unix_seconds(SystemTime::now());
    let status = check_answer(&answer);
    let parsed = gateway::read(&payload);
    let provider = parsed.as_ref().and_then(|parsed| {
        PROVIDERS.iter().find(|provider| parsed.method == "POST" && parsed.leads_to(provider.name))
    });
    let (Some(parsed), Some(provider)) = (parsed, provider) else {
        assert!(messages.is_empty(), "there is a message without a delivery");
        return;
    };
    let texts: Vec<_> =
        families(provider.kind).into_iter().map(|family| family.map(|name| parsed.header(&name))).collect();
    // The first set of headers that is validly signed at a time.
    let signed = |now: u64| {
        let claims = texts.iter().map(|[signature, time, id]| Claim {
            signature: signature.as_deref(),
            time: time.as_deref(),
            id: id.as_deref(),
        });
        let is_signed =
            |claim: &Claim| matches!(oracle(provider, claim, &parsed.body, now), Verdict::Signed { .. });
        claims.into_iter().find(is_signed)
    };
    assert_eq!(messages.len(), usize::from(status == 202));
    for message in &messages {
        let claim =
            signed(before).or_else(|| signed(after)).expect("there is a message of an unsigned delivery");
        message::check(message, provider, &claim, &parsed.body);
    }
    if is_intact && parsed.body.len() > 1 << 20 {
        assert_eq!(status, 413, "it is too large for a message, whoever signed it");
    } else if is_intact {
        assert_eq!(status == 401, signed(before).is_none(), "the oracle disagrees");
        assert!([202, 400, 401, 413].contains(&status), "{status}");
    }
});

fn send(payload: &[u8]) -> (Value, Vec<Value>) {
    // As the runtime does, which ignores what follows the JSON text.
    let event = Payload::deserialize(&mut serde_json::Deserializer::from_slice(payload)).unwrap();
    run(async |receiver| {
        let request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
        let invocation = Invocation { request_id, ..Invocation::default() };
        invoke(receiver, None, event, invocation, LogLine::write).await
    })
}

fn check_answer(answer: &Value) -> u64 {
    let status = answer["statusCode"].as_u64().unwrap();
    let word = WORDS.iter().find(|(known, _)| *known == status).expect("a status of the contract").1;
    assert_eq!(answer["body"], format!(r#"{{"status":"{word}"}}"#));
    status
}

/// Makes the payload of a signed delivery, and returns whether it was left unedited.
fn delivery(data: &[u8]) -> Option<(Vec<u8>, bool)> {
    let ([source, gateway, flags, age, high, low, length], rest) = data.split_first_chunk()?;
    let (edit, body) = rest.split_at_checked((*length).into())?;
    let provider: &Provider = &PROVIDERS[usize::from(*source) % PROVIDERS.len()];
    let gateway = GATEWAYS[usize::from(*gateway) % GATEWAYS.len()];
    let form = Form { gateway, base64: flags & BASE64 != 0, split: flags & SPLIT != 0 };
    let age = AGES[usize::from(*age) % AGES.len()];
    let time = unix_seconds(SystemTime::now()).saturating_add_signed(-age).to_string();
    let [signature, time_name, id_name] = names(provider.kind);
    let mut value = header(provider, &time, ID, body);
    let place = u16::from_be_bytes([*high, *low]).into();
    let edits_payload = flags & EDIT_THE_PAYLOAD != 0;
    if !edits_payload {
        value =
            String::from_utf8_lossy(&edited(value.into_bytes(), place, edit, flags & REPLACE != 0)).into();
    }
    let mut headers = vec![("content-type", "application/json"), (signature, &value)];
    headers.extend([(time_name, &*time), (id_name, ID)].into_iter().filter(|(name, _)| !name.is_empty()));
    if matches!(provider.kind, Kind::Github | Kind::Shopify) {
        headers.extend([("x-github-event", "push"), ("x-shopify-topic", "orders/create")]);
    }
    let path = format!("/webhooks/{}", provider.name);
    let payload = gateway::write(form, &path, &headers, body).into_bytes();
    if edits_payload && !edit.is_empty() {
        // Counted from the end, since positions there do not depend on the body.
        let place = (payload.len() - 1).saturating_sub(place);
        return Some((edited(payload, place, edit, flags & REPLACE != 0), false));
    }
    Some((payload, true))
}

fn edited(mut bytes: Vec<u8>, place: usize, edit: &[u8], replace: bool) -> Vec<u8> {
    let start = if bytes.is_empty() { 0 } else { place % bytes.len() };
    let end = if replace { bytes.len().min(start + edit.len()) } else { start };
    bytes.splice(start..end, edit.iter().copied());
    bytes
}
