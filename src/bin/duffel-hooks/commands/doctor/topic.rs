//! `doctor`, in AWS: the topic of a stack that fans out, and the subscription of the stack's own queue.

use aws_config::SdkConfig;
use duffel_webhook_receiver::deployment::{
    Output, Stack, StackError,
    subscribers::{Attributes, Replay, Topic, Unread, name_of, queue_state},
};
use humantime::format_rfc3339_millis;

use super::Finding;
use crate::{commands::replay::replay_command, shared::output::count};

const ARCHIVE: &str = "archive";
const SUBSCRIPTION: &str = "subscription";
const UNDELIVERABLE: &str = "undeliverable";
const DEPLOY: &str = "deploy the stack again";

/// Makes the checks of the topic; none if the stack has no topic.
pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let Some(arn) = stack.topic() else { return Vec::new() };
    let topic = Topic::new(sdk, arn);
    let (archive, subscription) = tokio::join!(archive(&topic), subscription(sdk, stack, &topic));
    let archive = archive.unwrap_or_else(|error| Finding::unknown(ARCHIVE, &error));
    let subscription = subscription.unwrap_or_else(|error| vec![Finding::unknown(SUBSCRIPTION, &error)]);
    [archive].into_iter().chain(subscription).collect()
}

async fn archive(topic: &Topic) -> Result<Finding, StackError> {
    let Some(archive) = topic.archive().await? else {
        let seen = "the topic has none: an event that a subscriber lost cannot be replayed";
        return Ok(Finding::fail(ARCHIVE, seen, DEPLOY));
    };
    let days = usize::try_from(archive.days).unwrap_or(usize::MAX);
    Ok(Finding::ok(ARCHIVE, format!("the topic keeps events for {}", count(days, "day"))))
}

/// The subscription of the stack's queue, and its dead-letter queue.
async fn subscription(sdk: &SdkConfig, stack: &Stack, topic: &Topic) -> Result<Vec<Finding>, StackError> {
    let (queue, queue_url) = (stack.output(Output::QueueArn)?, stack.output(Output::QueueUrl)?);
    let all = topic.subscriptions().await?;
    let Some(own) = all.into_iter().find(|subscription| subscription.endpoint == queue) else {
        let seen = "the stack's queue does not subscribe to the topic, and gets no event";
        return Ok(vec![Finding::fail(SUBSCRIPTION, seen, DEPLOY)]);
    };
    let attributes = own.attributes.transpose()?.unwrap_or_default();
    let read = async |arn: &str| queue_state(sdk, queue_url, arn, topic.arn()).await;
    let found = match read(queue).await {
        Ok(state) => of_attributes(stack, &attributes, queue, state.allows_topic),
        Err(unread) => unknown(SUBSCRIPTION, unread),
    };
    let undeliverable = match &attributes.dead_letters_to {
        None => {
            let seen = "the subscription of the stack's queue has no dead-letter queue: what SNS cannot deliver is only in the archive";
            Finding::fail(UNDELIVERABLE, seen, DEPLOY)
        }
        Some(arn) => match read(arn).await {
            Ok(state) if state.allows_topic == Some(false) => {
                let seen = format!("the access policy of {} does not allow the topic to send", name_of(arn));
                Finding::fail(UNDELIVERABLE, seen, DEPLOY)
            }
            Ok(state) if state.messages() > 0 => {
                let seen = format!(
                    "{} that SNS could not deliver to the stack's queue",
                    count(state.messages(), "event")
                );
                Finding::fail(UNDELIVERABLE, seen, "find the cause, then replay the archive to the queue")
                    .with_command(format!("duffel-hooks subscribers --stack {}", stack.name))
            }
            Ok(_) => Finding::ok(UNDELIVERABLE, "none"),
            Err(unread) => unknown(UNDELIVERABLE, unread),
        },
    };
    Ok(vec![found, undeliverable])
}

fn of_attributes(stack: &Stack, own: &Attributes, queue: &str, allows_topic: Option<bool>) -> Finding {
    let paused = own.replay.as_ref().and_then(Replay::paused_at);
    if allows_topic == Some(false) {
        let seen = "the access policy of the stack's queue does not allow the topic to send";
        return Finding::fail(SUBSCRIPTION, seen, "deploy the stack again, and replay what the queue missed");
    }
    if !own.is_raw {
        let seen = "raw delivery is off: consumers get SNS's JSON without attributes";
        return Finding::fail(SUBSCRIPTION, seen, DEPLOY);
    }
    if let Some(at) = paused {
        let at = format_rfc3339_millis(at);
        let seen = format!("it is paused: a replay ended at {at}, and SNS delivers nothing that is newer");
        let command = replay_command(&stack.name, name_of(queue), at);
        return Finding::fail(SUBSCRIPTION, seen, "resume it").with_command(command);
    }
    match &own.filter {
        Some(_) => {
            let seen = "it has a filter, so that the stack's queue does not get every event";
            Finding::warn(SUBSCRIPTION, seen, "remove it, unless it is meant to be so")
        }
        None => Finding::ok(SUBSCRIPTION, "the stack's queue gets every event, with raw delivery"),
    }
}

fn unknown(check: &'static str, unread: Unread) -> Finding {
    match unread {
        Unread::Call(error) => Finding::unknown(check, &error),
        elsewhere => Finding::skipped(check, &elsewhere.to_string()),
    }
}
