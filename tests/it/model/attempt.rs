//! A delivery that is, or was, under way.

use super::{events::Event, schedule::Delivery};
use crate::support::fault::Fault;

pub struct Attempt {
    pub process: usize,
    pub event: Event,
    /// The event's own id, which a repetition may bear another of.
    pub id: Option<String>,
    /// The window in force.
    pub window: u64,
    /// Whether the ledger's record of the event bears another event id than this delivery.
    pub is_under_other_id: bool,
    /// Which of the genuine written it is.
    pub signed: Option<usize>,
    /// What the process's clock showed.
    pub clock: u64,
    /// Whether the clock allowed for its signature.
    pub timely: bool,
    /// The turn with which it began.
    pub started: u64,
    /// The turn with which it ended, and the answer.
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

/// What a pipe may know of the way to the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    NotTried,
    /// A look-up or a send failed.
    Failed,
    /// The queue said that it has it.
    Done,
}

/// What became of its record, whatever its pipe was traced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    NotTried,
    Failed,
    /// The table has it, or one that expires later.
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

    /// What befalls its next call.
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

    /// Whether it was acknowledged before `turn`, and its record, if it needed one, was in the table then.
    pub fn is_sound_before(&self, turn: u64) -> bool {
        let before = self.answered.as_ref().is_some_and(|(ended, _)| *ended < turn);
        before
            && self.answer().starts_with('2')
            && self.recording != Recording::Failed
            && !self.is_recorded_late(turn)
    }

    /// Whether the table got the record after its process had given it up, and not before `turn`.
    fn is_recorded_late(&self, turn: u64) -> bool {
        self.recorded_late.is_some_and(|recorded| recorded >= turn)
    }

    /// What went wrong between its send and its record, if that was not in the table before `turn`.
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
