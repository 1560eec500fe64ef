//! `serve`: the function's endpoint, on this machine.

mod api;
mod body;
mod endpoint;
mod greeting;
mod inspector;
mod page;
mod ports;
mod server;

use std::{
    collections::HashMap,
    env, io,
    net::{Ipv4Addr, SocketAddr},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use duffel_webhook_receiver::{
    config::{Config, Secrets, SourceConfig, given_secrets},
    in_memory::MemoryLedger,
    log,
    receive::{Receiver, Source},
};
use serde_json::Value;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::{
    endpoint::Endpoint,
    inspector::{Destination, Inspector, KnownSource, access::Access, delivery::Summary},
    ports::{ObservedLedger, ObservedQueue},
    server::{accept, bind},
};
use crate::shared::{Result, printout::Printout};

/// Receives deliveries on this machine and shows the messages that a consumer would get
///
/// Queue and ledger are in memory, unless --forward is given. WEBHOOK_SECRET, DEDUP_WINDOW,
/// SIGNATURE_TOLERANCE, EVENT_TYPES, LIVE_MODE, SOURCES and BASE_PATH work as they do for the
/// function. Without SOURCES and WEBHOOK_SECRET, a secret is generated and printed.
///
/// The messages go to the standard output, as JSON; everything else goes to the standard error.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    /// Where to listen: a port, or an address or host name and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4567", value_parser = parse_address)]
    listen: String,
    /// Forwards to the queue, or topic, and table in AWS: QUEUE_URL or TOPIC_ARN, LEDGER_TABLE, AWS_ENDPOINT_URL
    #[arg(long)]
    forward: bool,
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
    let no_sources = || variable("SOURCES").is_none_or(|sources| sources.trim().is_empty());
    log::start(variable, io::stderr);
    let listener = bind(&arguments.listen).await.map_err(|error| {
        format!("cannot listen on {} ({error}): choose another with --listen", arguments.listen)
    })?;
    let local = listener.local_addr()?;
    let address = format!("http://{local}/webhooks");
    let access = Access::new(&arguments.listen, local.port());
    let (output, deliveries) = mpsc::unbounded_channel();
    if arguments.forward {
        #[cfg(feature = "aws")]
        {
            // Whoever forwards reads the messages from the queue.
            drop(deliveries);
            let config = Config::read(variable)?;
            let destination = Destination { name: config.destination.to_string(), is_in_aws: true };
            let sources = known_sources(&config, &variable);
            let inspector = Inspector::new(sources, destination, false, own_address(local), access);
            let endpoint = forward(config, &address, inspector, output).await?;
            return accept(listener, endpoint).await;
        }
        #[cfg(not(feature = "aws"))]
        return Err(
            "this build has no AWS support: build without --no-default-features to use --forward".into()
        );
    }
    // A secret from the environment is not printed: it may be in production.
    let generated =
        (no_sources() && variable("WEBHOOK_SECRET").is_none()).then(|| STANDARD.encode(Uuid::new_v4()));
    let variables = |name: &str| match name {
        "QUEUE_URL" => Some("http://localhost/memory.fifo".to_owned()),
        "WEBHOOK_SECRET" if no_sources() => variable(name).or_else(|| generated.clone()),
        "TOPIC_ARN" | "WEBHOOK_SECRET_ARN" => None,
        _ => variable(name),
    };
    let config = Config::read(variables)?;
    let destination = Destination { name: "memory".to_owned(), is_in_aws: false };
    let sources = known_sources(&config, &variables);
    let inspector = Inspector::new(sources, destination, generated.is_some(), own_address(local), access);
    greeting::greet(&address, &config, generated.as_deref(), no_sources())?;
    let base_path = config.base_path;
    let sources = config.sources.into_iter().map(without_aws).collect::<Result<_>>()?;
    let ledger = ObservedLedger::Memory(MemoryLedger::default());
    let receiver = Receiver { sources, ledger, queue: ObservedQueue::in_memory(), window: config.window };
    let endpoint = Endpoint { receiver, base_path, inspector, output, logs: true };
    tokio::select! {
        ended = accept(listener, endpoint) => ended,
        ended = show(deliveries) => ended,
    }
}

/// Returns the address at which this machine reaches the server.
fn own_address(mut local: SocketAddr) -> String {
    if local.ip().is_unspecified() {
        local.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{local}")
}

fn known_sources(config: &Config, variable: &dyn Fn(&str) -> Option<String>) -> Vec<KnownSource> {
    let mut secrets: HashMap<_, _> = given_secrets(variable).into_iter().collect();
    let known = |source: &SourceConfig| KnownSource {
        name: source.name.clone(),
        scheme: source.scheme.clone(),
        tolerance: source.tolerance,
        secrets: secrets.remove(&source.name).unwrap_or_default(),
    };
    config.sources.iter().map(known).collect()
}

fn without_aws(source: SourceConfig) -> Result<Source> {
    match &source.secrets {
        Secrets::Given(keys) => {
            let keys = keys.clone();
            Ok(source.source(keys, None))
        }
        Secrets::Stored(_) => Err(format!(
            "source {}: its secret is in AWS: give it as `secret`, or use --forward",
            source.name
        )
        .into()),
    }
}

#[cfg(feature = "aws")]
async fn forward(
    config: Config,
    address: &str,
    inspector: Inspector,
    output: mpsc::UnboundedSender<(Summary, Option<Value>)>,
) -> Result<Endpoint> {
    use std::io::Write;

    use duffel_webhook_receiver::aws;

    for source in &config.sources {
        writeln!(io::stderr(), "Receiving on {address}/{}", source.name)?;
    }
    writeln!(io::stderr(), "Forwarding to {}", config.destination)?;
    let base_path = config.base_path.clone();
    let Receiver { sources, ledger, queue, window } = aws::compose(&aws::sdk_config().await?, config).await;
    let (ledger, queue) = (ObservedLedger::Aws(ledger), ObservedQueue::in_aws(queue));
    Ok(Endpoint {
        receiver: Receiver { sources, ledger, queue, window },
        base_path,
        inspector,
        output,
        logs: true,
    })
}

/// Prints the messages.
async fn show(mut deliveries: mpsc::UnboundedReceiver<(Summary, Option<Value>)>) -> Result<()> {
    let mut printout = Printout::default();
    while let Some((_, message)) = deliveries.recv().await {
        if let Some(message) = message {
            printout.line(format_args!("{message:#}"));
        }
        if printout.is_closed() {
            return Err("the standard output is closed: the last message is above".into());
        }
    }
    Ok(())
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
