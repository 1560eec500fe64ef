//! `doctor`, in AWS: the errors of the receiver, and how often it may run at the same time.

use std::time::Duration;

use aws_config::SdkConfig;
use duffel_webhook_receiver::deployment::{
    CallError, Output, Stack, StackError, account, cloudwatch::Metric,
};

use super::Finding;
use crate::shared::output::count;

const FUNCTION: &str = "function";
const CONCURRENCY: &str = "concurrency";
const DUPLICATES: &str = "duplicates";

pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

/// The concurrent executions of an account below which a burst of deliveries is likely to be refused. A new account has 10.
const FEW: u64 = 100;

/// Makes the checks of the receiver's function and of what it counts in its log.
pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let checks = tokio::join!(errors(sdk, stack), concurrency(sdk, stack), duplicates(sdk, stack));
    [(FUNCTION, checks.0), (CONCURRENCY, checks.1), (DUPLICATES, checks.2)]
        .into_iter()
        .map(|(name, check)| check.unwrap_or_else(|error| Finding::unknown(name, &error)))
        .collect()
}

type Check = Result<Finding, StackError>;

/// The command that prints the newest lines of a log.
pub(super) fn tail(log_group: &str, since: &str) -> String {
    format!("aws logs tail {log_group} --since {since}")
}

async fn errors(sdk: &SdkConfig, stack: &Stack) -> Check {
    let function = stack.output(Output::FunctionName)?;
    let metric = |name| Metric { namespace: "AWS/Lambda", name, dimension: Some(("FunctionName", function)) };
    let (errors, throttles) = (metric("Errors"), metric("Throttles"));
    let (last_hour, last_day, refused) =
        tokio::try_join!(errors.sum(sdk, HOUR), errors.sum(sdk, DAY), throttles.sum(sdk, DAY))?;
    let Some(day) = last_day else {
        return Ok(Finding::ok(FUNCTION, format!("{function} was not invoked in the last 24 hours")));
    };
    let (hour, refused) = (last_hour.unwrap_or_default(), refused.unwrap_or_default());
    if day > 0 {
        let seen = format!(
            "{function} crashed, timed out or did not start {} in the last 24 hours, {hour} of them in the last hour",
            times(day)
        );
        let log = stack.receiver_log_group(sdk).await?;
        let command = tail(&log, if hour > 0 { "1h" } else { "1d" });
        let fix = "see its log, which names configuration errors";
        let finding =
            if hour > 0 { Finding::fail(FUNCTION, seen, fix) } else { Finding::warn(FUNCTION, seen, fix) };
        return Ok(finding.with_command(command));
    }
    if refused > 0 {
        let seen = format!("Lambda refused to run {function} {} in the last 24 hours", times(refused));
        return Ok(Finding::warn(FUNCTION, seen, "raise ReservedConcurrency, or the quota of the account"));
    }
    Ok(Finding::ok(FUNCTION, format!("no errors of {function} in the last 24 hours")))
}

async fn concurrency(sdk: &SdkConfig, stack: &Stack) -> Check {
    if let Some(reserved) = stack.parameter("ReservedConcurrency").filter(|number| *number != "0") {
        return Ok(Finding::ok(CONCURRENCY, format!("{reserved} reserved for the receiver")));
    }
    let account::Concurrency { limit, unreserved } = account::concurrency(sdk).await?;
    let seen =
        format!("all functions of the account without a reservation may run {unreserved} at the same time");
    if unreserved >= FEW {
        return Ok(Finding::ok(CONCURRENCY, seen));
    }
    let seen = format!("{seen}, of a quota of {limit}; deliveries beyond are answered 5xx");
    let command = "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 \
                   --desired-value 1000";
    Ok(Finding::warn(CONCURRENCY, seen, "request a higher quota").with_command(command))
}

/// Events that were answered as duplicates although they differ, by the metric of the stack.
async fn duplicates(sdk: &SdkConfig, stack: &Stack) -> Check {
    let number = counted(sdk, stack, "DifferingDuplicates", DAY).await?.unwrap_or_default();
    if number == 0 {
        return Ok(Finding::ok(DUPLICATES, "none differed from the forwarded event in the last 24 hours"));
    }
    let log = stack.receiver_log_group(sdk).await?;
    let seen = format!(
        "{} of the last 24 hours differed from the event that was forwarded, and were not forwarded",
        count(usize::try_from(number).unwrap_or(usize::MAX), "duplicate")
    );
    let fix = "look at them; if they are other events, replay them by their ids (duffel-hooks replay --stack NAME ID)"
        .replace("NAME", &stack.name);
    let command = format!("{} --filter-pattern '{{ $.cause = \"other_*\" }}'", tail(&log, "1d"));
    Ok(Finding::warn(DUPLICATES, seen, fix).with_command(command))
}

/// Fetches the sum of a metric that a filter of the stack counts, without dimensions.
pub(super) async fn counted(
    sdk: &SdkConfig,
    stack: &Stack,
    name: &str,
    span: Duration,
) -> Result<Option<u64>, CallError> {
    Metric { namespace: &stack.name, name, dimension: None }.sum(sdk, span).await
}

fn times(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "time")
}
