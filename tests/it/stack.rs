//! The stack of `template.yaml` without its function and gateway, deployed to `MiniStack`.

use aws_sdk_cloudformation::types::StackStatus;
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_sdk_sqs::types::MessageAttributeValue;
use duffel_webhook_receiver::operator::{Output, Stack};
use serde_yaml_ng::Value;
use uuid::Uuid;

use crate::ministack::{self, sdk_config};

/// A stack that no other test uses.
pub struct Deployed {
    pub name: String,
    pub sqs: aws_sdk_sqs::Client,
    pub stack: Stack,
}

impl Deployed {
    /// Deploys what the template says, and tells another URL.
    pub async fn new(webhook_url: &str) -> Self {
        let mut template: Value = serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap();
        let whole = template.as_mapping_mut().unwrap();
        for part in ["Transform", "Rules", "Metadata"] {
            whole.remove(part).unwrap();
        }
        let kept = ["EventQueue", "DeadLetterQueue", "LedgerTable", "WebhookSecret"];
        let resources = template["Resources"].as_mapping_mut().unwrap();
        resources.retain(|name, _| kept.contains(&name.as_str().unwrap()));
        assert_eq!(resources.len(), kept.len());
        for (output, value) in [("WebhookUrl", webhook_url), ("FunctionName", "receiver")] {
            template["Outputs"][output]["Value"] = value.into();
        }

        let config = sdk_config().await;
        let name = format!("stack-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let client = aws_sdk_cloudformation::Client::new(&config);
        let body = serde_yaml_ng::to_string(&template).unwrap();
        client.create_stack().stack_name(&name).template_body(body).send().await.unwrap();
        let stack = loop {
            let stacks = client.describe_stacks().stack_name(&name).send().await.unwrap().stacks.unwrap();
            match stacks[0].stack_status().unwrap() {
                StackStatus::CreateInProgress => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                StackStatus::CreateComplete => break Stack::find(&config, &name).await.unwrap(),
                status => panic!("{status:?}: {:?}", stacks[0].stack_status_reason()),
            }
        };
        let deployed = Self { name, sqs: aws_sdk_sqs::Client::new(&config), stack };
        // MiniStack leaves this one property out.
        let expiry = &template["Resources"]["LedgerTable"]["Properties"]["TimeToLiveSpecification"];
        let expiry = TimeToLiveSpecification::builder()
            .attribute_name(expiry["AttributeName"].as_str().unwrap())
            .enabled(expiry["Enabled"].as_bool().unwrap());
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let request = dynamodb.update_time_to_live().table_name(deployed.output(Output::LedgerTableName));
        request.time_to_live_specification(expiry.build().unwrap()).send().await.unwrap();
        deployed
    }

    pub fn output(&self, output: Output) -> &str {
        self.stack.output(output).unwrap()
    }

    /// Puts an event into one of its queues, as the receiver would.
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

/// What a program needs in its environment to find AWS.
pub fn variables() -> [(&'static str, &'static str); 4] {
    [
        ("AWS_ENDPOINT_URL", ministack::endpoint()),
        ("AWS_REGION", ministack::REGION),
        ("AWS_ACCESS_KEY_ID", ministack::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", ministack::SECRET_KEY),
    ]
}
