//! A fleet of environments, and a phase of load on it.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{sleep, sleep_until, timeout},
};

use crate::{
    deliveries::{Deliveries, Kind},
    environment::{Done, Environment, Job, Work, cpu},
};

const PAUSE: Duration = Duration::from_millis(200);
/// The number of measurements of memory in a phase.
const LOOKS: u64 = 200;

/// The arrival of deliveries at the gateway.
#[derive(Clone, Copy)]
pub enum Arrivals {
    /// Always one more delivery than environments.
    Sustained(u64),
    /// At random times, with this average a second.
    Steady { rate: f64, count: u64 },
    /// This many at once, and again when all are answered.
    Bursts { size: u64, count: u64 },
}

pub struct Fleet {
    environments: Vec<Environment>,
    jobs: mpsc::Sender<Job>,
    done: mpsc::UnboundedReceiver<Done>,
    /// Answers that the contract does not have.
    pub wrong: u64,
    /// Memory in the last sustained phase, for each measurement and environment, in bytes.
    pub memory: Vec<Vec<u64>>,
}

impl Fleet {
    pub async fn start(program: &Path, environments: usize, variables: &[(&str, String)]) -> Self {
        let (jobs, waiting) = mpsc::channel(environments * 2);
        let (ends, done) = mpsc::unbounded_channel();
        let work = Arc::new(Work { jobs: waiting.into(), done: ends });
        let mut fleet = Self { environments: Vec::new(), jobs, done, wrong: 0, memory: Vec::new() };
        for _ in 0..environments {
            fleet.environments.push(Environment::start(program, variables, Arc::clone(&work)).await);
        }
        fleet
    }

    /// The growth of an environment's memory from the second tenth of that phase to the last; the largest of all
    /// environments.
    pub fn growth(&self) -> u64 {
        let tenth = self.memory.len() / 10;
        let mean = |looks: &[Vec<u64>], environment: usize| {
            looks.iter().map(|look| look[environment]).sum::<u64>() / looks.len() as u64
        };
        let (early, late) = (&self.memory[tenth..tenth * 2], &self.memory[self.memory.len() - tenth..]);
        (0..self.environments.len())
            .map(|each| mean(late, each).saturating_sub(mean(early, each)))
            .max()
            .unwrap()
    }

    pub async fn phase(&mut self, name: &str, arrivals: Arrivals, deliveries: &mut Deliveries) -> Value {
        let (rounds, size) = match arrivals {
            Arrivals::Sustained(count) | Arrivals::Steady { count, .. } => (1, count),
            Arrivals::Bursts { size, count } => (count, size),
        };
        let (mut ends, mut rounds_took, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        let (before, began) = (self.cpu(), Instant::now());
        for _ in 0..rounds {
            let started = Instant::now();
            let feeding = feed(self.jobs.clone(), arrivals, size, deliveries);
            let collecting = async {
                for number in 1..=size {
                    // Longer than Lambda would wait.
                    let done = timeout(Duration::from_secs(30), self.done.recv()).await;
                    ends.push(done.expect("an environment does not answer").unwrap());
                    if number % (size / LOOKS).max(1) == 0 {
                        memory.push(self.environments.iter().map(Environment::memory).collect());
                    }
                }
            };
            tokio::join!(feeding, collecting);
            rounds_took.push(started.elapsed());
            if rounds > 1 {
                sleep(PAUSE).await;
            }
        }
        let (after, whole) = (self.cpu(), began.elapsed().as_secs_f64());
        if matches!(arrivals, Arrivals::Sustained(_)) {
            self.memory = memory;
        }
        let wrong = |done: &&Done| match done.kind {
            Kind::New(_) | Kind::Again(_) => !matches!(done.status, 200 | 202),
            Kind::Forged(_) => done.status != 401,
        };
        self.wrong += ends.iter().filter(wrong).count() as u64;
        report(name, &ends, &mut rounds_took, [before, after], whole)
    }

    /// Seconds of processor time of the environments, of this process, and of the whole machine.
    fn cpu(&self) -> [f64; 3] {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let fields = stat.lines().next().unwrap().split_whitespace().skip(1).take(8);
        let fields: Vec<u64> = fields.map(|field| field.parse().unwrap()).collect();
        // Everything but idle time and waiting for disks.
        let ticks = fields.iter().sum::<u64>() - fields[3] - fields[4];
        let function = self.environments.iter().map(Environment::cpu).sum();
        [function, cpu("self"), ticks as f64 / 100.0]
    }
}

async fn feed(jobs: mpsc::Sender<Job>, arrivals: Arrivals, size: u64, deliveries: &mut Deliveries) {
    let mut random = Rng::with_seed(size);
    let mut due = Instant::now();
    for _ in 0..size {
        let (kind, payload) = deliveries.draw();
        match arrivals {
            Arrivals::Sustained(_) => due = Instant::now(),
            Arrivals::Steady { rate, .. } => {
                due += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate);
                sleep_until(due.into()).await;
            }
            Arrivals::Bursts { .. } => {}
        }
        jobs.send(Job { kind, payload, due }).await.unwrap();
    }
}

fn report(name: &str, ends: &[Done], rounds: &mut [Duration], cpu: [[f64; 3]; 2], whole: f64) -> Value {
    let seconds = rounds.iter().sum::<Duration>().as_secs_f64();
    let count = ends.len() as f64;
    let [function, rest, machine] = [0, 1, 2].map(|at| cpu[1][at] - cpu[0][at]);
    let mut answers = BTreeMap::<u16, Vec<Duration>>::new();
    for done in ends {
        answers.entry(done.status).or_default().push(done.took);
    }
    let took = sorted(ends.iter().map(|done| done.took));
    let through = sorted(ends.iter().map(|done| done.waited + done.took));
    let curve: Vec<_> = (0..=400).map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 100.0)).collect();
    rounds.sort();
    json!({
        "name": name,
        "deliveries": ends.len(),
        "seconds": short(seconds),
        "per_second": short(count / seconds),
        "round_ms": ms(rounds[rounds.len() / 2]),
        "invocation": summary(&took),
        "with_waiting": summary(&through),
        "answers": answers.into_iter().map(|(status, took)| (status.to_string(), json!({
            "share": short(took.len() as f64 / count),
            "invocation": summary(&sorted(took.into_iter())),
        }))).collect::<serde_json::Map<_, _>>(),
        "function_cpu_ms": short(function * 1e3 / count),
        "generator_cpu_ms": short(rest * 1e3 / count),
        "other_cpus": short((machine - function - rest) / whole),
        "curve": curve.iter().map(|share| [(share * 1e5).round() / 1e5, ms(at(&took, *share))]).collect::<Vec<_>>(),
    })
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times
}

/// In milliseconds.
fn summary(sorted: &[Duration]) -> Value {
    json!({
        "p50": ms(at(sorted, 0.5)),
        "p99": ms(at(sorted, 0.99)),
        "p99_9": ms(at(sorted, 0.999)),
        "max": ms(*sorted.last().unwrap()),
    })
}

fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}

fn ms(time: Duration) -> f64 {
    short(time.as_secs_f64() * 1e3)
}

fn short(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
