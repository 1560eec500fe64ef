//! Pings the new webhook, or deactivates it if the old one was inactive.

use std::{thread, time::Instant};

use duffel_webhook_receiver::{
    duffel::{Change, Client, Retryability},
    receive::refresh::MIN_INTERVAL,
};

use crate::{
    commands::webhooks::ping::{PATIENCE, PAUSE},
    shared::{Result, output::remark},
};

/// Deactivates the new webhook.
pub(super) fn deactivate(duffel: &Client, webhook: &str, to_resume: &str) -> Result<()> {
    let change = Change { active: Some(false), ..Change::default() };
    duffel.update_webhook(webhook, &change).map_err(|error| {
        format!("webhook {webhook} is active, and the old one was not: {error}: {to_resume}")
    })?;
    remark("Deactivated it, like the old one");
    Ok(())
}

/// Waits until the receiver accepts a delivery that is signed with the new secret.
pub(super) fn ping(duffel: &Client, webhook: &str, url: &str, to_resume: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let error = match duffel.ping_webhook(webhook) {
            Ok(()) => {
                remark("Pinged it: accepted");
                return Ok(());
            }
            Err(error) => error,
        };
        let may_pass = error.is_endpoints_failure() || error.retryability() != Retryability::Permanent;
        if !may_pass || began.elapsed() + PAUSE > PATIENCE {
            return Err(format!(
                "the secret is rotated and stored, but {url} did not accept a ping: {error}: \
                 see the receiver's log, then {to_resume} to catch up"
            )
            .into());
        }
        let reason = if error.is_endpoints_failure() {
            let seconds = MIN_INTERVAL.as_secs();
            format!("not accepted yet; a receiver reads its secrets at most every {seconds} s")
        } else {
            error.to_string()
        };
        remark(&format!("Pinged it: {reason}: trying again in {} s", PAUSE.as_secs()));
        thread::sleep(PAUSE);
    }
}
