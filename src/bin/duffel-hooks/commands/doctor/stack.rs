//! `doctor`, in AWS: the stack's secret, queues and ledger.

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    aws::TTL_ATTRIBUTE,
    deployment::{Output, Stack, StackError, cloudwatch, dead_letter_queue::DeadLetters, health},
};

use super::Finding;
use crate::shared::{output::count, store::put_secret_command};

pub(super) fn state(stack: &Stack) -> Finding {
    let seen = format!("{} is {}", stack.name, stack.status);
    match stack.status.as_str() {
        // The previous deployment is there, and the new one is not.
        status if status.contains("ROLLBACK") || status.contains("FAILED") => {
            Finding::fail("stack", seen, "see the stack's events in CloudFormation, and deploy again")
        }
        status if status.ends_with("_IN_PROGRESS") => {
            Finding::warn("stack", seen, "run doctor again when it is done")
        }
        status if status.ends_with("_COMPLETE") => Finding::ok("stack", seen),
        _ => Finding::fail("stack", seen, "see the stack's events in CloudFormation"),
    }
}

/// Makes all checks but that of the stack's own state.
pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let checks = tokio::join!(
        secret(sdk, stack),
        queue(sdk, stack),
        oldest(sdk, stack),
        dead_letters(sdk, stack),
        ledger(sdk, stack),
        expiry(sdk, stack),
    );
    let checks = [
        ("secret", checks.0),
        ("queue", checks.1),
        ("oldest event", checks.2),
        ("dead letters", checks.3),
        ("ledger", checks.4),
        ("ledger expiry", checks.5),
    ];
    checks
        .into_iter()
        .map(|(name, check)| check.unwrap_or_else(|error| Finding::unknown(name, &error)))
        .collect()
}

type Check = Result<Finding, StackError>;

async fn secret(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "secret";
    const RIGHT_ONE: &str = "store the webhook's secret as it is, as a plain string";
    if stack.parameter("Sources").is_some() {
        return Ok(Finding::skipped(NAME, "with the parameter Sources, each source has its own"));
    }
    let arn = stack.output(Output::SecretArn)?;
    let store = put_secret_command(arn, None);
    let Some(current) = health::secrets(sdk, arn, "AWSCURRENT").await? else {
        let fix = "register the webhook (duffel-hooks webhooks create --store), or store its secret";
        return Ok(Finding::fail(NAME, "it has no value yet", fix).with_command(store));
    };
    let current = match current {
        Ok(current) => current,
        Err(error) => return Ok(Finding::fail(NAME, error.to_string(), RIGHT_ONE).with_command(store)),
    };
    let doubts: Vec<_> = current.iter().flat_map(|active| active.secret.doubts()).collect();
    if let Some(doubt) = doubts.first() {
        let seen = format!("it {doubt}, unlike any secret of Duffel's");
        return Ok(Finding::fail(NAME, seen, RIGHT_ONE).with_command(store));
    }
    let previous = health::secrets(sdk, arn, "AWSPREVIOUS").await?;
    let previous = previous.and_then(Result::ok).unwrap_or_default();
    let (current, previous) = (current.iter().len(), previous.iter().len());
    let active = count(current + previous, "active secret");
    let of_previous =
        if previous > 0 { format!(", {previous} of the previous version") } else { String::new() };
    Ok(Finding::ok(NAME, format!("{active}{of_previous}")))
}

async fn queue(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "queue";
    let queue = health::queue(sdk, stack.output(Output::QueueUrl)?).await?;
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

async fn oldest(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "oldest event";
    let url = stack.output(Output::QueueUrl)?;
    let limit = stack.parameter("OldestEventAlarmSeconds").and_then(|text| text.parse().ok()).unwrap_or(900);
    let Some(age) = cloudwatch::oldest_age(sdk, url.rsplit('/').next().unwrap_or(url)).await? else {
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

async fn ledger(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "ledger";
    let table = stack.output(Output::LedgerTableName)?;
    Ok(match health::table_problem(sdk, table).await? {
        None => Finding::ok(NAME, format!("the table {table} exists and has the right key")),
        Some(problem) => {
            Finding::fail(NAME, format!("the table {table} {problem}"), "deploy the stack again")
        }
    })
}

async fn expiry(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "ledger expiry";
    let table = stack.output(Output::LedgerTableName)?;
    Ok(match health::ttl_problem(sdk, table).await? {
        None => Finding::ok(NAME, format!("on, by {TTL_ATTRIBUTE}")),
        Some(problem) => {
            let command = format!(
                "aws dynamodb update-time-to-live --table-name {table} --time-to-live-specification \
                 Enabled=true,AttributeName={TTL_ATTRIBUTE}"
            );
            Finding::fail(NAME, format!("it {problem}: the table grows without limit"), "turn it on")
                .with_command(command)
        }
    })
}
