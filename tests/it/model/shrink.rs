//! The simpler forms of a step, for the search of the smallest schedule that still breaks a promise.

use super::{
    events::{Event, SKEW},
    schedule::{Delivery, Signature, Step},
    world::{FIFO_MEMORY, WINDOW},
};
use crate::support::{
    fault::Fault,
    search::{with_one, without_one},
};

/// All steps that are simpler in one respect. None leads back to an earlier one.
pub fn simpler(step: &Step) -> Vec<Step> {
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
