//! The scheduler: gives every delivery under way its turns, and kills processes.

use std::{
    future::Future,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use fastrand::Rng;
use http::Request;

use super::{
    ports::Ports,
    promises::Promise,
    schedule::{Delivery, PROCESSES, Signature, Step, Turn, draw},
    shrink::simpler,
    world::{WINDOW, World},
};
use crate::support::search::{Model, Outcome};

/// More turns than any delivery needs.
const PATIENCE: usize = 64;

/// The time limit of a delivery, as in `template.yaml`.
pub const TIMEOUT: u64 = 10;

/// A receiver under test.
pub struct Subject {
    /// Starts a process with a window.
    pub start: Box<dyn Fn(Ports, u64) -> Box<dyn Pipe>>,
    /// The tolerance for Duffel's signatures with a window.
    pub tolerance: fn(u64) -> u64,
    /// The time limit of a delivery.
    pub timeout: u64,
}

impl Subject {
    pub fn new(start: impl Fn(Ports, u64) -> Box<dyn Pipe> + 'static) -> Self {
        Self { start: Box::new(start), tolerance: |window| window, timeout: TIMEOUT }
    }
}

/// Such as `202 accepted`.
pub type Answer<'a> = Pin<Box<dyn Future<Output = String> + 'a>>;

/// The pipeline, or a mutant of it.
pub trait Pipe {
    fn deliver(&self, request: Request<Bytes>, now: SystemTime) -> Answer<'_>;
}

impl Model for Subject {
    type Step = Step;
    type Promise = Promise;

    fn draw(rng: &mut Rng) -> Vec<Step> {
        draw(rng)
    }

    fn run(&self, steps: &[Step], traced: bool) -> Outcome<Promise> {
        run(self, steps, traced)
    }

    fn simpler(step: &Step) -> Vec<Step> {
        simpler(step)
    }

    fn merged(first: &Step, second: &Step) -> Option<Step> {
        match (first, second) {
            (Step::Wait(first), Step::Wait(second)) => Some(Step::Wait(first + second)),
            _ => None,
        }
    }
}

/// Runs a schedule to its end, and then until every sender is acknowledged.
pub fn run(subject: &Subject, steps: &[Step], traced: bool) -> Outcome<Promise> {
    let ports = Ports::new(World::new(subject.tolerance, subject.timeout, traced));
    let mut processes = [(); PROCESSES].map(|()| (subject.start)(ports.clone(), WINDOW));
    for step in steps {
        match step {
            Step::Deliver(deliveries, turns) => {
                Scheduler { ports: &ports, processes: &processes }.deliver(deliveries, turns);
            }
            Step::Window(process, window) => {
                processes[*process] = (subject.start)(ports.clone(), *window);
                ports.world().set_window(*process, *window);
            }
            Step::Wait(seconds) => ports.world().pass(*seconds),
            Step::Clock(process, offset) => ports.world().set_clock(*process, *offset),
            Step::Sweep => ports.world().sweep(),
        }
    }
    Scheduler { ports: &ports, processes: &processes }.retry_to_the_end();
    let mut world = ports.world();
    let trace = world.trace.take().unwrap_or_default();
    Outcome {
        broken: std::mem::take(&mut world.broken),
        tally: std::mem::take(&mut world.tally),
        trace,
        effects: world.messages.len(),
    }
}

struct Scheduler<'a> {
    ports: &'a Ports,
    processes: &'a [Box<dyn Pipe>; PROCESSES],
}

/// The state of a delivery.
enum Slot<'a> {
    Waiting(&'a Delivery),
    UnderWay(Flight<'a>),
    Over,
}

struct Flight<'a> {
    attempt: usize,
    process: usize,
    since: u64,
    answer: Answer<'a>,
}

impl<'a> Scheduler<'a> {
    fn deliver(&self, deliveries: &'a [Delivery], turns: &[Turn]) {
        let mut slots = deliveries.iter().map(Slot::Waiting).collect::<Vec<_>>();
        for turn in turns {
            match *turn {
                Turn::Go(index) => self.go(&mut slots, index % deliveries.len()),
                Turn::Pause(seconds) => self.pause(&mut slots, seconds),
            }
        }
        for index in 0..slots.len() {
            for _ in 0..PATIENCE {
                self.go(&mut slots, index);
            }
            let ends = matches!(slots[index], Slot::Over);
            self.ports.world().promise(Promise::Contract, ends);
        }
    }

    fn go(&self, slots: &mut [Slot<'a>], index: usize) {
        if let Slot::Waiting(delivery) = slots[index] {
            slots[index] = Slot::UnderWay(self.start(delivery));
        }
        let Slot::UnderWay(flight) = &mut slots[index] else { return };
        {
            let mut world = self.ports.world();
            world.turn += 1;
            world.current = flight.attempt;
        }
        let poll = || flight.answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let polled = panic::catch_unwind(AssertUnwindSafe(poll));
        if let Poll::Ready(answer) = polled.unwrap_or_else(|_| Poll::Ready("a panic".to_owned())) {
            slots[index] = Slot::Over;
            self.ports.answer(answer);
        }
        let doomed = self.ports.world().doomed.take();
        if let Some(process) = doomed {
            self.kill(slots, |flight| flight.process == process);
        }
    }

    fn start(&self, delivery: &Delivery) -> Flight<'a> {
        let mut world = self.ports.world();
        let signed = world.write(delivery.event, delivery.signature);
        let (attempt, clock) = world.start(delivery, &signed);
        let now = UNIX_EPOCH + Duration::from_secs(clock);
        let since = world.now;
        drop(world);
        let answer = self.processes[delivery.process].deliver(signed.post(attempt), now);
        Flight { attempt, process: delivery.process, since, answer }
    }

    fn pause(&self, slots: &mut [Slot<'a>], seconds: u64) {
        let (now, timeout) = {
            let mut world = self.ports.world();
            world.pass(seconds);
            (world.now, world.timeout)
        };
        if self.kill(slots, |flight| now - flight.since > timeout) {
            self.ports.world().count("deliveries that took too long");
        }
    }

    fn kill(&self, slots: &mut [Slot<'a>], is_doomed: impl Fn(&Flight<'_>) -> bool) -> bool {
        let mut killed = false;
        for slot in slots {
            if let Slot::UnderWay(flight) = slot
                && is_doomed(flight)
            {
                let mut world = self.ports.world();
                let number = flight.attempt;
                world.note(|| format!("  #{number} is killed"));
                world.attempts[number].dead = true;
                killed = true;
                drop(world);
                *slot = Slot::Over;
            }
        }
        killed
    }

    /// Ends the faults, corrects the clocks, and lets every sender retry until it is acknowledged.
    fn retry_to_the_end(&self) {
        let senders = {
            let mut world = self.ports.world();
            world.pass(1);
            world.correct_the_clocks();
            world.note(|| "from here on nothing goes wrong".to_owned());
            world.unacknowledged()
        };
        for event in senders {
            // With the same signature, as long as that is valid.
            let (now, tolerance) = {
                let world = self.ports.world();
                (world.now, world.tolerance_of(0))
            };
            let last = self.ports.world().requests.iter().rfind(|signed| signed.event == event).cloned();
            let signature = match last {
                Some(signed) if signed.is_timely(now, tolerance) => Signature::Last,
                _ => Signature::Fresh,
            };
            self.deliver(&[Delivery { process: 0, event, signature, faults: Vec::new() }], &[]);
        }
        let delivered = self.ports.world().unacknowledged().is_empty();
        self.ports.world().promise(Promise::Delivered, delivered);
    }
}
