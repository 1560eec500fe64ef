//! Handshakes that are signed: answered after the verification, and never for an event.

use bytes::Bytes;
use duffel_webhook_receiver::time::unix_seconds;
use http::Request;
use serde_json::{Value, json};

use super::{Answer, Endpoint, hmac, request, signed, unauthorized, unsigned};
use crate::support::test_receiver::noon;

pub(super) const SLACK: &str = r#"{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;

fn slack() -> Endpoint {
    Endpoint::new(json!({ "handshake": "slack" }))
}

/// <https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events>
fn zoom_fields() -> Value {
    json!({
        "handshake": "zoom", "signature_header": "X-Zm-Signature", "prefix": "v0=",
        "timestamp_header": "X-Zm-Request-Timestamp", "signed": "v0:{time}:{body}",
    })
}

fn zoom() -> Endpoint {
    Endpoint::new(zoom_fields())
}

pub(super) fn validation(token: &str) -> String {
    json!({ "event": "endpoint.url_validation", "payload": { "plainToken": token } }).to_string()
}

/// A delivery of Zoom's or Slack's.
pub(super) fn versioned(provider: &str, body: &str, seconds: u64) -> Request<Bytes> {
    let seconds = seconds.to_string();
    let signature = hmac(&[b"v0:", seconds.as_bytes(), b":", body.as_bytes()]);
    let request = request("POST", "").header(format!("X-{provider}-Request-Timestamp"), seconds);
    let request = request.header(format!("X-{provider}-Signature"), format!("v0={signature}"));
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn timed(body: &str, seconds: u64) -> Request<Bytes> {
    versioned("Zm", body, seconds)
}

#[test]
fn challenge_of_slack_is_repeated_if_it_is_signed() {
    let slack = slack();
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    for _ in 0..2 {
        assert_eq!(slack.send(signed(SLACK)), Answer::text(challenge));
    }
    assert_eq!(slack.send(unsigned(SLACK)), unauthorized());
    let mut forged = signed(SLACK);
    *forged.body_mut() = SLACK.replace("3eZ", "4eZ").into();
    assert_eq!(slack.send(forged), unauthorized());
    for body in [
        SLACK.replace(challenge, "<script>"),
        SLACK.replace(challenge, &"a".repeat(1025)),
        SLACK.replace(&format!("{challenge:?}"), "7"),
        r#"{"type":"url_verification"}"#.to_owned(),
    ] {
        assert_eq!(slack.send(signed(&body)), Answer::word(400, "malformed"), "{body}");
    }
    assert_eq!(slack.queued(), 0);
}

#[test]
fn every_other_signed_post_is_an_event() {
    let slack = slack();
    let others = [
        r#"{"type":"event_callback","challenge":"x","event_id":"1"}"#,
        r#"{"type":"block_actions","actions":[]}"#,
        r#"{"challenge":"x"}"#,
        r#"{"type":["url_verification"],"challenge":"x"}"#,
        r#"{"event":{"type":"url_verification"},"challenge":"x"}"#,
        "payload=%7B%22type%22%3A%22url_verification%22%7D",
    ];
    for body in others {
        assert_eq!(slack.send(signed(body)), Answer::word(202, "accepted"), "{body}");
    }
    assert_eq!(slack.queued(), others.len());
    let ambiguous = r#"{"type":"event_callback","type":"url_verification","challenge":"x"}"#;
    assert_eq!(slack.send(signed(ambiguous)), Answer::word(400, "malformed"));
    assert_eq!(slack.queued(), 0);
}

#[test]
fn challenge_may_be_answered_as_json() {
    let described = json!({ "kind": "signed", "requires": { "/type": "url_verification" },
        "challenge": "/challenge", "member": "challenge" });
    let endpoint = Endpoint::new(json!({ "handshake": described }));
    let answer = endpoint.send(signed(r#"{"type":"url_verification","challenge":"a\"b"}"#));
    let expected = Answer::of(200, r#"{"challenge":"a\"b"}"#, Some("application/json"));
    assert_eq!(answer, Answer { nosniff: true, ..expected });
}

#[test]
fn token_of_zoom_is_answered_with_its_hmac() {
    let zoom = zoom();
    let now = unix_seconds(noon());
    for token in ["qgg8vlvZRS6UYooatFL8Aw", "a", "A-z_0", &"a".repeat(128)] {
        for _ in 0..2 {
            let answer = zoom.send(timed(&validation(token), now));
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            let expected = json!({ "plainToken": token, "encryptedToken": hmac(&[token.as_bytes()]) });
            assert_eq!((answer.status, body), (200, expected));
        }
    }
    assert_eq!(zoom.send(unsigned(&validation("a"))), unauthorized());
    assert_eq!(zoom.send(timed(&validation("a"), now - 400)), unauthorized());
    let mut forged = timed(&validation("a"), now);
    *forged.body_mut() = validation("b").into();
    assert_eq!(zoom.send(forged), unauthorized());
    assert_eq!(zoom.queued(), 0);
    let event = r#"{"event":"meeting.started","payload":{"plainToken":"a"},"id":1}"#;
    assert_eq!(zoom.send(timed(event, now)), Answer::word(202, "accepted"));
    assert_eq!(zoom.queued(), 1);
}

#[test]
fn answer_to_a_token_is_never_the_signature_of_a_delivery() {
    let zoom = zoom();
    let now = unix_seconds(noon());
    let delivery = r#"{"event":"meeting.started"}"#;
    for token in [
        &format!("{now}.{delivery}"),
        &format!("v0:{now}:{delivery}"),
        &format!("{now}."),
        "v0:1795262400:",
        "1795262400.x",
        "",
        " ",
        "a b",
        "a\n",
        "a=",
        "a/b",
        "é",
        "<script>",
        &"a".repeat(129),
    ] {
        assert_eq!(zoom.send(timed(&validation(token), now)), Answer::word(400, "malformed"), "{token}");
    }
    let without = r#"{"event":"endpoint.url_validation","payload":{}}"#;
    assert_eq!(zoom.send(timed(without, now)), Answer::word(400, "malformed"));
    assert_eq!(zoom.queued(), 0);
}

#[test]
fn hmac_is_made_with_the_secret_that_signed_the_handshake() {
    let mut fields = zoom_fields();
    fields["secret"] = json!(["other", "hush"]);
    let answer = Endpoint::new(fields).send(timed(&validation("a"), unix_seconds(noon())));
    assert!(answer.body.contains(&hmac(&[b"a"])), "{answer:?}");
}

#[test]
fn without_the_option_a_signed_handshake_is_an_event() {
    let plain = Endpoint::plain();
    assert_eq!(plain.send(signed(SLACK)), Answer::word(202, "accepted"));
    assert_eq!(plain.send(signed(&validation("a"))), Answer::word(202, "accepted"));
    assert_eq!(plain.queued(), 2);
}
