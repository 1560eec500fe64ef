//! `rotate`: a new secret for the webhook, though Duffel has no call for it.
#![allow(clippy::doc_markdown, reason = "this is the help")]

mod catch_up;
mod interrupt;
pub(crate) mod journal;
mod plan;
mod preflight;
mod report;
mod resume;
mod steps;
mod target;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use duffel_webhook_receiver::deployment;

use self::{
    catch_up::CaughtUp,
    interrupt::InterruptNotice,
    journal::Journal,
    plan::{Plan, State},
    report::Report,
};
use crate::shared::{
    Result,
    duffel::{self, tell},
    printout::Printout,
};

/// How long before the deletion an event may have happened that was on its way then.
const IN_FLIGHT: Duration = Duration::from_mins(5);

/// Replaces the webhook, and so its secret, without losing an event
///
/// Duffel has one webhook per organisation and mode, and no call that gives it a new secret. So the webhook is deleted
/// and created anew, the new secret is stored where the receiver finds it, before the old ones, which stay active for
/// what they signed, the webhook is pinged, and what was delivered to nobody is delivered again.
///
/// Whatever can fail is tried before the deletion. What is needed to go on is written to a journal, never a secret:
/// interrupted anywhere, the same command finishes the work.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[command(after_help = duffel::ENVIRONMENT, after_long_help = LONG_HELP)]
pub(crate) struct Arguments {
    /// The stack whose secret and address these are
    #[arg(long, value_name = "NAME", required_unless_present = "secret")]
    stack: Option<String>,
    /// The secret in AWS Secrets Manager that the receiver reads [default: that of the stack]
    #[arg(long, value_name = "ARN")]
    secret: Option<String>,
    /// Where Duffel shall deliver [default: where it does now, if that is the stack's address]
    #[arg(long)]
    url: Option<String>,
    /// A type of event to register for; may be repeated, or a list with commas [default: those of the
    /// webhook as it is]
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', value_parser = duffel::parse_type)]
    events: Vec<String>,
    /// For a secret that leaked: makes the new one the only one of its mode. What is signed with an old
    /// one is refused within 5 minutes; what of it was delivered to nobody is delivered again
    #[arg(long)]
    forget_old: bool,
    /// Lets --forget-old forget secrets of unknown mode as well, any of which may be that of the other
    /// mode's webhook. If that one delivers here, rotate it right after
    #[arg(long, requires = "forget_old")]
    only: bool,
    /// How far back, from the beginning of the rotation, to look for events that were delivered to
    /// nobody, since Duffel may end its retries with the webhook; however young they are. With --stack
    /// not further than its ledger can answer for: an hour less than DedupWindow, and its creation
    #[arg(long, value_name = "DURATION", default_value = "72h", value_parser = humantime::parse_duration)]
    catch_up: Duration,
    /// How long to wait for them to be delivered
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Where to keep what is needed to go on
    /// [default: duffel-hooks/rotate-….json in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Says what would be done, and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the report as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn only_prints(&self) -> bool {
        self.dry_run
    }
}

const LONG_HELP: &str = "\
Examples:
  duffel-hooks rotate --stack webhooks --dry-run
  duffel-hooks rotate --stack webhooks
  duffel-hooks rotate --stack webhooks --forget-old

Interrupted, it says what it leaves; run the same command again. If all is done but for catching up,
a run without --forget-old only catches up; with it, or after the time of --catch-up, a new rotation
begins, which catches up for the interrupted one as well. Of what is too old for that, it says when
it happened.
Without the journal, as on another machine: if Duffel has a webhook, the same command replaces it
once more; if it has none, give --event for each type that it shall have, and --url where there is
no --stack.

One stored secret may hold those of the test and of the live webhook (LiveMode=any). It says the mode
of each that rotate or webhooks create --store put in, and --forget-old leaves the other mode's
active. Secrets that were stored otherwise are of unknown mode: where one of them may be the other
webhook's, --forget-old requires --only; then rotate the other webhook right after, with its access
token and without --forget-old.

AWS: the region and credentials are found as the AWS CLI finds them. Needed are
cloudformation:DescribeStacks and dynamodb:DescribeTable with --stack, secretsmanager:DescribeSecret, GetSecretValue and
PutSecretValue on the secret; the stack makes a policy of them with CreateOperatorPolicy=true.

Duffel: DUFFEL_ACCESS_TOKEN is the access token, and must have the webhook's mode; DUFFEL_API_URL is
another address of the API.

Exit codes: 0 if all is done, else another one, and the last line says how to go on.";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let duffel = duffel::client()?;
    let sdk = deployment::sdk_config().await?;
    let plan = Plan::prepare(arguments, &sdk, &duffel).await?;
    if arguments.dry_run {
        return plan.print();
    }
    let again = format!("run the same command again (the journal is {})", plan.path.display());
    let notice = InterruptNotice::install(&match &plan.state {
        State::Replace(_) => format!("this run has deleted nothing: to go on, {again}"),
        State::Create => format!("there is no webhook now: {again}"),
        State::Stored(_) | State::Done(_) => not_done(&again),
    })?;
    preflight::check(&plan, &duffel).await?;

    let mut gap = None;
    let mut live_mode = plan.journal.live_mode;
    let (id, new) = match &plan.state {
        State::Stored(id) | State::Done(id) => (id.clone(), None),
        State::Replace(_) | State::Create => {
            let old = match &plan.state {
                State::Replace(webhook) => Some(webhook.id.as_str()),
                _ => None,
            };
            let (webhook, new, without) =
                steps::replace(&duffel, old, &plan.known, &plan.journal, &again, &notice)?;
            gap = without;
            live_mode = live_mode.or(webhook.live_mode);
            (webhook.id, Some(new))
        }
    };
    let (since, unanswerable) = plan.since();
    let is_later = matches!(plan.state, State::Done(_));
    let Plan { mut journal, path, secret, active, .. } = plan;
    journal.live_mode = live_mode;
    if !is_later {
        steps::store(&secret, &id, new.as_ref(), &active, &journal, &again).await?;
        notice.set(not_done(&again));
        if journal.active {
            steps::ping(&duffel, &id, &journal.url, &again)?;
        } else {
            steps::deactivate(&duffel, &id, &again)?;
        }
        journal.mark_done(&id);
        journal
            .write(&path)
            .map_err(|error| format!("the secret is rotated, but not all is caught up: {error}"))?;
    }
    let again = if arguments.forget_old {
        format!("run the command again without --forget-old (the journal is {})", path.display())
    } else {
        again
    };
    notice.set(format!("the secret is rotated, but not all is caught up: {again}"));
    let active = secret.read().await?.counts();
    let mut caught_up = CaughtUp::default();
    if journal.active {
        if let Some(from) = unanswerable {
            tell(&catch_up::unanswerable(from, since));
        }
        caught_up = catch_up::catch_up(&duffel, since, &journal.events, arguments.wait)
            .map_err(|error| format!("the secret is rotated, but not all is caught up: {error}: {again}"))?;
    }
    let mut printout = Printout::default();
    Report { journal: &journal, secret: &secret, id: &id, gap, active, caught_up: &caught_up, is_later }
        .print(arguments.json, &mut printout);
    if !caught_up.missing.is_empty() {
        return Err(format!(
            "the secret is rotated, but not all is caught up: {again}, or remove the journal to leave it at that"
        )
        .into());
    }
    Journal::remove(&path).map_err(|error| {
        format!("all is done, but the journal {} cannot be removed: {error}: remove it", path.display())
    })?;
    printout.finish()
}

fn not_done(again: &str) -> String {
    format!("the new secret is stored, but not all is done: {again}")
}

fn many(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}
