//! An event source mapping: receives the messages of the queue in memory, and invokes a consumer with them, as Lambda
//! does for a FIFO queue with `ReportBatchItemFailures`.

mod arguments;
mod invocation;
mod message;
mod queue;
mod report;
mod response;

use std::{
    collections::HashSet,
    future::pending,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};

pub(super) use self::{arguments::Arguments, message::Queued, queue::Counts, report::Report};
use self::{
    arguments::Settings,
    invocation::Consumer,
    message::{Received, lambda_event},
    queue::Fifo,
    report::{Batch, What},
    response::{Response, Verdict},
};
use crate::shared::{
    Result,
    local_client::Unanswered,
    output::remark,
    signals::{Signal, Signals},
};

/// The time between two attempts to reach a consumer that is not running.
const RETRY: Duration = Duration::from_secs(1);

/// The queue's end of a mapping.
pub(super) struct Subscriber {
    pub(super) url: String,
    pub(super) messages: mpsc::UnboundedSender<Queued>,
    pub(super) counts: watch::Receiver<Counts>,
}

/// The mapping between the queue and the consumer.
pub(super) struct Mapping {
    consumer: Arc<Consumer>,
    settings: Settings,
    concurrency: usize,
    arriving: mpsc::UnboundedReceiver<Queued>,
    queue: Fifo,
    batches: u64,
    /// While the consumer cannot be reached: the time of the next attempt.
    retry_at: Option<Instant>,
    counts: watch::Sender<Counts>,
    report: Box<dyn Fn(Report)>,
}

/// The end of an invocation.
struct Invoked {
    messages: Vec<Received>,
    began: Instant,
    result: std::result::Result<Response, Unanswered>,
}

impl Mapping {
    /// Makes the mapping that the options ask for.
    pub(super) fn new(
        arguments: &Arguments,
        report: impl Fn(Report) + 'static,
    ) -> Option<(Subscriber, Self)> {
        let (url, settings) = (arguments.url()?, arguments.settings());
        let (messages, arriving) = mpsc::unbounded_channel();
        let counts = watch::Sender::default();
        let subscriber = Subscriber { url: url.clone(), messages, counts: counts.subscribe() };
        let mapping = Self {
            consumer: Arc::new(Consumer::new(url, settings.visibility_timeout)),
            settings,
            concurrency: arguments.concurrency(),
            arriving,
            queue: Fifo::new(settings),
            batches: 0,
            retry_at: None,
            counts,
            report: Box::new(report),
        };
        Some((subscriber, mapping))
    }

    /// Invokes the consumer until a signal asks for the end. Then it says which messages are lost, as the queue is in
    /// memory.
    pub(super) async fn run(mut self) -> Result<Signal> {
        let mut signals = Signals::listen()?;
        let mut running = FuturesUnordered::new();
        loop {
            self.take_arrived();
            let now = Instant::now();
            self.bury(now);
            let most = if self.retry_at.is_some() { 1 } else { self.concurrency };
            while running.len() < most && self.retry_at.is_none_or(|at| at <= now) {
                let messages = self.queue.receive(now, SystemTime::now());
                if messages.is_empty() {
                    break;
                }
                running.push(invoke(Arc::clone(&self.consumer), messages, now));
            }
            let visible = self.queue.next_visible(now);
            let wake = self.retry_at.filter(|at| *at > now).into_iter().chain(visible).min();
            self.counts.send_replace(self.queue.counts());
            tokio::select! {
                Some(message) = self.arriving.recv() => self.queue.push(message),
                Some(invoked) = running.next(), if !running.is_empty() => self.conclude(invoked),
                () = until(wake) => {}
                signal = signals.next() => {
                    self.take_arrived();
                    if let Some(lost) = self.queue.counts().lost() {
                        remark(&format!("duffel-hooks: {lost}"));
                    }
                    return Ok(signal);
                }
            }
        }
    }

    fn take_arrived(&mut self) {
        while let Ok(message) = self.arriving.try_recv() {
            self.queue.push(message);
        }
    }

    /// Reports the messages that were received too often.
    fn bury(&mut self, now: Instant) {
        for received in self.queue.take_dead_letters(now) {
            self.report(What::DeadLetter(received));
        }
    }

    fn conclude(&mut self, Invoked { messages, began, result }: Invoked) {
        let now = Instant::now();
        let (status, verdict) = match result {
            Err(Unanswered::NotReached(reason)) => {
                self.queue.put_back(&messages);
                if self.retry_at.is_none() {
                    let url = self.consumer.url().to_owned();
                    let waiting = self.queue.counts().waiting;
                    self.report(What::NotReached { url, reason, waiting });
                }
                self.retry_at = Some(now + RETRY);
                return;
            }
            Err(Unanswered::Lost(reason)) => (None, Verdict::Failed(reason)),
            Ok(response) => {
                let ids: Vec<_> = messages.iter().map(|received| received.message.id()).collect();
                (Some(response.status.as_u16()), response.verdict(&ids))
            }
        };
        self.retry_at = None;
        let all = messages.iter().map(|received| received.message.id());
        let failed: HashSet<_> = match &verdict {
            Verdict::Handled => HashSet::new(),
            Verdict::Partial(failed) => failed.iter().map(String::as_str).collect(),
            Verdict::Failed(_) => all.collect(),
        };
        self.queue.settle(&messages, &failed);
        self.batches += 1;
        let Settings { visibility_timeout, max_receives, .. } = self.settings;
        let invisible = (began + visibility_timeout).saturating_duration_since(now);
        let (number, took) = (self.batches, now - began);
        self.report(What::Batch(Batch { number, messages, status, verdict, took, invisible, max_receives }));
    }

    fn report(&self, what: What) {
        (self.report)(Report { at: SystemTime::now(), what });
    }
}

async fn invoke(consumer: Arc<Consumer>, messages: Vec<Received>, began: Instant) -> Invoked {
    let result = consumer.invoke(lambda_event(&messages).to_string()).await;
    Invoked { messages, began, result }
}

/// Waits until a time, or without end.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => pending().await,
    }
}
