//! The configuration at startup.

use std::process::ExitStatus;

use serde_json::{Value, json};

use super::{Delivery, Env};
use crate::support::{
    runtime_api::Function,
    snapshot,
    test_receiver::{self, ORDER_CREATED, SECRET},
};

const QUEUE: (&str, &str) = ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/events.fifo");

const TOPIC: (&str, &str) = ("TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:events.fifo");

/// The only line of a process that does not start.
async fn refusal(mut function: Function) -> String {
    let (status, lines): (ExitStatus, _) = function.exit().await;
    assert!(!status.success());
    assert_eq!(status.code(), Some(1), "{lines:?}");
    let [line] = lines.try_into().expect("one line");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR");
    line["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn all_configuration_errors_are_reported_together() {
    let variables = [
        ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/events"),
        ("TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:events"),
        ("WEBHOOK_SECRET", "planted,,"),
        ("DEDUP_WINDOW", "a fortnight"),
        ("SIGNATURE_TOLERANCE", "-1h"),
        ("EVENT_TYPES", "order.created,,ping.triggered"),
        ("LIVE_MODE", "production"),
        ("BASE_PATH", "in/"),
    ];
    let line = refusal(Function::start(variables).await).await;
    for (name, _) in variables {
        assert!(line.contains(name), "{name} is not in: {line}");
    }
    assert!(!line.contains("planted"), "{line}");
    // One error a line, for the reader of the snapshot.
    snapshot::assert("receiver-start-errors", &line.replace("; ", ";\n"));
}

#[tokio::test]
async fn each_configuration_error_names_its_variable() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:duffel-abcdef";
    let secret = ("WEBHOOK_SECRET", SECRET);
    for (name, variables) in [
        ("QUEUE_URL", vec![secret]),
        ("QUEUE_URL", vec![secret, ("QUEUE_URL", "events.fifo")]),
        ("TOPIC_ARN", vec![secret, QUEUE, TOPIC]),
        ("TOPIC_ARN", vec![secret, ("TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:events")]),
        ("WEBHOOK_SECRET", vec![QUEUE]),
        ("WEBHOOK_SECRET", vec![QUEUE, ("WEBHOOK_SECRET", "")]),
        ("WEBHOOK_SECRET", vec![QUEUE, ("WEBHOOK_SECRET", " \t")]),
        ("WEBHOOK_SECRET_ARN", vec![QUEUE, secret, ("WEBHOOK_SECRET_ARN", arn)]),
        ("WEBHOOK_SECRET_ARN", vec![QUEUE, ("WEBHOOK_SECRET_ARN", "duffel")]),
        ("SIGNATURE_TOLERANCE", vec![QUEUE, secret, ("DEDUP_WINDOW", "3d"), ("SIGNATURE_TOLERANCE", "73h")]),
        ("SIGNATURE_TOLERANCE", vec![QUEUE, secret, ("SIGNATURE_TOLERANCE", "8d")]),
        ("DEDUP_WINDOW", vec![QUEUE, secret, ("DEDUP_WINDOW", "7")]),
        ("EVENT_TYPES", vec![QUEUE, secret, ("EVENT_TYPES", ",")]),
        ("LIVE_MODE", vec![QUEUE, secret, ("LIVE_MODE", "Live")]),
        ("BASE_PATH", vec![QUEUE, secret, ("BASE_PATH", "/in/")]),
    ] {
        let line = refusal(Function::start(variables).await).await;
        assert!(line.contains(name), "{name} is not in: {line}");
        assert!(!line.contains(SECRET), "{line}");
    }
}

#[tokio::test]
async fn two_sources_with_one_secret_do_not_start() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:planted-abcdef";
    for (field, secret) in [("secret", "planted"), ("secret_arn", arn)] {
        let source = json!({ "scheme": "duffel", field: secret });
        let sources = json!({ "live": source, "test": source }).to_string();
        let line = refusal(Function::start([QUEUE, ("SOURCES", &sources)]).await).await;
        assert!(line.contains(&format!("test: {field} is that of live too")), "{line}");
        assert!(!line.contains("planted"), "{line}");
    }
}

#[tokio::test]
async fn configuration_error_quotes_the_value_unless_it_may_be_secret() {
    let sources = r#"{"crm":{"scheme":"nope","secret":"planted"}}"#;
    let line = refusal(Function::start([QUEUE, ("SOURCES", sources)]).await).await;
    assert!(line.contains(r#"SOURCES: crm: scheme "nope" is not known"#), "{line}");
    let variables =
        [QUEUE, ("WEBHOOK_SECRET_ARN", "planted"), ("LIVE_MODE", "production"), ("DEDUP_WINDOW", "soon")];
    let line = refusal(Function::start(variables).await).await;
    assert!(line.contains(r#"LIVE_MODE "production""#) && line.contains(r#"DEDUP_WINDOW "soon""#), "{line}");
    assert!(!line.contains("planted"), "{line}");
    // Text that is not JSON may be a secret.
    let line = refusal(Function::start([QUEUE, ("SOURCES", r#"{"crm":{"secret":"planted"#)]).await).await;
    assert!(line.contains("SOURCES") && !line.contains("planted"), "{line}");
}

#[tokio::test]
async fn without_a_table_only_the_queue_deduplicates_and_a_warning_is_logged() {
    let mut env = Env::with(&[("LEDGER_TABLE", "")]).await;
    for _ in 0..2 {
        assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await, test_receiver::answer(202, "accepted"));
    }
    assert_eq!(env.backend.messages().await.len(), 1);
    assert_eq!(env.proxy.calls().into_keys().collect::<Vec<_>>(), ["sqs:SendMessage"]);
    let warning: Value = serde_json::from_str(&env.function.lines()[0]).unwrap();
    assert_eq!(warning["level"], "WARN");
    assert!(warning["message"].as_str().unwrap().contains("LEDGER_TABLE"), "{warning}");
}
