//! `listen`: delivers Duffel's events to a receiver on this machine, without a webhook that reaches it.

mod agenda;
mod attempt;
mod backlog;
mod cursor;
mod decision;
mod report;
mod resume;
mod session;

use std::{
    collections::BTreeSet,
    env,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use duffel_webhook_receiver::signature::{scheme::Scheme, secret::Secret};
use uuid::Uuid;
use wildmatch::WildMatch;

use self::{
    attempt::Deliverer,
    backlog::Backlog,
    cursor::Cursor,
    report::Report,
    resume::{ResumeFile, Saved},
    session::Session,
};
use crate::{
    commands::{
        send::endpoint::parse_url,
        sign::{keys, secrets},
    },
    shared::{
        Result, WrongUsage, duffel,
        offer::offering_types,
        output::{mode, remark},
        values::{parse_since, parse_type},
    },
};

/// Delivers Duffel's events to a receiver on this machine as they happen
///
/// It asks Duffel's API for new events, and delivers each, signed with WEBHOOK_SECRET, to the URL.
/// Duffel needs no webhook that reaches this machine, and a webhook that exists gets its deliveries as
/// before. Without WEBHOOK_SECRET, a secret is generated and printed.
///
/// There is a line for each attempt: time, status, type, id and the receiver's response. An attempt
/// that is answered 5xx or 429, or not at all, is repeated after a wait. Meanwhile, later events about
/// the same object wait. Any other answer than 2xx is a refusal, which is not repeated in this run.
#[derive(Args)]
#[command(after_help = duffel::ENVIRONMENT, after_long_help = LONG_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    /// The receiver's URL; it has 30 s to respond
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: String,
    /// Begins with the events created since then: 2h or 3d (ago), 2026-01-31 (its beginning, in UTC) or
    /// 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<SystemTime>,
    /// Only events of this type, such as order.created or air.payment.*; may be repeated, or a list with
    /// commas [default: all]
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = offering_types(parse_type), hide_possible_values = true)]
    types: Vec<String>,
    /// Keeps in this file which events were delivered. If the file exists, it goes on from there, and
    /// --since does not apply
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// The time between two requests for new events
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_interval)]
    interval: Duration,
    /// Delivers live events, which are about real customers
    #[arg(long)]
    live: bool,
    /// Prints one JSON object per attempt
    #[arg(long)]
    json: bool,
}

const LONG_HELP: &str = "\
Examples:
  duffel-hooks listen --to http://localhost:4567/webhooks/duffel
  duffel-hooks listen --to http://localhost:8080/duffel --since 2h --type 'order.*'
  duffel-hooks listen --to http://localhost:8080/duffel --resume listen.json

What is delivered is Duffel's record of the event, and not the bytes that Duffel
delivers to a webhook: the order of the members may differ, and
identity_organisation_id is missing. Duffel documents `data` as part of the
record, but its examples of the list have none. If the list has no `data` for an
event, the event is fetched by its id. If there is none either, it is delivered
without `data`: nothing is made up. Duffel does not document whether it records
events if no webhook is registered.

With --resume, the file is written before and after each delivery. An event is
delivered again only if the run ended while its delivery was in flight, and then
that is reported. Events that were refused are delivered again by the next run.
The file holds ids, types and times of events, and nothing of their content.
An event that Duffel lists more than 10 minutes after newer ones is not found.

Ctrl-C, SIGTERM and SIGHUP end it, after the response to the delivery that is in
flight; a second one ends that as well.

DUFFEL_ACCESS_TOKEN holds the access token. A token of live mode is refused
without --live. DUFFEL_API_URL is the URL of the API
[default: https://api.duffel.com]. If Duffel limits the rate of requests, they
wait as long as Duffel asks for.

Exit codes:
  0  Ended, and every event was delivered
  1  Ended, and events wait or were refused; or failed
  2  The command line is not valid
  3  Duffel refused a request
  4  Duffel could not be reached at the start";

/// Duffel limits the rate of requests for all of an organisation.
fn parse_interval(text: &str) -> std::result::Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < Duration::from_secs(1) {
        return Err("it must be at least 1s".to_owned());
    }
    Ok(interval)
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let duffel = Arc::new(duffel::client()?);
    check_mode(duffel.live_mode(), arguments.live)?;
    let scheme = Scheme::named("duffel").ok_or("the scheme duffel is missing")?;
    let generated = env::var_os("WEBHOOK_SECRET").is_none().then(|| STANDARD.encode(Uuid::new_v4()));
    let key = match &generated {
        Some(secret) => Secret::new(secret)?.key(scheme.key)?,
        None => keys(&scheme, &secrets()?)?.into_iter().next().ok_or("WEBHOOK_SECRET has no secret")?,
    };
    let (file, saved) = match &arguments.resume {
        Some(path) => ResumeFile::open(path, arguments.live).map(|(file, saved)| (Some(file), saved))?,
        None => (None, None),
    };
    let start = match (&saved, arguments.since) {
        (Some(_), _) => "from where the last run ended".to_owned(),
        (None, Some(since)) => format!("from {}", humantime::format_rfc3339_seconds(since)),
        (None, None) => "from now".to_owned(),
    };
    for id in saved.iter().flat_map(|saved| &saved.unclear) {
        remark(&format!(
            "duffel-hooks: the last run ended while {id} was in flight: it is delivered again, and may arrive twice"
        ));
    }
    if let Some(secret) = &generated {
        remark(&format!("Secret       {secret}\nThe receiver needs it: WEBHOOK_SECRET='{secret}'"));
    }
    let new = || Saved {
        cursor: Cursor::new(arguments.since, SystemTime::now()),
        backlog: Backlog::default(),
        unclear: BTreeSet::new(),
    };
    let Saved { cursor, backlog, unclear } = saved.unwrap_or_else(new);
    let greeting = format!(
        "Listening to {}'s {} events {start}; delivering to {}",
        duffel.url(),
        mode(Some(arguments.live)),
        arguments.to
    );
    Session {
        deliverer: Arc::new(Deliverer::new(Arc::clone(&duffel), &arguments.to, scheme, key)),
        duffel,
        types: arguments.types.iter().map(|kind| WildMatch::new(kind)).collect(),
        live: arguments.live,
        interval: arguments.interval,
        file,
        cursor,
        backlog,
        report: Report::new(arguments.json),
        in_flight: None,
        unclear,
        greeting: Some(greeting),
    }
    .run()
}

/// Refuses live events unless they are asked for.
fn check_mode(token: Option<bool>, live: bool) -> std::result::Result<(), WrongUsage> {
    match token {
        Some(true) if !live => Err(WrongUsage(
            "DUFFEL_ACCESS_TOKEN is a token of live mode, whose events are about real customers: use a test token \
             (duffel_test_…), or add --live"
                .to_owned(),
        )),
        Some(false) if live => {
            Err(WrongUsage("--live: DUFFEL_ACCESS_TOKEN is a token of test mode".to_owned()))
        }
        _ => Ok(()),
    }
}
