//! What the dashboard shows of a run in the laboratory: the lines that the receiver really writes, counted by the metric
//! filters of the template.
//!
//! `RECORD=1 cargo test --test it recording` writes the figures to `docs/dashboard.json` again, and `UPDATE_DOCS=1` the
//! definition of the dashboard beside them. `benches/dashboard_plot.py` draws both.

use std::{
    collections::{BTreeMap, VecDeque},
    env, fs,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Map, Value, json};

use super::{Delivery, Env};
use crate::{
    dashboard,
    support::{
        cloudformation::Template,
        metrics::{Counted, counted},
        ministack::Backend,
        proxy::AwsFault,
        runtime_api::End,
        test_receiver::{SECRET, event},
    },
};

const FILE: &str = "docs/dashboard.json";
/// The time between two points, unless the deliveries take longer.
const STEP: Duration = Duration::from_secs(2);
/// The number of lines that are kept for the widget of the log.
const LINES: usize = 9;

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Quiet,
    Busy,
    /// Somebody sends forged and old signatures.
    Forged,
    /// SQS does not answer.
    QueueFails,
    /// The provider delivers again what was answered 503.
    Retries,
    /// The ledger cannot be written.
    LedgerFails,
    /// A second event of one object, which the receiver takes for a duplicate.
    OtherIds,
    /// Signed bodies that are not valid events.
    Invalid,
    /// Nobody takes messages off the queue.
    ConsumerStopped,
    /// The secret cannot be read again.
    SecretFails,
}

const RUN: [(Phase, usize); 19] = [
    (Phase::Quiet, 8),
    (Phase::Busy, 12),
    (Phase::Forged, 4),
    (Phase::Busy, 8),
    (Phase::QueueFails, 4),
    (Phase::Retries, 3),
    (Phase::Busy, 6),
    (Phase::LedgerFails, 3),
    (Phase::Busy, 5),
    (Phase::ConsumerStopped, 12),
    (Phase::Busy, 6),
    (Phase::SecretFails, 2),
    (Phase::Quiet, 5),
    (Phase::OtherIds, 2),
    (Phase::Quiet, 3),
    (Phase::Invalid, 2),
    (Phase::Quiet, 3),
    (Phase::Forged, 2),
    (Phase::Quiet, 8),
];

/// A metric: namespace, name and dimensions.
type Key = (String, String, BTreeMap<String, String>);

struct Recorder {
    env: Env,
    next: usize,
    refused: VecDeque<Delivery>,
    /// The start of each step.
    starts: Vec<SystemTime>,
    lines: Vec<String>,
    /// The values of each metric, by step.
    values: BTreeMap<Key, Vec<Vec<f64>>>,
    template: Template,
    oldest: Option<Instant>,
}

impl Recorder {
    async fn new() -> Self {
        let backend = Backend::new().await;
        let secret = backend.create_secret(Some(SECRET)).await;
        Self {
            env: Env::of(backend, &[("WEBHOOK_SECRET_ARN", &secret)]).await,
            next: 0,
            refused: VecDeque::new(),
            starts: Vec::new(),
            lines: Vec::new(),
            values: BTreeMap::new(),
            template: Template::read(),
            oldest: None,
        }
    }

    fn new_event(&mut self) -> Delivery {
        self.next += 1;
        let (id, key) = (format!("wev_{:022}", self.next), format!("ord_{:022}", self.next));
        Delivery::new(event("order.created", &id, &key))
    }

    fn deliveries(&mut self, phase: Phase, step: usize) -> Vec<Delivery> {
        let count = match phase {
            Phase::Quiet => 3 + step % 3,
            // A call that fails is repeated, which takes time.
            Phase::QueueFails | Phase::LedgerFails | Phase::SecretFails => 3,
            _ => 10 + (step * 7) % 5,
        };
        let mut deliveries: Vec<_> = (0..count).map(|_| self.new_event()).collect();
        // Duffel delivers some events twice.
        deliveries.extend(deliveries.iter().step_by(5).cloned().collect::<Vec<_>>());
        match phase {
            Phase::Forged => {
                for at in 0..2 + step % 3 {
                    let delivery = self.new_event();
                    let age = 9 * 24 * 60 * 60;
                    let header = delivery.sign(if at == 0 { SECRET } else { "another" }, "v2", age);
                    deliveries.push(if at == 0 {
                        delivery.signature(&header)
                    } else {
                        delivery.signed_with("another")
                    });
                }
            }
            Phase::OtherIds => {
                let body =
                    event("order.created", &format!("wev_other_{step}"), &format!("ord_{:022}", self.next));
                deliveries.push(Delivery::new(body));
            }
            Phase::Invalid => deliveries.push(Delivery::new(r#"{"type":"order.created"}"#)),
            // It makes the receiver look for a new secret.
            Phase::SecretFails => deliveries.push(self.new_event().signed_with("another")),
            Phase::Retries => deliveries.extend(self.refused.drain(..)),
            _ => {}
        }
        deliveries
    }

    /// Adds a value to the current step.
    fn add(&mut self, namespace: &str, name: &str, dimensions: BTreeMap<String, String>, value: f64) {
        let step = self.starts.len() - 1;
        self.add_at(step, namespace, name, dimensions, value);
    }

    fn add_at(
        &mut self,
        step: usize,
        namespace: &str,
        name: &str,
        dimensions: BTreeMap<String, String>,
        value: f64,
    ) {
        let steps = self.values.entry((namespace.to_owned(), name.to_owned(), dimensions)).or_default();
        steps.resize(steps.len().max(step + 1), Vec::new());
        steps[step].push(value);
    }

    async fn step(&mut self, phase: Phase, step: usize) {
        self.starts.push(SystemTime::now());
        let of = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let (function, api, queue) = (
            of("FunctionName", "ReceiverFunction"),
            of("ApiId", "HttpApi"),
            of("QueueName", "EventQueue.fifo"),
        );
        for delivery in self.deliveries(phase, step) {
            let (end, took) = self.env.function.invoke(delivery.event()).await;
            self.add("AWS/Lambda", "Duration", function.clone(), took.as_secs_f64() * 1e3);
            let End::Answered(answer) = end else { panic!("{end:?}") };
            let status = answer["statusCode"].as_u64().unwrap();
            self.add("AWS/Lambda", "Errors", function.clone(), 0.0);
            self.add("AWS/ApiGateway", "5xx", api.clone(), f64::from(u8::from(status >= 500)));
            match status {
                503 => self.refused.push_back(delivery),
                202 => {
                    self.oldest.get_or_insert_with(Instant::now);
                }
                _ => {}
            }
        }
        let waiting = u32::try_from(self.env.backend.queued().await).unwrap();
        self.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue.clone(), waiting.into());
        let age = self.oldest.map_or(0.0, |at| at.elapsed().as_secs_f64());
        self.add("AWS/SQS", "ApproximateAgeOfOldestMessage", queue, age);
        if phase != Phase::ConsumerStopped {
            self.env.backend.messages().await;
            self.oldest = None;
        }
    }

    /// Ends the process, as Lambda does with an environment, and counts its lines.
    fn count(&mut self) {
        for line in self.env.function.lines() {
            let fields: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            let at = humantime::parse_rfc3339(fields["timestamp"].as_str().unwrap()).unwrap();
            let step = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
            for (metric, Counted { value, dimensions }) in counted(&self.template, "ReceiverLogGroup", &line)
            {
                self.add_at(step, "hooks", &metric, dimensions, value);
            }
            self.lines.push(line);
        }
    }

    fn figures(&self, step: Duration) -> Value {
        let count = self.starts.len();
        let since = |at: &SystemTime| at.duration_since(self.starts[0]).unwrap_or_default().as_secs_f64();
        let seconds = self.starts.iter().map(|at| (since(at) * 10.0).round() / 10.0);
        let metrics = self.values.iter().map(|((namespace, name, dimensions), steps)| {
            let mut metric = json!({ "namespace": namespace, "name": name, "dimensions": dimensions });
            for statistic in ["Sum", "Maximum", "p50", "p99"] {
                let of = |at: usize| steps.get(at).and_then(|values| calculate(statistic, values));
                metric[statistic] = (0..count).map(of).collect();
            }
            metric
        });
        let problems = self.lines.iter().rev().filter_map(|line| {
            let line: Map<String, Value> = serde_json::from_str(line).unwrap();
            let is_shown = line["level"] == "WARN" || line["level"] == "ERROR";
            let shown = ["timestamp", "level", "message", "cause", "error"];
            is_shown.then(|| shown.map(|name| line.get(name).cloned().unwrap_or_default()))
        });
        json!({
            "step_s": step.as_secs_f64(),
            "seconds": seconds.collect::<Vec<_>>(),
            "lines": self.lines.len(),
            "metrics": metrics.collect::<Vec<_>>(),
            "problems": problems.take(LINES).collect::<Vec<_>>(),
        })
    }
}

/// The statistic of a step; `None` without values, as `CloudWatch` has it.
fn calculate(statistic: &str, values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = *sorted.last()?;
    let value = match statistic {
        "Sum" => sorted.iter().sum(),
        "p50" => sorted[sorted.len() / 2],
        "p99" => sorted[sorted.len() * 99 / 100],
        _ => last,
    };
    Some((value * 1e3_f64).round() / 1e3)
}

async fn run(step: Duration, length: impl Fn(usize) -> usize) -> Value {
    let mut recorder = Recorder::new().await;
    let mut number = 0;
    for (phase, steps) in RUN {
        let calls = match phase {
            Phase::QueueFails => vec!["sqs:SendMessage"],
            Phase::LedgerFails => vec!["dynamodb:PutItem"],
            Phase::SecretFails => vec!["secretsmanager:GetSecretValue"],
            _ => vec![],
        };
        for _ in 0..length(steps) {
            let next = Instant::now() + step;
            for call in &calls {
                recorder.env.proxy.inject(call, vec![AwsFault::Refuse(500, "InternalServerError"); 200]);
            }
            recorder.step(phase, number).await;
            recorder.env.proxy.heal();
            number += 1;
            tokio::time::sleep_until(next.into()).await;
        }
        recorder.count();
        recorder.env.function.restart().await;
    }
    recorder.figures(step)
}

/// The metrics of a recording that have a value other than 0, by name.
fn seen(figures: &Value) -> BTreeMap<&str, f64> {
    let metrics = figures["metrics"].as_array().unwrap().iter();
    let sums = metrics.map(|metric| {
        let sum = metric["Sum"].as_array().unwrap().iter().filter_map(Value::as_f64).sum::<f64>();
        (metric["name"].as_str().unwrap(), sum)
    });
    let mut seen = BTreeMap::new();
    for (name, sum) in sums.filter(|(_, sum)| *sum > 0.0) {
        *seen.entry(name).or_default() += sum;
    }
    seen
}

/// Nothing of the laboratory counts what the gateway would have counted.
const NOT_HERE: [&str; 1] = ["Throttled"];

#[tokio::test]
async fn recording_has_a_value_for_every_metric_of_the_log() {
    let record = env::var_os("RECORD").is_some();
    let figures = if record { run(STEP, |steps| steps).await } else { run(Duration::ZERO, |_| 1).await };
    let seen = seen(&figures);
    let widgets = dashboard::of_kind(&Template::read(), "metric");
    let shown = widgets.iter().flat_map(dashboard::metrics).filter(|metric| metric.namespace == "hooks");
    for metric in shown.filter(|metric| !NOT_HERE.contains(&metric.name.as_str())) {
        assert!(seen.contains_key(metric.name.as_str()), "{metric}: {seen:?}");
    }
    if record {
        let mut written = written();
        written["recorded"] = figures;
        fs::write(FILE, format!("{written}\n")).unwrap();
    }
}

fn written() -> Value {
    fs::read_to_string(FILE).map_or_else(|_| json!({}), |text| serde_json::from_str(&text).unwrap())
}

#[test]
fn the_definition_beside_the_recording_is_that_of_the_template() {
    let template = Template::read();
    let body = template.resolve(template.property("StackDashboard", "DashboardBody")).unwrap();
    let body: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    let mut written = written();
    if env::var_os("UPDATE_DOCS").is_some() {
        written["body"] = body.clone();
        fs::write(FILE, format!("{written}\n")).unwrap();
    }
    assert!(written["body"] == body, "{FILE} is old: UPDATE_DOCS=1 cargo test --test it recording");
}
