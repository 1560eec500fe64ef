//! `events`: Duffel's events, whether they were delivered or not.
#![allow(clippy::doc_markdown, reason = "this is the help")]

mod answers;

use clap::{Args, Subcommand};
use duffel_webhook_receiver::duffel::{Client, EventFilter, EventRecord, Retryability};

use self::answers::Answers;
use crate::shared::{
    Result,
    duffel::{self, Reported, help},
    list::{FilterArguments, Format, ListArguments},
    output::{created, mode, remark},
    printout::Printout,
};

/// Lists, shows and redelivers events
#[derive(Args)]
#[command(after_help = duffel::ENVIRONMENT)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

impl Arguments {
    pub(crate) fn only_prints(&self) -> bool {
        matches!(self.command, Command::List(_) | Command::Get(_))
    }
}

#[derive(Subcommand)]
enum Command {
    List(List),
    Get(Get),
    Redeliver(Redeliver),
}

/// Lists events, including those that no endpoint accepted
///
/// STATE is `delivered` if an endpoint accepted a delivery of the event, `failed` if none did, and
/// `unsent` if there was no delivery. ANSWER is the status of the last one. For this, the deliveries
/// since the first of the listed events are read as well, unless --json is given.
#[derive(Args)]
#[command(after_help = help!("events", "  \
  duffel-hooks events list --failed --since 3d
  duffel-hooks events list --type order.created --all --json | jq -r .id"))]
struct List {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    listing: ListArguments,
}

/// Shows one event
#[derive(Args)]
#[command(after_help = help!("events"))]
struct Get {
    /// The event's id, such as wev_0000A3tQSmKyqOrcySrGbo
    id: String,
    #[command(flatten)]
    format: Format,
}

/// Asks Duffel to deliver events again
///
/// An event that the receiver forwarded within its window, 7 days by default, is a duplicate to it,
/// and is not forwarded again; see duffel-hooks replay. `deliveries list` shows the results.
#[derive(Args)]
#[command(after_help = help!("events", "  \
  duffel-hooks events redeliver wev_0000A3tQSmKyqOrcySrGbo
  duffel-hooks events list --failed --since 3d --all --json | jq -r .id |
    xargs duffel-hooks events redeliver"))]
struct Redeliver {
    /// The events' ids, such as wev_0000A3tQSmKyqOrcySrGbo
    #[arg(required = true)]
    ids: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = duffel::client()?;
    match &arguments.command {
        Command::List(List { filter, listing }) => {
            let filter = EventFilter {
                kind: filter.kind.clone(),
                delivery_success: filter.delivery_success(),
                after: filter.since,
                before: filter.until,
            };
            let columns = ["ID", "TYPE", "MODE", "CREATED", "ABOUT", "STATE", "ANSWER"];
            let answers = |events: &[EventRecord]| Answers::find(&client, events);
            listing.print_with(client.events(&filter), |event| &event.raw, columns, answers, row)
        }
        Command::Get(arguments) => arguments.format.print(&client.event(&arguments.id)?.raw),
        Command::Redeliver(arguments) => redeliver(&client, &arguments.ids),
    }
}

fn row(event: &EventRecord, answers: &Answers) -> [String; 7] {
    let (state, answer) = answers.of(event);
    [
        event.id.clone(),
        event.kind.clone().unwrap_or_default(),
        mode(event.live_mode),
        created(event.created_at, &event.raw),
        event.idempotency_key.clone().unwrap_or_default(),
        state.to_owned(),
        answer,
    ]
}

/// Requests each event, until Duffel is out of reach. Fails with the first failure.
fn redeliver(client: &Client, ids: &[String]) -> Result<()> {
    let mut printout = Printout::default();
    let (mut first, mut refused, mut left) = (None, 0, 0);
    for (index, id) in ids.iter().enumerate() {
        let error = match client.redeliver(id) {
            Ok(()) => {
                printout.line(format_args!("{id}  requested"));
                continue;
            }
            Err(error) => error,
        };
        let is_over = error.retryability() == Retryability::Transient;
        if is_over {
            left = ids.len() - index;
        } else {
            refused += 1;
            printout.line(format_args!("{id}  refused"));
        }
        if ids.len() > 1 {
            remark(&format!("duffel-hooks: {id}: {error}"));
        }
        // The reason why the rest was not requested is more important than that of a refusal.
        first = if is_over { Some(error) } else { first.or(Some(error)) };
        if is_over {
            break;
        }
    }
    match first {
        None => printout.finish(),
        Some(error) if ids.len() == 1 => Err(error.into()),
        Some(first) => {
            let counts = [(refused, "refused"), (left, "not requested")].into_iter();
            let counts = counts.filter(|(number, _)| *number > 0);
            let counts: Vec<_> =
                counts.map(|(number, what)| format!("{number} of {} {what}", ids.len())).collect();
            Err(Reported { summary: counts.join(", "), first }.into())
        }
    }
}
