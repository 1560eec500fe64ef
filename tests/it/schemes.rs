//! The published vectors of every provider, and what each scheme must refuse.

mod commands;
mod descriptions;
mod families;
mod keys;
mod mistakes;
mod presets;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use duffel_webhook_receiver::{
    config::sources,
    receive::{Source, filter::Filter},
    signature::{
        Verifier,
        scheme::Scheme,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use sha2::Sha256;

use crate::support::test_receiver::{DAY, SECRET, TestReceiver, WINDOW, answer, duffel, key, noon};

const FIVE_MINUTES: Duration = Duration::from_mins(5);

fn source(name: &str, scheme: &Scheme, secrets: &[&str]) -> Source {
    let keys = secrets.iter().map(|secret| key(scheme, secret)).collect();
    let tolerance = scheme.tolerance.unwrap_or(WINDOW);
    Source::new(Verifier::new(name, scheme.clone(), keys, tolerance))
}

fn receiver(scheme: &Scheme, secret: &str) -> TestReceiver {
    TestReceiver::of(vec![source("it", scheme, &[secret])])
}

fn scheme(name: &str) -> Scheme {
    Scheme::named(name).unwrap()
}

fn generic(fields: &str) -> Scheme {
    sources::read_scheme(&format!(r#"{{"scheme":"hmac-sha256"{fields}}}"#)).unwrap()
}

fn post<N: AsRef<str>, V: AsRef<str>>(name: &str, headers: &[(N, V)], body: &[u8]) -> Request<Bytes> {
    let request = Request::post(format!("/webhooks/{name}"));
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name.as_ref(), value.as_ref()));
    request.body(Bytes::copy_from_slice(body)).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Delivers to a fresh receiver and returns the status.
fn status(scheme: &Scheme, secret: &str, headers: &[(&str, &str)], body: &[u8], seconds: u64) -> u16 {
    receiver(scheme, secret).send(post("it", headers, body), at(seconds)).0
}

fn signed(scheme: &Scheme, secret: &str, id: &str, now: SystemTime, body: &str) -> Request<Bytes> {
    let signing = Signing { id, seconds: unix_seconds(now), label: None };
    post("it", &sign(scheme, &key(scheme, secret), signing, body.as_bytes()).unwrap(), body.as_bytes())
}

// standard-webhooks: libraries/rust, libraries/python, docs.svix.com/receiving/verifying-payloads/how-manual.
const STANDARD: [(&str, &str, u64, &str, &str); 3] = [
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1_731_705_121,
        r#"{"event_type":"ping","data":{"success":true}}"#,
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ),
];

#[test]
fn standard_webhooks_vectors_are_accepted_under_both_names() {
    for (secret, id, seconds, body, signature) in STANDARD {
        let time = seconds.to_string();
        for prefix in ["webhook", "svix"] {
            let names = ["id", "timestamp", "signature"].map(|name| format!("{prefix}-{name}"));
            let headers = [(&*names[0], id), (&*names[1], &*time), (&*names[2], signature)];
            let bare = secret.trim_start_matches("whsec_");
            for secret in [secret, bare] {
                assert_eq!(
                    status(&scheme("standard-webhooks"), secret, &headers, body.as_bytes(), seconds),
                    202
                );
            }
        }
    }
}

#[test]
fn standard_webhooks_secrets_may_have_surplus_bits() {
    let now = unix_seconds(noon()).to_string();
    // The bytes without the surplus bits.
    for (secret, bytes) in SURPLUS_BITS {
        let mut mac = Hmac::<Sha256>::new_from_slice(bytes).unwrap();
        mac.update(format!("msg_1.{now}.{{}}").as_bytes());
        let signature = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
        let headers =
            [("webhook-id", "msg_1"), ("webhook-timestamp", &*now), ("webhook-signature", &*signature)];
        for secret in [secret.to_owned(), format!("whsec_{secret}")] {
            assert_eq!(
                receiver(&scheme("standard-webhooks"), &secret).send(post("it", &headers, b"{}"), noon()).0,
                202
            );
        }
    }
}

/// The last character of each has surplus bits, which belong to no byte.
pub const SURPLUS_BITS: [(&str, &[u8]); 2] = [
    (
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        b"\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08\x2c\xf6\x48\xa3\x62\xda\x2d\xa4",
    ),
    (
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr",
        b"\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08\x2c\xf6\x48\xa3\x62\xda\x2d\xa4\xb0\x06",
    ),
];

#[test]
fn standard_webhooks_refuses_altered_deliveries() {
    let (secret, id, seconds, body, signature) = STANDARD[1];
    let time = seconds.to_string();
    let send = |id: &str, time: &str, signature: &str, body: &str, now: u64| {
        let headers = [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)];
        status(&scheme("standard-webhooks"), secret, &headers, body.as_bytes(), now)
    };
    assert_eq!(send(id, &time, signature, body, seconds), 202);
    // One character differs: the negative of the Python library's tests.
    assert_eq!(send(id, &time, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", body, seconds), 401);
    assert_eq!(send("msg_other", &time, signature, body, seconds), 401);
    assert_eq!(send("", &time, signature, body, seconds), 401);
    assert_eq!(send(id, "1614265331", signature, body, seconds), 401);
    assert_eq!(send(id, "1614265330.0", signature, body, seconds), 401);
    assert_eq!(send(id, &time, signature, r#"{"test":2432232314}"#, seconds), 401);
    for label in ["v2", "v1a", "V1", "v"] {
        assert_eq!(send(id, &time, &signature.replace("v1", label), body, seconds), 401, "{label}");
    }
    for (now, status) in
        [(seconds + 300, 202), (seconds + 301, 401), (seconds - 300, 202), (seconds - 301, 401)]
    {
        assert_eq!(send(id, &time, signature, body, now), status);
    }
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let headers = [("webhook-id", id), ("webhook-timestamp", &time), ("webhook-signature", signature)];
        let headers: Vec<_> = headers.into_iter().filter(|(name, _)| *name != missing).collect();
        assert_eq!(status(&scheme("standard-webhooks"), secret, &headers, body.as_bytes(), seconds), 401);
    }
}

#[test]
fn standard_webhooks_accepts_any_match_in_a_list() {
    let (secret, id, seconds, body, signature) = STANDARD[1];
    let other = "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    let list = format!("v1,{other} v2,{other} {signature} v1,{other}");
    let time = seconds.to_string();
    let headers = [("webhook-id", id), ("webhook-timestamp", &*time), ("webhook-signature", &*list)];
    assert_eq!(status(&scheme("standard-webhooks"), secret, &headers, body.as_bytes(), seconds), 202);
}

#[test]
fn standard_webhooks_verifies_ed25519_with_the_public_key() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use ed25519_dalek::{Signer, SigningKey};
    let private = SigningKey::from_bytes(&[7; 32]);
    let public = format!("whpk_{}", STANDARD.encode(private.verifying_key()));
    let now = unix_seconds(noon());
    let body = r#"{"type":"t"}"#;
    let mut signature = private.sign(format!("msg_1.{now}.{body}").as_bytes()).to_bytes();
    let time = now.to_string();
    let send = |label: &str, signature: &[u8]| {
        let signature = format!("{label},{}", STANDARD.encode(signature));
        let headers =
            [("webhook-id", "msg_1"), ("webhook-timestamp", &*time), ("webhook-signature", &*signature)];
        status(&scheme("standard-webhooks"), &public, &headers, body.as_bytes(), now)
    };
    assert_eq!(send("v1a", &signature), 202);
    assert_eq!(send("v1", &signature), 401);
    assert_eq!(send("v1a", &signature[..63]), 401);
    signature[0] ^= 1;
    assert_eq!(send("v1a", &signature), 401);
    // The public key is not secret, so an HMAC with it must not be valid.
    let scheme = scheme("standard-webhooks");
    let forged = Scheme { key: duffel_webhook_receiver::signature::scheme::KeyForm::RAW, ..scheme.clone() };
    for key_text in [&public, public.trim_start_matches("whpk_")] {
        let signing = Signing { id: "msg_1", seconds: now, label: None };
        let headers = sign(&forged, &key(&forged, key_text), signing, body.as_bytes()).unwrap();
        assert_eq!(receiver(&scheme, &public).send(post("it", &headers, body.as_bytes()), noon()).0, 401);
    }
}

// async-stripe, webhook.rs, test_webhook_construct_event.
const STRIPE_BODY: &str = r#"{"account":"acct_123","api_version":"2017-05-25","created":1533204620,"data":{"object":{"amount":1000,"currency":"usd","customer":"cus_123","date":1533204620,"description":"Test Invoice Item","discountable":false,"id":"ii_123","invoice":"in_123","livemode":false,"metadata":{},"object":"invoiceitem","period":{"end":1533204620,"start":1533204620},"proration":false,"quantity":3,"quantity_decimal":"0"}},"id":"evt_123","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":"req_123","idempotency_key":"idempotency-key-123"},"type":"invoiceitem.created"}"#;
const STRIPE_HEADER: &str = "t=1533204620,v1=d7373bc68f4bd320b253cd7461f87af6e1cdf1b4d7db1614d8d1d746972d2d0a,v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef";

#[test]
fn the_stripe_vector_is_accepted_for_five_minutes() {
    let send = |header: &str, now| {
        status(&scheme("stripe"), "secret", &[("stripe-signature", header)], STRIPE_BODY.as_bytes(), now)
    };
    assert_eq!(send(STRIPE_HEADER, 1_533_204_620), 202);
    assert_eq!(send(&format!("{STRIPE_HEADER},v1=potato"), 1_533_204_920), 202);
    assert_eq!(send(STRIPE_HEADER, 1_533_204_921), 401);
    // Its own test signatures, v0, and Duffel's v2 count for nothing.
    assert_eq!(send(&STRIPE_HEADER.replace("v1=", "v0="), 1_533_204_620), 401);
    assert_eq!(send(&STRIPE_HEADER.replace("v1=", "v2="), 1_533_204_620), 401);
}

#[test]
fn stripe_event_has_type_id_and_mode() {
    let receiver = receiver(&scheme("stripe"), "secret");
    let headers = [("stripe-signature", STRIPE_HEADER)];
    let request = || post("it", &headers, STRIPE_BODY.as_bytes());
    assert_eq!(receiver.send(request(), at(1_533_204_620)), answer(202, "accepted"));
    assert_eq!(receiver.send(request(), at(1_533_204_640)), answer(200, "duplicate"));
    let message = &receiver.queued()[0];
    let attribute = |name: &str| message["MessageAttributes"][name]["StringValue"].as_str();
    assert_eq!(attribute("source"), Some("it"));
    assert_eq!(attribute("event_type"), Some("invoiceitem.created"));
    assert_eq!(attribute("event_id"), Some("evt_123"));
    assert_eq!(attribute("idempotency_key"), Some("evt_123"));
    assert_eq!(attribute("live_mode"), Some("false"));
    assert_eq!(message["Attributes"]["MessageGroupId"], "it/evt_123");
}

// GitHub's documentation, and octokit/webhooks-methods.js.
const GITHUB: [(&str, &str, &str); 4] = [
    (
        "It's a Secret to Everybody",
        "Hello, World!",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ),
    (
        "mysecret",
        r#"{"foo":"bar"}"#,
        "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3",
    ),
    (
        "development",
        r#"{"foo":"Foo\n\u001B[34mbar: ♥♥♥♥♥♥♥♥\nthis-is-lost\u001B[0m\u001B[2K"}"#,
        "sha256=afecc3caa27548bb90d51a50384cb2868b9a3327b4ad6a01c9bd4ed0f8b0b12c",
    ),
    (
        "development",
        r#"{"foo":"\\u001b"}"#,
        "sha256=6f8326efbacfbd04e870cea25b5652e635be8c9807f2fd5348ef60753c9e96ed",
    ),
];

#[test]
fn github_vectors_are_accepted_with_their_prefix_only() {
    let github = scheme("github");
    for (secret, body, signature) in GITHUB {
        let send = |signature: &str| {
            status(&github, secret, &[("x-hub-signature-256", signature)], body.as_bytes(), 0)
        };
        assert_eq!(send(signature), 202);
        assert_eq!(send(signature.trim_start_matches("sha256=")), 401);
        assert_eq!(send(&signature.replace("sha256=", "sha1=")), 401);
        assert_eq!(send(&format!("{signature},{signature}")), 202);
        assert_eq!(send(""), 401);
        assert_eq!(status(&github, "other", &[("x-hub-signature-256", signature)], body.as_bytes(), 0), 401);
    }
}

#[test]
fn a_github_replay_under_another_event_name_is_a_duplicate() {
    let (secret, body, signature) = GITHUB[1];
    let receiver = receiver(&scheme("github"), secret);
    let send = |event: &str, delivery: &str, now| {
        let headers =
            [("x-hub-signature-256", signature), ("x-github-event", event), ("x-github-delivery", delivery)];
        receiver.send(post("it", &headers, body.as_bytes()), now).1
    };
    assert_eq!(send("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", noon()), "accepted");
    assert_eq!(send("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", noon()), "duplicate");
    assert_eq!(send("release", "72d3162e-cc78-11e3-81ab-4c9367dc0958", noon() + DAY), "duplicate");
    let queued = receiver.queued();
    assert_eq!(queued.len(), 1);
    // Another delivery id means another event, since several events may have one body.
    assert_eq!(send("push", "00000000-0000-0000-0000-000000000000", noon()), "accepted");
    let attributes = &queued[0]["MessageAttributes"];
    assert_eq!(attributes["event_type"]["StringValue"], "push");
    assert_eq!(attributes["event_id"]["StringValue"], "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    assert!(attributes.get("idempotency_key").is_none());
    // The group follows from what is signed.
    assert_eq!(queued[0]["Attributes"]["MessageGroupId"].as_str().unwrap().len(), "it/".len() + 64);
}

#[test]
fn two_github_deliveries_at_once_under_other_event_names_are_one_message() {
    let (secret, body, signature) = GITHUB[1];
    let receiver = receiver(&scheme("github"), secret);
    // Neither finds the other's record.
    for event in ["push", "release"] {
        receiver.ledger().pass_next();
        receiver.ledger().inject(crate::support::fault::Fault::Down, 2);
        let headers = [
            ("x-hub-signature-256", signature),
            ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            ("x-github-event", event),
        ];
        assert_eq!(receiver.send(post("it", &headers, body.as_bytes()), noon()), answer(202, "accepted"));
    }
    assert_eq!(receiver.queued().len(), 1);
}

#[test]
fn the_guides_signature_header_is_accepted() {
    let body = r#"{"id":"evt_abc123","type":"resource.created","created_at":"2025-02-18T10:30:00Z","data":{"object":{"id":"res_xyz789","name":"New Resource","status":"active"}},"previous_data":null}"#;
    let signature = "2ed51de5140360392ad39b03e3a3b4914a80538b2d8e1a5c7024ffaf0078d018";
    let receiver = receiver(&generic(""), "your_webhook_secret");
    let request = || post("it", &[("X-Webhook-Signature", signature)], body.as_bytes());
    assert_eq!(receiver.send(request(), noon()), answer(202, "accepted"));
    assert_eq!(receiver.send(request(), noon()), answer(200, "duplicate"));
    let attributes = &receiver.queued()[0]["MessageAttributes"];
    assert_eq!(attributes["event_type"]["StringValue"], "resource.created");
    assert_eq!(attributes["idempotency_key"]["StringValue"], "evt_abc123");
}

#[test]
fn the_other_guides_time_is_checked_but_protects_nothing() {
    let fields = r#","signature_header":"X-Signature","timestamp_header":"X-Timestamp","signed_timestamp":false,"type":"/event""#;
    let signature = "a2481a65ba734c693b622e713f727e5d4a063fe66abadb1c2d75a9fd0698f196";
    let body = r#"{"event": "user_signed_up", "user": "john_doe"}"#;
    let receiver = receiver(&generic(fields), "your_secret_key");
    let send = |seconds: u64, now| {
        let time = seconds.to_string();
        let headers = [("x-signature", signature), ("x-timestamp", &time)];
        receiver.send(post("it", &headers, body.as_bytes()), now).1
    };
    let now = unix_seconds(noon());
    assert_eq!(send(now - 301, noon()), "unauthorized");
    assert_eq!(send(now + 301, noon()), "unauthorized");
    assert_eq!(send(now, noon()), "accepted");
    // The same body under a new time verifies: only the ledger knows, by the body's hash.
    assert_eq!(send(now + 86_400, noon() + DAY), "duplicate");
    let message = &receiver.queued()[0];
    assert_eq!(message["MessageAttributes"]["event_type"]["StringValue"], "user_signed_up");
    assert_eq!(message["MessageAttributes"]["signature_timestamp"]["StringValue"], now.to_string());
    assert!(message["MessageAttributes"].get("event_id").is_none());
    let headers = [("x-signature", signature)];
    assert_eq!(receiver.send(post("it", &headers, body.as_bytes()), noon()).0, 401);
}

#[test]
fn a_signed_time_in_a_header_cannot_be_changed() {
    let scheme = generic(
        r#","timestamp_header":"X-Timestamp","signed_timestamp":true,"encoding":"base64","prefix":"v0=""#,
    );
    let request = signed(&scheme, "hush", "", noon(), "{}");
    assert!(request.headers()["x-webhook-signature"].to_str().unwrap().starts_with("v0="));
    let mut renewed = signed(&scheme, "hush", "", noon(), "{}");
    renewed.headers_mut().insert("x-timestamp", (unix_seconds(noon()) + 1).into());
    assert_eq!(receiver(&scheme, "hush").send(renewed, noon()).0, 401);
    assert_eq!(receiver(&scheme, "hush").send(request, noon()).0, 202);
}

#[test]
fn shopify_is_base64_over_the_body_and_its_headers_are_not_signed() {
    let request = |id: &str| {
        let mut request = signed(&scheme("shopify"), "hush", "", noon(), r#"{"id":820982911946154508}"#);
        request.headers_mut().insert("x-shopify-topic", "orders/create".parse().unwrap());
        request.headers_mut().insert("x-shopify-webhook-id", id.parse().unwrap());
        request
    };
    let receiver = receiver(&scheme("shopify"), "hush");
    assert_eq!(receiver.send(request("a"), noon()), answer(202, "accepted"));
    assert_eq!(receiver.send(request("a"), noon() + DAY), answer(200, "duplicate"));
    assert_eq!(receiver.queued()[0]["MessageAttributes"]["event_type"]["StringValue"], "orders/create");
}

#[test]
fn only_duffel_requires_json_with_a_type_and_an_id() {
    for name in Scheme::NAMES {
        let scheme = scheme(name);
        let secret = if name == "standard-webhooks" { "whsec_aGk=" } else { "hush" };
        for body in ["no json", "[1]", "{}", r#"{"id":7}"#, ""] {
            let receiver = receiver(&scheme, secret);
            let request = || signed(&scheme, secret, "msg_1", noon(), body);
            // SQS refuses an empty message.
            if name == "duffel" || body.is_empty() {
                assert_eq!(receiver.send(request(), noon()), answer(400, "malformed"), "{name} {body}");
                continue;
            }
            assert_eq!(receiver.send(request(), noon()), answer(202, "accepted"), "{name} {body}");
            assert_eq!(
                receiver.send(request(), noon() + FIVE_MINUTES),
                answer(200, "duplicate"),
                "{name} {body}"
            );
            assert_eq!(receiver.queued()[0]["Body"], body);
        }
    }
}

/// SQS allows ten attributes of a message, and SNS discards one with more instead of delivering it raw, after the
/// provider's 202. The tenth is left for the consumer.
#[test]
fn a_message_has_at_most_nine_attributes_in_any_scheme() {
    let timed = generic(r#","timestamp_header":"X-Timestamp""#);
    for scheme in Scheme::NAMES.map(scheme).into_iter().chain([timed]) {
        let secret = if scheme.name == "standard-webhooks" { "whsec_aGk=" } else { "hush" };
        // With a character that SQS refuses, so that the body is encoded.
        let body = "{\"id\":\"1\",\"type\":\"t\",\"idempotency_key\":\"k\",\"live_mode\":true,\"livemode\":true,\"x\":\"\u{ffff}\"}";
        let mut request = signed(&scheme, secret, "msg_1", noon(), body);
        for name in scheme.headers() {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().entry(name).or_insert("x".parse().unwrap());
        }
        let receiver = receiver(&scheme, secret);
        assert_eq!(receiver.send(request, noon()).0, 202, "{}", scheme.name);
        let queued = receiver.queued();
        let attributes = queued[0]["MessageAttributes"].as_object().unwrap();
        let names: Vec<_> = attributes.keys().collect();
        assert!((7..=9).contains(&names.len()), "{}: {names:?}", scheme.name);
        assert!(attributes.contains_key("encoding"), "{names:?}");
    }
}

#[test]
fn duplicate_key_that_a_scheme_reads_is_malformed() {
    let body = r#"{"id":"evt_1","id":"evt_2","type":"t"}"#;
    for (name, status) in [("stripe", 400), ("hmac-sha256", 400), ("github", 202)] {
        let scheme = scheme(name);
        assert_eq!(
            receiver(&scheme, "hush").send(signed(&scheme, "hush", "", noon(), body), noon()).0,
            status
        );
    }
}

#[test]
fn sources_answer_at_their_own_paths_and_keep_to_their_own_secrets() {
    let body = r#"{"id":"evt_1","type":"t"}"#;
    let secret = |name: &str| match name {
        "standard-webhooks" => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned(),
        name => format!("secret of {name}"),
    };
    let secrets = Scheme::NAMES.map(secret);
    let all = || {
        let pairs = Scheme::NAMES.iter().zip(&secrets);
        TestReceiver::of(pairs.map(|(name, secret)| source(name, &scheme(name), &[secret])).collect())
    };
    for (name, secret) in Scheme::NAMES.iter().zip(&secrets) {
        for path in Scheme::NAMES.iter().chain(&["nobody"]) {
            let mut request = signed(&scheme(name), secret, "msg_1", noon(), body);
            *request.uri_mut() = format!("/webhooks/{path}").parse().unwrap();
            let expected = if path == name {
                202
            } else if *path == "nobody" {
                404
            } else {
                401
            };
            assert_eq!(all().send(request, noon()).0, expected, "{name} at {path}");
        }
    }
}

#[test]
fn two_sources_of_one_scheme_share_neither_secrets_nor_records() {
    let body = r#"{"id":"wev_1","type":"t"}"#;
    let receiver = TestReceiver::of(vec![
        source("live", &Scheme::duffel(), &["one"]),
        source("test", &Scheme::duffel(), &["two"]),
    ]);
    let send = |path: &str, secret: &str| {
        let mut request = signed(&Scheme::duffel(), secret, "", noon(), body);
        *request.uri_mut() = format!("/webhooks/{path}").parse().unwrap();
        receiver.send(request, noon()).1
    };
    assert_eq!(send("live", "one"), "accepted");
    assert_eq!(send("live", "two"), "unauthorized");
    assert_eq!(send("test", "one"), "unauthorized");
    assert_eq!(send("test", "two"), "accepted");
    let names: Vec<_> = receiver
        .queued()
        .iter()
        .map(|message| message["MessageAttributes"]["source"]["StringValue"].clone())
        .collect();
    assert_eq!(names, ["live", "test"]);
}

#[test]
fn no_valid_signature_outlives_its_record_in_any_scheme() {
    let signed_time = generic(r#","timestamp_header":"X-Timestamp""#);
    for scheme in [scheme("standard-webhooks"), scheme("stripe"), signed_time] {
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        for ahead in [Duration::ZERO, FIVE_MINUTES] {
            let keys = vec![key(&scheme, secret)];
            // The longest tolerance that the configuration allows.
            let verifier = Verifier::new("it", scheme.clone(), keys, WINDOW);
            let receiver = TestReceiver::of(vec![Source::new(verifier)]);
            let body = r#"{"id":"evt_1","type":"t"}"#;
            let request = || signed(&scheme, secret, "msg_1", noon() + ahead, body);
            assert_eq!(receiver.send(request(), noon()).1, "accepted");
            let end = noon() + ahead + WINDOW;
            assert_eq!(receiver.send(request(), end).1, "duplicate");
            assert_eq!(receiver.send(request(), end + Duration::from_secs(1)).1, "unauthorized");
        }
    }
}

#[test]
fn duffel_beside_other_sources_is_as_duffel_alone() {
    let receiver = TestReceiver::of(vec![
        duffel(&[SECRET], WINDOW, Filter::default()),
        source("code", &scheme("github"), &["x"]),
    ]);
    assert_eq!(
        receiver.deliver(crate::support::test_receiver::ORDER_CREATED, noon()),
        answer(202, "accepted")
    );
}

/// `id.time.body` must not be split at another point: a part of a signed body is not a signed body.
#[test]
fn standard_webhooks_refuses_other_boundaries_between_id_time_and_body() {
    let scheme = scheme("standard-webhooks");
    let (old, now) = (unix_seconds(noon()) - 3600, unix_seconds(noon()));
    let head = r#"{"type":"note.created","note":"hello"#;
    let body = format!(r#"{head}.{now}.INNER"}}"#);
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let signing = Signing { id: "msg_1", seconds: old, label: None };
    let headers = sign(&scheme, &key(&scheme, secret), signing, body.as_bytes()).unwrap();
    let signature = headers.last().unwrap().1.clone();
    let (id, time) = (format!("msg_1.{old}.{head}"), now.to_string());
    let forged = [("webhook-id", &*id), ("webhook-timestamp", &*time), ("webhook-signature", &*signature)];
    assert_eq!(receiver(&scheme, secret).send(post("it", &forged, br#"INNER"}"#), noon()).0, 401);
}

#[test]
fn a_header_full_of_ed25519_signatures_costs_no_more_than_a_few() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use ed25519_dalek::{Signer, SigningKey};
    let private = SigningKey::from_bytes(&[7; 32]);
    let public = format!("whpk_{}", STANDARD.encode(private.verifying_key()));
    let now = unix_seconds(noon()).to_string();
    let right = STANDARD.encode(private.sign(format!("msg_1.{now}.{{}}").as_bytes()).to_bytes());
    let wrong = STANDARD.encode([7; 64]);
    for (before, status) in [(3, 202), (4, 401)] {
        let list = format!("{}v1a,{right}", format!("v1a,{wrong} ").repeat(before));
        let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", &*now), ("webhook-signature", &*list)];
        let send = receiver(&scheme("standard-webhooks"), &public).send(post("it", &headers, b"{}"), noon());
        assert_eq!(send.0, status);
    }
}
