//! Processes killed at random times under load, with faults of every call: each event is in the queue exactly once.
//!
//! All deliveries of an event are within 5 minutes, so the deduplication of SQS closes the gap, which other tests cover.
//! `CRASH_SEED` reproduces events, faults and kills, but not their timing. To run it for longer, on a release build:
//!
//! ```sh
//! cargo build --release --bin receiver
//! CRASH_BINARY=target/release/receiver CRASH_SECONDS=120 cargo test --locked --test it crash -- --nocapture
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use tokio::{
    sync::{Mutex as AsyncMutex, RwLock},
    task::JoinSet,
    time::sleep,
};

use super::Delivery;
use crate::support::{
    ministack::Backend,
    proxy::{AwsFault, Proxy},
    runtime_api::{End, Function, TIMEOUT},
    test_receiver::{SECRET, event},
};

const ENVIRONMENTS: usize = 4;
const SENDERS: usize = 12;
/// The longest time between two kills.
const KILL_PAUSE: Duration = Duration::from_millis(300);
/// The pauses between Duffel's retries, shortened; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The most deliveries of an event; one that is not acknowledged by then fails the test.
const DELIVERIES: usize = 60;
const FIFO_MEMORY: Duration = Duration::from_mins(5);
const CALLS: [&str; 3] = ["dynamodb:GetItem", "sqs:SendMessage", "dynamodb:PutItem"];
/// The least number of invocations with each end; with fewer, the run proves too little.
const ENDS: [(&str, usize); 5] = [("202", 100), ("200", 10), ("401", 10), ("503", 8), ("Died", 10)];
/// The time by which the test may take longer until there are enough.
const PATIENCE: Duration = Duration::from_mins(2);
const WEEK_AND_A_BIT: i64 = 8 * 24 * 60 * 60;

#[tokio::test]
async fn under_load_with_kills_and_faults_every_event_is_in_the_queue_once() {
    let seed = variable("CRASH_SEED").unwrap_or_else(|| fastrand::u64(..));
    let seconds = variable("CRASH_SECONDS").unwrap_or(8_usize);
    println!("CRASH_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let backend = Backend::new().await;
    let proxy = Proxy::new().await;
    // More faults than there is time for; after the last of them no call fails.
    let faults = CALLS.map(|_| weather(&mut random, seconds * 1_000));
    for (call, faults) in CALLS.iter().zip(&faults) {
        proxy.inject(call, faults.iter().copied().chain([AwsFault::Fine]));
    }
    let crowd = Arc::new(Crowd::new(&backend, &proxy, Duration::from_secs(seconds as u64)).await);

    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (crowd, random) = (Arc::clone(&crowd), random.fork());
        senders.spawn(async move { crowd.send(random).await });
    }
    let killer = tokio::spawn({
        let (crowd, random) = (Arc::clone(&crowd), random.fork());
        async move { crowd.kill(random).await }
    });
    let mut queued = Vec::new();
    let mut all_sent = std::pin::pin!(senders.join_all());
    // Taken off at once, as by a consumer; SQS still deduplicates.
    while tokio::time::timeout(Duration::from_millis(250), &mut all_sent).await.is_err() {
        queued.extend(backend.messages().await);
    }
    killer.abort();
    queued.extend(backend.messages().await);

    let mut copies = BTreeMap::<_, usize>::new();
    for message in &queued {
        *copies.entry(message.body().unwrap().to_owned()).or_default() += 1;
    }
    let sent = crowd.sent.lock().unwrap();
    let never_sent: Vec<_> = copies.keys().filter(|body| !sent.contains(*body)).collect();
    let lost: Vec<_> = sent.iter().filter(|body| !copies.contains_key(*body)).collect();
    let doubled: Vec<_> = copies.iter().filter(|(_, count)| **count > 1).collect();
    let ends = crowd.ends.lock().unwrap().clone();
    println!(
        "{} events, {} messages; {} kills; invocations by their ends: {ends:?}; calls: {:?}, of which {} met a fault",
        sent.len(),
        queued.len(),
        crowd.kills.load(Relaxed),
        proxy.calls(),
        faulty_calls(&proxy, &faults),
    );
    assert!(never_sent.is_empty(), "in the queue, but never sent: {never_sent:#?}");
    assert!(lost.is_empty(), "acknowledged, but not in the queue: {lost:#?}");
    assert!(doubled.is_empty(), "in the queue more than once: {doubled:#?}");
    for (end, least) in ENDS {
        let count = ends.get(end).copied().unwrap_or_default();
        assert!(count >= least, "too few invocations ended with {end}: {count}");
    }
}

/// The number of calls with a fault.
fn faulty_calls(proxy: &Proxy, faults: &[Vec<AwsFault>; 3]) -> usize {
    let calls = proxy.calls();
    let drawn = CALLS.iter().zip(faults).flat_map(|(call, faults)| faults.iter().take(calls[*call]));
    drawn.filter(|fault| **fault != AwsFault::Fine).count()
}

fn variable<T: FromStr<Err: std::fmt::Debug>>(name: &str) -> Option<T> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

/// Short periods in which most calls fail, and longer ones in which few do. Faults that take seconds are rare.
fn weather(random: &mut Rng, calls: usize) -> Vec<AwsFault> {
    let quick: Vec<_> = AwsFault::FAILURES.into_iter().filter(|fault| !fault.is_slow()).collect();
    let mut faults = Vec::new();
    while faults.len() < calls {
        let (length, failures) = if random.u32(..3) == 0 { (5..30, 90) } else { (20..80, 4) };
        // One kind of failure in a period: a call whose every attempt was refused was not carried out.
        let failure = *random.choice(&quick).unwrap();
        for _ in 0..random.usize(length) {
            faults.push(match random.u32(..1_000) {
                0 => AwsFault::Hang,
                1 => AwsFault::AnswerStalled,
                // Longer than the time-out of an attempt, and sometimes of the call.
                2..=4 => AwsFault::Delay(Duration::from_millis(random.u64(500..2_500))),
                5..=50 => AwsFault::Delay(Duration::from_millis(random.u64(1..100))),
                _ if random.u32(..100) < failures => failure,
                _ => AwsFault::Fine,
            });
        }
    }
    faults
}

/// Function environments, and the state that senders and killer share.
struct Crowd {
    environments: Vec<Environment>,
    until: Instant,
    events: AtomicU64,
    /// The bodies of all genuine events.
    sent: Mutex<BTreeSet<String>>,
    kills: AtomicU64,
    /// The ends of invocations, with their numbers.
    ends: Mutex<BTreeMap<String, usize>>,
}

struct Environment {
    /// One invocation at a time.
    turn: AsyncMutex<()>,
    function: RwLock<Function>,
    /// True if the process has answered an invocation.
    works: AtomicBool,
}

impl Crowd {
    async fn new(backend: &Backend, proxy: &Proxy, time: Duration) -> Self {
        let binary = variable("CRASH_BINARY").unwrap_or(PathBuf::from(env!("CARGO_BIN_EXE_receiver")));
        let variables = [
            ("AWS_ENDPOINT_URL", proxy.endpoint.as_str()),
            ("QUEUE_URL", &backend.queue_url),
            ("LEDGER_TABLE", &backend.table),
            ("WEBHOOK_SECRET", SECRET),
        ];
        let mut environments = Vec::new();
        for _ in 0..ENVIRONMENTS {
            let function = RwLock::new(Function::start_binary(&binary, TIMEOUT, variables).await);
            environments.push(Environment {
                turn: AsyncMutex::default(),
                function,
                works: AtomicBool::default(),
            });
        }
        Self {
            environments,
            until: Instant::now() + time,
            events: AtomicU64::default(),
            sent: Mutex::default(),
            kills: AtomicU64::default(),
            ends: Mutex::default(),
        }
    }

    /// Returns whether the time is over and every end occurred often enough, however slow the machine is.
    fn is_enough(&self) -> bool {
        let ends = self.ends.lock().unwrap();
        let met = ENDS.iter().all(|(end, least)| ends.get(*end).is_some_and(|count| count >= least));
        Instant::now() > self.until && (met || Instant::now() > self.until + PATIENCE)
    }

    /// Sends one event after the other until each is acknowledged, and a forgery now and then.
    async fn send(&self, mut random: Rng) {
        while !self.is_enough() {
            let number = self.events.fetch_add(1, Relaxed);
            if random.u32(..4) == 0 {
                self.forge(number, &mut random).await;
            }
            self.send_event(number, &mut random).await;
        }
    }

    /// Delivers as Duffel does: until a 2xx, and now and then once more, or twice at the same time.
    async fn send_event(&self, number: u64, random: &mut Rng) {
        let body = body(number, "");
        self.sent.lock().unwrap().insert(body.clone());
        let first = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut delivery = Delivery::new(body.clone());
        for _ in 0..DELIVERIES {
            let acknowledged = if random.u32(..10) == 0 {
                let (one, other) = (self.anywhere(random), self.anywhere(random));
                let (one, other) = tokio::join!(self.deliver(&delivery, one), self.deliver(&delivery, other));
                one || other
            } else {
                self.deliver(&delivery, self.anywhere(random)).await
            };
            if acknowledged && random.u32(..5) > 0 {
                // Otherwise SQS would not have to deduplicate it.
                assert!(first.elapsed() < FIFO_MEMORY);
                return;
            }
            sleep(pause.mul_f64(random.f64())).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            // It is not known whether a retry has a new signature.
            if random.bool() {
                delivery = Delivery::new(body.clone());
            }
        }
        panic!("not acknowledged: {body}");
    }

    /// Delivers once, and returns whether it was acknowledged.
    async fn deliver(&self, delivery: &Delivery, environment: &Environment) -> bool {
        let status = self.invoke(delivery, environment).await;
        assert!(matches!(status, Some(202 | 200 | 503) | None), "an unexpected answer: {status:?}");
        matches!(status, Some(202 | 200))
    }

    /// Sends a forgery of the next event, so that a record of it would suppress the genuine one.
    async fn forge(&self, number: u64, random: &mut Rng) {
        let genuine = Delivery::new(body(number, ""));
        let forged = Delivery::new(body(number, r#","forged":true"#));
        let forged = match random.u32(..4) {
            0 => forged.unsigned(),
            1 => forged.signed_with("another secret"),
            2 => forged.signature(&genuine.headers["X-Duffel-Signature"]),
            _ => forged.clone().signature(&forged.sign(SECRET, "v2", WEEK_AND_A_BIT)),
        };
        let status = self.invoke(&forged, self.anywhere(random)).await;
        assert!(matches!(status, Some(401) | None), "a forgery was answered {status:?}");
    }

    fn anywhere(&self, random: &mut Rng) -> &Environment {
        random.choice(&self.environments).unwrap()
    }

    /// Invokes an environment with a delivery, and returns the status unless the process died.
    async fn invoke(&self, delivery: &Delivery, environment: &Environment) -> Option<u64> {
        let _turn = environment.turn.lock().await;
        let (end, _) = environment.function.read().await.invoke(delivery.event()).await;
        let (status, end) = match end {
            End::Answered(answer) => (answer["statusCode"].as_u64(), answer["statusCode"].to_string()),
            End::Died | End::TimedOut => (None, format!("{end:?}")),
            End::Failed => panic!("an error instead of an answer"),
        };
        environment.works.store(status.is_some(), Relaxed);
        if status.is_none() {
            environment.function.write().await.restart().await;
        }
        *self.ends.lock().unwrap().entry(end).or_default() += 1;
        status
    }

    /// Kills one process after another, until it is stopped.
    async fn kill(&self, mut random: Rng) {
        loop {
            sleep(KILL_PAUSE.mul_f64(random.f64())).await;
            let environment = self.anywhere(&mut random);
            // On a slow machine no process would ever answer if new ones were killed as often.
            if !environment.works.load(Relaxed) && random.u32(..4) > 0 {
                continue;
            }
            environment.function.read().await.kill();
            self.kills.fetch_add(1, Relaxed);
        }
    }
}

/// Three events of an object, two of which differ only in their ids.
fn body(number: u64, extra: &str) -> String {
    let kind = if number.is_multiple_of(3) { "order.created" } else { "order.updated" };
    let event = event(kind, &format!("wev_{number}"), &format!("ord_{}", number / 3));
    format!("{}{extra}}}", event.strip_suffix('}').unwrap())
}
