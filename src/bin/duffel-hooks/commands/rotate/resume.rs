//! Is this a new rotation, or one that was interrupted?

use std::{path::Path, time::Duration};

use duffel_webhook_receiver::{
    deployment::stored_secret::Active,
    duffel::{Client, Webhook},
};

use super::{Arguments, journal::Journal, plan::State, target::Target};
use crate::shared::{Result, duffel::tell, output};

/// What that is told from, the journal and the webhook apart.
pub(super) struct Evidence<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) duffel: &'a Client,
    pub(super) target: &'a Target,
    /// The journal's.
    pub(super) path: &'a Path,
    pub(super) active: &'a Active,
    /// How far back a rotation looks for events.
    pub(super) back: Duration,
}

impl Evidence<'_> {
    pub(super) fn determine_state(
        &self,
        interrupted: Option<Journal>,
        webhook: Option<Webhook>,
    ) -> Result<(Journal, State)> {
        let Some(mut journal) = interrupted else {
            let journal = self.begin(webhook.as_ref())?;
            return Ok((journal, webhook.map_or(State::Create, State::Replace)));
        };
        let earlier = journal.clone();
        let anew = |webhook: Option<Webhook>| {
            let mut journal = self.begin(webhook.as_ref())?;
            journal.take_over(&earlier);
            Ok((journal, webhook.map_or(State::Create, State::Replace)))
        };
        let path = self.path.display();
        let mode = webhook.as_ref().and_then(|webhook| webhook.live_mode).or(self.duffel.live_mode());
        is_of_this(&journal, self.duffel, &self.target.arn, mode)
            .map_err(|what| format!("{path} is of a rotation {what}"))?;
        let is_old = journal.age() > self.back;
        let date = journal.date().to_owned();

        if let Some(done) = &journal.done {
            return match webhook {
                Some(webhook)
                    if webhook.id == done.webhook
                        && !is_old
                        && !self.arguments.forget_old
                        && !self.asks_for_other(&journal) =>
                {
                    tell(&format!(
                        "The rotation of {date} is done but for catching up, which goes on ({path})"
                    ));
                    Ok((journal, State::Done(webhook.id)))
                }
                other => {
                    tell(&format!("The rotation of {date} is done ({path}): beginning a new one"));
                    anew(other)
                }
            };
        }
        let Some(webhook) = webhook else {
            tell(&format!("Going on with a rotation that was interrupted ({path})"));
            return Ok((journal, State::Create));
        };
        let is_new = journal.replaces.as_ref() != Some(&webhook.id);
        journal.live_mode = journal.live_mode.or(webhook.live_mode);
        if is_new && webhook.url.as_ref() != Some(&journal.url) && webhook.url != journal.replaced_url {
            return Err(format!(
                "nothing was changed: Duffel has webhook {}, which delivers to {}, and the rotation that was \
                 interrupted made none there: if that webhook is yours to replace, remove {path}",
                webhook.id,
                webhook.url.as_deref().unwrap_or("nobody knows where")
            )
            .into());
        }
        if is_new && self.active.secret_of(&webhook.id, journal.live_mode).is_some() {
            // A secret that leaks now may be the one that is stored already.
            let leaks_now = self.arguments.forget_old && !journal.forget_old;
            if !is_old && !leaks_now && !self.asks_for_other(&journal) {
                tell(&format!("Going on with a rotation that was interrupted ({path})"));
                return Ok((journal, State::Stored(webhook.id)));
            }
            tell(&format!("The rotation of {date} has stored its secret ({path}): beginning a new one"));
            // It may not have come to deactivating the webhook.
            let active = journal.active;
            let (mut journal, state) = anew(Some(webhook))?;
            journal.active &= active;
            return Ok((journal, state));
        }
        tell(&format!("Going on with a rotation that was interrupted ({path})"));
        Ok((journal, State::Replace(webhook)))
    }

    fn asks_for_other(&self, journal: &Journal) -> bool {
        let Arguments { url, events, .. } = self.arguments;
        url.as_ref().is_some_and(|url| *url != journal.url) || !events.is_empty() && *events != journal.events
    }

    /// What a rotation is about that begins now.
    fn begin(&self, webhook: Option<&Webhook>) -> Result<Journal> {
        let Self { arguments, duffel, target, .. } = self;
        let registered = webhook.and_then(|webhook| webhook.url.as_deref());
        let url = match (&arguments.url, registered, &target.url) {
            (None, Some(registered), Some(stack)) if registered != stack => {
                return Err(format!(
                    "Duffel's webhook delivers to {registered}, and the stack receives at {stack}: \
                     is DUFFEL_ACCESS_TOKEN that of another organisation or mode? \
                     If all is well, say by --url where it shall deliver"
                )
                .into());
            }
            (None, Some(url), _) => url,
            (Some(url), ..) | (None, None, Some(url)) => url,
            (None, None, None) => {
                return Err("Duffel has no webhook: say by --url where it shall deliver".into());
            }
        };
        let registered = webhook.map(|webhook| &webhook.events[..]).unwrap_or_default();
        let events = if arguments.events.is_empty() { registered } else { &arguments.events };
        if events.is_empty() {
            let why =
                if webhook.is_some() { "does not tell the types of its webhook" } else { "has no webhook" };
            return Err(format!(
                "Duffel {why}: say by --event for which types of event it shall be; \
                 may be repeated, as in --event order.created --event air.order.changed"
            )
            .into());
        }
        Ok(Journal::new(duffel.url(), duffel.live_mode(), &target.arn, webhook, url, events))
    }
}

/// Whether a journal tells of the rotation at hand, or what of it is another.
fn is_of_this(
    journal: &Journal,
    duffel: &Client,
    arn: &str,
    mode: Option<bool>,
) -> std::result::Result<(), String> {
    if journal.secret != arn {
        return Err(format!("of {}: give another --journal, or remove it", journal.secret));
    }
    if journal.api != duffel.url() {
        return Err(format!("at {}: see DUFFEL_API_URL", journal.api));
    }
    if mode.is_some() && journal.live_mode.is_some() && journal.live_mode != mode {
        return Err(format!("in {} mode: see DUFFEL_ACCESS_TOKEN", output::mode(journal.live_mode)));
    }
    Ok(())
}
