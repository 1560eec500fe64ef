//! Where does the rotation stand, what is to be done, and will it work? All that is asked before anything is deleted.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    config::DEFAULT_WINDOW,
    deployment::stored_secret::{Active, StoredSecret},
    duffel::{Client, Webhook, undelivered},
};

use super::{
    Arguments, IN_FLIGHT,
    catch_up::unanswerable,
    journal::{self, Journal},
    many,
    resume::Evidence,
    target::Target,
};
use crate::shared::{
    Result,
    duffel::{self, duration},
    output,
};

/// What a rotation begins with, or goes on with.
pub(super) struct Plan {
    pub(super) journal: Journal,
    /// The journal's.
    pub(super) path: PathBuf,
    /// The journal as it was found.
    pub(super) interrupted: Option<Journal>,
    pub(super) secret: StoredSecret,
    pub(super) active: Active,
    pub(super) state: State,
    /// Why `--only` is needed, though it was not given; only of a dry run.
    objection: Option<String>,
    /// The ids of the webhooks there are.
    pub(super) known: Vec<String>,
    /// How far back to look for events, from the beginning of the rotation.
    pub(super) back: Duration,
    /// How far back from now the receiver knows its events.
    pub(super) memory: Option<Duration>,
}

/// How far it is, as the journal, Duffel and Secrets Manager tell.
pub(super) enum State {
    /// This webhook must go: it is the one to be replaced, or its secret was lost.
    Replace(Webhook),
    /// There is none.
    Create,
    /// The new one is there, and its secret is stored.
    Stored(String),
    /// The new one was found to work, too.
    Done(String),
}

impl State {
    /// Whether a new secret is still to be made.
    pub(super) fn needs_new_secret(&self) -> bool {
        matches!(self, Self::Replace(_) | Self::Create)
    }

    /// The webhook whose secret is stored already.
    fn stored(&self) -> Option<&str> {
        match self {
            Self::Stored(id) | Self::Done(id) => Some(id),
            Self::Replace(_) | Self::Create => None,
        }
    }
}

impl Plan {
    pub(super) async fn prepare(arguments: &Arguments, sdk: &SdkConfig, duffel: &Client) -> Result<Self> {
        let target = Target::resolve(arguments, sdk).await?;
        let path = match &arguments.journal {
            Some(path) => path.clone(),
            None => journal::default_path(&target.arn, duffel.live_mode())?,
        };
        let interrupted = Journal::read(&path)?;
        let secret = StoredSecret::new(sdk, &target.arn);
        let active = secret.read().await?;
        let expected = arguments.url.clone().or_else(|| Some(interrupted.as_ref()?.url.clone()));
        let webhooks = duffel.webhooks().collect::<std::result::Result<Vec<_>, _>>()?;
        let known = webhooks.iter().map(|webhook| webhook.id.clone()).collect();
        let webhook = the_webhook(webhooks, expected.as_deref().or(target.url.as_deref()))?;
        let back =
            target.memory.map_or(arguments.catch_up, |memory| memory.min(arguments.catch_up)).max(IN_FLIGHT);

        let evidence = Evidence { arguments, duffel, target: &target, path: &path, active: &active, back };
        let (mut journal, state) = evidence.determine_state(interrupted.clone(), webhook)?;
        if let Some(url) = &arguments.url {
            journal.url.clone_from(url);
        }
        if !arguments.events.is_empty() {
            journal.events.clone_from(&arguments.events);
        }
        journal.forget_old |= arguments.forget_old;
        journal.only |= arguments.only;
        let may_object = state.needs_new_secret() && journal.forget_old && !journal.only;
        let objection = may_object.then(|| target.objection(arguments, &journal, &state, &active)).flatten();
        if let Some(objection) = objection.as_ref().filter(|_| !arguments.dry_run) {
            return Err(format!("nothing was changed: {objection}").into());
        }
        let memory = target.memory;
        Ok(Self { journal, path, interrupted, secret, active, state, objection, known, back, memory })
    }

    /// Since when events are looked for that were delivered to nobody; and since when they should be, if that is
    /// earlier than what the ledger can answer for.
    pub(super) fn since(&self) -> (SystemTime, Option<SystemTime>) {
        let now = SystemTime::now();
        // Duffel's times are written as those after 1970.
        let before = |moment: SystemTime, time| {
            moment.checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH)
        };
        let began = self.journal.behind_since().unwrap_or(now);
        let since = before(began, self.back);
        // Without a stack, as far as the command said, or as the window is by default.
        let default = undelivered::look_back(DEFAULT_WINDOW).max(self.back).saturating_add(IN_FLIGHT);
        let remembered = before(now, self.memory.unwrap_or(default));
        let gap = before(began, IN_FLIGHT);
        (since.max(remembered), (gap < remembered).then_some(gap))
    }

    /// What would be done.
    pub(super) fn print(&self) -> Result<()> {
        if let (since, Some(from)) = self.since() {
            duffel::tell(&unanswerable(from, since));
        }
        let Self { journal, secret, active, state, objection, back, .. } = self;
        let out = &mut io::stdout().lock();
        let types = many(journal.events.len(), "type", "types");
        let mode = output::mode(journal.live_mode);
        let back = duration(*back);
        if let State::Done(id) = state {
            let date = journal.date();
            writeln!(
                out,
                "Would only catch up: an earlier run, of {date}, rotated the secret of {}:",
                journal.url
            )?;
            writeln!(out, "  keep       webhook {id} and its secret")?;
            writeln!(out, "  ask for    what was delivered to nobody since {back} before it")?;
            writeln!(out, "Nothing was changed.")?;
            return Ok(());
        }
        writeln!(out, "Would rotate the secret of {} ({mode} mode):", journal.url)?;
        match state {
            State::Replace(webhook) => writeln!(out, "  delete     webhook {}", webhook.id)?,
            State::Create => writeln!(out, "  delete     nothing: there is no webhook")?,
            State::Stored(id) | State::Done(id) => {
                writeln!(out, "  keep       webhook {id}: its secret is stored already")?;
            }
        }
        if state.needs_new_secret() {
            let active = if journal.active { "" } else { ", inactive as it is" };
            writeln!(out, "  create     a webhook for {types} of event{active}")?;
        }
        let old = if journal.forget_old {
            let new = state.stored().and_then(|id| active.secret_of(id, journal.live_mode));
            active.forget_old(new, journal.live_mode)
        } else {
            active.keep_old(None, journal.live_mode)
        };
        if state.needs_new_secret() || journal.forget_old {
            writeln!(out, "  store      its secret in {}", secret.arn())?;
            writeln!(out, "  keep       of the active secrets: {}", old.kept())?;
            if journal.forget_old || old.dropped().total() > 0 {
                writeln!(out, "  forget     of the active secrets: {}", old.dropped())?;
            }
        }
        writeln!(out, "  ping       it, and deliver again what was delivered to nobody in the last {back}")?;
        if let Some(objection) = objection {
            writeln!(out, "Without --only this would be refused: {objection}")?;
        }
        writeln!(out, "Nothing was changed, and whether it may be changed was not tried.")?;
        Ok(())
    }
}

/// Duffel has one webhook a mode; should it have several, the one at the address.
fn the_webhook(mut webhooks: Vec<Webhook>, url: Option<&str>) -> Result<Option<Webhook>> {
    if webhooks.len() > 1 {
        webhooks.retain(|webhook| webhook.url.as_deref() == url);
        if webhooks.len() != 1 {
            return Err("Duffel has several webhooks: say by --url which one it is".into());
        }
    }
    Ok(webhooks.pop())
}
