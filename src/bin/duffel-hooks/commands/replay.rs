//! `replay`: has events forwarded again.

mod interrupt;
mod outcome;
mod report;
mod request;
mod selection;
mod subscriber;
mod wait;

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use duffel_webhook_receiver::{
    deployment::{self, Output, ledger_records::LedgerRecords},
    duffel::Client,
    identity::Identity,
};

pub(crate) use self::subscriber::replay_command;
use self::{
    interrupt::Interruption,
    outcome::{Outcome, Replayed},
    report::{Format, report, summary},
    request::{give_up, look_up, next_recent, request, request_recent},
};
use crate::shared::{
    Result, duffel,
    output::{count, remark},
    printout::Printout,
    progress::Steps,
    stack::StackArgument,
};

/// Has events forwarded to the queue again
///
/// For each event, replay deletes the receiver's record from the ledger and requests a redelivery from Duffel. The event
/// then arrives as a new message with the same identity. A consumer that records identities skips it, unless its record
/// is deleted as well.
///
/// SQS drops an event that the queue received in the last 5 minutes. Such an event is not replayed, unless --wait is
/// long enough for the rest of that time.
///
/// With --subscriber, it replays what the stack's topic has archived (FanOut) to one of its subscribers: events of any
/// provider, for as long as ArchiveDays, whether or not the provider can deliver them again.
#[derive(Args)]
#[command(after_help = duffel::ENVIRONMENT, after_long_help = LONG_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: selection::Selection,
    #[command(flatten)]
    archive: subscriber::Options,
    #[command(flatten)]
    stack: StackArgument,
    /// The ledger's table in DynamoDB, instead of the stack's
    #[arg(long, value_name = "NAME", conflicts_with = "stack")]
    table: Option<String>,
    /// The receiver's name for Duffel, as at the end of the webhook's URL
    #[arg(long, value_name = "NAME", default_value = "duffel")]
    source: String,
    /// How long to wait, after the requests, until the events arrive, and until SQS accepts those that
    /// were forwarded in the last 5 minutes
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Prints what would be done, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints one JSON object per event
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
  duffel-hooks replay --stack webhooks --subscriber orders.fifo --since 6h

If Duffel refuses the request or does not respond, the record is restored. If
Duffel accepted the request and the event has not arrived in time, the record
is not restored: Duffel may still deliver the event, which must then be
forwarded. It is safe to run the same command again: events that have arrived
meanwhile are recent, and are not replayed.

The report is printed in any case. Ctrl-C, SIGTERM and SIGHUP end the requests
and the wait; the records of events that were not requested are restored. A
second Ctrl-C ends that as well.

--failed deletes records like any other selection: if the receiver forwarded an
event, but Duffel did not get its response, the event is forwarded again.

--subscriber: the period is by the time at which the receiver published. The
subscription's filter applies. Events come in their order, and new events after
them. A replayed event has the same identity: a consumer that records
identities skips what it has processed, unless its record is deleted; and a
queue drops what it received in the last 5 minutes. With --until, SNS delivers
no new events to the subscriber during the replay; afterwards, or if it is
interrupted, this command has SNS deliver them. Without --until, Ctrl-C ends
the wait, and not the replay.

AWS: region and credentials are found in the same way as by the AWS CLI.
Permissions:
  cloudformation:DescribeStacks                            with --stack
  dynamodb:GetItem, dynamodb:DeleteItem, dynamodb:PutItem  on the table
  with --subscriber, instead of those on the table, on the topic:
  sns:GetTopicAttributes, sns:ListSubscriptionsByTopic,
  sns:GetSubscriptionAttributes, sns:SetSubscriptionAttributes
With CreateOperatorPolicy=true, the stack has a policy with them.

Duffel: DUFFEL_ACCESS_TOKEN is an access token of the events' mode;
DUFFEL_API_URL is the URL of the API [default: https://api.duffel.com].

Exit codes:
  0  All events have arrived, except for those that are too recent
  1  Failed, or some did not arrive
  3  Duffel refused to list the events or their deliveries
  4  Duffel cannot be reached";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if let Some(name) = &arguments.archive.subscriber {
        let period = arguments.selection.period().ok_or("give --since")?;
        return subscriber::run(&arguments.archive, &arguments.stack, name, period, arguments.dry_run).await;
    }
    let duffel = Arc::new(duffel::client()?);
    let (sdk, table) = if let Some(table) = &arguments.table {
        (deployment::sdk_config().await?, table.clone())
    } else {
        let (sdk, stack) = arguments.stack.find().await?;
        (sdk, stack.output(Output::LedgerTableName)?.to_owned())
    };
    let ledger = LedgerRecords::new(&sdk, &table);
    let mut events = arguments.selection.events(&duffel, &arguments.source)?;
    mark_same(&mut events);
    let format = Format { json: arguments.json, dry_run: arguments.dry_run.then_some(arguments.wait) };
    if arguments.dry_run {
        for event in &mut events {
            look_up(&ledger, event).await?;
        }
        remark(&summary(&events, format));
        return Ok(write!(io::stdout(), "{}", report(&events, format))?);
    }

    let mut watch = wait::Watch::new(&duffel)?;
    let mut interruption = Interruption::listen()?;
    let mut interrupted_again = interruption.clone();
    let done = tokio::select! {
        done = replay(&duffel, &ledger, &mut watch, &mut events, arguments.wait, &mut interruption) => done,
        () = interrupted_again.repeated() => {
            Err("interrupted again: records may be missing from the ledger, as reported".into())
        },
    };
    let mut printout = Printout::default();
    printout.text(&report(&events, format));
    remark(&summary(&events, format));
    done?;
    let missing = events.iter().filter(|event| !event.is_well()).count();
    if missing > 0 {
        return Err(format!("{missing} of {} did not arrive", count(events.len(), "event")).into());
    }
    printout.finish()
}

/// Requests the events, waits, and restores records, however the rest ends. Fails with the first failure.
async fn replay(
    duffel: &Arc<Client>,
    ledger: &LedgerRecords,
    watch: &mut wait::Watch,
    events: &mut [Replayed],
    wait: Duration,
    interruption: &mut Interruption,
) -> Result<()> {
    let mut done = request_and_wait(duffel, ledger, watch, events, wait, interruption).await;
    let in_time = done.is_ok();
    for event in events {
        let given_up = give_up(ledger, event, in_time).await;
        done = done.and(given_up);
    }
    done
}

async fn request_and_wait(
    duffel: &Arc<Client>,
    ledger: &LedgerRecords,
    watch: &mut wait::Watch,
    events: &mut [Replayed],
    wait: Duration,
    interruption: &mut Interruption,
) -> Result<()> {
    let mut any_requested = false;
    let mut steps = Steps::new(events.len(), "requested");
    for (index, event) in events.iter_mut().enumerate() {
        steps.show(index);
        if interruption.has_occurred() {
            break;
        }
        if let Err(error) = request(duffel, ledger, event, interruption).await {
            // After a request, this error must not hide its outcome.
            if !any_requested {
                steps.end();
                return Err(error);
            }
            request::fail(ledger, event, error).await;
        }
        any_requested |= event.is_open();
    }
    steps.end();
    let requested = events.iter().filter(|event| matches!(event.outcome, Outcome::Requested)).count();
    remark(&format!("Requested {requested} of {} from Duffel", count(events.len(), "event")));
    // None if the time is out of range: there is no end.
    let end = Instant::now().checked_add(wait);
    loop {
        let recent = next_recent(events, end);
        tokio::select! {
            biased;
            () = interruption.wait() => return Err("interrupted".into()),
            done = watch.wait(duffel, ledger, events, recent.map_or(end, |(_, at)| Some(at))) => done?,
        }
        let Some((index, at)) = recent else { return Ok(()) };
        request_recent(duffel, ledger, &mut events[index], at, interruption).await?;
    }
}

/// Marks the events that are one event to the receiver, of which only the first can arrive.
fn mark_same(events: &mut [Replayed]) {
    let mut first: HashMap<Identity, String> = HashMap::new();
    for event in events {
        let Some(identity) = &event.identity else { continue };
        match first.get(identity) {
            Some(other) => event.outcome = Outcome::SameEventAs(other.clone()),
            None => drop(first.insert(identity.clone(), event.id.clone())),
        }
    }
}
