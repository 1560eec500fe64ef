//! A receiver, the queue that it fills, and the tables of a consumer, in `MiniStack`.

use std::time::SystemTime;

use aws_sdk_cloudformation::types::StackStatus;
use aws_sdk_sqs::types::{
    MessageSystemAttributeName,
    QueueAttributeName::{
        All, ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, RedrivePolicy,
    },
};
use duffel_webhook_receiver::{deployment::Output, time::unix_seconds};
use serde_yaml_ng::Value;
use uuid::Uuid;

use super::{
    consumer::{Consumer, Running},
    tables::Tables,
};
use crate::support::{
    ministack::{endpoint, sdk_config},
    serve::Serve,
    stack::{self, Deployed},
    test_receiver::{SECRET, duffel_header, event},
    topic::Topic,
};

const NOWHERE: &str = "http://127.0.0.1:9/webhooks/duffel";

/// The time-out is longer than that of the functions.
const PARAMETERS: [(&str, &str); 2] = [("VisibilityTimeout", "12"), ("MaxReceiveCount", "3")];

/// The way of the events from the receiver to the consumer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The queue of the receiver's stack.
    Queue,
    /// A topic, and the queue of `examples/subscriber/template.yaml`.
    Topic,
}

/// The queue of a consumer.
pub struct Queue {
    pub url: String,
    pub dead_letters: String,
    /// The variables with which the receiver sends to it.
    destination: Vec<(&'static str, String)>,
}

pub struct World {
    way: Way,
    pub sqs: aws_sdk_sqs::Client,
    pub tables: Tables,
    pub queue: Queue,
    pub ledger: String,
    receiver: Serve,
    pub url: String,
}

impl World {
    pub async fn new(way: Way) -> Self {
        let stack = Deployed::with(NOWHERE, &PARAMETERS).await;
        let ledger = stack.output(Output::LedgerTableName).to_owned();
        let tables = Tables::new().await;
        let queue = if way == Way::Topic { subscribe().await } else { queue_of(&stack) };
        let (receiver, url) = receive(&queue, &ledger);
        Self { way, sqs: stack.sqs, tables, queue, ledger, receiver, url }
    }

    /// The same five minutes later, in which SQS and SNS drop messages that they have seen: with another queue, and the
    /// ledger and the tables of before.
    pub async fn later(&mut self) {
        self.queue = match self.way {
            Way::Queue => queue_of(&Deployed::with(NOWHERE, &PARAMETERS).await),
            Way::Topic => subscribe().await,
        };
        (self.receiver, self.url) = receive(&self.queue, &self.ledger);
    }

    /// Starts instances of a consumer that reach AWS at an address.
    pub async fn start_at(&self, consumer: Consumer, address: &str, instances: usize) -> Running {
        let mut variables = self.tables.variables();
        variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
        variables.extend([("AWS_ENDPOINT_URL", address), ("QUEUE_URL", &self.queue.url)]);
        consumer.start(&self.sqs, &variables, instances).await
    }

    pub async fn start(&self, consumer: Consumer, instances: usize) -> Running {
        self.start_at(consumer, endpoint(), instances).await
    }

    /// Delivers a body as Duffel does, and returns the status of the answer.
    pub fn deliver(&self, body: &str) -> u16 {
        let header = duffel_header(SECRET, "v2", unix_seconds(SystemTime::now()), body.as_bytes());
        ureq::post(&self.url).header("X-Duffel-Signature", header).send(body).unwrap().status().as_u16()
    }

    /// Sends the first message of the queue once more, as the receiver does after a crash between send and record.
    pub async fn repeat(&self) {
        let queue = &self.queue.url;
        let request = self.sqs.receive_message().queue_url(queue).visibility_timeout(0);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let received = request.message_attribute_names("All").send().await.unwrap();
        let message = &received.messages()[0];
        let request = self.sqs.send_message().queue_url(queue).message_deduplication_id("another");
        let group = &message.attributes().unwrap()[&MessageSystemAttributeName::MessageGroupId];
        let request = request.message_group_id(group).message_body(message.body().unwrap());
        request.set_message_attributes(message.message_attributes.clone()).send().await.unwrap();
    }

    /// The number of messages in a queue, in flight or not.
    pub async fn number(&self, queue: &str) -> usize {
        let request = self.sqs.get_queue_attributes().queue_url(queue);
        let attributes = request.attribute_names(All).send().await.unwrap().attributes.unwrap();
        let number = |name| attributes[&name].parse::<usize>().unwrap();
        number(ApproximateNumberOfMessages) + number(ApproximateNumberOfMessagesNotVisible)
    }

    /// Changes the number of receives after which a message is a dead letter.
    pub async fn give_up_after(&self, receives: u32) {
        let request =
            self.sqs.get_queue_attributes().queue_url(&self.queue.url).attribute_names(RedrivePolicy);
        let attributes = request.send().await.unwrap().attributes.unwrap();
        let mut policy: serde_json::Value = serde_json::from_str(&attributes[&RedrivePolicy]).unwrap();
        policy["maxReceiveCount"] = receives.into();
        let request = self.sqs.set_queue_attributes().queue_url(&self.queue.url);
        request.attributes(RedrivePolicy, policy.to_string()).send().await.unwrap();
    }
}

/// The queue of a receiver's stack.
fn queue_of(stack: &Deployed) -> Queue {
    let output = |output| stack.output(output).to_owned();
    let destination = vec![("QUEUE_URL", output(Output::QueueUrl))];
    Queue { url: output(Output::QueueUrl), dead_letters: output(Output::DeadLetterQueueUrl), destination }
}

/// The subscribing half of `examples/subscriber/template.yaml`, at a new topic.
async fn subscribe() -> Queue {
    let topic = Topic::new().await;
    let name = format!("subscriber-{}", Uuid::new_v4());
    let mut template: Value =
        serde_yaml_ng::from_str(include_str!("../../../examples/subscriber/template.yaml")).unwrap();
    for part in ["Transform", "Rules", "Metadata", "Outputs"] {
        template.as_mapping_mut().unwrap().remove(part).unwrap();
    }
    let kept = ["Queue", "DeadLetterQueue", "SubscriptionDeadLetterQueue", "QueuePolicy", "Subscription"];
    let resources = template["Resources"].as_mapping_mut().unwrap();
    resources.retain(|name, _| kept.contains(&name.as_str().unwrap()));
    assert_eq!(resources.len(), kept.len());
    let properties = &mut template["Resources"]["Queue"]["Properties"];
    properties["VisibilityTimeout"] = PARAMETERS[0].1.parse::<u64>().unwrap().into();
    properties["RedrivePolicy"]["maxReceiveCount"] = PARAMETERS[1].1.parse::<u64>().unwrap().into();
    let stack = stack::create(&sdk_config().await, &name, &template, &[("TopicArn", &topic.arn)]).await;
    assert_eq!(stack.stack_status, Some(StackStatus::CreateComplete), "{:?}", stack.stack_status_reason);
    let client = aws_sdk_cloudformation::Client::new(&sdk_config().await);
    let url = async |resource: &str| {
        let request = client.describe_stack_resource().stack_name(&name).logical_resource_id(resource);
        let resource = request.send().await.unwrap().stack_resource_detail.unwrap();
        resource.physical_resource_id.unwrap()
    };
    let destination = topic.variables().map(|(name, value)| (name, value.to_owned())).into();
    Queue { url: url("Queue").await, dead_letters: url("DeadLetterQueue").await, destination }
}

fn receive(queue: &Queue, ledger: &str) -> (Serve, String) {
    let mut variables = stack::variables().to_vec();
    variables.extend(queue.destination.iter().map(|(name, value)| (*name, value.as_str())));
    variables.extend([("LEDGER_TABLE", ledger), ("WEBHOOK_SECRET", SECRET)]);
    let receiver = Serve::forward_with(&variables);
    let url = receiver.line("Receiving on ");
    (receiver, url)
}

pub fn created(id: &str, order: &str) -> String {
    event("order.created", id, order).replace("{}", &format!(r#"{{"id":"{order}"}}"#))
}

pub fn changed(id: &str, order: &str) -> String {
    event("air.order.changed", id, order).replace("{}", &format!(r#"{{"order_id":"{order}"}}"#))
}
