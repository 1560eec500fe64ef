//! The inspector beside a queue and a table in AWS.

use serde_json::{Value, json};

use super::Inspector;
use crate::support::{ministack::Backend, serve::Serve};

#[tokio::test]
async fn a_forwarded_message_is_shown_and_queue_and_ledger_are_said_to_be_in_aws() {
    let backend = Backend::new().await;
    let inspector = Inspector::of(Serve::forward(&backend, "hush"));
    let sent = inspector.sample("order.created");
    assert_eq!(sent["status"], 202, "{sent}");
    let repeated = inspector.send(&json!({ "delivery": 1, "as": "resigned" }));
    assert_eq!((&repeated["outcome"], &repeated["message"]), (&json!("duplicate"), &Value::Null));
    let messages = backend.messages().await;
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(sent["message"]["MessageId"], message.message_id().unwrap());
    assert_eq!(sent["message"]["Body"], message.body().unwrap());
    let attributes = message.message_attributes().unwrap();
    let shown = sent["message"]["MessageAttributes"].as_object().unwrap();
    assert_eq!(shown.len(), attributes.len());
    for (name, value) in attributes {
        assert_eq!(shown[name]["StringValue"], value.string_value().unwrap(), "{name}");
    }
    assert_eq!(sent["record"]["message_id"], sent["message"]["MessageId"]);
    let state = inspector.json("/inspector/state");
    let queue = json!({ "in_aws": true, "destination": backend.queue_url, "messages": [], "total": 1 });
    assert_eq!(state["queue"], queue);
    assert_eq!(state["ledger"], json!({ "in_aws": true, "records": [], "total": null }));
}
