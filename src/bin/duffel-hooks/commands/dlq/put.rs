//! `dlq put`: sends exported dead letters to their queue.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::PathBuf,
};

use clap::Args;
use duffel_webhook_receiver::deployment::{dead_letter_queue::DeadLetters, resend::Resend};
use serde_json::Value;

use super::Which;
use crate::shared::{
    Result,
    output::{count, remark},
    printout::Printout,
    progress::Steps,
    signals::Signals,
};

/// Sends the dead letters of a file to their queue, whose consumer receives them again
///
/// The file is one of `dlq export`, and is read as a whole before the first message is sent. Messages
/// keep their order, group, body and attributes, and get a new message id. SQS drops a message that
/// this command sent in the last 5 minutes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The file of `dlq export`
    file: PathBuf,
    #[command(flatten)]
    which: Which,
    /// Leaves out so many messages at the beginning of the file
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    skip: usize,
    /// Prints what would be sent, and sends nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let messages = read(&arguments.file)?;
    let all = messages.len();
    let (queue, source) = arguments.which.find().await?;
    let source = destination(&queue, source).await?;
    let messages = messages.get(arguments.skip..).unwrap_or_default();
    let mut printout = Printout::default();
    let plan = format!("{} of {all} to {source}", count(messages.len(), "message"));
    if arguments.dry_run {
        printout.line(format_args!("Would send {plan}"));
        return printout.finish();
    }
    printout.line(format_args!("Sending {plan}"));
    let mut signals = Signals::listen()?;
    let mut steps = Steps::new(messages.len(), "sent");
    let mut sent = arguments.skip;
    let ended = loop {
        let Some(message) = messages.get(sent - arguments.skip) else { break Ok(()) };
        let result = tokio::select! {
            result = queue.resend(&source, message) => result.map_err(Into::into),
            _ = signals.next() => Err("interrupted".into()),
        };
        if result.is_err() {
            break result;
        }
        sent += 1;
        steps.show(sent - arguments.skip);
    };
    steps.end();
    let done = sent - arguments.skip;
    remark(&format!("{done} of {} sent", messages.len()));
    match ended {
        Ok(()) => printout.finish(),
        Err(error) => {
            let error: Box<dyn std::error::Error + Send + Sync> = error;
            Err(format!("{error}: the next message may be in the queue; to go on, add --skip {sent}").into())
        }
    }
}

/// The queue that the dead letters come from.
pub(super) async fn destination(queue: &DeadLetters, of_stack: Option<String>) -> Result<String> {
    if let Some(source) = of_stack {
        return Ok(source);
    }
    match &queue.sources().await?[..] {
        [source] => Ok(source.clone()),
        sources => Err(format!(
            "{} queues have {} as their dead-letter queue: use --stack",
            sources.len(),
            queue.url()
        )
        .into()),
    }
}

fn read(path: &std::path::Path) -> Result<Vec<Resend>> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let lines = BufReader::new(file).lines().enumerate();
    let message = |(index, line): (usize, std::io::Result<String>)| {
        let explain = |reason: String| format!("{shown}, line {}: {reason}", index + 1);
        let line = line.map_err(|error| explain(error.to_string()))?;
        let value: Value = serde_json::from_str(&line).map_err(|error| explain(error.to_string()))?;
        Ok(Resend::read(&value).map_err(|error| explain(error.to_string()))?)
    };
    lines.map(message).collect()
}
