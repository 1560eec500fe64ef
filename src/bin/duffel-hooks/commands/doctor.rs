//! `doctor`: the health checks of a deployment.

mod alarms;
mod checks;
mod deliveries;
mod endpoint;
mod expected;
mod finding;
mod function;
mod printer;
mod queue;
mod reconciler;
mod registration;
mod secret;
mod stack;
mod topic;
mod watch;

use std::{io, time::Duration};

use clap::{Args, value_parser};
use terminal_size::terminal_size_of;

use self::{
    finding::Finding,
    printer::{Printer, Tally},
};
use crate::shared::{Result, stack::StackArgument};

/// Checks a deployment from end to end, and says what to fix
///
/// Each check is OK, WARN (worth a look), FAIL (to be fixed) or ERROR (it could not be made). Each is
/// printed as soon as it is made, whatever the others find. Nothing is changed: no message is
/// received, and no event is sent. The receiver gets a delivery without a signature, which it must
/// refuse.
///
/// The checks at Duffel need DUFFEL_ACCESS_TOKEN, and are about that token's mode.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    stack: StackArgument,
    /// Prints one JSON object per check, with check, state, seen, fix and command, and at the end one
    /// with summary: the numbers passed, warned, failed and not_made
    #[arg(long)]
    json: bool,
    /// Checks again after this many seconds, 60 without a number, and prints only what changed. Ctrl-C
    /// ends it
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60",
        value_parser = value_parser!(u64).range(1..))]
    watch: Option<u64>,
}

const AFTER_HELP: &str = "\
AWS: region and credentials are found in the same way as by the AWS CLI. Permissions:
  cloudformation:DescribeStacks
  cloudwatch:DescribeAlarms
  cloudwatch:GetMetricStatistics
  dynamodb:DescribeTable
  dynamodb:DescribeTimeToLive
  lambda:GetAccountSettings
  secretsmanager:GetSecretValue
  sns:ListSubscriptionsByTopic (on the topics of the alarms)
  sqs:GetQueueAttributes
  and with FanOut=topic:
  sns:GetSubscriptionAttributes
  sns:GetTopicAttributes
  sns:ListSubscriptionsByTopic
A check without its permission is an ERROR, which names it; the others are made.
The secret is read, not shown.

DUFFEL_ACCESS_TOKEN and DUFFEL_API_URL: see duffel-hooks webhooks --help

Exit codes:
  0  Every check was made, and none failed
  1  At least one check failed or could not be made
  2  The command line is not valid
To test a deployment: duffel-hooks doctor --stack NAME --json, and use the exit code.";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let width = terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
    let stack = arguments.stack.name()?;
    let mut printer = Printer { out: io::stdout().lock(), json: arguments.json, width };
    if let Some(seconds) = arguments.watch {
        return watch::watch(&stack, Duration::from_secs(seconds), &mut printer).await;
    }
    let mut tally = Tally::default();
    // If nobody reads the findings any more, their number still decides on the exit code.
    let mut result = Ok(());
    let print = |finding: Finding| {
        tally.add(&finding);
        if result.is_ok() {
            result = printer.finding(&finding, None);
        }
    };
    checks::make(&stack, print).await?;
    let result = result.and_then(|()| printer.summary(tally));
    match tally.failure() {
        None => Ok(result?),
        Some(failure) => Err(failure.into()),
    }
}
