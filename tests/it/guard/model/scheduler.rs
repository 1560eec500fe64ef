//! The scheduler: gives every run its turns, and kills workers.

use std::{
    panic::{self, AssertUnwindSafe},
    task::{Context, Poll, Waker},
    time::{Duration, UNIX_EPOCH},
};

use fastrand::Rng;

use super::{
    consumer::{Answer, Consumer},
    ports::Ports,
    promises::Promise,
    run::{Verdict, Working},
    schedule::{Receipt, Step, Turn, draw, simpler},
    world::{LEASE, VISIBILITY, World},
};
use crate::support::search::{Model, Outcome};

/// More turns than any run needs.
const PATIENCE: usize = 64;

impl Model for Consumer {
    type Step = Step;
    type Promise = Promise;

    fn draw(rng: &mut Rng) -> Vec<Step> {
        draw(rng)
    }

    fn run(&self, steps: &[Step], traced: bool) -> Outcome<Promise> {
        let ports = Ports::new(World::new(self.new_table(), traced));
        let scheduler = Scheduler { consumer: self, ports: &ports };
        for step in steps {
            match step {
                Step::Send(event) => ports.world().send(*event),
                Step::Receive(receipts, turns) => scheduler.receive(receipts, turns),
                Step::Wait(seconds) => ports.world().pass(*seconds),
                Step::Clock(worker, ahead) => ports.world().set_clock(*worker, *ahead),
                Step::Sweep => ports.world().sweep(),
            }
        }
        scheduler.receive_the_rest();
        let mut world = ports.world();
        let elsewhere = world.runs.iter().filter(|run| run.is_done() && !run.event.is_transactional());
        let effects = elsewhere.count() + world.effects.len();
        let trace = world.trace.take().unwrap_or_default();
        let (broken, tally) = (std::mem::take(&mut world.broken), std::mem::take(&mut world.tally));
        Outcome { broken, tally, trace, effects }
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

struct Scheduler<'a> {
    consumer: &'a Consumer,
    ports: &'a Ports,
}

/// The state of a receipt.
enum Slot<'a> {
    Waiting(&'a Receipt),
    UnderWay(usize, Answer),
    Over,
}

impl<'a> Scheduler<'a> {
    fn receive(&self, receipts: &'a [Receipt], turns: &[Turn]) {
        let mut slots = receipts.iter().map(Slot::Waiting).collect::<Vec<_>>();
        for turn in turns {
            match *turn {
                Turn::Go(index) => self.go(&mut slots[index % receipts.len()]),
                Turn::Pause(seconds) => self.pause(&mut slots, seconds),
                Turn::Kill(index) => {
                    if let Slot::UnderWay(run, _) = slots[index % receipts.len()] {
                        let worker = self.ports.world().runs[run].receipt.worker;
                        self.kill(&mut slots, |world, run| world.runs[run].receipt.worker == worker);
                    }
                }
            }
        }
        for slot in &mut slots {
            for _ in 0..PATIENCE {
                self.go(slot);
            }
            let ends = matches!(slot, Slot::Over);
            self.ports.world().promise(Promise::Ends, ends);
        }
    }

    fn go(&self, slot: &mut Slot<'a>) {
        if let Slot::Waiting(receipt) = slot {
            *slot = self.start(receipt);
        }
        let Slot::UnderWay(run, answer) = slot else { return };
        {
            let mut world = self.ports.world();
            world.turn += 1;
        }
        let poll = || answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let polled = panic::catch_unwind(AssertUnwindSafe(poll));
        if let Poll::Ready(verdict) = polled.unwrap_or(Poll::Ready(Verdict::Panic)) {
            self.ports.world().end(*run, verdict);
            *slot = Slot::Over;
        }
    }

    fn start(&self, receipt: &Receipt) -> Slot<'a> {
        let mut world = self.ports.world();
        let Some(run) = world.start(receipt) else { return Slot::Over };
        let (identity, clock) = (world.runs[run].event.identity(), world.runs[run].clock);
        drop(world);
        let now = UNIX_EPOCH + Duration::from_secs(clock);
        Slot::UnderWay(run, self.consumer.handle(self.ports.of(run), identity, now))
    }

    fn pause(&self, slots: &mut [Slot<'a>], seconds: u64) {
        self.ports.world().pass(seconds);
        let limit = self.consumer.limit;
        let is_over = |world: &World, run: usize| {
            let run = &world.runs[run];
            !run.receipt.unlimited && world.now - run.since > limit
        };
        if self.kill(slots, is_over) {
            self.ports.world().count("runs killed at their time limit");
        }
    }

    fn kill(&self, slots: &mut [Slot<'a>], is_doomed: impl Fn(&World, usize) -> bool) -> bool {
        let mut killed = false;
        for slot in slots {
            let mut world = self.ports.world();
            if let Slot::UnderWay(run, _) = *slot
                && is_doomed(&world, run)
            {
                world.note(|| format!("  #{run} is killed"));
                world.count("runs killed");
                if world.runs[run].working == Working::Now {
                    world.count("runs killed during the work");
                }
                world.runs[run].dead = true;
                killed = true;
                drop(world);
                *slot = Slot::Over;
            }
        }
        killed
    }

    /// Ends the faults, corrects the clocks, and delivers what was not acknowledged, each message once.
    fn receive_the_rest(&self) {
        let left = {
            let mut world = self.ports.world();
            world.pass(1);
            world.correct_the_clocks();
            world.note(|| "from here on nothing goes wrong".to_owned());
            world.pass(VISIBILITY.max(2 * LEASE));
            world.left().len()
        };
        for _ in 0..left {
            let (message, unlimited, fails, awaits) = (0, false, false, 0);
            let receipt = Receipt { worker: 0, message, unlimited, fails, awaits, faults: Vec::new() };
            self.receive(&[receipt], &[]);
        }
        let delivered = self.ports.world().left().is_empty();
        self.ports.world().promise(Promise::Delivered, delivered);
    }
}
