//! The contract of the endpoint: which deliveries are accepted or refused, and the message of a consumer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use duffel_webhook_receiver::{
    http::RequestContext,
    queue::MAX_MESSAGE_BYTES,
    receive::{
        Source,
        filter::{Filter, Mode},
    },
    route::BasePath,
    signature::{
        Verifier,
        scheme::Scheme,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use http::{Method, Request};

use crate::support::test_receiver::{
    DAY, ORDER_CREATED, SECRET, TestReceiver, WINDOW, answer, duffel, duffel_header, event, key, noon, post,
    signed,
};

fn mac(secret_text: &str, now: SystemTime, body: &[u8]) -> String {
    let header = duffel_header(secret_text, "v1", unix_seconds(now), body);
    header.rsplit_once('=').unwrap().1.to_owned()
}

// The only genuine delivery that is published: duffel-api-ruby, spec/duffel_api/webhook_event_spec.rb.
const GENUINE: &str = include_str!("../../events/bodies/order.updated.json");
const GENUINE_HEADER: &str =
    "t=1641667496,v1=691f25ffb1f206c0fda5bb7b1a9d60fafe42c5f42819d44a06a7cfe09486f102";

fn genuine_world() -> (TestReceiver, SystemTime) {
    let receiver = TestReceiver::with(&["a_secret"], WINDOW, Filter::default());
    (receiver, UNIX_EPOCH + Duration::from_secs(1_641_667_500))
}

#[test]
fn genuine_delivery_is_accepted() {
    let (receiver, then) = genuine_world();
    assert_eq!(receiver.send(post(GENUINE, Some(GENUINE_HEADER)), then), answer(202, "accepted"));
    let queued = receiver.queued();
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0]["Body"], GENUINE);
    assert_eq!(queued[0]["MessageAttributes"]["signature"]["StringValue"], GENUINE_HEADER);
}

#[test]
fn altered_delivery_is_refused() {
    let (receiver, then) = genuine_world();
    let reserialised: serde_json::Value = serde_json::from_str(GENUINE).unwrap();
    let reserialised = serde_json::to_string_pretty(&reserialised).unwrap();
    let flipped = GENUINE_HEADER.replace("691f", "791f");
    let other_time = GENUINE_HEADER.replace("1641667496", "1641667497");
    for (body, header) in [
        (reserialised.as_str(), GENUINE_HEADER),
        ("", GENUINE_HEADER),
        ("foo", GENUINE_HEADER),
        (GENUINE, flipped.as_str()),
        (GENUINE, other_time.as_str()),
        (GENUINE, "nah"),
    ] {
        assert_eq!(receiver.send(post(body, Some(header)), then), answer(401, "unauthorized"), "{header}");
    }
    assert!(receiver.queued().is_empty());
}

#[test]
fn secret_is_used_as_text_and_not_decoded() {
    let body = r#"{"created_at":"2021-04-22T13:13:18.420272Z","data":{"object":{}},"id":"wev_0000A6VP9fgKxAccTSKWUy","idempotency_key":"aic_0000ApoiwggSbt7BordU1o","live_mode":false,"object":"order","type":"order.airline_initiated_change_detected"}"#;
    let then = UNIX_EPOCH + Duration::from_secs(1_616_202_842);
    let send = |mac| TestReceiver::new().send(post(body, Some(&format!("t=1616202842,v2={mac}"))), then);
    let with_raw_key = "6a4000e6c9f0808fdc32fa7328e51a32ab3cbc25bd42419058650acdef1f4d73";
    let with_decoded_key = "bebde66f8ef07c88b71f359de4c5712862b77b7d992e6f29de129fe392508f60";
    assert_eq!(send(with_raw_key), answer(202, "accepted"));
    assert_eq!(send(with_decoded_key), answer(401, "unauthorized"));
}

#[test]
fn both_labels_are_accepted_and_no_other() {
    let mac = mac(SECRET, noon(), ORDER_CREATED.as_bytes());
    let t = unix_seconds(noon());
    for (label, status) in [("v1", 202), ("v2", 202), ("v0", 401), ("v3", 401), ("V1", 401), ("v", 401)] {
        let header = format!("t={t},{label}={mac}");
        assert_eq!(TestReceiver::new().deliver_with(ORDER_CREATED, &header).0, status, "{header}");
    }
}

#[test]
fn signature_header_may_be_written_in_many_ways() {
    let mac = mac(SECRET, noon(), ORDER_CREATED.as_bytes());
    let upper = mac.to_uppercase();
    let t = unix_seconds(noon());
    let wrong = "0".repeat(64);
    for header in [
        format!("v2={mac},t={t}"),
        format!(" t = {t} , v2 = {mac} "),
        format!("t={t},v2={upper}"),
        format!("t={t},v1={wrong},v2={mac}"),
        format!("t={t},v2={wrong},v2={mac},v2={wrong}"),
        format!("t={t},v1=potato,v2={mac},v9=x,note,=,"),
    ] {
        assert_eq!(
            TestReceiver::new().deliver_with(ORDER_CREATED, &header),
            answer(202, "accepted"),
            "{header}"
        );
    }
    for header in [
        String::new(),
        "nonsense".to_owned(),
        format!("t={t}"),
        format!("v2={mac}"),
        format!("t=,v2={mac}"),
        format!("t=abc,v2={mac}"),
        format!("t=+{t},v2={mac}"),
        format!("t=-{t},v2={mac}"),
        format!("t=0x{t},v2={mac}"),
        format!("t={t},t={t},v2={mac}"),
        format!("t={t},t=1,v2={mac}"),
        format!("t=99999999999999,v2={mac}"),
        format!("t={t};v2={mac}"),
        format!("t={t},v2={}", &mac[..62]),
        format!("t={t},v2={mac}00"),
        format!("t={t},v2=sha256={mac}"),
        format!("t={t},v2="),
        format!("t={t},x={},v2={mac}", "x".repeat(4096)),
    ] {
        assert_eq!(
            TestReceiver::new().deliver_with(ORDER_CREATED, &header),
            answer(401, "unauthorized"),
            "{header}"
        );
    }
}

#[test]
fn signed_time_is_the_text_of_the_header() {
    let t = format!("0{}", unix_seconds(noon()));
    let with_zero = {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{t}.{ORDER_CREATED}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    };
    let without_zero = mac(SECRET, noon(), ORDER_CREATED.as_bytes());
    let send = |mac: &str| TestReceiver::new().deliver_with(ORDER_CREATED, &format!("t={t},v2={mac}")).0;
    assert_eq!(send(&with_zero), 202);
    assert_eq!(send(&without_zero), 401);
}

#[test]
fn a_mac_over_the_body_alone_is_refused() {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(ORDER_CREATED.as_bytes());
    let header = format!("t={},v1={}", unix_seconds(noon()), hex::encode(mac.finalize().into_bytes()));
    assert_eq!(TestReceiver::new().deliver_with(ORDER_CREATED, &header), answer(401, "unauthorized"));
}

#[test]
fn delivery_without_a_signature_is_refused_without_a_look_up() {
    let receiver = TestReceiver::new();
    for body in ["", "{", ORDER_CREATED] {
        assert_eq!(receiver.send(post(body, None), noon()), answer(401, "unauthorized"));
    }
    // Malformed, but the sender is not verified.
    assert_eq!(receiver.deliver_with("{", "t=1,v1=00"), answer(401, "unauthorized"));
    assert_eq!(*receiver.ledger().calls.lock().unwrap(), 0);
}

#[test]
fn without_a_secret_every_delivery_is_refused() {
    let receiver = TestReceiver::with(&[], WINDOW, Filter::default());
    let header = duffel_header(SECRET, "v2", unix_seconds(noon()), ORDER_CREATED.as_bytes());
    assert_eq!(receiver.deliver_with(ORDER_CREATED, &header), answer(401, "unauthorized"));
}

#[test]
fn every_active_secret_is_accepted() {
    for active in [["new", SECRET], [SECRET, "old"]] {
        let receiver = TestReceiver::with(&active, WINDOW, Filter::default());
        assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(202, "accepted"));
    }
    let receiver = TestReceiver::with(&["new", "old"], WINDOW, Filter::default());
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(401, "unauthorized"));
}

#[test]
fn two_signature_headers_count_as_one_list() {
    let receiver = TestReceiver::new();
    let mut request = signed(ORDER_CREATED, noon());
    request.headers_mut().append("x-duffel-signature", "t=1,v1=00".parse().unwrap());
    assert_eq!(receiver.send(request, noon()), answer(401, "unauthorized"));
}

#[test]
fn signature_is_valid_for_the_tolerance() {
    let hour = Duration::from_hours(1);
    for (signed_at, status) in [
        (noon() - hour, 202),
        (noon() - hour - Duration::from_secs(1), 401),
        (noon() + Duration::from_mins(5), 202),
        (noon() + Duration::from_secs(301), 401),
        (UNIX_EPOCH, 401),
    ] {
        let receiver = TestReceiver::with(&[SECRET], hour, Filter::default());
        assert_eq!(receiver.send(signed(ORDER_CREATED, signed_at), noon()).0, status, "{signed_at:?}");
    }
}

#[test]
fn other_paths_are_404_and_other_methods_405() {
    let receiver = TestReceiver::new();
    let request = |method: Method, path: &str| {
        let mut request = signed(ORDER_CREATED, noon());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    for path in [
        "/",
        "/webhooks",
        "/webhooks/",
        "/webhooks/other",
        "/webhooks/duffel//",
        "/webhooks//duffel",
        "///webhooks/duffel",
        "/webhooks/duffel%2f",
        "/Webhooks/duffel",
    ] {
        assert_eq!(receiver.send(request(Method::POST, path), noon()), answer(404, "not_found"), "{path}");
        assert_eq!(receiver.send(request(Method::GET, path), noon()), answer(404, "not_found"), "{path}");
    }
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let response = receiver.try_send(request(method, "/webhooks/duffel"), noon()).unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "POST");
    }
    assert!(receiver.queued().is_empty());
    assert_eq!(receiver.send(request(Method::POST, "/webhooks/duffel?x=1"), noon()), answer(202, "accepted"));
    for path in ["/webhooks/duffel/", "//webhooks/duffel", "//webhooks/duffel/?x=1"] {
        assert_eq!(receiver.send(request(Method::POST, path), noon()), answer(200, "duplicate"), "{path}");
    }
}

#[test]
fn path_selects_only_the_source_that_it_names() {
    let names = ["duffel", "webhooks", "health"];
    let source = |name: &&str| {
        let key = key(&Scheme::duffel(), &format!("secret of {name}"));
        let verifier = Verifier::new(name, Scheme::duffel(), vec![key], WINDOW);
        Source::new(verifier)
    };
    // The secret of one source must not sign for another.
    for (path, named) in [
        ("/webhooks/webhooks", "webhooks"),
        ("/webhooks/webhooks/", "webhooks"),
        ("/webhooks/webhooks/duffel", "duffel"),
        ("/webhooks/webhooks/webhooks", "webhooks"),
        ("//webhooks/duffel", "duffel"),
        ("/webhooks/health", "health"),
        ("/health/webhooks/duffel", ""),
        ("/webhooks/duffel/webhooks/webhooks", ""),
        ("/webhooks/webhooks/webhooks/duffel", "duffel"),
        ("/webhooks/webhooks/webhooks/webhooks/duffel", ""),
        ("/webhooks/duffel/../webhooks", ""),
        ("/webhooks/duffel;webhooks", ""),
    ] {
        let receiver = TestReceiver::of(names.iter().map(source).collect());
        for name in names {
            let header = duffel_header(&format!("secret of {name}"), "v2", unix_seconds(noon()), b"{}");
            let mut request = post("{}", Some(&header));
            *request.uri_mut() = path.parse().unwrap();
            let context = RequestContext {
                stage: Some("webhooks".to_owned()),
                base_path: BasePath::new("/webhooks"),
                ..RequestContext::default()
            };
            // An empty object is not an event, so it is malformed once it is verified.
            let status = if named == name {
                400
            } else if named.is_empty() {
                404
            } else {
                401
            };
            assert_eq!(
                receiver.send_in(request, context, noon()).0,
                status,
                "{path} with the secret of {name}"
            );
        }
    }
}

#[test]
fn signed_body_that_is_not_an_event_is_malformed() {
    for body in [
        "",
        "null",
        "[]",
        "\"text\"",
        "{",
        r#"{"id":"wev_1","type":"order.created"} x"#,
        r#"{"id":"wev_1"}"#,
        r#"{"id":"wev_1","type":null}"#,
        r#"{"id":"wev_1","type":""}"#,
        r#"{"id":"wev_1","type":1}"#,
        r#"{"type":"order.created"}"#,
        r#"{"type":"order.created","id":"","idempotency_key":null}"#,
        r#"{"id":"wev_1","type":"order.created","type":"ping.triggered"}"#,
        r#"{"id":"wev_1","type":"order.created","\u0069d":"wev_2"}"#,
        r#"{"id":"wev_1","type":"order.created","live_mode":true,"live_mode":false}"#,
        r#"{"id":"wev_1","type":"order.created","idempotency_key":"a","idempotency_key":"b"}"#,
        "\u{feff}",
        "\u{feff}\u{feff}{\"id\":\"wev_1\",\"type\":\"order.created\"}",
    ] {
        let receiver = TestReceiver::new();
        assert_eq!(receiver.deliver(body, noon()), answer(400, "malformed"), "{body}");
        assert!(receiver.queued().is_empty());
    }
}

#[test]
fn unusual_but_valid_events_are_accepted() {
    let deep = format!(r#"{{"id":"wev_1","type":"t","data":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        r#"{"id":"wev_1","type":"never.heard.of"}"#,
        r#"{"idempotency_key":"ord_1","type":"order.created","id":7,"live_mode":"yes"}"#,
        r#"{"id":"wev_1","type":"order.created","data":null}"#,
        r#"{"id":"wev_1","type":"order.created","data":{"total":1e999}}"#,
        r#"{"id":"wev_1","type":"order.created","data":{"name":"\ud800"}}"#,
        " \n{\"id\":\"wev_1\",\"type\":\"order.created\"}\n",
        "\u{feff}{\"id\":\"wev_1\",\"type\":\"order.created\"}",
        r#"{"id":"wev_1","type":"order.created","data":{},"data":{}}"#,
        r#"{"id":"wev_1","type":"order.created","data":{"type":1,"type":2}}"#,
        &deep,
    ] {
        let receiver = TestReceiver::new();
        assert_eq!(receiver.deliver(body, noon()), answer(202, "accepted"), "{body:.80}");
        assert_eq!(receiver.queued()[0]["Body"], *body);
    }
}

#[test]
fn unwanted_types_and_modes_are_ignored_without_message_or_record() {
    let receiver = |types: &[&str], mode| {
        TestReceiver::with(&[SECRET], WINDOW, Filter::new(types.iter().copied(), mode))
    };
    for (types, mode, status) in [
        (&["order.*"][..], Mode::Any, "accepted"),
        (&["*.created"][..], Mode::Live, "accepted"),
        (&["ping.triggered", "order.created"][..], Mode::Any, "accepted"),
        (&["order"][..], Mode::Any, "ignored"),
        (&["order?created", "stays.*"][..], Mode::Any, "ignored"),
        (&["stays.*"][..], Mode::Live, "ignored"),
        (&["*"][..], Mode::Test, "ignored"),
    ] {
        let receiver = receiver(types, mode);
        assert_eq!(receiver.deliver(ORDER_CREATED, noon()).1, status, "{types:?}");
        let calls = usize::from(status == "accepted");
        assert_eq!(*receiver.queue().calls.lock().unwrap(), calls);
        assert_eq!(*receiver.ledger().calls.lock().unwrap(), 2 * calls);
    }
}

/// A source of the plain scheme with a filter of types, and a delivery to it.
fn filtered(types: &[&str]) -> TestReceiver {
    let scheme = Scheme::hmac_sha256();
    let verifier = Verifier::new("plain", scheme.clone(), vec![key(&scheme, SECRET)], WINDOW);
    let filter = Filter::new(types.iter().copied(), Mode::Any);
    TestReceiver::of(vec![Source { filter, ..Source::new(verifier) }])
}

fn plain(body: &[u8]) -> Request<Bytes> {
    let scheme = Scheme::hmac_sha256();
    let headers = sign(&scheme, &key(&scheme, SECRET), Signing::default(), body).unwrap();
    let request = Request::post("/webhooks/plain");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(Bytes::copy_from_slice(body)).unwrap()
}

#[test]
fn event_without_a_readable_type_passes_every_filter() {
    for body in [
        &b"not JSON"[..],
        b"a=1&b=2",
        b"\xff\xfe",
        br#"{"event":"order.created"}"#,
        br#"{"type":null}"#,
        br#"{"type":""}"#,
        br#"{"type":["order.created"]}"#,
        br#"[{"type":"order.created"}]"#,
    ] {
        let receiver = filtered(&["order.*"]);
        assert_eq!(receiver.send(plain(body), noon()), answer(202, "accepted"), "{body:?}");
        assert_eq!(receiver.send(plain(body), noon()), answer(200, "duplicate"), "{body:?}");
        assert_eq!(receiver.queued().len(), 1);
    }
    let receiver = filtered(&["order.*"]);
    for (body, word) in [
        (&br#"{"type":"invoice.paid"}"#[..], "ignored"),
        ("\u{feff}{\"type\":\"invoice.paid\"}".as_bytes(), "ignored"),
        (br#"{"type":7}"#, "ignored"),
        ("\u{feff}{\"type\":\"order.created\"}".as_bytes(), "accepted"),
    ] {
        assert_eq!(receiver.send(plain(body), noon()).1, word, "{body:?}");
    }
}

#[test]
fn message_is_limited_to_one_mebibyte() {
    let (head, tail) = (r#"{"id":"wev_1","type":"t","data":""#, r#""}"#);
    let empty = TestReceiver::new();
    empty.deliver(format!("{head}{tail}"), noon());
    let message = &empty.queued()[0];
    let attributes = message["MessageAttributes"].as_object().unwrap();
    let attributes: usize = attributes
        .iter()
        .map(|(name, value)| name.len() + 6 + value["StringValue"].as_str().unwrap().len())
        .sum();
    let room = MAX_MESSAGE_BYTES - attributes - head.len() - tail.len();
    let full = format!("{head}{}{tail}", "x".repeat(room));
    let over = format!("{head}{}{tail}", "x".repeat(room + 1));
    let receiver = TestReceiver::new();
    assert_eq!(receiver.deliver(over, noon()), answer(413, "too_large"));
    assert_eq!(receiver.deliver(full, noon()), answer(202, "accepted"));
}

#[test]
fn message_has_the_signed_bytes_and_their_attributes() {
    let receiver = TestReceiver::new();
    let mut request = signed(ORDER_CREATED, noon());
    let trace = "Root=1-5e9b5b5f-0a1b2c3d4e5f60718293a4b5;Parent=53995c3f42cd8ad8;Sampled=1";
    request.headers_mut().insert("x-amzn-trace-id", trace.parse().unwrap());
    request.headers_mut().insert("authorization", "Bearer hush".parse().unwrap());
    let signature = request.headers()["x-duffel-signature"].to_str().unwrap().to_owned();
    assert_eq!(receiver.send(request, noon()), answer(202, "accepted"));
    let queued = receiver.queued();
    assert_eq!(queued.len(), 1);
    let message = &queued[0];
    assert_eq!(message["Body"], ORDER_CREATED);
    assert_eq!(message["Attributes"]["MessageGroupId"], "duffel/ord_0000ABd6wggSct7BoraU1o");
    assert_eq!(message["Attributes"]["AWSTraceHeader"], trace);
    let attributes = message["MessageAttributes"].as_object().unwrap();
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value["StringValue"].as_str().unwrap()))
        .collect();
    assert_eq!(
        attributes,
        [
            ("event_id", "wev_0000A4tQSmKyqOrcySrGbo"),
            ("event_type", "order.created"),
            ("idempotency_key", "ord_0000ABd6wggSct7BoraU1o"),
            ("identity", "530bb35cef3d09eae07aa43f3ddac393bc9fc0ba94f8c7172fc061ea0e7fac3e"),
            ("live_mode", "true"),
            ("received_at", "2026-11-21T12:00:00.000Z"),
            ("signature", signature.as_str()),
            ("source", "duffel"),
        ]
    );
}

#[test]
fn only_the_header_of_a_trace_that_exists_is_passed_on() {
    let root = "Root=1-5e9b5b5f-0a1b2c3d4e5f60718293a4b5";
    for (trace, passed_on) in [
        (format!("{root};Sampled=1"), true),
        (format!("{root};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0"), true),
        (root.to_owned(), false),
        (format!("{root};Sampled=0;Lineage=1:a87bd80c:0"), false),
        (format!("{root};Sampled=?"), false),
        // SQS would refuse these.
        ("Self=1-67891233-abcdef012345678912345678;Root=2-x;Sampled=1".to_owned(), false),
        (format!("{root};Sampled=maybe"), false),
        ("Parent=53995c3f42cd8ad8;Sampled=1".to_owned(), false),
        ("x".to_owned(), false),
    ] {
        let receiver = TestReceiver::new();
        let mut request = signed(ORDER_CREATED, noon());
        request.headers_mut().insert("x-amzn-trace-id", trace.parse().unwrap());
        assert_eq!(receiver.send(request, noon()).0, 202);
        let queued = receiver.queued();
        let header = queued[0]["Attributes"].get("AWSTraceHeader");
        assert_eq!(header, passed_on.then(|| trace.into()).as_ref());
    }
}

#[test]
fn body_that_sqs_would_refuse_is_sent_as_base64() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let noncharacter = "{\"id\":\"wev_1\",\"type\":\"t\",\"data\":\"\u{ffff}\"}".as_bytes().to_vec();
    let not_utf8 = b"{\"id\":\"wev_1\",\"type\":\"t\",\"data\":\"\xff\xfe\"}".to_vec();
    for body in [noncharacter, not_utf8] {
        let receiver = TestReceiver::new();
        assert_eq!(receiver.deliver(&body, noon()), answer(202, "accepted"));
        let message = &receiver.queued()[0];
        assert_eq!(message["MessageAttributes"]["encoding"]["StringValue"], "base64");
        assert_eq!(STANDARD.decode(message["Body"].as_str().unwrap()).unwrap(), body);
    }
}

#[test]
fn attribute_values_that_sqs_would_refuse_are_omitted() {
    let receiver = TestReceiver::new();
    let body = r#"{"id":"wev_\u0000","type":"t","idempotency_key":"ord \u00e9"}"#;
    assert_eq!(receiver.deliver(body, noon()), answer(202, "accepted"));
    let message = &receiver.queued()[0];
    assert_eq!(message["Body"], body);
    assert!(message["MessageAttributes"].get("event_id").is_none());
    assert_eq!(message["MessageAttributes"]["idempotency_key"]["StringValue"], "ord é");
    // A group id cannot have a space, so it is the SHA-256 of the key.
    let group = message["Attributes"]["MessageGroupId"].as_str().unwrap();
    assert_eq!(group.len(), 64);
}

#[test]
fn group_id_is_the_source_with_key_or_id_or_hash() {
    let group = |body: String| {
        let receiver = TestReceiver::new();
        assert_eq!(receiver.deliver(body, noon()).0, 202);
        receiver.queued()[0]["Attributes"]["MessageGroupId"].as_str().unwrap().to_owned()
    };
    assert_eq!(group(event("t", "wev_1", "ord_1")), "duffel/ord_1");
    assert_eq!(group(r#"{"type":"t","id":"wev_1"}"#.to_owned()), "duffel/wev_1");
    let longest = "k".repeat(128 - "duffel/".len());
    assert_eq!(group(event("t", "wev_1", &longest)), format!("duffel/{longest}"));
    let hashed = group(event("t", "wev_1", &"k".repeat(122)));
    assert_eq!(hashed.len(), 64);
    assert_ne!(hashed, group(event("t", "wev_1", &"k".repeat(123))));
}

#[test]
fn a_body_is_forwarded_once() {
    let receiver = TestReceiver::new();
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(202, "accepted"));
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(200, "duplicate"));
    // With a new signature, as a retry may have, hours after the deduplication interval of the queue.
    assert_eq!(receiver.deliver(ORDER_CREATED, noon() + 3 * DAY), answer(200, "duplicate"));
    assert_eq!(receiver.queued().len(), 1);
}

/// Providers deliver in no particular order, so neither type nor time of an event implies the order of another.
#[test]
fn events_of_one_object_are_forwarded_in_the_order_of_their_arrival() {
    let receiver = TestReceiver::new();
    let arrivals = [
        ("order.updated", "wev_4", "2026-11-21T11:59:59Z"),
        ("order.airline_initiated_change_detected", "wev_3", "2026-11-21T11:00:00Z"),
        ("order.updated", "wev_5", "2026-11-21T09:00:00Z"),
        ("order_cancellation.confirmed", "wev_2", "2026-11-21T12:30:00Z"),
        ("order.created", "wev_1", "2019-01-01T00:00:00Z"),
        ("order.updated", "wev_6", "2019-01-01T00:00:00Z"),
    ];
    let body = |(kind, id, created_at): (&str, &str, &str)| {
        event(kind, id, "ord_1").replacen('{', &format!(r#"{{"created_at":"{created_at}","#), 1)
    };
    for (minutes, arrival) in (0..).zip(arrivals) {
        let now = noon() + Duration::from_mins(minutes);
        assert_eq!(receiver.deliver(body(arrival), now), answer(202, "accepted"), "{arrival:?}");
    }
    let queued = receiver.queued();
    let bodies: Vec<_> = queued.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect();
    assert_eq!(bodies, arrivals.map(body));
    // A retry of the oldest comes last, and is a duplicate.
    assert_eq!(receiver.deliver(body(arrivals[4]), noon() + DAY), answer(200, "duplicate"));
}

#[test]
fn events_of_one_object_have_different_identities() {
    let receiver = TestReceiver::new();
    let mut forwarded = 0;
    let mut deliver = |kind: &str, id: &str, key: &str, word: &str| {
        assert_eq!(receiver.deliver(event(kind, id, key), noon()).1, word, "{kind} {id} {key}");
        forwarded += usize::from(word == "accepted");
    };
    deliver("stays.booking.created", "wev_1", "bok_1", "accepted");
    deliver("stays.booking.cancelled", "wev_2", "bok_1", "accepted");
    deliver("stays.booking.created", "wev_3", "bok_2", "accepted");
    assert_eq!(receiver.queued().len(), forwarded);
}

/// The documented list: types that are known to happen once for one object.
#[test]
fn only_types_known_to_happen_once_are_deduplicated_on_their_key_alone() {
    let once = [
        "air.airline_credit.created",
        "air.airline_credit.invalidated",
        "air.payment.cancelled",
        "air.payment.succeeded",
        "order.airline_initiated_change_detected",
        "order.created",
        "order.creation_failed",
        "order_cancellation.confirmed",
        "stays.booking.cancelled",
        "stays.booking.created",
        "stays.booking_creation_failed",
    ];
    let many_times = [
        "air.airline_credit.spent",
        "air.order.changed",
        "air.payment.failed",
        "air.payment.pending",
        "assistant.conversation.updated",
        "order.updated",
        "order_cancellation.created",
        "ping.triggered",
        // Types that Duffel does not document, but may add.
        "cars.booking.created",
        "order.schedule_changed",
        "order.created.documents_issued",
    ];
    let receiver = TestReceiver::new();
    let deliver = |kind: &str, id: &str| receiver.deliver(event(kind, id, "obj_1"), noon()).1;
    for kind in once {
        assert_eq!([deliver(kind, "wev_1"), deliver(kind, "wev_2")], ["accepted", "duplicate"], "{kind}");
    }
    for kind in many_times {
        let ends = ["wev_1", "wev_2", "wev_1", "wev_2"].map(|id| deliver(kind, id));
        assert_eq!(ends, ["accepted", "accepted", "duplicate", "duplicate"], "{kind}");
    }
    assert_eq!(receiver.queued().len(), once.len() + 2 * many_times.len());
}

/// Otherwise, events that are more frequent than the window would extend the record of the first one for ever.
#[test]
fn a_duplicate_under_another_id_does_not_extend_the_record() {
    let receiver = TestReceiver::new();
    let deliver = |id: &str, at| receiver.deliver(event("order.created", id, "ord_1"), at).1;
    assert_eq!(deliver("wev_1", noon()), "accepted");
    for day in [2, 4, 6] {
        assert_eq!(deliver(&format!("wev_{day}"), noon() + day * DAY), "duplicate");
    }
    assert_eq!(deliver("wev_8", noon() + 8 * DAY), "accepted");
    assert_eq!(receiver.queued().len(), 2);
}

#[test]
fn sources_share_no_message_groups() {
    let payments = Scheme::hmac_sha256();
    let signing_key = key(&payments, "hush");
    let verifier = Verifier::new("payments", payments.clone(), vec![signing_key.clone()], WINDOW);
    let source = Source::new(verifier);
    let receiver = TestReceiver::of(vec![duffel(&[SECRET], WINDOW, Filter::default()), source]);
    assert_eq!(receiver.deliver(event("order.created", "wev_1", "ord_1"), noon()).0, 202);
    let body = r#"{"id":"ord_1","type":"order.created"}"#;
    let mut headers = sign(&payments, &signing_key, Signing::default(), body.as_bytes()).unwrap();
    let (name, value) = headers.pop().unwrap();
    let request = Request::post("/webhooks/payments").header(name, value).body(Bytes::from(body)).unwrap();
    assert_eq!(receiver.send(request, noon()).0, 202);
    let queued = receiver.queued();
    let groups: Vec<_> = queued.iter().map(|message| &message["Attributes"]["MessageGroupId"]).collect();
    assert_eq!(groups, ["duffel/ord_1", "payments/ord_1"]);
}

#[test]
fn recurring_type_without_an_id_is_identified_by_its_body() {
    let receiver = TestReceiver::new();
    let body =
        |change: u8| format!(r#"{{"type":"order.updated","idempotency_key":"ord_1","data":{change}}}"#);
    assert_eq!(receiver.deliver(body(1), noon()), answer(202, "accepted"));
    assert_eq!(receiver.deliver(body(2), noon()), answer(202, "accepted"));
    assert_eq!(receiver.deliver(body(1), noon()), answer(200, "duplicate"));
}

#[test]
fn identity_distinguishes_modes_and_field_boundaries() {
    let receiver = TestReceiver::new();
    for body in [
        r#"{"type":"ab","idempotency_key":"c","live_mode":true}"#,
        r#"{"type":"ab","idempotency_key":"c","live_mode":false}"#,
        r#"{"type":"ab","idempotency_key":"c"}"#,
        r#"{"type":"a","idempotency_key":"bc","live_mode":true}"#,
        r#"{"type":"ab","id":"c","live_mode":true}"#,
        r#"{"type":"order.updated","idempotency_key":"k","id":"i","live_mode":true}"#,
        r#"{"type":"order.updated","idempotency_key":"ki","live_mode":true}"#,
    ] {
        assert_eq!(receiver.deliver(body, noon()), answer(202, "accepted"), "{body}");
    }
    let queued = receiver.queued();
    let mut identities: Vec<_> =
        queued.iter().map(|message| message["Attributes"]["MessageDeduplicationId"].to_string()).collect();
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), queued.len());
}

#[test]
fn without_a_key_the_identity_is_the_id() {
    let receiver = TestReceiver::new();
    let body = |id: &str| format!(r#"{{"type":"order.created","id":"{id}","live_mode":true}}"#);
    assert_eq!(receiver.deliver(body("wev_1"), noon()), answer(202, "accepted"));
    assert_eq!(receiver.deliver(body("wev_2"), noon()), answer(202, "accepted"));
    assert_eq!(receiver.deliver(body("wev_1"), noon()), answer(200, "duplicate"));
}

/// The rule against replay attacks: no signature is valid at a time when the record of its event no longer counts.
#[test]
fn no_valid_signature_outlives_the_record_of_its_event() {
    let skew = Duration::from_mins(5);
    // The sender's clock may be ahead of ours, or the signature may be old when it first arrives.
    for signed_at in [noon() + skew, noon(), noon() - 6 * DAY] {
        let receiver = TestReceiver::new();
        assert_eq!(receiver.send(signed(ORDER_CREATED, signed_at), noon()), answer(202, "accepted"));
        for (later, what) in [(0, "duplicate"), (1, "unauthorized")] {
            let now = signed_at + WINDOW + Duration::from_secs(later);
            assert_eq!(receiver.send(signed(ORDER_CREATED, signed_at), now).1, what);
        }
        assert_eq!(receiver.queued().len(), 1);
    }
}

#[test]
fn duplicate_with_a_newer_signature_extends_the_record() {
    let receiver = TestReceiver::new();
    receiver.deliver(ORDER_CREATED, noon());
    let again = noon() + 6 * DAY;
    assert_eq!(receiver.deliver(ORDER_CREATED, again), answer(200, "duplicate"));
    // The record of the first delivery alone would no longer count, but the second signature is still valid.
    let replay = noon() + 9 * DAY;
    assert_eq!(receiver.send(signed(ORDER_CREATED, again), replay), answer(200, "duplicate"));
    assert_eq!(receiver.queued().len(), 1);
}

#[test]
fn identical_retry_writes_no_record() {
    let receiver = TestReceiver::new();
    receiver.deliver(ORDER_CREATED, noon());
    let calls = *receiver.ledger().calls.lock().unwrap();
    assert_eq!(receiver.send(signed(ORDER_CREATED, noon()), noon() + DAY), answer(200, "duplicate"));
    assert_eq!(*receiver.ledger().calls.lock().unwrap(), calls + 1);
}

#[test]
fn after_the_window_an_event_is_new_again() {
    let receiver = TestReceiver::new();
    receiver.deliver(ORDER_CREATED, noon());
    assert_eq!(receiver.deliver(ORDER_CREATED, noon() + 8 * DAY), answer(202, "accepted"));
    assert_eq!(receiver.queued().len(), 2);
}

#[test]
fn header_that_is_not_text_is_refused() {
    let mut request = Request::post("/webhooks/duffel").body(Bytes::from_static(b"{}")).unwrap();
    request
        .headers_mut()
        .insert("x-duffel-signature", http::HeaderValue::from_bytes(b"t=1,v1=\xff").unwrap());
    assert_eq!(TestReceiver::new().send(request, noon()), answer(401, "unauthorized"));
}
