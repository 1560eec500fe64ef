//! `replay`: an event that was forwarded once is forwarded again, since somebody wants it so.

mod interrupt;
mod outcome;
mod request;
mod selection;
mod wait;

use std::{
    collections::HashMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use duffel_webhook_receiver::{
    deployment::{self, Output, Stack, ledger_records::LedgerRecords},
    duffel::Client,
    identity::Identity,
};

use self::{
    interrupt::Interruption,
    outcome::{Form, Outcome, Replayed, print, summary},
    request::{ask, ask_young, give_up, look, next_young},
};
use crate::shared::{
    Result,
    duffel::{self, count, tell},
};

/// Has events forwarded to the queue once more, as if they had never come
///
/// For each event the receiver's record is deleted from the ledger, and Duffel is asked to deliver it again. It then
/// comes as a new message with the same identity: a consumer that keeps its own account by that passes over it, and has
/// to forget it as well.
///
/// The queue itself drops an event that it has had in the last 5 minutes. One that is so young is not replayed, unless
/// --wait is long enough for the rest of that time.
#[derive(Args)]
#[command(after_help = duffel::ENVIRONMENT, after_long_help = LONG_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: selection::Choice,
    /// The stack whose ledger it is
    #[arg(long, value_name = "NAME", required_unless_present = "table")]
    stack: Option<String>,
    /// The ledger's table in DynamoDB, instead of the stack's
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// The receiver's name for Duffel, as at the end of the webhook's URL
    #[arg(long, value_name = "NAME", default_value = "duffel")]
    source: String,
    /// How long to wait, once Duffel was asked, for the events to arrive and for the queue to forget
    /// those that are young
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Says what would be done, and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints one JSON object an event
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
  duffel-hooks replay --stack webhooks wev_0000A3tQSmKyqOrcySrGbo
  duffel-hooks replay --stack webhooks --since 3d --type 'stays.*' --dry-run
  duffel-hooks replay --stack webhooks --since 4d --failed

If Duffel refuses to deliver an event, or did not answer, its record is put back. If Duffel was
asked and the event has not arrived in time, it is not: Duffel may still deliver it, and then it
must pass. Running the same command again is safe: what has arrived meanwhile is young, and left
alone.

Whatever goes wrong, the report is printed. Ctrl-C, SIGTERM and SIGHUP end the asking and the waiting:
the records of the events that Duffel was not asked for are put back. A second Ctrl-C ends that as well.

--failed takes events out of the ledger like any other: one that the receiver forwarded although
Duffel did not hear its answer is forwarded once more.

AWS: the region and credentials are found as the AWS CLI finds them. Needed are
cloudformation:DescribeStacks with --stack, dynamodb:GetItem, DeleteItem and PutItem on the table;
the stack makes a policy of them with CreateOperatorPolicy=true.

Duffel: DUFFEL_ACCESS_TOKEN is the access token, and must have the events' mode; DUFFEL_API_URL is
another address of the API.

Exit codes: 0 if all have arrived, those apart that are too young, else 1; or 3 if Duffel refused to list or show them or their
deliveries, 4 if it was out of reach.";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let duffel = Arc::new(duffel::client()?);
    let sdk = deployment::sdk_config().await?;
    let table = match (&arguments.table, &arguments.stack) {
        (Some(table), _) => table.clone(),
        (None, Some(name)) => Stack::find(&sdk, name).await?.output(Output::LedgerTableName)?.to_owned(),
        (None, None) => return Err("give --stack or --table".into()),
    };
    let memory = LedgerRecords::new(&sdk, &table);
    let mut events = arguments.choice.events(&duffel, &arguments.source)?;
    same_as(&mut events);
    let form = Form { json: arguments.json, dry_run: arguments.dry_run.then_some(arguments.wait) };
    if arguments.dry_run {
        for event in &mut events {
            look(&memory, event).await?;
        }
        tell(&summary(&events, form));
        return Ok(print(&events, form, &mut io::stdout().lock())?);
    }

    let mut watch = wait::Watch::new(&duffel)?;
    let mut interruption = Interruption::awaited()?;
    let mut again = interruption.clone();
    let done = tokio::select! {
        done = replay(&duffel, &memory, &mut watch, &mut events, arguments.wait, &mut interruption) => done,
        () = again.repeated() => Err("interrupted again: records may be gone from the ledger, as told".into()),
    };
    let printed = print(&events, form, &mut io::stdout().lock());
    if printed.is_err() {
        // There is no third place.
        let _ = print(&events, form, &mut io::stderr().lock());
    }
    tell(&summary(&events, form));
    done?;
    let missing = events.iter().filter(|event| !event.is_well()).count();
    if missing > 0 {
        return Err(format!("{missing} of {} did not arrive", count(events.len(), "event")).into());
    }
    printed.map_err(|error| format!("all is done, but the report could not be printed ({error})").into())
}

/// Asks, waits, and puts back what is to be put back, however the rest ends; fails with the first failure.
async fn replay(
    duffel: &Arc<Client>,
    memory: &LedgerRecords,
    watch: &mut wait::Watch,
    events: &mut [Replayed],
    wait: Duration,
    interruption: &mut Interruption,
) -> Result<()> {
    let mut done = ask_and_wait(duffel, memory, watch, events, wait, interruption).await;
    let in_time = done.is_ok();
    for event in events {
        let given_up = give_up(memory, event, in_time).await;
        done = done.and(given_up);
    }
    done
}

async fn ask_and_wait(
    duffel: &Arc<Client>,
    memory: &LedgerRecords,
    watch: &mut wait::Watch,
    events: &mut [Replayed],
    wait: Duration,
    interruption: &mut Interruption,
) -> Result<()> {
    let mut was_asked = false;
    for event in &mut *events {
        if interruption.has_come() {
            break;
        }
        if let Err(error) = ask(duffel, memory, event, interruption).await {
            // Of what was asked for before, the outcome is worth more than that.
            if !was_asked {
                return Err(error);
            }
            request::fail(memory, event, error).await;
        }
        was_asked |= event.is_open();
    }
    let asked = events.iter().filter(|event| matches!(event.outcome, Outcome::Asked)).count();
    tell(&format!("Asked Duffel for {asked} of {}", count(events.len(), "event")));
    // None if the time has no end.
    let end = Instant::now().checked_add(wait);
    loop {
        let young = next_young(events, end);
        tokio::select! {
            biased;
            () = interruption.come() => return Err("interrupted".into()),
            done = watch.wait(duffel, memory, events, young.map_or(end, |(_, at)| Some(at))) => done?,
        }
        let Some((index, at)) = young else { return Ok(()) };
        ask_young(duffel, memory, &mut events[index], at, interruption).await?;
    }
}

/// Of events that the receiver takes for one, only the first can arrive.
fn same_as(events: &mut [Replayed]) {
    let mut first: HashMap<Identity, String> = HashMap::new();
    for event in events {
        let Some(identity) = &event.identity else { continue };
        match first.get(identity) {
            Some(other) => event.outcome = Outcome::SameEventAs(other.clone()),
            None => drop(first.insert(identity.clone(), event.id.clone())),
        }
    }
}
