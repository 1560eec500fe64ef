//! Messages in the forms in which AWS delivers them, and in forms that must not pass.

use std::{collections::HashMap, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::{
    consume::{
        Event, Received,
        received::{Parts, Undecodable},
    },
    receive::filter::Filter,
    time::unix_seconds,
};
use serde_json::{Value, json};

use super::duffel_kit;
use crate::support::{
    ministack::Backend,
    serve::Serve,
    test_receiver::{DAY, ORDER_CREATED, SECRET, duffel, duffel_header, event, noon},
};

const IDENTITY: &str = "530bb35cef3d09eae07aa43f3ddac393bc9fc0ba94f8c7172fc061ea0e7fac3e";

/// The FIFO example of Lambda's documentation, with attributes of the receiver.
fn documented() -> Value {
    let text = |text: &str| json!({ "stringValue": text, "stringListValues": [], "binaryListValues": [], "dataType": "String" });
    json!({
        "messageId": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5",
        "receiptHandle": "AQEBBX8nesZEXmkhsmZeyIE8iQAMig7qw...",
        "body": "Test message.",
        "attributes": {
            "ApproximateReceiveCount": "2",
            "SentTimestamp": "1573251510774",
            "SequenceNumber": "18849496460467696128",
            "MessageGroupId": "1",
            "SenderId": "AIDAIO23YVJENQZJOL4VO",
            "MessageDeduplicationId": "1",
            "ApproximateFirstReceiveTimestamp": "1573251510774",
            "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793",
            "DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-2:123456789012:fifo.fifo",
        },
        "messageAttributes": {
            "identity": text(IDENTITY),
            "source": text("duffel"),
            "live_mode": text("true"),
            "added_by_a_later_version": { "binaryValue": "MTEwMA==", "dataType": "Binary" },
        },
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:fifo.fifo",
        "awsRegion": "us-east-2",
        "addedByAws": {},
    })
}

fn changed(change: impl FnOnce(&mut Value)) -> Result<Received, Undecodable> {
    let mut message = documented();
    change(&mut message);
    Received::read(message)
}

#[test]
fn a_record_of_lambda_is_read() {
    let received = changed(|_| {}).unwrap();
    assert_eq!(received.message_id(), "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5");
    assert_eq!(received.receipt_handle(), Some("AQEBBX8nesZEXmkhsmZeyIE8iQAMig7qw..."));
    assert_eq!(received.body(), b"Test message.");
    assert_eq!((received.source(), received.identity()), ("duffel", IDENTITY));
    assert_eq!((received.group_id(), received.receive_count()), (Some("1"), Some(2)));
    assert_eq!(received.live_mode(), Some(true));
    assert_eq!((received.kind(), received.event_id(), received.idempotency_key()), (None, None, None));
    assert_eq!((received.shop(), received.received_at()), (None, None));
}

#[test]
fn a_record_and_a_polled_message_are_read_alike() {
    let mut kit = duffel_kit();
    let body =
        "{\"id\":\"wev_1\",\"type\":\"t\",\"idempotency_key\":\"k\",\"live_mode\":false,\"x\":\"\u{ffff}\"}";
    let message = kit.message(body).unwrap();
    let (record, polled) = (message.record(), message.polled());
    assert_eq!(record["body"], STANDARD.encode(body));
    for received in [Received::read(record), Received::read(polled)].map(Result::unwrap) {
        assert_eq!(received.body(), body.as_bytes(), "decoded");
        assert_eq!((received.kind(), received.event_id()), (Some("t"), Some("wev_1")));
        assert_eq!((received.idempotency_key(), received.live_mode()), (Some("k"), Some(false)));
        assert_eq!(received.group_id(), Some("duffel/k"));
        assert_eq!((received.message_id(), received.receive_count()), (message.message_id(), Some(1)));
        assert_eq!(received.received_at(), Some(noon()));
        assert!(received.receipt_handle().is_some());
        assert!(received.attribute("signature").unwrap().starts_with("t=1795262400,v2="));
    }
}

/// A subscription without raw message delivery: SNS wraps the message, and the queue's message has no attributes.
#[test]
fn a_message_that_sns_wrapped_is_refused_with_the_reason() {
    let wrapped = json!({ "Type": "Notification", "Message": "Test message.", "MessageAttributes": {
        "source": { "Type": "String", "Value": "duffel" },
    }});
    let error = changed(|it| {
        it["body"] = json!(wrapped.to_string());
        it["messageAttributes"] = json!({});
    });
    let error = error.unwrap_err();
    assert_eq!(error, Undecodable::NoAttribute("source"));
    assert!(error.to_string().contains("raw message delivery"), "{error}");
}

#[tokio::test]
async fn a_message_that_the_sdk_polled_is_read_and_verified() {
    let backend = Backend::new().await;
    let serve = Serve::forward(&backend, SECRET);
    let url = serve.line("Receiving on ");
    let now = SystemTime::now();
    for body in [ORDER_CREATED.to_owned(), event("air.order.changed", "wev_2", "ord_2\u{ffff}")] {
        let header = duffel_header(SECRET, "v2", unix_seconds(now), body.as_bytes());
        let answer = ureq::post(&url).header("X-Duffel-Signature", header).send(&body).unwrap();
        assert_eq!(answer.status(), 202);
        let [message] = &backend.messages().await[..] else { panic!("one message") };
        let (system, attributes) = (message.attributes.clone(), message.message_attributes.clone());
        let received = Received::new(Parts {
            message_id: message.message_id.clone(),
            receipt_handle: message.receipt_handle.clone(),
            body: message.body.clone(),
            system: system.unwrap().into_iter().map(|(name, value)| (name.to_string(), value)).collect(),
            attributes: attributes
                .unwrap()
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.string_value?)))
                .collect(),
        });
        let received = received.unwrap();
        assert_eq!(received.body(), body.as_bytes());
        assert!(received.group_id().unwrap().len() > 7, "{:?}", received.group_id());
        assert_eq!(received.verify(&duffel(&[SECRET], DAY, Filter::default()).verifier, now), Ok(()));
        let Event::Duffel(event) = received.event() else { panic!("{received:?}") };
        assert_eq!(Some(event.kind.as_str()), received.kind());
    }
}

#[test]
fn a_message_is_made_of_the_parts_that_an_sdk_returns() {
    let map = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<HashMap<_, _>>()
    };
    let parts = Parts {
        message_id: Some("m".to_owned()),
        receipt_handle: None,
        body: Some("{}".to_owned()),
        system: map(&[("MessageGroupId", "g")]),
        attributes: map(&[("source", "duffel"), ("identity", IDENTITY)]),
    };
    let received = Received::new(parts.clone()).unwrap();
    assert_eq!((received.message_id(), received.group_id()), ("m", Some("g")));
    assert_eq!(
        Received::new(Parts { message_id: Some(String::new()), ..parts }).err(),
        Some(Undecodable::NoMessageId)
    );
}

#[test]
fn a_message_that_cannot_be_decoded_says_what_is_missing_and_not_what_it_contains() {
    type Change = fn(&mut Value);
    let cases: [(Undecodable, Change); 19] = [
        (Undecodable::NotAnObject, |it| *it = json!("Test message.")),
        (Undecodable::NoMessageId, |it| it["messageId"] = json!("")),
        (Undecodable::NoMessageId, |it| it["messageId"] = json!(7)),
        (Undecodable::NoMessageId, |it| it["messageId"] = Value::Null),
        (Undecodable::NoBody, |it| it["body"] = Value::Null),
        (Undecodable::NoBody, |it| it["body"] = json!({ "Test message.": 1 })),
        (Undecodable::NoAttribute("source"), |it| it["messageAttributes"] = json!({})),
        (Undecodable::NoAttribute("source"), |it| it["messageAttributes"] = Value::Null),
        (Undecodable::NoAttribute("source"), |it| it["messageAttributes"] = json!(["source"])),
        (Undecodable::NoAttribute("source"), |it| it["messageAttributes"]["source"] = Value::Null),
        (Undecodable::NoAttribute("identity"), |it| it["messageAttributes"]["identity"] = Value::Null),
        (Undecodable::NotText("identity"), |it| {
            it["messageAttributes"]["identity"] = json!({ "binaryValue": "AA==", "dataType": "Binary" });
        }),
        (Undecodable::NotText("source"), |it| {
            it["messageAttributes"]["source"]["stringValue"] = Value::Null;
        }),
        (Undecodable::NotText("encoding"), |it| it["messageAttributes"]["encoding"] = json!("base64")),
        (Undecodable::Identity, |it| {
            it["messageAttributes"]["identity"]["stringValue"] = json!(IDENTITY.to_uppercase());
        }),
        (Undecodable::Identity, |it| it["messageAttributes"]["identity"]["stringValue"] = json!("")),
        (Undecodable::Encoding, |it| {
            it["messageAttributes"]["encoding"] = json!({ "stringValue": "gzip", "dataType": "String" });
        }),
        (Undecodable::Encoding, |it| {
            it["messageAttributes"]["encoding"] = json!({ "stringValue": "", "dataType": "String" });
        }),
        (Undecodable::Base64, |it| {
            it["messageAttributes"]["encoding"] = json!({ "stringValue": "base64", "dataType": "String" });
        }),
    ];
    for (at, (expected, change)) in cases.into_iter().enumerate() {
        let error = changed(change).map(drop).unwrap_err();
        assert_eq!(error, expected, "case {at}");
        assert!(!error.to_string().contains("Test message"), "{error}");
    }
}

#[test]
fn a_message_without_system_attributes_is_read() {
    for system in
        [Value::Null, json!({}), json!([]), json!({ "MessageGroupId": "", "ApproximateReceiveCount": "x" })]
    {
        let received = changed(|it| it["attributes"] = system).unwrap();
        assert_eq!((received.group_id(), received.receive_count()), (None, None));
    }
    let received = changed(|it| it["attributes"]["ApproximateReceiveCount"] = json!(3)).unwrap();
    assert_eq!(received.receive_count(), Some(3), "as an emulator writes it");
}

#[test]
fn a_message_is_printed_without_its_body_and_signature() {
    let message = duffel_kit().event("order.created", "ord_secret").unwrap().received().unwrap();
    let text = format!("{message:?}");
    assert!(text.contains(message.identity()) && text.contains("order.created"), "{text}");
    assert!(!text.contains("ord_secret") && !text.contains("v2="), "{text}");
}
