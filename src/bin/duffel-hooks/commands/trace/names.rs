//! What an event is called, and which events have a name.

use duffel_webhook_receiver::{
    deployment::in_flight::QueuedMessage, duffel::EventRecord, identity::Identity,
};

use super::subject::{Form, Subject};
use crate::shared::delivery_line::DeliveryLine;

/// What an event is called.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) id: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) key: Option<String>,
    pub(super) live_mode: Option<bool>,
    pub(super) source: Option<String>,
    pub(super) identity: Option<Identity>,
}

impl Names {
    fn of_event(event: &EventRecord, source: &str) -> Self {
        Self {
            id: Some(event.id.clone()),
            kind: event.kind.clone(),
            key: event.idempotency_key.clone(),
            live_mode: event.live_mode,
            source: Some(source.to_owned()),
            identity: event.identity(source),
        }
    }

    fn of_line(line: &DeliveryLine) -> Self {
        Self {
            id: line.event_id.clone(),
            kind: line.event_type.clone(),
            source: line.source.clone(),
            identity: line.identity.as_deref().and_then(Identity::parse),
            ..Self::default()
        }
    }

    fn of_letter(letter: &QueuedMessage) -> Self {
        let text = |name| letter.attribute(name).map(str::to_owned);
        Self {
            id: text("event_id"),
            kind: text("event_type"),
            key: text("idempotency_key"),
            live_mode: None,
            source: text("source"),
            identity: letter.attribute("identity").and_then(Identity::parse),
        }
    }

    /// Returns the subject itself, of which no part has an event.
    pub(super) fn of_unknown(subject: &Subject, source: Option<&String>, live_mode: Option<bool>) -> Self {
        let (text, names) = (Some(subject.text.clone()), Self::default());
        match subject.form() {
            Form::DuffelEvent => Self { id: text, live_mode, source: source.cloned(), ..names },
            Form::Identity => Self { identity: subject.identity(), ..names },
            Form::KeyOrEvent => Self { key: text, ..names },
            Form::Message => names,
        }
    }

    /// Whether both are of one event: by the id, or by the identity if one has no id.
    fn is_same(&self, other: &Self) -> bool {
        if self.id.is_some() && other.id.is_some() {
            return self.id == other.id;
        }
        self.identity.is_some() && self.identity == other.identity
    }

    /// Adds what the other one knows. What the receiver has seen counts more than what follows from Duffel's record.
    fn complete(&mut self, other: Self) {
        let Self { id, kind, key, live_mode, source, identity } = other;
        self.id = self.id.take().or(id);
        self.kind = self.kind.take().or(kind);
        self.key = self.key.take().or(key);
        self.live_mode = self.live_mode.or(live_mode);
        self.source = source.or_else(|| self.source.take());
        self.identity = identity.or_else(|| self.identity.take());
    }
}

/// What the parts of the system have that may be about the subject.
pub(super) struct Candidates<'a> {
    pub(super) subject: &'a Subject,
    /// The names of the sources that are Duffel's.
    pub(super) sources: &'a [String],
    pub(super) events: &'a [EventRecord],
    pub(super) lines: &'a [DeliveryLine],
    pub(super) letters: &'a [QueuedMessage],
}

impl Candidates<'_> {
    /// Returns the events that have the subject's name.
    pub(super) fn find(&self) -> Vec<Names> {
        let first_source = self.sources.first().map_or("duffel", String::as_str);
        let mut all: Vec<Names> = Vec::new();
        for event in self.events {
            let identities: Vec<_> =
                self.sources.iter().filter_map(|source| event.identity(source)).collect();
            let names = [Some(event.id.as_str()), event.idempotency_key.as_deref()];
            let names = names.into_iter().chain(identities.iter().map(|identity| Some(identity.as_str())));
            if self.subject.is_any(names) {
                all.push(Names::of_event(event, first_source));
            }
        }
        let possible = self.subject.possible_identities(self.sources);
        let is_possible = |identity: Option<&str>| {
            identity.is_some_and(|text| possible.iter().any(|identity| identity.as_str() == text))
        };
        for line in self.lines {
            let names = [&line.event_id, &line.identity, &line.message_id].map(|name| name.as_deref());
            if self.subject.is_any(names) || is_possible(line.identity.as_deref()) {
                all.push(Names::of_line(line));
            }
        }
        for letter in self.letters {
            let names = ["event_id", "identity", "idempotency_key"].map(|name| letter.attribute(name));
            if self.subject.is_any(names) || self.subject.is_any([letter.message_id()]) {
                all.push(Names::of_letter(letter));
            }
        }
        let mut merged: Vec<Names> = Vec::new();
        for names in all {
            match merged.iter_mut().find(|known| known.is_same(&names)) {
                Some(known) => known.complete(names),
                None => merged.push(names),
            }
        }
        // The log has no keys.
        for names in &mut merged {
            let event = self.events.iter().find(|event| Some(&event.id) == names.id.as_ref());
            if let Some(event) = event {
                names.complete(Names {
                    source: None,
                    identity: None,
                    ..Names::of_event(event, first_source)
                });
            }
        }
        merged
    }
}
