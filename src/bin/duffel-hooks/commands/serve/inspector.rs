//! The local inspector: the deliveries that `serve` answered, and what is known of their sources.

pub(super) mod access;
pub(super) mod delivery;
pub(super) mod explanation;
pub(super) mod journal;

use std::{sync::Arc, time::Duration};

use duffel_webhook_receiver::signature::{
    scheme::Scheme,
    secret::{Key, Secret},
};
use uuid::Uuid;

use self::{
    access::Access,
    journal::{Bounds, Journal},
};

/// The bounds of what is kept.
const BOUNDS: Bounds = Bounds { deliveries: 10_000, bytes: 64 * 1024 * 1024 };

/// A source as the inspector knows it.
pub(super) struct KnownSource {
    pub(super) name: String,
    pub(super) scheme: Scheme,
    pub(super) tolerance: Duration,
    /// Empty if they are in AWS.
    pub(super) secrets: Vec<Secret>,
}

impl KnownSource {
    /// Returns the key of its first secret that can sign.
    pub(super) fn signing_key(&self) -> Option<Key> {
        let is_public = |secret: &Secret| secret.expose().starts_with("whpk_");
        let secret = self.secrets.iter().find(|secret| !is_public(secret))?;
        secret.key(self.scheme.key).ok().filter(|key| !key.algorithm().is_public())
    }
}

/// The place of the events.
pub(super) struct Destination {
    /// The queue or the topic, or `memory`.
    pub(super) name: String,
    pub(super) is_in_aws: bool,
}

pub(super) struct Inspector {
    pub(super) journal: Arc<Journal>,
    pub(super) sources: Vec<KnownSource>,
    pub(super) destination: Destination,
    /// The address of the server, as in `http://127.0.0.1:4567`.
    pub(super) address: String,
    /// Whether `serve` made the secret itself, so that it may show what is signed with it.
    pub(super) secret_is_generated: bool,
    pub(super) access: Access,
    /// The id of this run.
    pub(super) instance: String,
}

impl Inspector {
    pub(super) fn new(
        sources: Vec<KnownSource>,
        destination: Destination,
        secret_is_generated: bool,
        address: String,
        access: Access,
    ) -> Self {
        let journal = Arc::new(Journal::new(BOUNDS));
        let instance = Uuid::new_v4().to_string();
        Self { journal, sources, destination, address, secret_is_generated, access, instance }
    }

    pub(super) fn source(&self, name: &str) -> Option<&KnownSource> {
        self.sources.iter().find(|source| source.name == name)
    }
}
