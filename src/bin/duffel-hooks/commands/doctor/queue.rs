//! `doctor`, in AWS: the stack's queues, and whether anybody takes messages off.

use std::time::Duration;

use aws_config::SdkConfig;
use duffel_webhook_receiver::deployment::{
    Output, Stack, StackError, cloudwatch, dead_letter_queue::DeadLetters, health,
};

use super::Finding;
use crate::shared::output::{count, duration};

/// The span in which a consumer that runs receives something, if messages wait.
const SPAN: Duration = Duration::from_mins(15);

/// Makes the checks of the queues.
pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let (of_state, oldest, dead_letters) =
        tokio::join!(of_state(sdk, stack), oldest(sdk, stack), dead_letters(sdk, stack));
    let others = [("oldest event", oldest), ("dead letters", dead_letters)];
    let others = others.map(|(name, check)| check.unwrap_or_else(|error| Finding::unknown(name, &error)));
    of_state.into_iter().chain(others).collect()
}

type Check = Result<Finding, StackError>;

/// Makes the checks of the queue's state, which is read once for both.
async fn of_state(sdk: &SdkConfig, stack: &Stack) -> [Finding; 2] {
    let state = async { Ok(health::queue(sdk, stack.output(Output::QueueUrl)?).await?) };
    match state.await {
        Ok(state) => {
            let unless_unknown =
                |name, check: Check| check.unwrap_or_else(|error| Finding::unknown(name, &error));
            [
                unless_unknown("queue", queue(stack, &state)),
                unless_unknown("consumer", consumer(sdk, stack, &state).await),
            ]
        }
        Err(error) => {
            let error: StackError = error;
            ["queue", "consumer"].map(|name| Finding::unknown(name, &error))
        }
    }
}

fn queue(stack: &Stack, queue: &health::Queue) -> Check {
    const NAME: &str = "queue";
    let dead_letters = match stack.output(Output::DeadLetterQueueArn) {
        Err(StackError::DeadLetters { .. }) => None,
        found => Some(found?),
    };
    let fix = if stack.has_existing_queue() {
        "its owner must change it, or the stack needs other values of EventQueueUrl, EventQueueArn and DeadLetterQueueArn"
    } else {
        "deploy the stack again"
    };
    Ok(match (&queue.dead_letters_to, dead_letters) {
        _ if !queue.is_fifo => Finding::fail(NAME, "it is not a FIFO queue", fix),
        (None, _) => {
            let seen =
                "it has no redrive policy: a message that cannot be consumed blocks its group for 14 days";
            Finding::fail(NAME, seen, fix)
        }
        (Some(other), Some(own)) if other != own => {
            let seen = format!("its dead-letter queue is {other}, not the stack's");
            Finding::fail(NAME, seen, fix)
        }
        _ => Finding::ok(NAME, format!("{} waiting, {} in flight", queue.waiting, queue.in_flight)),
    })
}

/// Whether anybody receives messages. The age of the oldest one says so only after a while.
async fn consumer(sdk: &SdkConfig, stack: &Stack, queue: &health::Queue) -> Check {
    const NAME: &str = "consumer";
    let name = cloudwatch::queue_name(stack.output(Output::QueueUrl)?);
    let consumption = cloudwatch::consumption(sdk, name, SPAN).await?;
    let span = duration(SPAN);
    let received = consumption.map_or(0, |consumption| consumption.received);
    if queue.in_flight > 0 || received > 0 {
        let deleted = consumption.map_or(0, |consumption| consumption.deleted);
        let seen = format!("{received} messages received and {deleted} deleted in the last {span}");
        return Ok(if received > 0 && deleted == 0 && queue.in_flight == 0 {
            let fix = "see the consumer's log: it receives messages, and deletes none";
            Finding::warn(NAME, seen, fix)
        } else {
            Finding::ok(NAME, seen)
        });
    }
    Ok(match queue.waiting {
        0 => Finding::ok(NAME, "no message waits for one"),
        waiting => {
            let wait = if waiting == 1 { "waits" } else { "wait" };
            let seen =
                format!("{} {wait}, and nobody received any in the last {span}", count(waiting, "message"));
            Finding::warn(NAME, seen, format!("start the consumer of {name}, or see its log"))
        }
    })
}

async fn oldest(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "oldest event";
    let name = cloudwatch::queue_name(stack.output(Output::QueueUrl)?);
    let limit = stack.parameter("OldestEventAlarmSeconds").and_then(|text| text.parse().ok()).unwrap_or(900);
    let Some(age) = cloudwatch::oldest_age(sdk, name).await? else {
        return Ok(Finding::ok(
            NAME,
            "CloudWatch has no data for the last 15 minutes, which is normal for an idle queue",
        ));
    };
    let seen = format!("waited {}", humantime::format_duration(std::time::Duration::from_secs(age)));
    Ok(if age > limit {
        Finding::fail(NAME, seen, "the consumer is too slow or does not run; see its log")
    } else {
        Finding::ok(NAME, seen)
    })
}

async fn dead_letters(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "dead letters";
    let url = match stack.output(Output::DeadLetterQueueUrl) {
        Err(error @ StackError::DeadLetters { .. }) => return Ok(Finding::skipped(NAME, &error.to_string())),
        found => found?,
    };
    let (_, depth) = DeadLetters::new(sdk, url).depth().await?;
    Ok(match depth.all() {
        0 => Finding::ok(NAME, "none"),
        number => {
            let fix = "look at them, fix the consumer, then move them back with dlq redrive";
            Finding::fail(NAME, format!("{number} that the consumer failed to process"), fix)
                .with_command(format!("duffel-hooks dlq show --stack {}", stack.name))
        }
    })
}
