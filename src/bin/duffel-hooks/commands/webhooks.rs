//! `webhooks`: manages the webhook that is registered with Duffel.
#![allow(clippy::doc_markdown, reason = "this is the help")]

mod create;
pub(crate) mod ping;
mod target;
pub(crate) mod url;

use std::fmt;

use clap::{Args, Subcommand};
use duffel_webhook_receiver::duffel::{Change, Client, Webhook};

use self::{create::Create, target::Target, url::parse_url};
use crate::shared::{
    Result,
    confirm::Confirmation,
    duffel::{self, help},
    list::{Format, ListArguments},
    offer::offering_types,
    output::{created, mode},
    printout::Printout,
    values::parse_registered_type,
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
  duffel-hooks webhooks update --stack webhooks --active false
  duffel-hooks webhooks update end_0000A3tQSmKyqOrcySrGbo --event order.created"))]
struct Update {
    #[command(flatten)]
    target: Target,
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
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', value_parser = offering_types(parse_registered_type), hide_possible_values = true)]
    events: Option<Vec<String>>,
}

#[cfg(feature = "operate")]
const OF_STACK: &str = "Instead of the id: the stack to whose URL the webhook must deliver";

/// Deletes the webhook and its secret permanently
///
/// It takes the webhook's id or --stack, and no default.
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
#[command(mut_arg("id", |id| id.help("The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo")))]
#[cfg_attr(feature = "operate", command(mut_arg("stack", |stack| stack.help(OF_STACK))))]
struct Delete {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Has Duffel deliver a ping.triggered event, and reports whether it was accepted
///
/// A receiver reads its secret at most every 30 s. As it may not have read a new secret yet, the ping is repeated for up
/// to 45 s.
#[derive(Args)]
#[command(after_help = help!("webhooks", "  \
  duffel-hooks webhooks ping
  duffel-hooks webhooks ping --stack webhooks"))]
#[command(mut_arg("id", |id| id.help(
    "The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo [default: the webhook of the access token's mode]"
)))]
#[cfg_attr(feature = "operate", command(mut_arg("stack", |stack| stack.help(OF_STACK))))]
struct Ping {
    #[command(flatten)]
    target: Target,
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
            let id = arguments.target.named(&client)?;
            arguments.confirmation.ask(&format!("delete webhook {id}"))?;
            client.delete_webhook(&id)?;
            print_line(format_args!("Deleted {id}: Duffel does not deliver to it any more."))
        }
        Command::Ping(arguments) => {
            let id = arguments.target.any(&client)?;
            ping::run(&client, &id)?;
            print_line(format_args!("The endpoint of {id} accepted a ping.triggered event."))
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
    let webhook = client.update_webhook(&arguments.target.of_stack(client)?, &change)?;
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
