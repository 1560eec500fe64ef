//! `queue show`: the state of the queue, and its messages on request.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Args;
use duffel_webhook_receiver::deployment::{
    CallError, Output,
    cloudwatch::{self, Consumption},
    event_queue::EventQueue,
    health,
    in_flight::QueuedMessage,
};
use serde_json::json;

use super::consumption::{SPAN, state, words};
use crate::shared::{
    Result,
    in_flight::look_at,
    output::{Table, count, duration, remark},
    stack::StackArgument,
};

/// How long a consumer does not see a message if the command dies while it looks at it.
const HOLD: Duration = Duration::from_secs(30);

/// Shows how many events wait, how long, and whether somebody consumes them
///
/// The numbers are SQS's approximate ones. The age, and what was received and deleted in the last hour, are CloudWatch's
/// figures, which are late by minutes.
///
/// With --peek, it also shows the messages that wait. To look at a message is to receive it: that counts as an attempt of
/// a consumer, of which a message has MaxReceiveCount, and for some seconds consumers get neither the message nor others of
/// its group. SQS returns the first ten events of each group.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(super) struct Arguments {
    #[command(flatten)]
    stack: StackArgument,
    /// Receives messages to show them, which counts as an attempt of a consumer
    #[arg(long)]
    peek: bool,
    /// The maximum number of messages to show
    #[arg(
        long, value_name = "NUMBER", default_value = "20", requires = "peek",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    limit: u32,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let (sdk, stack) = arguments.stack.find().await?;
    let url = stack.output(Output::QueueUrl)?;
    let name = cloudwatch::queue_name(url);
    let queue = health::queue(&sdk, url).await?;
    let oldest = unless_unread("its age", cloudwatch::oldest_age(&sdk, name).await);
    let oldest = oldest.flatten().map(Duration::from_secs);
    let figures = unless_unread("its figures", cloudwatch::consumption(&sdk, name, SPAN).await);
    let messages = if arguments.peek {
        peek(&EventQueue::new(&sdk, url), &queue, usize::try_from(arguments.limit)?).await?
    } else {
        Vec::new()
    };
    let arn = stack.output(Output::QueueArn).ok();
    // Without the permission, nothing can be said about consumers.
    let known = figures.map(|figures| (state(&queue, oldest, figures), figures));
    let conclusion = known.map(|(state, figures)| (state, words(state, &queue, figures, &stack.name, arn)));
    let out = &mut io::stdout().lock();
    if arguments.json {
        let figures = figures.flatten();
        let (state, said) = conclusion.unzip();
        let (text, fix) = said.unzip();
        let (fix, command) = fix.flatten().unzip();
        let json = json!({
            "url": url, "waiting": queue.waiting, "in_flight": queue.in_flight, "delayed": queue.delayed,
            "oldest_seconds": oldest.map(|age| age.as_secs()),
            "received": figures.map(|figures| figures.received),
            "deleted": figures.map(|figures| figures.deleted),
            "state": state, "text": text, "fix": fix, "command": command,
            "messages": arguments.peek.then(|| messages.iter().map(QueuedMessage::json).collect::<Vec<_>>()),
        });
        return Ok(writeln!(out, "{json}")?);
    }
    writeln!(out, "{url}\n")?;
    for (name, value) in figures_of(&queue, oldest, figures.flatten()) {
        writeln!(out, "{name:9}  {value}")?;
    }
    if arguments.peek {
        show(&messages, &queue, out)?;
    }
    let Some((_, (text, fix))) = conclusion else { return Ok(()) };
    writeln!(out, "\n{text}")?;
    if let Some((fix, command)) = fix {
        writeln!(out, "  → {fix}:\n    {command}")?;
    }
    Ok(())
}

/// Returns a figure; or remarks why it could not be read.
fn unless_unread<T>(what: &str, read: std::result::Result<T, CallError>) -> Option<T> {
    read.inspect_err(|error| remark(&format!("duffel-hooks: {what}: {error}"))).ok()
}

fn figures_of(
    queue: &health::Queue,
    oldest: Option<Duration>,
    figures: Option<Consumption>,
) -> Vec<(&'static str, String)> {
    let none = "no figures".to_owned();
    let hour = figures.map(|it| format!("{} received, {} deleted", it.received, it.deleted));
    let delayed = (queue.delayed > 0).then(|| ("delayed", queue.delayed.to_string()));
    let before = [("waiting", queue.waiting.to_string()), ("in flight", queue.in_flight.to_string())];
    let after = [
        ("oldest", oldest.map_or_else(|| none.clone(), duration)),
        ("last hour", hour.unwrap_or_else(|| none.clone())),
    ];
    before.into_iter().chain(delayed).chain(after).collect()
}

/// Receives messages, and releases them.
async fn peek(queue: &EventQueue, state: &health::Queue, limit: usize) -> Result<Vec<QueuedMessage>> {
    match state.max_receives {
        Some(1) => {
            return Err("MaxReceiveCount is 1: a message that was looked at would become a dead letter before a consumer \
                        gets it"
                .into());
        }
        Some(most) => remark(&format!(
            "A look at a message counts as one of the {most} receives after which it becomes a dead letter."
        )),
        None => {}
    }
    look_at(queue.in_flight(HOLD), limit).await
}

fn show(messages: &[QueuedMessage], queue: &health::Queue, out: &mut impl Write) -> io::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let now = SystemTime::now();
    let mut table = Table::new(["TYPE", "ID", "GROUP", "AGE", "RECEIVES", "BYTES"]);
    for message in messages {
        let text = |name| message.attribute(name).unwrap_or_default().to_owned();
        let sent = message.sent_at().map(|at| UNIX_EPOCH + Duration::from_millis(at));
        let age = sent.and_then(|sent| now.duration_since(sent).ok());
        table.push([
            text("event_type"),
            text("event_id"),
            message.group().unwrap_or_default().to_owned(),
            age.map(duration).unwrap_or_default(),
            message.receive_count().unwrap_or_default().to_owned(),
            message.size().to_string(),
        ]);
    }
    writeln!(out)?;
    table.print(out)?;
    let groups: BTreeSet<_> = messages.iter().map(QueuedMessage::group).collect();
    let shown = format!("{} of {}", count(messages.len(), "message"), count(groups.len(), "group"));
    match queue.all().saturating_sub(messages.len()) {
        0 => writeln!(out, "\n{shown}"),
        hidden => writeln!(
            out,
            "\n{shown}; {hidden} more: beyond --limit, in flight, or behind ten others of their group"
        ),
    }
}
