//! The steps that change something, each of which may be the one before an interruption.

use std::{
    thread,
    time::{Duration, Instant},
};

use duffel_webhook_receiver::{
    deployment::{
        CallError,
        stored_secret::{Active, KEPT, StoredSecret, first_version_id},
    },
    duffel::{ApiError, Change, Client, Retryability, Webhook},
    receive::key_refresh::MIN_INTERVAL,
    signature::secret::{ActiveSecret, Secret},
};

use super::{interrupt::InterruptNotice, journal::Journal, many};
use crate::{
    commands::webhooks::ping::{PATIENCE as PING_PATIENCE, PAUSE as PING_PAUSE},
    shared::{Result, duffel::tell, printout::Printout},
};

/// The waits between attempts to create the webhook, or to store its secret.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// Deletes the old webhook, if there is one, and creates the new one at once; and how long there was none.
pub(super) fn replace(
    duffel: &Client,
    old: Option<&str>,
    known: &[String],
    journal: &Journal,
    again: &str,
    notice: &InterruptNotice,
) -> Result<(Webhook, Secret, Option<Duration>)> {
    let began = Instant::now();
    if let Some(old) = old {
        notice.set(format!("whether webhook {old} is deleted is not known: {again}"));
        delete(duffel, old)
            .map_err(|error| format!("whether webhook {old} is deleted is not known: {error}: {again}"))?;
        tell(&format!("Deleted webhook {old}"));
    }
    notice.set(format!(
        "there is no webhook now, or a new one whose secret is not stored, so that its deliveries are refused: \
         {again}"
    ));
    let (webhook, new) = create(duffel, known, journal).map_err(|why| format!("{why}: to go on, {again}"))?;
    // If an earlier run deleted the one before, the gap is its secret.
    let gap = old.filter(|old| journal.replaces.as_deref() == Some(*old)).map(|_| began.elapsed());
    let types = many(journal.events.len(), "type", "types");
    tell(&format!("Created webhook {} for {types} of event", webhook.id));
    Ok((webhook, new, gap))
}

fn delete(duffel: &Client, id: &str) -> std::result::Result<(), ApiError> {
    match duffel.delete_webhook(id) {
        Err(error) if error.status() == Some(http::StatusCode::NOT_FOUND) => Ok(()),
        other => other,
    }
}

/// Creates the webhook; or says what there is instead. Of these are `known` those that were there before.
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
        let there = duffel.webhooks().collect::<std::result::Result<Vec<_>, _>>();
        let new = there.as_deref().unwrap_or_default().iter().find(|webhook| !known.contains(&webhook.id));
        // It may have been created, and the answer lost with the secret in it: then it is of no use.
        let orphan = new.filter(|webhook| webhook.url.as_ref() == Some(&journal.url));
        if let Some(other) = new.filter(|_| orphan.is_none()) {
            let url = other.url.as_deref().unwrap_or("nobody knows where");
            return Err(format!(
                "somebody else has made webhook {}, which delivers to {url}: it was left alone, and the new one \
                 could not be created: {error}: find out who did, and delete it",
                other.id
            ));
        }
        let is_hopeless =
            error.retryability() == Retryability::Permanent && there.as_ref().is_ok_and(Vec::is_empty);
        let Some(pause) = pauses.next().filter(|_| !is_hopeless) else {
            return Err(format!(
                "there is NO WEBHOOK now, and Duffel delivers nothing (what happens until there is one is \
                 delivered then): it could not be created: {error}"
            ));
        };
        if let Some(orphan) = orphan {
            tell(&format!("Webhook {} was created, but its secret is not known: deleting it", orphan.id));
            if let Err(error) = delete(duffel, &orphan.id) {
                tell(&format!("It is not known to be deleted: {error}"));
            }
        }
        tell(&format!("Creating it failed: {error}: trying again in {} s", pause.as_secs()));
        thread::sleep(pause);
    }
}

/// Stores the new secret, or what is left to do of that; without it, it is read from where it is stored.
pub(super) async fn store(
    secret: &StoredSecret,
    webhook: &str,
    new: Option<&Secret>,
    active: &Active,
    journal: &Journal,
    again: &str,
) -> Result<()> {
    let live_mode = journal.live_mode;
    let stored = active.secret_of(webhook, live_mode);
    let Some(known) = new.or(stored).cloned() else { return Err("the new secret is not known".into()) };
    if new.is_none() && !journal.forget_old {
        return Ok(());
    }
    let known = ActiveSecret { secret: known, live_mode };
    let mut pauses = PAUSES.into_iter();
    let error = loop {
        let put = if journal.forget_old {
            secret.forget_old(webhook, &known, active).await
        } else {
            secret.keep_old(webhook, &known, active).await
        };
        let error = match put {
            Ok(old) => {
                let (kept, dropped) = (old.kept(), old.dropped());
                tell(&format!("Stored its secret in {}; other active secrets: {kept}", secret.arn()));
                if journal.forget_old {
                    tell(&format!("Forgotten: {dropped}"));
                } else if dropped.total() > 0 {
                    tell(&format!(
                        "{KEPT} are kept. Left out, and active until the next change at most: {dropped}"
                    ));
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let pause = pauses.next().filter(|_| !matches!(error, CallError::Denied(_)));
        let Some(pause) = pause else { break error };
        tell(&format!("Storing its secret failed: {error}: trying again in {} s", pause.as_secs()));
        thread::sleep(pause);
    };
    if stored.is_none() {
        show(webhook, &known.secret, secret);
    }
    Err(format!("the new secret is not stored: {error}: {again}").into())
}

/// The last resort: Duffel shows a secret once, and here it would be lost.
fn show(webhook: &str, new: &Secret, secret: &StoredSecret) {
    let (arn, version, new) = (secret.arn(), first_version_id(webhook), new.expose());
    // On the standard error, should the standard output be closed; the command fails anyway.
    Printout::default().line(format_args!(
        "The secret of webhook {webhook} could not be stored, and Duffel shows it only once. It is

  {new}

Store it, and the receiver goes on; then run the same command again, which goes on from there. Put it
in by hand, and not into the history of the shell: the first command waits for it to be pasted.

  read -rs SECRET && aws secretsmanager put-secret-value --secret-id '{arn}' \\
    --client-request-token {version} --secret-string \"$SECRET\"

Or just run the same command again: it makes another webhook with another secret, and this one is of
no use. Until then the receiver refuses all deliveries, and Duffel makes them again, for 72 hours."
    ));
}

/// Makes the new webhook what the old one was.
pub(super) fn deactivate(duffel: &Client, webhook: &str, again: &str) -> Result<()> {
    let change = Change { active: Some(false), ..Change::default() };
    duffel
        .update_webhook(webhook, &change)
        .map_err(|error| format!("webhook {webhook} is active, and the old one was not: {error}: {again}"))?;
    tell("Deactivated it, as the old one was");
    Ok(())
}

/// Waits until the receiver accepts what the new secret signed.
pub(super) fn ping(duffel: &Client, webhook: &str, url: &str, again: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let error = match duffel.ping_webhook(webhook) {
            Ok(()) => {
                tell("Pinged it: accepted");
                return Ok(());
            }
            Err(error) => error,
        };
        let may_pass = error.is_endpoints_failure() || error.retryability() != Retryability::Permanent;
        if !may_pass || began.elapsed() + PING_PAUSE > PING_PATIENCE {
            return Err(format!(
                "the secret is rotated and stored, but {url} did not accept a ping: {error}: \
                 see the receiver's log, then {again} to catch up"
            )
            .into());
        }
        let reason = if error.is_endpoints_failure() {
            format!(
                "not accepted yet; a receiver asks for its secrets every {} s at the most",
                MIN_INTERVAL.as_secs()
            )
        } else {
            error.to_string()
        };
        tell(&format!("Pinged it: {reason}: trying again in {} s", PING_PAUSE.as_secs()));
        thread::sleep(PING_PAUSE);
    }
}
