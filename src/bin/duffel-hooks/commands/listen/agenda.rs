//! What happens on other threads, and when this one goes on. Duffel and the receiver are called on other threads, so that
//! neither waits for the other, and an interruption waits for neither.

use std::{
    io,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Instant,
};

use duffel_webhook_receiver::duffel::{ApiError, EventRecord};

use super::attempt::Attempt;
use crate::shared::signals::{self, Signal};

pub(super) enum Happening {
    Listed(std::result::Result<Vec<EventRecord>, ApiError>),
    Attempted(Attempt),
    Signal(Signal),
}

/// What happens on the other threads, and what is due on this one.
pub(super) struct Agenda {
    sender: Sender<Happening>,
    happenings: Receiver<Happening>,
    pub(super) is_listing: bool,
    pub(super) next_list: Instant,
    /// Lists that failed, since the last that did not.
    pub(super) list_failures: u32,
    /// Connections to the receiver that failed, since the last that did not.
    pub(super) connection_failures: u32,
    pub(super) next_connection: Instant,
}

impl Agenda {
    pub(super) fn new() -> io::Result<Self> {
        let (sender, happenings) = mpsc::channel();
        let to_this = sender.clone();
        signals::on_each(move |signal| to_this.send(Happening::Signal(signal)).is_ok())?;
        let (next_list, next_connection) = (Instant::now(), Instant::now());
        let (list_failures, connection_failures) = (0, 0);
        Ok(Self {
            sender,
            happenings,
            is_listing: false,
            next_list,
            list_failures,
            connection_failures,
            next_connection,
        })
    }

    /// Does work on another thread.
    pub(super) fn start(&self, work: impl FnOnce() -> Happening + Send + 'static) -> io::Result<()> {
        let sender = self.sender.clone();
        // If nobody listens any more, the process ends.
        thread::Builder::new().spawn(move || drop(sender.send(work())))?;
        Ok(())
    }

    /// Waits until something happens, or until a time.
    pub(super) fn next(&self, until: Option<Instant>) -> Option<Happening> {
        match until {
            Some(until) => self.happenings.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
            None => self.happenings.recv().ok(),
        }
    }
}
