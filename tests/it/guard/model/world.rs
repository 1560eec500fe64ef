//! The simulated world: time, queue and store, which all workers share, and what the run covered.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use duffel_webhook_receiver::consume::guard::{Claim, Claimed, Completed, Status};

use super::{
    promises::Promise,
    run::{Run, Verdict, Working},
    schedule::{Event, Receipt, WORKERS},
    table::Table,
};
use crate::support::{search::Tally, test_receiver::noon};

/// The time limit of a run, after which its process is killed, in seconds.
pub const LIMIT: u64 = 30;

/// The greatest difference between two clocks.
pub const SKEW: u64 = 5;

/// The lease of a claim.
pub const LEASE: u64 = LIMIT + SKEW;

/// The visibility timeout of the queue.
pub const VISIBILITY: u64 = 60;

/// The time for which a completed event does not run again.
pub const RETENTION: u64 = 3600;

/// The cases that enough schedules must cover, or they prove nothing.
pub const COVERAGE: [&str; 24] = [
    "acknowledgements",
    "acknowledgements lost",
    "calls repeated",
    "claims after a lease",
    "claims after the retention",
    "claims granted",
    "claims of done events",
    "claims of events in progress",
    "claims released",
    "completions stored",
    "completions superseded",
    "effects of transactions",
    "excused: killed before it was recorded",
    "excused: the lease expired during the work",
    "excused: the store failed at the completion",
    "late calls",
    "records swept",
    "redeliveries",
    "runs killed",
    "runs killed at their time limit",
    "runs killed during the work",
    "second messages of an event",
    "transactions cancelled",
    "works failed",
];

pub struct World {
    /// The time of the queue.
    pub now: u64,
    /// Counts the turns: of two things, the one with the lower count happened first.
    pub turn: u64,
    pub runs: Vec<Run>,
    pub messages: Vec<Message>,
    pub completions: Vec<Completion>,
    /// The claims of the transactions that took effect, with their events.
    pub effects: Vec<(Event, Claim)>,
    pub table: Box<dyn Table>,
    pub broken: Vec<Promise>,
    pub tally: Tally,
    /// The trace: what happened, in words.
    pub trace: Option<Vec<String>>,
    ahead: [u64; WORKERS],
    /// The latest clock by which the retention of each event was found over.
    over: BTreeMap<Event, u64>,
    late: Vec<(usize, Work)>,
}

type Work = Box<dyn FnOnce(&mut World, usize) + Send>;

/// A message in the queue.
pub struct Message {
    pub event: Event,
    visible_at: u64,
    received: bool,
    acknowledged: bool,
}

/// A completion that came to the store.
pub struct Completion {
    pub event: Event,
    pub turn: u64,
    /// The end of its retention.
    pub expires_at: u64,
}

impl World {
    pub fn new(table: Box<dyn Table>, traced: bool) -> Self {
        Self {
            now: noon().duration_since(UNIX_EPOCH).unwrap().as_secs(),
            turn: 0,
            runs: Vec::new(),
            messages: Vec::new(),
            completions: Vec::new(),
            effects: Vec::new(),
            table,
            broken: Vec::new(),
            tally: Tally::new(),
            trace: traced.then(Vec::new),
            ahead: [0; WORKERS],
            over: BTreeMap::new(),
            late: Vec::new(),
        }
    }

    pub fn count(&mut self, name: &'static str) {
        *self.tally.entry(name).or_default() += 1;
    }

    pub fn note(&mut self, words: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(words());
        }
    }

    pub fn send(&mut self, event: Event) {
        if self.messages.iter().any(|message| message.event == event) {
            self.count("second messages of an event");
        }
        let number = self.messages.len();
        self.note(|| format!("message {number}: {event:?}"));
        self.messages.push(Message { event, visible_at: self.now, received: false, acknowledged: false });
    }

    /// Lets late calls arrive, and then time pass.
    pub fn pass(&mut self, seconds: u64) {
        for (run, work) in std::mem::take(&mut self.late) {
            self.note(|| format!("  #{run}: the late call arrives"));
            self.count("late calls");
            work(self, run);
        }
        self.now += seconds;
        self.note(|| format!("{seconds} s pass"));
    }

    /// Lets a call arrive after its caller has given up.
    pub fn delay(&mut self, run: usize, work: impl FnOnce(&mut Self, usize) + Send + 'static) {
        self.late.push((run, Box::new(work)));
    }

    pub fn set_clock(&mut self, worker: usize, ahead: u64) {
        self.ahead[worker] = ahead;
        self.note(|| format!("the clock of worker {worker} is {ahead} s ahead"));
    }

    pub fn correct_the_clocks(&mut self) {
        self.ahead = [0; WORKERS];
    }

    pub fn sweep(&mut self) {
        let records = |world: &Self| {
            Event::ALL.iter().filter(|event| world.table.get(&event.identity()).is_some()).count()
        };
        let before = records(self);
        self.table.sweep(UNIX_EPOCH + Duration::from_secs(self.now));
        if records(self) < before {
            self.count("records swept");
            self.note(|| "the store deletes what is expired".to_owned());
        }
    }

    /// Returns whether a completion with this expiry still counts by a clock. It does not after another worker, whose
    /// clock is ahead, found it expired: that worker may have replaced its record.
    pub fn counts(&self, event: Event, expires_at: u64, clock: u64) -> bool {
        expires_at >= clock.max(self.over.get(&event).copied().unwrap_or_default())
    }

    /// The messages that a worker can receive.
    pub fn visible(&self) -> Vec<usize> {
        let is_visible = |message: &Message| !message.acknowledged && message.visible_at <= self.now;
        (0..self.messages.len()).filter(|number| is_visible(&self.messages[*number])).collect()
    }

    /// The messages that were not acknowledged.
    pub fn left(&self) -> Vec<usize> {
        (0..self.messages.len()).filter(|number| !self.messages[*number].acknowledged).collect()
    }

    /// Starts a run, and returns its number, or `None` if no message is visible.
    pub fn start(&mut self, receipt: &Receipt) -> Option<usize> {
        let visible = self.visible();
        let message = *visible.get(receipt.message % visible.len().max(1))?;
        let clock = self.now + self.ahead[receipt.worker];
        let of = &mut self.messages[message];
        of.visible_at = self.now + VISIBILITY;
        let (event, again) = (of.event, std::mem::replace(&mut of.received, true));
        if again {
            self.count("redeliveries");
        }
        let number = self.runs.len();
        self.note(|| format!("  #{number}: worker {} receives message {message}", receipt.worker));
        self.runs.push(Run::new(receipt, message, event, clock, self.now));
        Some(number)
    }

    /// Deletes the message of a run from the queue.
    pub fn acknowledge(&mut self, run: usize) {
        let message = self.runs[run].message;
        self.messages[message].acknowledged = true;
        self.count("acknowledgements");
        self.note(|| format!("  #{run}: message {message} is deleted"));
        self.check_acknowledgement(run);
    }

    pub fn claim(&mut self, run: usize, claim: &Claim, now: SystemTime) -> Claimed {
        let before = self.table.get(claim.identity());
        let answer = self.table.claim(claim, now);
        self.note(|| format!("  #{run}: the claim is {answer:?}"));
        match (answer, &before) {
            (Claimed::Granted, None) => self.count("claims granted"),
            (Claimed::Granted, Some(before)) if before.status == Status::Completed => {
                self.count("claims after the retention");
            }
            (Claimed::Granted, Some(before)) if before.token != claim.token() => {
                self.count("claims after a lease");
            }
            (Claimed::Granted, Some(_)) => {}
            (Claimed::Done, _) => self.count("claims of done events"),
            (Claimed::InProgress { .. }, _) => self.count("claims of events in progress"),
        }
        if answer == Claimed::Granted {
            self.runs[run].granted.get_or_insert(self.turn);
            let (event, clock) = (self.runs[run].event, self.runs[run].clock);
            if before.as_ref().is_some_and(|record| record.expires_at < clock) {
                let over = self.over.entry(event).or_default();
                *over = clock.max(*over);
            }
        }
        self.check_claim(run, claim, before.as_ref(), answer);
        answer
    }

    pub fn complete(&mut self, run: usize, claim: &Claim) -> Completed {
        let before = self.table.get(claim.identity());
        let answer = self.table.complete(claim);
        self.note(|| format!("  #{run}: the completion is {answer:?}"));
        self.count(match answer {
            Completed::Stored => "completions stored",
            Completed::Superseded => "completions superseded",
        });
        self.check_change(run, claim, before.as_ref());
        answer
    }

    pub fn release(&mut self, run: usize, claim: &Claim) {
        let before = self.table.get(claim.identity());
        self.table.release(claim);
        self.note(|| format!("  #{run} releases its claim"));
        self.runs[run].released = true;
        let is_held = self.table.get(claim.identity()).is_some_and(|record| record.is_held_by(claim));
        self.promise(Promise::Released, !is_held);
        if before.is_some() && self.table.get(claim.identity()).is_none() {
            self.count("claims released");
        }
        self.check_change(run, claim, before.as_ref());
    }

    /// Applies the effect of the work and the completion, or neither.
    pub fn transact(&mut self, run: usize, claim: &Claim) -> bool {
        let before = self.table.get(claim.identity());
        let done = self.table.transact(claim);
        self.note(|| {
            format!("  #{run}: the transaction {}", if done { "takes effect" } else { "is cancelled" })
        });
        if done {
            self.count("effects of transactions");
            self.check_effect(run, claim);
            self.effects.push((self.runs[run].event, claim.clone()));
        } else {
            self.count("transactions cancelled");
        }
        self.check_change(run, claim, before.as_ref());
        done
    }

    pub fn begin_work(&mut self, run: usize, claim: &Claim) {
        self.note(|| format!("  #{run} begins the work"));
        self.runs[run].claim = Some(claim.clone());
        self.check_work(run);
        self.runs[run].working = Working::Now;
    }

    pub fn end_work(&mut self, run: usize, succeeds: bool) {
        self.note(|| format!("  #{run}: the work {}", if succeeds { "is done" } else { "fails" }));
        self.runs[run].working = if succeeds { Working::Done(self.turn) } else { Working::Failed };
        if !succeeds {
            self.count("works failed");
        }
    }

    pub fn end(&mut self, run: usize, verdict: Verdict) {
        self.note(|| format!("  #{run}: {verdict:?}"));
        self.check_verdict(run, verdict);
    }
}
