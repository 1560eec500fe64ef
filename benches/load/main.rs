//! Many environments of the function under load, sustained and in bursts, with repetitions and forgeries.
//!
//! ```sh
//! cargo build --release --bin receiver
//! cargo bench --no-default-features --features tool --bench load -- target/release/receiver
//! python3 benches/load_plot.py
//! ```
//!
//! Linux only: it reads `/proc`. Fails if anything was lost, doubled, forged, answered wrongly, or if memory grew.
#![allow(clippy::unwrap_used, unreachable_pub)]
// The counts are far below the limits of their types.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]

mod aws;
mod deliveries;
mod environment;
mod noop;
mod payload;
mod phase;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
    time::Duration,
};

use aws::Aws;
use clap::Parser;
use deliveries::Deliveries;
use environment::block_on;
use payload::SECRET;
use phase::{Arrivals, Fleet};
use serde_json::{Value, json};

/// The allowed growth of memory, in bytes: about 18 for each of the 28,800 invocations between the measurements.
const GROWTH: u64 = 512 * 1_024;

#[derive(Parser)]
struct Arguments {
    /// The binary of the function.
    #[arg(default_value = "target/release/receiver")]
    binary: PathBuf,
    /// The number of processes.
    #[arg(long, default_value_t = 16)]
    environments: usize,
    /// Invocations of each in the long phase; an hour of 10 a second by default.
    #[arg(long, default_value_t = 36_000)]
    each: u64,
    /// The deduplication interval of the queue in seconds; that of SQS is 300.
    #[arg(long, default_value_t = 5)]
    queue_memory: u64,
    #[arg(long, default_value = "docs/load.json")]
    out: PathBuf,
    /// An argument that Cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    if env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        noop::run();
        return ExitCode::SUCCESS;
    }
    block_on(run(&Arguments::parse()))
}

async fn run(arguments: &Arguments) -> ExitCode {
    let environments = arguments.environments as u64;
    let (address, aws) = Aws::start(Duration::from_secs(arguments.queue_memory));
    let endpoint = format!("http://{address}");
    let variables = [
        ("AWS_LAMBDA_FUNCTION_NAME", "receiver".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "x".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "x".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.clone()),
        ("QUEUE_URL", format!("{endpoint}/000000000000/events.fifo")),
        ("LEDGER_TABLE", "ledger".to_owned()),
        ("WEBHOOK_SECRET", SECRET.to_owned()),
    ];
    let mut nothing = Fleet::start(&env::current_exe().unwrap(), arguments.environments, &[]).await;
    let mut function = Fleet::start(&arguments.binary, arguments.environments, &variables).await;
    // One sender for each function, so that their events differ.
    let (mut idle, mut real) = (Deliveries::new(0), Deliveries::new(0));
    let warm_up = environments * 50;
    nothing.phase("", Arrivals::Sustained(warm_up), &mut idle).await;
    function.phase("", Arrivals::Sustained(warm_up), &mut real).await;

    let sustained = Arrivals::Sustained(environments * arguments.each);
    let hour = function.phase("receiver, as fast as it goes", sustained, &mut real).await;
    let rate = hour["per_second"].as_f64().unwrap() / 2.0;
    let steady = Arrivals::Steady { rate, count: (rate * 30.0) as u64 };
    let bursts = Arrivals::Bursts { size: environments * 50, count: 20 };
    let phases = [
        hour,
        function.phase("receiver, half of that", steady, &mut real).await,
        function.phase("receiver, bursts", bursts, &mut real).await,
        nothing
            .phase("no-op, as fast as it goes", Arrivals::Sustained(environments * 3_000), &mut idle)
            .await,
        nothing.phase("no-op, the same half", steady, &mut idle).await,
        nothing.phase("no-op, bursts", bursts, &mut idle).await,
    ];
    let verdict = verdict(&aws, &real, &function);
    for phase in &phases {
        println!("{phase:#}", phase = without_curves(phase));
    }
    println!("{verdict:#}");
    write(
        &arguments.out,
        &json!({
            "environments": environments,
            "invocations_each": arguments.each,
            "queue_memory_s": arguments.queue_memory,
            "binary_bytes": fs::metadata(&arguments.binary).unwrap().len(),
            "phases": phases,
            "memory": function.memory,
            "verdict": verdict,
        }),
    );
    if verdict["sound"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compares the messages in the queue with the events that were sent.
fn verdict(aws: &Mutex<Aws>, deliveries: &Deliveries, function: &Fleet) -> Value {
    let aws = aws.lock().unwrap();
    let copies = |number| aws.messages.get(&aws::hash(&payload::body(number))).copied().unwrap_or_default();
    let lost = (0..deliveries.events).filter(|number| copies(*number) == 0).count();
    let doubled = (0..deliveries.events).filter(|number| copies(*number) > 1).count();
    let strange = aws.messages.len() - (deliveries.events as usize - lost);
    let growth = function.growth();
    let wrong = function.wrong;
    json!({
        "sound": lost + doubled + strange == 0 && wrong == 0 && growth <= GROWTH,
        "events": deliveries.events,
        "messages": aws.messages.values().sum::<u32>(),
        "lost": lost,
        "doubled": doubled,
        "not_sent_by_us": strange,
        "wrong_answers": wrong,
        "dropped_by_the_queue": aws.dropped,
        "memory_growth_bytes": growth,
    })
}

fn without_curves(phase: &Value) -> Value {
    let mut phase = phase.clone();
    phase.as_object_mut().unwrap().remove("curve");
    phase
}

fn write(path: &Path, results: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{results}\n")).unwrap();
}
