//! The explanation of a delivery in words.

use serde_json::{Value, json};

use super::{Inspector, signature};

const BODY: &str = r#"{"id":"wev_1","type":"order.created","live_mode":false,"data":{"a":"é"}}"#;

/// Returns the steps as `step result`.
fn steps(delivery: &Value) -> Vec<String> {
    let steps = delivery["explanation"].as_array().unwrap().iter();
    steps.map(|step| format!("{} {}", step["step"], step["result"]).replace('"', "")).collect()
}

fn step(delivery: &Value, name: &str) -> String {
    let steps = delivery["explanation"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == name).unwrap()["text"].as_str().unwrap().to_owned()
}

/// Delivers a body with a signature in Duffel's header, and returns the delivery.
fn delivered(inspector: &Inspector, signature: &str, body: &str) -> Value {
    inspector.deliver("duffel", &[("x-duffel-signature", signature)], body);
    inspector.newest()
}

#[test]
fn an_accepted_delivery_is_explained_step_by_step() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET", "new,old")]);
    let delivery = delivered(&inspector, &signature("old", BODY, &["--label", "v1"]), BODY);
    let passed =
        ["signature", "event", "filter", "ledger", "queue", "record"].map(|step| format!("{step} passed"));
    assert_eq!(steps(&delivery), passed);
    let signed = step(&delivery, "signature");
    let age = signed.strip_prefix("signature matched secret 2 of 2, label v1, ").unwrap();
    let age: f64 = age.strip_suffix(" s old").unwrap().parse().unwrap();
    assert!((0.0..20.0).contains(&age), "{age}");
    assert_eq!(step(&delivery, "event"), "type order.created, id wev_1");
    let id = delivery["message"]["MessageId"].as_str().unwrap();
    assert_eq!(delivery["reason"], format!("{signed}; forwarded as message {id}"));
    assert_eq!(delivery["hint"], Value::Null);
}

#[test]
fn what_is_acknowledged_and_not_forwarded_is_explained() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET", "hush"), ("EVENT_TYPES", "order.*")]);
    let first = delivered(&inspector, &signature("hush", BODY, &[]), BODY);
    let id = first["message"]["MessageId"].as_str().unwrap().to_owned();
    let repetition = delivered(&inspector, &signature("hush", BODY, &[]), BODY);
    assert_eq!(steps(&repetition)[2..5], ["filter passed", "ledger stopped", "queue skipped"]);
    let reason = format!("forwarded before as message {id}: acknowledged and not forwarded again");
    assert_eq!(repetition["reason"], reason);
    assert_eq!((&repetition["message"], &repetition["record"]["message_id"]), (&Value::Null, &json!(id)));
    let key = |id: &str| format!(r#"{{"id":"{id}","type":"order.created","idempotency_key":"ord_1"}}"#);
    delivered(&inspector, &signature("hush", &key("wev_2"), &[]), &key("wev_2"));
    let other = delivered(&inspector, &signature("hush", &key("wev_3"), &[]), &key("wev_3"));
    assert!(other["reason"].as_str().unwrap().ends_with("; it was event wev_2 then"), "{other}");
    let ping = BODY.replace("order.created", "ping.triggered");
    let ignored = delivered(&inspector, &signature("hush", &ping, &[]), &ping);
    assert_eq!(steps(&ignored)[1..4], ["event passed", "filter stopped", "ledger skipped"]);
    assert!(ignored["reason"].as_str().unwrap().contains("excluded by the filter"), "{ignored}");
}

#[test]
fn a_handshake_is_answered_and_explained() {
    let sources = json!({
        "meta": { "scheme": "github", "secret": "hush", "handshake": "meta", "verify_token": "t" },
        "events": { "scheme": "github", "secret": "hash", "handshake": "slack" },
    });
    let inspector = Inspector::start(&[("SOURCES", &sources.to_string())]);
    let ask = |token: &str| {
        let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        let mut response = inspector.get(&format!("/webhooks/meta?{query}"));
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    };
    assert_eq!(ask("t"), (200, "1158201444".to_owned()));
    let answered = inspector.newest();
    assert_eq!(steps(&answered)[..2], ["signature stopped", "event skipped"]);
    assert_eq!(answered["outcome"], "handshake");
    assert_eq!(answered["reason"], "a handshake of the provider: answered, and never forwarded");
    assert_eq!(ask("other"), (401, r#"{"status":"unauthorized"}"#.to_owned()));
    let refused = inspector.newest();
    assert_eq!(refused["reason"], "refused: the verify token of the handshake is not the source's");
    let body = r#"{"type":"url_verification","challenge":"x"}"#;
    let signature = format!("sha256={}", crate::function::hmac_hex("hash", body.as_bytes()));
    assert_eq!(inspector.deliver("events", &[("X-Hub-Signature-256", &signature)], body), 200);
    let signed = inspector.newest();
    assert_eq!(steps(&signed)[..3], ["signature passed", "event stopped", "filter skipped"]);
    assert_eq!(step(&signed, "signature"), "signature matched secret 1 of 1");
    assert_eq!(signed["message"], Value::Null);
}

#[test]
fn what_is_refused_without_a_mistake_in_the_signature_is_explained() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET", "hush")]);
    let signed =
        |body: &str, arguments: &[&str]| delivered(&inspector, &signature("hush", body, arguments), body);
    let malformed = signed("[]", &[]);
    assert_eq!(steps(&malformed)[..3], ["signature passed", "event failed", "filter skipped"]);
    assert_eq!(malformed["reason"], "refused: the event has no type");
    let stale = signed(BODY, &["--timestamp", "1586620091"]);
    assert_eq!(steps(&stale)[0], "signature failed");
    assert!(stale["reason"].as_str().unwrap().ends_with("s old, which is more than is tolerated"), "{stale}");
    let missing = delivered(&inspector, "", BODY);
    assert_eq!(missing["status"], 401);
    let large = "x".repeat(1_048_577);
    let large = delivered(&inspector, "t=1,v2=ab", &large);
    assert_eq!(steps(&large)[0], "signature failed");
    assert!(large["reason"].as_str().unwrap().contains("the signature was not checked"), "{large}");
    let large = format!(r#"{{"id":"wev_1","type":"t","data":"{}"}}"#, "x".repeat(1_048_500));
    let large = signed(&large, &[]);
    assert_eq!(
        steps(&large)[..5],
        ["signature passed", "event passed", "filter passed", "ledger passed", "queue failed"]
    );
    let nobody = inspector.deliver("nobody", &[], BODY);
    let nobody = (nobody, inspector.newest());
    assert_eq!((nobody.0, &nobody.1["reason"]), (404, &json!("refused: unknown source")));
    assert_eq!(steps(&nobody.1)[0], "path failed");
    let get = inspector.get("/webhooks/duffel");
    assert_eq!(get.status(), 405);
    assert_eq!(inspector.newest()["reason"], "refused: method not allowed");
}

#[test]
fn the_usual_mistakes_are_named() {
    let other = r#"{"duffel":{"scheme":"duffel","secret":"\"hush\""},"second":{"scheme":"duffel","secret":"theirs"}}"#;
    let inspector = Inspector::start(&[("SOURCES", other)]);
    let inactive = "signed with a secret that is not active";
    let changed = "the body is not the one that was signed";
    let own = "\"hush\"";
    let time = |signature: &str| signature.split(['=', ',']).nth(1).unwrap().parse::<u64>().unwrap();
    let right = signature(own, BODY, &[]);
    let next = right.replace(&time(&right).to_string(), &(time(&right) + 1).to_string());
    let mac = |signature: &str| signature.rsplit('=').next().unwrap().to_owned();
    let base64 = {
        use base64::Engine;
        let bytes = hex::decode(mac(&right)).unwrap();
        right.replace(&mac(&right), &base64::engine::general_purpose::STANDARD.encode(bytes))
    };
    let body_alone = signature(own, BODY, &["--scheme", "github"]);
    for (signature, body, what, hint) in [
        (signature("hush", BODY, &[]), BODY, inactive, "it would match without the quotes around it"),
        (right.clone(), &*format!("{BODY}\n"), changed, "it would match without its last newline"),
        (
            right.clone(),
            &*BODY.replace(':', ": "),
            changed,
            "it would match without the white space between its JSON tokens",
        ),
        (
            signature(own, &BODY.replace('é', "\\u00e9"), &[]),
            BODY,
            changed,
            "it would match with non-ASCII characters escaped in its JSON",
        ),
        (
            signature("theirs", BODY, &[]),
            BODY,
            "signed for another source",
            "it matches a secret of the source second",
        ),
        (
            base64,
            BODY,
            "the signature does not have the form of the scheme",
            "it would match in base64: the scheme has hex",
        ),
        (
            body_alone.replace("sha256=", "t=1700000000,v2="),
            BODY,
            "the signature does not have the form of the scheme",
            "it would match over the body alone: the scheme signs the time as well",
        ),
        (
            body_alone,
            BODY,
            "the signature does not have the form of the scheme",
            "it would match without a time: the scheme has one",
        ),
        (
            next,
            BODY,
            "the time is not the one that was signed",
            &*format!("it would match with the time {}", time(&right)),
        ),
        (
            signature(own, BODY, &["--timestamp", "1700000000000"]),
            BODY,
            "the signature does not have the form of the scheme",
            "it would match with its time in seconds",
        ),
    ] {
        let delivery = delivered(&inspector, &signature, body);
        assert_eq!(delivery["status"], 401, "{hint}");
        assert_eq!(delivery["reason"], format!("refused: {what}; {hint}"));
        assert_eq!(
            (&delivery["hint"], step(&delivery, "signature")),
            (&json!(hint), format!("{what}; {hint}"))
        );
        assert_eq!(delivery["message"], Value::Null);
    }
    let stripe = signature(own, BODY, &["--scheme", "stripe"]);
    inspector.deliver("duffel", &[("stripe-signature", &stripe)], BODY);
    let expected =
        "refused: the signature does not have the form of the scheme; it would match by the scheme stripe";
    assert_eq!(inspector.newest()["reason"], expected);
    let unknown = delivered(&inspector, &signature("unknown", BODY, &[]), BODY);
    assert_eq!(
        (&unknown["reason"], &unknown["hint"]),
        (&json!("refused: no active secret made this signature"), &Value::Null)
    );
}

#[test]
fn a_mistake_in_one_of_several_secrets_names_its_position() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET", "new,'old'")]);
    let delivery = delivered(&inspector, &signature("old", BODY, &[]), BODY);
    assert_eq!(delivery["hint"], "it would match secret 2 without the quotes around it");
}

#[test]
fn a_diagnosis_of_large_bodies_does_not_hold_up_others() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET", "one,two,three,four,five,six,seven,eight")]);
    let body = format!("{}{}", "x".repeat(1 << 20), "");
    let began = std::time::Instant::now();
    delivered(&inspector, "t=1,v2=00", &body[..1_000_000]);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}
