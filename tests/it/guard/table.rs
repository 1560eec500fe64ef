//! A table of the guard in `MiniStack`.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};
use duffel_webhook_receiver::consume::guard::{Dynamo, Guard, Record, Status};
use uuid::Uuid;

use crate::support::{ministack::sdk_config, proxy::Proxy};

pub const LEASE: Duration = Duration::from_secs(60);
pub const RETENTION: Duration = Duration::from_secs(3600);
pub const CONSUMER: &str = "bookings";

pub struct Table {
    pub client: Client,
    pub name: String,
}

impl Table {
    pub async fn new() -> Self {
        let client = Client::new(&sdk_config().await);
        let name = Uuid::new_v4().to_string();
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
        let kind = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let request = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        request.key_schema(key).attribute_definitions(kind.build().unwrap()).send().await.unwrap();
        let ttl =
            TimeToLiveSpecification::builder().attribute_name("expiration").enabled(true).build().unwrap();
        client.update_time_to_live().table_name(&name).time_to_live_specification(ttl).send().await.unwrap();
        Self { client, name }
    }

    pub fn guard(&self) -> Guard<Dynamo> {
        self.guard_with(self.client.clone())
    }

    /// A guard whose calls pass a proxy. Its client gives up after 1 s, and tries each call twice.
    pub async fn guard_behind(&self, proxy: &Proxy) -> Guard<Dynamo> {
        let limits = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(1)).build();
        let retries =
            RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1));
        let config = Builder::from(&sdk_config().await).endpoint_url(&proxy.endpoint);
        self.guard_with(Client::from_conf(config.timeout_config(limits).retry_config(retries).build()))
    }

    fn guard_with(&self, client: Client) -> Guard<Dynamo> {
        let store = Dynamo::new(client, &self.name, CONSUMER);
        Guard { store, lease: LEASE, retention: RETENTION }
    }

    /// The record of an event.
    pub async fn record(&self, identity: &str) -> Option<Record> {
        let key = AttributeValue::S(format!("{CONSUMER}#{identity}"));
        let request = self.client.get_item().table_name(&self.name).key("id", key).consistent_read(true);
        let item = request.send().await.unwrap().item?;
        let number = |name: &str| item[name].as_n().unwrap().parse().unwrap();
        Some(Record {
            token: item["token"].as_s().unwrap().clone(),
            status: match item["status"].as_s().unwrap().as_str() {
                "INPROGRESS" => Status::InProgress,
                "COMPLETED" => Status::Completed,
                other => panic!("{other}"),
            },
            leased_until: number("in_progress_expiration"),
            expires_at: number("expiration"),
        })
    }

    pub async fn is_completed(&self, identity: &str) -> bool {
        self.record(identity).await.is_some_and(|record| record.status == Status::Completed)
    }
}

pub fn now() -> SystemTime {
    SystemTime::now()
}
