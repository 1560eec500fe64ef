//! The signals by which a command is asked to end: Ctrl-C, a service manager's SIGTERM, a lost terminal's SIGHUP.

use std::io;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    /// May come twice though nobody has asked twice: from the kernel and from the shell.
    HangUp,
}

impl Signal {
    /// With which a shell counts a process that the signal has ended.
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::HangUp => 129,
        }
    }
}

/// What comes instead of the end of the process.
pub(crate) struct Signals {
    #[cfg(unix)]
    streams: [tokio::signal::unix::Signal; 3],
}

#[cfg(unix)]
impl Signals {
    /// From now on, none of them ends the process.
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
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
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
