//! `doctor`, in AWS: whether the reconciler runs, and what it found.

use aws_config::SdkConfig;
use duffel_webhook_receiver::deployment::{Output, Stack, StackError, cloudwatch::Metric};

use super::{
    Finding,
    function::{DAY, HOUR, counted, tail},
};
use crate::shared::output::count;

const RECONCILER: &str = "reconciler";

/// Checks the reconciler; nothing if the stack has none.
pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    if stack.parameter("AccessTokenSecretArn").is_none() {
        return Vec::new();
    }
    vec![find(sdk, stack).await.unwrap_or_else(|error| Finding::unknown(RECONCILER, &error))]
}

async fn find(sdk: &SdkConfig, stack: &Stack) -> Result<Finding, StackError> {
    let newest = Metric { namespace: &stack.name, name: "UndeliveredEvents", dimension: None };
    let (succeeded, found, requested) = tokio::try_join!(
        counted(sdk, stack, "ReconcilerSuccesses", HOUR),
        newest.newest(sdk, HOUR),
        counted(sdk, stack, "RequestedRedeliveries", DAY),
    )?;
    let number = |value: Option<u64>| usize::try_from(value.unwrap_or_default()).unwrap_or(usize::MAX);
    let command = || stack.output(Output::ReconcilerLogGroup).map(|log| tail(log, "1h"));
    let requested = count(number(requested), "request");
    let runs = match number(succeeded) {
        0 => {
            let seen = "no run has succeeded in the last hour; there should be four";
            let fix = "see its log; docs/reconciler.md lists the reasons";
            return Ok(Finding::fail(RECONCILER, seen, fix).with_command(command()?));
        }
        runs => count(runs, "run"),
    };
    let seen =
        format!("{runs} succeeded in the last hour, with {requested} for redelivery in the last 24 hours");
    Ok(match number(found) {
        0 => Finding::ok(RECONCILER, format!("{seen}; the last run found no undelivered event")),
        found => {
            let seen = format!("{seen}; the last run found {}", count(found, "undelivered event"));
            let fix =
                "they were requested again; if the next runs find as many, the redeliveries do not arrive";
            Finding::warn(RECONCILER, seen, fix).with_command(command()?)
        }
    })
}
