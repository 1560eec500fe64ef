//! `serve`: the same door as the function's, on this machine.

mod greeting;

use std::{
    env, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use duffel_webhook_receiver::{
    config::{Config, Secrets, SourceConfig},
    http::{RequestContext, respond, too_large},
    in_memory::{MemoryLedger, MemoryQueue},
    ledger::Ledger,
    log,
    queue::Queue,
    receive::{Receiver, Source},
    route::BasePath,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, lookup_host},
    sync::mpsc,
    time::timeout,
};
use uuid::Uuid;

use crate::shared::{Result, printout::Printout};

/// What a Lambda function can be handed; no request can be larger.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// What hyper gives a request's head it gives no body; API Gateway would not wait longer for one either.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Receives deliveries on this machine and shows the messages that a consumer would get
///
/// Queue and ledger are in memory, unless --forward asks for the real ones. WEBHOOK_SECRET,
/// DEDUP_WINDOW, SIGNATURE_TOLERANCE, EVENT_TYPES and LIVE_MODE, or SOURCES, work as they do for
/// the function; with neither SOURCES nor WEBHOOK_SECRET a secret is made up and printed.
///
/// The standard output has the messages, as JSON; all else goes to the standard error.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    /// Where to listen: a port, or an address or name and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4567", value_parser = parse_address)]
    listen: String,
    /// Forwards to the real queue and table: QUEUE_URL, LEDGER_TABLE, AWS_ENDPOINT_URL
    #[arg(long)]
    forward: bool,
}

/// Reads a port, of this machine alone, or an address or name and a port.
fn parse_address(text: &str) -> std::result::Result<String, &'static str> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port: u16 =
        port.parse().map_err(|_| "give a port, or an address and a port, as in 127.0.0.1:4567")?;
    if host.contains(':') && text.parse::<SocketAddr>().is_err() {
        return Err("an IPv6 address goes in brackets, as in [::1]:4567");
    }
    Ok(if host.is_empty() { format!("{}:{port}", Ipv4Addr::LOCALHOST) } else { text.to_owned() })
}

/// Listens at the first of a name's addresses that can be had, those of IPv4 first, which `send` goes to.
async fn bind(address: &str) -> io::Result<TcpListener> {
    let mut addresses: Vec<_> = lookup_host(address).await?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    TcpListener::bind(&addresses[..]).await
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let no_sources = || variable("SOURCES").is_none_or(|sources| sources.trim().is_empty());
    log::start(variable, io::stderr);
    let listener = bind(&arguments.listen).await.map_err(|error| {
        format!("cannot listen on {} ({error}): choose another with --listen", arguments.listen)
    })?;
    let address = format!("http://{}/webhooks", listener.local_addr()?);
    if arguments.forward {
        #[cfg(feature = "aws")]
        return forward(variable, listener, &address).await;
        #[cfg(not(feature = "aws"))]
        return Err(
            "this build has no AWS support: build without --no-default-features to use --forward".into()
        );
    }
    // What somebody brings along they know, and it may be in production.
    let made_up =
        (no_sources() && variable("WEBHOOK_SECRET").is_none()).then(|| STANDARD.encode(Uuid::new_v4()));
    let local = |name: &str| match name {
        "QUEUE_URL" => Some("http://localhost/memory.fifo".to_owned()),
        "WEBHOOK_SECRET" if no_sources() => variable(name).or_else(|| made_up.clone()),
        "WEBHOOK_SECRET_ARN" => None,
        _ => variable(name),
    };
    let config = Config::read(local)?;
    greeting::greet(&address, &config, made_up.as_deref(), no_sources())?;
    let base_path = config.base_path;
    let sources = config.sources.into_iter().map(without_aws).collect::<Result<_>>()?;
    let (queue, messages) = MemoryQueue::new();
    let receiver = Receiver { sources, ledger: MemoryLedger::default(), queue, window: config.window };
    tokio::select! {
        ended = accept(listener, receiver, base_path) => ended,
        ended = consume(messages) => ended,
    }
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
    variable: impl Fn(&str) -> Option<String>,
    listener: TcpListener,
    address: &str,
) -> Result<()> {
    use std::io::Write;

    use duffel_webhook_receiver::aws;

    let config = Config::read(variable)?;
    for source in &config.sources {
        writeln!(io::stderr(), "Receiving on {address}/{}", source.name)?;
    }
    writeln!(io::stderr(), "Forwarding to {}", config.queue_url)?;
    let base_path = config.base_path.clone();
    accept(listener, aws::compose(&aws::sdk_config().await, config).await?, base_path).await
}

async fn accept<L, Q>(
    listener: TcpListener,
    receiver: Receiver<L, Q>,
    base_path: Option<BasePath>,
) -> Result<()>
where
    L: Ledger + 'static,
    Q: Queue + 'static,
{
    let receiver = Arc::new((receiver, base_path));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many are connected, as a rule; they will not be for long.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let receiver = Arc::clone(&receiver);
        let service = service_fn(move |request| {
            let receiver = Arc::clone(&receiver);
            async move { answer(&receiver.0, receiver.1.as_ref(), request).await }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        // A peer that hangs up mid-request has heard no answer, so there is nothing to do about it.
        tokio::spawn(async move {
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    base_path: Option<&BasePath>,
    request: Request<Incoming>,
) -> io::Result<Response<String>> {
    let (parts, body) = request.into_parts();
    let body = timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect());
    let body = match body.await.map_err(io::Error::other)? {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let request = Request::from_parts(parts, body);
    let request_id = Some(Uuid::new_v4().to_string());
    let context = RequestContext { request_id, base_path: base_path.cloned(), ..RequestContext::default() };
    Ok(respond(receiver, request, context, SystemTime::now()).await)
}

async fn consume(mut messages: mpsc::UnboundedReceiver<serde_json::Value>) -> Result<()> {
    let mut printout = Printout::default();
    while let Some(message) = messages.recv().await {
        printout.line(format_args!("{message:#}"));
        if printout.is_closed() {
            return Err("nobody reads the messages any more: the last one is above".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_alone_or_a_name() {
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
