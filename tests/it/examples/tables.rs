//! The tables of the consumers of `examples/`, in `MiniStack`.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    },
};
use uuid::Uuid;

use crate::support::{
    ministack::{REGION, sdk_config},
    stack,
};

pub struct Tables {
    pub dynamodb: Client,
    pub history: String,
    pub idempotency: String,
}

impl Tables {
    pub async fn new() -> Self {
        let dynamodb = Client::new(&sdk_config().await);
        let [history, idempotency] =
            ["history", "idempotency"].map(|name| format!("{name}-{}", Uuid::new_v4()));
        create(&dynamodb, &history, "order").await;
        create(&dynamodb, &idempotency, "id").await;
        Self { dynamodb, history, idempotency }
    }

    /// The variables of a consumer.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        let mut variables = stack::variables().to_vec();
        variables.extend([
            ("AWS_DEFAULT_REGION", REGION),
            ("HISTORY_TABLE", &self.history),
            ("IDEMPOTENCY_TABLE", &self.idempotency),
        ]);
        variables
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

async fn create(dynamodb: &Client, name: &str, key: &str) {
    let schema = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash).build().unwrap();
    let kind = AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
    let request = dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    request.key_schema(schema).attribute_definitions(kind.build().unwrap()).send().await.unwrap();
}
