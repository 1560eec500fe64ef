//! `rotate`: gives the webhook a new secret, for which Duffel has no call.

mod activate;
mod arguments;
mod catch_up;
mod interrupt;
pub(crate) mod journal;
mod plan;
mod preflight;
mod replace;
mod report;
mod request;
mod resume;
mod state;
mod store;
mod target;

use std::time::Duration;

use duffel_webhook_receiver::deployment;

pub(crate) use self::arguments::Arguments;
use self::{
    catch_up::CaughtUp, interrupt::InterruptNotice, journal::Journal, plan::Plan, report::Report,
    request::Request, state::State,
};
use crate::shared::{Result, duffel, output::remark, printout::Printout};

/// How long before the deletion an event may have happened whose delivery the deletion prevented.
const IN_FLIGHT: Duration = Duration::from_mins(5);

/// The waits between attempts to create the webhook, or to store its secret.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let duffel = duffel::client()?;
    // Without --stack, the secret may be that of another stack than the default one.
    let (stack, sdk) = if arguments.secret.is_some() && arguments.stack.given().is_none() {
        (None, deployment::sdk_config().await?)
    } else {
        let name = arguments.stack.name()?;
        let sdk = name.sdk_config().await?;
        (Some(name.name), sdk)
    };
    let request = Request::new(arguments, stack.as_deref(), &sdk, &duffel).await?;
    let plan = Plan::prepare(&request, &sdk, &duffel).await?;
    if request.dry_run {
        return plan.print();
    }
    if let State::Replace(webhook) = &plan.state {
        let what = format!("delete webhook {} and create it again with another secret", webhook.id);
        arguments.confirmation.ask(&what)?;
    }
    let path = &request.journal;
    let to_resume = format!("run the same command again (the journal is {})", path.display());
    let notice = InterruptNotice::install(&match &plan.state {
        State::Replace(_) => format!("this run has deleted nothing: to go on, {to_resume}"),
        State::Create => format!("there is no webhook now: {to_resume}"),
        State::Stored(_) | State::Done(_) => not_done(&to_resume),
    })?;
    preflight::check(&plan, path, &duffel).await?;

    let created = match &plan.state {
        State::Stored(_) | State::Done(_) => None,
        State::Replace(_) | State::Create => Some(replace::replace(&duffel, &plan, &to_resume, &notice)?),
    };
    let (since, not_searched_since) = plan.since();
    let Plan { mut journal, secret, active, state, .. } = plan;
    let webhook = created.as_ref().map(|created| &created.webhook);
    journal.live_mode = journal.live_mode.or(webhook.and_then(|webhook| webhook.live_mode));
    let id = webhook.map(|webhook| webhook.id.as_str()).or(state.stored()).unwrap_or_default();
    let is_later = matches!(state, State::Done(_));
    if !is_later {
        let new = created.as_ref().map(|created| &created.secret);
        store::store(&secret, id, new, &active, &journal, &to_resume).await?;
        notice.set(not_done(&to_resume));
        if journal.active {
            activate::ping(&duffel, id, &journal.url, &to_resume)?;
        } else {
            activate::deactivate(&duffel, id, &to_resume)?;
        }
        journal.mark_done(id);
        journal.write(path).map_err(|error| format!("{NOT_CAUGHT_UP}: {error}"))?;
    }
    let to_resume = if request.forget_old {
        format!("run the command again without --forget-old (the journal is {})", path.display())
    } else {
        to_resume
    };
    notice.set(format!("{NOT_CAUGHT_UP}: {to_resume}"));
    let active = secret.read().await?.counts();
    let mut caught_up = CaughtUp::default();
    if journal.active {
        if let Some(from) = not_searched_since {
            remark(&catch_up::not_searched(from, since));
        }
        caught_up = catch_up::catch_up(&duffel, since, &journal.events, arguments.wait)
            .map_err(|error| format!("{NOT_CAUGHT_UP}: {error}: {to_resume}"))?;
    }
    let gap = created.as_ref().and_then(|created| created.gap);
    let mut printout = Printout::default();
    Report { journal: &journal, secret: &secret, id, gap, active, caught_up: &caught_up, is_later }
        .print(arguments.json, &mut printout);
    if !caught_up.missing.is_empty() {
        return Err(
            format!("{NOT_CAUGHT_UP}: {to_resume}, or remove the journal to accept the result").into()
        );
    }
    Journal::remove(path).map_err(|error| {
        format!("all is done, but the journal {} cannot be removed: {error}: remove it", path.display())
    })?;
    printout.finish()
}

const NOT_CAUGHT_UP: &str = "the secret is rotated, but not all is caught up";

fn not_done(to_resume: &str) -> String {
    format!("the new secret is stored, but not all is done: {to_resume}")
}
