//! `doctor`: what an operator would look at, and what to do about what is found.

mod deliveries;
mod endpoint;
mod finding;
mod registration;
mod stack;

use std::{
    env,
    io::{self, Write},
};

use clap::Args;
use duffel_webhook_receiver::{
    deployment::{Output, Stack, StackError, sdk_config},
    duffel::DEFAULT_URL,
};
use terminal_size::terminal_size_of;

use self::{
    finding::{Finding, State},
    registration::Expected,
};
use crate::shared::{Result, duffel};

/// Looks at a deployment from end to end, and says what to fix
///
/// Each check is OK, WARN (worth a look) or FAIL (to be fixed). Every check is made, whatever the
/// others find, and nothing is changed: no message is received, and no event sent. The receiver is
/// asked by a delivery without a signature, which it must refuse.
///
/// What is asked of Duffel needs DUFFEL_ACCESS_TOKEN, and is about that token's mode.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    /// The stack to look at
    #[arg(long, value_name = "NAME")]
    stack: String,
    /// Prints one JSON object a check, with check, state, seen, fix and command
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
AWS_PROFILE, AWS_REGION and the like are as the AWS SDK knows them. Permissions:
  cloudformation:DescribeStacks
  cloudwatch:GetMetricStatistics
  dynamodb:DescribeTable
  dynamodb:DescribeTimeToLive
  secretsmanager:GetSecretValue
  sqs:GetQueueAttributes
A check whose permission is missing says so; the others are made. The secret is read, not shown.

DUFFEL_ACCESS_TOKEN and DUFFEL_API_URL: see duffel-hooks webhooks --help

Exit codes:
  0  Nothing failed
  1  Something is to be fixed
  2  The command line is wrong";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let findings = look(&arguments.stack).await?;
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
        (1, _) => Err("1 check failed".into()),
        (failed, _) => Err(format!("{failed} checks failed").into()),
    }
}

async fn look(name: &str) -> Result<Vec<Finding>> {
    let sdk = sdk_config().await?;
    let (stack, first) = match Stack::find(&sdk, name).await {
        Ok(stack) => {
            let finding = stack::state(&stack);
            (Some(stack), finding)
        }
        Err(error) => (None, Finding::unknown("stack", &error)),
    };
    let unknown = |error: StackError| error.to_string();
    let url = match &stack {
        Some(stack) => stack.output(Output::WebhookUrl).map(str::to_owned).map_err(unknown),
        None => Err("without the stack its address is not known".to_owned()),
    };
    let has_token = env::var_os("DUFFEL_ACCESS_TOKEN").is_some();
    let client = has_token.then(duffel::client);
    let duffel = env::var("DUFFEL_API_URL").ok().filter(|url| !url.trim().is_empty());
    let duffel = has_token.then(|| duffel.unwrap_or_else(|| DEFAULT_URL.to_owned()));
    let expected = match (&stack, url.clone()) {
        (Some(stack), Ok(url)) => Ok(Expected::new(stack, url)),
        (_, url) => Err(url.err().unwrap_or_default()),
    };
    let at_duffel = tokio::task::spawn_blocking(move || registration::look(client, expected));
    let at_door = tokio::task::spawn_blocking(move || {
        endpoint::look(url.as_deref().map_err(String::as_str), duffel.as_deref())
    });
    let in_stack = async {
        match &stack {
            Some(stack) => Box::pin(stack::look(&sdk, stack)).await,
            None => vec![Finding::skipped(
                "secret, queue, ledger",
                "without the stack it is not known where they are",
            )],
        }
    };
    let (in_stack, at_door, at_duffel) = tokio::join!(in_stack, at_door, at_duffel);
    Ok([first].into_iter().chain(at_door?).chain(in_stack).chain(at_duffel?).collect())
}
