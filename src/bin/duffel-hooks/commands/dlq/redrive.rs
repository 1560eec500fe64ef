//! `dlq redrive`: moves the dead letters back to their queue.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use duffel_webhook_receiver::deployment::{
    dead_letter_queue::{DeadLetters, Move},
    in_flight::QueuedMessage,
    resend::Resend,
};
use tokio::time::sleep;

use super::{Which, drop::none_of, put::destination, selection::Selection, show};
use crate::shared::{Result, output::count, printout::Printout, progress::Progress, signals::Signals};

const POLL: Duration = Duration::from_secs(1);

/// A move that was started is listed within this time.
const APPEARANCE: Duration = Duration::from_mins(1);

/// Moves the dead letters back to their queue, whose consumer receives them again
///
/// SQS moves them, oldest first; new messages may arrive between them. They get a new message id, a
/// receive count of 0 and another 14 days. SQS's deduplication does not drop them: the
/// MessageDeduplicationId of a dead letter is its first message id. The attribute identity stays the
/// same: a consumer that records it before its work is done skips the event.
///
/// If a move is running already, this command follows it. If the command ends, the move goes on.
///
/// With --id or --type, this command itself sends the selected dead letters to the queue, one by one,
/// and then deletes them. If it is interrupted, the rest stays in the dead-letter queue.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    selection: Selection,
    /// The maximum number to move per second, up to 500 [default: SQS decides]
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["ids", "types"], value_parser = clap::value_parser!(u16).range(1..=500))]
    max_per_second: Option<u16>,
    /// Prints what would be moved, and moves nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (queue, source) = arguments.which.find().await?;
    let (arn, depth) = queue.depth().await?;
    if !arguments.selection.is_all() {
        return redrive_selected(arguments, &queue, source).await;
    }
    let before = queue.last_move(&arn).await?;
    let running = before.as_ref().filter(|task| task.is_running());
    let mut printout = Printout::default();
    if depth.all() == 0 && running.is_none() {
        printout.line(format_args!("No dead letters in {}", queue.url()));
        return printout.finish();
    }
    let letters = count(depth.all(), "dead letter");
    let sources = match source {
        Some(source) => source,
        None => queue.sources().await?.join(" and "),
    };
    if sources.is_empty() {
        return Err(format!(
            "no queue has {} as its dead-letter queue, so there is no queue to move them to",
            queue.url()
        )
        .into());
    }
    let rate = arguments.max_per_second.map(|rate| format!(", at most {rate} per second"));
    let plan = format!("{letters} from {}\n  to {sources}{}", queue.url(), rate.unwrap_or_default());
    if arguments.dry_run {
        let running = running.map(|_| "\nA move is running already and would be followed.");
        writeln!(io::stdout(), "Would move {plan}{}", running.unwrap_or_default())?;
        return Ok(());
    }
    if running.is_some() {
        printout.line("A move is running already: following it");
    } else {
        printout.line(format_args!("Moving {plan}"));
        queue.start_move(&arn, arguments.max_per_second).await?;
    }
    let started_before = before.filter(|task| !task.is_running()).map(|task| task.started);
    let mut progress = Progress::of_operation();
    let mut signals = Signals::listen()?;
    let ended = tokio::select! {
        ended = follow(&queue, &arn, started_before, &mut progress) => ended,
        _ = signals.next() => Err("interrupted: SQS continues the move; run dlq redrive to follow it again".into()),
    };
    progress.end();
    printout.line(report(&queue, &ended?).await?);
    printout.finish()
}

/// Sends the selected dead letters to their queue, and deletes them.
async fn redrive_selected(arguments: &Arguments, queue: &DeadLetters, source: Option<String>) -> Result<()> {
    let source = destination(queue, source).await?;
    let mut printout = Printout::default();
    if arguments.dry_run {
        let (selected, seen) = arguments.selection.find(queue).await?;
        if selected.is_empty() {
            return Err(none_of(seen).into());
        }
        printout.text(&show::table(&selected));
        printout.line(format_args!("Would move {} to {source}", count(selected.len(), "dead letter")));
        return printout.finish();
    }
    let resend =
        async |letter: &QueuedMessage| Ok(queue.resend(&source, &Resend::read(&letter.json())?).await?);
    let (done, ended) = arguments.selection.take(queue, resend).await;
    printout.line(format_args!("{} moved to {source}", count(done, "dead letter")));
    let seen = ended?;
    if done == 0 { Err(none_of(seen).into()) } else { printout.finish() }
}

/// Waits for the end of a move, and shows its progress.
async fn follow(
    queue: &DeadLetters,
    arn: &str,
    started_before: Option<i64>,
    progress: &mut Progress,
) -> Result<Move> {
    let mut waited = Duration::ZERO;
    loop {
        // SQS gives a move no id before it runs. Any move but the previous one is ours.
        match queue.last_move(arn).await?.filter(|task| Some(task.started) != started_before) {
            Some(task) if !task.is_running() => return Ok(task),
            Some(task) => {
                let of = task.of.map(|all| format!(" of {all}")).unwrap_or_default();
                progress.show(format!("{}{of} moved", task.moved));
            }
            None if waited >= APPEARANCE => {
                return Err("SQS accepted the request but lists no move: check again with --dry-run".into());
            }
            None => {}
        }
        sleep(POLL).await;
        waited += POLL;
    }
}

/// Describes the result of a move. Fails if the move failed.
async fn report(queue: &DeadLetters, ended: &Move) -> Result<String> {
    let moved = usize::try_from(ended.moved)?;
    let of = ended.of.map(|all| format!(" of {all}")).unwrap_or_default();
    let left = queue.depth().await?.1.all();
    let result = format!("{moved}{of} moved, {left} left");
    if ended.status == "COMPLETED" {
        return Ok(result);
    }
    let reason = ended.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let is_denied = reason.to_lowercase().contains("denied");
    let hint = if is_denied { ". Are you in the stack's parameter RedrivePrincipalArns?" } else { "" };
    Err(format!("the move is {}{reason}: {result}{hint}", ended.status).into())
}
