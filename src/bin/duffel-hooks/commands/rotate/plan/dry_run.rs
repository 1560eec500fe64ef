//! `--dry-run`: the plan in words.

use std::io::{self, Write};

use super::Plan;
use crate::{
    commands::rotate::{catch_up::not_searched, state::State},
    shared::{
        Result,
        output::{count, duration, mode, remark},
    },
};

impl Plan {
    pub(in crate::commands::rotate) fn print(&self) -> Result<()> {
        if let (since, Some(from)) = self.since() {
            remark(&not_searched(from, since));
        }
        let Self { journal, secret, active, state, objection, look_back, .. } = self;
        let out = &mut io::stdout().lock();
        let types = count(journal.events.len(), "event type");
        let mode = mode(journal.live_mode);
        let back = duration(*look_back);
        if let State::Done(id) = state {
            let date = journal.date();
            writeln!(
                out,
                "Would only catch up: an earlier run, of {date}, rotated the secret of {}:",
                journal.url
            )?;
            writeln!(out, "  keep       webhook {id} and its secret")?;
            writeln!(out, "  redeliver  events since {back} before it that no endpoint accepted")?;
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
            let active = if journal.active { "" } else { ", inactive like the old one" };
            writeln!(out, "  create     a webhook for {types}{active}")?;
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
        writeln!(out, "  ping       the new webhook")?;
        writeln!(out, "  redeliver  events in the last {back} that no endpoint accepted")?;
        if let Some(objection) = objection {
            writeln!(out, "Without --forget-other-mode this would be refused: {objection}")?;
        }
        writeln!(out, "Nothing was changed. The permissions to change it were not checked.")?;
        Ok(())
    }
}
