//! `doctor`: the health checks of a deployment.

mod deliveries;
mod endpoint;
mod expected;
mod finding;
mod registration;
mod stack;
mod topic;

use std::{
    env,
    io::{self, Write},
};

use clap::Args;
use duffel_webhook_receiver::deployment::{Output, Stack, StackError};
use terminal_size::terminal_size_of;

use self::{
    expected::Expected,
    finding::{Finding, State},
};
use crate::shared::{
    Result, duffel,
    output::count,
    stack::{StackArgument, StackName},
};

/// Checks a deployment from end to end, and says what to fix
///
/// Each check is OK, WARN (worth a look) or FAIL (to be fixed). Every check is made, whatever the
/// others find. Nothing is changed: no message is received, and no event is sent. The receiver gets
/// a delivery without a signature, which it must refuse.
///
/// The checks at Duffel need DUFFEL_ACCESS_TOKEN, and are about that token's mode.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    stack: StackArgument,
    /// Prints one JSON object per check, with check, state, seen, fix and command
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
AWS: region and credentials are found in the same way as by the AWS CLI. Permissions:
  cloudformation:DescribeStacks
  cloudwatch:GetMetricStatistics
  dynamodb:DescribeTable
  dynamodb:DescribeTimeToLive
  secretsmanager:GetSecretValue
  sqs:GetQueueAttributes
  and with FanOut=topic:
  sns:GetSubscriptionAttributes
  sns:GetTopicAttributes
  sns:ListSubscriptionsByTopic
A check without its permission says so; the others are made.
The secret is read, not shown.

DUFFEL_ACCESS_TOKEN and DUFFEL_API_URL: see duffel-hooks webhooks --help

Exit codes:
  0  Nothing failed
  1  At least one check failed
  2  The command line is not valid";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let findings = check(&arguments.stack.name()?).await?;
    let out = &mut io::stdout().lock();
    let printed = if arguments.json {
        findings.iter().try_for_each(|finding| writeln!(out, "{}", finding.json()))
    } else {
        let width = terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
        finding::print(&findings, width, out)
    };
    let number = |state| findings.iter().filter(|finding| finding.state == state).count();
    match (number(State::Fail), number(State::Warn)) {
        (0, _) => Ok(printed?),
        (failed, _) => Err(format!("{} failed", count(failed, "check")).into()),
    }
}

async fn check(name: &StackName) -> Result<Vec<Finding>> {
    let sdk = name.sdk_config().await?;
    let (stack, first) = match Stack::find(&sdk, &name.name).await {
        Ok(stack) => {
            let finding = stack::state(&stack);
            (Some(stack), finding)
        }
        Err(error) => (None, Finding::unknown("stack", &error)),
    };
    let unknown = |error: StackError| error.to_string();
    let url = match &stack {
        Some(stack) => stack.output(Output::WebhookUrl).map(str::to_owned).map_err(unknown),
        None => Err("without the stack, its URL is not known".to_owned()),
    };
    let has_token = env::var_os("DUFFEL_ACCESS_TOKEN").is_some();
    let client = has_token.then(duffel::client);
    let duffel = has_token.then(duffel::api_url);
    let expected = match (&stack, url.clone()) {
        (Some(stack), Ok(url)) => Ok(Expected::new(stack, url)),
        (_, url) => Err(url.err().unwrap_or_default()),
    };
    let at_duffel = tokio::task::spawn_blocking(move || registration::check(client, expected));
    let at_endpoint = tokio::task::spawn_blocking(move || {
        endpoint::check(url.as_deref().map_err(String::as_str), duffel.as_deref())
    });
    let in_stack = async {
        match &stack {
            Some(stack) => {
                let (parts, topic) =
                    tokio::join!(Box::pin(stack::check(&sdk, stack)), Box::pin(topic::check(&sdk, stack)));
                parts.into_iter().chain(topic).collect()
            }
            None => vec![Finding::skipped(
                "secret, queue, ledger",
                "without the stack, their names are not known",
            )],
        }
    };
    let (in_stack, at_endpoint, at_duffel) = tokio::join!(in_stack, at_endpoint, at_duffel);
    Ok([first].into_iter().chain(at_endpoint?).chain(in_stack).chain(at_duffel?).collect())
}
