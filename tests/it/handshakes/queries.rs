//! Challenges in the query of an unsigned request, and requests with HEAD.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::{Answer, Endpoint, request, signed, unauthorized};

fn meta() -> Endpoint {
    Endpoint::new(json!({ "handshake": "meta", "verify_token": "my token" }))
}

fn get(query: &str) -> Request<Bytes> {
    request("GET", query).body(Bytes::new()).unwrap()
}

fn not_allowed(allow: &str) -> Answer {
    Answer { allow: Some(allow.to_owned()), ..Answer::word(405, "method_not_allowed") }
}

const RIGHT: &str = "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=my%20token";

#[test]
fn challenge_of_meta_is_repeated_for_the_verify_token_only() {
    let meta = meta();
    for _ in 0..2 {
        assert_eq!(meta.send(get(RIGHT)), Answer::text("1158201444"));
    }
    assert_eq!(meta.send(get(&RIGHT.replace("%20", "+"))), Answer::text("1158201444"));
    for token in ["other", "", "my%20token%20", "My%20token", "my", "%ff", "my%20token&hub.verify_token=x"] {
        let query = RIGHT.replace("my%20token", token);
        assert_eq!(meta.send(get(&query)), unauthorized(), "{query}");
    }
    let without = "?hub.mode=subscribe&hub.challenge=1158201444";
    assert_eq!(meta.send(get(without)), unauthorized());
    for query in ["", "?", "?x=1", "?hub.mode=subscribe", &RIGHT.replace("subscribe", "unsubscribe")] {
        assert_eq!(meta.send(get(query)), not_allowed("GET, POST"), "{query}");
    }
    assert_eq!(meta.queued(), 0);
}

#[test]
fn challenge_is_bounded_and_never_html() {
    for endpoint in [meta(), Endpoint::new(json!({ "handshake": "dropbox" }))] {
        for challenge in [
            "",
            "%3Cscript%3Ealert(1)%3C/script%3E",
            "a%3Eb",
            "a%0d%0aSet-Cookie:%20x=y",
            "%00",
            "%c3%a9",
            "%ff",
            &"a".repeat(1025),
            "1&hub.challenge=2&challenge=2",
        ] {
            let query = format!(
                "?hub.mode=subscribe&hub.verify_token=my%20token&hub.challenge={challenge}&challenge={challenge}"
            );
            assert_eq!(endpoint.send(get(&query)), unauthorized(), "{challenge}");
        }
        assert_eq!(endpoint.queued(), 0);
    }
    let longest = "a".repeat(1024);
    let dropbox = Endpoint::new(json!({ "handshake": "dropbox" }));
    assert_eq!(dropbox.send(get(&format!("?challenge={longest}"))), Answer::text(&longest));
    // Only the type of the answer makes it harmless.
    assert_eq!(dropbox.send(get("?challenge=javascript:alert(1)")), Answer::text("javascript:alert(1)"));
    assert_eq!(dropbox.send(get("?challenge=v0:1795262400:{}")), Answer::text("v0:1795262400:{}"));
}

#[test]
fn challenge_of_microsoft_graph_comes_by_post_without_a_body() {
    let graph = Endpoint::new(json!({ "handshake": "microsoft-graph" }));
    let query = "?validationToken=Validation%3a+Testing+client+application+reachability%3b+Request-Id%3a+1-2";
    let post = |query: &str, body: &'static str| {
        request("POST", query).body(Bytes::from_static(body.as_bytes())).unwrap()
    };
    let text = "Validation: Testing client application reachability; Request-Id: 1-2";
    assert_eq!(graph.send(post(query, "")), Answer::text(text));
    assert_eq!(graph.send(post("?validationToken=%3Cb%3E", "")), unauthorized());
    assert_eq!(graph.send(post(query, "{}")), unauthorized(), "an unsigned body");
    assert_eq!(graph.send(get(query)), not_allowed("POST"));
    assert_eq!(graph.queued(), 0);
    // An event is not taken for a challenge because of the query.
    let mut event = signed(r#"{"id":1}"#);
    *event.uri_mut() = format!("/webhooks/it{query}").parse().unwrap();
    assert_eq!(graph.send(event), Answer::word(202, "accepted"));
    assert_eq!(graph.queued(), 1);
}

#[test]
fn head_is_answered_for_a_source_that_asks_for_it() {
    let head = || request("HEAD", "").body(Bytes::new()).unwrap();
    let trello = Endpoint::new(json!({ "handshake": "trello" }));
    assert_eq!(trello.send(head()), Answer::empty(200));
    assert_eq!(trello.send(get("")), not_allowed("HEAD, POST"));
    assert_eq!(Endpoint::plain().send(head()), not_allowed("POST"));
    assert_eq!(trello.queued(), 0);
}

#[test]
fn without_the_option_a_challenge_is_not_answered() {
    for fields in [json!({}), json!({ "handshake": "none" }), json!({ "handshake": "slack" })] {
        let endpoint = Endpoint::new(fields);
        for query in [RIGHT, "?challenge=x"] {
            assert_eq!(endpoint.send(get(query)), not_allowed("POST"), "{query}");
        }
        let post = request("POST", "?validationToken=x").body(Bytes::new()).unwrap();
        assert_eq!(endpoint.send(post), unauthorized());
        assert_eq!(endpoint.queued(), 0);
    }
}

#[test]
fn another_handshake_can_be_described() {
    let described: Value = json!({ "handshake": {
        "kind": "query", "method": "GET", "challenge": "echo", "requires": { "do": "check" },
        "verify_token_parameter": "token",
    }, "verify_token": "t" });
    let endpoint = Endpoint::new(described);
    assert_eq!(endpoint.send(get("?do=check&echo=x&token=t")), Answer::text("x"));
    assert_eq!(endpoint.send(get("?do=check&echo=x&token=u")), unauthorized());
    assert_eq!(endpoint.send(get("?do=other&echo=x&token=t")), not_allowed("GET, POST"));
}
