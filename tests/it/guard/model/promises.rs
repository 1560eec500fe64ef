//! The promises of the guard, which hold on every schedule: the oracle of the model.

use duffel_webhook_receiver::consume::guard::{Claim, Claimed, Record, Status};

use super::{
    run::{Verdict, Working},
    world::{Completion, World},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A message is acknowledged only after the work of its event was done.
    Kept,
    /// A message whose work was done by this delivery is acknowledged.
    Acknowledged,
    /// Within the retention of a completion in the store, the work does not begin again.
    NotAgain,
    /// Two runs of one event do not work at the same time, unless the lease of one expired during its work.
    Alone,
    /// The work is done once within the retention, unless the worker was killed, the store failed, or the lease expired
    /// between work and completion.
    Once,
    /// The effect of a transaction happens once within the retention, whatever fails.
    EffectOnce,
    /// A run changes no record but that of its own claim.
    Fenced,
    /// A claim is refused only for a record of another run that counts.
    Available,
    /// If the work fails and the store does not, another run can have the claim at once.
    Released,
    /// An event that comes again after the retention counts as new.
    NewAfterTheRetention,
    /// Every run ends.
    Ends,
    /// When nothing goes wrong any more, the first delivery after the leases is acknowledged.
    Delivered,
}

impl World {
    pub fn promise(&mut self, promise: Promise, holds: bool) {
        if !holds {
            self.note(|| format!("  BROKEN: {promise:?}"));
            self.broken.push(promise);
        }
    }

    pub fn check_claim(&mut self, run: usize, claim: &Claim, before: Option<&Record>, answer: Claimed) {
        let clock = self.runs[run].clock;
        let counts = before.is_some_and(|record| match record.status {
            Status::InProgress => record.leased_until >= clock * 1000 && record.token != claim.token(),
            Status::Completed => record.expires_at >= clock,
        });
        match answer {
            Claimed::Granted => {}
            Claimed::InProgress { .. } => self.promise(Promise::Available, counts),
            Claimed::Done => self.promise(Promise::NewAfterTheRetention, counts),
        }
    }

    /// Checks a change of the record by a completion, a release or a transaction, and remembers a completion.
    pub fn check_change(&mut self, run: usize, claim: &Claim, before: Option<&Record>) {
        let after = self.table.get(claim.identity());
        if after.as_ref() == before {
            return;
        }
        self.promise(Promise::Fenced, before.is_some_and(|before| before.is_held_by(claim)));
        if let Some(record) = after.filter(|record| record.status == Status::Completed) {
            let (event, turn) = (self.runs[run].event, self.turn);
            self.completions.push(Completion { event, turn, expires_at: record.expires_at });
        }
    }

    /// Checks that the work may begin.
    pub fn check_work(&mut self, number: usize) {
        let this = &self.runs[number];
        let granted = this.granted.unwrap_or(self.turn);
        let again = self.completions.iter().any(|completion| {
            completion.event == this.event
                && self.counts(this.event, completion.expires_at, this.clock)
                && completion.turn < granted
        });
        let of_event = || self.runs.iter().filter(|other| other.event == this.event);
        let latest = of_event().filter(|run| run.granted.is_some()).map(|run| run.clock).max();
        let latest = latest.unwrap_or(this.clock);
        let is_late = this.outlived_its_lease(latest);
        let (mut alone, mut once, mut names) = (true, true, Vec::new());
        for other in of_event() {
            if other.working == Working::Now && !other.dead {
                alone &= is_late || other.outlived_its_lease(latest);
            }
            let claim = other.claim.as_ref();
            let counts = claim.is_some_and(|claim| self.counts(this.event, claim.expires_at(), this.clock));
            if other.is_done() && counts {
                let excuse = other.excuse(latest);
                once &= is_late || excuse.is_some();
                names.extend(excuse);
            }
        }
        for name in names {
            self.count(name);
        }
        self.promise(Promise::NotAgain, !again);
        self.promise(Promise::Alone, alone);
        self.promise(Promise::Once, once);
    }

    pub fn check_effect(&mut self, run: usize, claim: &Claim) {
        let (event, clock) = (self.runs[run].event, self.runs[run].clock);
        let mut effects = self.effects.iter();
        let twice = effects.any(|(other, earlier)| {
            *other == event
                && (self.counts(event, earlier.expires_at(), clock) || earlier.token() == claim.token())
        });
        self.promise(Promise::EffectOnce, !twice);
    }

    pub fn check_acknowledgement(&mut self, run: usize) {
        let event = self.runs[run].event;
        let done = if event.is_transactional() {
            self.effects.iter().any(|(other, _)| *other == event)
        } else {
            self.runs.iter().any(|other| other.event == event && other.is_done())
        };
        self.promise(Promise::Kept, done);
    }

    pub fn check_verdict(&mut self, number: usize, verdict: Verdict) {
        let this = &self.runs[number];
        let is_acknowledged = verdict.is_acknowledged();
        let (is_done, has_failed) = (this.is_done(), this.working == Working::Failed);
        let is_released = this.released || this.release_failed;
        self.promise(Promise::Acknowledged, !is_done || is_acknowledged);
        self.promise(Promise::Released, !has_failed || is_released);
        self.promise(Promise::Ends, verdict != Verdict::Panic);
    }
}
