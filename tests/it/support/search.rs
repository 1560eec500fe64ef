//! The search of the model tests: draws random schedules until one breaks a promise, and shrinks it.
//!
//! `MODEL_SCHEDULES` is the number of schedules, and `MODEL_SEED` the first seed.

use std::{
    collections::BTreeMap,
    env,
    fmt::{self, Debug},
    future::poll_fn,
    ops::RangeInclusive,
    task::Poll,
};

use fastrand::Rng;

/// The default number of schedules.
pub const SCHEDULES: u64 = 5_000;

/// The number of times that each case occurred.
pub type Tally = BTreeMap<&'static str, u64>;

/// The real thing or a mutant of it, in a simulated world.
pub trait Model {
    type Step: Clone + Debug;
    type Promise: Copy + Debug + PartialEq;

    fn draw(rng: &mut Rng) -> Vec<Self::Step>;

    /// Runs a schedule to its end.
    fn run(&self, steps: &[Self::Step], traced: bool) -> Outcome<Self::Promise>;

    /// All steps that are simpler in one respect. None leads back to an earlier one, so shrinking ends.
    fn simpler(step: &Self::Step) -> Vec<Self::Step>;

    /// One step in place of two that follow each other.
    fn merged(first: &Self::Step, second: &Self::Step) -> Option<Self::Step>;
}

/// The result of a schedule.
pub struct Outcome<P> {
    pub broken: Vec<P>,
    pub tally: Tally,
    pub trace: Vec<String>,
    /// The number of messages in the queue, or of effects of the work.
    pub effects: usize,
}

/// A schedule after which a promise does not hold.
pub struct CounterExample<M: Model> {
    seed: u64,
    /// The number of schedules until it was found.
    ran: u64,
    promise: M::Promise,
    steps: Vec<M::Step>,
    trace: Vec<String>,
}

/// Runs schedules until one breaks a promise for which `at_stake` holds.
pub fn search<M: Model>(
    model: &M,
    seed: u64,
    schedules: u64,
    at_stake: impl Fn(M::Promise) -> bool,
) -> Result<Tally, CounterExample<M>> {
    let mut tally = Tally::new();
    for ran in 1..=schedules {
        let seed = seed.wrapping_add(ran - 1);
        let steps = M::draw(&mut Rng::with_seed(seed));
        let outcome = model.run(&steps, false);
        for (name, count) in outcome.tally {
            *tally.entry(name).or_default() += count;
        }
        if let Some(promise) = outcome.broken.into_iter().find(|promise| at_stake(*promise)) {
            let steps = shrink::<M>(steps, |steps| model.run(steps, false).broken.contains(&promise));
            let trace = model.run(&steps, true).trace;
            return Err(CounterExample { seed, ran, promise, steps, trace });
        }
    }
    Ok(tally)
}

impl<M: Model> fmt::Display for CounterExample<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, ran, promise, steps, trace } = self;
        writeln!(f, "schedule {ran}, of MODEL_SEED={seed}, breaks the promise {promise:?}")?;
        steps.iter().try_for_each(|step| writeln!(f, "{step:?}"))?;
        trace.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

/// Asserts that the promises hold on every schedule, and that the schedules cover the cases.
pub fn assert_promises<M: Model>(model: &M, coverage: &[&str]) {
    let schedules = variable("MODEL_SCHEDULES", SCHEDULES);
    let tally = search(model, variable("MODEL_SEED", 0), schedules, |_| true);
    let tally = tally.unwrap_or_else(|example| panic!("{example}"));
    println!("{schedules} schedules: {tally:#?}");
    for name in coverage {
        assert!(schedules < SCHEDULES || tally.contains_key(name), "no schedule covers: {name}");
    }
}

/// Asserts that each mutant breaks its promise on some schedule.
pub fn assert_detected<M: Model>(what: &str, mutants: &[(&'static str, M, M::Promise)]) {
    let is_found = |(mutation, model, promise): &(&str, M, M::Promise)| {
        let found = search(model, 0, SCHEDULES, |broken| broken == *promise).err();
        found.inspect(|example| println!("{what} that {mutation}: {example}")).is_some()
    };
    let not_found = mutants.iter().filter(|mutant| !is_found(mutant)).map(|(mutation, ..)| *mutation);
    let not_found = not_found.collect::<Vec<_>>();
    assert!(not_found.is_empty(), "not detected: {not_found:?}");
}

fn variable(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Simplifies a schedule while it still fails.
fn shrink<M: Model>(mut steps: Vec<M::Step>, fails: impl Fn(&[M::Step]) -> bool) -> Vec<M::Step> {
    while let Some(simpler) = simpler::<M>(&steps).into_iter().find(|simpler| fails(simpler)) {
        steps = simpler;
    }
    steps
}

/// All schedules that are simpler in one respect.
fn simpler<M: Model>(steps: &[M::Step]) -> Vec<Vec<M::Step>> {
    let mut all = without_one(steps);
    for (index, pair) in steps.windows(2).enumerate() {
        if let Some(step) = M::merged(&pair[0], &pair[1]) {
            let mut merged = steps.to_vec();
            merged.splice(index..index + 2, [step]);
            all.push(merged);
        }
    }
    all.extend(with_one(steps, M::simpler));
    all
}

/// All lists in which one item is replaced by a simpler one.
pub fn with_one<T: Clone>(list: &[T], simpler: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let with = |index: usize, item: T| {
        let mut list = list.to_vec();
        list[index] = item;
        list
    };
    let each = list.iter().enumerate();
    each.flat_map(|(index, item)| simpler(item).into_iter().map(move |simpler| with(index, simpler)))
        .collect()
}

/// All lists without one of the items.
pub fn without_one<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    (0..list.len()).map(|index| [&list[..index], &list[index + 1..]].concat()).collect()
}

pub fn many<T>(rng: &mut Rng, count: RangeInclusive<usize>, mut draw: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(count)).map(|_| draw(rng)).collect()
}

pub fn one_of<T: Copy>(rng: &mut Rng, values: &[T]) -> T {
    values[rng.usize(..values.len())]
}

/// Lets others have a turn.
pub async fn breathe() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}
