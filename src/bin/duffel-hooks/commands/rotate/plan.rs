//! The plan of a rotation: its state and its steps. It is complete before anything is deleted.

mod dry_run;
mod objection;

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    config::DEFAULT_WINDOW,
    deployment::stored_secret::{Active, StoredSecret},
    duffel::{Client, Webhook, undelivered},
};

use super::{IN_FLIGHT, journal::Journal, request::Request, resume::Evidence, state::State};
use crate::shared::Result;

pub(super) struct Plan {
    pub(super) journal: Journal,
    /// The journal as it was found.
    pub(super) interrupted: Option<Journal>,
    pub(super) secret: StoredSecret,
    pub(super) active: Active,
    pub(super) state: State,
    /// The reason why `--forget-other-mode` is required but missing; in a dry run only.
    objection: Option<String>,
    /// The ids of the webhooks that exist.
    pub(super) known: Vec<String>,
    /// How far before the rotation to look for undelivered events.
    look_back: Duration,
    /// How far before now the ledger deduplicates redeliveries.
    memory: Option<Duration>,
}

impl Plan {
    pub(super) async fn prepare(request: &Request, sdk: &SdkConfig, duffel: &Client) -> Result<Self> {
        let Request { target, look_back, .. } = request;
        let interrupted = Journal::read(&request.journal)?;
        let secret = StoredSecret::new(sdk, &target.arn);
        let active = secret.read().await?;
        let expected = request.url.clone().or_else(|| Some(interrupted.as_ref()?.url.clone()));
        let webhooks = duffel.webhooks().collect::<std::result::Result<Vec<_>, _>>()?;
        let known = webhooks.iter().map(|webhook| webhook.id.clone()).collect();
        let webhook = the_webhook(webhooks, expected.as_deref().or(target.url.as_deref()))?;
        let evidence = Evidence { request, duffel, active: &active };
        let (mut journal, state) = evidence.determine_state(interrupted.clone(), webhook)?;
        if let Some(url) = &request.url {
            journal.url.clone_from(url);
        }
        if !request.events.is_empty() {
            journal.events.clone_from(&request.events);
        }
        journal.forget_old |= request.forget_old;
        journal.forget_other_mode |= request.forget_other_mode;
        let may_object = state.needs_new_secret() && journal.forget_old && !journal.forget_other_mode;
        let objection = may_object.then(|| objection::find(request, &journal, &state, &active)).flatten();
        if let Some(objection) = objection.as_ref().filter(|_| !request.dry_run) {
            return Err(format!("nothing was changed: {objection}").into());
        }
        let (look_back, memory) = (*look_back, target.memory);
        Ok(Self { journal, interrupted, secret, active, state, objection, known, look_back, memory })
    }

    /// The time since which to look for undelivered events; and the time since which they may be missing, if the
    /// ledger does not go back so far.
    pub(super) fn since(&self) -> (SystemTime, Option<SystemTime>) {
        let now = SystemTime::now();
        // Times for Duffel are formatted as times since 1970.
        let before = |moment: SystemTime, time| {
            moment.checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH)
        };
        let began = self.journal.behind_since().unwrap_or(now);
        let since = before(began, self.look_back);
        // Without a stack: as far as the command says, or as the default window.
        let default = undelivered::look_back(DEFAULT_WINDOW).max(self.look_back).saturating_add(IN_FLIGHT);
        let remembered = before(now, self.memory.unwrap_or(default));
        let gap = before(began, IN_FLIGHT);
        (since.max(remembered), (gap < remembered).then_some(gap))
    }
}

/// Selects the webhook to replace. Duffel has one per mode; if it has several, the one with the URL.
fn the_webhook(mut webhooks: Vec<Webhook>, url: Option<&str>) -> Result<Option<Webhook>> {
    if webhooks.len() > 1 {
        webhooks.retain(|webhook| webhook.url.as_deref() == url);
        if webhooks.len() != 1 {
            return Err("Duffel has several webhooks: give --url to select one".into());
        }
    }
    Ok(webhooks.pop())
}
