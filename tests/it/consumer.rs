//! The README's consumer, word for word, on a queue that the receiver filled.

use std::{fs, process::Command};

use duffel_webhook_receiver::time::unix_seconds;
use serde_json::{Value, json};

use crate::{
    cli::Serve,
    support::{
        helpers::{SECRET, duffel_header, event},
        ministack::{self, Backend},
    },
};

/// The README's Python, and a script that runs it and prints what it did.
fn consumer() -> String {
    let readme = fs::read_to_string("README.md").unwrap();
    let blocks: Vec<_> = readme.split("```python\n").skip(1).collect();
    let [block] = blocks[..] else { panic!("the README has one consumer, not {}", blocks.len()) };
    let code = block.split("```").next().unwrap();
    format!("{code}\n{}", include_str!("../consumer/run.py"))
}

/// Delivers an event as Duffel does.
fn deliver(url: &str, body: &str) {
    let header = duffel_header(SECRET, "v2", unix_seconds(std::time::SystemTime::now()), body.as_bytes());
    let answer = ureq::post(url).header("X-Duffel-Signature", header).send(body).unwrap();
    assert_eq!(answer.status(), 202);
}

#[tokio::test]
async fn the_consumer_of_the_readme_loses_nothing_and_keeps_the_order_of_a_group() {
    let backend = Backend::new().await;
    let serve = Serve::forward(&backend, SECRET);
    let url = serve.line("Receiving on ");
    let changed = |id, key| event("air.order.changed", id, key);
    deliver(&url, &event("order.created", "wev_1", "ord_1").replace("{}", r#"{"id":"ord_1"}"#));
    deliver(&url, &changed("wev_2", "ord_1"));
    deliver(&url, &changed("wev_3", "ord_1"));
    // Legal in JSON, and not in a message.
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
        // wev_3 waits behind wev_2, which fails once; nobody else does.
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
