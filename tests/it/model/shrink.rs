//! Shrinking: reduces a schedule to the smallest one that still breaks the promise.

use super::{
    events::{Event, SKEW},
    schedule::{Delivery, Signature, Step},
    world::{FIFO_MEMORY, WINDOW},
};
use crate::support::fault::Fault;

/// Simplifies a schedule while it still fails.
pub fn shrink(mut steps: Vec<Step>, fails: impl Fn(&[Step]) -> bool) -> Vec<Step> {
    while let Some(simpler) = simpler(&steps).into_iter().find(|simpler| fails(simpler)) {
        steps = simpler;
    }
    steps
}

/// All schedules that are simpler in one respect. None leads back to an earlier one, so shrinking ends.
fn simpler(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all = without_one(steps);
    for (index, pair) in steps.windows(2).enumerate() {
        if let [Step::Wait(first), Step::Wait(second)] = pair {
            let mut merged = steps.to_vec();
            merged.splice(index..index + 2, [Step::Wait(first + second)]);
            all.push(merged);
        }
    }
    all.extend(with_one(steps, simpler_step));
    all
}

fn simpler_step(step: &Step) -> Vec<Step> {
    match step {
        Step::Deliver(deliveries, turns) => {
            let fewer = without_one(deliveries).into_iter().filter(|fewer| !fewer.is_empty());
            let simpler = fewer.chain(with_one(deliveries, simpler_delivery));
            let simpler = simpler.map(|deliveries| Step::Deliver(deliveries, turns.clone()));
            let fewer = without_one(turns).into_iter().map(|turns| Step::Deliver(deliveries.clone(), turns));
            simpler.chain(fewer).collect()
        }
        Step::Wait(seconds) => shorter(*seconds).map(Step::Wait).collect(),
        Step::Clock(process, offset) => {
            let first = (*process > 0).then_some(Step::Clock(0, *offset));
            let shorter = shorter(offset.unsigned_abs()).map(u64::cast_signed);
            first
                .into_iter()
                .chain(shorter.map(|less| Step::Clock(*process, less * offset.signum())))
                .collect()
        }
        Step::Window(process, window) => {
            (*process > 0).then_some(Step::Window(0, *window)).into_iter().collect()
        }
        Step::Sweep => Vec::new(),
    }
}

fn simpler_delivery(delivery: &Delivery) -> Vec<Delivery> {
    let mut all = Vec::new();
    if delivery.process > 0 {
        all.push(Delivery { process: 0, ..delivery.clone() });
    }
    if delivery.event != Event::Booked {
        all.push(Delivery { event: Event::Booked, ..delivery.clone() });
    }
    if delivery.signature != Signature::Fresh {
        all.push(Delivery { signature: Signature::Fresh, ..delivery.clone() });
    }
    if let [earlier @ .., _] = &*delivery.faults {
        all.push(Delivery { faults: earlier.to_vec(), ..delivery.clone() });
    }
    let better = |fault: &Fault| match fault {
        Fault::Fine => Vec::new(),
        Fault::Down => vec![Fault::Fine],
        _ => vec![Fault::Fine, Fault::Down],
    };
    all.extend(
        with_one(&delivery.faults, better).into_iter().map(|faults| Delivery { faults, ..delivery.clone() }),
    );
    all
}

fn shorter(seconds: u64) -> impl Iterator<Item = u64> {
    let edges = [1, FIFO_MEMORY, FIFO_MEMORY + 1, WINDOW, WINDOW + 1, WINDOW + SKEW, WINDOW + SKEW + 1];
    edges.into_iter().filter(move |shorter| *shorter < seconds)
}

fn with_one<T: Clone>(list: &[T], simpler: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let with = |index: usize, item: T| {
        let mut list = list.to_vec();
        list[index] = item;
        list
    };
    let each = list.iter().enumerate();
    each.flat_map(|(index, item)| simpler(item).into_iter().map(move |simpler| with(index, simpler)))
        .collect()
}

fn without_one<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    (0..list.len()).map(|index| [&list[..index], &list[index + 1..]].concat()).collect()
}
