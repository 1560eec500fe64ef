//! What identifies an event: the choices of `key`.

use std::time::Duration;

use bytes::Bytes;
use duffel_webhook_receiver::signature::{
    scheme::Scheme,
    sign::{Signing, sign},
};
use http::Request;

use super::{generic, key, post, receiver};
use crate::support::test_receiver::{TestReceiver, noon};

const SECRET: &str = "hush";

/// A receiver with a source that has this `key`.
fn with(key: &str) -> (TestReceiver, Scheme) {
    let scheme = generic(&format!(r#","type":{{"header":"X-Topic"}},"key":{key}"#));
    (receiver(&scheme, SECRET), scheme)
}

/// The words of the answers to deliveries, each with the value of `X-Id` and a body.
fn words(key_field: &str, deliveries: &[(&str, &str)]) -> Vec<String> {
    let (receiver, scheme) = with(key_field);
    let send = |(id, body): &(&str, &str)| receiver.send(request(&scheme, id, body), noon()).1;
    deliveries.iter().map(send).collect()
}

fn request(scheme: &Scheme, id: &str, body: &str) -> Request<Bytes> {
    let signed = sign(scheme, &key(scheme, SECRET), Signing::default(), body.as_bytes());
    let mut headers = signed.unwrap();
    headers.extend([("x-id".to_owned(), id.to_owned()), ("x-topic".to_owned(), "order".to_owned())]);
    post("it", &headers, body.as_bytes())
}

#[test]
fn a_pointer_names_an_event() {
    let deliveries = [("1", r#"{"id":1}"#), ("2", r#"{"id":1,"n":2}"#), ("1", r#"{"id":2}"#)];
    assert_eq!(words(r#""/id""#, &deliveries), ["accepted", "duplicate", "accepted"]);
}

#[test]
fn a_header_names_an_event_together_with_its_body() {
    let deliveries = [("1", "{}"), ("1", "{}"), ("2", "{}"), ("1", r#"{"a":1}"#)];
    let expected = ["accepted", "duplicate", "accepted", "accepted"];
    // Whoever holds one delivery must not be able to make another event a duplicate of it.
    assert_eq!(words(r#"{"header":"X-Id"}"#, &deliveries), expected);
}

#[test]
fn a_list_names_an_event_with_all_its_values() {
    let deliveries = [
        ("1", r#"{"id":1,"at":5}"#),
        ("1", r#"{"at":5,"id":1,"retry":true}"#),
        ("1", r#"{"id":1,"at":6}"#),
        ("1", r#"{"id":1}"#),
        ("1", r#"{"id":1,"at":null}"#),
        ("2", r#"{"id":1,"at":5}"#),
        ("1", r#"{"id":"1","at":5}"#),
    ];
    let all = ["accepted", "duplicate", "accepted", "accepted", "duplicate", "accepted", "accepted"];
    assert_eq!(words(r#"["/id","/at",{"header":"X-Id"}]"#, &deliveries), all);
    let signed = ["accepted", "duplicate", "accepted", "accepted", "duplicate", "duplicate", "accepted"];
    assert_eq!(words(r#"["/id","/at"]"#, &deliveries), signed);
}

#[test]
fn without_any_value_of_a_list_the_body_names_an_event() {
    let deliveries = [("1", r#"{"x":1}"#), ("1", r#"{"x":2}"#), ("1", r#"{"x":1}"#), ("1", "no JSON")];
    assert_eq!(words(r#"["/id","/at"]"#, &deliveries), ["accepted", "accepted", "duplicate", "accepted"]);
}

#[test]
fn a_value_that_is_there_twice_is_refused() {
    assert_eq!(words(r#"["/id","/at"]"#, &[("1", r#"{"at":1,"at":2}"#)]), ["malformed"]);
}

#[test]
fn the_body_names_an_event() {
    let deliveries = [("1", r#"{"id":1}"#), ("2", r#"{"id":1}"#), ("1", r#"{"id":1,"n":2}"#)];
    assert_eq!(words(r#""body""#, &deliveries), ["accepted", "duplicate", "accepted"]);
}

#[test]
fn with_none_each_delivery_is_an_event() {
    let (receiver, scheme) = with(r#""none""#);
    let send = |milliseconds| {
        let now = noon() + Duration::from_millis(milliseconds);
        receiver.send(request(&scheme, "1", "{}"), now).1
    };
    assert_eq!([send(0), send(1), send(3000)], ["accepted"; 3]);
    let messages = receiver.queued();
    let identity = |index: usize| messages[index]["MessageAttributes"]["identity"]["StringValue"].clone();
    assert!(identity(0) != identity(1) && identity(1) != identity(2));
}

#[test]
fn the_key_is_an_attribute_of_the_message() {
    let (receiver, scheme) = with(r#"["/id","/at"]"#);
    assert_eq!(receiver.send(request(&scheme, "1", r#"{"id":"a","at":5}"#), noon()).0, 202);
    let attributes = &receiver.queued()[0]["MessageAttributes"];
    assert_eq!(attributes["idempotency_key"]["StringValue"], r#"["a",5]"#);
    assert_eq!(attributes["event_type"]["StringValue"], "order");
}
