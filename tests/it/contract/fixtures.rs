//! `contract/fixtures/` is what the test kit makes, and valid by the schemas.

use std::{collections::BTreeMap, env, fs, path::Path, time::Duration};

use duffel_webhook_receiver::{
    consume::{
        event::Payload,
        kit::{self, Kit, Message, sample},
        received::{Received, Undecodable},
    },
    signature::scheme::Scheme,
};
use serde_json::Value;

use super::{Parts, README, errors};
use crate::support::test_receiver::noon;

const FOLDER: &str = "contract/fixtures";

const SECRET_OF_OTHERS: &str = "secret of the fixtures";
const SECRET_OF_STANDARD_WEBHOOKS: &str = "whsec_c2VjcmV0IG9mIHRoZSBmaXh0dXJlcw==";

fn duffel() -> Kit {
    Kit::duffel(noon())
}

/// A message of each of the other schemes.
fn of_another_scheme(scheme: &str, body: &str, headers: &[(&'static str, &str)]) -> Message {
    let secret = if scheme == "standard-webhooks" { SECRET_OF_STANDARD_WEBHOOKS } else { SECRET_OF_OTHERS };
    let mut kit = Kit::new(scheme, Scheme::named(scheme).unwrap(), secret, noon()).unwrap();
    kit.message_with(body.to_owned(), headers).unwrap()
}

/// The messages of each fixture, by its name.
fn messages() -> BTreeMap<String, Vec<Message>> {
    let mut fixtures = BTreeMap::new();
    let mut add = |name: &str, messages: Vec<Message>| {
        assert!(fixtures.insert(name.to_owned(), messages).is_none(), "{name}");
    };
    for kind in Payload::KINDS.into_iter().chain(["rail.booking.created"]) {
        let prefix = if kind.starts_with("rail.") { "rbk" } else { sample::object_prefix(kind) };
        let object = format!("{prefix}_1");
        add(&format!("duffel.{kind}"), vec![duffel().event(kind, &object).unwrap()]);
    }

    let github = [("x-github-event", "push"), ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")];
    let shopify = [
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
        ("x-shopify-shop-domain", "anna.myshopify.com"),
    ];
    let stripe = r#"{"id":"evt_1","type":"invoice.paid","livemode":true,"data":{"object":{"id":"in_1"}}}"#;
    add("stripe", vec![of_another_scheme("stripe", stripe, &[])]);
    add("github", vec![of_another_scheme("github", r#"{"ref":"refs/heads/main"}"#, &github)]);
    add("shopify", vec![of_another_scheme("shopify", r#"{"id":1}"#, &shopify)]);
    let standard = r#"{"type":"contact.created","data":{"id":"1"}}"#;
    add("standard-webhooks", vec![of_another_scheme("standard-webhooks", standard, &[])]);
    add("hmac-sha256", vec![of_another_scheme("hmac-sha256", r#"{"id":"1","type":"thing.done"}"#, &[])]);

    let (mut kit, created) = (duffel(), "order.created");
    let first = kit.event(created, "ord_1").unwrap();
    // The deduplication interval of the queue has passed.
    kit.wait(Duration::from_mins(6));
    let again = kit.duplicate(&first);
    add("duplicate", vec![first.clone(), again]);
    add("received-again", vec![first.clone().received_times(2)]);
    add("dead-letter", vec![first.dead_letter(5)]);
    add("redriven", vec![kit.redriven(&first)]);

    let refused = "{\"id\":\"wev_1\",\"type\":\"order.created\",\"idempotency_key\":\"ord_1\",\"live_mode\":true,\
                   \"data\":{\"object\":{\"id\":\"ord_1\",\"note\":\"\u{ffff}\"}}}";
    let encoded = duffel().message(refused).unwrap();
    add("base64", vec![encoded.clone()]);
    add("undecodable.base64", vec![encoded.with_body("not base64!")]);
    add("undecodable.encoding", vec![duffel().event(created, "ord_1").unwrap().undecodable()]);
    let without = |name| duffel().event(created, "ord_1").unwrap().without_attribute(name);
    add("undecodable.no-identity", vec![without("identity")]);
    add("undecodable.no-source", vec![without("source")]);

    let mut kit = duffel();
    let batch = (0..10).map(|number| {
        let (kind, object) = [(created, "ord_1"), ("air.order.changed", "ord_2")][number % 2];
        let kind = if number > 1 { "air.order.changed" } else { kind };
        kit.wait(Duration::from_secs(1));
        kit.event(kind, object).unwrap()
    });
    add("two-groups", batch.collect());
    fixtures
}

/// The files, by their paths in the folder.
fn files() -> BTreeMap<String, Value> {
    let forms = messages().into_iter().flat_map(|(name, messages)| {
        [
            (format!("lambda/{name}.json"), kit::lambda_event(&messages)),
            (format!("poll/{name}.json"), kit::poll_result(&messages)),
        ]
    });
    forms.collect()
}

fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

#[test]
fn fixtures_are_what_the_test_kit_makes() {
    let files = files();
    if env::var_os("UPDATE_CONTRACT").is_some() {
        let _ = fs::remove_dir_all(FOLDER);
        for (path, value) in &files {
            let path = Path::new(FOLDER).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text(value)).unwrap();
        }
    }
    let mut found = Vec::new();
    for form in ["lambda", "poll"] {
        for entry in fs::read_dir(format!("{FOLDER}/{form}")).unwrap() {
            found.push(format!("{form}/{}", entry.unwrap().file_name().into_string().unwrap()));
        }
    }
    found.sort_unstable();
    let hint = "UPDATE_CONTRACT=1 cargo test --test it contract::";
    assert_eq!(found, files.keys().cloned().collect::<Vec<_>>(), "{hint}");
    for (path, value) in &files {
        let written = fs::read_to_string(format!("{FOLDER}/{path}")).unwrap();
        assert!(written == text(value), "{path} is not what the kit makes: {hint}");
    }
}

/// The messages of the files, each with the path of its file.
fn contents() -> Vec<(String, Value)> {
    let contents = files().into_iter().flat_map(|(path, file)| {
        let messages = file.get("Records").or_else(|| file.get("Messages")).unwrap().as_array().unwrap();
        messages.iter().map(|message| (path.clone(), message.clone())).collect::<Vec<_>>()
    });
    contents.collect()
}

#[test]
fn fixtures_are_valid_and_decodable_except_those_that_say_so() {
    let mut documents = Vec::new();
    for (path, message) in contents() {
        let received = Received::read(message.clone());
        let name = path.split_once('/').unwrap().1;
        let expected = match name.strip_prefix("undecodable.") {
            None => None,
            Some("base64.json") => Some(Undecodable::Base64),
            Some("encoding.json") => Some(Undecodable::Encoding),
            Some("no-identity.json") => Some(Undecodable::NoAttribute("identity")),
            Some("no-source.json") => Some(Undecodable::NoAttribute("source")),
            Some(name) => panic!("{name} is not expected"),
        };
        assert_eq!(received.as_ref().err().copied(), expected, "{path}");
        let Ok(received) = received else { continue };
        let parts = Parts::of(&message);
        assert_eq!(received.body(), parts.body, "{path}");
        documents.extend(parts.documents());
    }
    assert!(documents.len() > 150, "{}", documents.len());
    for (error, document) in errors(documents.clone()).iter().zip(&documents) {
        assert_eq!(*error, None, "{document:?}");
    }
}

/// A consumer can verify the signatures again, with the secrets of the page.
#[test]
fn signatures_of_the_fixtures_match_the_secrets_of_the_readme() {
    let readme = fs::read_to_string(README).unwrap();
    for secret in [Kit::SECRET, SECRET_OF_OTHERS, SECRET_OF_STANDARD_WEBHOOKS] {
        assert!(readme.contains(&format!("`{secret}`")), "{secret}");
    }
    let mut verified = 0;
    for (path, message) in contents() {
        let Ok(received) = Received::read(message) else { continue };
        let scheme = Scheme::named(received.source()).unwrap();
        let secret = match scheme.name {
            "duffel" => Kit::SECRET,
            "standard-webhooks" => SECRET_OF_STANDARD_WEBHOOKS,
            _ => SECRET_OF_OTHERS,
        };
        let kit = Kit::new(received.source(), scheme, secret, noon()).unwrap();
        let result = received.verify(&kit.verifier(Duration::from_hours(1)), noon());
        assert!(result.is_ok(), "{path}: {:?}", result.err());
        verified += 1;
    }
    assert!(verified > 60, "{verified}");
}

#[test]
fn the_readme_lists_the_fixtures() {
    let readme = fs::read_to_string(README).unwrap();
    for name in messages().keys() {
        let group = name.split('.').next().unwrap();
        assert!(
            readme.contains(&format!("`{name}.json`")) || ["duffel", "undecodable"].contains(&group),
            "{name}"
        );
    }
    for rule in ["`duffel.TYPE.json`", "`undecodable.REASON.json`"] {
        assert!(readme.contains(rule), "{rule}");
    }
}
