//! The receiver of `serve`, in memory or in AWS, with its inspector.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::{
    config::{Config, Secrets, SourceConfig, given_secrets},
    in_memory::MemoryLedger,
    receive::{Receiver, Source},
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    endpoint::Endpoint,
    greeting::{Greeting, greet},
    inspector::{Destination, Inspector, KnownSource, access::Access},
    mapping::Subscriber,
    ports::{ObservedLedger, ObservedQueue},
    show::{Show, Shown},
};
use crate::shared::Result;

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;
type Output = mpsc::UnboundedSender<Shown>;

/// Where `serve` listens.
pub(super) struct Place<'a> {
    /// As the user gave it.
    pub(super) listen: &'a str,
    pub(super) local: SocketAddr,
}

impl Place<'_> {
    /// The address at which this machine reaches the server.
    fn address(&self) -> String {
        let mut local = self.local;
        if local.ip().is_unspecified() {
            local.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{local}")
    }

    fn inspector(
        &self,
        sources: Vec<KnownSource>,
        destination: Destination,
        is_generated: bool,
    ) -> Inspector {
        let access = Access::new(self.listen, self.local.port());
        Inspector::new(sources, destination, is_generated, self.address(), access)
    }
}

/// Composes the receiver with queue and ledger in memory.
pub(super) fn in_memory(
    variable: Variable<'_>,
    place: &Place<'_>,
    show: Show,
    output: Output,
    consumer: Option<Subscriber>,
) -> Result<Endpoint> {
    refuse_stored_sources(variable)?;
    let no_sources = variable("SOURCES").is_none_or(|sources| sources.trim().is_empty());
    // A secret from the environment is not printed: it may be in production.
    let generated =
        (no_sources && variable("WEBHOOK_SECRET").is_none()).then(|| STANDARD.encode(Uuid::new_v4()));
    let variables = |name: &str| match name {
        "QUEUE_URL" => Some("http://localhost/memory.fifo".to_owned()),
        "WEBHOOK_SECRET" if no_sources => variable(name).or_else(|| generated.clone()),
        "TOPIC_ARN" | "WEBHOOK_SECRET_ARN" => None,
        _ => variable(name),
    };
    let config = Config::read(variables)?;
    let destination = Destination { name: "memory".to_owned(), is_in_aws: false };
    let known = known_sources(&config, &variables);
    let inspector = place.inspector(known, destination, generated.is_some());
    greet(&Greeting {
        address: format!("http://{}/webhooks", place.local),
        inspector: &inspector.address,
        consumer: consumer.as_ref().map(|consumer| consumer.url.as_str()),
        config: &config,
        generated: generated.as_deref(),
        no_sources,
        messages: show.messages,
    })?;
    let base_path = config.base_path;
    let sources = config.sources.into_iter().map(without_aws).collect::<Result<_>>()?;
    let ledger = ObservedLedger::Memory(MemoryLedger::default());
    let queue = ObservedQueue::in_memory(consumer);
    let receiver = Receiver { sources, ledger, queue, window: config.window };
    Ok(Endpoint { receiver, base_path, inspector, output, logs: show.logs })
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

/// Composes the receiver with queue and ledger in AWS.
#[cfg(feature = "aws")]
pub(super) async fn in_aws(
    variable: Variable<'_>,
    place: &Place<'_>,
    show: Show,
    output: Output,
) -> Result<Endpoint> {
    use std::io::{self, Write};

    use duffel_webhook_receiver::aws;

    refuse_stored_sources(variable)?;
    let config = Config::read(variable)?;
    for source in &config.sources {
        writeln!(io::stderr(), "Receiving on http://{}/webhooks/{}", place.local, source.name)?;
    }
    writeln!(io::stderr(), "Forwarding to {}", config.destination)?;
    let destination = Destination { name: config.destination.to_string(), is_in_aws: true };
    let inspector = place.inspector(known_sources(&config, variable), destination, false);
    writeln!(io::stderr(), "Inspector    {}/", inspector.address)?;
    let base_path = config.base_path.clone();
    let Receiver { sources, ledger, queue, window } = aws::compose(&aws::sdk_config().await?, config).await;
    let (ledger, queue) = (ObservedLedger::Aws(ledger), ObservedQueue::in_aws(queue));
    let receiver = Receiver { sources, ledger, queue, window };
    Ok(Endpoint { receiver, base_path, inspector, output, logs: show.logs })
}

#[cfg(not(feature = "aws"))]
pub(super) async fn in_aws(_: Variable<'_>, _: &Place<'_>, _: Show, _: Output) -> Result<Endpoint> {
    Err("this build has no AWS support: build without --no-default-features to use --forward".into())
}

/// Refuses sources in a stored secret: the inspector could neither show them nor sign with their secrets.
fn refuse_stored_sources(variable: Variable<'_>) -> Result<()> {
    match variable("SOURCES_ARN").filter(|arn| !arn.trim().is_empty()) {
        None => Ok(()),
        Some(_) => {
            Err("serve does not read SOURCES_ARN: give the value of the stored secret as SOURCES instead"
                .into())
        }
    }
}

fn known_sources(config: &Config, variable: Variable<'_>) -> Vec<KnownSource> {
    let mut secrets: HashMap<_, _> = given_secrets(variable).into_iter().collect();
    let known = |source: &SourceConfig| KnownSource {
        name: source.name.clone(),
        scheme: source.scheme.clone(),
        tolerance: source.tolerance,
        secrets: secrets.remove(&source.name).unwrap_or_default(),
    };
    config.sources.iter().map(known).collect()
}
