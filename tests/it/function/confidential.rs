//! No line of the log, at any level and in either format, has a signature, a secret or a body, in any encoding.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Delivery, Env, Gateway, answer, secrets::hmac};
use crate::support::ministack::Backend;

/// A text in every body.
const MARKER: &str = "Marguerite-Yourcenar";

/// The encodings of bytes in a log.
fn writings(bytes: &[u8]) -> Vec<String> {
    let mut writings = vec![
        hex::encode(bytes),
        hex::encode_upper(bytes),
        STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
        format!("{bytes:?}").trim_matches(['[', ']']).to_owned(),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    ];
    writings.extend(String::from_utf8(bytes.to_vec()));
    writings
}

/// Returns the encodings that are in a text.
fn leaks<'a>(text: &str, confidential: &'a [(String, Vec<u8>)]) -> Vec<&'a str> {
    let leaks =
        |(_, bytes): &&(String, Vec<u8>)| writings(bytes).iter().any(|writing| text.contains(&**writing));
    confidential.iter().filter(leaks).map(|(name, _)| name.as_str()).collect()
}

struct Source {
    scheme: &'static str,
    header: &'static str,
    prefix: &'static str,
    secret: &'static str,
}

const SOURCES: [Source; 4] = [
    Source { scheme: "duffel", header: "X-Duffel-Signature", prefix: "", secret: "planted-duffel-secret" },
    Source { scheme: "stripe", header: "Stripe-Signature", prefix: "", secret: "planted-stripe-secret" },
    Source {
        scheme: "github",
        header: "X-Hub-Signature-256",
        prefix: "sha256=",
        secret: "planted-github-secret",
    },
    Source {
        scheme: "hmac-sha256",
        header: "X-Webhook-Signature",
        prefix: "",
        secret: "planted-plain-secret",
    },
];

impl Source {
    /// A delivery of a body, signed with a secret, and the bytes of its signature.
    fn delivery(&self, body: &str, secret: &str) -> (Delivery, Vec<u8>) {
        let now = duffel_webhook_receiver::time::unix_seconds(std::time::SystemTime::now());
        let (signature, value) = if matches!(self.scheme, "duffel" | "stripe") {
            let signature = hmac(secret, format!("{now}.{body}").as_bytes());
            let value = format!("t={now},v1={}", hex::encode(&signature));
            (signature, value)
        } else {
            let signature = hmac(secret, body.as_bytes());
            let value = format!("{}{}", self.prefix, hex::encode(&signature));
            (signature, value)
        };
        let delivery = Delivery::new(body).unsigned().header(self.header, &value);
        (delivery.to("POST", &format!("/webhooks/{}", self.scheme)), signature)
    }
}

fn body(id: &str) -> String {
    let event =
        json!({ "id": id, "type": "t", "idempotency_key": id, "live_mode": true, "passenger": MARKER });
    event.to_string()
}

#[tokio::test]
async fn no_line_of_the_log_has_a_signature_a_secret_or_a_body() {
    let sources: serde_json::Map<_, _> = SOURCES
        .iter()
        .map(|source| (source.scheme.to_owned(), json!({ "scheme": source.scheme, "secret": source.secret })))
        .collect();
    let sources = Value::from(sources).to_string();
    for (level, format) in [("TRACE", "JSON"), ("TRACE", "Text"), ("INFO", "JSON"), ("ERROR", "Text")] {
        let variables = [
            ("SOURCES", sources.as_str()),
            ("AWS_LAMBDA_LOG_LEVEL", level),
            ("AWS_LAMBDA_LOG_FORMAT", format),
        ];
        let mut env = Env::of(Backend::new().await, &variables).await;
        let mut confidential = vec![("a body".to_owned(), MARKER.into())];
        for source in &SOURCES {
            confidential.push((format!("the secret of {}", source.scheme), source.secret.into()));
            let (good, signature) = source.delivery(&body("1"), source.secret);
            let (other_secret, forged) = source.delivery(&body("2"), "planted-forger-secret");
            let (malformed, of_malformed) = source.delivery(MARKER, source.secret);
            let large = format!("{{\"x\":\"{}\"}}", MARKER.repeat(60_000));
            let (large, of_large) = source.delivery(&large, source.secret);
            for signature in [signature, forged, of_malformed, of_large] {
                confidential.push((format!("a signature of {}", source.scheme), signature));
            }
            let mut tampered = good.clone();
            tampered.body.push(b' ');
            for (delivery, status) in [
                (&good, 202),
                (&good, 200),
                (&other_secret, 401),
                (&tampered, 401),
                (&good.clone().unsigned().header(source.header, MARKER), 401),
                (&malformed, if source.scheme == "duffel" { 400 } else { 202 }),
                (&large, 413),
                (&good.clone().to("POST", &format!("/webhooks/nobody?{MARKER}")), 404),
                (&good.clone().to("PUT", "/webhooks/duffel"), 405),
            ] {
                assert_eq!(env.deliver(delivery).await.0, status, "{} {status}", source.scheme);
            }
            // Events of the gateway that are not valid, or truncated.
            for spoil in [
                |event: &mut Value| event["isBase64Encoded"] = true.into(),
                |event: &mut Value| event["body"] = json!([event["body"]]),
                |event: &mut Value| event["headers"] = event["headers"].to_string().into(),
                |event: &mut Value| event["rawPath"] = json!({ MARKER: event["body"] }),
                |event: &mut Value| event["requestContext"] = MARKER.into(),
            ] {
                let delivery = good.clone().through(Gateway::HttpApi, false);
                let mut event = serde_json::from_str(&delivery.event()).unwrap();
                spoil(&mut event);
                let status = answer(env.function.invoke(event.to_string()).await).status;
                assert!([401, 404].contains(&status), "{} {status}", source.scheme);
            }
        }
        let text = env.function.lines().join("\n");
        assert_eq!(leaks(&text, &confidential), Vec::<&str>::new(), "{level} {format}: {text}");
        assert_eq!(text.is_empty(), level == "ERROR", "{text}");
    }
}

/// The check finds a receiver that logs a signature in any encoding.
#[test]
fn leak_check_finds_every_encoding() {
    let confidential = vec![("it".to_owned(), hmac("hush", b"{}")), ("text".to_owned(), MARKER.into())];
    for (name, bytes) in &confidential {
        for line in [
            hex::encode(bytes),
            hex::encode_upper(bytes),
            format!("v1={}", hex::encode(bytes)),
            STANDARD.encode(bytes),
            format!("{bytes:?}"),
            format!("Signature({bytes:?})"),
            String::from_utf8_lossy(bytes).into_owned() + &hex::encode(bytes),
        ] {
            let line = json!({ "level": "DEBUG", "message": line }).to_string();
            assert_eq!(leaks(&line, &confidential), [name], "{line}");
        }
    }
    assert_eq!(leaks("202 accepted order.created wev_1", &confidential), Vec::<&str>::new());
}
