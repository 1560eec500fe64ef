//! `deliveries`: Duffel's attempts to deliver events.

use clap::{Args, Subcommand};
use duffel_webhook_receiver::duffel::{DeliveryFilter, DeliveryRecord};

use crate::shared::{
    Result,
    duffel::{self, help},
    list::{FilterArguments, ListArguments},
    output::created,
};

/// Lists Duffel's attempts to deliver events, and the endpoint's responses
#[derive(Args)]
#[command(after_help = duffel::ENVIRONMENT)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
}

/// Lists deliveries, including those that failed
#[derive(Args)]
#[command(after_help = help!("deliveries", "  \
  duffel-hooks deliveries list --failed --since 1h
  duffel-hooks deliveries list --all --json |
    jq -r .response_status_code | sort | uniq -c"))]
struct List {
    #[command(flatten)]
    filter: FilterArguments,
    /// Only deliveries to this webhook
    #[arg(long = "webhook", value_name = "ID")]
    to: Option<String>,
    #[command(flatten)]
    listing: ListArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = duffel::client()?;
    let Command::List(List { filter, to, listing }) = &arguments.command;
    let filter = DeliveryFilter {
        kind: filter.kind.clone(),
        delivery_success: filter.delivery_success(),
        endpoint_id: to.clone(),
        after: filter.since,
        before: filter.until,
    };
    let columns = ["ID", "EVENT", "TYPE", "RESPONSE", "CREATED", "WEBHOOK"];
    listing.print(client.deliveries(&filter), |delivery| &delivery.raw, columns, row)
}

fn row(delivery: &DeliveryRecord) -> [String; 6] {
    [
        delivery.id.clone(),
        delivery.event_id.clone().unwrap_or_default(),
        delivery.kind.clone().unwrap_or_default(),
        delivery.response_status_code.map_or_else(|| "none".to_owned(), |code| code.to_string()),
        created(delivery.created_at, &delivery.raw),
        delivery.endpoint_id.clone().unwrap_or_default(),
    ]
}
