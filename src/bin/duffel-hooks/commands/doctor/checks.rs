//! The order of all checks. They are made at the same time, and reported in this order.

use std::{env, sync::Arc};

use aws_config::SdkConfig;
use duffel_webhook_receiver::deployment::{Output, Stack, StackError};
use tokio::task::{JoinHandle, spawn, spawn_blocking};

use super::{
    alarms, endpoint, expected::Expected, finding::Finding, function, queue, reconciler, registration,
    secret, stack, topic,
};
use crate::shared::{Result, duffel, stack::StackName};

/// Makes all checks of a stack, and gives each finding to a function as soon as it and those before it are known.
///
/// # Errors
/// If AWS cannot be called at all.
pub(super) async fn make(name: &StackName, mut report: impl FnMut(Finding)) -> Result<()> {
    let sdk = name.sdk_config().await?;
    let stack = match Stack::find(&sdk, &name.name).await {
        Ok(stack) => {
            report(stack::state(&stack));
            Some(Arc::new(stack))
        }
        Err(error) => {
            report(Finding::unknown("stack", &error));
            None
        }
    };
    let of_stack = stack.as_ref().map(|stack| in_stack(&sdk, stack));
    if of_stack.is_none() {
        report(Finding::skipped("secret, queue, ledger", "without the stack, their names are not known"));
    }
    let outside = outside(stack.as_deref());
    for checks in of_stack.into_iter().flatten().chain(outside) {
        checks.await?.into_iter().for_each(&mut report);
    }
    Ok(())
}

/// The checks in AWS.
fn in_stack(sdk: &SdkConfig, stack: &Arc<Stack>) -> Vec<JoinHandle<Vec<Finding>>> {
    macro_rules! start {
        ($($check:path),*) => {
            vec![$({
                let (sdk, stack) = (sdk.clone(), Arc::clone(stack));
                spawn(async move { $check(&sdk, &stack).await })
            }),*]
        };
    }
    start![
        secret::check,
        queue::check,
        topic::check,
        stack::check,
        function::check,
        reconciler::check,
        alarms::check
    ]
}

/// The checks at the endpoint and at Duffel, which may take longer.
fn outside(stack: Option<&Stack>) -> [JoinHandle<Vec<Finding>>; 2] {
    let unknown = |error: StackError| error.to_string();
    let url = match stack {
        Some(stack) => stack.output(Output::WebhookUrl).map(str::to_owned).map_err(unknown),
        None => Err("without the stack, its URL is not known".to_owned()),
    };
    let log = stack.and_then(|stack| stack.output(Output::ReceiverLogGroup).ok());
    let log = log.map(|group| function::tail(group, "15m"));
    let has_token = env::var_os("DUFFEL_ACCESS_TOKEN").is_some();
    let client = has_token.then(duffel::client);
    let duffel = has_token.then(duffel::api_url);
    let expected = match (stack, url.clone()) {
        (Some(stack), Ok(url)) => Ok(Expected::new(stack, url)),
        (_, url) => Err(url.err().unwrap_or_default()),
    };
    [
        spawn_blocking(move || {
            endpoint::check(url.as_deref().map_err(String::as_str), duffel.as_deref(), log.as_deref())
        }),
        spawn_blocking(move || registration::check(client, expected)),
    ]
}
