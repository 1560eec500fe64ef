//! The checks before the deletion: whatever may fail later is tried here.

use std::path::Path;

use duffel_webhook_receiver::duffel::{Change, Client, Retryability};

use super::{journal::Journal, plan::Plan, state::State};
use crate::shared::Result;

/// Checks that the new secret can be stored, writes the journal, and gives the old webhook the URL and types of the new
/// one: so Duffel accepts these values, and lets the token change webhooks.
pub(super) async fn check(plan: &Plan, path: &Path, duffel: &Client) -> Result<()> {
    let Plan { journal, interrupted, secret, active, state, .. } = plan;
    if state.needs_new_secret() {
        secret.try_put(active).await.map_err(|error| {
            format!("nothing was changed, because the new secret could not be stored: {error}")
        })?;
    }
    // Before the webhook is changed: with --url or --event, that is the first change.
    journal.write(path)?;
    let State::Replace(webhook) = state else { return Ok(()) };
    let (url, events) = (Some(journal.url.clone()), Some(journal.events.clone()));
    let change = Change { active: webhook.active, url, events };
    let Err(error) = duffel.update_webhook(&webhook.id, &change) else { return Ok(()) };
    match interrupted {
        Some(interrupted) => interrupted.write(path)?,
        None => Journal::remove(path)?,
    }
    let what = if error.retryability() == Retryability::Permanent { "changed" } else { "deleted" };
    Err(format!("nothing was {what}, because the webhook cannot be updated: {error}").into())
}
