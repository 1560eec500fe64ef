//! The queue of events, to look at.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;

use super::in_flight::InFlight;

/// The queue from which consumers take events.
pub struct EventQueue {
    client: Client,
    url: String,
}

impl EventQueue {
    #[must_use]
    pub fn new(sdk: &SdkConfig, url: &str) -> Self {
        Self { client: Client::new(sdk), url: url.to_owned() }
    }

    /// Creates an empty set of in-flight messages; `hold` is their visibility time-out.
    ///
    /// To receive a message counts as an attempt of a consumer, and SQS delivers no other message of its group meanwhile.
    pub fn in_flight(&self, hold: Duration) -> InFlight<'_> {
        InFlight::new(&self.client, &self.url, hold)
    }
}
