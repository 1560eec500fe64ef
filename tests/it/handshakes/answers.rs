//! The form of a source's answers.

use bytes::Bytes;
use serde_json::json;

use super::{Answer, Endpoint, request, signed, unauthorized, unsigned};
use crate::support::fault::Fault;

const EVENT: &str = r#"{"id":1,"type":"invoice.paid"}"#;

#[test]
fn status_is_that_of_the_source_for_what_needs_no_retry() {
    for status in [200, 201, 202] {
        let fields = json!({ "answer": { "status": status }, "event_types": "invoice.*" });
        let endpoint = Endpoint::new(fields);
        assert_eq!(endpoint.send(signed(EVENT)), Answer::word(status, "accepted"));
        assert_eq!(endpoint.send(signed(EVENT)), Answer::word(status, "duplicate"));
        let other = EVENT.replace("invoice", "quote");
        assert_eq!(endpoint.send(signed(&other)), Answer::word(status, "ignored"));
        assert_eq!(endpoint.send(unsigned(EVENT)), unauthorized());
        assert_eq!(endpoint.send(signed("")), Answer::word(400, "malformed"));
        assert_eq!(endpoint.queued(), 1);
    }
}

#[test]
fn status_204_has_no_body() {
    let endpoint = Endpoint::new(json!({ "answer": { "status": 204 } }));
    assert_eq!(endpoint.send(signed(EVENT)), Answer::empty(204));
    assert_eq!(endpoint.send(unsigned(EVENT)), unauthorized());
}

#[test]
fn empty_answers_have_the_usual_status() {
    let endpoint = Endpoint::new(json!({ "answer": { "body": "empty" }, "event_types": "invoice.*" }));
    assert_eq!(endpoint.send(signed(EVENT)), Answer::empty(202));
    assert_eq!(endpoint.send(signed(EVENT)), Answer::empty(200));
    assert_eq!(endpoint.send(unsigned(EVENT)), Answer::empty(401));
    assert_eq!(endpoint.send(signed("")), Answer::empty(400));
    let get = request("GET", "").body(Bytes::new()).unwrap();
    let allow = Some("POST".to_owned());
    assert_eq!(endpoint.send(get), Answer { allow, ..Answer::empty(405) });
    let elsewhere = http::Request::post("/webhooks/other").body(Bytes::new()).unwrap();
    assert_eq!(endpoint.send(elsewhere), Answer::word(404, "not_found"));
}

#[test]
fn failure_is_never_acknowledged() {
    let endpoint = Endpoint::new(json!({ "answer": { "status": 200, "body": "empty" } }));
    endpoint.0.queue().inject(Fault::Down, 1);
    assert_eq!(endpoint.send(signed(EVENT)), Answer::empty(503));
    assert_eq!(endpoint.queued(), 0);
    assert_eq!(endpoint.send(signed(EVENT)), Answer::empty(200));
    assert_eq!(endpoint.queued(), 1);
}

#[test]
fn reply_to_a_handshake_is_not_emptied() {
    let fields = json!({ "answer": { "status": 204, "body": "empty" }, "handshake": "dropbox" });
    let get = request("GET", "?challenge=x").body(Bytes::new()).unwrap();
    assert_eq!(Endpoint::new(fields).send(get), Answer::text("x"));
}
