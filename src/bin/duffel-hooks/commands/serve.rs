//! `serve`: the function's endpoint, on this machine.

mod api;
mod body;
mod compose;
mod endpoint;
mod greeting;
mod inspector;
mod mapping;
mod page;
mod ports;
mod server;
mod show;

use std::{
    env,
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    process,
};

use clap::Args;
use duffel_webhook_receiver::log;
use tokio::sync::mpsc;

use self::{
    compose::{Place, in_aws, in_memory},
    mapping::Mapping,
    server::{accept, bind},
    show::{Show, Shown},
};
use crate::shared::Result;

/// Receives deliveries on this machine and shows the messages that a consumer would get
///
/// Queue and ledger are in memory, unless --forward is given. WEBHOOK_SECRET, DEDUP_WINDOW,
/// SIGNATURE_TOLERANCE, EVENT_TYPES, LIVE_MODE, SOURCES and BASE_PATH work as they do for the
/// function. Without SOURCES and WEBHOOK_SECRET, a secret is generated and printed.
///
/// In a pipe or a file, the standard output has the messages as JSON and nothing else. On a terminal
/// it has a line for each delivery instead, and whole messages with --verbose or --json. Everything
/// else goes to the standard error.
///
/// With --to, a consumer is invoked with the messages, as Lambda does for SQS: in batches, with partial
/// failures, the order of groups, a visibility timeout and dead letters. There is a line for each batch.
///
/// The address of the inspector is printed: a page with every delivery, why it was accepted or
/// refused, and buttons to send it again. It answers on this machine only.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    /// Where to listen: a port, or an address or host name and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4567", value_parser = parse_address)]
    listen: String,
    /// Forwards to the queue, or topic, and table in AWS: QUEUE_URL or TOPIC_ARN, LEDGER_TABLE, AWS_ENDPOINT_URL
    #[arg(long)]
    forward: bool,
    /// Prints whole messages on a terminal, after the line of their delivery
    #[arg(long)]
    verbose: bool,
    /// Prints the messages as JSON and nothing else to the standard output, on a terminal too, and with --forward
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
    #[command(flatten)]
    mapping: mapping::Arguments,
}

/// Reads a port, to listen on for this machine only, or an address or host name and a port.
fn parse_address(text: &str) -> std::result::Result<String, &'static str> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port: u16 =
        port.parse().map_err(|_| "give a port, or an address and a port, as in 127.0.0.1:4567")?;
    if host.contains(':') && text.parse::<SocketAddr>().is_err() {
        return Err("an IPv6 address goes in brackets, as in [::1]:4567");
    }
    Ok(if host.is_empty() { format!("{}:{port}", Ipv4Addr::LOCALHOST) } else { text.to_owned() })
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let show = Show::new(arguments);
    log::start(
        |name| match name {
            "AWS_LAMBDA_LOG_FORMAT" if show.is_for_people() => Some("Text".to_owned()),
            _ => variable(name),
        },
        io::stderr,
    );
    let listener = bind(&arguments.listen).await.map_err(|error| {
        format!("cannot listen on {} ({error}): choose another with --listen", arguments.listen)
    })?;
    let place = Place { listen: &arguments.listen, local: listener.local_addr()? };
    let (output, shown) = mpsc::unbounded_channel();
    let reports = output.clone();
    // If the output has ended, the process ends soon.
    let report = move |report| drop(reports.send(Shown::Consumer(report)));
    let (consumer, mapping) = Mapping::new(&arguments.mapping, report).unzip();
    let endpoint = if arguments.forward {
        in_aws(&variable, &place, show, output).await?
    } else {
        in_memory(&variable, &place, show, output, consumer)?
    };
    let invoke = async {
        match mapping {
            Some(mapping) => mapping.run().await,
            None => pending().await,
        }
    };
    let names_sources = endpoint.inspector.sources.len() > 1;
    tokio::select! {
        ended = accept(listener, endpoint) => ended,
        ended = show.all(shown, names_sources) => ended,
        signal = invoke => process::exit(signal?.exit_code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_only_or_a_host_name() {
        let read = |text| parse_address(text).ok();
        assert_eq!(read("4911").as_deref(), Some("127.0.0.1:4911"));
        assert_eq!(read(":4911").as_deref(), Some("127.0.0.1:4911"));
        for address in ["127.0.0.1:0", "localhost:4911", "[::1]:4567"] {
            assert_eq!(read(address).as_deref(), Some(address));
        }
        for address in ["", "localhost", "70000", "::1", "localhost:http"] {
            assert_eq!(read(address), None, "{address}");
        }
    }
}
