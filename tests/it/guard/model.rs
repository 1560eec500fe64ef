//! The promises of the guard, checked on thousands of random schedules: messages of one event, concurrent and interleaved
//! at every await, to workers that die, are suspended, and whose clocks differ, with a store that fails.
//!
//! `MODEL_SCHEDULES=100000 cargo test --test it guard::model` runs that many, and `MODEL_SEED` draws others.

mod consumer;
mod ports;
mod promises;
mod run;
mod schedule;
mod scheduler;
mod table;
mod world;

pub use self::table::in_transaction;
use self::{
    consumer::{Mutation, mutant, on_mutant, real},
    promises::Promise,
    schedule::{
        Event,
        Fault::{self, AnswerLost, Down, Fine},
        Receipt, Step, Turn,
    },
    table::TableMutation,
    world::{COVERAGE, LEASE, RETENTION, VISIBILITY},
};
use crate::support::search::{Model, SCHEDULES, assert_detected, assert_promises, search};

#[test]
fn the_guards_promises_hold_on_every_schedule() {
    assert_promises(&real(), &COVERAGE);
}

#[test]
fn guard_mutants_without_a_mutation_keep_the_promises() {
    for mutant in [mutant(Mutation::None), on_mutant(TableMutation::None)] {
        search(&mutant, 0, SCHEDULES, |_| true).unwrap_or_else(|example| panic!("{example}"));
    }
}

#[test]
fn every_mutant_of_the_guard_is_detected() {
    let mutants = [
        ("completes before the work", mutant(Mutation::CompletesFirst), Promise::Kept),
        ("acknowledges what is in progress", mutant(Mutation::AcknowledgesInProgress), Promise::Kept),
        ("acknowledges if the store fails", mutant(Mutation::AcknowledgesIfTheStoreFails), Promise::Kept),
        ("acknowledges failed work", mutant(Mutation::AcknowledgesFailedWork), Promise::Kept),
        ("completes failed work", mutant(Mutation::CompletesFailedWork), Promise::Kept),
        ("works if the store fails", mutant(Mutation::WorksIfTheStoreFails), Promise::NotAgain),
        ("works on what is in progress", mutant(Mutation::WorksInProgress), Promise::Alone),
        ("never claims", mutant(Mutation::NeverClaims), Promise::Alone),
        ("never completes", mutant(Mutation::NeverCompletes), Promise::Once),
        ("never releases", mutant(Mutation::NeverReleases), Promise::Released),
        ("does not acknowledge unrecorded work", mutant(Mutation::FailsIfUnrecorded), Promise::Acknowledged),
        ("has a lease without margin", consumer::with_a_lease_without_margin(), Promise::Alone),
        ("works for longer than the lease", consumer::without_a_time_limit(), Promise::Alone),
        ("grants every claim", on_mutant(TableMutation::GrantsEveryClaim), Promise::NotAgain),
        ("takes in progress for done", on_mutant(TableMutation::TakesInProgressForDone), Promise::Kept),
        ("never ends a lease", on_mutant(TableMutation::NeverEndsALease), Promise::Delivered),
        ("ignores the lease", on_mutant(TableMutation::IgnoresTheLease), Promise::Alone),
        ("forgets with the lease", on_mutant(TableMutation::ForgetsWithTheLease), Promise::NotAgain),
        (
            "never ends the retention",
            on_mutant(TableMutation::NeverEndsTheRetention),
            Promise::NewAfterTheRetention,
        ),
        ("refuses repeated claims", on_mutant(TableMutation::RefusesRepeatedClaims), Promise::Available),
        (
            "repeats claims over completions",
            on_mutant(TableMutation::RepeatsClaimsOverCompletions),
            Promise::NotAgain,
        ),
        ("completes for strangers", on_mutant(TableMutation::CompletesForStrangers), Promise::Fenced),
        ("releases nothing", on_mutant(TableMutation::NeverReleases), Promise::Released),
        ("releases for strangers", on_mutant(TableMutation::ReleasesForStrangers), Promise::Fenced),
        ("releases completions", on_mutant(TableMutation::ReleasesCompletions), Promise::EffectOnce),
        ("transacts for strangers", on_mutant(TableMutation::TransactsForStrangers), Promise::EffectOnce),
        ("transacts twice", on_mutant(TableMutation::TransactsTwice), Promise::EffectOnce),
    ];
    assert_detected("A consumer", &mutants);
}

fn receipt(faults: &[Fault]) -> Receipt {
    let (worker, message, unlimited, fails, awaits) = (0, 0, false, false, 0);
    Receipt { worker, message, unlimited, fails, awaits, faults: faults.to_vec() }
}

/// The number of effects of two messages of one event, of which the second comes after a time.
fn effects(event: Event, first: Step, pause: u64) -> usize {
    let second = Step::Receive(vec![receipt(&[])], Vec::new());
    let steps = [Step::Send(event), first, Step::Wait(pause), Step::Send(event), second];
    let outcome = real().run(&steps, false);
    assert_eq!(outcome.broken, []);
    outcome.effects
}

/// The gap that the promises excuse exists; otherwise they would excuse too much. A transaction closes it.
#[test]
fn the_guards_gap_is_from_the_work_to_the_completion() {
    let faulty = |faults: &[Fault]| Step::Receive(vec![receipt(faults)], Vec::new());
    let killed = |turns: usize| {
        Step::Receive(vec![receipt(&[])], [vec![Turn::Go(0); turns], vec![Turn::Kill(0)]].concat())
    };
    for (step, expected) in [
        (faulty(&[]), 1),
        (faulty(&[Fine, Down]), 1),
        (faulty(&[Fine, AnswerLost, AnswerLost]), 1),
        (faulty(&[Fine, Down, Down]), 2),
        // Killed before the claim, before the work, between work and completion, and after the completion.
        (killed(1), 1),
        (killed(2), 1),
        (killed(3), 2),
        (killed(4), 1),
    ] {
        assert_eq!(effects(Event::Booked, step, VISIBILITY), expected);
    }
    for turns in 1..8 {
        assert_eq!(effects(Event::Paid, killed(turns), VISIBILITY), 1, "{turns}");
    }
}

#[test]
fn an_event_runs_again_after_the_retention_and_not_before() {
    let first = || Step::Receive(vec![receipt(&[])], Vec::new());
    for (pause, expected) in [(1, 1), (LEASE + 1, 1), (RETENTION, 1), (RETENTION + 1, 2)] {
        assert_eq!(effects(Event::Booked, first(), pause), expected, "{pause}");
    }
}
