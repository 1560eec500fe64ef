//! A thousand events are replayed under a rate limit, by a command that is interrupted at random points and repeated.
//!
//! The limit is 60 requests in a second, in place of a minute: Duffel's headers name whole seconds, so no shorter interval
//! can be expressed. `REPLAY_SEED` repeats the points and the signals, but not their exact timing.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    process::Output,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;
use duffel_webhook_receiver::duffel::EventFilter;
use fastrand::Rng;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{Replay, client, once};
use crate::support::tool::{self, assert_success, signal, text, until};

const EVENTS: usize = 1_000;
const LIMIT: (usize, Duration) = (60, Duration::from_secs(1));
/// The signals, and at which number of requests in its run each is sent at the latest. The rest of the events is left to
/// the last run.
const INTERRUPTIONS: [&str; 6] = ["INT", "KILL", "TERM", "HUP", "KILL", "INT"];
const MOST_REQUESTS: usize = 140;

type Item = HashMap<String, AttributeValue>;

/// The record of one event in the ledger, at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Recorded {
    No,
    /// As it was before the first run.
    Before,
    /// By a delivery since then.
    Since,
}

/// What one run did, for each event.
struct Run {
    /// The number of requests that Duffel accepted.
    requests: BTreeMap<String, usize>,
    /// The outcomes in the report. A run that was killed has none.
    report: Option<BTreeMap<String, Value>>,
}

impl Run {
    fn requests(&self, id: &str) -> usize {
        self.requests.get(id).copied().unwrap_or_default()
    }

    /// The outcome of an event, if the run was not killed.
    fn outcome(&self, id: &str) -> Option<&str> {
        Some(self.report.as_ref()?[id]["outcome"].as_str().unwrap())
    }
}

impl Replay {
    /// Records events that were delivered, and whose messages were consumed, half an hour ago. Returns their identities.
    async fn delivered_long_ago(&self) -> BTreeMap<String, String> {
        self.consumed(1).await;
        let pattern = self.first.items().await.remove(0);
        let (duffel, client) = (Arc::clone(&self.duffel), client(&self.duffel));
        let list = move || {
            duffel.occur_delivered(SystemTime::now() - Duration::from_mins(30), EVENTS - 1);
            client.events(&EventFilter::default()).collect::<Result<Vec<_>, _>>().unwrap()
        };
        let events = spawn_blocking(list).await.unwrap();
        let mut identities = BTreeMap::new();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut writes = Vec::new();
        for event in &events {
            let identity = event.identity("duffel").unwrap();
            let mut item = pattern.clone();
            item.insert("pk".to_owned(), text(identity.as_str()));
            item.insert("event_id".to_owned(), text(&event.id));
            item.insert("message_id".to_owned(), text(&format!("before-{}", event.id)));
            writes.push(self.first.put_item(item));
            identities.insert(event.id.clone(), identity.as_str().to_owned());
        }
        futures_util::future::join_all(writes).await;
        identities
    }

    /// Repeats the command, and interrupts it when Duffel has accepted a number of requests and a moment later.
    async fn interrupted_run(&self, name: &str, random: &mut Rng) -> (Output, Run) {
        let before = self.duffel.redelivered().len();
        let tool = tool::start(&mut self.tool(&["--since", "1h", "--json"]));
        let at = before + random.usize(1..=MOST_REQUESTS);
        until("the requests before the interruption", || self.duffel.redelivered().len() >= at).await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..1_000))).await;
        signal(name, &tool);
        let output = tool::finish(tool).await;
        let run = self.run(&output, before, name == "KILL");
        (output, run)
    }

    fn run(&self, output: &Output, before: usize, killed: bool) -> Run {
        let mut requests = BTreeMap::new();
        for id in &self.duffel.redelivered()[before..] {
            *requests.entry(id.clone()).or_default() += 1;
        }
        let out = text(&output.stdout);
        if killed {
            assert_eq!((output.status.code(), &*out), (None, ""));
            return Run { requests, report: None };
        }
        let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let report: BTreeMap<_, _> =
            lines.map(|line| (line["event"].as_str().unwrap().to_owned(), line)).collect();
        assert_eq!(report.len(), EVENTS, "{}", text(&output.stderr));
        Run { requests, report: Some(report) }
    }

    /// The records of all events.
    async fn recorded(&self, identities: &BTreeMap<String, String>) -> BTreeMap<String, (Recorded, Item)> {
        let ledger = self.ledger().await;
        let recorded = |id: &str, item: Option<&Item>| match item {
            None => (Recorded::No, Item::new()),
            Some(item) if item["message_id"].as_s().unwrap() == &format!("before-{id}") => {
                (Recorded::Before, item.clone())
            }
            Some(item) => (Recorded::Since, item.clone()),
        };
        let all = identities.iter();
        all.map(|(id, identity)| (id.clone(), recorded(id, ledger.get(identity)))).collect()
    }
}

/// Compares the last words of a run that was interrupted with what it did.
fn assert_words_are_true(
    output: &Output,
    run: &Run,
    earlier: &[Run],
    now: &BTreeMap<String, (Recorded, Item)>,
) {
    let Some(report) = &run.report else { return };
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    let (mut counts, mut of_earlier) = (BTreeMap::<_, usize>::new(), 0);
    for (id, line) in report {
        let (recorded, item) = &now[id];
        let outcome = run.outcome(id).unwrap();
        *counts.entry(outcome).or_default() += 1;
        match outcome {
            "arrived" => {
                assert_eq!(recorded, &Recorded::Since, "{line}");
                if run.requests(id) == 0 {
                    // The request was interrupted, and the delivery is that of an earlier run's request.
                    assert!(earlier.iter().any(|run| run.requests(id) > 0), "{line}");
                    of_earlier += 1;
                }
                assert_eq!(line["message_id"].as_str(), item["message_id"].as_s().ok().map(String::as_str));
            }
            "missing" => {
                assert_eq!(run.requests(id), 1, "{line}");
                assert_ne!(recorded, &Recorded::Before, "{line}");
            }
            "not_asked" => assert_eq!(run.requests(id), 0, "{line}"),
            "too_young" => assert_eq!((run.requests(id), recorded), (0, &Recorded::Since), "{line}"),
            "unclear" => assert!(line["detail"].as_str().unwrap().contains("interrupted before"), "{line}"),
            other => panic!("{other}: {line}"),
        }
    }
    let count = |outcome: &str| counts.get(outcome).copied().unwrap_or_default();
    // There is one request at a time.
    assert!(count("unclear") + of_earlier <= 1, "{counts:?}");
    let confirmed = count("arrived") + count("missing") - of_earlier;
    let requested: usize = run.requests.values().sum();
    assert!((confirmed..=confirmed + count("unclear")).contains(&requested), "{requested} {counts:?}");
    let summary = err.lines().rev().nth(1).unwrap();
    for (outcome, count) in &counts {
        assert!(summary.contains(&format!("{count} {}", outcome.replace('_', " "))), "{summary} {counts:?}");
    }
    assert!(err.ends_with("\nduffel-hooks: interrupted\n"), "{err}");
    // The request that was interrupted is not confirmed by its answer, but its event may have arrived all the same.
    let says = |number: usize| err.contains(&format!("Requested {number} of {EVENTS} events from Duffel\n"));
    let one_more = count("unclear") + of_earlier == 0 && count("arrived") > 0 && says(confirmed - 1);
    assert!(says(confirmed) || one_more, "{confirmed}: {err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_events_are_replayed_under_a_rate_limit_despite_interruptions() {
    let seed = env::var("REPLAY_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("REPLAY_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let env = Replay::new().await;
    let identities = env.delivered_long_ago().await;
    assert_eq!(identities.len(), EVENTS);
    let ledger = env.ledger().await;
    env.duffel.set(|settings| settings.rate = Some(LIMIT));
    env.duffel.asked();

    let mut runs = Vec::<Run>::new();
    let mut before = env.recorded(&identities).await;
    assert!(before.values().all(|(recorded, _)| *recorded == Recorded::Before));
    for name in INTERRUPTIONS {
        // Some of the deliveries come after the run that requested them.
        let later = Duration::from_millis(random.u64(0..2_000));
        env.duffel.set(|settings| settings.redelivers_after = Some(later));
        let (output, run) = env.interrupted_run(name, &mut random).await;
        let now = env.recorded(&identities).await;
        println!("{name}: {} requests; {}", run.requests.len(), text(&output.stderr).replace('\n', " | "));
        assert_words_are_true(&output, &run, &runs, &now);
        for id in identities.keys() {
            let requests = run.requests(id);
            assert!(requests <= 1, "{id} was requested {requests} times in one run");
            assert!(requests == 0 || before[id].0 != Recorded::Since, "{id} was requested after its arrival");
        }
        runs.push(run);
        assert_records_are_in_place(&runs, &before, &now, &ledger, &identities);
        before = now;
    }

    // The last run is not interrupted.
    let requests = env.duffel.redelivered().len();
    let output = env.replay(&["--since", "1h", "--json"]).await;
    assert_success(&output);
    runs.push(env.run(&output, requests, false));
    println!("{}", text(&output.stderr).replace('\n', " | "));
    let delivered = || identities.keys().map(|id| env.duffel.attempts(id).len() - 1).sum::<usize>();
    until("the last deliveries", || delivered() == env.duffel.redelivered().len()).await;
    let now = env.recorded(&identities).await;
    let ids: Vec<_> = identities.keys().cloned().collect();
    assert!(now.values().all(|(recorded, _)| *recorded == Recorded::Since));
    assert_eq!(env.queued().await, once(&ids), "each event arrived once");
    for id in &ids {
        let requests: usize = runs.iter().map(|run| run.requests(id)).sum();
        // One that completed the event, and those of which a run could not know whether they would.
        let open = |run: &&Run| {
            matches!(run.outcome(id), None | Some("missing" | "unclear")) && run.requests(id) > 0
        };
        assert!((1..=1 + runs.iter().filter(open).count()).contains(&requests), "{id}: {requests} requests");
        let last = runs.last().unwrap().outcome(id);
        assert!(matches!(last, Some("arrived" | "too_young")), "{id}: {last:?}");
    }
    let asked = env.duffel.asked();
    let posts = asked.iter().filter(|asked| asked.what.starts_with("POST ")).count();
    assert!(posts > env.duffel.redelivered().len(), "the limit was never reached");
}

/// Compares the ledger with the requests so far, and with the ledger before the last run.
fn assert_records_are_in_place(
    runs: &[Run],
    before: &BTreeMap<String, (Recorded, Item)>,
    now: &BTreeMap<String, (Recorded, Item)>,
    ledger: &BTreeMap<String, Item>,
    identities: &BTreeMap<String, String>,
) {
    let mut lost = 0;
    for (id, (recorded, item)) in now {
        let requested = runs.iter().any(|run| run.requests(id) > 0);
        match recorded {
            Recorded::Since => assert!(requested, "{id}"),
            Recorded::No => lost += usize::from(!requested && before[id].0 != Recorded::No),
            Recorded::Before => {
                assert_eq!(item, &ledger[&identities[id]]);
                // The record is restored if it is not known whether Duffel accepted the request.
                let unclear = |run: &Run| run.outcome(id) == Some("unclear");
                assert!(!requested || runs.iter().any(unclear), "{id}: its record was not deleted");
            }
        }
    }
    // A run that is killed may have deleted the record of the event that it was about to request.
    let may_be_lost = usize::from(runs.last().is_some_and(|run| run.report.is_none()));
    assert!(lost <= may_be_lost, "{lost} records were deleted without a request");
}
