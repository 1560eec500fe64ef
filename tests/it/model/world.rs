//! The simulated world: time, table and queue, which all processes share, and what the run covered.

use std::{cmp::Ordering, collections::BTreeMap};

use duffel_webhook_receiver::ledger::{self, Record};

use super::{
    attempt::{Attempt, Recording},
    events::{Event, SKEW, SignedRequest},
    promises::Promise,
    schedule::{Delivery, PROCESSES, Signature},
};
use crate::support::search::Tally;
use crate::support::test_receiver::noon;

/// The deduplication window, in seconds.
pub const WINDOW: u64 = crate::support::test_receiver::WINDOW.as_secs();

pub const DAY: u64 = crate::support::test_receiver::DAY.as_secs();

/// The time for which the table keeps a record beyond its window, in seconds.
pub const RETENTION_MARGIN: u64 = ledger::RETENTION_MARGIN.as_secs();

/// The deduplication interval of the queue, in seconds.
pub const FIFO_MEMORY: u64 = 300;

/// The cases that enough schedules must cover, or they prove nothing.
pub const COVERAGE: [&str; 37] = [
    "clock steps back",
    "clock steps forward",
    "deliveries answered 503",
    "deliveries not by the provider",
    "deliveries out of time",
    "deliveries that took too long",
    "deliveries to be taken",
    "duplicates answered",
    "duplicates under another id",
    "duplicates under way together",
    "excused: killed before it was recorded",
    "excused: the answer of the queue was lost",
    "excused: the ledger failed at the record",
    "faults at the look-up",
    "faults at the record",
    "faults at the send",
    "forwarded again after the window",
    "kills after the record",
    "kills after the send",
    "kills at the look-up",
    "kills before the record",
    "kills before the send",
    "look-ups",
    "messages absorbed by the queue",
    "records found beyond the window",
    "records found that count again",
    "records made",
    "records replaced or extended",
    "records swept",
    "records that stayed",
    "records",
    "requests repeated to the byte",
    "sends",
    "waits beyond the deduplication interval",
    "waits beyond the window",
    "windows lowered",
    "windows raised",
];

pub struct World {
    /// The time of queue and table.
    pub now: u64,
    /// Counts the turns: of two things, the one with the lower count happened first.
    pub turn: u64,
    /// The tolerance for Duffel's signatures with a window.
    pub tolerance: fn(u64) -> u64,
    /// The time limit of a delivery, after which its process is killed.
    pub timeout: u64,
    /// The delivery whose turn it is.
    pub current: usize,
    /// The process that is to die.
    pub doomed: Option<usize>,
    pub attempts: Vec<Attempt>,
    pub requests: Vec<SignedRequest>,
    pub messages: Vec<Message>,
    pub broken: Vec<Promise>,
    pub tally: Tally,
    /// The trace: what happened, in words.
    pub trace: Option<Vec<String>>,
    offsets: [i64; PROCESSES],
    windows: [u64; PROCESSES],
    table: BTreeMap<String, (Event, Record)>,
    seen: BTreeMap<String, (u64, usize)>,
    late: Vec<(usize, Work)>,
}

pub type Work = Box<dyn FnOnce(&mut World, usize) + Send>;

/// A message as a pipeline sends it.
#[derive(Clone)]
pub struct SentMessage {
    pub identity: String,
    pub group: String,
    pub body: String,
    pub signature: String,
}

/// A message in the queue.
pub struct Message {
    pub event: Event,
    pub identity: String,
    pub group: String,
    pub attempt: usize,
    pub at: u64,
}

/// The condition on which a record replaces another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    IfLater,
    Always,
    Never,
}

impl World {
    pub fn new(tolerance: fn(u64) -> u64, timeout: u64, traced: bool) -> Self {
        let now = noon().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        Self {
            now,
            turn: 0,
            tolerance,
            timeout,
            current: 0,
            doomed: None,
            attempts: Vec::new(),
            requests: Vec::new(),
            messages: Vec::new(),
            broken: Vec::new(),
            tally: Tally::new(),
            trace: traced.then(Vec::new),
            offsets: [0; PROCESSES],
            windows: [WINDOW; PROCESSES],
            table: BTreeMap::new(),
            seen: BTreeMap::new(),
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

    /// Lets late calls arrive, and then time pass.
    pub fn pass(&mut self, seconds: u64) {
        for (attempt, work) in std::mem::take(&mut self.late) {
            self.note(|| format!("  #{attempt}: the late call arrives"));
            work(self, attempt);
        }
        self.now += seconds;
        self.note(|| format!("{} pass", humantime::format_duration(std::time::Duration::from_secs(seconds))));
        if seconds > FIFO_MEMORY {
            self.count("waits beyond the deduplication interval");
        }
        if seconds > WINDOW {
            self.count("waits beyond the window");
        }
    }

    pub fn set_clock(&mut self, process: usize, offset: i64) {
        let old = std::mem::replace(&mut self.offsets[process], offset);
        self.note(|| format!("the clock of process {process} is {offset} s off"));
        match (offset - old).signum() {
            1 => self.count("clock steps forward"),
            -1 => self.count("clock steps back"),
            _ => {}
        }
    }

    pub fn correct_the_clocks(&mut self) {
        self.offsets = [0; PROCESSES];
    }

    pub fn set_window(&mut self, process: usize, window: u64) {
        let old = std::mem::replace(&mut self.windows[process], window);
        self.note(|| format!("the window of process {process} is {} d now", window / DAY));
        match window.cmp(&old) {
            Ordering::Less => self.count("windows lowered"),
            Ordering::Greater => self.count("windows raised"),
            Ordering::Equal => {}
        }
    }

    /// The tolerance for Duffel's signatures in a process.
    pub fn tolerance_of(&self, process: usize) -> u64 {
        (self.tolerance)(self.windows[process])
    }

    pub fn sweep(&mut self) {
        let now = self.now;
        let expired = |_: &String, (_, record): &mut (Event, Record)| record.expires_at < now;
        for (_, (event, _)) in self.table.extract_if(.., expired).collect::<Vec<_>>() {
            self.count("records swept");
            self.note(|| format!("the table deletes the record of {event:?}"));
        }
    }

    /// Makes the request that the sender, or an attacker, sends.
    pub fn write(&mut self, event: Event, signature: Signature) -> SignedRequest {
        let now = self.now;
        let mut of_event = self.requests.iter().filter(|signed| signed.event == event);
        let known = match signature {
            Signature::First => of_event.next().cloned(),
            _ => of_event.next_back().cloned(),
        };
        let signed = match (signature, known) {
            (Signature::Ahead, _) => SignedRequest::genuine(event, now + SKEW),
            (Signature::Last | Signature::First, Some(signed)) => signed,
            (Signature::Fresh | Signature::Last | Signature::First, _) => SignedRequest::genuine(event, now),
            (Signature::Tampered, Some(signed)) => return signed.tampered(),
            (Signature::Redated, Some(signed)) => return signed.redated(now),
            (Signature::Forged | Signature::Tampered | Signature::Redated, _) => {
                return SignedRequest::forged(event, now);
            }
            (Signature::Missing, _) => return SignedRequest::genuine(event, now).unsigned(),
        };
        if self.requests.contains(&signed) {
            self.count("requests repeated to the byte");
        } else {
            self.requests.push(signed.clone());
        }
        signed
    }

    /// The events that were not acknowledged.
    pub fn unacknowledged(&self) -> Vec<Event> {
        let mut unacknowledged = Vec::new();
        for (number, signed) in self.requests.iter().enumerate() {
            let is_acknowledgement = |attempt: &Attempt| {
                let of = attempt.signed.is_some_and(|other| self.requests[other].event == signed.event);
                of && attempt.answer().starts_with('2')
            };
            let first = self.requests[..number].iter().all(|other| other.event != signed.event);
            if first && signed.event != Event::Malformed && !self.attempts.iter().any(is_acknowledgement) {
                unacknowledged.push(signed.event);
            }
        }
        unacknowledged
    }

    /// Starts a delivery, and returns its number and the clock of its process.
    pub fn start(&mut self, delivery: &Delivery, signed: &SignedRequest) -> (usize, u64) {
        self.turn += 1;
        let clock = self.now.saturating_add_signed(self.offsets[delivery.process]);
        let number = self.attempts.len();
        let known = self.requests.iter().position(|known| known == signed);
        let window = self.windows[delivery.process];
        let timely = signed.is_timely(clock, self.tolerance_of(delivery.process));
        let event = delivery.event.itself();
        let is_together = |other: &Attempt| {
            other.event == event && known.is_some() && other.signed.is_some() && other.is_under_way()
        };
        if self.attempts.iter().any(is_together) {
            self.count("duplicates under way together");
        }
        self.count(match (known, timely) {
            (None, _) => "deliveries not by the provider",
            (Some(_), true) => "deliveries to be taken",
            (Some(_), false) => "deliveries out of time",
        });
        self.note(|| {
            let Delivery { process, event, signature, .. } = delivery;
            format!("  #{number}: {event:?}, {signature:?}, to process {process}")
        });
        self.attempts.push(Attempt::new(delivery, known, clock, window, timely, self.turn));
        (number, clock)
    }

    /// Lets a call arrive after its caller has given up.
    pub fn delay(&mut self, attempt: usize, work: Work) {
        self.late.push((attempt, work));
    }

    pub fn find(&mut self, attempt: usize, identity: &str) -> Option<Record> {
        let (_, record) = self.table.get(identity)?;
        let record = record.clone();
        let Attempt { clock, window, ref id, .. } = self.attempts[attempt];
        let counted_until = record.expires_at.saturating_sub(RETENTION_MARGIN);
        let counts = record.counts_from + window >= clock;
        self.attempts[attempt].is_under_other_id = record.event_id.is_some() && record.event_id != *id;
        if !counts {
            self.count("records found beyond the window");
        } else if counted_until < clock {
            self.count("records found that count again");
        }
        Some(record)
    }

    pub fn put(&mut self, attempt: usize, identity: &str, record: &Record, replace: Replace) {
        let turn = self.turn;
        let this = &mut self.attempts[attempt];
        if this.recording == Recording::Failed {
            this.recorded_late.get_or_insert(turn);
        }
        this.recording = Recording::Done;
        let old = self.table.get(identity).map(|(_, old)| old.counts_from);
        let stays = old.is_some_and(|old| match replace {
            Replace::IfLater => old >= record.counts_from,
            Replace::Always => false,
            Replace::Never => true,
        });
        match (old, stays) {
            (_, true) => self.count("records that stayed"),
            (Some(_), false) => self.count("records replaced or extended"),
            (None, false) => self.count("records made"),
        }
        if !stays {
            let event = self.attempts[attempt].event;
            self.table.insert(identity.to_owned(), (event, record.clone()));
        }
    }

    /// Accepts a message, unless it is a duplicate within the deduplication interval, and returns its id.
    pub fn take(&mut self, attempt: usize, sent: &SentMessage, deduplicates: bool) -> String {
        let remembered = self.seen.get(&sent.identity).filter(|(at, _)| self.now - at < FIFO_MEMORY);
        if let Some(&(_, number)) = remembered.filter(|_| deduplicates) {
            self.count("messages absorbed by the queue");
            self.note(|| format!("  #{attempt}: the queue drops it, as message {number}"));
            return number.to_string();
        }
        let number = self.messages.len();
        self.note(|| format!("  #{attempt}: message {number} is in the queue"));
        self.check_sent_message(attempt, sent);
        self.seen.insert(sent.identity.clone(), (self.now, number));
        let event = self.attempts[attempt].event;
        let SentMessage { identity, group, .. } = sent.clone();
        let message = Message { event, identity, group, attempt, at: self.now };
        self.check_message(&message);
        self.messages.push(message);
        number.to_string()
    }
}
