//! What to trace: an event by one of its names.

use std::{borrow::ToOwned, convert::Infallible};

use duffel_webhook_receiver::identity::Identity;
use uuid::Uuid;

/// One of the names of an event, or the key of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) text: String,
}

/// The form of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As in `wev_0000A3tQSmKyqOrcySrGbo`.
    DuffelEvent,
    Identity,
    /// A UUID: the id of a message, or of another provider's event.
    Message,
    /// An idempotency key, or the id of another provider's event.
    KeyOrEvent,
}

impl Subject {
    #[expect(clippy::unnecessary_wraps, reason = "clap's parsers may fail")]
    pub(super) fn parse(text: &str) -> Result<Self, Infallible> {
        Ok(Self { text: text.trim().to_owned() })
    }

    pub(super) fn form(&self) -> Form {
        if is_duffels(&self.text) {
            Form::DuffelEvent
        } else if self.identity().is_some() {
            Form::Identity
        } else if self.text.len() == 36 && Uuid::try_parse(&self.text).is_ok() {
            Form::Message
        } else {
            Form::KeyOrEvent
        }
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        Identity::parse(&self.text)
    }

    /// The identities that follow from it, if it is the key of an object.
    pub(super) fn possible_identities(&self, sources: &[String]) -> Vec<Identity> {
        if self.form() != Form::KeyOrEvent {
            return Vec::new();
        }
        sources.iter().flat_map(|source| Identity::of_duffels_object(source, &self.text)).collect()
    }

    /// Whether one of these names is it.
    pub(super) fn is_any<'a>(&self, names: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        names.into_iter().flatten().any(|name| name == self.text)
    }
}

/// Whether an id is that of an event of Duffel's.
pub(super) fn is_duffels(id: &str) -> bool {
    id.starts_with("wev_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_name_is_recognised() {
        for (text, form) in [
            (" wev_0000A3tQSmKyqOrcySrGbo\n", Form::DuffelEvent),
            ("530bb35cef3d09eae07aa43f3ddac393bc9fc0ba94f8c7172fc061ea0e7fac3e", Form::Identity),
            ("34c2e63a-36db-4b4f-8277-d499eef19c93", Form::Message),
            ("ord_0000ABd6wggSct7BoraU1o", Form::KeyOrEvent),
            ("evt_1NG8Du2eZvKYlo2CUI79vXWy", Form::KeyOrEvent),
        ] {
            assert_eq!(Subject::parse(text).unwrap().form(), form, "{text}");
        }
    }
}
