//! Families of headers, and several signatures of one delivery.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{STANDARD, at, generic, post, receiver, scheme, status};
use crate::support::test_receiver::{DAY, TestReceiver, answer, noon};

fn mac(secret: &str, body: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().into()
}

fn attribute<'a>(message: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    message["MessageAttributes"][name]["StringValue"].as_str()
}

#[test]
fn a_header_of_another_family_does_not_hide_the_complete_one() {
    let (secret, id, seconds, body, signature) = STANDARD[1];
    let time = seconds.to_string();
    let svix = [("svix-id", id), ("svix-timestamp", &*time), ("svix-signature", signature)];
    for stray in [
        &[("webhook-id", "proxy-7")][..],
        &[("webhook-timestamp", "1")],
        &[("webhook-signature", signature)],
        &[("webhook-signature", "v1,")],
        &[("webhook-id", "proxy-7"), ("webhook-timestamp", "1")],
    ] {
        let headers = [&svix[..], stray].concat();
        let status = status(&scheme("standard-webhooks"), secret, &headers, body.as_bytes(), seconds);
        assert_eq!(status, 202, "{stray:?}");
    }
}

#[test]
fn each_complete_family_is_tried_and_the_attributes_are_of_the_one_that_verified() {
    let (secret, id, seconds, body, signature) = STANDARD[1];
    let time = seconds.to_string();
    let wrong = BASE64.encode([7; 32]);
    let wrong = format!("v1,{wrong}");
    for (right, other) in [("svix", "webhook"), ("webhook", "svix")] {
        let names = |prefix: &str| ["id", "timestamp", "signature"].map(|name| format!("{prefix}-{name}"));
        for (other_time, other_signature) in [(&*time, &*wrong), ("1", &*wrong), ("1", signature)] {
            let (right, other) = (names(right), names(other));
            let headers = [
                (&*other[0], "msg_other"),
                (&*other[1], other_time),
                (&*other[2], other_signature),
                (&*right[0], id),
                (&*right[1], &*time),
                (&*right[2], signature),
            ];
            let receiver = receiver(&scheme("standard-webhooks"), secret);
            assert_eq!(receiver.send(post("it", &headers, body.as_bytes()), at(seconds)).0, 202);
            let message = &receiver.queued()[0];
            assert_eq!(attribute(message, "event_id"), Some(id));
            assert_eq!(attribute(message, "idempotency_key"), Some(id));
            assert_eq!(attribute(message, "signature_timestamp"), Some(&*time));
            assert_eq!(attribute(message, "signature"), Some(signature));
        }
    }
}

#[test]
fn headers_of_two_families_do_not_complete_each_other() {
    let (secret, id, seconds, body, signature) = STANDARD[1];
    let time = seconds.to_string();
    for headers in [
        [("webhook-id", id), ("svix-timestamp", &*time), ("svix-signature", signature)],
        [("svix-id", id), ("webhook-timestamp", &*time), ("svix-signature", signature)],
        [("svix-id", id), ("svix-timestamp", &*time), ("webhook-signature", signature)],
    ] {
        let status = status(&scheme("standard-webhooks"), secret, &headers, body.as_bytes(), seconds);
        assert_eq!(status, 401, "{headers:?}");
    }
}

const SHOPIFY: &str = r#"{"id":4500001,"financial_status":"paid"}"#;

/// Delivers Shopify's body at noon of a day, under the older names of its headers or the newer ones.
fn shopify(receiver: &TestReceiver, prefix: &str, headers: &[(&str, &str)], day: u32) -> String {
    let signature = BASE64.encode(mac("hush", SHOPIFY));
    let mut all = vec![(format!("{prefix}hmac-sha256"), signature)];
    all.extend(headers.iter().map(|(name, value)| (format!("{prefix}{name}"), (*value).to_owned())));
    receiver.send(post("it", &all, SHOPIFY.as_bytes()), noon() + DAY * day).1
}

#[test]
fn shopify_is_known_by_its_older_headers_and_its_newer_ones() {
    for prefix in ["x-shopify-", "shopify-"] {
        let receiver = receiver(&scheme("shopify"), "hush");
        let headers = [("topic", "orders/paid"), ("webhook-id", "w1"), ("shop-domain", "anna.myshopify.com")];
        assert_eq!(shopify(&receiver, prefix, &headers, 0), "accepted");
        let message = &receiver.queued()[0];
        assert_eq!(attribute(message, "event_type"), Some("orders/paid"));
        assert_eq!(attribute(message, "event_id"), Some("w1"));
        assert_eq!(attribute(message, "shop"), Some("anna.myshopify.com"));
        let mut tampered = SHOPIFY.to_owned();
        tampered.push(' ');
        let signature = BASE64.encode(mac("hush", SHOPIFY));
        let forged = [(format!("{prefix}hmac-sha256"), signature)];
        assert_eq!(receiver.send(post("it", &forged, tampered.as_bytes()), noon()).0, 401);
    }
}

#[test]
fn delivery_id_distinguishes_events_with_the_same_body() {
    let receiver = receiver(&scheme("shopify"), "hush");
    let send = |topic: &str, id: &str, shop: &str, day| {
        let headers = [("topic", topic), ("webhook-id", id), ("shop-domain", shop)];
        shopify(&receiver, "x-shopify-", &headers, day)
    };
    assert_eq!(send("orders/create", "w0", "anna", 0), "accepted");
    assert_eq!(send("orders/paid", "w1", "anna", 0), "accepted");
    assert_eq!(send("orders/create", "w2", "bert", 0), "accepted");
    // A retry keeps the id. Changing the topic or the shop of a captured delivery has no effect.
    for topic in ["orders/create", "orders/paid", "refunds/create"] {
        for shop in ["anna", "bert", ""] {
            assert_eq!(send(topic, "w0", shop, 1), "duplicate", "{topic} {shop}");
        }
    }
    assert_eq!(receiver.queued().len(), 3);
    // The documented limit: the sender of a captured body can choose another id.
    assert_eq!(send("orders/create", "made up", "anna", 1), "accepted");
}

#[test]
fn without_a_delivery_id_type_and_shop_distinguish_events_with_the_same_body() {
    let receiver = receiver(&scheme("shopify"), "hush");
    let send = |headers: &[(&str, &str)], day| shopify(&receiver, "shopify-", headers, day);
    let events = [
        &[("topic", "a"), ("shop-domain", "x")][..],
        &[("topic", "a"), ("shop-domain", "y")],
        &[("topic", "b"), ("shop-domain", "x")],
        &[("topic", "a")],
        &[("shop-domain", "a")],
        &[],
        // An id that reads like a topic is another thing.
        &[("webhook-id", "a")],
    ];
    for event in events {
        assert_eq!(send(event, 0), "accepted", "{event:?}");
    }
    for event in events {
        assert_eq!(send(event, 1), "duplicate", "{event:?}");
    }
}

#[test]
fn any_signature_of_a_list_may_match() {
    let body = "{}";
    let (right, wrong) = (hex::encode(mac("hush", body)), hex::encode([7; 32]));
    let pager = generic(r#","prefix":"v1=""#);
    let send = |header: &str| status(&pager, "hush", &[("x-webhook-signature", header)], body.as_bytes(), 0);
    for header in [
        format!("v1={right}"),
        format!("v1={wrong},v1={right}"),
        format!("v1={right},v1={wrong}"),
        format!(" v1= {right} , v1={wrong} "),
        format!("v2={wrong}, v1={right}, v1=potato, v1={}, ,", &right[..62]),
    ] {
        assert_eq!(send(&header), 202, "{header}");
    }
    for header in [
        format!("v1={wrong},v1={wrong}"),
        format!("v2={right}"),
        right.clone(),
        format!("v1={right}{right}"),
        format!("v1={}", &right[..62]),
        format!("v1={right};v1={right}"),
        "v1=".to_owned(),
        String::new(),
    ] {
        assert_eq!(send(&header), 401, "{header}");
    }
}

#[test]
fn white_space_around_a_signature_is_ignored() {
    let signature = BASE64.encode(mac("hush", "{}"));
    for prefix in ["sha256=", "sha256 ", "sha256= "] {
        let scheme = generic(&format!(r#","prefix":"{prefix}","encoding":"base64""#));
        let trimmed = prefix.trim();
        for header in [
            format!("{prefix}{signature}"),
            format!("{trimmed} {signature}"),
            format!(" {trimmed}  {signature} "),
        ] {
            let headers = [("x-webhook-signature", &*header)];
            assert_eq!(status(&scheme, "hush", &headers, b"{}", 0), 202, "{prefix:?} {header}");
        }
    }
}

#[test]
fn each_of_several_signature_headers_is_tried() {
    let docusign = generic(
        r#","signature_header":["X-DocuSign-Signature-1","X-DocuSign-Signature-2"],"encoding":"base64","key":"/none""#,
    );
    let (right, wrong) = (BASE64.encode(mac("hush", "{}")), BASE64.encode([7; 32]));
    let (one, two) = ("x-docusign-signature-1", "x-docusign-signature-2");
    for (headers, status) in [
        (&[(one, &*right)][..], 202),
        (&[(two, &*right)], 202),
        (&[(one, &*wrong), (two, &*right)], 202),
        (&[(one, &*right), (two, &*wrong)], 202),
        (&[(one, "not base64"), (two, &*right)], 202),
        (&[(one, &*wrong), (two, &*wrong)], 401),
        (&[("x-docusign-signature-3", &*right)], 401),
    ] {
        let receiver = receiver(&docusign, "hush");
        assert_eq!(receiver.send(post("it", headers, b"{}"), noon()).0, status, "{headers:?}");
        for message in receiver.queued() {
            assert_eq!(attribute(&message, "signature"), Some(&*right));
        }
    }
    // Under another of its headers it is the same event.
    let receiver = receiver(&docusign, "hush");
    let send = |name| receiver.send(post("it", &[(name, &*right)], b"{}"), noon());
    assert_eq!(send(one), answer(202, "accepted"));
    assert_eq!(send(two), answer(200, "duplicate"));
}

/// The cost of a forged delivery with a large body: the least of several measurements.
fn cost(receiver: &TestReceiver, headers: &[(&String, &str)]) -> Duration {
    let body = "x".repeat(1_000_000);
    let cost = || {
        let request = post("it", headers, body.as_bytes());
        let started = Instant::now();
        assert_eq!(receiver.send(request, noon()).0, 401);
        started.elapsed()
    };
    (0..7).map(|_| cost()).min().unwrap()
}

#[test]
fn more_signatures_cost_no_more_passes_over_the_body() {
    let names: Vec<_> = (1..=10).map(|number| format!("x-{number}")).collect();
    let receiver = receiver(&generic(&format!(r#","signature_header":{names:?}"#)), "hush");
    let wrong = hex::encode([7; 32]);
    let list = vec![&*wrong; 60].join(",");
    let one = cost(&receiver, &[(&names[0], &*wrong)]);
    let many = cost(&receiver, &names.iter().map(|name| (name, &*list)).collect::<Vec<_>>());
    assert!(many < one * 3, "{one:?} for one signature, {many:?} for 600");
}

#[test]
fn body_too_large_for_a_message_is_refused_unread() {
    let receiver = receiver(&generic(""), "hush");
    let signature = hex::encode(mac("hush", "{}"));
    let send = |bytes: usize| {
        let body = "x".repeat(bytes);
        receiver.send(post("it", &[("x-webhook-signature", &signature)], body.as_bytes()), noon())
    };
    assert_eq!(send(1_048_576), answer(401, "unauthorized"));
    assert_eq!(send(1_048_577), answer(413, "too_large"));
    assert!(receiver.queued().is_empty());
    let started = Instant::now();
    send(1_048_576);
    let hashed = started.elapsed();
    let started = Instant::now();
    send(1_048_577);
    let refused = started.elapsed();
    assert!(refused < hashed, "{hashed:?} for a body that is hashed, {refused:?} for one that is refused");
}
