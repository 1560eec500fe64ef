//! The stack of `template.yaml` without its function and gateway, deployed to `MiniStack`.

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Parameter, StackStatus};
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use duffel_webhook_receiver::deployment::{Output, Stack};
use serde_yaml_ng::Value;
use uuid::Uuid;

use crate::support::ministack::{self, sdk_config};

/// A stack for one test.
pub struct Deployed {
    pub name: String,
    pub sqs: aws_sdk_sqs::Client,
    pub stack: Stack,
}

impl Deployed {
    /// Takes the messages off the queue, as a consumer does, and returns their number.
    pub async fn consume(&self) -> usize {
        let url = self.output(Output::QueueUrl);
        let mut taken = 0;
        loop {
            let request = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
            let messages = request.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return taken;
            }
            for message in messages {
                let request = self.sqs.delete_message().queue_url(url);
                request.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
                taken += 1;
            }
        }
    }

    /// Deploys the template, with another value of the output `WebhookUrl`.
    pub async fn new(webhook_url: &str) -> Self {
        Self::with(webhook_url, &[]).await
    }

    /// The same, with parameters.
    pub async fn with(webhook_url: &str, parameters: &[(&str, &str)]) -> Self {
        let template = template(webhook_url);
        let config = sdk_config().await;
        let name = format!("stack-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let stack = create(&config, &name, &template, parameters).await;
        assert_eq!(stack.stack_status, Some(StackStatus::CreateComplete), "{:?}", stack.stack_status_reason);
        let outputs = stack.outputs.unwrap_or_default().into_iter();
        let outputs =
            outputs.map(|output| (output.output_key.unwrap(), output.output_value.unwrap())).collect();
        let stack = Stack::find(&config, &name).await.unwrap();
        let deployed = Self { name, sqs: aws_sdk_sqs::Client::new(&config), stack };
        deployed.complete_topic(&config, &outputs).await;
        if parameters.iter().any(|(name, _)| *name == "LedgerTableName") {
            return deployed;
        }
        // MiniStack ignores this property.
        let expiry = &template["Resources"]["LedgerTable"]["Properties"]["TimeToLiveSpecification"];
        let expiry = TimeToLiveSpecification::builder()
            .attribute_name(expiry["AttributeName"].as_str().unwrap())
            .enabled(expiry["Enabled"].as_bool().unwrap());
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let request = dynamodb.update_time_to_live().table_name(deployed.output(Output::LedgerTableName));
        request.time_to_live_specification(expiry.build().unwrap()).send().await.unwrap();
        deployed
    }

    /// Adds to a stack with a topic what is left out: the policy of the queues, as a subscriber gives it to its own, and
    /// the archive, a property that `MiniStack` ignores.
    async fn complete_topic(&self, config: &SdkConfig, outputs: &HashMap<String, String>) {
        let Some(statement) = outputs.get("SubscriberStatement") else { return };
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        for queue in ["QueueUrl", "SubscriptionDeadLetterQueueUrl"] {
            let request = self.sqs.set_queue_attributes().queue_url(&outputs[queue]);
            request.attributes(QueueAttributeName::Policy, &policy).send().await.unwrap();
        }
        let request = aws_sdk_sns::Client::new(config).set_topic_attributes().topic_arn(&outputs["TopicArn"]);
        let request = request.attribute_name("ArchivePolicy");
        request.attribute_value(r#"{"MessageRetentionPeriod":"14"}"#).send().await.unwrap();
    }

    pub fn output(&self, output: Output) -> &str {
        self.stack.output(output).unwrap()
    }

    /// Sends an event to one of its queues, as the receiver does.
    pub async fn put(&self, queue: Output, key: &str, number: usize) {
        let attributes = [
            ("event_type", "order.created"),
            ("event_id", &format!("wev_{number}")),
            ("idempotency_key", key),
            ("received_at", "2026-11-21T12:00:00.123Z"),
        ];
        let mut request = self.sqs.send_message().queue_url(self.output(queue)).message_group_id(key);
        request = request.message_body(format!("body {number}")).message_deduplication_id(number.to_string());
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value);
            request = request.message_attributes(name, value.build().unwrap());
        }
        request.send().await.unwrap();
    }
}

/// The template without its function and gateway.
fn template(webhook_url: &str) -> Value {
    let mut template: Value = serde_yaml_ng::from_str(include_str!("../../../template.yaml")).unwrap();
    let whole = template.as_mapping_mut().unwrap();
    for part in ["Transform", "Rules", "Metadata"] {
        whole.remove(part).unwrap();
    }
    let kept = [
        &["EventQueue", "DeadLetterQueue", "LedgerTable", "WebhookSecret"][..],
        &["ApiLogGroup", "ReceiverLogGroup", "ReconcilerLogGroup"],
        // With FanOut=topic.
        &["EventTopic", "EventSubscription", "SubscriptionDeadLetterQueue"],
    ]
    .concat();
    let resources = template["Resources"].as_mapping_mut().unwrap();
    resources.retain(|name, _| kept.contains(&name.as_str().unwrap()));
    assert_eq!(resources.len(), kept.len());
    // The policy is left out: it names the receiver's role.
    resources["EventSubscription"].as_mapping_mut().unwrap().remove("DependsOn").unwrap();
    // Conditions of alarms and dashboard, which are left out; MiniStack cannot evaluate them.
    let conditions = template["Conditions"].as_mapping_mut().unwrap();
    for condition in ["InChina", "InGovCloud", "WatchDeadLetters", "WatchQueue"] {
        conditions.remove(condition).unwrap();
    }
    template["Outputs"].as_mapping_mut().unwrap().remove("DashboardUrl").unwrap();
    let values = [("WebhookUrl", webhook_url), ("ReceiverRoleArn", "role")];
    for (output, value) in values {
        template["Outputs"][output]["Value"] = value.into();
    }
    // `support/logs.rs` makes the group, and nothing makes the function; but the metrics of each test have a name of its own.
    for output in ["FunctionName", "ReceiverLogGroup"] {
        template["Outputs"][output]["Value"] = serde_yaml_ng::from_str("!Ref AWS::StackName").unwrap();
    }
    template
}

/// Creates a stack and waits until the creation has succeeded or failed.
pub async fn create(
    config: &SdkConfig,
    name: &str,
    template: &Value,
    parameters: &[(&str, &str)],
) -> aws_sdk_cloudformation::types::Stack {
    let client = aws_sdk_cloudformation::Client::new(config);
    let body = serde_yaml_ng::to_string(template).unwrap();
    let parameters = parameters
        .iter()
        .map(|(name, value)| Parameter::builder().parameter_key(*name).parameter_value(*value).build());
    let request = client.create_stack().stack_name(name).template_body(body);
    request.set_parameters(Some(parameters.collect())).send().await.unwrap();
    loop {
        let stacks = client.describe_stacks().stack_name(name).send().await.unwrap().stacks.unwrap();
        let stack = stacks.into_iter().next().unwrap();
        if !stack.stack_status.as_ref().unwrap().as_str().ends_with("_IN_PROGRESS") {
            return stack;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The queues, tables and secrets that a stack created and that still exist.
async fn left_of(config: &SdkConfig, name: &str) -> Vec<String> {
    let queues = aws_sdk_sqs::Client::new(config).list_queues().queue_name_prefix(name).send().await.unwrap();
    // Other tests create more of them than fit on a page.
    let tables = aws_sdk_dynamodb::Client::new(config).list_tables().into_paginator().items().send();
    let tables = tables.collect::<Result<Vec<_>, _>>().await.unwrap();
    let secrets = aws_sdk_secretsmanager::Client::new(config).list_secrets().into_paginator().send();
    let secrets = secrets.collect::<Result<Vec<_>, _>>().await.unwrap();
    let secrets = secrets.into_iter().flat_map(|page| page.secret_list.unwrap_or_default());
    let secrets = secrets.filter_map(|secret| secret.name);
    let all = queues.queue_urls.unwrap_or_default().into_iter().chain(tables).chain(secrets);
    all.filter(|it| it.contains(name)).collect()
}

#[tokio::test]
async fn a_stack_with_fan_out_has_a_topic_that_its_queue_is_subscribed_to() {
    let deployed = Deployed::with("http://127.0.0.1:9/webhooks/duffel", &[("FanOut", "topic")]).await;
    let config = sdk_config().await;
    let client = aws_sdk_cloudformation::Client::new(&config);
    let stacks = client.describe_stacks().stack_name(&deployed.name).send().await.unwrap().stacks.unwrap();
    let outputs = stacks[0].outputs();
    let output =
        |name| outputs.iter().find(|it| it.output_key() == Some(name)).unwrap().output_value().unwrap();
    let sns = aws_sdk_sns::Client::new(&config);
    let answer = sns.list_subscriptions_by_topic().topic_arn(output("TopicArn")).send().await.unwrap();
    let [subscription] = answer.subscriptions() else { panic!("one subscription") };
    assert_eq!(subscription.endpoint(), Some(output("QueueArn")));
    let arn = subscription.subscription_arn().unwrap();
    let answer = sns.get_subscription_attributes().subscription_arn(arn).send().await.unwrap();
    let attributes = answer.attributes.unwrap();
    assert_eq!(attributes["RawMessageDelivery"], "true");
    assert!(attributes["RedrivePolicy"].contains(output("SubscriptionDeadLetterQueueArn")), "{attributes:?}");
    assert!(output("SubscriberStatement").contains(output("TopicArn")));
}

#[tokio::test]
async fn data_outlives_a_stack_that_is_deleted_but_not_a_creation_that_fails() {
    let config = sdk_config().await;
    let client = aws_sdk_cloudformation::Client::new(&config);
    let name = format!("left-{}", &Uuid::new_v4().simple().to_string()[..8]);
    let complete = template("http://127.0.0.1:9/webhooks/duffel");
    let mut broken = complete.clone();
    let properties = serde_yaml_ng::from_str("{ FifoQueue: true, VisibilityTimeout: 43201 }").unwrap();
    let mut queue = complete["Resources"]["DeadLetterQueue"].clone();
    queue["Properties"] = properties;
    queue["DependsOn"] = vec!["EventQueue", "LedgerTable", "WebhookSecret"].into();
    broken["Resources"]["Broken"] = queue;
    let stack = create(&config, &name, &broken, &[]).await;
    assert_eq!(stack.stack_status, Some(StackStatus::RollbackComplete), "{:?}", stack.stack_status_reason);
    assert_eq!(left_of(&config, &name).await, [""; 0]);

    client.delete_stack().stack_name(&name).send().await.unwrap();
    let stack = create(&config, &name, &complete, &[]).await;
    assert_eq!(stack.stack_status, Some(StackStatus::CreateComplete), "{:?}", stack.stack_status_reason);
    let made = left_of(&config, &name).await;
    assert_eq!(made.len(), 4, "{made:?}");
    client.delete_stack().stack_name(&name).send().await.unwrap();
    while client.describe_stacks().stack_name(&name).send().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(left_of(&config, &name).await, made);
}

/// The variables with which a program finds AWS.
pub fn variables() -> [(&'static str, &'static str); 4] {
    [
        ("AWS_ENDPOINT_URL", ministack::endpoint()),
        ("AWS_REGION", ministack::REGION),
        ("AWS_ACCESS_KEY_ID", ministack::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", ministack::SECRET_KEY),
    ]
}
