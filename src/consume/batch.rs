//! Batches of Lambda's event source mapping, and the handler that reports which messages must come again.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

mod event;

use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
    future::Future,
    panic::AssertUnwindSafe,
    time::SystemTime,
};

use futures_util::{FutureExt, future::join_all};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use self::event::Record;
pub use self::event::SqsEvent;
use super::received::{Received, Undecodable};

/// The response to a batch, for an event source mapping with `ReportBatchItemFailures`. Lambda deletes the messages that
/// it does not name. An empty list is full success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The messages that come again, each of them once, in the order of the batch.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A message that comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its message id; never empty, because Lambda reads an empty id as a failure of the whole batch.
    pub item_identifier: String,
}

/// Handles the messages of a batch, and returns those that must come again.
///
/// * The messages of a group are handled one after the other, in their order. Messages without a group are groups of
///   their own.
/// * Groups are handled at the same time, as one future; nothing is spawned.
/// * If a message fails or cannot be decoded, the later messages of **its** group are not handled, and come again with
///   it. Other groups continue. Nothing is kept from one batch to the next.
/// * A panic of the handler counts as a failure of its message, in a program that unwinds. With `panic = "abort"`, which
///   `cargo lambda build --release` sets, it ends the process, and Lambda delivers the whole batch again.
///
/// A failure is logged with its message id, type and identity, never with the body. The error must not contain the body
/// either.
pub async fn handle<H, F, E>(event: SqsEvent, handler: H) -> BatchResponse
where
    H: Fn(Received) -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    run(event.into_records(), None, handler).await
}

/// Handles a batch as [`handle`] does until a deadline, and returns what is left instead of running into the time-out of
/// the function, after which all messages would come again.
///
/// At the deadline, no further message is begun. The futures of messages that are still being handled are dropped, and
/// the messages come again. Use the function's deadline with a margin for the answer, such as 1 s. Needs a Tokio runtime
/// with time.
pub async fn handle_before<H, F, E>(event: SqsEvent, deadline: SystemTime, handler: H) -> BatchResponse
where
    H: Fn(Received) -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    run(event.into_records(), Some(Instant::now() + left), handler).await
}

async fn run<H, F, E>(records: Vec<Record>, deadline: Option<Instant>, handler: H) -> BatchResponse
where
    H: Fn(Received) -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let order: Vec<_> = records.iter().map(|record| record.message_id.clone()).collect();
    let groups = groups(records).into_iter().map(|group| handle_group(group, deadline, &handler));
    let failed: HashSet<_> = join_all(groups).await.into_iter().flatten().collect();
    let mut reported = HashSet::new();
    let failed = order.into_iter().filter(|id| failed.contains(id) && reported.insert(id.clone()));
    BatchResponse {
        batch_item_failures: failed.map(|item_identifier| BatchItemFailure { item_identifier }).collect(),
    }
}

/// Divides a batch into its groups, in the order of their first messages.
fn groups(records: Vec<Record>) -> Vec<Vec<Record>> {
    let mut groups: Vec<Vec<Record>> = Vec::new();
    let mut places = HashMap::new();
    for record in records {
        match &record.group_id {
            Some(group) => {
                let place = *places.entry(group.clone()).or_insert(groups.len());
                if place == groups.len() {
                    groups.push(Vec::new());
                }
                groups[place].push(record);
            }
            None => groups.push(vec![record]),
        }
    }
    groups
}

/// Handles the messages of a group up to the first that fails. Returns the ids of that one and of all after it.
async fn handle_group<H, F, E>(group: Vec<Record>, deadline: Option<Instant>, handler: &H) -> Vec<String>
where
    H: Fn(Received) -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut group = group.into_iter();
    while let Some(Record { message_id, received, .. }) = group.next() {
        if attempt(&message_id, received, deadline, handler).await.is_none() {
            let rest: Vec<_> = group.map(|record| record.message_id).collect();
            if !rest.is_empty() {
                tracing::warn!(message_id, "{} later messages of its group come again with it", rest.len());
            }
            return [vec![message_id], rest].concat();
        }
    }
    Vec::new()
}

/// Handles one message; `None` if it must come again, which is logged.
async fn attempt<H, F, E>(
    message_id: &str,
    received: Result<Received, Undecodable>,
    deadline: Option<Instant>,
    handler: &H,
) -> Option<()>
where
    H: Fn(Received) -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let received = received.inspect_err(|error| tracing::error!(message_id, "{error}")).ok()?;
    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        tracing::warn!(message_id, "no time is left to handle the message");
        return None;
    }
    let (identity, event_type) = (received.identity().to_owned(), received.kind().map(str::to_owned));
    let (identity, event_type) = (identity.as_str(), event_type.as_deref());
    // The call is within the future, because it can panic too.
    let work = AssertUnwindSafe(async { handler(received).await }).catch_unwind();
    let outcome = match deadline {
        Some(deadline) => timeout_at(deadline, work).await,
        None => Ok(work.await),
    };
    match outcome {
        Ok(Ok(Ok(()))) => return Some(()),
        Ok(Ok(Err(error))) => {
            tracing::error!(message_id, identity, event_type, "the handler failed: {error}");
        }
        // Its text may quote the body.
        Ok(Err(_panic)) => tracing::error!(message_id, identity, event_type, "the handler panicked"),
        Err(_elapsed) => {
            tracing::error!(message_id, identity, event_type, "the handler was not done in time");
        }
    }
    None
}
