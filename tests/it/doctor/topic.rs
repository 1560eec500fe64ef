//! `doctor` on a stack with a topic.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::QueueAttributeName;
use duffel_webhook_receiver::deployment::Output;
use serde_json::json;

use super::{Deployment, assert_only, found};
use crate::{
    subscribers::named,
    support::{
        ministack::sdk_config,
        proxy::{AwsFault, Proxy},
        tool::text,
    },
};

impl Deployment {
    async fn with_topic() -> Self {
        let deployment = Self::with(&[("FanOut", "topic")]).await;
        deployment.duffel.occur("order.created", &json!({ "id": "ord_1" }));
        deployment
    }

    /// The subscription of the stack's queue, with a client.
    async fn subscription(&self) -> (aws_sdk_sns::Client, String) {
        let sns = aws_sdk_sns::Client::new(&sdk_config().await);
        let topic = self.stack.output(Output::TopicArn);
        let listed = sns.list_subscriptions_by_topic().topic_arn(topic).send().await.unwrap();
        let arn = listed.subscriptions()[0].subscription_arn().unwrap().to_owned();
        (sns, arn)
    }

    async fn set(&self, name: &str, value: &str) {
        let (sns, arn) = self.subscription().await;
        let request = sns.set_subscription_attributes().subscription_arn(arn);
        request.attribute_name(name).attribute_value(value).send().await.unwrap();
    }
}

#[tokio::test]
async fn healthy_deployment_with_a_topic_passes_every_check() {
    let deployment = Deployment::with_topic().await;
    assert_eq!(deployment.found().await, (vec![], 0));
    let lines = text(&deployment.doctor().output().unwrap().stdout);
    for (check, seen) in [
        ("archive", "the topic keeps events for 14 days"),
        ("subscription", "the stack's queue gets every event, with raw delivery"),
        ("undeliverable", "none"),
    ] {
        assert!(lines.contains(&format!("OK    {check:14}  {seen}\n")), "{lines}");
    }
}

#[tokio::test]
async fn the_help_names_the_permissions_that_are_used() {
    let deployment = Deployment::with_topic().await;
    let proxy = Proxy::new().await;
    let mut doctor = deployment.doctor();
    doctor.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    assert_eq!(found(doctor).await, (vec![], 0));
    assert_eq!(proxy.calls().into_keys().collect::<BTreeSet<_>>(), named("doctor"));
}

#[tokio::test]
async fn subscription_that_loses_events_is_found() {
    let deployment = Deployment::with_topic().await;
    deployment.set("RawMessageDelivery", "false").await;
    assert_only(
        &deployment.found().await,
        "subscription",
        &["raw delivery is off", "deploy the stack again"],
    );
    deployment.set("RawMessageDelivery", "true").await;

    let url = deployment.stack.output(Output::QueueUrl);
    let request = deployment.stack.sqs.set_queue_attributes().queue_url(url);
    request.attributes(QueueAttributeName::Policy, "").send().await.unwrap();
    let says = ["does not allow the topic to send", "replay what the queue missed"];
    assert_only(&deployment.found().await, "subscription", &says);

    let (sns, arn) = deployment.subscription().await;
    sns.unsubscribe().subscription_arn(arn).send().await.unwrap();
    assert_only(&deployment.found().await, "subscription", &["does not subscribe to the topic"]);
}

#[tokio::test]
async fn filter_of_the_stacks_own_queue_is_a_warning() {
    let deployment = Deployment::with_topic().await;
    deployment.set("FilterPolicy", r#"{"source":["duffel"]}"#).await;
    let (not_ok, code) = deployment.found().await;
    assert!(not_ok.len() == 1 && not_ok[0].starts_with("subscription WARN it has a filter"), "{not_ok:#?}");
    assert_eq!(code, 0);
}

#[tokio::test]
async fn subscription_that_a_replay_has_paused_is_found() {
    const PAUSED: &str = "<GetSubscriptionAttributesResponse><GetSubscriptionAttributesResult><Attributes>\
        <entry><key>RawMessageDelivery</key><value>true</value></entry>\
        <entry><key>ReplayPolicy</key><value>{\"PointType\":\"Timestamp\",\"StartingPoint\":\"2026-01-31T12:00:00.000Z\",\
        \"EndingPoint\":\"2026-01-31T14:00:00.000Z\"}</value></entry>\
        <entry><key>ReplayStatus</key><value>Completed</value></entry></Attributes></GetSubscriptionAttributesResult>\
        </GetSubscriptionAttributesResponse>";
    let deployment = Deployment::with_topic().await;
    let proxy = Proxy::new().await;
    proxy.inject("sns:GetSubscriptionAttributes", [AwsFault::Answer(PAUSED)]);
    let mut doctor = deployment.doctor();
    doctor.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let (not_ok, code) = found(doctor).await;
    let seen = "subscription FAIL it is paused: a replay ended at 2026-01-31T14:00:00.000Z";
    assert!(
        not_ok[0].starts_with(seen) && not_ok[0].ends_with("--since 2026-01-31T14:00:00.000Z"),
        "{not_ok:#?}"
    );
    let no_queue = "undeliverable FAIL the subscription of the stack's queue has no dead-letter queue";
    assert!(not_ok.len() == 2 && not_ok[1].starts_with(no_queue), "{not_ok:#?}");
    assert_eq!(code, 1);
}

#[tokio::test]
async fn events_that_sns_could_not_deliver_are_found() {
    let deployment = Deployment::with_topic().await;
    let (sns, arn) = deployment.subscription().await;
    let answer = sns.get_subscription_attributes().subscription_arn(arn).send().await.unwrap();
    let policy = &answer.attributes.unwrap()["RedrivePolicy"];
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    let name = policy["deadLetterTargetArn"].as_str().unwrap().rsplit(':').next().unwrap();
    let (base, _) = deployment.stack.output(Output::QueueUrl).rsplit_once('/').unwrap();
    let request = deployment.stack.sqs.send_message().queue_url(format!("{base}/{name}")).message_body("{}");
    request.message_group_id("a").message_deduplication_id("a").send().await.unwrap();
    let command = format!("duffel-hooks subscribers --stack {}", deployment.stack.name);
    assert_only(
        &deployment.found().await,
        "undeliverable",
        &["1 event that SNS could not deliver", &command],
    );
}

#[tokio::test]
async fn topic_without_an_archive_is_found() {
    const BARE: &str = "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes></Attributes>\
        </GetTopicAttributesResult></GetTopicAttributesResponse>";
    let deployment = Deployment::with_topic().await;
    let proxy = Proxy::new().await;
    proxy.inject("sns:GetTopicAttributes", [AwsFault::Answer(BARE)]);
    let mut doctor = deployment.doctor();
    doctor.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    assert_only(&found(doctor).await, "archive", &["the topic has none"]);
}
