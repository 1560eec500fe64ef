//! `trace`: the life of one event, from all that know of it.

mod at_duffel;
mod conclusion;
mod evidence;
mod explanation;
mod in_gateway;
mod in_log;
mod in_stack;
mod names;
mod report;
mod search;
mod subject;
mod timeline;

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use clap::Args;

use self::{
    at_duffel::AtDuffel,
    conclusion::{Place, conclude},
    evidence::Evidence,
    search::Search,
    subject::Subject,
};
use crate::shared::{NeedsAction, Result, output::count, stack::StackArgument, values::parse_since};

/// Says where one event is, and what happened to it on the way
///
/// The timeline has what Duffel says of the event and of each attempt to deliver it, what the receiver logged, the
/// record in the ledger, the state of the queue, and the event's message if it is in the dead-letter queue. The last
/// lines say where the event is now, and what to do.
///
/// An idempotency key names an object, which may have several events: each is traced. A key is not in the log, so that
/// without access to Duffel only those of its events are found whose identity follows from the key.
///
/// SQS cannot be searched. The event queue is not read, since that would count as an attempt of a consumer and hold up
/// the event's group: its number of messages and the age of the oldest one say what can be said. The dead-letter queue
/// is read as by `dlq show`, unless --no-peek is given.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// An event's id, an idempotency key, the id of a message, or an identity
    #[arg(value_name = "EVENT", value_parser = Subject::parse)]
    subject: Subject,
    #[command(flatten)]
    stack: StackArgument,
    /// How far back to search the log and Duffel's lists [default: 14d]
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<SystemTime>,
    /// Does not receive messages from the dead-letter queue
    #[arg(long)]
    no_peek: bool,
    /// Prints one JSON object per event
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  duffel-hooks trace wev_0000A3tQSmKyqOrcySrGbo --stack webhooks
  duffel-hooks trace ord_0000ABd6wggSct7BoraU1o --stack webhooks --since 2d

A delivery that is refused for its signature is logged without an id, since
nothing of it is verified. It is found by its time and status, if Duffel's
attempts are known. A line is found some seconds after it was written.

AWS: region and credentials are found in the same way as by the AWS CLI. Permissions:
  cloudformation:DescribeStacks
  logs:StartQuery, logs:GetQueryResults
                                 on the log groups of the receiver and of the API
  dynamodb:GetItem               on the ledger
  sqs:GetQueueAttributes         on both queues
  sqs:ReceiveMessage, sqs:ChangeMessageVisibility
                                 on the dead-letter queue; not with --no-peek
  cloudwatch:GetMetricStatistics
  cloudformation:DescribeStackResource
                                 for a stack without the output ReceiverLogGroup
What cannot be asked is listed with the reason. Logs Insights charges for the
amount of log that it reads.

DUFFEL_ACCESS_TOKEN and DUFFEL_API_URL: see duffel-hooks webhooks --help. Without
a token, Duffel is not asked.

Exit codes:
  0  The event was forwarded and is not a dead letter, or is excluded by
     EventTypes or LiveMode
  1  Failed, or nothing is known of such an event
  2  The command line is not valid
  6  The event was not forwarded, or is a dead letter: somebody must act";

/// An answer, or the reason why it could not be had.
type Asked<T> = std::result::Result<T, String>;

/// For as long, SQS keeps a message.
const RETENTION: Duration = Duration::from_hours(14 * 24);

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { subject, stack, since, no_peek, json } = arguments;
    let (sdk, stack) = stack.find().await?;
    let now = SystemTime::now();
    let since = since.or_else(|| now.checked_sub(RETENTION)).unwrap_or(SystemTime::UNIX_EPOCH);
    let search = Search {
        sdk: &sdk,
        stack: &stack,
        subject,
        since,
        now,
        duffel: AtDuffel::from_environment(since),
        peeks: !no_peek,
    };
    let traced = search.run().await;
    let out = &mut io::stdout().lock();
    for (index, evidence) in traced.iter().enumerate() {
        if *json {
            writeln!(out, "{}", report::json(evidence))?;
        } else {
            if index > 0 {
                writeln!(out)?;
            }
            report::print(evidence, out)?;
        }
    }
    result(&traced)
}

fn result(traced: &[Evidence]) -> Result<()> {
    let places: Vec<_> = traced.iter().map(|evidence| conclude(evidence).place).collect();
    if places.iter().all(|place| *place == Place::Unknown) {
        return Err("nothing is known of such an event".into());
    }
    match places.iter().filter(|place| place.needs_action()).count() {
        0 => Ok(()),
        number => {
            let verb = if number == 1 { "needs" } else { "need" };
            Err(NeedsAction(format!("{} {verb} action", count(number, "event"))).into())
        }
    }
}
