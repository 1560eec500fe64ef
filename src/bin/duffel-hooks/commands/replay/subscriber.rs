//! `replay --subscriber`: replays the topic's archive to one subscriber.

mod follow;
mod plan;

use std::fmt::Display;

use clap::Args;
use duffel_webhook_receiver::deployment::{
    CallError,
    subscribers::{Period, Topic},
};
use humantime::format_rfc3339_millis;

use self::{follow::follow, plan::Plan};
use super::interrupt::Interruption;
use crate::shared::{Result, printout::Printout, stack::StackArgument};

/// The archive of the topic, instead of Duffel's redelivery
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(super) struct Options {
    /// Replays the archive of the stack's topic (FanOut) to this subscriber, instead of requesting redelivery: the
    /// name, ARN or URL of its queue, or the ARN of its subscription
    #[arg(long, value_name = "QUEUE", requires = "since")]
    #[arg(conflicts_with_all = ["ids", "types", "failed", "table", "source", "wait", "json"])]
    pub(super) subscriber: Option<String>,
    /// With --subscriber: starts the replay, and does not wait for its end
    #[arg(long, requires = "subscriber", conflicts_with_all = ["until", "dry_run"])]
    no_wait: bool,
    /// With --subscriber: replaces a replay that is running
    #[arg(long, requires = "subscriber")]
    replace: bool,
}

pub(super) async fn run(
    options: &Options,
    stack: &StackArgument,
    name: &str,
    period: Period,
    dry_run: bool,
) -> Result<()> {
    let (sdk, stack) = stack.find().await?;
    let topic = stack.topic().ok_or_else(|| {
        format!(
            "the stack {} has no topic (FanOut), and so no archive: without --subscriber, replay has Duffel deliver \
             again",
            stack.name
        )
    })?;
    let topic = Topic::new(&sdk, topic);
    let plan = Plan::new(&topic, &stack.name, name, period, options.replace).await?;
    let mut printout = Printout::default();
    plan.notes.iter().for_each(|note| printout.line(note));
    if dry_run {
        printout.line(format_args!("Would replay {}", plan.summary()));
        return printout.finish();
    }
    printout.line(format_args!("Replaying {}", plan.summary()));
    let mut interruption = Interruption::listen()?;
    if let Err(error) = topic.replay(&plan.subscription, plan.period).await {
        // Without an answer, it may have started, and would end in a pause.
        if plan.period.until.is_some() && matches!(error, CallError::Unanswered { .. }) {
            resume(&topic, &plan, &mut printout).await?;
        }
        return Err(error.into());
    }
    if options.no_wait {
        printout.line("Started: duffel-hooks subscribers shows its status");
        return printout.finish();
    }
    let ended = tokio::select! {
        ended = follow(&topic, &plan.subscription, plan.period) => ended,
        () = interruption.wait() => Err("interrupted".into()),
    };
    if plan.period.until.is_some() {
        resume(&topic, &plan, &mut printout).await?;
        ended.map_err(|error| format!("the replay is not complete: {error}"))?;
    } else {
        ended.map_err(|error| {
            format!("{error} (SNS goes on with a replay that has not failed: see duffel-hooks subscribers)")
        })?;
    }
    printout.line("Replayed: SNS has delivered all of it to the queue");
    printout.finish()
}

/// The command that replays the archive to a subscriber since a time.
pub(crate) fn replay_command(stack: &str, queue: &str, since: impl Display) -> String {
    format!("duffel-hooks replay --stack {stack} --subscriber {queue} --since {since}")
}

/// Ends the pause that follows a replay with an end, however that has ended.
async fn resume(topic: &Topic, plan: &Plan, printout: &mut Printout) -> Result<()> {
    let since = format_rfc3339_millis(plan.resume_from);
    let resumed = topic.replay(&plan.subscription, Period { from: plan.resume_from, until: None }).await;
    resumed.map_err(|error| {
        format!(
            "the subscription is paused and gets no new events ({error}): resume it with {}",
            plan.resume_command()
        )
    })?;
    printout.line(format_args!(
        "Resumed: SNS delivers what was published since {since}, and goes on with new events"
    ));
    Ok(())
}
