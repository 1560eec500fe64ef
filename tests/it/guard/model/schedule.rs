//! A schedule: the list of steps that a run of the model takes, and how it is drawn.

use fastrand::Rng;

use super::world::{LEASE, LIMIT, RETENTION, SKEW, VISIBILITY};
use crate::support::search::{many, one_of, with_one, without_one};

pub const WORKERS: usize = 3;

#[derive(Clone, Debug)]
pub enum Step {
    /// A message of an event comes to the queue: the first one, a second one, a redrive or a replay.
    Send(Event),
    /// Workers receive messages at the same time: their turns, and then each to its end.
    Receive(Vec<Receipt>, Vec<Turn>),
    /// Seconds in which nothing is received.
    Wait(u64),
    /// The clock of a worker is set this many seconds ahead of that of the queue.
    Clock(usize, u64),
    /// The store deletes the records whose retention is over.
    Sweep,
}

/// An event, and the kind of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The work has an effect elsewhere.
    Booked,
    /// The same, for another event.
    Cancelled,
    /// The effect of the work is in the store, in one transaction with the completion.
    Paid,
}

impl Event {
    pub const ALL: [Self; 3] = [Self::Booked, Self::Cancelled, Self::Paid];

    pub fn identity(self) -> String {
        format!("{self:?}")
    }

    pub fn is_transactional(self) -> bool {
        self == Self::Paid
    }
}

#[derive(Clone, Debug)]
pub struct Receipt {
    pub worker: usize,
    /// Which of the visible messages.
    pub message: usize,
    /// The worker is not killed at its time limit, like a poller or a suspended machine.
    pub unlimited: bool,
    /// The work fails.
    pub fails: bool,
    /// The number of awaits in the work.
    pub awaits: usize,
    /// The faults of the calls to store and queue, in their order; later calls succeed.
    pub faults: Vec<Fault>,
}

/// The fault of a call to store or queue. `support::fault` has those of the receiver; a worker dies by [`Turn::Kill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Fine,
    /// The call fails, and nothing was done.
    Down,
    /// The call is carried out, but its answer is lost.
    AnswerLost,
    /// The caller gives up, and the call arrives afterwards.
    Late,
    /// The client repeats the call, because the first answer was lost.
    Repeated,
    /// The client repeats the call, because the first one is slow. That one arrives later.
    RepeatedLate,
}

#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// A worker continues to its next await.
    Go(usize),
    /// Seconds pass.
    Pause(u64),
    /// The process of a worker dies.
    Kill(usize),
}

/// Draws a schedule with many faults, and with times at the limits of every interval.
pub fn draw(rng: &mut Rng) -> Vec<Step> {
    let clocks = many(rng, 0..=2, clock);
    let theme = one_of(rng, &Event::ALL);
    let sent = many(rng, 1..=2, |_| Step::Send(theme));
    let steps = many(rng, 1..=10, |rng| match rng.u32(..20) {
        0..3 => Step::Send(if rng.u32(..4) == 0 { one_of(rng, &Event::ALL) } else { theme }),
        3..12 => receive(rng),
        12..18 => Step::Wait(wait(rng)),
        18 => clock(rng),
        _ => Step::Sweep,
    });
    [clocks, sent, steps].concat()
}

fn clock(rng: &mut Rng) -> Step {
    Step::Clock(rng.usize(..WORKERS), one_of(rng, &[0, 1, SKEW]))
}

fn wait(rng: &mut Rng) -> u64 {
    match rng.u32(..8) {
        0 => one_of(rng, &[RETENTION - LEASE, RETENTION, RETENTION + 1, RETENTION + LEASE]),
        _ => one_of(rng, &[1, LIMIT, LEASE - SKEW, LEASE, LEASE + 1, VISIBILITY, VISIBILITY + 1]),
    }
}

fn receive(rng: &mut Rng) -> Step {
    let together = match rng.u32(..3) {
        0 => many(rng, 1..=1, receipt),
        _ => many(rng, 2..=3, receipt),
    };
    let turns = many(rng, 0..=20, |rng| match rng.u32(..24) {
        0 => Turn::Pause(one_of(rng, &[1, LIMIT, LEASE - SKEW, LEASE, LEASE + 1])),
        1 => Turn::Kill(rng.usize(..together.len())),
        _ => Turn::Go(rng.usize(..together.len())),
    });
    Step::Receive(together, turns)
}

fn receipt(rng: &mut Rng) -> Receipt {
    Receipt {
        worker: rng.usize(..WORKERS),
        message: rng.usize(..3),
        unlimited: rng.u32(..4) == 0,
        fails: rng.u32(..4) == 0,
        awaits: rng.usize(..3),
        faults: if rng.u32(..3) == 0 { faults(rng) } else { Vec::new() },
    }
}

/// One call fails after others that succeed, often twice, so that a retry fails as well.
fn faults(rng: &mut Rng) -> Vec<Fault> {
    use Fault::{AnswerLost, Down, Fine, Late, Repeated, RepeatedLate};
    let fault = one_of(rng, &[Down, AnswerLost, Late, Repeated, RepeatedLate]);
    let well = rng.usize(..4);
    [vec![Fine; well], vec![fault; one_of(rng, &[1, 2, 2])]].concat()
}

/// All steps that are simpler in one respect. None leads back to an earlier one.
pub fn simpler(step: &Step) -> Vec<Step> {
    match step {
        Step::Send(Event::Booked) | Step::Sweep => Vec::new(),
        Step::Send(_) => vec![Step::Send(Event::Booked)],
        Step::Receive(receipts, turns) => {
            let fewer = without_one(receipts).into_iter().filter(|fewer| !fewer.is_empty());
            let simpler = fewer.chain(with_one(receipts, simpler_receipt));
            let simpler = simpler.map(|receipts| Step::Receive(receipts, turns.clone()));
            let fewer = without_one(turns).into_iter().map(|turns| Step::Receive(receipts.clone(), turns));
            simpler.chain(fewer).collect()
        }
        Step::Wait(seconds) => {
            let edges = [1, LEASE + 1, VISIBILITY, RETENTION, RETENTION + 1];
            edges.into_iter().filter(|shorter| shorter < seconds).map(Step::Wait).collect()
        }
        Step::Clock(worker, ahead) => (*ahead > 0).then_some(Step::Clock(*worker, 0)).into_iter().collect(),
    }
}

fn simpler_receipt(receipt: &Receipt) -> Vec<Receipt> {
    let mut all = Vec::new();
    if receipt.worker > 0 {
        all.push(Receipt { worker: 0, ..receipt.clone() });
    }
    if receipt.message > 0 {
        all.push(Receipt { message: 0, ..receipt.clone() });
    }
    if receipt.unlimited {
        all.push(Receipt { unlimited: false, ..receipt.clone() });
    }
    if receipt.fails {
        all.push(Receipt { fails: false, ..receipt.clone() });
    }
    if receipt.awaits > 0 {
        all.push(Receipt { awaits: receipt.awaits - 1, ..receipt.clone() });
    }
    if let [earlier @ .., _] = &*receipt.faults {
        all.push(Receipt { faults: earlier.to_vec(), ..receipt.clone() });
    }
    let better = |fault: &Fault| match fault {
        Fault::Fine => Vec::new(),
        Fault::Down => vec![Fault::Fine],
        _ => vec![Fault::Fine, Fault::Down],
    };
    let better = with_one(&receipt.faults, better).into_iter();
    all.extend(better.map(|faults| Receipt { faults, ..receipt.clone() }));
    all
}
