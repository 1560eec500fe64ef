//! Deletes the old webhook and creates the new one.

use std::{
    thread,
    time::{Duration, Instant},
};

use duffel_webhook_receiver::{
    duffel::{ApiError, Client, Retryability, Webhook},
    signature::secret::Secret,
};

use super::{PAUSES, interrupt::InterruptNotice, journal::Journal, plan::Plan};
use crate::shared::{
    Result,
    output::{count, remark},
};

/// A webhook that this run created.
pub(super) struct Created {
    pub(super) webhook: Webhook,
    pub(super) secret: Secret,
    /// How long there was no webhook. `None` if an earlier run deleted the old one.
    pub(super) gap: Option<Duration>,
}

/// Deletes the old webhook, if there is one, and creates the new one at once.
pub(super) fn replace(
    duffel: &Client,
    plan: &Plan,
    to_resume: &str,
    notice: &InterruptNotice,
) -> Result<Created> {
    let Plan { journal, known, .. } = plan;
    let began = Instant::now();
    let old = plan.state.old();
    if let Some(old) = old {
        let in_doubt = format!("whether webhook {old} is deleted is not known");
        notice.set(format!("{in_doubt}: {to_resume}"));
        delete(duffel, old).map_err(|error| format!("{in_doubt}: {error}: {to_resume}"))?;
        remark(&format!("Deleted webhook {old}"));
    }
    notice.set(format!(
        "there is no webhook now, or a new one whose secret is not stored, so that its deliveries are refused: \
         {to_resume}"
    ));
    let (webhook, secret) =
        create(duffel, known, journal).map_err(|why| format!("{why}: to go on, {to_resume}"))?;
    let gap = old.filter(|old| journal.replaces.as_deref() == Some(*old)).map(|_| began.elapsed());
    remark(&format!("Created webhook {} for {}", webhook.id, count(journal.events.len(), "event type")));
    Ok(Created { webhook, secret, gap })
}

fn delete(duffel: &Client, id: &str) -> std::result::Result<(), ApiError> {
    match duffel.delete_webhook(id) {
        Err(error) if error.status() == Some(http::StatusCode::NOT_FOUND) => Ok(()),
        other => other,
    }
}

/// Creates the webhook; the error says what there is instead. The webhooks that are `known` existed before.
fn create(
    duffel: &Client,
    known: &[String],
    journal: &Journal,
) -> std::result::Result<(Webhook, Secret), String> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let error = match duffel.create_webhook(&journal.url, &journal.events) {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        let existing = duffel.webhooks().collect::<std::result::Result<Vec<_>, _>>();
        let new = existing.as_deref().unwrap_or_default().iter().find(|webhook| !known.contains(&webhook.id));
        // It may have been created although the response, with the secret, was lost.
        let orphan = new.filter(|webhook| webhook.url.as_ref() == Some(&journal.url));
        if let Some(other) = new.filter(|_| orphan.is_none()) {
            let url = other.url.as_deref().unwrap_or("an unknown URL");
            return Err(format!(
                "somebody else has created webhook {}, which delivers to {url}: it was not changed, and the new \
                 webhook could not be created: {error}: find out who did, and delete it",
                other.id
            ));
        }
        let is_hopeless =
            error.retryability() == Retryability::Permanent && existing.as_ref().is_ok_and(Vec::is_empty);
        let Some(pause) = pauses.next().filter(|_| !is_hopeless) else {
            return Err(format!(
                "there is NO WEBHOOK now, and Duffel delivers nothing (events that happen until there is one are \
                 delivered then): it could not be created: {error}"
            ));
        };
        if let Some(orphan) = orphan {
            remark(&format!("Webhook {} was created, but its secret is not known: deleting it", orphan.id));
            if let Err(error) = delete(duffel, &orphan.id) {
                remark(&format!("Whether it is deleted is not known: {error}"));
            }
        }
        remark(&format!("Creating the webhook failed: {error}: trying again in {} s", pause.as_secs()));
        thread::sleep(pause);
    }
}
