//! The receiver beside what people would otherwise run, and how its cost grows: `benches/compare/run`.
//!
//! With `cargo test`, it only checks that every subject does the same work; see `check`.
#![allow(clippy::unwrap_used, unreachable_pub)]
// The counts are far below the limits of their types.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]

mod authority;
mod backend;
mod check;
mod function;
mod growth;
mod lab;
mod machine;
mod measure;
#[path = "../load/payload.rs"]
mod payload;
mod series;
#[allow(dead_code)]
#[path = "../../tests/it/support/setup.rs"]
mod setup;
mod share;
mod subject;

use std::{fs, path::PathBuf, time::Instant};

use clap::Parser;
use lab::Lab;
use serde_json::json;
use subject::Subject;

#[derive(Parser)]
struct Arguments {
    /// The receiver.
    #[arg(default_value = "target/release/receiver")]
    binary: PathBuf,
    /// The function that does nothing.
    #[arg(long, default_value = "target/release/examples/floor")]
    floor: PathBuf,
    /// Cold starts of each subject, after one that does not count.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Deliveries to the environment that grows old.
    #[arg(long, default_value_t = 10_000)]
    deliveries: u64,
    #[arg(long, default_value = "docs/performance.json")]
    out: PathBuf,
    /// An argument that Cargo adds to a benchmark and not to a test.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    if !arguments.bench {
        check::run();
        return;
    }
    let lab = Lab::start();
    let subjects = Subject::all(&lab, Some(&arguments.floor), &arguments.binary);
    let started = Instant::now();
    let measured = measure::all(&lab, &subjects, arguments.rounds, arguments.deliveries);
    let growth = growth::all(&lab, &subjects, arguments.rounds);
    let results = json!({
        "machine": machine::describe(lab.share.as_ref()),
        "versions": subject::versions(),
        "certificates": lab.authority.certificates(),
        "rounds": arguments.rounds,
        "deliveries": arguments.deliveries,
        "seconds": started.elapsed().as_secs(),
        "subjects": measured,
        "secrets": measure::secrets(&lab, &subjects),
        "growth": growth,
    });
    fs::write(&arguments.out, format!("{results:#}\n")).unwrap();
}
