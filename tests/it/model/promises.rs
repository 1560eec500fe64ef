//! The promises, which hold on every schedule: the oracle of the model.
//!
//! Durations are measured by the clocks of the processes, since the pipeline has no other; the five minutes of the queue by
//! the clock of the queue.

use super::{
    attempt::{Attempt, Forwarding},
    events::{Event, SKEW},
    world::{FIFO_MEMORY, Message, SentMessage, World},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing is forwarded that its provider did not sign,
    Signed,
    /// or whose signature is too old or too new,
    Timely,
    /// or that is not an event, or is filtered out.
    Wanted,
    /// An acknowledged event is in the queue; if the answer was `accepted`, for five minutes at most.
    Kept,
    /// An event whose sender retries to the end is acknowledged.
    Delivered,
    /// Two messages have one deduplication id if, and only if, they are one event.
    Distinguished,
    /// Two messages share a group if, and only if, they are about one object of one source.
    Grouped,
    /// Nothing is forwarded twice within five minutes,
    OnceInFiveMinutes,
    /// or within the window in force, unless something went wrong between the send and the record of the first.
    OnceInTheWindow,
    /// A replay attack has no effect: a delivery that was acknowledged, with a record under its own id, is never forwarded
    /// again.
    NoReplay,
    /// An event that is delivered again after the window counts as new.
    NewAfterTheWindow,
    /// Every answer is one of the contract; 503 means that nothing is known to be forwarded.
    Contract,
}

impl World {
    pub fn promise(&mut self, promise: Promise, holds: bool) {
        if !holds {
            self.note(|| format!("  BROKEN: {promise:?}"));
            self.broken.push(promise);
        }
    }

    /// Checks that a message was verified and is wanted.
    pub fn check_sent_message(&mut self, attempt: usize, sent: &SentMessage) {
        let Attempt { timely, event, .. } = self.attempts[attempt];
        let genuine = self.requests.iter().any(|signed| {
            signed.event.itself() == event
                && signed.body == sent.body
                && signed.signature() == Some(&sent.signature)
        });
        self.promise(Promise::Signed, genuine);
        self.promise(Promise::Timely, timely);
        self.promise(Promise::Wanted, event.is_wanted());
    }

    /// Checks that nothing is forwarded twice, except for the gap, and that the identity shows it.
    pub fn check_message(&mut self, message: &Message) {
        let same = |other: &Message| other.event == message.event;
        let distinguished =
            self.messages.iter().all(|other| same(other) == (other.identity == message.identity));
        self.promise(Promise::Distinguished, distinguished);
        let is_grouped = |other: &Message| {
            (other.group == message.group) == (other.event.object() == message.event.object())
        };
        let grouped = self.messages.iter().all(is_grouped);
        self.promise(Promise::Grouped, grouped);
        let together = self.messages.iter().any(|other| same(other) && message.at - other.at < FIFO_MEMORY);
        self.promise(Promise::OnceInFiveMinutes, !together);

        let this = &self.attempts[message.attempt];
        let is_timed = this.signed.is_some_and(|signed| self.requests[signed].time.is_some());
        let (mut twice, mut replayed, mut names) = (false, false, Vec::new());
        for (number, other) in self.attempts.iter().enumerate() {
            if number == message.attempt || other.event != message.event || other.signed.is_none() {
                continue;
            }
            let sound = other.is_sound_before(this.started);
            let forwarded = self.messages.iter().any(|message| message.attempt == number)
                || sound && other.answer() == "202 accepted";
            let within = forwarded && this.clock <= other.clock + this.window;
            let replay = sound && is_timed && other.signed == this.signed && !other.is_under_other_id;
            if let (true, Some(excuse)) = (within, other.excuse(this.started)) {
                names.push(excuse);
            } else if within || replay {
                (twice, replayed) = (twice || within, replayed || replay);
            } else if forwarded {
                names.push("forwarded again after the window");
            }
        }
        for name in names {
            self.count(name);
        }
        self.promise(Promise::OnceInTheWindow, !twice);
        self.promise(Promise::NoReplay, !replayed);
    }

    /// Checks that an answer is one of the contract, and that nothing acknowledged is lost.
    pub fn check_answer(&mut self, number: usize) {
        let this = &self.attempts[number];
        let (answer, clock, now) = (this.answer().to_owned(), this.clock, self.now);
        let (window, is_under_other_id) = (this.window, this.is_under_other_id);
        let (event, genuine) = (this.event, this.signed.is_some());
        let by_contract = match (genuine && this.timely, event) {
            (false, _) => answer == "401 unauthorized",
            (true, Event::Malformed) => answer == "400 malformed",
            (true, Event::Unwanted) => answer == "200 ignored",
            _ => match answer.as_str() {
                "202 accepted" | "200 duplicate" => true,
                "503 unavailable" => this.forwarding == Forwarding::Failed,
                _ => false,
            },
        };
        self.promise(Promise::Contract, by_contract);

        let mut messages = self.messages.iter().filter(|message| message.event == event);
        match answer.as_str() {
            "202 accepted" => {
                let just_now = |message: &Message| message.at + FIFO_MEMORY + self.timeout > now;
                let is_there = messages.any(just_now);
                self.promise(Promise::Kept, is_there);
            }
            "200 duplicate" => {
                let is_there = messages.next().is_some();
                let until = |attempt: &Attempt| {
                    let signed = attempt.signed.and_then(|signed| self.requests[signed].time);
                    signed.unwrap_or_default().min(attempt.clock + SKEW).max(attempt.clock) + window
                };
                // A delivery whose id was never sent does not extend a record.
                let was_sent = |attempt: &Attempt| {
                    let sent =
                        |other: &Attempt| other.id == attempt.id && other.forwarding == Forwarding::Done;
                    self.attempts.iter().any(sent)
                };
                let remembered = self.attempts.iter().enumerate().any(|(other, attempt)| {
                    other != number
                        && (attempt.event, attempt.signed.is_some(), attempt.timely) == (event, true, true)
                        && clock <= until(attempt)
                        && was_sent(attempt)
                });
                self.count("duplicates answered");
                if is_under_other_id {
                    self.count("duplicates under another id");
                }
                self.promise(Promise::Kept, is_there);
                self.promise(Promise::NewAfterTheWindow, remembered);
            }
            "503 unavailable" => self.count("deliveries answered 503"),
            _ => {}
        }
    }
}
