//! What an interruption leaves behind, which whoever interrupts must know.

use std::{
    io, process,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use crate::shared::{duffel::tell, signals::Signals};

/// What is so at the moment, and how to go on.
#[derive(Clone)]
pub(super) struct InterruptNotice(Arc<Mutex<String>>);

impl InterruptNotice {
    /// From now on, an interruption prints the state before it ends the process.
    ///
    /// At once, since Duffel's answer may take a minute: the same command finishes the work wherever it was.
    pub(super) fn install(text: &str) -> io::Result<Self> {
        let notice = Self(Arc::new(Mutex::new(text.to_owned())));
        let watched = notice.clone();
        let (ready, is_ready) = mpsc::channel();
        // The calls to Duffel block the command's own thread.
        thread::Builder::new().spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let listen = |runtime: tokio::runtime::Runtime| {
                let signals = runtime.block_on(async { Signals::listen() })?;
                Ok((runtime, signals))
            };
            let (runtime, mut signals) = match runtime.and_then(listen) {
                Ok(listening) => listening,
                Err(error) => return ready.send(Err(error)).is_ok(),
            };
            // Whoever waits for it is there until it comes.
            let _ = ready.send(Ok(()));
            let signal = runtime.block_on(signals.next());
            // Held, so that nothing more is said to be done.
            let text = watched.0.lock().unwrap_or_else(PoisonError::into_inner);
            tell(&format!("duffel-hooks: interrupted: {text}"));
            process::exit(signal.exit_code())
        })?;
        is_ready.recv().map_err(io::Error::other)??;
        Ok(notice)
    }

    pub(super) fn set(&self, text: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }
}
