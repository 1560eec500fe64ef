//! `dlq`: what a consumer gave up, shown, written down, or moved back.

mod export;
mod redrive;
mod show;

use clap::{Args, Subcommand};
use duffel_webhook_receiver::deployment::{
    Output, Stack,
    dead_letter_queue::DeadLetters,
    in_flight::{HOLD, InFlight},
    sdk_config,
};

use crate::shared::Result;

/// Shows, moves back and exports the events that a consumer gave up
///
/// They wait in the stack's dead-letter queue, 14 days at the most.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
AWS_PROFILE, AWS_REGION and the like are as the AWS SDK knows them. Permissions:
  show     sqs:GetQueueAttributes, sqs:ReceiveMessage,
           sqs:ChangeMessageVisibility
  redrive  sqs:GetQueueAttributes, sqs:ReceiveMessage,
           sqs:ListMessageMoveTasks,
           sqs:StartMessageMoveTask, sqs:DeleteMessage;
           sqs:SendMessage on the queue that they go to,
           which accepts it from those only whom the
           stack's parameter RedrivePrincipalArns names
  export   as show; with --delete, sqs:DeleteMessage
With --stack, cloudformation:DescribeStacks; to redrive with --queue, sqs:ListDeadLetterSourceQueues.

Exit codes: 0 done, 1 failed, 2 the command line is wrong.";

impl Arguments {
    pub(crate) fn only_prints(&self) -> bool {
        match &self.command {
            Command::Show(_) => true,
            Command::Redrive(arguments) => arguments.dry_run,
            Command::Export(arguments) => arguments.to.is_none(),
        }
    }
}

// The order is that of the help.
#[derive(Subcommand)]
enum Command {
    Show(show::Arguments),
    Redrive(redrive::Arguments),
    Export(export::Arguments),
}

/// Which dead-letter queue
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The stack whose dead-letter queue it is
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// The URL of a dead-letter queue
    #[arg(long, value_name = "URL")]
    queue: Option<String>,
}

impl Which {
    /// The queue, and where its messages come from if the stack tells.
    async fn find(&self) -> Result<(DeadLetters, Option<String>)> {
        let sdk = sdk_config().await?;
        match (&self.queue, &self.stack) {
            (Some(url), _) => Ok((DeadLetters::new(&sdk, url), None)),
            (None, Some(stack)) => {
                let stack = Stack::find(&sdk, stack).await?;
                let source = stack.output(Output::QueueUrl)?.to_owned();
                Ok((DeadLetters::new(&sdk, stack.output(Output::DeadLetterQueueUrl)?), Some(source)))
            }
            (None, None) => Err("one of --stack and --queue is required".into()),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Show(arguments) => show::run(arguments).await,
        Command::Redrive(arguments) => redrive::run(arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
    }
}

/// Works with messages in hand and puts back what is left of them, however the work ends.
async fn with_in_flight<T>(
    queue: &DeadLetters,
    work: impl AsyncFnOnce(&mut InFlight) -> Result<T>,
) -> Result<T> {
    let mut hand = queue.in_flight(HOLD);
    let done = tokio::select! {
        done = work(&mut hand) => done,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    let hold = hand.longest_hold().as_secs();
    let left = tokio::select! {
        done = hand.release() => done.err().map(|error| error.to_string()),
        // Whoever cannot wait for that either.
        _ = tokio::signal::ctrl_c() => Some("interrupted again".to_owned()),
    };
    if let Some(reason) = left {
        eprintln!("duffel-hooks: {reason}: what was looked at is seen by nobody else for up to {hold} s");
    }
    done
}

/// A number of things, in words.
fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
