//! `webhooks`: what Duffel delivers to, and which types.
#![allow(clippy::doc_markdown, reason = "this is the help")]

mod create;
pub(crate) mod ping;

use std::{env, fmt, net::IpAddr};

use clap::{Args, Subcommand};
use duffel_webhook_receiver::duffel::{Change, Client, Webhook};
use http::Uri;

use self::create::Create;
use crate::shared::{
    Result,
    duffel::{self, Form, ListArguments, help},
    output::{created, mode},
    printout::Printout,
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
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', value_parser = duffel::parse_type)]
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
///
/// A receiver reads its secret every 30 seconds at most: where it may not know a new one yet, the ping is repeated for
/// up to 45 seconds.
#[derive(Args)]
#[command(after_help = help!("webhooks"))]
struct Ping {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo
    id: String,
}

/// Refuses what Duffel does not deliver to; a stand-in of its API, which only this machine can be, takes any URL.
fn parse_url(text: &str) -> std::result::Result<String, &'static str> {
    let is_stand_in = env::var("DUFFEL_API_URL").is_ok_and(|api| api.trim().starts_with("http://"));
    check_url(text, is_stand_in)?;
    Ok(text.to_owned())
}

fn check_url(text: &str, is_stand_in: bool) -> std::result::Result<(), &'static str> {
    let url: Uri = text.parse().map_err(|_| "it is not a valid URL: it must begin with https://")?;
    let (Some(scheme), Some(host)) = (url.scheme_str(), url.host()) else {
        return Err("it must begin with https://");
    };
    // https://duffel.com/docs/api/webhooks/create-webhook
    if !is_stand_in && scheme != "https" {
        return Err("Duffel delivers over https only");
    }
    if !is_stand_in && host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err("Duffel does not deliver to IP addresses: it must have the name of a host");
    }
    if !is_stand_in && host.eq_ignore_ascii_case("localhost") {
        return Err("Duffel cannot deliver to this machine");
    }
    Ok(())
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
            say(format_args!("Deleted {}: Duffel delivers to it no more.", arguments.id))
        }
        Command::Ping(arguments) => {
            ping::run(&client, &arguments.id)?;
            say(format_args!("The endpoint of {} accepted a ping.triggered event.", arguments.id))
        }
    }
}

/// Prints the one line of a command that changes something.
fn say(line: fmt::Arguments) -> Result<()> {
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
    if arguments.form.json {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_duffel_would_refuse_is_refused() {
        for url in ["https://example.com/webhooks/duffel", "HTTPS://abc.example.com:8443/x?y=z"] {
            assert_eq!(check_url(url, false), Ok(()), "{url}");
        }
        for (url, reason) in [
            ("example.com/webhooks/duffel", "not a valid URL"),
            ("/webhooks/duffel", "https://"),
            ("https://", "not a valid URL"),
            ("http://example.com/webhooks/duffel", "https only"),
            ("https://192.0.2.1/webhooks/duffel", "IP addresses"),
            ("https://[2001:db8::1]:443/webhooks/duffel", "IP addresses"),
            ("https://LocalHost/webhooks/duffel", "this machine"),
        ] {
            let refusal = check_url(url, false).unwrap_err();
            assert!(refusal.contains(reason), "{url}: {refusal}");
        }
        assert_eq!(check_url("http://127.0.0.1:4567/webhooks/duffel", true), Ok(()));
    }
}
