//! `doctor`: what an operator would look at, and what to do about what is found.

mod door;
mod registration;
mod stack;

use std::{
    env,
    io::{self, Write},
};

use clap::Args;
use duffel_webhook_receiver::{
    duffel::DEFAULT_URL,
    log::chain,
    operator::{Output, Stack, sdk_config},
};
use serde_json::json;

use crate::{Result, api};

/// Looks at a deployment from end to end, and says what to fix
///
/// One line a check: OK; WARN, worth a look; FAIL, to be fixed. Every check is made, whatever the
/// others find, and nothing is changed: no message is received, and no event sent. The receiver is
/// asked by a delivery without a signature, which it must refuse.
///
/// What is asked of Duffel needs DUFFEL_ACCESS_TOKEN, and is about that token's mode.
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = AFTER_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    /// The stack to look at
    #[arg(long, value_name = "NAME")]
    stack: String,
    /// Prints one JSON object a check, with check, state, seen and fix
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
AWS_PROFILE, AWS_REGION and the like are as the AWS SDK knows them. Permissions:
  cloudformation:DescribeStacks     cloudwatch:GetMetricStatistics
  dynamodb:DescribeTable            dynamodb:DescribeTimeToLive
  secretsmanager:GetSecretValue     sqs:GetQueueAttributes
A check whose permission is missing says so; the others are made. The secret is read, not shown.

DUFFEL_ACCESS_TOKEN and DUFFEL_API_URL: see duffel-hooks webhooks --help

Exit codes:
  0  Nothing failed
  1  Something is to be fixed
  2  The command line is wrong";

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// What a check saw.
struct Finding {
    check: &'static str,
    state: State,
    seen: String,
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, state: State::Ok, seen: seen.into(), fix: None }
    }

    fn warn(check: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Warn, seen: seen.into(), fix: Some(fix.into()) }
    }

    fn fail(check: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Fail, seen: seen.into(), fix: Some(fix.into()) }
    }

    /// A check that was not made, and why.
    fn skipped(check: &'static str, reason: &str) -> Self {
        Self { check, state: State::Warn, seen: format!("not looked at: {reason}"), fix: None }
    }

    /// A check that failed to be made, which is a finding too. The error says what to do.
    fn unknown(check: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self { check, state: State::Fail, seen: chain(error), fix: None }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let findings = look(&arguments.stack).await?;
    let out = &mut io::stdout().lock();
    let widest = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    for Finding { check, state, seen, fix } in &findings {
        if arguments.json {
            let finding = json!({ "check": check, "state": state.word(), "seen": seen, "fix": fix });
            writeln!(out, "{finding}")?;
        } else {
            let fix = fix.as_ref().map(|fix| format!(" → {fix}")).unwrap_or_default();
            writeln!(out, "{:4}  {check:widest$}  {seen}{fix}", state.word())?;
        }
    }
    let number = |state| findings.iter().filter(|finding| finding.state == state).count();
    match (number(State::Fail), number(State::Warn)) {
        (0, _) => Ok(()),
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
    let url = stack.as_ref().and_then(|stack| stack.output(Output::WebhookUrl).ok()).map(str::to_owned);
    let has_token = env::var_os("DUFFEL_ACCESS_TOKEN").is_some();
    let client = has_token.then(api::client);
    let duffel = env::var("DUFFEL_API_URL").ok().filter(|url| !url.trim().is_empty());
    let duffel = has_token.then(|| duffel.unwrap_or_else(|| DEFAULT_URL.to_owned()));
    let mode = stack.as_ref().and_then(|stack| stack.parameter("LiveMode")).map(str::to_owned);
    let here = url.clone();
    let at_duffel =
        tokio::task::spawn_blocking(move || registration::look(client, here.as_deref(), mode.as_deref()));
    let at_door = tokio::task::spawn_blocking(move || door::look(url.as_deref(), duffel.as_deref()));
    let in_stack = async {
        match &stack {
            Some(stack) => Box::pin(stack::look(&sdk, stack)).await,
            None => vec![Finding::skipped(
                "secret, queue, ledger",
                "without the stack nobody knows where they are",
            )],
        }
    };
    let (in_stack, at_door, at_duffel) = tokio::join!(in_stack, at_door, at_duffel);
    Ok([first].into_iter().chain(at_door?).chain(in_stack).chain(at_duffel?).collect())
}
