//! `dlq show`: shows the dead letters.

use std::io::{self, Write};

use clap::Args;
use duffel_webhook_receiver::deployment::{
    dead_letter_queue::Depth,
    in_flight::{HOLD, QueuedMessage},
};

use super::Which;
use crate::shared::{
    Result,
    in_flight::look_at,
    output::{Table, count},
};

/// Shows the dead letters, and leaves them in the queue
///
/// To show a message is to receive it: the number under RECEIVES includes it. Meanwhile, for some
/// seconds, the messages are invisible to others. SQS returns the first ten events of each object.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The maximum number to show
    #[arg(long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Prints whole messages, one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (queue, _) = arguments.which.find().await?;
    let (_, depth) = queue.depth().await?;
    let limit = usize::try_from(arguments.limit)?;
    let letters = look_at(queue.in_flight(HOLD), limit).await?;
    let out = &mut io::stdout().lock();
    if arguments.json {
        return Ok(letters.iter().try_for_each(|letter| writeln!(out, "{}", letter.json()))?);
    }
    // SQS's count is approximate, and may be less than the number received.
    let all = depth.all().max(letters.len());
    if all == 0 {
        return Ok(writeln!(out, "No dead letters in {}", queue.url())?);
    }
    writeln!(out, "{} in {}", count(all, "dead letter"), queue.url())?;
    if !letters.is_empty() {
        write!(out, "\n{}", table(&letters))?;
    }
    if let Some(rest) = rest(all, letters.len(), limit, depth) {
        writeln!(out, "\n{rest}")?;
    }
    Ok(())
}

/// A table of dead letters.
pub(super) fn table(letters: &[QueuedMessage]) -> String {
    let mut table = Table::new(["TYPE", "ID", "IDEMPOTENCY KEY", "FIRST RECEIVED", "RECEIVES", "BYTES"]);
    for letter in letters {
        table.push(row(letter));
    }
    table.text()
}

fn row(letter: &QueuedMessage) -> [String; 6] {
    let text = |name| letter.attribute(name).unwrap_or_default().to_owned();
    let received_at = letter.attribute("received_at").map(|text| match humantime::parse_rfc3339_weak(text) {
        Ok(time) => humantime::format_rfc3339_seconds(time).to_string(),
        Err(_) => text.to_owned(),
    });
    [
        text("event_type"),
        text("event_id"),
        text("idempotency_key"),
        received_at.unwrap_or_default(),
        letter.receive_count().unwrap_or_default().to_owned(),
        letter.size().to_string(),
    ]
}

/// Says why the rest is not shown.
fn rest(all: usize, shown: usize, limit: usize, depth: Depth) -> Option<String> {
    let hidden = all.checked_sub(shown).filter(|hidden| *hidden > 0)?;
    Some(if shown >= limit {
        format!("{hidden} more: see them with --limit {all}")
    } else if depth.held > 0 {
        format!("{hidden} more in flight: received by somebody else, or by a command that was interrupted")
    } else {
        format!("{hidden} more, behind others of their group")
    })
}
