//! Stores the new secret; if that fails, shows it.

use std::thread;

use duffel_webhook_receiver::{
    deployment::{
        CallError,
        stored_secret::{Active, KEPT, StoredSecret, first_version_id},
    },
    signature::secret::{ActiveSecret, Secret},
};

use super::{PAUSES, journal::Journal};
use crate::shared::{Result, output::remark, printout::Printout, store::put_secret_command};

/// Stores the new secret, or finishes storing it. Without `new`, it is read from where it is stored.
pub(super) async fn store(
    secret: &StoredSecret,
    webhook: &str,
    new: Option<&Secret>,
    active: &Active,
    journal: &Journal,
    to_resume: &str,
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
                remark(&format!("Stored its secret in {}; other active secrets: {kept}", secret.arn()));
                if journal.forget_old {
                    remark(&format!("Forgotten: {dropped}"));
                } else if dropped.total() > 0 {
                    remark(&format!(
                        "{KEPT} are kept. Left out, and active until the next change at most: {dropped}"
                    ));
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let pause = pauses.next().filter(|_| !matches!(error, CallError::Denied(_)));
        let Some(pause) = pause else { break error };
        remark(&format!("Storing its secret failed: {error}: trying again in {} s", pause.as_secs()));
        thread::sleep(pause);
    };
    if stored.is_none() {
        show(webhook, &known.secret, secret.arn());
    }
    Err(format!("the new secret is not stored: {error}: {to_resume}").into())
}

/// Shows the new secret as the last resort: Duffel shows it only once, and here it would be lost.
fn show(webhook: &str, new: &Secret, arn: &str) {
    let (command, new) = (put_secret_command(arn, Some(&first_version_id(webhook))), new.expose());
    // On the standard error, should the standard output be closed; the command fails anyway.
    Printout::default().line(format_args!(
        "The secret of webhook {webhook} could not be stored, and Duffel shows it only once. It is

  {new}

Store it manually, and the receiver accepts deliveries again. The command waits for the secret to be
pasted, so that it does not get into the history of the shell:

  {command}

Then run rotate again, as before, to finish. Or only run it again: it creates another webhook with
another secret, and this one is not needed any more. Until then the receiver refuses all deliveries;
Duffel retries them for 72 hours."
    ));
}
