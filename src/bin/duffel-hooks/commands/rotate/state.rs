//! The progress of a rotation, according to the journal, Duffel and Secrets Manager.

use duffel_webhook_receiver::duffel::Webhook;

pub(super) enum State {
    /// This webhook must be deleted: it is the one to replace, or its secret was lost.
    Replace(Webhook),
    /// There is no webhook.
    Create,
    /// The new webhook exists, and its secret is stored.
    Stored(String),
    /// The new webhook was found to work, too. Only catching up is left.
    Done(String),
}

impl State {
    /// Whether a new secret is still to be created.
    pub(super) fn needs_new_secret(&self) -> bool {
        matches!(self, Self::Replace(_) | Self::Create)
    }

    /// The id of the webhook to delete.
    pub(super) fn old(&self) -> Option<&str> {
        match self {
            Self::Replace(webhook) => Some(&webhook.id),
            Self::Create | Self::Stored(_) | Self::Done(_) => None,
        }
    }

    /// The id of the webhook whose secret is stored already.
    pub(super) fn stored(&self) -> Option<&str> {
        match self {
            Self::Stored(id) | Self::Done(id) => Some(id),
            Self::Replace(_) | Self::Create => None,
        }
    }
}
