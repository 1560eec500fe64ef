//! The signals that ask a command to end: Ctrl-C, a service manager's SIGTERM, a lost terminal's SIGHUP.

use std::{io, sync::mpsc, thread};

use tokio::runtime::{Builder, Runtime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    /// May arrive twice for one cause: from the kernel and from the shell.
    HangUp,
}

impl Signal {
    /// The exit code that a shell reports for a process that the signal ended.
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::HangUp => 129,
        }
    }
}

/// A listener to the signals. While it listens, and afterwards, they do not end the process.
pub(crate) struct Signals {
    #[cfg(unix)]
    streams: [tokio::signal::unix::Signal; 3],
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hang_up] = kinds.map(signal);
        Ok(Self { streams: [interrupt?, terminate?, hang_up?] })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        let [interrupt, terminate, hang_up] = &mut self.streams;
        tokio::select! {
            Some(()) = interrupt.recv() => Signal::Interrupt,
            Some(()) = terminate.recv() => Signal::Terminate,
            Some(()) = hang_up.recv() => Signal::HangUp,
            else => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "it may fail on Unix")]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    pub(crate) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(feature = "operate")]
impl Signals {
    /// Waits for another signal after the first. The hang-up of one terminal may arrive twice.
    pub(crate) async fn again(&mut self) {
        while self.next().await == Signal::HangUp {}
    }
}

/// Calls a function at the first signal, on a thread of its own, for a command whose own thread blocks. Listens when
/// it returns.
///
/// # Errors
/// If the signals cannot be listened to.
pub(crate) fn on_first(then: impl FnOnce(Signal) + Send + 'static) -> io::Result<()> {
    let mut then = Some(then);
    on_each(move |signal| {
        if let Some(then) = then.take() {
            then(signal);
        }
        false
    })
}

/// As [`on_first`], but calls the function at each signal, until it returns false.
///
/// # Errors
/// If the signals cannot be listened to.
pub(crate) fn on_each(mut then: impl FnMut(Signal) -> bool + Send + 'static) -> io::Result<()> {
    let (ready, is_ready) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let listen = |runtime: Runtime| {
            let signals = runtime.block_on(async { Signals::listen() })?;
            Ok((runtime, signals))
        };
        match Builder::new_current_thread().enable_all().build().and_then(listen) {
            Ok((runtime, mut signals)) => {
                // The caller waits for this message.
                let _ = ready.send(Ok(()));
                while then(runtime.block_on(signals.next())) {}
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    })?;
    is_ready.recv().map_err(io::Error::other)?
}
