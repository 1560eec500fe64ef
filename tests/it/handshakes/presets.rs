//! Schemes that have a handshake or a form of answers by themselves.

use std::{collections::BTreeSet, fs};

use bytes::Bytes;
use duffel_webhook_receiver::{
    signature::scheme::{AnswerForm, Handshake, Preset},
    time::unix_seconds,
};
use http::Request;
use serde_json::{Value, json};

use super::{
    Answer, Endpoint, hmac, request,
    signed::{SLACK, validation, versioned},
    unauthorized, unsigned,
};
use crate::support::test_receiver::noon;

fn preset(name: &str) -> Endpoint {
    Endpoint::new(json!({ "scheme": name }))
}

fn get(query: &str) -> Request<Bytes> {
    request("GET", query).body(Bytes::new()).unwrap()
}

#[test]
fn preset_of_slack_has_its_handshake() {
    let now = unix_seconds(noon());
    let slack = Endpoint::new(json!({ "scheme": "slack" }));
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    assert_eq!(slack.send(versioned("Slack", SLACK, now)), Answer::text(challenge));
    assert_eq!(slack.send(versioned("Slack", SLACK, now - 301)), unauthorized());
    assert_eq!(slack.queued(), 0);
    let off = Endpoint::new(json!({ "scheme": "slack", "handshake": "none" }));
    assert_eq!(off.send(versioned("Slack", SLACK, now)), Answer::word(202, "accepted"));
}

#[test]
fn preset_of_zoom_has_its_handshake_and_its_status() {
    let zoom = preset("zoom");
    let now = unix_seconds(noon());
    let answer = zoom.send(versioned("Zm", &validation("a"), now));
    assert!(answer.status == 200 && answer.body.contains(&hmac(&[b"a"])), "{answer:?}");
    assert_eq!(zoom.queued(), 0);
    let event = r#"{"event":"meeting.started"}"#;
    assert_eq!(zoom.send(versioned("Zm", event, now)), Answer::word(200, "accepted"));
    assert_eq!(zoom.queued(), 1);
}

#[test]
fn preset_of_meta_needs_a_verify_token_for_its_handshake() {
    let query = "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=t";
    let meta = Endpoint::new(json!({ "scheme": "meta", "verify_token": "t" }));
    assert_eq!(meta.send(get(query)), Answer::text("1"));
    assert_eq!(meta.send(get(&query.replace("=t", "="))), unauthorized());
    assert_eq!(preset("meta").send(get(query)), Answer::word(405, "method_not_allowed"));
}

#[test]
fn presets_with_unsigned_handshakes_forward_none() {
    for name in ["dropbox", "nylas"] {
        assert_eq!(preset(name).send(get("?challenge=x")), Answer::text("x"), "{name}");
    }
    let woocommerce = preset("woocommerce");
    assert_eq!(woocommerce.send(unsigned("webhook_id=5")), Answer::empty(200));
    assert_eq!(woocommerce.queued(), 0);
    for name in ["notion", "asana"] {
        let announced = request("POST", "").header("X-Hook-Secret", "x");
        let announced = announced.body(Bytes::from_static(br#"{"verification_token":"x"}"#)).unwrap();
        assert_eq!(preset(name).send(announced), unauthorized(), "{name} without registration_until");
    }
}

#[test]
fn preset_of_twitch_answers_its_signed_challenge() {
    let twitch = preset("twitch");
    let deliver = |id: &str, body: &Value| {
        let (body, time) = (body.to_string(), humantime::format_rfc3339_nanos(noon()).to_string());
        let signature = hmac(&[id.as_bytes(), time.as_bytes(), body.as_bytes()]);
        let request = request("POST", "")
            .header("Twitch-Eventsub-Message-Id", id)
            .header("Twitch-Eventsub-Message-Timestamp", time)
            .header("Twitch-Eventsub-Message-Signature", format!("sha256={signature}"));
        twitch.send(request.body(body.into()).unwrap())
    };
    let id = "e76c6bd4-55c9-4987-8304-da1588d8988b";
    let subscription = |status: &str| json!({ "status": status, "type": "channel.follow" });
    let pending = json!({ "challenge": "pogchamp-kappa-360noscope-vohiyo",
        "subscription": subscription("webhook_callback_verification_pending") });
    assert_eq!(deliver(id, &pending), Answer::text("pogchamp-kappa-360noscope-vohiyo"));
    assert_eq!(twitch.queued(), 0);
    let event = json!({ "challenge": "x", "subscription": subscription("enabled"), "event": {} });
    assert_eq!(deliver(id, &event), Answer::word(202, "accepted"));
    assert_eq!(twitch.queued(), 1);
}

#[test]
fn preset_of_xero_answers_without_a_body() {
    let xero = preset("xero");
    assert_eq!(xero.send(unsigned("{}")), Answer::empty(401));
}

#[test]
fn page_lists_the_schemes_with_handshakes_and_forms_of_answers() {
    let page = fs::read_to_string("docs/handshakes.md").unwrap();
    let section = page.split("## Schemes that have them").nth(1).unwrap().split("## ").next().unwrap();
    let listed: BTreeSet<_> =
        section.lines().filter_map(|line| line.strip_prefix("| `")).map(str::to_owned).collect();
    let row = |preset: &Preset| {
        let scheme = preset.scheme();
        let AnswerForm { status, is_empty } = scheme.answer;
        let is_of = |name: &&&str| Handshake::named(name) == scheme.handshake;
        let handshake = match &scheme.handshake {
            None if preset.name == "discord" => "–, its ping is forwarded as an event".to_owned(),
            None => "–".to_owned(),
            Some(handshake) => match Handshake::NAMES.iter().find(is_of) {
                None => "as `slack`, with other pointers".to_owned(),
                Some(name) if handshake.announces_secret() => format!("`{name}`, with `registration_until`"),
                Some(name) if handshake.has_verify_token() => format!("`{name}`, with `verify_token`"),
                Some(name) => format!("`{name}`"),
            },
        };
        let status = status.map_or("–".to_owned(), |status| {
            let number = duffel_webhook_receiver::signature::scheme::AcceptedStatus::ALL;
            number.iter().find(|(_, known)| *known == status).unwrap().0.to_string()
        });
        let empty = if is_empty { ", empty" } else { "" };
        (scheme.handshake.is_some() || scheme.answer != AnswerForm::NORMAL)
            .then(|| format!("{}` | {handshake} | {status}{empty} |", preset.name))
    };
    assert_eq!(listed, Preset::all().filter_map(row).collect());
}
