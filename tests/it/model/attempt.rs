//! A delivery that was started, with its result.

use super::{events::Event, schedule::Delivery};
use crate::support::fault::Fault;

pub struct Attempt {
    pub process: usize,
    pub event: Event,
    /// The id in the body, which another delivery of the event may not have.
    pub id: Option<String>,
    /// The window in force.
    pub window: u64,
    /// True if the record of the event has another id than this delivery.
    pub is_under_other_id: bool,
    /// The index of the genuine request, if it is one.
    pub signed: Option<usize>,
    /// The time of the process's clock.
    pub clock: u64,
    /// True if the signature was valid at that time.
    pub timely: bool,
    /// The turn in which it began.
    pub started: u64,
    /// The turn in which it ended, and the answer.
    pub answered: Option<(u64, String)>,
    /// Its process was killed.
    pub dead: bool,
    pub forwarding: Forwarding,
    pub recording: Recording,
    /// The turn in which the table got a record after its process had given it up.
    pub recorded_late: Option<u64>,
    faults: Vec<Fault>,
    calls: usize,
}

/// The state of the send, as far as a pipeline may know it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    NotTried,
    /// A look-up or a send failed.
    Failed,
    /// The queue confirmed the message.
    Done,
}

/// The actual state of its record, whatever answer its pipeline received.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    NotTried,
    Failed,
    /// The table has the record, or one that expires later.
    Done,
}

impl Attempt {
    pub fn new(
        delivery: &Delivery,
        signed: Option<usize>,
        clock: u64,
        window: u64,
        timely: bool,
        started: u64,
    ) -> Self {
        Self {
            process: delivery.process,
            event: delivery.event.itself(),
            id: delivery.event.id(),
            window,
            is_under_other_id: false,
            signed,
            clock,
            timely,
            started,
            answered: None,
            dead: false,
            forwarding: Forwarding::NotTried,
            recording: Recording::NotTried,
            recorded_late: None,
            faults: delivery.faults.clone(),
            calls: 0,
        }
    }

    /// The fault of its next call.
    pub fn next_fault(&mut self) -> Fault {
        self.calls += 1;
        self.faults.get(self.calls - 1).copied().unwrap_or(Fault::Fine)
    }

    pub fn is_under_way(&self) -> bool {
        self.answered.is_none() && !self.dead
    }

    /// The answer, if there was one.
    pub fn answer(&self) -> &str {
        self.answered.as_ref().map_or("", |(_, answer)| answer)
    }

    /// Returns whether it was acknowledged before `turn`, and its record, if it needed one, was in the table then.
    pub fn is_sound_before(&self, turn: u64) -> bool {
        let before = self.answered.as_ref().is_some_and(|(ended, _)| *ended < turn);
        before
            && self.answer().starts_with('2')
            && self.recording != Recording::Failed
            && !self.is_recorded_late(turn)
    }

    /// Returns whether the table got the record after its process had given it up, and not before `turn`.
    fn is_recorded_late(&self, turn: u64) -> bool {
        self.recorded_late.is_some_and(|recorded| recorded >= turn)
    }

    /// The failure between its send and its record, if there was no record before `turn`.
    pub fn excuse(&self, turn: u64) -> Option<&'static str> {
        if self.recording == Recording::Done && !self.is_recorded_late(turn) {
            None
        } else if self.dead {
            Some("excused: killed before it was recorded")
        } else if self.recording != Recording::NotTried {
            Some("excused: the ledger failed at the record")
        } else if self.answer().starts_with('5') {
            Some("excused: the answer of the queue was lost")
        } else {
            None
        }
    }
}
