//! `tail`: the deliveries of a stack as they come.

mod row;
mod selection;

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use clap::Args;
use duffel_webhook_receiver::deployment::{
    CallError,
    log_group::{LogEvent, LogGroup, Seen},
};
use tokio::time::sleep;

use self::selection::Selection;
use crate::shared::{
    Result, colour::Colours, output::remark, signals::Signals, stack::StackArgument, values::parse_since,
};

/// Shows the deliveries as they come, one per line
///
/// Each line has the time, the status and the word of the answer, the event's type and id, how long the receiver took,
/// and the cause if something is to be noted. Warnings and errors of the receiver that are not about a delivery are shown
/// as well. Ctrl-C ends it.
///
/// The log is read every 2 seconds. A line appears as soon as CloudWatch has it, which takes some seconds; one that takes
/// longer than 30 seconds is not shown.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    stack: StackArgument,
    #[command(flatten)]
    selection: Selection,
    /// Begins with the deliveries since then: 2h or 3d (ago), 2026-01-31 (its beginning, in UTC) or
    /// 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<SystemTime>,
    /// Ends with what the log has now
    #[arg(long, requires = "since")]
    no_follow: bool,
    /// Prints the lines as they were logged, one JSON object per line
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  duffel-hooks tail --stack webhooks --failed --since 1h
  duffel-hooks tail --stack webhooks --type 'order.*' --json | jq -r '.\"event.id\"'

Colours: on a terminal, unless NO_COLOR is set.

AWS: region and credentials are found in the same way as by the AWS CLI. Permissions:
  cloudformation:DescribeStacks
  logs:FilterLogEvents  on the receiver's log group
  cloudformation:DescribeStackResource
                        for a stack without the output ReceiverLogGroup

Exit codes:
  0  Interrupted, or at the end with --no-follow
  1  Failed
  2  The command line is not valid";

/// The time between two readings. Their number in a second is limited for the account.
const EVERY: Duration = Duration::from_secs(2);

/// The time for which a reading looks back, since `CloudWatch` adds lines late.
const LATE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = follow(arguments) => done,
        _ = signals.next() => Ok(()),
    }
}

async fn follow(arguments: &Arguments) -> Result<()> {
    let (sdk, stack) = arguments.stack.find().await?;
    let group = LogGroup::new(&sdk, &stack.receiver_log_group(&sdk).await?);
    let since = arguments.since.unwrap_or_else(SystemTime::now);
    if !arguments.no_follow {
        let at = humantime::format_rfc3339_seconds(since);
        remark(&format!("Deliveries in {} since {at}. Ctrl-C ends it.", group.name()));
    }
    let colours = Colours::of_stdout();
    let mut seen = Seen::default();
    let (mut from, mut is_first, mut is_lost) = (since, true, false);
    loop {
        let began = SystemTime::now();
        match read(&group, from, &mut seen, |line| print(line, arguments, colours)).await? {
            Ok(()) => is_lost = false,
            Err(error @ CallError::Unanswered { .. }) if !is_first && !arguments.no_follow => {
                if !is_lost {
                    remark(&format!("duffel-hooks: {error}: trying again"));
                }
                is_lost = true;
            }
            Err(error) => return Err(error.into()),
        }
        if arguments.no_follow {
            return Ok(());
        }
        if !is_lost {
            from = began.checked_sub(LATE).map_or(since, |from| from.max(since));
            seen.forget_before(from);
        }
        is_first = false;
        sleep(EVERY).await;
    }
}

/// Reads all pages since a moment. The outer error is that of the printing.
async fn read(
    group: &LogGroup,
    from: SystemTime,
    seen: &mut Seen,
    print: impl Fn(&LogEvent) -> io::Result<()>,
) -> io::Result<std::result::Result<(), CallError>> {
    let mut token = None;
    loop {
        match group.page(from, token, seen).await {
            Ok((lines, next)) => {
                lines.iter().try_for_each(&print)?;
                match next {
                    Some(next) => token = Some(next),
                    None => return Ok(Ok(())),
                }
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

fn print(line: &LogEvent, arguments: &Arguments, colours: Colours) -> io::Result<()> {
    let Some(row) = arguments.selection.row(line) else { return Ok(()) };
    let text = if arguments.json { row.json() } else { row.text(colours) };
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
