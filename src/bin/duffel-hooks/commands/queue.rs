//! `queue`: the queue of events.

mod consumption;
mod show;

use clap::{Args, Subcommand};

use crate::shared::Result;

/// Shows the queue from which consumers take events
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
AWS: region and credentials are found in the same way as by the AWS CLI. Permissions:
  cloudformation:DescribeStacks
  cloudwatch:GetMetricStatistics
  sqs:GetQueueAttributes  on the queue
  with --peek, sqs:ReceiveMessage and sqs:ChangeMessageVisibility on the queue,
  which the stack's policy for operators does not have

Exit codes:
  0  Shown
  1  Failed
  2  The command line is not valid";

#[derive(Subcommand)]
enum Command {
    Show(show::Arguments),
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let Command::Show(arguments) = &arguments.command;
    show::run(arguments).await
}
