//! How the cost grows: with the size of a body, with the environments that start at once, and with sources and secrets.

use serde_json::{Map, Value, json};

use crate::{
    function::Function,
    lab::{Lab, Transport},
    measure::{accepted, each, ms},
    payload::SECRET,
    series::{Figures, quantile, short},
    subject::Subject,
};

/// Of the body in KiB. A message has at most 1 MiB with its attributes.
const BODIES: [usize; 6] = [1, 4, 16, 64, 256, 1_020];
const ENVIRONMENTS: [usize; 3] = [1, 4, 16];
const SOURCES: [usize; 4] = [1, 5, 10, 20];
const SECRETS: [usize; 3] = [1, 2, 10];
const PEERS: [&str; 3] = ["receiver", "python", "node24"];

pub fn all(lab: &Lab, subjects: &[Subject], rounds: usize) -> Value {
    eprintln!("growth");
    let subjects: Vec<_> = subjects.iter().filter(|subject| PEERS.contains(&subject.name)).collect();
    let receiver = subjects.iter().find(|subject| subject.name == "receiver").unwrap();
    let by_name = |measure: &dyn Fn(&Subject) -> Value| {
        subjects.iter().map(|subject| (subject.name.to_owned(), measure(subject))).collect::<Map<_, _>>()
    };
    json!({
        "bodies": by_name(&|subject| BODIES.map(|kib| body(lab, subject, kib)).into_iter().collect()),
        "environments": by_name(&|subject| ENVIRONMENTS.map(|count| burst(lab, subject, count)).into_iter().collect()),
        "sources": SOURCES.map(|count| sources(lab, receiver, count, rounds)),
        "secrets": SECRETS.map(|count| secrets(lab, receiver, count, rounds)),
    })
}

/// Deliveries of one size to one environment.
fn body(lab: &Lab, subject: &Subject, kib: usize) -> Value {
    let count = if kib < 256 { 100 } else { 30 };
    lab.backend(Transport::Http).clear();
    let function = Function::start(lab, subject, Transport::Http, &[]);
    function.ready();
    each(&function, count / 5, || lab.large(kib * 1_024), 202);
    let (cpu, mut times) = each(&function, count, || lab.large(kib * 1_024), 202);
    json!({
        "kib": kib,
        "warm_ms": short(quantile(&mut times, 0.5)),
        "cpu_ms": short(cpu),
        "peak_mib": short(function.peak_mib()),
    })
}

/// As many deliveries at once as environments, all of which start for it.
fn burst(lab: &Lab, subject: &Subject, count: usize) -> Value {
    lab.backend(Transport::Tls).clear();
    let started = std::time::Instant::now();
    let start = |_| Function::start(lab, subject, Transport::Tls, &[lab.delivery()]);
    let functions: Vec<_> = (0..count).map(start).collect();
    let mut times = Vec::new();
    for function in &functions {
        function.ready();
    }
    for function in &functions {
        times.push(ms(accepted(function.answered()).since_start));
    }
    let cpu: f64 = functions.iter().map(Function::cpu_ms).sum();
    let memory: f64 = functions.iter().map(Function::peak_mib).sum();
    json!({
        "environments": count,
        "median_ms": short(quantile(&mut times, 0.5)),
        "last_ms": short(quantile(&mut times, 1.0)),
        "all_ms": short(ms(started.elapsed())),
        "cpu_ms": short(cpu / count as f64),
        "peak_mib": short(memory),
    })
}

/// Cold starts with several sources, each with its secret in Secrets Manager.
fn sources(lab: &Lab, receiver: &Subject, count: usize, rounds: usize) -> Value {
    let arn = |number| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:source-{number}-AbCdEf");
    // The delivery's path is that of a source with this name.
    let name = |number| if number == 0 { "duffel".to_owned() } else { format!("source-{number}") };
    let sources: Map<_, _> = (0..count)
        .map(|number| (name(number), json!({ "scheme": "duffel", "secret_arn": arn(number) })))
        .collect();
    let sources = Value::from(sources).to_string();
    let mut all = start(lab, receiver, rounds, &[("WEBHOOK_SECRET", String::new()), ("SOURCES", sources)]);
    all.insert("sources".to_owned(), count.into());
    all.into()
}

/// Cold starts with several active secrets, of which the last one matches.
fn secrets(lab: &Lab, receiver: &Subject, count: usize, rounds: usize) -> Value {
    let others = (1..count).map(|number| format!("another-secret-{number}"));
    let all: Vec<_> = others.chain([SECRET.to_owned()]).collect();
    let mut all = start(lab, receiver, rounds, &[("WEBHOOK_SECRET", all.join(","))]);
    all.insert("secrets".to_owned(), count.into());
    all.into()
}

fn start(lab: &Lab, receiver: &Subject, rounds: usize, variables: &[(&str, String)]) -> Map<String, Value> {
    let mut figures = Figures::default();
    let backend = lab.backend(Transport::Tls);
    backend.set_secret(json!([SECRET]).to_string());
    for _ in 0..rounds {
        backend.clear();
        backend.observed();
        let function = Function::start_with(lab, receiver, Transport::Tls, &[lab.delivery()], variables);
        figures.add("init_ms", ms(function.ready()));
        figures.add("accepted_ms", ms(accepted(function.answered()).since_start));
        figures.add("peak_mib", function.peak_mib());
        let calls = backend.observed().calls;
        figures.add("secret_calls", calls.get("GetSecretValue").copied().unwrap_or_default() as f64);
        figures.add("cpu_ms", each(&function, 50, || lab.delivery(), 202).0);
    }
    figures.json()
}
