//! `doctor`, of the stack in AWS: secret, queues, ledger.

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    aws::TTL_ATTRIBUTE,
    operator::{Output, Stack, StackError, dead_letters::DeadLetters, metric, vitals},
    secret::Secret,
};

use super::Finding;

pub(super) fn state(stack: &Stack) -> Finding {
    let seen = format!("{} is {}", stack.name, stack.status);
    match stack.status.as_str() {
        // What was deployed before is there, and what was to be is not.
        status if status.contains("ROLLBACK") || status.contains("FAILED") => {
            Finding::fail("stack", seen, "see the stack's events in CloudFormation, and deploy again")
        }
        status if status.ends_with("_IN_PROGRESS") => {
            Finding::warn("stack", seen, "look again when it is done")
        }
        status if status.ends_with("_COMPLETE") => Finding::ok("stack", seen),
        _ => Finding::fail("stack", seen, "see the stack's events in CloudFormation"),
    }
}

/// All but the state of the stack itself.
pub(super) async fn look(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
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
        return Ok(Finding::skipped(NAME, "with the parameter Sources each source has its own"));
    }
    let arn = stack.output(Output::SecretArn)?;
    let store = format!(
        "read -rs SECRET && aws secretsmanager put-secret-value --secret-id {arn} --secret-string \"$SECRET\""
    );
    let Some(current) = vitals::secrets(sdk, arn, "AWSCURRENT").await? else {
        let fix = "register the webhook (duffel-hooks webhooks create --store), or store its secret";
        return Ok(Finding::fail(NAME, "it has no value yet", fix).with_command(store));
    };
    let Ok(current) = current else {
        let seen = "it is blank, or neither a plain string nor a JSON list of strings";
        return Ok(Finding::fail(NAME, seen, RIGHT_ONE).with_command(store));
    };
    let is_broken = |secret: &Secret| secret.looks_broken() || secret.expose().contains(['"', '\'']);
    if current.iter().any(|active| is_broken(&active.secret)) {
        let seen = "it has white space or quotes within it, as no secret of Duffel's has";
        return Ok(Finding::fail(NAME, seen, RIGHT_ONE).with_command(store));
    }
    let previous = vitals::secrets(sdk, arn, "AWSPREVIOUS").await?;
    let previous = previous.and_then(Result::ok).unwrap_or_default();
    let (current, previous) = (current.iter().len(), previous.iter().len());
    let active = match current + previous {
        1 => "1 secret is active".to_owned(),
        number => format!("{number} secrets are active, {previous} of them of the previous version"),
    };
    Ok(Finding::ok(NAME, active))
}

async fn queue(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "queue";
    let queue = vitals::queue(sdk, stack.output(Output::QueueUrl)?).await?;
    let dead_letters = stack.output(Output::DeadLetterQueueArn)?;
    let again = "deploy the stack again";
    Ok(if !queue.is_fifo {
        Finding::fail(NAME, "it is no FIFO queue", again)
    } else if queue.dead_letters_to.as_deref() != Some(dead_letters) {
        let seen = match &queue.dead_letters_to {
            Some(other) => format!("it gives what cannot be consumed to {other}, not to the stack's queue"),
            None => {
                "it has no redrive policy: what cannot be consumed blocks its group for 14 days".to_owned()
            }
        };
        Finding::fail(NAME, seen, again)
    } else {
        Finding::ok(NAME, format!("{} waiting, {} in a consumer's hands", queue.waiting, queue.in_flight))
    })
}

async fn oldest(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "oldest event";
    let url = stack.output(Output::QueueUrl)?;
    let limit = stack.parameter("OldestEventAlarmSeconds").and_then(|text| text.parse().ok()).unwrap_or(900);
    let Some(age) = metric::oldest_age(sdk, url.rsplit('/').next().unwrap_or(url)).await? else {
        return Ok(Finding::ok(
            NAME,
            "CloudWatch has no figure of the last 15 minutes, as when the queue is idle",
        ));
    };
    let seen = format!("waited {}", humantime::format_duration(std::time::Duration::from_secs(age)));
    Ok(if age > limit {
        Finding::fail(NAME, seen, "the consumer does not keep up, or does not run; see its log")
    } else {
        Finding::ok(NAME, seen)
    })
}

async fn dead_letters(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "dead letters";
    let (_, depth) = DeadLetters::new(sdk, stack.output(Output::DeadLetterQueueUrl)?).depth().await?;
    Ok(match depth.all() {
        0 => Finding::ok(NAME, "none"),
        number => {
            let fix = "look at them, repair the consumer, then move them back with dlq redrive";
            Finding::fail(NAME, format!("{number} given up by the consumer"), fix)
                .with_command(format!("duffel-hooks dlq show --stack {}", stack.name))
        }
    })
}

async fn ledger(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "ledger";
    let table = stack.output(Output::LedgerTableName)?;
    Ok(match vitals::ledger_fault(sdk, table).await? {
        None => Finding::ok(NAME, format!("the table {table} is there, with the right key")),
        Some(fault) => Finding::fail(NAME, format!("the table {table} {fault}"), "deploy the stack again"),
    })
}

async fn expiry(sdk: &SdkConfig, stack: &Stack) -> Check {
    const NAME: &str = "ledger expiry";
    let table = stack.output(Output::LedgerTableName)?;
    Ok(match vitals::expiry_fault(sdk, table).await? {
        None => Finding::ok(NAME, format!("on, by {TTL_ATTRIBUTE}")),
        Some(fault) => {
            let command = format!(
                "aws dynamodb update-time-to-live --table-name {table} --time-to-live-specification \
                 Enabled=true,AttributeName={TTL_ATTRIBUTE}"
            );
            Finding::fail(NAME, format!("it {fault}: the table grows for ever"), "turn it on")
                .with_command(command)
        }
    })
}
