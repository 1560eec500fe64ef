//! Unsigned requests of a registration, and pings: never forwarded, and mostly not answered either.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use serde_json::json;

use super::{Answer, Endpoint, request, signed, unauthorized, unsigned};

const TOKEN: &str = r#"{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}"#;
const HOOK_SECRET: &str = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";

/// A source whose registration ends in so many seconds.
fn during(handshake: &str, seconds: u64) -> (Endpoint, SystemTime) {
    let end = SystemTime::now() + Duration::from_secs(seconds);
    let until = humantime::format_rfc3339_seconds(end).to_string();
    (Endpoint::new(json!({ "handshake": handshake, "registration_until": until })), end)
}

fn asana(secret: &str) -> Request<Bytes> {
    request("POST", "").header("X-Hook-Secret", secret).body(Bytes::from_static(b"{}")).unwrap()
}

#[test]
fn secret_of_notion_is_answered_during_the_registration_only() {
    let (notion, end) = during("notion", 3600);
    let before = end - Duration::from_secs(2);
    for _ in 0..2 {
        assert_eq!(notion.send_at(unsigned(TOKEN), before), Answer::empty(200));
    }
    assert_eq!(notion.send_at(unsigned(TOKEN), end), unauthorized());
    for body in [
        r#"{"verification_token":"a b"}"#,
        r#"{"verification_token":"<script>"}"#,
        r#"{"verification_token":""}"#,
        r#"{"verification_token":"a\nb"}"#,
        r#"{"verification_token":7}"#,
        r#"{"verification_token":"a","verification_token":"b"}"#,
        r#"{"id":1,"type":"page.created"}"#,
        "verification_token=a",
        "",
        &format!(r#"{{"verification_token":"{}"}}"#, "a".repeat(257)),
        &format!(r#"{{"verification_token":"a","x":"{}"}}"#, "a".repeat(4096)),
    ] {
        assert_eq!(notion.send_at(unsigned(body), before), unauthorized(), "{body}");
    }
    // What is signed is an event, whatever is in it.
    let id = TOKEN.replace('{', r#"{"id":1,"#);
    assert_eq!(notion.send_at(signed(&id), before), Answer::word(202, "accepted"));
    assert_eq!(notion.queued(), 1);
    let mut forged = signed(TOKEN);
    forged.headers_mut().insert("X-Webhook-Signature", "00".repeat(32).parse().unwrap());
    assert_eq!(notion.send_at(forged, before), unauthorized());
    assert_eq!(notion.queued(), 0);
}

#[test]
fn secret_of_asana_is_repeated_during_the_registration_only() {
    let (endpoint, end) = during("asana", 3600);
    let before = end - Duration::from_secs(2);
    let repeated = Answer { hook_secret: Some(HOOK_SECRET.to_owned()), ..Answer::empty(200) };
    for _ in 0..2 {
        assert_eq!(endpoint.send_at(asana(HOOK_SECRET), before), repeated);
    }
    assert_eq!(endpoint.send_at(asana(HOOK_SECRET), end), unauthorized());
    for secret in ["a b", "<b>", "a,b", "", &"a".repeat(257), "v0:1795262400:{}"] {
        assert_eq!(endpoint.send_at(asana(secret), before), unauthorized(), "{secret}");
    }
    let mut twice = asana("a");
    twice.headers_mut().append("X-Hook-Secret", "b".parse().unwrap());
    assert_eq!(endpoint.send_at(twice, before), unauthorized());
    assert_eq!(endpoint.queued(), 0);
}

#[test]
fn without_an_end_a_registration_has_not_begun() {
    for handshake in ["notion", "asana"] {
        let endpoint = Endpoint::new(json!({ "handshake": handshake }));
        for request in [unsigned(TOKEN), asana(HOOK_SECRET)] {
            assert_eq!(endpoint.send_at(request, SystemTime::now()), unauthorized(), "{handshake}");
        }
        assert_eq!(endpoint.queued(), 0);
    }
}

#[test]
fn ping_of_woocommerce_has_one_form() {
    let endpoint = Endpoint::new(json!({ "handshake": "woocommerce" }));
    for _ in 0..2 {
        assert_eq!(endpoint.send(unsigned("webhook_id=5")), Answer::empty(200));
    }
    for body in
        ["webhook_id=", "webhook_id=5&id=1", "webhook_id=5\n", "webhook_id=x", " webhook_id=5", "{}", ""]
    {
        assert_eq!(endpoint.send(unsigned(body)), unauthorized(), "{body}");
    }
    let mut forged = signed("webhook_id=5");
    forged.headers_mut().insert("X-Webhook-Signature", "00".repeat(32).parse().unwrap());
    assert_eq!(endpoint.send(forged), unauthorized());
    assert_eq!(Endpoint::plain().send(unsigned("webhook_id=5")), unauthorized());
    assert_eq!(endpoint.queued(), 0);
}
