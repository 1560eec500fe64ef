//! All that is known of one event.

use std::{rc::Rc, time::SystemTime};

use duffel_webhook_receiver::{
    deployment::in_flight::QueuedMessage,
    duffel::{DeliveryRecord, EventRecord, Webhook},
    identity::Identity,
    ledger::Record,
};

use super::{
    Asked,
    in_gateway::{self, GatewayLine},
    in_log::line_of,
    in_stack::Queues,
    names::Names,
};
use crate::shared::delivery_line::DeliveryLine;

/// What the conclusion needs to know of the stack.
#[derive(Clone, Debug)]
pub(super) struct StackFacts {
    pub(super) name: String,
    pub(super) webhook_url: Option<String>,
    /// Whether it may be reached under another domain than that of the webhook's URL.
    pub(super) has_domain: bool,
    pub(super) secret: Option<String>,
    pub(super) log_level: Option<String>,
}

/// What is the same for all events that are traced.
pub(super) struct Common {
    pub(super) stack: StackFacts,
    pub(super) now: SystemTime,
    pub(super) webhooks: Asked<Vec<Webhook>>,
    /// The lines of all refused deliveries about the times of attempts that were not accepted.
    pub(super) refusals: Asked<Vec<DeliveryLine>>,
    /// The lines of the gateway about the times of attempts that it may have refused.
    pub(super) gateway: Asked<Vec<GatewayLine>>,
    pub(super) queues: Queues,
}

/// All that is known of one event. What could not be asked has the reason in its place.
pub(super) struct Evidence {
    pub(super) common: Rc<Common>,
    pub(super) names: Names,
    /// Whether its source is Duffel, as far as is known.
    pub(super) is_at_duffel: bool,
    /// `None` if Duffel does not have it in the token's mode.
    pub(super) event: Asked<Option<EventRecord>>,
    pub(super) attempts: Asked<Vec<DeliveryRecord>>,
    /// The lines of its deliveries, and of those with its identity.
    pub(super) lines: Asked<Vec<DeliveryLine>>,
    pub(super) record: Asked<Option<Record>>,
}

impl Evidence {
    /// The lines of its own deliveries: not those of another event with its identity.
    pub(super) fn own_lines(&self) -> impl DoubleEndedIterator<Item = &DeliveryLine> {
        let is_own = |line: &&DeliveryLine| self.names.id.is_none() || line.event_id == self.names.id;
        self.lines.iter().flatten().filter(is_own)
    }

    /// The line of an attempt that was refused before its event was known, by time and status.
    pub(super) fn refusal(&self, attempt: &DeliveryRecord) -> Option<&DeliveryLine> {
        let has_own = self.own_lines().any(|line| Some(line.status) == attempt.response_status_code);
        if has_own || attempt.succeeded() == Some(true) {
            return None;
        }
        line_of(attempt, self.common.refusals.as_ref().ok()?)
    }

    /// The gateway's line of an attempt of which the receiver has none, by time and status.
    pub(super) fn refusal_of_gateway(&self, attempt: &DeliveryRecord) -> Option<&GatewayLine> {
        let is_known = self.own_lines().any(|line| Some(line.status) == attempt.response_status_code)
            || self.refusal(attempt).is_some();
        let lines = self.common.gateway.as_ref().ok().filter(|_| !is_known)?;
        in_gateway::line_of(attempt, lines)
    }

    /// Its messages among the dead letters.
    pub(super) fn letters(&self) -> impl Iterator<Item = &QueuedMessage> {
        let message = self.forwarded_message();
        let is_its = move |letter: &&QueuedMessage| {
            let id = letter.attribute("event_id");
            let identity = letter.attribute("identity");
            let is_same = id.is_some() && id == self.names.id.as_deref()
                || identity.is_some()
                    && identity == self.names.identity.as_ref().map(Identity::as_str)
                    && (self.names.id.is_none() || id.is_none() || id == self.names.id.as_deref());
            is_same || message.is_some() && letter.message_id() == message
        };
        self.common.queues.dead.iter().flat_map(|dead| &dead.letters).filter(is_its)
    }

    /// The record, if it is that of this event, and not that of another one with its identity.
    pub(super) fn own_record(&self) -> Option<&Record> {
        let record = self.record.as_ref().ok()?.as_ref()?;
        let is_own = self.names.id.is_none() || record.event_id.is_none() || record.event_id == self.names.id;
        is_own.then_some(record)
    }

    /// The id of the event that was forwarded in place of this one.
    pub(super) fn forwarded_instead(&self) -> Option<String> {
        let by_line = self.own_lines().rev().find_map(|line| line.recorded_id.clone());
        let record = self.record.as_ref().ok().and_then(Option::as_ref);
        let by_record = record.filter(|_| self.own_record().is_none()).and_then(|it| it.event_id.clone());
        by_line.or(by_record)
    }

    /// The line of the delivery with which it was last forwarded.
    pub(super) fn accepted(&self) -> Option<&DeliveryLine> {
        self.own_lines().rev().find(|line| line.outcome == "accepted")
    }

    fn forwarded_message(&self) -> Option<&str> {
        let by_line = self.accepted().and_then(|line| line.message_id.as_deref());
        by_line.or_else(|| self.own_record().map(|record| record.message_id.as_str()))
    }

    /// What could not be asked, and the reasons.
    pub(super) fn unasked(&self) -> Vec<(&'static str, &str)> {
        let reasons = [
            ("Duffel", self.event.as_ref().err()),
            ("Duffel", self.attempts.as_ref().err()),
            ("Duffel", self.common.webhooks.as_ref().err()),
            ("the receiver's log", self.lines.as_ref().err()),
            ("the receiver's log", self.common.refusals.as_ref().err()),
            ("the gateway's log", self.common.gateway.as_ref().err()),
            ("the ledger", self.record.as_ref().err()),
            ("the queue", self.common.queues.events.as_ref().err()),
            ("the age of the oldest event in the queue", self.common.queues.oldest.as_ref().err()),
            ("the dead-letter queue", self.common.queues.dead.as_ref().err()),
        ];
        let mut unasked = Vec::new();
        for (part, reason) in reasons {
            let Some(reason) = reason.filter(|_| self.is_at_duffel || part != "Duffel") else { continue };
            if !unasked.contains(&(part, reason.as_str())) {
                unasked.push((part, reason.as_str()));
            }
        }
        unasked
    }
}
