//! The queues of a stack, a receiver before them, and the tables of a consumer, in `MiniStack`.

use std::{collections::BTreeMap, time::SystemTime};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use duffel_webhook_receiver::{deployment::Output, time::unix_seconds};
use uuid::Uuid;

use super::consumer::{Consumer, Running};
use crate::support::{
    ministack::{REGION, endpoint, sdk_config},
    serve::Serve,
    stack::{self, Deployed},
    test_receiver::{SECRET, duffel_header, event},
};

pub struct World {
    pub stack: Deployed,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub history: String,
    pub idempotency: String,
    receiver: Serve,
    url: String,
}

impl World {
    pub async fn new() -> Self {
        // Longer than the timeout of the functions.
        let parameters = [("VisibilityTimeout", "6"), ("MaxReceiveCount", "3")];
        let stack = Deployed::with("http://127.0.0.1:9/webhooks/duffel", &parameters).await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk_config().await);
        let [history, idempotency] =
            ["history", "idempotency"].map(|name| format!("{name}-{}", Uuid::new_v4()));
        create_table(&dynamodb, &history, "order").await;
        create_table(&dynamodb, &idempotency, "id").await;
        let (receiver, url) = receive(&stack, &stack);
        Self { stack, dynamodb, history, idempotency, receiver, url }
    }

    /// The same five minutes later, in which SQS drops messages that it has seen: with a new stack's queues, and the
    /// ledger and the tables of before.
    pub async fn later(&mut self) {
        let stack = Deployed::with("http://127.0.0.1:9/webhooks/duffel", &[]).await;
        (self.receiver, self.url) = receive(&stack, &self.stack);
        self.stack = stack;
    }

    /// Starts instances of a consumer that reach AWS at an address.
    pub async fn start_at(&self, consumer: Consumer, address: &str, instances: usize) -> Running {
        let mut variables = stack::variables().to_vec();
        variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
        variables.extend([
            ("AWS_ENDPOINT_URL", address),
            ("AWS_DEFAULT_REGION", REGION),
            ("QUEUE_URL", self.stack.output(Output::QueueUrl)),
            ("HISTORY_TABLE", &self.history),
            ("IDEMPOTENCY_TABLE", &self.idempotency),
        ]);
        consumer.start(&self.stack.sqs, &variables, instances).await
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
        let queue = self.stack.output(Output::QueueUrl);
        let request = self.stack.sqs.receive_message().queue_url(queue).visibility_timeout(0);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let received = request.message_attribute_names("All").send().await.unwrap();
        let message = &received.messages()[0];
        let request = self.stack.sqs.send_message().queue_url(queue).message_deduplication_id("another");
        let group = &message.attributes().unwrap()[&MessageSystemAttributeName::MessageGroupId];
        let request = request.message_group_id(group).message_body(message.body().unwrap());
        request.set_message_attributes(message.message_attributes.clone()).send().await.unwrap();
    }

    /// The number of messages in a queue, in flight or not.
    pub async fn number(&self, queue: Output) -> usize {
        use aws_sdk_sqs::types::QueueAttributeName::{
            All, ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
        };
        let request = self.stack.sqs.get_queue_attributes().queue_url(self.stack.output(queue));
        let attributes = request.attribute_names(All).send().await.unwrap().attributes.unwrap();
        let number = |name| attributes[&name].parse::<usize>().unwrap();
        number(ApproximateNumberOfMessages) + number(ApproximateNumberOfMessagesNotVisible)
    }

    /// The events of each order, in the order in which they were handled.
    pub async fn histories(&self) -> BTreeMap<String, Vec<String>> {
        let request = self.dynamodb.scan().table_name(&self.history).consistent_read(true);
        let items = request.send().await.unwrap().items.unwrap_or_default();
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        let history = |item: &std::collections::HashMap<String, AttributeValue>| {
            let events = item.get("events").map(|events| events.as_l().unwrap().iter().map(text).collect());
            (text(&item["order"]), events.unwrap_or_default())
        };
        items.iter().map(history).collect()
    }

    /// Makes the item of an order as large as `DynamoDB` allows, so that nothing can be added to it.
    pub async fn fill(&self, order: &str) {
        let filling = AttributeValue::S("x".repeat(400 * 1024 - 30));
        let request = self.dynamodb.put_item().table_name(&self.history);
        let request = request.item("order", AttributeValue::S(order.to_owned()));
        request.item("filling", filling).send().await.unwrap();
    }

    pub async fn delete(&self, table: &str, key: &str, value: &str) {
        let request = self.dynamodb.delete_item().table_name(table);
        request.key(key, AttributeValue::S(value.to_owned())).send().await.unwrap();
    }
}

/// A receiver that forwards to the queue of one stack, with the ledger of another.
fn receive(queue: &Deployed, ledger: &Deployed) -> (Serve, String) {
    let own = [
        ("QUEUE_URL", queue.output(Output::QueueUrl)),
        ("LEDGER_TABLE", ledger.output(Output::LedgerTableName)),
        ("WEBHOOK_SECRET", SECRET),
    ];
    let receiver = Serve::forward_with(&[&stack::variables()[..], &own].concat());
    let url = receiver.line("Receiving on ");
    (receiver, url)
}

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str, key: &str) {
    let schema = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash).build().unwrap();
    let kind = AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
    let request = dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    request.key_schema(schema).attribute_definitions(kind.build().unwrap()).send().await.unwrap();
}

pub fn created(id: &str, order: &str) -> String {
    event("order.created", id, order).replace("{}", &format!(r#"{{"id":"{order}"}}"#))
}

pub fn changed(id: &str, order: &str) -> String {
    event("air.order.changed", id, order).replace("{}", &format!(r#"{{"order_id":"{order}"}}"#))
}
