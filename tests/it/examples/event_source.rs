//! An event source mapping of Lambda with `ReportBatchItemFailures`, which invokes several instances at the same time.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use std::{collections::BTreeSet, path::Path, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName},
};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use crate::support::runtime_api::{End, Function};

/// The timeout of the functions.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Ends with the test, and its processes with it.
pub struct EventSource {
    instances: JoinSet<()>,
}

impl EventSource {
    pub async fn start(
        sqs: &Client,
        queue: &str,
        bootstrap: &Path,
        variables: &[(&str, &str)],
        instances: usize,
    ) -> Self {
        let mut running = JoinSet::new();
        for _ in 0..instances {
            let function = Function::start_binary(bootstrap, TIMEOUT, variables.iter().copied()).await;
            running.spawn(poll(sqs.clone(), queue.to_owned(), function));
        }
        Self { instances: running }
    }

    pub async fn end(&mut self) {
        self.instances.shutdown().await;
    }
}

async fn poll(sqs: Client, queue: String, mut function: Function) {
    loop {
        let request = sqs.receive_message().queue_url(&queue).max_number_of_messages(10).wait_time_seconds(1);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let received = request.message_attribute_names("All").send().await.unwrap();
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            continue;
        }
        let failed = match function.invoke(batch(&messages).to_string()).await.0 {
            End::Answered(response) => failed(&messages, &response),
            End::Failed => None,
            End::Died | End::TimedOut => {
                function.restart().await;
                None
            }
        };
        let Some(failed) = failed else { continue };
        for message in messages.iter().filter(|message| !failed.contains(id(message))) {
            let request = sqs.delete_message().queue_url(&queue);
            request.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
        }
    }
}

/// The event that Lambda makes of messages.
pub fn batch(messages: &[Message]) -> Value {
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}

fn record(message: &Message) -> Value {
    let system = message.attributes().into_iter().flatten();
    let system: Map<_, _> = system.map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
    let attributes = message.message_attributes().into_iter().flatten().map(|(name, value)| {
        let value = json!({
            "stringValue": value.string_value(),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value.data_type(),
        });
        (name.clone(), value)
    });
    json!({
        "messageId": id(message),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": system,
        "messageAttributes": attributes.collect::<Map<_, _>>(),
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:events.fifo",
        "awsRegion": "eu-west-1",
    })
}

fn id(message: &Message) -> &str {
    message.message_id().unwrap()
}

/// The messages that a response names; `None`, the whole batch, if it is not one that Lambda understands.
pub fn failed(messages: &[Message], response: &Value) -> Option<BTreeSet<String>> {
    let failures = match &response["batchItemFailures"] {
        Value::Null => return Some(BTreeSet::new()),
        failures => failures.as_array()?,
    };
    let failed: BTreeSet<_> = failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().map(str::to_owned))
        .collect::<Option<_>>()?;
    failed.iter().all(|failed| messages.iter().any(|message| id(message) == failed)).then_some(failed)
}
