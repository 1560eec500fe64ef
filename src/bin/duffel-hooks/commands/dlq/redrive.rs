//! `dlq redrive`: the dead letters back to where they came from.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use clap::Args;
use duffel_webhook_receiver::deployment::dead_letter_queue::{DeadLetters, Move};
use tokio::time::sleep;

use super::{Which, count};
use crate::shared::{Result, printout::Printout};

const POLL: Duration = Duration::from_secs(1);

/// Started, a move shows itself within this time.
const APPEARANCE: Duration = Duration::from_mins(1);

/// Moves the dead letters back to the queue that they came from, whose consumer gets them again
///
/// SQS moves them, oldest first, and those that come meanwhile may stand between them. They begin
/// anew: message id, receive count and 14 days. SQS's deduplication does not hold them back: a
/// dead letter has its first message id for a MessageDeduplicationId, and is not an event's
/// repetition to SQS. The attribute identity is what it was: a consumer that notes it before the
/// work is done passes over the event.
///
/// A move that is running already is followed, not started twice. Ended here, it goes on.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How many to move in a second at the most, up to 500 [default: as SQS sees fit]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=500))]
    max_per_second: Option<u16>,
    /// Says what would be moved, and moves nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (queue, source) = arguments.which.find().await?;
    let (arn, depth) = queue.depth().await?;
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
        return Err(
            format!("no queue sends its dead letters to {}: there is no way back", queue.url()).into()
        );
    }
    let rate = arguments.max_per_second.map(|rate| format!(", {rate} per second at the most"));
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
    let mut progress = Progress::default();
    let ended = tokio::select! {
        ended = follow(&queue, &arn, started_before, &mut progress) => ended,
        _ = tokio::signal::ctrl_c() => Err("interrupted: SQS goes on with the move; dlq redrive follows it again".into()),
    };
    progress.end();
    printout.line(report(&queue, &ended?).await?);
    printout.finish()
}

/// Waits for a move to end and tells of its progress.
async fn follow(
    queue: &DeadLetters,
    arn: &str,
    started_before: Option<i64>,
    progress: &mut Progress,
) -> Result<Move> {
    let mut waited = Duration::ZERO;
    loop {
        // SQS names only the running move, so that which is not the one before is ours.
        match queue.last_move(arn).await?.filter(|task| Some(task.started) != started_before) {
            Some(task) if !task.is_running() => return Ok(task),
            Some(task) => progress.tell(&task),
            None if waited >= APPEARANCE => {
                return Err("SQS took the order but shows no move: look again with --dry-run".into());
            }
            None => {}
        }
        sleep(POLL).await;
        waited += POLL;
    }
}

/// The result of a move in words; an error if it did not end well.
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
    let hint = if is_denied { ". Does the stack's parameter RedrivePrincipalArns name you?" } else { "" };
    Err(format!("the move is {}{reason}: {result}{hint}", ended.status).into())
}

/// One line that changes for a terminal; a line for each change for a file.
#[derive(Default)]
struct Progress {
    told: Option<i64>,
}

impl Progress {
    fn tell(&mut self, task: &Move) {
        if self.told.replace(task.moved) == Some(task.moved) {
            return;
        }
        let of = task.of.map(|all| format!(" of {all}")).unwrap_or_default();
        let line = format!("{}{of} moved", task.moved);
        let mut out = io::stderr();
        let end = if out.is_terminal() { '\r' } else { '\n' };
        // Whoever does not listen misses nothing: the result follows.
        let _ = write!(out, "{line:<40}{end}").and_then(|()| out.flush());
    }

    fn end(&mut self) {
        let mut out = io::stderr();
        if self.told.is_some() && out.is_terminal() {
            // Ctrl-C is shown on the line as well.
            let _ = write!(out, "\r{:44}\r", "");
        }
    }
}
