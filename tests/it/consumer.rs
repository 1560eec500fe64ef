//! The documented consumers, word for word: that of `docs/consuming.md` on a queue that the receiver filled, and the
//! README's Lambda function.

use std::{fs, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::time::unix_seconds;
use serde_json::{Value, json};

use crate::support::{
    ministack::{self, Backend},
    serve::Serve,
    test_receiver::{SECRET, duffel_header, event},
};

/// The Python of a page.
fn python(page: &str) -> String {
    let text = fs::read_to_string(page).unwrap();
    let blocks: Vec<_> = text.split("```python\n").skip(1).collect();
    let [block] = blocks[..] else { panic!("{page} has one consumer, not {}", blocks.len()) };
    block.split("```").next().unwrap().to_owned()
}

/// The page's Python, and a script that runs it and prints what it did.
fn consumer() -> String {
    format!("{}\n{}", python("docs/consuming.md"), include_str!("../consumer/run.py"))
}

/// Delivers an event as Duffel does.
fn deliver(url: &str, body: &str) {
    let header = duffel_header(SECRET, "v2", unix_seconds(std::time::SystemTime::now()), body.as_bytes());
    let answer = ureq::post(url).header("X-Duffel-Signature", header).send(body).unwrap();
    assert_eq!(answer.status(), 202);
}

#[tokio::test]
async fn the_documented_consumer_loses_nothing_and_keeps_the_order_of_a_group() {
    let backend = Backend::new().await;
    let serve = Serve::forward(&backend, SECRET);
    let url = serve.line("Receiving on ");
    let changed = |id, key| event("air.order.changed", id, key);
    deliver(&url, &event("order.created", "wev_1", "ord_1").replace("{}", r#"{"id":"ord_1"}"#));
    deliver(&url, &changed("wev_2", "ord_1"));
    deliver(&url, &changed("wev_3", "ord_1"));
    // Valid in JSON, but not in a message.
    deliver(&url, &changed("wev_4", "ord_2").replace("{}", "\"\u{fffe}\""));
    deliver(&url, &changed("wev_5", "ord_3"));

    let empty = Backend::new().await;
    let mut python = Command::new(ministack::python());
    python.args(["-c", &consumer(), &empty.queue_url, &backend.queue_url]).env_clear();
    python
        .envs(backend.variables())
        .env("AWS_DEFAULT_REGION", ministack::REGION)
        .env("NO_PROXY", "127.0.0.1");
    let done = tokio::task::spawn_blocking(move || python.output().unwrap()).await.unwrap();
    let errors = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{errors}");
    let did: Value = serde_json::from_slice(&done.stdout).unwrap();
    let expected = json!({
        "waits": [20],
        "empty": [],
        // wev_3 waits for wev_2, which fails once; no other event fails.
        "first": ["wev_1", "wev_2", "wev_4", "wev_5"],
        "second": ["wev_2", "wev_3"],
        // The same event under another message id.
        "repetition": ["wev_1"],
        "fetched": ["ord_1"],
        "left": 0,
    });
    assert_eq!(did, expected, "{errors}");
    assert_eq!(errors.matches("RuntimeError: wev_2").count(), 1, "the failure is logged: {errors}");
}

#[test]
fn the_readmes_lambda_function_decodes_bodies_and_skips_repetitions() {
    let record = |encoding: Option<&str>, identity: &str, body: &str| {
        let mut attributes = json!({ "identity": { "stringValue": identity, "dataType": "String" } });
        if let Some(encoding) = encoding {
            attributes["encoding"] = json!({ "stringValue": encoding, "dataType": "String" });
        }
        json!({ "body": body, "messageAttributes": attributes })
    };
    let order =
        |id: &str| event("order.created", "wev_1", id).replace("{}", &json!({ "id": id }).to_string());
    let batch = json!({ "Records": [
        record(None, "one", &order("ord_1")),
        record(Some("base64"), "two", &STANDARD.encode(order("ord_2"))),
        record(None, "one", &order("ord_1")),
        record(None, "three", &event("ping.triggered", "wev_3", "ord_3")),
    ]});
    let script = format!("{}\n{}", python("README.md"), include_str!("../consumer/handle.py"));
    let done = Command::new("python3").args(["-c", &script, &batch.to_string()]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "[\"ord_1\", \"ord_2\"]\n");
}
