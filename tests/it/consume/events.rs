//! Events of Duffel in every form that is known of them, and in forms that are not.

use duffel_webhook_receiver::consume::{
    Event,
    event::{DuffelEvent, Misfit, Payload, Untyped},
    kit::Kit,
};
use duffel_webhook_receiver::signature::scheme::Scheme;

use super::duffel_kit;
use crate::support::test_receiver::{ORDER_CREATED, event, noon};

fn read(kind: &str, data: &str) -> Payload {
    let body = event(kind, "wev_1", "key").replace(r#"{"object":{}}"#, data);
    let event = DuffelEvent::read(body.as_bytes()).unwrap();
    assert_eq!((event.kind.as_str(), event.id.as_deref()), (kind, Some("wev_1")));
    event.payload
}

fn of(kind: &str, object: &str) -> String {
    format!("{:?}", read(kind, &format!(r#"{{"object":{object}}}"#)))
}

#[test]
fn the_envelope_is_read() {
    let event = DuffelEvent::read(ORDER_CREATED.as_bytes()).unwrap();
    assert_eq!(event.kind, "order.created");
    assert_eq!(event.id.as_deref(), Some("wev_0000A4tQSmKyqOrcySrGbo"));
    assert_eq!(event.idempotency_key.as_deref(), Some("ord_0000ABd6wggSct7BoraU1o"));
    assert_eq!((event.live_mode, event.api_version.as_deref()), (Some(true), Some("v2")));
    assert_eq!(event.created_at.as_deref(), Some("2020-04-11T15:48:11.642000Z"));
    assert_eq!(event.identity_organisation_id.as_deref(), Some("org_0000APMFjhs4X2rJ6k7UIE"));
    let Payload::OrderCreated(Ok(order)) = event.payload else { panic!("{:?}", event.payload) };
    assert_eq!(order.order_id, "ord_0000ABd6wggSct7BoraU1o");
    assert_eq!(order.offer_id.as_deref(), Some("off_0000ABd6wggSct7BoraU1o"));
}

#[test]
fn payloads_are_typed_as_far_as_they_are_known() {
    let payments = [
        ("pending", "Pending"),
        ("succeeded", "Succeeded"),
        ("failed", "Failed"),
        ("cancelled", "Cancelled"),
    ];
    for (kind, name) in payments {
        let payload = of(&format!("air.payment.{kind}"), r#"{"payment_id":"pay_1"}"#);
        assert_eq!(payload, format!(r#"Payment{name}(Ok(Payment {{ payment_id: "pay_1" }}))"#));
    }
    for (kind, object, payload) in [
        (
            "order.created",
            r#"{"order_id":"ord_1","offer_id":"off_1","added":{}}"#,
            r#"OrderCreated(Ok(Order { order_id: "ord_1", offer_id: Some("off_1") }))"#,
        ),
        (
            "order.created",
            r#"{"id":"ord_1"}"#,
            r#"OrderCreated(Ok(Order { order_id: "ord_1", offer_id: None }))"#,
        ),
        (
            "order.creation_failed",
            r#"{"offer_id":"off_1"}"#,
            r#"OrderCreationFailed(OrderCreationFailure { offer_id: Some("off_1"), order_id: None })"#,
        ),
        (
            "order.airline_initiated_change_detected",
            r#"{"id":"ord_1","aic_id":"aic_1"}"#,
            r#"AirlineInitiatedChangeDetected(Ok(AirlineInitiatedChange { order_id: "ord_1", change_id: Some("aic_1") }))"#,
        ),
        (
            "order_cancellation.created",
            r#"{"id":"ore_1","order_id":"ord_1"}"#,
            r#"OrderCancellationCreated(Ok(OrderCancellation { cancellation_id: "ore_1", order_id: "ord_1" }))"#,
        ),
        (
            "order_cancellation.confirmed",
            r#"{"id":"ore_1","order_id":"ord_1"}"#,
            r#"OrderCancellationConfirmed(Ok(OrderCancellation { cancellation_id: "ore_1", order_id: "ord_1" }))"#,
        ),
        (
            "air.order.changed",
            r#"{"order_id":"ord_1"}"#,
            r#"OrderChanged(OrderChange { order_id: Some("ord_1") })"#,
        ),
        ("order.updated", r#"{"id":"ord_1"}"#, r#"OrderUpdated(OrderChange { order_id: Some("ord_1") })"#),
        (
            "payment.created",
            r#"{"id":"pay_1"}"#,
            r#"PaymentCreated(PaymentCreation { payment_id: Some("pay_1") })"#,
        ),
        (
            "stays.booking_creation_failed",
            r#"{"quote_id":"quo_1"}"#,
            r#"BookingCreationFailed(BookingCreationFailure { quote_id: Some("quo_1") })"#,
        ),
        ("stays.booking.created", r#"{"id":"bok_1"}"#, r#"BookingCreated(Booking { id: Some("bok_1") })"#),
        ("stays.booking.cancelled", "{}", "BookingCancelled(Booking { id: None })"),
        (
            "air.airline_credit.created",
            r#"{"id":"acd_1"}"#,
            r#"AirlineCreditCreated(AirlineCredit { id: Some("acd_1") })"#,
        ),
        ("air.airline_credit.spent", "{}", "AirlineCreditSpent(AirlineCredit { id: None })"),
        ("air.airline_credit.invalidated", "{}", "AirlineCreditInvalidated(AirlineCredit { id: None })"),
        ("assistant.conversation.updated", "{}", "ConversationUpdated(Conversation { id: None })"),
        ("ping.triggered", "{}", "Ping"),
    ] {
        assert_eq!(of(kind, object), payload);
    }
}

/// Events of types that Duffel does not document, or may add, and a spelling that others have invented.
#[test]
fn an_unknown_type_is_other() {
    for kind in
        ["cars.booking.created", "rail.booking.created", "stays.booking_created", "Order.Created", "order"]
    {
        assert_eq!(read(kind, r#"{"object":{"id":"x"}}"#), Payload::Other, "{kind}");
        let message = duffel_kit().event(kind, "x").unwrap().received().unwrap();
        let Event::Duffel(event) = message.event() else { panic!("{kind}") };
        assert_eq!((event.kind.as_str(), event.payload), (kind, Payload::Other));
        assert!(!message.body().is_empty());
    }
}

#[test]
fn every_known_type_keeps_its_variant_whatever_its_payload_is() {
    let deep = format!(r#"{{"object":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let forms = [
        "null",
        "[]",
        "7",
        "{}",
        r#"{"object":null}"#,
        r#"{"object":[1]}"#,
        r#"{"object":{}}"#,
        r#"{"id":"ord_1"}"#,
        r#"{"object":{"id":7,"order_id":null,"payment_id":[],"offer_id":{},"aic_id":false,"quote_id":1e999}}"#,
        r#"{"object":{"id":"","order_id":"","payment_id":""}}"#,
        r#"{"object":{"id":"a","id":"b","order_id":"a","order_id":"b","payment_id":"a","payment_id":"b"}}"#,
        r#"{"object":{"id":"ord_1","\ud800":1}}"#,
        r#"{"object":{"id":"\ud800"}}"#,
        &deep,
    ];
    let variant = |payload: &Payload| format!("{payload:?}").split(['(', ' ']).next().unwrap().to_owned();
    for kind in Payload::KINDS {
        let known = duffel_kit().event(kind, "key_1").unwrap().received().unwrap().event();
        let Event::Duffel(DuffelEvent { payload: known, .. }) = known else { panic!("{kind}") };
        assert_ne!(known, Payload::Other, "{kind}");
        assert!(!format!("{known:?}").contains("Misfit"), "the kit's payload fits: {known:?}");
        for form in forms {
            assert_eq!(variant(&read(kind, form)), variant(&known), "{kind} {form}");
        }
    }
}

#[test]
fn a_required_id_that_is_not_there_is_named() {
    for form in [r#"{"object":{"id":7}}"#, "null", r#"{"object":{"id":"a","id":"a"}}"#] {
        assert_eq!(
            read("order.created", form),
            Payload::OrderCreated(Err(Misfit { member: "id" })),
            "{form}"
        );
    }
    let payload = read("order_cancellation.confirmed", r#"{"object":{"id":"ore_1"}}"#);
    let Payload::OrderCancellationConfirmed(Err(misfit)) = payload else { panic!("{payload:?}") };
    assert_eq!(misfit.to_string(), "data.object of the event has no text order_id");
}

#[test]
fn the_genuine_body_of_2022_is_read() {
    let body = br#"{"created_at":"2022-01-08T18:44:56.129339Z","data":{"changes":{},"object":{}},"id":"eve_0000AFEsrBKZAcKgGtZCnQ","live_mode":false,"object":"order","type":"order.updated"}"#;
    let event = DuffelEvent::read(body).unwrap();
    assert_eq!((event.idempotency_key, event.api_version), (None, None));
    assert!(matches!(event.payload, Payload::OrderUpdated(change) if change.order_id.is_none()));
}

#[test]
fn members_that_the_receiver_does_not_read_cannot_make_an_event_unreadable() {
    for (envelope, created_at) in [
        (r#""created_at":"a","created_at":"b""#, None),
        (r#""created_at":7,"api_version":{}"#, None),
        (r#""created_at":"a","x":[1e999],"y":"\ud800""#, Some("a")),
    ] {
        let body = format!(
            r#"{{"id":"wev_1","type":"order.created",{envelope},"data":{{"object":{{"id":"ord_1"}}}}}}"#
        );
        let event = DuffelEvent::read(body.as_bytes()).unwrap();
        assert_eq!(event.created_at.as_deref(), created_at, "{body}");
        assert!(matches!(event.payload, Payload::OrderCreated(Ok(_))), "{body}");
    }
}

#[test]
fn a_body_that_is_no_event_is_other_with_the_reason() {
    for (body, untyped) in [
        ("nah", Untyped::NotJson),
        ("", Untyped::NotJson),
        ("[]", Untyped::NoType),
        (r#"{"type":7}"#, Untyped::NoType),
        (r#"{"type":"a","type":"b"}"#, Untyped::DuplicateKey),
    ] {
        let message =
            duffel_kit().event("order.created", "ord_1").unwrap().with_body(body).received().unwrap();
        assert!(message.event() == Event::Other(untyped), "{body}");
    }
}

#[test]
fn only_the_source_duffel_is_read_as_duffels_unless_asked() {
    let mut kit = Kit::new("duffel-test", Scheme::duffel(), "hush", noon()).unwrap();
    let message = kit.event("order.created", "ord_1").unwrap().received().unwrap();
    assert!(message.event() == Event::Other(Untyped::OtherSource));
    assert!(matches!(DuffelEvent::read(message.body()).unwrap().payload, Payload::OrderCreated(Ok(_))));
}
