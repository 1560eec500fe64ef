//! The signature of a message, verified again with what the message has.

use std::time::Duration;

use duffel_webhook_receiver::{
    config::sources,
    consume::{
        Received,
        kit::{Kit, Message},
        received::Unverified,
    },
    receive::Source,
    signature::{
        SignatureError, Verifier,
        scheme::Scheme,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use http::Request;

use super::duffel_kit;
use crate::support::test_receiver::{DAY, TestReceiver, key, noon};

const BODY: &str = r#"{"id":"evt_1","type":"t","idempotency_key":"k","x":"é"}"#;

fn verifier(scheme: &Scheme, secret: &str) -> Verifier {
    Verifier::new("it", scheme.clone(), vec![key(scheme, secret)], 7 * DAY)
}

/// Every built-in scheme, and the configurations of the generic one, with a secret.
fn schemes() -> Vec<(Scheme, &'static str)> {
    let generic = |fields: &str| {
        let scheme = sources::read_scheme(&format!(r#"{{"scheme":"hmac-sha256"{fields}}}"#)).unwrap();
        (scheme, "hush")
    };
    let named = Scheme::NAMES.map(|name| {
        let secret = if name == "standard-webhooks" { "whsec_aGk=" } else { "hush" };
        (Scheme::named(name).unwrap(), secret)
    });
    let generics = [
        generic(r#","timestamp_header":"X-Timestamp""#),
        generic(r#","timestamp_header":"X-Timestamp","signed_timestamp":false"#),
        generic(r#","signature_header":["X-A","X-B"],"encoding":"base64","prefix":"v0=""#),
    ];
    named.into_iter().chain(generics).collect()
}

/// Delivers over the endpoint, with one family of the scheme's headers, and returns the message from the queue.
fn received(scheme: &Scheme, secret: &str, family: usize) -> Received {
    let signing = Signing { label: None, id: "msg_1", seconds: unix_seconds(noon()) };
    let mut one = scheme.clone();
    one.families = vec![scheme.families[family].clone()];
    let mut request = Request::post("/webhooks/it");
    for (name, value) in sign(&one, &key(scheme, secret), signing, BODY.as_bytes()).unwrap() {
        request = request.header(name, value);
    }
    let family = &one.families[0];
    for (name, value) in
        [(&family.kind, "topic"), (&family.shop, "anna.myshopify.com"), (&family.id, "msg_1")]
    {
        if let Some(name) = name.as_deref().filter(|_| !scheme.signed.covers_id()) {
            request = request.header(name, value);
        }
    }
    let source = Source::new(verifier(scheme, secret));
    let receiver = TestReceiver::of(vec![source]);
    assert_eq!(receiver.send(request.body(BODY.into()).unwrap(), noon()).0, 202, "{}", scheme.name);
    Received::read(receiver.queued().pop().unwrap()).unwrap()
}

#[test]
fn a_message_of_every_scheme_and_family_is_verified_again() {
    for (scheme, secret) in schemes() {
        for family in 0..scheme.families.len() {
            let message = received(&scheme, secret, family);
            for now in [noon(), noon() + DAY, message.received_at().unwrap()] {
                let verified = message.verify(&verifier(&scheme, secret), now);
                assert_eq!(verified, Ok(()), "{} {family}", scheme.name);
            }
        }
    }
}

#[test]
fn a_message_of_every_scheme_is_not_verified_with_another_secret_body_or_identity() {
    for (scheme, secret) in schemes() {
        let mut kit = Kit::new("it", scheme.clone(), secret, noon()).unwrap();
        let message = kit.message(BODY).unwrap();
        let verify =
            |message: &Message, verifier: &Verifier| message.received().unwrap().verify(verifier, noon());
        let right = kit.verifier(DAY);
        assert_eq!(verify(&message, &right), Ok(()), "{}", scheme.name);
        let mismatch = Err(Unverified::Signature(SignatureError::Mismatch));
        assert_eq!(verify(&message, &verifier(&scheme, "whsec_bm8=")), mismatch, "{}", scheme.name);
        let changed = message.clone().with_body(&BODY.replace("evt_1", "evt_2"));
        assert_eq!(verify(&changed, &right), mismatch, "{}", scheme.name);
        let other = message.with_attribute("identity", &"0".repeat(64));
        assert_eq!(verify(&other, &right), Err(Unverified::OtherIdentity), "{}", scheme.name);
    }
}

#[test]
fn an_attribute_without_which_a_scheme_cannot_be_verified_is_named() {
    for (scheme, secret) in schemes() {
        let mut kit = Kit::new("it", scheme.clone(), secret, noon()).unwrap();
        let (message, verifier) = (kit.message(BODY).unwrap(), kit.verifier(DAY));
        let without =
            |name| message.clone().without_attribute(name).received().unwrap().verify(&verifier, noon());
        let missing = |name| Err(Unverified::NoAttribute(name));
        assert_eq!(without("signature"), missing("signature"));
        if scheme.families[0].time.is_some() {
            assert_eq!(without("signature_timestamp"), missing("signature_timestamp"), "{}", scheme.name);
        }
        if scheme.signed.covers_id() {
            assert_eq!(without("event_id"), missing("event_id"), "{}", scheme.name);
        }
    }
}

#[test]
fn a_message_is_verified_for_its_own_source_at_its_own_time_only() {
    let mut kit = duffel_kit();
    let message = kit.event("order.created", "ord_1").unwrap().received().unwrap();
    let other = verifier(&Scheme::duffel(), Kit::SECRET);
    assert_eq!(message.verify(&other, noon()), Err(Unverified::OtherSource));
    let verifier = kit.verifier(DAY);
    let late = noon() + DAY + Duration::from_secs(1);
    let stale = Unverified::Signature(SignatureError::Stale { age: 86_401 });
    assert_eq!(message.verify(&verifier, late), Err(stale));
    assert_eq!(message.verify(&verifier, message.received_at().unwrap()), Ok(()));
}
