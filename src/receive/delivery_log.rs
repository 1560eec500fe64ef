//! The delivery log: what the pipeline finds out about a delivery, for the line of the log.

use std::time::{Duration, Instant, SystemTime};

use crate::{
    event::Event,
    ledger::Ledger,
    signature::{Verified, scheme::Text},
    time::unix_seconds,
    trace::Trace,
};

/// The findings about a delivery, as far as the pipeline came; nothing of its content.
#[derive(Debug, Default)]
pub struct DeliveryLog {
    pub source: Option<String>,
    /// The X-Ray trace that the delivery is part of.
    pub trace: Option<Trace>,
    /// The label of the signature that matched, as in `v2`.
    pub label: Option<Text>,
    /// In seconds; negative if the signature's clock is ahead of ours, `None` if the signature covers no time.
    pub signature_age: Option<i64>,
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    pub identity: Option<String>,
    /// The reason why a configured filter was not applied.
    pub warning: Option<String>,
    /// The time that all calls of the ledger took; `None` if there was none.
    pub ledger: Option<Duration>,
    /// The time that the call of the queue took; `None` if there was none.
    pub queue: Option<Duration>,
}

impl DeliveryLog {
    pub(super) fn add_signature(&mut self, verified: &Verified, now: SystemTime) {
        self.label = Some(verified.label_text()).filter(|label| !label.is_empty()).cloned();
        let age = |signed: u64| unix_seconds(now).cast_signed() - signed.cast_signed();
        self.signature_age = verified.timestamp().map(age);
    }

    pub(super) fn add_event(&mut self, event: &Event) {
        self.event_id = event.id().map(str::to_owned);
        self.event_type = event.kind().map(str::to_owned);
        self.identity = Some(event.identity().as_str().to_owned());
    }

    /// Adds the time of calls of a ledger, which have just ended.
    pub(super) fn add_ledger_calls(&mut self, ledger: &impl Ledger, since: Instant) {
        if ledger.exists() {
            *self.ledger.get_or_insert_default() += since.elapsed();
        }
    }

    /// Adds the time of a call of the queue, which has just ended.
    pub(super) fn add_queue_call(&mut self, since: Instant) {
        *self.queue.get_or_insert_default() += since.elapsed();
    }
}
