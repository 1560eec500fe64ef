//! `replay`: an event that was forwarded once is forwarded again, since somebody wants it so.

mod arrival;
mod choice;
mod outcome;

use std::{
    collections::HashMap,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Args;
use duffel_webhook_receiver::{
    duffel::{Client, Outlook},
    event::Identity,
    operator::{self, Output, Stack, memory::Memory},
};

use self::outcome::{Outcome, Replayed, print};
use crate::{Result, api};

/// How long SQS drops what it has seen, and a little more, since its clock is not ours.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>
const QUEUE_MEMORY: Duration = Duration::from_secs(5 * 60 + 15);

/// Has events forwarded to the queue once more, as if they had never come
///
/// For each event the receiver's record is deleted from the ledger, and Duffel is asked to deliver it again. It then
/// comes as a new message with the same identity: a consumer that keeps its own account by that passes over it, and has
/// to forget it as well.
///
/// The queue itself drops an event that it has had in the last 5 minutes. One that is so young is not replayed, unless
/// --wait is long enough for the rest of that time.
#[derive(Args)]
#[command(after_help = api::ENVIRONMENT, after_long_help = LONG_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: choice::Choice,
    /// The stack whose ledger it is
    #[arg(long, value_name = "NAME", required_unless_present = "table")]
    stack: Option<String>,
    /// The ledger's table in DynamoDB, instead of the stack's
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// The receiver's name for Duffel, as at the end of the webhook's URL
    #[arg(long, value_name = "NAME", default_value = "duffel")]
    source: String,
    /// How long to wait for the events to arrive, and for the queue to forget those that are young
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Says what would be done, and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints one JSON object an event
    #[arg(long)]
    json: bool,
}

const LONG_HELP: &str = "\
Examples:
  duffel-hooks replay --stack webhooks wev_0000A3tQSmKyqOrcySrGbo
  duffel-hooks replay --stack webhooks --since 3d --type 'stays.*' --dry-run
  duffel-hooks replay --stack webhooks --since 4d --failed

If Duffel refuses to deliver an event, its record is put back. If Duffel was asked and the event
has not arrived in time, it is not: Duffel may still deliver it, and then it must pass. Running the
same command again is safe: what has arrived meanwhile is young, and left alone.

AWS: the region and credentials are found as the AWS CLI finds them. Needed are
cloudformation:DescribeStacks with --stack, dynamodb:GetItem, DeleteItem and PutItem on the table;
the stack makes a policy of them with CreateOperatorPolicy=true.

Duffel: DUFFEL_ACCESS_TOKEN is the access token, and must have the events' mode; DUFFEL_API_URL is
another address of the API.

Exit codes: 0 if all have arrived, else 1; or 3 if Duffel refused to list or show them, 4 if it was
out of reach.";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let duffel = api::client()?;
    let sdk = operator::sdk_config().await?;
    let table = match (&arguments.table, &arguments.stack) {
        (Some(table), _) => table.clone(),
        (None, Some(name)) => Stack::find(&sdk, name).await?.output(Output::LedgerTableName)?.to_owned(),
        (None, None) => return Err("give --stack or --table".into()),
    };
    let memory = Memory::new(&sdk, &table);
    let mut events = arguments.choice.events(&duffel, &arguments.source)?;
    same_as(&mut events);
    if arguments.dry_run {
        for event in &mut events {
            look(&memory, event).await?;
        }
        return Ok(print(&events, arguments.json, true)?);
    }

    let mut watch = arrival::Watch::new(&duffel)?;
    let mut asked = 0;
    for event in &mut events {
        if let Err(error) = ask(&duffel, &memory, event).await {
            // Of what was asked for before, the outcome is worth more than that.
            if asked == 0 {
                return Err(error);
            }
            event.outcome = Outcome::Refused(error.to_string());
        }
        asked += usize::from(matches!(event.outcome, Outcome::Asked | Outcome::Unclear(_)));
    }
    tell(&format!("Asked Duffel for {asked} of {}", many(events.len())));
    watch.wait(&duffel, &memory, &mut events, arguments.wait).await?;
    wait_for_young(&duffel, &memory, &mut events, arguments.wait).await?;
    watch.wait(&duffel, &memory, &mut events, arguments.wait).await?;
    for event in &mut events {
        give_up(&memory, event).await?;
    }

    print(&events, arguments.json, false)?;
    let arrived =
        events.iter().filter(|event| matches!(event.outcome, Outcome::Arrived(_) | Outcome::Same(_))).count();
    if arrived < events.len() {
        return Err(format!("{} of {} did not arrive", events.len() - arrived, many(events.len())).into());
    }
    Ok(())
}

/// Of events that the receiver takes for one, only the first can arrive.
fn same_as(events: &mut [Replayed]) {
    let mut first: HashMap<Identity, String> = HashMap::new();
    for event in events {
        let Some(identity) = &event.identity else { continue };
        match first.get(identity) {
            Some(other) => event.outcome = Outcome::Same(other.clone()),
            None => drop(first.insert(identity.clone(), event.id.clone())),
        }
    }
}

/// Looks at what the ledger knows of an event.
async fn look(memory: &Memory, event: &mut Replayed) -> Result<()> {
    let (Outcome::Chosen, Some(identity)) = (&event.outcome, &event.identity) else { return Ok(()) };
    event.forgotten = memory.find(identity).await?;
    if let Some(record) = &event.forgotten {
        let forgets = UNIX_EPOCH + Duration::from_secs(record.recorded_at) + QUEUE_MEMORY;
        if forgets > SystemTime::now() {
            event.outcome = Outcome::Young(forgets);
        }
    }
    Ok(())
}

/// Lets the ledger forget an event and asks Duffel for it, unless the queue remembers it still.
async fn ask(duffel: &Client, memory: &Memory, event: &mut Replayed) -> Result<()> {
    let Some(identity) = event.identity.clone() else { return Ok(()) };
    loop {
        look(memory, event).await?;
        let (Outcome::Chosen, Some(record)) = (&event.outcome, &event.forgotten) else { break };
        // Else it was forwarded just now, or forgotten by somebody else: either shows at a second look.
        if memory.forget(&identity, record).await? {
            break;
        }
    }
    if !matches!(event.outcome, Outcome::Chosen) {
        return Ok(());
    }
    match duffel.redeliver(&event.id) {
        Ok(()) => event.outcome = Outcome::Asked,
        Err(error) if error.outlook() == Outlook::Refused => {
            restore(memory, event).await?;
            event.outcome = Outcome::Refused(error.to_string());
        }
        // It may have been heard all the same.
        Err(error) => event.outcome = Outcome::Unclear(error.to_string()),
    }
    Ok(())
}

async fn restore(memory: &Memory, event: &Replayed) -> Result<()> {
    if let (Some(identity), Some(record)) = (&event.identity, &event.forgotten) {
        memory
            .restore(identity, record)
            .await
            .map_err(|error| format!("{} was not delivered, and its record is lost: {error}", event.id))?;
    }
    Ok(())
}

/// Waits for the queue to forget the young ones, if there is time enough, and asks for them.
async fn wait_for_young(
    duffel: &Client,
    memory: &Memory,
    events: &mut [Replayed],
    wait: Duration,
) -> Result<()> {
    let latest = SystemTime::now() + wait;
    for event in events {
        let Outcome::Young(forgets) = event.outcome else { continue };
        if forgets > latest {
            continue;
        }
        if let Ok(left) = forgets.duration_since(SystemTime::now()) {
            tell(&format!(
                "{} was forwarded within the last 5 minutes: waiting {} for the queue to forget it",
                event.id,
                humantime::format_duration(Duration::from_secs(left.as_secs() + 1))
            ));
            thread::sleep(left);
        }
        event.outcome = Outcome::Chosen;
        ask(duffel, memory, event).await?;
    }
    Ok(())
}

/// What has not arrived may still come, and must pass then; what will not come is put back.
async fn give_up(memory: &Memory, event: &mut Replayed) -> Result<()> {
    match &event.outcome {
        Outcome::Unclear(reason) => {
            let reason = reason.clone();
            restore(memory, event).await?;
            event.outcome = Outcome::Refused(reason);
        }
        Outcome::Asked => event.outcome = Outcome::Missing("no delivery was seen in time".to_owned()),
        _ => {}
    }
    Ok(())
}

fn tell(line: &str) {
    eprintln!("{line}");
}

fn many(number: usize) -> String {
    format!("{number} {}", if number == 1 { "event" } else { "events" })
}
