//! The receiver composed with AWS: its queue or topic, its ledger and its secrets. Also the reconciler's access tokens.

mod connections;
mod destination;
mod endpoint;
pub mod function;
mod ledger;
mod queue;
mod sdk;
pub(crate) mod secrets;
mod sources;
mod topic;
mod trace_header;
mod trust;
mod xray;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use tokio::task::JoinSet;

pub use self::{
    destination::Destination,
    ledger::{DynamoLedger, PARTITION_KEY, TTL_ATTRIBUTE},
    queue::SqsQueue,
    sdk::{SdkError, sdk_config, sdk_config_in},
    secrets::{StoredError, access_tokens},
    topic::SnsTopic,
    trust::BadBundle,
    xray::XRayDaemon,
};
use self::{endpoint::Service, secrets::StoredKeys};
use crate::{
    config::{Config, Secrets, SourceConfig},
    log,
    receive::{Receiver, Source, Sources, key_refresh::KeyRefresh},
    signature::scheme::FieldLocation,
};

/// The time for one ledger call with its retries. Key refresh, look-up, send and two attempts to record take 9.1 s at
/// most, which leaves a reserve in the function's 10 s.
const LEDGER_TIMEOUT: Duration = Duration::from_millis(1_300);
/// The time for a send to the queue or the topic, with its retries.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(4);
/// At startup; during a delivery there is less time.
const SECRET_TIMEOUT: Duration = Duration::from_secs(5);
const KEY_REFRESH_TIMEOUT: Duration = Duration::from_millis(1_200);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Composes the receiver that a configuration describes, with the real queue or topic and table.
///
/// A source whose secret cannot be read answers 503 until it can. If the sources themselves cannot be read, all do.
pub async fn compose(sdk: &SdkConfig, config: Config) -> Receiver<Option<DynamoLedger>, Destination> {
    let sources = async {
        if config.stored_sources.is_empty() {
            given(sdk, config.sources).await
        } else {
            sources::stored(sdk.clone(), config.stored_sources, config.window).await
        }
    };
    let services =
        [Some(Service::of(&config.destination)), config.ledger_table.as_ref().map(|_| Service::DynamoDb)];
    let opened = connections::open(sdk, services.into_iter().flatten());
    let (sources, ()) = tokio::join!(sources, opened);
    let ledger = config.ledger_table.map(|table| DynamoLedger::new(sdk, table));
    if ledger.is_none() {
        tracing::warn!(
            "LEDGER_TABLE is not set: an event that is delivered again after 5 minutes is forwarded again, and so is a \
             replay attack"
        );
    }
    let queue = Destination::new(sdk, config.destination);
    Receiver { sources, ledger, queue, window: config.window }
}

/// Composes the sources of a configuration, with their keys.
async fn given(sdk: &SdkConfig, sources: Vec<SourceConfig>) -> Sources {
    let sources = sources.into_iter().map(|source| with_keys(sdk.clone(), source));
    let sources = Sources::from(sources.collect::<JoinSet<_>>().join_all().await);
    let all = sources.all();
    for (index, source) in all.iter().enumerate() {
        source.report_shared_keys(&all[..index]);
    }
    sources
}

async fn with_keys(sdk: SdkConfig, source: SourceConfig) -> Source {
    let arn = match &source.secrets {
        Secrets::Given(keys) => {
            let keys = keys.clone();
            return source.source(keys, None);
        }
        Secrets::Stored(arn) => arn.clone(),
    };
    let states_mode = source.scheme.live_mode != FieldLocation::Nowhere;
    let stored = StoredKeys { sdk, arn, source: source.name.clone(), form: source.scheme.key, states_mode };
    let fetched = stored.fetch_at_start(SECRET_TIMEOUT).await;
    let since = fetched.is_ok().then(SystemTime::now);
    let (keys, are_all) = fetched.unwrap_or_else(|error| {
        let reason = log::chain(&error);
        tracing::error!(
            "source {}: deliveries are answered 503 until its secret can be read: {reason}",
            source.name
        );
        (Vec::new(), false)
    });
    let stored = Arc::new(stored);
    let key_refresh = KeyRefresh::new(since, are_all, move || {
        let stored = Arc::clone(&stored);
        async move { Ok(stored.fetch(KEY_REFRESH_TIMEOUT).await?) }
    });
    source.source(keys, Some(key_refresh))
}

fn timeouts(operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        // The same for all: calls with different ones share no connections, and each of their pools decodes the trusted
        // certificates again.
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(operation / 2)
        .operation_timeout(operation)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_delivery_ends_within_the_functions_ten_seconds() {
        assert!(KEY_REFRESH_TIMEOUT + LEDGER_TIMEOUT * 3 + QUEUE_TIMEOUT < Duration::from_millis(9_200));
    }
}
