//! What the environment may say, where the secrets come from, and what is not asked of AWS.

use std::process::ExitStatus;

use serde_json::Value;

use super::{Delivery, Stage, function};
use crate::{
    helpers::{self, ORDER_CREATED, SECRET},
    ministack::Backend,
    proxy::{Fault, Proxy},
    runtime_api::Function,
};

const GET_SECRET: &str = "secretsmanager:GetSecretValue";
const QUEUE: (&str, &str) = ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/events.fifo");

/// The one line that a process says which does not start.
async fn refusal(mut function: Function) -> String {
    let (status, lines): (ExitStatus, _) = function.exit().await;
    assert!(!status.success());
    assert_eq!(status.code(), Some(1), "{lines:?}");
    let [line] = lines.try_into().expect("one line");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR");
    line["message"].as_str().unwrap().to_owned()
}

/// A stage whose secret lies in Secrets Manager, with all the values it has had.
async fn stage_with_secrets(values: &[&str]) -> Stage {
    let backend = Backend::new().await;
    let arn = backend.create_secret(Some(values[0])).await;
    for value in &values[1..] {
        backend.put_secret(&arn, value).await;
    }
    Stage::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await
}

/// The status a delivery gets that was signed with a secret; each is another event.
async fn status(stage: &Stage, secret: &str) -> u16 {
    let body = helpers::event("order.created", "wev_1", &format!("ord_{}", hex::encode(secret)));
    stage.deliver(&Delivery::new(body).signed_with(secret)).await.0
}

#[tokio::test]
async fn a_stored_secret_is_a_plain_string() {
    let stage = stage_with_secrets(&["54vFWvaSbbzYpxXPeB4YEw==\n"]).await;
    assert_eq!(status(&stage, SECRET).await, 202);
    assert_eq!(status(&stage, "another").await, 401);
}

#[tokio::test]
async fn a_stored_secret_is_a_list() {
    let stage = stage_with_secrets(&[r#" ["first, with a comma", "second"]"#]).await;
    assert_eq!(status(&stage, "first, with a comma").await, 202);
    assert_eq!(status(&stage, "second").await, 202);
    assert_eq!(status(&stage, "third").await, 401);
}

#[tokio::test]
async fn the_current_secret_and_the_previous_are_active_and_none_before() {
    let stage = stage_with_secrets(&["oldest", "previous", r#"["current"]"#]).await;
    assert_eq!(status(&stage, "current").await, 202);
    assert_eq!(status(&stage, "previous").await, 202);
    assert_eq!(status(&stage, "oldest").await, 401);
}

#[tokio::test]
async fn given_secrets_are_all_active() {
    let stage = Stage::of(Backend::new().await, &[("WEBHOOK_SECRET", " first ,second\n")]).await;
    assert_eq!(status(&stage, "first").await, 202);
    assert_eq!(status(&stage, "second").await, 202);
    assert_eq!(status(&stage, "first ,second").await, 401);
}

#[tokio::test]
async fn a_stored_secret_that_can_be_none_is_named_and_not_shown() {
    let (backend, proxy) = (Backend::new().await, Proxy::new().await);
    for value in [
        None,
        Some(" \n"),
        Some(r#"{"secret":"planted"}"#),
        Some("[]"),
        Some(r#"["planted",""]"#),
        Some(r#"["planted",7]"#),
        Some(r#"["planted""#),
    ] {
        let arn = backend.create_secret(value).await;
        let line = refusal(function(&backend, &proxy, &[("WEBHOOK_SECRET_ARN", &arn)]).await).await;
        assert!(line.contains("WEBHOOK_SECRET_ARN"), "{value:?}: {line}");
        assert!(!line.contains("planted"), "{value:?}: {line}");
    }
    let nowhere = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:nowhere-abcdef";
    let line = refusal(function(&backend, &proxy, &[("WEBHOOK_SECRET_ARN", nowhere)]).await).await;
    assert!(line.contains("WEBHOOK_SECRET_ARN"), "{line}");
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_a_start_up_error_in_time() {
    let (backend, proxy) = (Backend::new().await, Proxy::new().await);
    let arn = backend.create_secret(Some(SECRET)).await;
    for fault in [Fault::Hang, Fault::Close, Fault::Refuse(400, "AccessDeniedException")] {
        proxy.inject(GET_SECRET, [fault]);
        let line = refusal(function(&backend, &proxy, &[("WEBHOOK_SECRET_ARN", &arn)]).await).await;
        assert!(line.contains("WEBHOOK_SECRET_ARN"), "{fault:?}: {line}");
    }
    proxy.inject(GET_SECRET, [Fault::Close, Fault::Refuse(400, "ThrottlingException"), Fault::None]);
    let function = function(&backend, &proxy, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
    assert_eq!(super::answer(function.invoke(Delivery::new(ORDER_CREATED).event()).await).status, 202);
}

#[tokio::test]
async fn every_mistake_in_the_environment_is_named_at_once() {
    let variables = [
        ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/events"),
        ("WEBHOOK_SECRET", "planted,,"),
        ("DEDUP_WINDOW", "a fortnight"),
        ("SIGNATURE_TOLERANCE", "-1h"),
        ("EVENT_TYPES", "order.created,,ping.triggered"),
        ("LIVE_MODE", "production"),
    ];
    let line = refusal(Function::start(variables).await).await;
    for (name, _) in variables {
        assert!(line.contains(name), "{name} is not in: {line}");
    }
    assert!(!line.contains("planted"), "{line}");
}

#[tokio::test]
async fn each_mistake_in_the_environment_is_named_alone() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:duffel-abcdef";
    let secret = ("WEBHOOK_SECRET", SECRET);
    for (name, variables) in [
        ("QUEUE_URL", vec![secret]),
        ("QUEUE_URL", vec![secret, ("QUEUE_URL", "events.fifo")]),
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
    ] {
        let line = refusal(Function::start(variables).await).await;
        assert!(line.contains(name), "{name} is not in: {line}");
        assert!(!line.contains(SECRET), "{line}");
    }
}

#[tokio::test]
async fn without_a_table_the_queue_is_the_only_memory_and_the_log_says_so() {
    let mut stage = Stage::with(&[("LEDGER_TABLE", "")]).await;
    for _ in 0..2 {
        assert_eq!(stage.deliver(&Delivery::new(ORDER_CREATED)).await, helpers::answer(202, "accepted"));
    }
    assert_eq!(stage.backend.messages().await.len(), 1);
    assert_eq!(stage.proxy.calls().into_keys().collect::<Vec<_>>(), ["sqs:SendMessage"]);
    let warning: Value = serde_json::from_str(&stage.function.lines()[0]).unwrap();
    assert_eq!(warning["level"], "WARN");
    assert!(warning["message"].as_str().unwrap().contains("LEDGER_TABLE"), "{warning}");
}
