//! The inspector beside a queue and a table in AWS.

use serde_json::{Value, json};

use super::Inspector;
use crate::support::{
    ministack::Backend,
    proxy::{AwsFault, Proxy},
    serve::Serve,
};

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
    let destination = &backend.queue_url;
    let queue =
        json!({ "in_aws": true, "destination": destination, "messages": [], "total": 1, "consumer": null });
    assert_eq!(state["queue"], queue);
    assert_eq!(state["ledger"], json!({ "in_aws": true, "records": [], "total": null }));
}

/// Returns the last step that was reached, and its result.
fn end(delivery: &Value) -> (Value, Value) {
    let steps = delivery["explanation"].as_array().unwrap();
    let reached = steps.iter().rfind(|step| step["result"] != "skipped").unwrap();
    (reached["step"].clone(), reached["result"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_aws_is_explained_at_its_step() {
    let (backend, proxy) = (Backend::new().await, Proxy::new().await);
    let variables =
        [&backend.variables()[..], &[("AWS_ENDPOINT_URL", &*proxy.endpoint), ("WEBHOOK_SECRET", "hush")]];
    let inspector = Inspector::of(Serve::forward_with(&variables.concat()));
    for (call, step, status, reason) in [
        ("dynamodb:GetItem", "ledger", 503, "not accepted, to be delivered again: the ledger failed"),
        (
            "sqs:SendMessage",
            "queue",
            503,
            "not accepted, to be delivered again: the queue or the topic failed",
        ),
        ("dynamodb:PutItem", "record", 202, "signature matched secret 1 of 1, label v2, "),
    ] {
        proxy.inject(call, [AwsFault::Refuse(400, "AccessDeniedException")]);
        let sent = inspector.sample("order.created");
        proxy.inject(call, [AwsFault::Fine]);
        assert_eq!(
            (&sent["status"], end(&sent)),
            (&json!(status), (json!(step), json!("failed"))),
            "{call}: {sent}"
        );
        assert!(sent["reason"].as_str().unwrap().starts_with(reason), "{call}: {}", sent["reason"]);
        assert_eq!(sent["message"].is_null(), status == 503, "{call}: {sent}");
    }
    let unrecorded = inspector.newest();
    assert_eq!(unrecorded["cause"], "unrecorded");
    assert!(
        unrecorded["reason"].as_str().unwrap().contains("; in the queue, but not recorded: "),
        "{unrecorded}"
    );
}

#[tokio::test]
async fn without_a_table_no_record_is_shown() {
    let backend = Backend::new().await;
    let mut variables = backend.variables().to_vec();
    variables.retain(|(name, _)| *name != "LEDGER_TABLE");
    variables.push(("WEBHOOK_SECRET", "hush"));
    let sent = Inspector::of(Serve::forward_with(&variables)).sample("order.created");
    assert_eq!((&sent["status"], &sent["record"]), (&json!(202), &Value::Null), "{sent}");
    let last = sent["explanation"].as_array().unwrap().last().unwrap();
    assert_eq!(last["text"], "not recorded: there is no table");
}
