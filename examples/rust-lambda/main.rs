//! Keeps the history of each order: one item for each order, with one entry for each event, in order of arrival.

use std::{
    env,
    time::{Duration, SystemTime},
};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, TransactWriteItem, Update},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use duffel_webhook_receiver::consume::{
    Event, Received,
    batch::{self, BatchResponse, SqsEvent},
    event::Payload,
    guard::{Claim, Dynamo, Guard, RETENTION},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};

struct Consumer {
    dynamodb: Client,
    history: String,
    records: Dynamo,
}

impl Consumer {
    async fn handle(&self, message: Received, deadline: SystemTime) -> Result<(), Error> {
        let Event::Duffel(event) = message.event() else { return Ok(()) };
        let order = match event.payload {
            Payload::OrderCreated(order) => order?.order_id,
            Payload::OrderChanged(change) => change.order_id.ok_or("the event names no order")?,
            _ => return Ok(()), // Duffel adds types
        };
        let event = event.id.unwrap_or_default();
        // An interrupted attempt counts as running until its deadline. Clocks differ by seconds.
        let (now, store) = (SystemTime::now(), self.records.clone());
        let lease = deadline.duration_since(now)? + Duration::from_secs(5);
        let guard = Guard { store, lease, retention: RETENTION };
        guard.once(message.identity(), now, |claim| self.add_to_history(order, event, claim)).await?;
        Ok(())
    }

    /// Adds the event to the history and completes the claim in one transaction: both happen, or neither.
    async fn add_to_history(&self, order: String, event: String, claim: Claim) -> Result<(), Error> {
        let entry = Update::builder()
            .table_name(&self.history)
            .key("order", AttributeValue::S(order.clone()))
            .update_expression("SET events = list_append(if_not_exists(events, :none), :this)")
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":this", AttributeValue::L(vec![AttributeValue::S(event.clone())]));
        let entry = TransactWriteItem::builder().update(entry.build()?).build();
        let completion = self.records.completion(&claim);
        self.dynamodb.transact_write_items().transact_items(entry).transact_items(completion).send().await?;
        println!("{event} is added to the history of {order}");
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().init();
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(https).load().await;
    let dynamodb = Client::new(&sdk);
    let records = Dynamo::new(dynamodb.clone(), env::var("IDEMPOTENCY_TABLE")?, "order-history");
    let consumer = Consumer { dynamodb, history: env::var("HISTORY_TABLE")?, records };
    lambda_runtime::run(service_fn(async |LambdaEvent { payload, context }: LambdaEvent<SqsEvent>| {
        let deadline = context.deadline();
        let handle = |message| consumer.handle(message, deadline);
        // What is not done in time comes again.
        let answer_by = deadline - Duration::from_secs(1);
        Ok::<BatchResponse, Error>(batch::handle_before(payload, answer_by, handle).await)
    }))
    .await
}
