//! A schedule: the list of steps that a run of the model takes, and how it is drawn.

use fastrand::Rng;

use self::Signature::{Ahead, First, Forged, Fresh, Last, Missing, Redated, Tampered};
use super::{
    events::{
        Event::{
            self, Booked, BookedAlias, BookedInTest, Cancelled, Malformed, Paid, Pushed, Rescheduled,
            RescheduledAgain, Unwanted, Updated, UpdatedAgain,
        },
        SKEW,
    },
    world::{DAY, FIFO_MEMORY, RETENTION_MARGIN, WINDOW},
};
use crate::support::{
    fault::Fault::{self, AnswerLost, Down, Fine, KilledAfter, KilledBefore, Late},
    search::{many, one_of},
};

pub const PROCESSES: usize = 3;

/// The windows that a deployment may set. They differ by less than the margin for which a record is kept beyond its
/// window, minus the greatest error of a clock.
pub const WINDOWS: [u64; 4] = [3 * DAY, WINDOW, 14 * DAY, 21 * DAY];

#[derive(Clone, Debug)]
pub enum Step {
    /// Concurrent deliveries: their turns, and then each to its end.
    Deliver(Vec<Delivery>, Vec<Turn>),
    /// Seconds in which nothing is delivered.
    Wait(u64),
    /// The clock of a process is set this many seconds off.
    Clock(usize, i64),
    /// A process is replaced by one with another window, which is also its tolerance.
    Window(usize, u64),
    /// The table deletes the records that have expired by its clock.
    Sweep,
}

#[derive(Clone, Debug)]
pub struct Delivery {
    pub process: usize,
    pub event: Event,
    pub signature: Signature,
    /// The faults of the calls to ledger and queue, in their order; later calls succeed.
    pub faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    Fresh,
    /// By a sender whose clock is five minutes fast.
    Ahead,
    /// The last signed request: an unchanged retry, or a replay attack.
    Last,
    /// The first signed request.
    First,
    Forged,
    Tampered,
    Redated,
    Missing,
}

#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// A delivery continues to its next await.
    Go(usize),
    /// Seconds pass.
    Pause(u64),
}

/// Draws a schedule with many faults, and with times at the limits of every interval.
pub fn draw(rng: &mut Rng) -> Vec<Step> {
    // Clocks differ a little from the beginning.
    let clocks =
        many(rng, 0..=2, |rng| Step::Clock(rng.usize(1..PROCESSES), one_of(rng, &[1, 100, 200, -200])));
    let theme = event(rng);
    let steps = many(rng, 1..=10, |rng| match rng.u32(..25) {
        0..12 => deliveries(rng, theme),
        12..20 => Step::Wait(wait(rng)),
        20 => Step::Clock(rng.usize(..PROCESSES), offset(rng)),
        21..23 => Step::Window(rng.usize(..PROCESSES), one_of(rng, &WINDOWS)),
        _ => Step::Sweep,
    });
    [clocks, steps].concat()
}

fn deliveries(rng: &mut Rng, theme: Event) -> Step {
    if rng.bool() {
        return Step::Deliver(vec![delivery(rng, theme)], Vec::new());
    }
    let together = many(rng, 2..=3, |rng| delivery(rng, theme));
    let turns = many(rng, 0..=12, |rng| match rng.u32(..13) {
        0 => Turn::Pause(one_of(rng, &[1, 5, FIFO_MEMORY])),
        _ => Turn::Go(rng.usize(..together.len())),
    });
    Step::Deliver(together, turns)
}

fn wait(rng: &mut Rng) -> u64 {
    if rng.u32(..16) == 0 {
        return one_of(rng, &[3 * DAY + 1, 14 * DAY + 1, 21 * DAY + 1, WINDOW + RETENTION_MARGIN + 1]);
    }
    let around = [WINDOW - 300, WINDOW - 1, WINDOW, WINDOW + 1, WINDOW + 60, WINDOW + 300, WINDOW + 301];
    let within = [1, 60, FIFO_MEMORY - 1, FIFO_MEMORY, FIFO_MEMORY + 1, 3600];
    if rng.bool() { one_of(rng, &within) } else { one_of(rng, &around) }
}

fn offset(rng: &mut Rng) -> i64 {
    let off = [0, 1, 200, SKEW, SKEW + 1, 3600, WINDOW - 1, WINDOW, WINDOW + 1, WINDOW + SKEW];
    one_of(rng, &off).cast_signed() * one_of(rng, &[1, -1])
}

fn event(rng: &mut Rng) -> Event {
    match rng.u32(..37) {
        0..20 => Booked,
        20..22 => BookedAlias,
        22..24 => Paid,
        24..26 => Pushed,
        26..28 => Cancelled,
        28..30 => Rescheduled,
        30..32 => RescheduledAgain,
        _ => one_of(rng, &[BookedInTest, Updated, UpdatedAgain, Unwanted, Malformed]),
    }
}

/// Draws a delivery, in most cases of one event.
fn delivery(rng: &mut Rng, theme: Event) -> Delivery {
    let event = if rng.u32(..4) == 0 { event(rng) } else { theme };
    let signature = match rng.u32(..24) {
        0..9 => Fresh,
        9..12 => Ahead,
        12..18 => Last,
        18..20 => First,
        _ => one_of(rng, &[Forged, Tampered, Redated, Missing]),
    };
    let faults = if rng.u32(..3) == 0 { faults(rng) } else { Vec::new() };
    Delivery { process: rng.usize(..PROCESSES), event, signature, faults }
}

/// One call fails after others that succeed, often twice, so that a retry fails as well.
fn faults(rng: &mut Rng) -> Vec<Fault> {
    let fault = one_of(rng, &[Down, Down, AnswerLost, AnswerLost, Late, KilledBefore, KilledAfter]);
    let well = rng.usize(..4);
    [vec![Fine; well], vec![fault; one_of(rng, &[1, 2, 2])]].concat()
}
