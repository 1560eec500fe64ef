//! A body is verified unchanged: any change before that would refuse genuine deliveries or accept forged ones.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Delivery, Env, Gateway};
use crate::support::test_receiver::answer;

type Transformation = fn(&[u8]) -> Vec<u8>;

/// Changes that a receiver might make to a body before it verifies it.
const TRANSFORMATIONS: [(&str, Transformation); 9] = [
    ("parsed and written again", |body| match serde_json::from_slice::<Value>(body) {
        Ok(value) => value.to_string().into(),
        Err(_) => body.to_vec(),
    }),
    ("trimmed at the end", |body| body.trim_ascii_end().to_vec()),
    ("trimmed at the start", |body| body.trim_ascii_start().to_vec()),
    ("with other line ends", |body| replace(body, "\r\n", "\n")),
    ("unescaped", |body| replace(body, "\\/", "/")),
    ("read as UTF-8, come what may", |body| String::from_utf8_lossy(body).into_owned().into()),
    ("decoded from percent signs", |body| replace(body, "%7B", "{")),
    ("decoded from base64", |body| STANDARD.decode(body).unwrap_or_else(|_| body.to_vec())),
    ("cut at a NUL", |body| body.split(|byte| *byte == 0).next().unwrap().to_vec()),
];

fn replace(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    match std::str::from_utf8(body) {
        Ok(text) => text.replace(from, to).into(),
        Err(_) => body.to_vec(),
    }
}

/// Bodies that show each change; they need not be JSON.
const BODIES: [&[u8]; 10] = [
    br#"{ "b": 1.0, "a": 1e2 }"#,
    b"{\"a\":1}\n",
    b" {\"a\":1}",
    b"{\r\n\"a\":1}",
    br#"{"url":"https:\/\/example.com","letter":"\u00e9"}"#,
    b"{\"a\":\"\xff\"}",
    b"%7B%22a%22%3A1}",
    b"eyJhIjoxfQ==",
    b"{\"a\":1}\0{\"b\":2}",
    "\u{feff}{\"a\":1}".as_bytes(),
];

fn signed(body: &[u8], signed: &[u8], base64: bool) -> Delivery {
    let signature = hex::encode(super::secrets::hmac("hush", signed));
    let delivery = Delivery::new(body).unsigned().header("X-Webhook-Signature", &signature);
    let base64 = base64 || std::str::from_utf8(body).is_err();
    delivery.to("POST", "/webhooks/crm").through(Gateway::HttpApi, base64)
}

async fn env() -> Env {
    let sources = r#"{"crm":{"scheme":"hmac-sha256","secret":"hush","key":"/none"}}"#;
    Env::of(crate::support::ministack::Backend::new().await, &[("SOURCES", sources)]).await
}

#[tokio::test]
async fn body_is_verified_and_forwarded_unchanged() {
    let env = env().await;
    for (number, body) in BODIES.iter().enumerate() {
        // With or without base64 it is the same delivery.
        let word = if number % 2 == 0 { [true, false] } else { [false, true] };
        assert_eq!(env.deliver(&signed(body, body, word[0])).await, answer(202, "accepted"), "{number}");
        assert_eq!(env.deliver(&signed(body, body, word[1])).await, answer(200, "duplicate"), "{number}");
    }
    let messages = env.backend.messages().await;
    let mut received: Vec<_> = messages.iter().map(super::hostile::signed_bytes).collect();
    received.sort();
    let mut sent = BODIES.map(<[u8]>::to_vec);
    sent.sort();
    assert_eq!(received, sent);
}

#[tokio::test]
async fn transformed_body_is_refused() {
    let env = env().await;
    for (name, transform) in TRANSFORMATIONS {
        let mut shown = 0;
        for body in BODIES {
            let transformed = transform(body);
            if transformed == body {
                continue;
            }
            shown += 1;
            for (sent, original) in [(&*transformed, body), (body, &*transformed)] {
                let delivery = signed(sent, original, false);
                assert_eq!(env.deliver(&delivery).await, answer(401, "unauthorized"), "{name}");
            }
        }
        // Otherwise a receiver that makes this change would pass the test above.
        assert!(shown > 0, "no body shows the change {name}");
    }
    assert_eq!(env.backend.queued().await, 0);
}
