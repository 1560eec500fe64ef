//! `doctor`, in AWS: the stack itself, and its ledger.

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    aws::TTL_ATTRIBUTE,
    deployment::{Output, Stack, StackError, health},
};

use super::Finding;

pub(super) fn state(stack: &Stack) -> Finding {
    let seen = format!("{} is {}", stack.name, stack.status);
    match stack.status.as_str() {
        // The previous deployment is there, and the new one is not.
        status if status.contains("ROLLBACK") || status.contains("FAILED") => {
            let command = format!("aws cloudformation describe-stack-events --stack-name {}", stack.name);
            Finding::fail("stack", seen, "see its events, and deploy again").with_command(command)
        }
        status if status.ends_with("_IN_PROGRESS") => {
            Finding::warn("stack", seen, "run doctor again when it is done")
        }
        status if status.ends_with("_COMPLETE") => Finding::ok("stack", seen),
        _ => Finding::fail("stack", seen, "see the stack's events in CloudFormation"),
    }
}

/// Makes the checks of the ledger.
pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let (ledger, expiry) = tokio::join!(ledger(sdk, stack), expiry(sdk, stack));
    [("ledger", ledger), ("ledger expiry", expiry)]
        .into_iter()
        .map(|(name, check)| check.unwrap_or_else(|error| Finding::unknown(name, &error)))
        .collect()
}

type Check = Result<Finding, StackError>;

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
