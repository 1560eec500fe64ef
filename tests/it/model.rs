//! The promises, checked on thousands of random schedules: deliveries of all kinds, concurrent and interleaved at every
//! await, to processes that die and whose clocks are wrong, with a ledger and a queue that fail.
//!
//! `MODEL_SCHEDULES=100000 cargo test --test it model` runs that many, and `MODEL_SEED` draws others. A counter-example is
//! printed with the seed that reproduces it, shrunk, and with a trace.

mod attempt;
mod events;
mod mutants;
mod pipes;
mod ports;
mod promises;
mod schedule;
mod scheduler;
mod shrink;
mod world;

use self::{
    events::Event,
    mutants::{Mutation, mutant},
    promises::Promise,
    schedule::{
        Delivery,
        Signature::{self, Fresh, Last},
        Step, Turn, WINDOWS,
    },
    scheduler::run,
    world::{COVERAGE, DAY, FIFO_MEMORY, RETENTION_MARGIN, WINDOW},
};
use crate::support::{
    fault::Fault::{self, AnswerLost, Down, Fine, KilledAfter, KilledBefore, Late},
    search::{SCHEDULES, assert_detected, assert_promises, search},
};

#[test]
fn the_promises_hold_on_every_schedule() {
    assert_promises(&pipes::real(), &COVERAGE);
}

#[test]
fn mutant_without_a_mutation_keeps_the_promises() {
    let found = search(&mutant(Mutation::None), 0, SCHEDULES, |_| true);
    found.unwrap_or_else(|example| panic!("{example}"));
}

#[test]
fn every_mutant_is_detected() {
    let mutants = [
        ("acknowledges before it sends", mutant(Mutation::AcknowledgesFirst), Promise::Kept),
        ("acknowledges whatever the queue says", mutant(Mutation::IgnoresTheQueue), Promise::Kept),
        ("records before it sends", mutant(Mutation::RecordsFirst), Promise::Kept),
        ("identifies events by the key alone", mutant(Mutation::IdentifiesByKeyAlone), Promise::Kept),
        ("claims before it sends", mutant(Mutation::ClaimsFirst), Promise::Delivered),
        ("identifies events by the id alone", mutant(Mutation::IdentifiesByIdAlone), Promise::Distinguished),
        (
            "identifies events of unknown types by the key",
            mutant(Mutation::IdentifiesUnknownTypesByKey),
            Promise::Kept,
        ),
        (
            "lets a duplicate under another id extend the record",
            mutant(Mutation::ExtendsUnderOtherIds),
            Promise::NewAfterTheWindow,
        ),
        ("never looks up", mutant(Mutation::NeverLooks), Promise::OnceInTheWindow),
        ("looks up after it sends", mutant(Mutation::LooksLast), Promise::OnceInTheWindow),
        ("never verifies", mutant(Mutation::NeverVerifies), Promise::Signed),
        ("parses before it verifies", mutant(Mutation::ParsesFirst), Promise::Contract),
        ("answers 503 if the record fails", mutant(Mutation::FailsIfUnrecorded), Promise::Contract),
        ("forwards everything", mutant(Mutation::ForwardsEverything), Promise::Wanted),
        ("lets records expire by our clock", mutant(Mutation::ExpiresByOurClock), Promise::NoReplay),
        ("accepts stale signatures", pipes::tolerant(), Promise::Timely),
        ("tolerates signatures for longer than the window", pipes::forgetful(), Promise::NoReplay),
        ("may take longer than the deduplication interval", pipes::unhurried(), Promise::OnceInTheWindow),
        ("has no ledger", pipes::without_ledger(), Promise::OnceInTheWindow),
        ("sends to a standard queue", pipes::on_standard_queue(), Promise::OnceInFiveMinutes),
        ("overwrites records", pipes::overwriting(), Promise::OnceInTheWindow),
        ("never extends a record", pipes::never_extending(), Promise::NoReplay),
        ("never lets a record expire", pipes::never_expiring(), Promise::NewAfterTheWindow),
        ("uses the window of the record", pipes::remembering_windows(), Promise::NoReplay),
        ("deletes a record with its window", pipes::expiring_with_the_window(), Promise::NoReplay),
        ("shares groups among sources", pipes::sharing_groups(), Promise::Grouped),
        ("treats a failed look-up as no record", pipes::failing_open(), Promise::OnceInTheWindow),
    ];
    assert_detected("A receiver", &mutants);
}

fn deliver(signature: Signature, faults: &[Fault]) -> Step {
    let delivery = Delivery { process: 0, event: Event::Booked, signature, faults: faults.to_vec() };
    Step::Deliver(vec![delivery], Vec::new())
}

/// The number of messages of a schedule. Asserts that it breaks no promise.
fn messages(steps: &[Step]) -> usize {
    let outcome = run(&pipes::real(), steps, false);
    assert_eq!(outcome.broken, []);
    outcome.effects
}

/// An extension that failed for its process, and reaches the table while a replay is between look-up and send.
#[test]
fn a_late_extension_does_not_count_before_it_reaches_the_table() {
    let late = Step::Deliver(
        vec![Delivery { process: 1, event: Event::Booked, signature: Fresh, faults: vec![Fine, Down, Late] }],
        Vec::new(),
    );
    let replay = Delivery { process: 0, event: Event::Booked, signature: Fresh, faults: Vec::new() };
    let replay = Step::Deliver(vec![replay], vec![Turn::Go(0), Turn::Go(0), Turn::Go(0), Turn::Pause(5)]);
    let first = deliver(Fresh, &[]);
    assert_eq!(messages(&[Step::Clock(1, -1), first, Step::Wait(WINDOW + 1), late, replay]), 2);
}

/// The gap that the promises excuse exists; otherwise they would excuse too much.
#[test]
fn the_gap_is_from_the_send_to_the_record() {
    let fault_lists: [&[Fault]; 7] = [
        &[Fine, KilledAfter],
        &[Fine, AnswerLost],
        &[Fine, Late],
        &[Fine, Fine, KilledBefore],
        &[Fine, Fine, Down, Down],
        &[Fine, Fine, Down, KilledBefore],
        &[Fine, Fine, Down],
    ];
    for (faults, after_five_minutes) in fault_lists.into_iter().zip([2, 2, 2, 2, 2, 2, 1]) {
        let deliveries = |pause| [deliver(Fresh, faults), Step::Wait(pause), deliver(Fresh, &[])];
        assert_eq!(messages(&deliveries(FIFO_MEMORY - 1)), 1, "{faults:?}");
        assert_eq!(messages(&deliveries(FIFO_MEMORY)), after_five_minutes, "{faults:?}");
    }
}

#[test]
fn signature_outlives_a_record_that_could_not_be_extended() {
    let replayed = |faults| {
        let (first, again) = (deliver(Fresh, &[]), deliver(Fresh, faults));
        messages(&[first, Step::Wait(WINDOW - 1), again, Step::Wait(2), deliver(Last, &[])])
    };
    assert_eq!(replayed(&[]), 1);
    assert_eq!(replayed(&[Fine, Down]), 1);
    assert_eq!(replayed(&[Fine, Down, Down]), 2);
}

#[test]
fn a_table_whose_clock_is_ahead_deletes_no_record_that_counts() {
    let replayed = |wait, offset| {
        let (first, again) = (deliver(Fresh, &[]), deliver(Last, &[]));
        messages(&[first, Step::Wait(wait), Step::Sweep, Step::Clock(0, offset), again])
    };
    assert_eq!(replayed(WINDOW + 1, -1), 1);
    assert_eq!(replayed(WINDOW + RETENTION_MARGIN, -RETENTION_MARGIN.cast_signed()), 1);
}

/// The effect of `sam deploy` with another `DedupWindow`: window and tolerance change at once.
#[test]
fn a_raised_window_finds_the_records_made_before() {
    let replayed = |window, wait| {
        let (first, again) = (deliver(Fresh, &[]), deliver(Last, &[]));
        let lowered = Step::Window(0, 3 * DAY);
        messages(&[lowered, first, Step::Wait(wait), Step::Sweep, Step::Window(0, window), again])
    };
    for window in WINDOWS {
        for wait in [3 * DAY + 1, 5 * DAY, 7 * DAY, 14 * DAY, 21 * DAY] {
            assert_eq!(replayed(window, wait), 1, "{window} {wait}");
        }
    }
}

#[test]
fn a_lowered_window_forgets_at_once() {
    let again = |window| {
        let deliveries = [deliver(Fresh, &[]), Step::Wait(4 * DAY), Step::Window(0, window)];
        messages(&[&deliveries[..], &[deliver(Fresh, &[])]].concat())
    };
    assert_eq!(again(WINDOW), 1);
    assert_eq!(again(3 * DAY), 2);
}
