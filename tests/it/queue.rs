//! `queue show` on a stack in `MiniStack`, which has no figures: the proxy answers for `CloudWatch`.

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use duffel_webhook_receiver::deployment::Output;
use serde_json::Value;

use crate::support::{
    proxy::{AwsFault, Proxy},
    snapshot,
    stack::{self, Deployed},
    tool::{self, Done},
};

const NOWHERE: &str = "http://127.0.0.1:9/webhooks/duffel";

const NONE: AwsFault = AwsFault::Answer(r#"{"Datapoints":[]}"#);
const OLD: AwsFault = AwsFault::Answer(r#"{"Datapoints":[{"Timestamp":1795262400,"Maximum":1200}]}"#);
const FIVE: AwsFault =
    AwsFault::Answer(r#"{"Datapoints":[{"Timestamp":1795262400,"Sum":3},{"Timestamp":1795262700,"Sum":2}]}"#);

/// A stack with four events: three about one order, one about another. And a proxy before AWS.
async fn with_four_events(parameters: &[(&str, &str)]) -> (Deployed, Proxy) {
    let stack = Deployed::with(NOWHERE, parameters).await;
    for (number, key) in ["ord_a", "ord_a", "ord_b", "ord_a"].into_iter().enumerate() {
        stack.put(Output::QueueUrl, key, number).await;
    }
    (stack, Proxy::new().await)
}

async fn show(stack: &Deployed, proxy: &Proxy, figures: [AwsFault; 3], arguments: &[&str]) -> Done {
    proxy.inject("cloudwatch:GetMetricStatistics", figures);
    let mut command = tool::command(["queue", "show", "--stack", &stack.name]);
    command.args(arguments).envs(stack::variables()).env("AWS_ENDPOINT_URL", &proxy.endpoint);
    Done::of(&tool::run(command).await)
}

/// How often the first message was received, this time included.
async fn receives(stack: &Deployed) -> String {
    let request = stack.sqs.receive_message().queue_url(stack.output(Output::QueueUrl));
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let received = request.message_system_attribute_names(count.clone()).send().await.unwrap();
    received.messages()[0].attributes().unwrap()[&count].clone()
}

#[tokio::test]
async fn a_queue_that_nobody_consumes_is_named() {
    let (stack, proxy) = with_four_events(&[]).await;
    let done = show(&stack, &proxy, [OLD, NONE, NONE], &[]).await;
    assert_eq!((done.code, &*done.err), (0, ""), "{}", done.out);
    snapshot::assert("queue-not-consumed", &done.out);
    assert!(!proxy.calls().contains_key("sqs:ReceiveMessage"));
    assert_eq!(receives(&stack).await, "1", "a look without --peek counts as a receive");
}

#[tokio::test]
async fn consumers_that_work_and_consumers_that_fail_are_distinguished() {
    let (stack, proxy) = with_four_events(&[]).await;
    let done = show(&stack, &proxy, [OLD, FIVE, FIVE], &[]).await;
    assert!(done.out.contains("last hour  5 received, 5 deleted\n"), "{}", done.out);
    assert!(
        done.out.ends_with("Consumers process 5 messages an hour. At that rate, what waits takes 48 min.\n")
    );
    let done = show(&stack, &proxy, [OLD, FIVE, NONE], &[]).await;
    assert!(done.out.contains("Consumers fail: 5 receives in the last hour, and no message was deleted."));
    assert!(
        done.out.ends_with(&format!("    duffel-hooks dlq show --stack {}\n", stack.name)),
        "{}",
        done.out
    );
}

#[tokio::test]
async fn a_look_shows_messages_and_releases_them() {
    let (stack, proxy) = with_four_events(&[]).await;
    let done = show(&stack, &proxy, [NONE; 3], &["--peek"]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(
        done.err,
        "A look at a message counts as one of the 5 receives after which it becomes a dead letter.\n"
    );
    let lines: Vec<_> = done.out.lines().skip_while(|line| !line.starts_with("TYPE")).collect();
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(cells(lines[0]), ["TYPE", "ID", "GROUP", "AGE", "RECEIVES", "BYTES"]);
    assert_eq!(cells(lines[1])[..3], ["order.created", "wev_0", "ord_a"]);
    assert!(lines[1].ends_with("1         6"), "{}", lines[1]);
    assert_eq!(lines[5..7], ["", "4 messages of 2 groups"]);
    assert_eq!(receives(&stack).await, "2", "received once by the look, and now");

    let done = show(&stack, &proxy, [NONE; 3], &["--peek", "--limit", "2"]).await;
    assert!(done.out.contains("; 3 more: beyond --limit, in flight, or behind"), "{}", done.out);
}

#[tokio::test]
async fn a_look_that_would_make_dead_letters_is_refused() {
    let (stack, proxy) = with_four_events(&[]).await;
    let (url, arn) = (stack.output(Output::QueueUrl), stack.output(Output::DeadLetterQueueArn));
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1"}}"#);
    let request = stack.sqs.set_queue_attributes().queue_url(url);
    request.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.unwrap();
    let done = show(&stack, &proxy, [NONE; 3], &["--peek"]).await;
    done.assert_failed(1, "MaxReceiveCount is 1");
    assert!(!proxy.calls().contains_key("sqs:ReceiveMessage"));
}

#[tokio::test]
async fn the_json_has_figures_state_and_messages() {
    let (stack, proxy) = with_four_events(&[]).await;
    let done = show(&stack, &proxy, [OLD, NONE, NONE], &["--json", "--peek"]).await;
    let shown: Value = serde_json::from_str(&done.out).unwrap();
    let state = [&shown["waiting"], &shown["oldest_seconds"], &shown["received"], &shown["state"]];
    assert_eq!(state, [&4.into(), &1200.into(), &Value::Null, &"not_consumed".into()]);
    assert_eq!(shown["messages"].as_array().unwrap().len(), 4);
    assert_eq!(shown["messages"][2]["Attributes"]["MessageGroupId"], "ord_b");
    let arn = stack.output(Output::QueueArn);
    assert_eq!(shown["command"], format!("aws lambda list-event-source-mappings --event-source-arn {arn}"));
    let done = show(&stack, &proxy, [NONE; 3], &["--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&done.out).unwrap()["messages"], Value::Null);
}

#[tokio::test]
async fn without_the_permission_for_figures_the_numbers_are_shown() {
    let (stack, proxy) = with_four_events(&[]).await;
    let denied = AwsFault::Refuse(400, "AccessDeniedException");
    let done = show(&stack, &proxy, [denied; 3], &[]).await;
    assert!(done.code == 0 && done.out.contains("waiting    4\n"), "{}", done.out);
    assert!(done.err.contains("its figures: the permission cloudwatch:GetMetricStatistics is missing"));
    assert!(!done.out.contains("consume"), "nothing is known of consumers: {}", done.out);
}
