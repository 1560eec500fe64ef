//! The report of a rotation.

use std::time::Duration;

use duffel_webhook_receiver::deployment::stored_secret::{Counts, StoredSecret};
use serde_json::json;

use super::{catch_up::CaughtUp, journal::Journal};
use crate::shared::{
    output::{self, count},
    printout::Printout,
};

/// A rotation that is done.
pub(super) struct Report<'a> {
    pub(super) journal: &'a Journal,
    pub(super) secret: &'a StoredSecret,
    pub(super) id: &'a str,
    /// How long there was no webhook, if this run deleted the old one.
    pub(super) gap: Option<Duration>,
    /// The numbers of active secrets.
    pub(super) active: Counts,
    pub(super) caught_up: &'a CaughtUp,
    /// Whether an earlier run rotated the secret.
    pub(super) is_later: bool,
}

impl Report<'_> {
    pub(super) fn print(&self, as_json: bool, out: &mut Printout) {
        let Self { journal, secret, id, gap, active, caught_up, is_later } = self;
        let CaughtUp { delivered, missing } = caught_up;
        if as_json {
            let missing: Vec<_> =
                missing.iter().map(|(id, reason)| json!({ "event": id, "reason": reason })).collect();
            let report = json!({
                "rotated_before": is_later, "rotated_at": journal.date(), "url": journal.url, "live_mode": journal.live_mode, "webhook": id,
                "replaced": journal.replaces, "secret": secret.arn(), "active_secrets": active.total(),
                "forgot_old": journal.forget_old, "gap_ms": gap.map(|gap| gap.as_secs_f64() * 1000.0),
                "pinged": journal.active, "caught_up": delivered, "missing": missing,
            });
            out.line(report);
            return;
        }
        let mode = output::mode(journal.live_mode);
        if *is_later {
            let date = journal.date();
            out.line(format_args!(
                "Only caught up: an earlier run, of {date}, rotated the secret of {}",
                journal.url
            ));
        } else {
            out.line(format_args!("Rotated the secret of {} ({mode} mode)", journal.url));
        }
        let replaced = journal.replaces.as_deref().unwrap_or("none");
        let types = count(journal.events.len(), "event type");
        out.line(format_args!("  webhook    {id} in place of {replaced}, for {types}"));
        let of_other_mode = match journal.live_mode {
            Some(live) => active.of_mode(Some(!live)),
            None => 0,
        };
        let old = match (journal.forget_old, active.total() - of_other_mode) {
            (true, 1) if of_other_mode == 0 => "no old one is active".to_owned(),
            (true, 1) => format!("no old one of {mode} mode is active; active in all: {active}"),
            (true, _) if *is_later => format!("active: {active}"),
            (true, _) => format!(
                "active: {active}, which is not what was requested: find out who stores secrets there"
            ),
            (false, _) => format!("active, including the new one: {active}"),
        };
        out.line(format_args!("  secret     {}: {old}", secret.arn()));
        if let Some(gap) = gap {
            out.line(format_args!("  gap        {:.1} s without a webhook", gap.as_secs_f64()));
        }
        let accepted = match (is_later, journal.active) {
            (_, false) => "not sent: the webhook is inactive, like the old one",
            (true, true) => "accepted then",
            (false, true) => "accepted",
        };
        out.line(format_args!("  ping       {accepted}"));
        let all = delivered.len() + missing.len();
        let events = count(all, "event");
        match all {
            _ if !journal.active => {}
            0 => out.line(format_args!("  caught up  nothing: every event was delivered")),
            _ => {
                out.line(format_args!(
                    "  caught up  {} of {events} that no endpoint had accepted",
                    delivered.len()
                ));
            }
        }
        for (id, reason) in missing {
            out.line(format_args!("  missing    {id}: {reason}"));
        }
    }
}
