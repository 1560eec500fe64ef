//! What the stack's ledger and queues say.

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    deployment::{
        Output, Stack, StackError, cloudwatch,
        dead_letter_queue::DeadLetters,
        health,
        in_flight::{HOLD, QueuedMessage},
        ledger_records::LedgerRecords,
    },
    identity::Identity,
    ledger::Record,
};

use super::Asked;
use crate::shared::in_flight::look_at;

/// The maximum number of dead letters to look at.
const MOST: usize = 500;

/// The state of the queues, which is the same for every event.
pub(super) struct Queues {
    pub(super) events: Asked<health::Queue>,
    /// In seconds; `None` if the queue was not used of late.
    pub(super) oldest: Asked<Option<u64>>,
    pub(super) dead: Asked<Dead>,
    /// Whether the receiver publishes to a topic, so that the stack's queue is one of several.
    pub(super) has_topic: bool,
}

/// The dead letters that could be received.
pub(super) struct Dead {
    pub(super) letters: Vec<QueuedMessage>,
    /// The number of all, as SQS approximates it.
    pub(super) all: usize,
}

impl Queues {
    pub(super) async fn read(sdk: &SdkConfig, stack: &Stack, peeks: bool) -> Self {
        let (events, oldest, dead) =
            tokio::join!(events(sdk, stack), oldest(sdk, stack), Box::pin(dead(sdk, stack, peeks)));
        let said = |error: StackError| error.to_string();
        Self {
            events: events.map_err(said),
            oldest: oldest.map_err(said),
            dead,
            has_topic: stack.topic().is_some(),
        }
    }
}

async fn events(sdk: &SdkConfig, stack: &Stack) -> Result<health::Queue, StackError> {
    Ok(health::queue(sdk, stack.output(Output::QueueUrl)?).await?)
}

async fn oldest(sdk: &SdkConfig, stack: &Stack) -> Result<Option<u64>, StackError> {
    let name = cloudwatch::queue_name(stack.output(Output::QueueUrl)?);
    Ok(cloudwatch::oldest_age(sdk, name).await?)
}

async fn dead(sdk: &SdkConfig, stack: &Stack, peeks: bool) -> Asked<Dead> {
    if !peeks {
        return Err("--no-peek".to_owned());
    }
    let url = stack.output(Output::DeadLetterQueueUrl).map_err(|error| error.to_string())?;
    let queue = DeadLetters::new(sdk, url);
    let (_, depth) = queue.depth().await.map_err(|error| error.to_string())?;
    if depth.all() == 0 {
        return Ok(Dead { letters: Vec::new(), all: 0 });
    }
    let letters = look_at(queue.in_flight(HOLD), MOST).await.map_err(|error| error.to_string())?;
    let all = depth.all().max(letters.len());
    Ok(Dead { letters, all })
}

/// The records of an event's identities: of the one that is known, or of all that it may have.
pub(super) async fn record(
    sdk: &SdkConfig,
    stack: &Stack,
    identities: &[Identity],
) -> Asked<Option<(Identity, Record)>> {
    if identities.is_empty() {
        return Err("the event's identity is not known: neither Duffel nor the log has the event".to_owned());
    }
    let table = stack.output(Output::LedgerTableName).map_err(|error| error.to_string())?;
    let ledger = LedgerRecords::new(sdk, table);
    for identity in identities {
        let found = ledger.find(identity).await.map_err(|error| error.to_string())?;
        if let Some(record) = found {
            return Ok(Some((identity.clone(), record)));
        }
    }
    Ok(None)
}
