//! The delivery log: what the pipeline finds out about a delivery, for the line of the log.

use std::time::SystemTime;

use crate::{event::Event, signature::Verified, time::unix_seconds};

/// The findings about a delivery, as far as the pipeline came; nothing of its content.
#[derive(Debug, Default)]
pub struct DeliveryLog {
    pub source: Option<String>,
    /// The label of the signature that matched, as in `v2`.
    pub label: Option<&'static str>,
    /// In seconds; negative if the signature's clock is ahead of ours, `None` if the signature covers no time.
    pub signature_age: Option<i64>,
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    pub identity: Option<String>,
    /// The reason why a configured filter was not applied.
    pub warning: Option<String>,
}

impl DeliveryLog {
    pub(super) fn add_signature(&mut self, verified: &Verified, now: SystemTime) {
        self.label = Some(verified.label()).filter(|label| !label.is_empty());
        let age = |signed: u64| unix_seconds(now).cast_signed() - signed.cast_signed();
        self.signature_age = verified.timestamp().map(age);
    }

    pub(super) fn add_event(&mut self, event: &Event) {
        self.event_id = event.id().map(str::to_owned);
        self.event_type = event.kind().map(str::to_owned);
        self.identity = Some(event.identity().as_str().to_owned());
    }
}
