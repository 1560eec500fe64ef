//! `webhooks`: manages the webhook that is registered with Duffel.
#![allow(clippy::doc_markdown, reason = "this is the help")]

mod create;
pub(crate) mod ping;
mod url;

use std::fmt;

use clap::{Args, Subcommand};
use duffel_webhook_receiver::duffel::{Change, Client, Webhook};

use self::{create::Create, url::parse_url};
use crate::shared::{
    Result,
    duffel::{self, help},
    list::{Format, ListArguments},
    output::{created, mode},
    printout::Printout,
    values::parse_type,
};

/// Creates, lists, changes, deletes and pings the webhook registered with Duffel
#[derive(Args)]
#[command(after_help = duffel::ENVIRONMENT)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

impl Arguments {
    pub(crate) fn only_prints(&self) -> bool {
        matches!(self.command, Command::List(_))
    }
}

#[derive(Subcommand)]
enum Command {
    Create(Create),
    List(List),
    Update(Update),
    Delete(Delete),
    Ping(Ping),
}

/// Lists the webhooks that the access token gives access to
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
struct List {
    #[command(flatten)]
    listing: ListArguments,
}

/// Changes the webhook's status, URL or event types
///
/// Its secret stays the same. For a new secret, see duffel-hooks rotate.
#[derive(Args)]
#[command(after_help = help!("webhooks", "  \
  duffel-hooks webhooks update end_0000A3tQSmKyqOrcySrGbo --active false
  duffel-hooks webhooks update end_0000A3tQSmKyqOrcySrGbo --event order.created"))]
struct Update {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo
    id: String,
    #[command(flatten)]
    change: ChangeArguments,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct ChangeArguments {
    /// Whether Duffel is to deliver to it
    #[arg(long, value_name = "true|false")]
    active: Option<bool>,
    /// Where Duffel is to deliver
    #[arg(long, value_parser = parse_url)]
    url: Option<String>,
    /// The event types to deliver, in place of the current ones; may be repeated, or a list with
    /// commas
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', value_parser = parse_type)]
    events: Option<Vec<String>>,
}

/// Deletes the webhook and its secret permanently
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
struct Delete {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo
    id: String,
}

/// Has Duffel deliver a ping.triggered event, and reports whether it was accepted
///
/// A receiver reads its secret at most every 30 s. As it may not have read a new secret yet, the ping is repeated for up
/// to 45 s.
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
struct Ping {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo
    id: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = duffel::client()?;
    match &arguments.command {
        Command::Create(arguments) => create::run(&client, arguments),
        Command::List(arguments) => arguments.listing.print(
            client.webhooks(),
            |webhook| &webhook.raw,
            ["ID", "MODE", "ACTIVE", "CREATED", "URL", "EVENTS"],
            row,
        ),
        Command::Update(arguments) => update(&client, arguments),
        Command::Delete(arguments) => {
            client.delete_webhook(&arguments.id)?;
            print_line(format_args!("Deleted {}: Duffel does not deliver to it any more.", arguments.id))
        }
        Command::Ping(arguments) => {
            ping::run(&client, &arguments.id)?;
            print_line(format_args!("The endpoint of {} accepted a ping.triggered event.", arguments.id))
        }
    }
}

/// Prints the only line of a command that changes something.
fn print_line(line: fmt::Arguments) -> Result<()> {
    let mut out = Printout::default();
    out.line(line);
    out.finish()
}

fn row(webhook: &Webhook) -> [String; 6] {
    let active = webhook.active.map_or("", |active| if active { "yes" } else { "no" });
    [
        webhook.id.clone(),
        mode(webhook.live_mode),
        active.to_owned(),
        created(webhook.created_at, &webhook.raw),
        webhook.url.clone().unwrap_or_default(),
        webhook.events.join(","),
    ]
}

fn update(client: &Client, arguments: &Update) -> Result<()> {
    let ChangeArguments { active, url, events } = &arguments.change;
    let change = Change { active: *active, url: url.clone(), events: events.clone() };
    let webhook = client.update_webhook(&arguments.id, &change)?;
    let mut out = Printout::default();
    if arguments.format.json {
        out.line(&webhook.raw);
        return out.finish();
    }
    let [id, mode, active, _, url, events] = row(&webhook);
    for (name, value) in
        [("Webhook", id), ("Mode", mode), ("Active", active), ("URL", url), ("Events", events)]
    {
        out.line(format_args!("{name:<7}  {value}"));
    }
    out.finish()
}
