//! Cold starts, warm deliveries, and an environment that grows old.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    function::{Answered, Function},
    lab::{Lab, Transport},
    series::{Figures, quantile, short},
    subject::Subject,
};

/// Memory sizes in MB of which the share is granted.
const SIZES: [u32; 3] = [128, 256, 512];
const TRANSPORTS: [(&str, Transport); 2] = [("http", Transport::Http), ("tls", Transport::Tls)];

/// Deliveries before those that are counted, and those.
const WARM_UP: usize = 50;
const COUNTED: usize = 400;
/// The rounds in which a cold start is followed by warm deliveries.
const WARM_ROUNDS: usize = 3;
/// The window in the life of the environment that grows old, as deliveries.
const OLD: u64 = 4_000;
const OLD_COUNTED: u64 = 1_000;

/// Measures every subject in every round, so that a noisy moment of the machine affects all of them.
pub fn all(lab: &Lab, subjects: &[Subject], rounds: usize, deliveries: u64) -> Vec<Value> {
    let mut measured: Vec<_> = subjects.iter().map(|subject| Measured::new(subject, deliveries)).collect();
    for round in 0..=rounds {
        eprintln!("round {round} of {rounds}");
        for subject in &mut measured {
            // The first one brings the files into memory.
            let is_warm = round > 0 && round + WARM_ROUNDS > rounds;
            subject.round(lab, is_warm);
            if round == 0 {
                *subject = Measured::new(subject.subject, deliveries);
            }
        }
    }
    measured.into_iter().map(|subject| subject.json(lab)).collect()
}

struct Measured<'a> {
    subject: &'a Subject,
    deliveries: u64,
    /// As in `TRANSPORTS`.
    full: [Figures; 2],
    /// For each of `SIZES`.
    shares: [[Figures; 2]; 3],
}

impl<'a> Measured<'a> {
    fn new(subject: &'a Subject, deliveries: u64) -> Self {
        Self { subject, deliveries, full: Default::default(), shares: Default::default() }
    }

    fn round(&mut self, lab: &Lab, is_warm: bool) {
        for (index, (_, transport)) in TRANSPORTS.into_iter().enumerate() {
            self.cold(lab, transport, index, is_warm);
        }
        if self.subject.does_nothing() {
            return;
        }
        for (size, memory) in SIZES.into_iter().enumerate() {
            for (index, (_, transport)) in TRANSPORTS.into_iter().enumerate() {
                self.limited(lab, transport, memory, size, index);
            }
        }
    }

    fn cold(&mut self, lab: &Lab, transport: Transport, index: usize, is_warm: bool) {
        lab.backend(transport).clear();
        lab.backend(transport).observed();
        let figures = &mut self.full[index];
        let function = Function::start(lab, self.subject, transport, &[lab.delivery()]);
        figures.add("init_ms", ms(function.ready()));
        let answered = accepted(function.answered());
        figures.add("accepted_ms", ms(answered.since_start));
        figures.add("first_ms", ms(answered.took));
        figures.add("start_cpu_ms", function.cpu_ms());
        figures.add("connections", lab.backend(transport).observed().connections as f64);
        if !is_warm {
            return;
        }
        for _ in 0..WARM_UP {
            accepted(function.deliver(lab.delivery()));
        }
        let logged = function.log_bytes();
        let (cpu, mut times) = each(&function, COUNTED, || lab.delivery(), 202);
        figures.add("cpu_ms", cpu);
        figures.add("warm_ms", quantile(&mut times, 0.5));
        figures.add("log_bytes", (function.log_bytes() - logged) as f64 / COUNTED as f64);
        figures.add("peak_mib", function.peak_mib());
        if !self.subject.does_nothing() {
            lab.backend(transport).observed();
            figures.add("forged_cpu_ms", each(&function, COUNTED, || lab.forgery(), 401).0);
            let calls = lab.backend(transport).observed().calls;
            assert!(calls.is_empty(), "{}: calls for forgeries: {calls:?}", self.subject.name);
        }
    }

    /// The first delivery with the share of a memory size, which Lambda grants after the start.
    fn limited(&mut self, lab: &Lab, transport: Transport, memory: u32, size: usize, index: usize) {
        let Some(share) = &lab.share else { return };
        lab.backend(transport).clear();
        share.limit(None).unwrap();
        let function = Function::start(lab, self.subject, transport, &[]);
        share.add(function.id());
        let init = function.ready();
        share.limit(Some(memory)).unwrap();
        let cpu = function.cpu_ms();
        let answered = accepted(function.deliver(lab.delivery()));
        let figures = &mut self.shares[size][index];
        figures.add("init_ms", ms(init));
        figures.add("first_ms", ms(answered.took));
        figures.add("init_and_first_ms", ms(init + answered.took));
        figures.add("first_cpu_ms", function.cpu_ms() - cpu);
    }

    fn json(self, lab: &Lab) -> Value {
        eprintln!("{}: {} deliveries", self.subject.name, self.deliveries);
        let old = self.old(lab);
        let both = |figures: [Figures; 2]| {
            let named = TRANSPORTS.iter().zip(figures);
            named
                .map(|((name, _), figures)| ((*name).to_owned(), figures.json().into()))
                .collect::<Map<_, _>>()
        };
        let is_limited = lab.share.is_some() && !self.subject.does_nothing();
        let shares = SIZES.into_iter().zip(self.shares);
        let shares: Map<_, _> =
            shares.map(|(size, figures)| (size.to_string(), both(figures).into())).collect();
        json!({
            "name": self.subject.name,
            "zip_bytes": self.subject.zip_bytes(),
            "full_zip_bytes": self.subject.full_zip_bytes(),
            "full": both(self.full),
            "shares": is_limited.then_some(shares),
            "old": old,
        })
    }

    fn old(&self, lab: &Lab) -> Value {
        lab.backend(Transport::Http).clear();
        let function = Function::start(lab, self.subject, Transport::Http, &[]);
        function.ready();
        let (mut cpu, mut before, mut early) = (None, 0.0, 0.0);
        for number in 0..self.deliveries {
            if number == OLD {
                before = function.cpu_ms();
            }
            if number == OLD + OLD_COUNTED {
                cpu = Some(short((function.cpu_ms() - before) / OLD_COUNTED as f64));
            }
            if number == self.deliveries / 10 {
                early = function.peak_mib();
            }
            accepted(function.deliver(lab.delivery()));
        }
        json!({
            "cpu_ms": cpu,
            "peak_mib_after_a_tenth": short(early),
            "peak_mib": short(function.peak_mib()),
        })
    }
}

/// Calls to Secrets Manager in a cold start, for each form of the current version.
pub fn secrets(lab: &Lab, subjects: &[Subject]) -> Value {
    let receiver = subjects.iter().find(|subject| subject.name == "receiver").unwrap();
    let stored = [
        ("WEBHOOK_SECRET", String::new()),
        (
            "WEBHOOK_SECRET_ARN",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:webhook-AbCdEf".to_owned(),
        ),
    ];
    let forms =
        [("list", json!([crate::payload::SECRET]).to_string()), ("text", crate::payload::SECRET.into())];
    let calls = forms.map(|(form, secret)| {
        let backend = lab.backend(Transport::Tls);
        backend.set_secret(secret);
        backend.observed();
        let function = Function::start_with(lab, receiver, Transport::Tls, &[lab.delivery()], &stored);
        function.ready();
        accepted(function.answered());
        (form.to_owned(), json!(backend.observed().calls.get("GetSecretValue").copied().unwrap_or_default()))
    });
    calls.into_iter().collect::<Map<_, _>>().into()
}

/// CPU of each delivery in ms, and the times of all.
pub fn each(function: &Function, count: usize, delivery: impl Fn() -> Bytes, status: u64) -> (f64, Vec<f64>) {
    let before = function.cpu_ms();
    let times = (0..count).map(|_| {
        let answered = function.deliver(delivery());
        assert_eq!(answered.status, status);
        ms(answered.took)
    });
    let times = times.collect();
    ((function.cpu_ms() - before) / count as f64, times)
}

pub fn accepted(answered: Answered) -> Answered {
    assert_eq!(answered.status, 202, "a delivery was not accepted");
    answered
}

pub fn ms(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
