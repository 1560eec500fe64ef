//! Schemes that have a handshake or a form of answers by themselves.

use std::{collections::BTreeSet, env, fs};

use bytes::Bytes;
use duffel_webhook_receiver::{
    signature::scheme::{AcceptedStatus, AnswerForm, Handshake, Preset},
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

/// `UPDATE_DOCS=1` writes the table again.
#[test]
fn page_lists_the_schemes_with_handshakes_and_forms_of_answers() {
    const PATH: &str = "docs/handshakes.md";
    const HEAD: &str = "| scheme | handshake | answer |\n|---|---|---|\n";
    let page = fs::read_to_string(PATH).unwrap();
    let (before, rest) = page.split_once(HEAD).unwrap();
    let (listed, after) = rest.split_once("\n\n").unwrap();
    let rows: BTreeSet<_> = Preset::all().filter_map(row).collect();
    let rows: Vec<_> = rows.into_iter().collect();
    let rows = rows.join("\n");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PATH, format!("{before}{HEAD}{rows}\n\n{after}")).unwrap();
    } else {
        assert_eq!(listed, rows);
    }
}

fn row(preset: &Preset) -> Option<String> {
    let scheme = preset.scheme();
    let (handshake, answer) = (&scheme.handshake, scheme.answer);
    if handshake.is_none() && answer == AnswerForm::NORMAL {
        return None;
    }
    let named = || Handshake::NAMES.into_iter().find(|name| Handshake::named(name) == *handshake);
    let mut text = match handshake {
        None => "–".to_owned(),
        Some(handshake) => match (named(), handshake) {
            (Some(name), _) => format!("`{name}`"),
            (None, Handshake::Query { .. }) => "a challenge in the query".to_owned(),
            (None, Handshake::Signed { .. }) => "a signed challenge".to_owned(),
            (None, other) => panic!("{other:?} has no words"),
        },
    };
    if handshake.as_ref().is_some_and(Handshake::announces_secret) {
        text += ", with `registration_until`";
    }
    if handshake.as_ref().is_some_and(Handshake::has_verify_token) {
        text += ", with `verify_token`";
    }
    let number = |status| AcceptedStatus::ALL.into_iter().find(|(_, known)| *known == status).unwrap().0;
    let status = answer.status.map_or("–".to_owned(), |status| number(status).to_string());
    let empty = if answer.is_empty { ", empty" } else { "" };
    Some(format!("| `{}` | {text} | {status}{empty} |", preset.name))
}
