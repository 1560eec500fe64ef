//! A message in the queue, with what SQS knows of its receipts.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use crate::commands::serve::mapping::message::{Queued, Received};

pub(super) struct Entry {
    pub(super) message: Arc<Queued>,
    pub(super) receives: u32,
    /// If it was received.
    pub(super) first_received_at: SystemTime,
    pub(super) state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Visible,
    /// Part of a batch that was not answered yet. Invisible until then, if it is not deleted.
    InFlight(Instant),
    Invisible(Instant),
}

impl Entry {
    pub(super) fn new(message: Queued) -> Self {
        let first_received_at = message.sent_at();
        Self { message: Arc::new(message), receives: 0, first_received_at, state: State::Visible }
    }

    pub(super) fn group(&self) -> &str {
        self.message.group()
    }

    pub(super) fn is_visible(&self, now: Instant) -> bool {
        match self.state {
            State::Visible => true,
            State::InFlight(_) => false,
            State::Invisible(until) => until <= now,
        }
    }

    /// Counts a receipt, after which the message is invisible until a time.
    pub(super) fn receive(&mut self, at: SystemTime, invisible_until: Instant) -> Received {
        if self.receives == 0 {
            self.first_received_at = at;
        }
        self.receives += 1;
        self.state = State::InFlight(invisible_until);
        self.received()
    }

    /// Undoes the last receipt.
    pub(super) fn put_back(&mut self) {
        self.receives = self.receives.saturating_sub(1);
        self.state = State::Visible;
    }

    /// The message as it was received last.
    pub(super) fn received(&self) -> Received {
        let Self { message, receives, first_received_at, .. } = self;
        Received { message: Arc::clone(message), receives: *receives, first_received_at: *first_received_at }
    }
}
