//! `dlq`: shows, exports and redrives dead letters.

mod drop;
mod export;
mod put;
mod redrive;
mod selection;
mod show;

use clap::{Args, Subcommand};
use duffel_webhook_receiver::deployment::{Output, dead_letter_queue::DeadLetters, sdk_config};

use crate::shared::{Result, stack::StackArgument};

/// Shows, redrives, deletes and exports the dead letters
///
/// Dead letters are the messages that a consumer failed to process. They wait in the stack's
/// dead-letter queue for at most 14 days.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
AWS: region and credentials are found in the same way as by the AWS CLI. Permissions:
  show     sqs:GetQueueAttributes, sqs:ReceiveMessage,
           sqs:ChangeMessageVisibility
  redrive  sqs:GetQueueAttributes, sqs:ReceiveMessage,
           sqs:ListMessageMoveTasks,
           sqs:StartMessageMoveTask, sqs:DeleteMessage;
           sqs:SendMessage on the destination, which
           accepts it only from the principals in the
           stack's parameter RedrivePrincipalArns
           With --id or --type, as drop, and
           sqs:SendMessage
  drop     as show, and sqs:DeleteMessage
  export   as show; with --delete, sqs:DeleteMessage
  put      sqs:SendMessage on the destination, as redrive
With --stack, cloudformation:DescribeStacks.
To redrive or put with --queue,
sqs:ListDeadLetterSourceQueues.

Exit codes:
  0  Done
  1  Failed
  2  The command line is not valid";

impl Arguments {
    pub(crate) fn only_prints(&self) -> bool {
        match &self.command {
            Command::Show(_) => true,
            Command::Redrive(arguments) => arguments.dry_run,
            Command::Export(arguments) => arguments.to.is_none(),
            Command::Drop(arguments) => arguments.dry_run,
            Command::Put(arguments) => arguments.dry_run,
        }
    }
}

// The order is that of the help.
#[derive(Subcommand)]
enum Command {
    Show(show::Arguments),
    Redrive(redrive::Arguments),
    Drop(drop::Arguments),
    Export(export::Arguments),
    Put(put::Arguments),
}

/// Which dead-letter queue
#[derive(Args)]
struct Which {
    #[command(flatten)]
    stack: StackArgument,
    /// The URL of a dead-letter queue, instead of the stack's
    #[arg(long, value_name = "URL", conflicts_with = "stack")]
    queue: Option<String>,
}

impl Which {
    /// Finds the queue; and with a stack, the queue that its messages come from.
    async fn find(&self) -> Result<(DeadLetters, Option<String>)> {
        if let Some(url) = &self.queue {
            return Ok((DeadLetters::new(&sdk_config().await?, url), None));
        }
        let (sdk, stack) = self.stack.find().await?;
        let source = stack.output(Output::QueueUrl)?.to_owned();
        Ok((DeadLetters::new(&sdk, stack.output(Output::DeadLetterQueueUrl)?), Some(source)))
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Show(arguments) => show::run(arguments).await,
        Command::Redrive(arguments) => redrive::run(arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
        Command::Drop(arguments) => drop::run(arguments).await,
        Command::Put(arguments) => put::run(arguments).await,
    }
}
