//! Where an event is, and what to do.

mod forwarded;
mod not_accepted;

use serde::Serialize;

pub(super) use self::forwarded::moment;
use super::{evidence::Evidence, subject::is_duffels};

/// The place where an event is, or the place where it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// Duffel has not tried to deliver it.
    NeverDelivered,
    /// Duffel delivered it to another address.
    Elsewhere,
    /// It was answered 4xx.
    Refused,
    /// It was answered 5xx or not at all, so that Duffel retries.
    NotAccepted,
    /// `EventTypes` or `LiveMode` excludes it.
    Ignored,
    /// Another event was forwarded in its place.
    Duplicate,
    /// Forwarded, without a record in the ledger.
    Unrecorded,
    /// In the queue, or in the process of a consumer.
    Queue,
    /// A consumer has taken it.
    Consumed,
    /// Published to a topic, of whose subscribers each has its own queue.
    Topic,
    /// Forwarded; what happened then could not be asked.
    Forwarded,
    DeadLetters,
    Unknown,
}

impl Place {
    /// Whether somebody must act. An event that is excluded is meant to be.
    pub(super) fn needs_action(self) -> bool {
        use Place::{DeadLetters, Duplicate, Elsewhere, NeverDelivered, NotAccepted, Refused};
        matches!(self, NeverDelivered | Elsewhere | Refused | NotAccepted | Duplicate | DeadLetters)
    }
}

/// Where an event is, in words, and what to do.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Conclusion {
    pub(super) place: Place,
    pub(super) text: String,
    pub(super) fix: Option<String>,
    /// The commands of the fix, in their order.
    pub(super) commands: Vec<String>,
}

impl Conclusion {
    pub(super) fn new(place: Place, text: impl Into<String>) -> Self {
        Self { place, text: text.into(), fix: None, commands: Vec::new() }
    }

    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    pub(super) fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// Draws the conclusion. What comes later in an event's life counts first.
pub(super) fn conclude(evidence: &Evidence) -> Conclusion {
    let stack = &evidence.common.stack.name;
    if let Some(letter) = evidence.letters().next() {
        let receives = letter.receive_count().unwrap_or("several");
        let text = format!(
            "It is in the dead-letter queue: the consumer failed on it. It was received {receives} times, looks at it \
             included."
        );
        return Conclusion::new(Place::DeadLetters, text)
            .fix("correct the consumer, then move the dead letters back to the queue")
            .command(format!("duffel-hooks dlq show --stack {stack}"))
            .command(format!("duffel-hooks dlq redrive --stack {stack}"));
    }
    if evidence.accepted().is_some() || evidence.own_record().is_some() {
        return forwarded::conclude(evidence);
    }
    if let Some(other) = evidence.forwarded_instead() {
        let text = format!(
            "It was answered as a duplicate of {other}, and not forwarded: both have the same identity, which is made of \
             source, mode, type and idempotency key."
        );
        let done = Conclusion::new(Place::Duplicate, text)
            .fix(format!("if it is another event than {other}, have it forwarded as well"));
        return replayed(done, evidence);
    }
    if evidence.own_lines().next_back().is_some_and(|line| line.outcome == "ignored") {
        let text = "It was answered \"ignored\" and not forwarded: the stack's parameter EventTypes or LiveMode \
                    excludes it.";
        let fix = "if consumers need it, change the parameter, then have it delivered again";
        return replayed(Conclusion::new(Place::Ignored, text).fix(fix), evidence);
    }
    not_accepted::conclude(evidence)
}

/// Adds the command that has an event of Duffel's delivered and forwarded again.
fn replayed(conclusion: Conclusion, evidence: &Evidence) -> Conclusion {
    match &evidence.names.id {
        Some(id) if is_duffels(id) => {
            let source = evidence.names.source.as_deref().filter(|source| *source != "duffel");
            let source = source.map(|source| format!(" --source {source}")).unwrap_or_default();
            conclusion
                .command(format!("duffel-hooks replay --stack {}{source} {id}", evidence.common.stack.name))
        }
        _ => conclusion,
    }
}
