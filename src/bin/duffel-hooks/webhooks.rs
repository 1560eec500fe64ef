//! `webhooks`: what Duffel delivers to, and which types.
#![allow(clippy::doc_markdown, reason = "this is the help")]

use std::io::{self, Write};

use clap::{Args, Subcommand};
use duffel_webhook_receiver::{
    duffel::{Change, Client, Webhook},
    secret::Secret,
};
use serde_json::Value;

use crate::{
    Result,
    api::{self, Form, ListArguments, help},
    store::Store,
    table::{created, mode},
};

/// Creates, lists, changes, deletes and pings the webhook registered with Duffel
#[derive(Args)]
#[command(after_help = api::ENVIRONMENT)]
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

/// Registers the receiver with Duffel, and shows or stores the webhook's secret
///
/// Duffel has one webhook per organisation and mode, and shows its secret this once.
#[derive(Args)]
#[command(after_help = help!("webhooks", "  \
  duffel-hooks webhooks create https://abc.execute-api.eu-west-1.amazonaws.com/webhooks/duffel \\
    --event order.created,order.airline_initiated_change_detected --store SECRET_ARN

Types that Duffel documents; more may have come:
  air.airline_credit.created      order.airline_initiated_change_detected
  air.airline_credit.invalidated  order.created
  air.airline_credit.spent        order.creation_failed
  air.order.changed               order_cancellation.confirmed
  air.payment.cancelled           order_cancellation.created
  air.payment.failed              ping.triggered
  air.payment.pending             stays.booking.cancelled
  air.payment.succeeded           stays.booking.created
  assistant.conversation.updated  stays.booking_creation_failed"))]
struct Create {
    /// Where Duffel shall deliver: the stack's output WebhookUrl
    #[arg(value_parser = parse_url)]
    url: String,
    /// A type of event to deliver; may be repeated, or a list with commas
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', value_parser = api::parse_type, required = true)]
    events: Vec<String>,
    /// Puts the secret into this secret of AWS Secrets Manager, the stack's output SecretArn,
    /// instead of printing it
    #[arg(long, value_name = "ARN")]
    store: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Lists the webhooks that the access token sees
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
struct List {
    #[command(flatten)]
    listing: ListArguments,
}

/// Changes the webhook where an option says so, and leaves the rest
///
/// Its secret stays; another one is had by deleting the webhook and creating it again.
#[derive(Args)]
#[command(after_help = help!("webhooks", "  \
  duffel-hooks webhooks update end_0000A3tQSmKyqOrcySrGbo --active false
  duffel-hooks webhooks update end_0000A3tQSmKyqOrcySrGbo --event order.created,air.order.changed"))]
struct Update {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo
    id: String,
    #[command(flatten)]
    change: ChangeArguments,
    #[command(flatten)]
    form: Form,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct ChangeArguments {
    /// Whether Duffel shall deliver to it
    #[arg(long, value_name = "true|false")]
    active: Option<bool>,
    /// Where Duffel shall deliver
    #[arg(long, value_parser = parse_url)]
    url: Option<String>,
    /// All the types of events to deliver, in place of those so far; may be repeated, or a list
    /// with commas
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', value_parser = api::parse_type)]
    events: Option<Vec<String>>,
}

/// Deletes the webhook, at once and for good: its secret signs nothing more
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
struct Delete {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo
    id: String,
}

/// Has Duffel deliver a ping.triggered event, and says whether it was accepted
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
struct Ping {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo
    id: String,
}

fn parse_url(text: &str) -> std::result::Result<String, &'static str> {
    if text.contains("://") { Ok(text.to_owned()) } else { Err("it must be a URL, with https:// before it") }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = api::client()?;
    match &arguments.command {
        Command::Create(arguments) => create(&client, arguments),
        Command::List(arguments) => arguments.listing.print(
            client.webhooks(),
            |webhook| &webhook.raw,
            ["ID", "MODE", "ACTIVE", "CREATED", "URL", "EVENTS"],
            row,
        ),
        Command::Update(arguments) => update(&client, arguments),
        Command::Delete(arguments) => {
            client.delete_webhook(&arguments.id)?;
            Ok(writeln!(io::stdout(), "Deleted {}: Duffel delivers to it no more.", arguments.id)?)
        }
        Command::Ping(arguments) => {
            client.ping_webhook(&arguments.id)?;
            Ok(writeln!(io::stdout(), "The endpoint of {} accepted a ping.triggered event.", arguments.id)?)
        }
    }
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

fn create(client: &Client, arguments: &Create) -> Result<()> {
    // Before there is a secret that could be lost.
    let store = arguments.store.as_deref().map(Store::open).transpose()?;
    let (webhook, secret) = client.create_webhook(&arguments.url, &arguments.events)?;
    let stored = store.as_ref().map_or(Ok(()), |store| store.put(&secret));
    let shown = (store.is_none() || stored.is_err()).then_some(&secret);
    let printed = print_created(arguments, &webhook, shown);
    if let (Some(secret), Err(_)) = (shown, &printed) {
        // There is no other way to keep it.
        eprintln!("Secret   {}", secret.expose());
    }
    stored.map_err(|error| {
        let arn = arguments.store.as_deref().unwrap_or_default();
        format!(
            "{} was created, but its secret could not be stored ({error}). It is printed above, this once: put it \
             in by hand, with read -rs SECRET && aws secretsmanager put-secret-value --secret-id {arn} \
             --secret-string \"$SECRET\"",
            webhook.id
        )
    })?;
    printed
}

fn print_created(arguments: &Create, webhook: &Webhook, secret: Option<&Secret>) -> Result<()> {
    if arguments.form.json {
        let mut raw = webhook.raw.clone();
        if let Some(secret) = secret {
            raw["secret"] = Value::from(secret.expose());
        }
        return arguments.form.print(&raw);
    }
    let out = &mut io::stdout().lock();
    writeln!(out, "Webhook  {}", webhook.id)?;
    writeln!(out, "URL      {}", webhook.url.as_deref().unwrap_or(&arguments.url))?;
    match (secret, &arguments.store) {
        (Some(secret), _) => {
            writeln!(out, "Secret   {}", secret.expose())?;
            eprintln!("Duffel shows the secret this once. Put it where the receiver finds it.");
        }
        (None, arn) => writeln!(out, "Secret   in {}", arn.as_deref().unwrap_or_default())?,
    }
    Ok(())
}

fn update(client: &Client, arguments: &Update) -> Result<()> {
    let ChangeArguments { active, url, events } = &arguments.change;
    let change = Change { active: *active, url: url.clone(), events: events.clone() };
    let webhook = client.update_webhook(&arguments.id, &change)?;
    if arguments.form.json {
        return arguments.form.print(&webhook.raw);
    }
    let [id, mode, active, _, url, events] = row(&webhook);
    let out = &mut io::stdout().lock();
    for (name, value) in
        [("Webhook", id), ("Mode", mode), ("Active", active), ("URL", url), ("Events", events)]
    {
        writeln!(out, "{name:<7}  {value}")?;
    }
    Ok(())
}
