//! Will it work? All that may fail is tried before anything is deleted.

use duffel_webhook_receiver::duffel::{Change, Client, Retryability};

use super::{
    journal::Journal,
    plan::{Plan, State},
};
use crate::shared::Result;

/// Tries whether the new secret could be stored, writes the journal, and lets the old webhook deliver what the new one
/// shall to where that shall: so Duffel takes these values, and lets the token change webhooks.
pub(super) async fn check(plan: &Plan, duffel: &Client) -> Result<()> {
    let Plan { journal, path, interrupted, secret, active, state, .. } = plan;
    if state.needs_new_secret() {
        secret.try_put(active).await.map_err(|error| {
            format!("nothing was changed, since the new secret could not be stored: {error}")
        })?;
    }
    // Before the webhook is another: with --url or --event, this is the first change.
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
    Err(format!("nothing was {what}, since the webhook may not be: {error}").into())
}
