//! Resuming: whether this is a new rotation, or one that was interrupted.

use duffel_webhook_receiver::{
    deployment::stored_secret::Active,
    duffel::{Client, Webhook},
};

use super::{journal::Journal, request::Request, state::State};
use crate::shared::{
    Result,
    output::{self, remark},
};

/// Everything but journal and webhook that determines the rotation's state.
pub(super) struct Evidence<'a> {
    pub(super) request: &'a Request,
    pub(super) duffel: &'a Client,
    pub(super) active: &'a Active,
}

impl Evidence<'_> {
    /// Determines the rotation to make, or to go on with, and its state.
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
        let begin_again = |webhook: Option<Webhook>| {
            let mut journal = self.begin(webhook.as_ref())?;
            journal.take_over(&earlier);
            Ok((journal, webhook.map_or(State::Create, State::Replace)))
        };
        let Request { target, forget_old, look_back, .. } = self.request;
        let path = self.request.journal.display();
        let mode = webhook.as_ref().and_then(|webhook| webhook.live_mode).or(self.duffel.live_mode());
        is_of_this(&journal, self.duffel, &target.arn, mode)
            .map_err(|what| format!("{path} is the journal of a rotation {what}"))?;
        let is_old = journal.age() > *look_back;
        let is_other = self.request.is_other(&journal.url, &journal.events);
        let date = journal.date().to_owned();

        if let Some(done) = &journal.done {
            return match webhook {
                Some(webhook) if webhook.id == done.webhook && !is_old && !forget_old && !is_other => {
                    remark(&format!(
                        "The rotation of {date} is done except for catching up, which goes on ({path})"
                    ));
                    Ok((journal, State::Done(webhook.id)))
                }
                other => {
                    remark(&format!("The rotation of {date} is done ({path}): beginning a new one"));
                    begin_again(other)
                }
            };
        }
        let Some(webhook) = webhook else {
            remark(&format!("Resuming an interrupted rotation ({path})"));
            return Ok((journal, State::Create));
        };
        let is_new = journal.replaces.as_ref() != Some(&webhook.id);
        journal.live_mode = journal.live_mode.or(webhook.live_mode);
        if is_new && webhook.url.as_ref() != Some(&journal.url) && webhook.url != journal.replaced_url {
            return Err(format!(
                "nothing was changed: Duffel has webhook {}, which delivers to {}, and the rotation that was \
                 interrupted created none there: if that webhook is yours to replace, remove {path}",
                webhook.id,
                webhook.url.as_deref().unwrap_or("an unknown URL")
            )
            .into());
        }
        if is_new && self.active.secret_of(&webhook.id, journal.live_mode).is_some() {
            // A secret that leaks now may be the one that is stored already.
            let leaks_now = *forget_old && !journal.forget_old;
            if !is_old && !leaks_now && !is_other {
                remark(&format!("Resuming an interrupted rotation ({path})"));
                return Ok((journal, State::Stored(webhook.id)));
            }
            remark(&format!("The rotation of {date} has stored its secret ({path}): beginning a new one"));
            // That rotation may have ended before it deactivated the webhook.
            let active = journal.active;
            let (mut journal, state) = begin_again(Some(webhook))?;
            journal.active &= active;
            return Ok((journal, state));
        }
        remark(&format!("Resuming an interrupted rotation ({path})"));
        Ok((journal, State::Replace(webhook)))
    }

    /// Begins the journal of a new rotation.
    fn begin(&self, webhook: Option<&Webhook>) -> Result<Journal> {
        let Request { target, url, events, .. } = self.request;
        let registered = webhook.and_then(|webhook| webhook.url.as_deref());
        let url = match (url, registered, &target.url) {
            (None, Some(registered), Some(stack)) if registered != stack => {
                return Err(format!(
                    "Duffel's webhook delivers to {registered}, and the stack receives at {stack}: \
                     is DUFFEL_ACCESS_TOKEN of another organisation or mode? \
                     If it is right, give --url to say where Duffel is to deliver"
                )
                .into());
            }
            (None, Some(url), _) => url,
            (Some(url), ..) | (None, None, Some(url)) => url,
            (None, None, None) => {
                return Err("Duffel has no webhook: give --url to say where Duffel is to deliver".into());
            }
        };
        let registered = webhook.map(|webhook| &webhook.events[..]).unwrap_or_default();
        let events = if events.is_empty() { registered } else { events };
        if events.is_empty() {
            let why = if webhook.is_some() {
                "does not report its webhook's event types"
            } else {
                "has no webhook"
            };
            return Err(format!(
                "Duffel {why}: give --event for each event type that the webhook is to have, \
                 as in --event order.created --event air.order.changed"
            )
            .into());
        }
        let Self { duffel, .. } = self;
        Ok(Journal::new(duffel.url(), duffel.live_mode(), &target.arn, webhook, url, events))
    }
}

/// Checks that a journal is of the rotation that is asked for; the error says what differs.
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
