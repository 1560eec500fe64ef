//! `duffel-hooks subscribers` and `replay --subscriber` on a stack with a topic in `MiniStack`.
//!
//! The emulator has no replay of an archive: the proxy answers as SNS documents it.

mod replay;

use std::{
    collections::BTreeSet,
    process::{Command, Output as Done},
};

use aws_sdk_sns::types::MessageAttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use duffel_webhook_receiver::deployment::Output;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    ministack::sdk_config,
    proxy::{AwsFault, Proxy},
    stack::{self, Deployed},
    tool::{self, assert_success, text},
};

/// A stack with a topic.
struct Env {
    stack: Deployed,
    sns: aws_sdk_sns::Client,
    proxy: Proxy,
}

impl Env {
    async fn new() -> Self {
        let stack = Deployed::with("http://127.0.0.1:9/webhooks/duffel", &[("FanOut", "topic")]).await;
        Self { stack, sns: aws_sdk_sns::Client::new(&sdk_config().await), proxy: Proxy::new().await }
    }

    fn topic(&self) -> &str {
        self.stack.output(Output::TopicArn)
    }

    /// The name of the stack's queue, the first subscriber.
    fn queue(&self) -> &str {
        self.stack.output(Output::QueueArn).rsplit(':').next().unwrap()
    }

    /// Subscribes an address with some attributes, and returns the subscription.
    async fn subscribe(&self, protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> String {
        let request = self.sns.subscribe().topic_arn(self.topic()).protocol(protocol).endpoint(endpoint);
        let request =
            attributes.iter().fold(request, |request, (name, value)| request.attributes(*name, *value));
        request.send().await.unwrap().subscription_arn.unwrap()
    }

    /// Creates a queue without a policy, and returns its ARN.
    async fn create_queue(&self, name: &str) -> String {
        let name = format!("{name}-{}.fifo", Uuid::new_v4().simple());
        let request = self.stack.sqs.create_queue().queue_name(&name);
        request.attributes(QueueAttributeName::FifoQueue, "true").send().await.unwrap();
        let (start, _) = self.stack.output(Output::QueueArn).rsplit_once(':').unwrap();
        format!("{start}:{name}")
    }

    async fn publish(&self, kind: &str) {
        let value = MessageAttributeValue::builder().data_type("String").string_value(kind).build().unwrap();
        let request = self.sns.publish().topic_arn(self.topic()).message("{}").message_group_id(kind);
        let request = request.message_deduplication_id(Uuid::new_v4().to_string());
        request.message_attributes("event_type", value).send().await.unwrap();
    }

    fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = tool::command(arguments);
        command.args(["--stack", &self.stack.name]).envs(stack::variables());
        command.env("AWS_ENDPOINT_URL", &self.proxy.endpoint);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Done {
        tool::run(self.tool(arguments)).await
    }

    /// What `subscribers --json` prints.
    async fn listed(&self) -> Vec<Value> {
        let done = self.run(&["subscribers", "--json"]).await;
        assert_success(&done);
        text(&done.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn seen(subscriber: &Value) -> Vec<&str> {
    let warnings = subscriber["warnings"].as_array().unwrap();
    warnings.iter().map(|warning| warning["seen"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn subscribers_are_listed_with_what_they_get_and_how_far_behind_they_are() {
    let env = Env::new().await;
    let orders = env.create_queue("orders").await;
    let filter = r#"{"event_type":[{"prefix":"order."}]}"#;
    let attributes = [("RawMessageDelivery", "true"), ("FilterPolicy", filter)];
    env.subscribe("sqs", &orders, &attributes).await;
    env.publish("order.created").await;
    env.publish("stays.booking.created").await;
    let [own, other] = env.listed().await.try_into().unwrap();
    assert_eq!((&own["gets"], &own["waiting"], &own["undeliverable"]), (&json!("all"), &json!(2), &json!(0)));
    assert_eq!((seen(&own), &own["raw"], &own["unread"]), (vec![], &json!(true), &json!([])));
    assert_eq!((&other["gets"], &other["waiting"]), (&json!("event_type order.*"), &json!(1)));
    assert_eq!(other["filter"], serde_json::from_str::<Value>(filter).unwrap());
    assert_eq!(other["dead_letter_queue"], Value::Null);
    let [policy, dead_letters] = seen(&other).try_into().unwrap();
    assert!(policy.contains("does not allow the topic to send"), "{policy}");
    assert!(dead_letters.contains("has no dead-letter queue"), "{dead_letters}");

    let done = env.run(&["subscribers"]).await;
    assert_success(&done);
    let out = text(&done.stdout);
    let lines: Vec<Vec<_>> = out
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect())
        .collect();
    assert_eq!(
        lines[0],
        ["QUEUE", "ACCOUNT", "GETS", "RAW", "WAITING", "IN FLIGHT", "OLDEST", "UNDELIVERABLE"]
    );
    assert_eq!(lines[1], [env.queue(), "000000000000", "all", "yes", "2", "0", "-", "0"]);
    let name = orders.rsplit(':').next().unwrap();
    assert_eq!(lines[2], [name, "000000000000", "event_type order.*", "yes", "1", "0", "-", "-"]);
    let replay = format!("duffel-hooks replay --stack {} --subscriber {name} --since WHEN", env.stack.name);
    assert!(out.contains(&format!("\n{name}: its access policy")) && out.contains(&replay), "{out}");
}

#[tokio::test]
async fn every_way_in_which_a_subscriber_loses_events_is_a_warning() {
    let env = Env::new().await;
    let lost = env.create_queue("lost").await;
    let standard = env.stack.output(Output::QueueArn).replace(env.queue(), "standard");
    env.stack.sqs.create_queue().queue_name("standard").send().await.unwrap();
    let redrive = json!({ "deadLetterTargetArn": lost }).to_string();
    env.subscribe("sqs", &standard, &[("RedrivePolicy", &redrive)]).await;
    let url = env.stack.output(Output::QueueUrl).replace(env.queue(), lost.rsplit(':').next().unwrap());
    let request = env.stack.sqs.send_message().queue_url(url).message_body("{}");
    request.message_group_id("a").message_deduplication_id("a").send().await.unwrap();
    let listed = env.listed().await;
    let warnings = seen(&listed[1]);
    for part in [
        "standard queue",
        "its access policy does not allow the topic to send",
        "raw delivery is off",
        "1 event that SNS could not deliver",
        "the access policy of its dead-letter queue lost-",
    ] {
        assert_eq!(warnings.iter().filter(|seen| seen.contains(part)).count(), 1, "{part}: {warnings:#?}");
    }
    assert_eq!((warnings.len(), &listed[1]["undeliverable"]), (5, &json!(1)));
    let fix = &listed[1]["warnings"][2]["fix"];
    assert!(
        fix.as_str().unwrap().contains("--attribute-name RawMessageDelivery --attribute-value true"),
        "{fix}"
    );
}

#[tokio::test]
async fn subscriber_in_another_account_is_listed_without_its_queue() {
    let env = Env::new().await;
    let foreign = "arn:aws:sqs:eu-west-1:111122223333:orders.fifo";
    env.subscribe("sqs", foreign, &[("RawMessageDelivery", "true")]).await;
    let other = &env.listed().await[1];
    assert_eq!(
        (&other["account"], &other["waiting"], &other["raw"]),
        (&json!("111122223333"), &Value::Null, &json!(true))
    );
    let reason = "it belongs to the account 111122223333";
    assert_eq!(other["unread"], json!([{ "queue": "orders.fifo", "reason": reason }]));
    let out = text(&env.run(&["subscribers"]).await.stdout);
    assert!(out.contains(&format!("\norders.fifo: not read, since {reason}\n")), "{out}");
}

#[tokio::test]
async fn what_may_not_be_read_is_named_and_the_rest_is_listed() {
    for (call, field, permission) in [
        (
            "sns:GetSubscriptionAttributes",
            "gets",
            "its subscription cannot be read: the permission sns:GetSubscriptionAttributes",
        ),
        ("sqs:GetQueueAttributes", "waiting", "the permission sqs:GetQueueAttributes is missing"),
        (
            "cloudwatch:GetMetricStatistics",
            "oldest_seconds",
            "the permission cloudwatch:GetMetricStatistics is missing",
        ),
    ] {
        let env = Env::new().await;
        // As SNS names it; the other services say AccessDenied.
        let error = if call.starts_with("sns:") { "AuthorizationError" } else { "AccessDeniedException" };
        env.proxy.inject(call, [AwsFault::Refuse(403, error)]);
        let [own] = env.listed().await.try_into().unwrap();
        assert!([&json!(""), &Value::Null].contains(&&own[field]), "{own}");
        assert!(own["unread"][0]["reason"].as_str().unwrap().contains(permission), "{own}");
        assert_eq!(seen(&own), [""; 0], "what is not known is no warning");
    }
}

#[tokio::test]
async fn subscription_that_is_not_confirmed_gets_nothing() {
    const LISTED: &str = "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions><member>\
        <SubscriptionArn>PendingConfirmation</SubscriptionArn><Owner>111122223333</Owner><Protocol>sqs</Protocol>\
        <Endpoint>arn:aws:sqs:eu-west-1:111122223333:orders.fifo</Endpoint></member></Subscriptions>\
        </ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>";
    let env = Env::new().await;
    env.proxy.inject("sns:ListSubscriptionsByTopic", [AwsFault::Answer(LISTED)]);
    let [pending] = env.listed().await.try_into().unwrap();
    assert_eq!((&pending["pending"], &pending["subscription"]), (&json!(true), &Value::Null));
    assert_eq!(pending["gets"], "nothing: not confirmed");
    assert!(seen(&pending)[0].contains("is not confirmed"), "{pending}");
    let refused = env.run(&["replay", "--subscriber", "orders.fifo", "--since", "1h"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("is not confirmed"), "{}", text(&refused.stderr));
}

#[tokio::test]
async fn stack_without_a_topic_has_one_consumer() {
    let stack = Deployed::new("http://127.0.0.1:9/webhooks/duffel").await;
    stack.put(Output::QueueUrl, "ord_1", 1).await;
    let run = |arguments: &[&str]| {
        let mut command = tool::command(arguments);
        command.args(["--stack", &stack.name]).envs(stack::variables()).output().unwrap()
    };
    let done = run(&["subscribers"]);
    assert_success(&done);
    assert!(text(&done.stderr).contains("its queue is one consumer"), "{}", text(&done.stderr));
    let (out, name) = (text(&done.stdout), stack.output(Output::QueueArn).rsplit(':').next().unwrap());
    assert!(out.lines().count() == 2 && out.contains(name), "{out}");
    let json: Value = serde_json::from_str(&text(&run(&["subscribers", "--json"]).stdout)).unwrap();
    assert_eq!((&json["waiting"], &json["subscription"], seen(&json)), (&json!(1), &Value::Null, vec![]));
    let refused = run(&["replay", "--subscriber", name, "--since", "1h"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("has no topic (FanOut)"), "{}", text(&refused.stderr));
}

/// The IAM actions that the help of a command names.
pub(crate) fn named(command: &str) -> BTreeSet<String> {
    let help = text(&tool::command([command, "--help"]).output().unwrap().stdout);
    let words = help.split(|c: char| c.is_whitespace() || c == ',');
    let is_action = |word: &&str| {
        word.starts_with(char::is_lowercase)
            && word.split_once(':').is_some_and(|(_, action)| action.starts_with(char::is_uppercase))
    };
    words.filter(is_action).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_help_of_subscribers_names_the_permissions_that_are_used() {
    let env = Env::new().await;
    env.listed().await;
    assert_eq!(env.proxy.calls().into_keys().collect::<BTreeSet<_>>(), named("subscribers"));
}
