//! The documented consumers: `docs/consuming.md` quotes files that `examples.rs` runs, and the README's Lambda function
//! runs here.

use std::{fs, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::support::test_receiver::event;

/// The Python of a page.
fn python(page: &str) -> String {
    let text = fs::read_to_string(page).unwrap();
    let blocks: Vec<_> = text.split("```python\n").skip(1).collect();
    let [block] = blocks[..] else { panic!("{page} has one consumer, not {}", blocks.len()) };
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_page_for_consumers_quotes_the_examples() {
    let page = fs::read_to_string("docs/consuming.md").unwrap();
    for (language, path) in [("rust", "examples/first.rs"), ("python", "examples/python-poller/poller.py")] {
        let text = fs::read_to_string(path).unwrap();
        assert!(page.contains(&format!("```{language}\n{text}```")), "{path}");
    }
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
