//! A message of the queue, in the forms in which a consumer receives it.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use duffel_webhook_receiver::{consume::kit::lambda_record, duffel::plain};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use uuid::Uuid;

const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:serve.fifo";

/// The most characters of an id or a type in a line.
const MAX_TEXT: usize = 64;

/// A message as it was sent.
pub(crate) struct Queued {
    message: Value,
    sent_at: SystemTime,
    bytes: usize,
}

impl Queued {
    /// `message` has the form in which `serve` prints messages.
    pub(crate) fn new(message: Value, sent_at: SystemTime) -> Self {
        let bytes = message.to_string().len();
        Self { message, sent_at, bytes }
    }

    pub(super) fn sent_at(&self) -> SystemTime {
        self.sent_at
    }

    /// Its size in an event, without what is added at each receipt.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn id(&self) -> &str {
        self.message["MessageId"].as_str().unwrap_or_default()
    }

    pub(super) fn group(&self) -> &str {
        self.message["Attributes"]["MessageGroupId"].as_str().unwrap_or_default()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.message["MessageAttributes"][name]["StringValue"].as_str()
    }

    /// Type and id of the event.
    pub(super) fn name(&self) -> String {
        let event = ["event_type", "event_id"].into_iter().filter_map(|name| self.attribute(name));
        let event: Vec<_> = event.map(|text| plain(text, MAX_TEXT)).collect();
        if event.is_empty() { format!("message {}", self.id()) } else { event.join(" ") }
    }
}

/// A message that was received.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) message: Arc<Queued>,
    /// How often, this time included.
    pub(super) receives: u32,
    pub(super) first_received_at: SystemTime,
}

impl Received {
    /// The message as `ReceiveMessage` returns it.
    pub(super) fn polled(&self) -> Value {
        let Self { message, receives, first_received_at } = self;
        let mut polled = message.message.clone();
        polled["ReceiptHandle"] = Uuid::new_v4().to_string().into();
        polled["MD5OfBody"] = hex::encode(Md5::digest(polled["Body"].as_str().unwrap_or_default())).into();
        let system = &mut polled["Attributes"];
        system["ApproximateReceiveCount"] = receives.to_string().into();
        system["ApproximateFirstReceiveTimestamp"] = milliseconds(*first_received_at).into();
        system["SenderId"] = "AROAEXAMPLE:serve".into();
        system["SentTimestamp"] = milliseconds(message.sent_at).into();
        polled
    }

    /// The message in a dead-letter queue.
    pub(super) fn dead_letter(&self) -> Value {
        let mut polled = self.polled();
        polled["Attributes"]["DeadLetterQueueSourceArn"] = QUEUE_ARN.into();
        polled["Attributes"]["MessageDeduplicationId"] = self.message.id().into();
        polled
    }
}

/// Returns the event that Lambda passes to a function.
pub(super) fn lambda_event(batch: &[Received]) -> Value {
    let record = |received: &Received| lambda_record(&received.polled(), QUEUE_ARN);
    json!({ "Records": batch.iter().map(record).collect::<Vec<_>>() })
}

fn milliseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string()
}
