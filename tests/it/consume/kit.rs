//! The messages of the kit are those of the receiver, and always the same.

use duffel_webhook_receiver::{
    consume::kit::{self, Kit, KitError},
    event::EventError,
    signature::scheme::Scheme,
};
use serde_json::{Value, json};

use super::duffel_kit;
use crate::support::test_receiver::{DAY, SECRET, TestReceiver, noon};

/// The parts of a polled message that do not depend on its number.
fn comparable(mut message: Value) -> Value {
    let system = message["Attributes"].as_object_mut().unwrap();
    let names = ["MessageGroupId", "MessageDeduplicationId"];
    system.retain(|name, _| names.contains(&name.as_str()));
    json!([message["Body"], message["Attributes"], message["MessageAttributes"]])
}

#[test]
fn a_message_of_the_kit_is_that_of_the_receiver() {
    let (receiver, mut kit) = (TestReceiver::new(), duffel_kit());
    assert_eq!(Kit::SECRET, SECRET);
    for body in [
        r#"{"id":"wev_1","type":"order.created","idempotency_key":"ord_1","live_mode":true}"#.to_owned(),
        "{\"id\":\"wev_2\",\"type\":\"t\",\"x\":\"\u{ffff}\"}".to_owned(),
    ] {
        receiver.deliver(&body, noon());
        let sent = receiver.queued().pop().unwrap();
        assert_eq!(comparable(kit.message(body).unwrap().polled()), comparable(sent));
    }
}

#[test]
fn the_same_calls_make_the_same_messages() {
    let make = || {
        let mut kit = duffel_kit();
        let first = kit.event("order.created", "ord_1").unwrap();
        kit.wait(DAY);
        let messages = [kit.duplicate(&first), kit.redriven(&first), first.dead_letter(3), first];
        (kit::lambda_event(&messages), kit::poll_result(&messages))
    };
    assert_eq!(make(), make());
}

#[test]
fn a_record_has_the_members_that_lambda_documents() {
    let record = duffel_kit().event("order.created", "ord_1").unwrap().record();
    let names: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "attributes",
        "awsRegion",
        "body",
        "eventSource",
        "eventSourceARN",
        "md5OfBody",
        "messageAttributes",
        "messageId",
        "receiptHandle",
    ];
    assert_eq!(names, expected);
    let names: Vec<_> = record["attributes"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    ];
    assert_eq!(names, expected);
    let body = duffel_kit().event("order.created", "ord_1").unwrap().with_body("Test message.").record();
    assert_eq!(body["md5OfBody"], "e4e68fb7bd0e697a0ae8f1bb342846b3", "that of Lambda's example");
}

#[test]
fn a_duplicate_and_a_redriven_message_have_the_identity_of_the_first() {
    let mut kit = duffel_kit();
    let first = kit.event("order.created", "ord_1").unwrap();
    let dead = first.dead_letter(3);
    let again = kit.redriven(&first);
    for other in [&kit.duplicate(&first), &again, &dead] {
        assert_eq!(other.received().unwrap().identity(), first.received().unwrap().identity());
    }
    let (dead, again) = (dead.record(), again.record());
    assert_eq!(dead["messageId"], first.message_id());
    assert_eq!(dead["attributes"]["ApproximateReceiveCount"], "4");
    assert_eq!(dead["attributes"]["MessageDeduplicationId"], first.message_id());
    assert_eq!(dead["attributes"]["DeadLetterQueueSourceArn"], dead["eventSourceARN"]);
    assert_ne!(again["messageId"], first.message_id());
    assert_eq!(again["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(again["attributes"]["MessageDeduplicationId"], first.message_id());
    assert_eq!(again["attributes"].get("DeadLetterQueueSourceArn"), None);
}

#[test]
fn the_kit_makes_no_message_that_the_receiver_would_refuse() {
    assert_eq!(duffel_kit().message("{}").err(), Some(KitError::Event(EventError::NoType)));
    assert_eq!(duffel_kit().message("").err(), Some(KitError::Event(EventError::Empty)));
    assert!(matches!(
        duffel_kit().message("x".repeat(1 << 20)).err(),
        Some(KitError::Event(EventError::NotJson))
    ));
    let large = format!(r#"{{"id":"1","type":"t","x":"{}"}}"#, "x".repeat(1 << 20));
    assert!(matches!(duffel_kit().message(large).err(), Some(KitError::TooLarge(_))));
    assert!(Kit::new("x", Scheme::standard_webhooks(), "no base64!", noon()).is_err());
}
