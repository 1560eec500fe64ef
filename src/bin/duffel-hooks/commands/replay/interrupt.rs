//! Ctrl-C, SIGTERM and SIGHUP, noted as they come and heeded where nothing is half done.

use std::{io, thread};

use tokio::sync::{oneshot, watch};

use crate::shared::{
    Result,
    signals::{Signal, Signals},
};

/// How often somebody has interrupted the command.
#[derive(Clone)]
pub(super) struct Interruption(watch::Receiver<u8>);

impl Interruption {
    /// From now on, interruptions do not end the process.
    pub(super) fn awaited() -> io::Result<Self> {
        let mut signals = Signals::listen()?;
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(async move {
            let mut times = 0;
            while times < 2 {
                let signal = signals.next().await;
                if times == 1 && signal == Signal::HangUp {
                    continue;
                }
                times += 1;
                if sender.send(times).is_err() {
                    break;
                }
            }
        });
        Ok(Self(receiver))
    }

    pub(super) fn has_come(&self) -> bool {
        *self.0.borrow() > 0
    }

    pub(super) async fn come(&mut self) {
        self.reach(1).await;
    }

    pub(super) async fn repeated(&mut self) {
        self.reach(2).await;
    }

    async fn reach(&mut self, times: u8) {
        // Nobody listens any more if there can be no more.
        if self.0.wait_for(|come| *come >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Makes a call that blocks, so that an interruption is noted meanwhile; whoever does not wait for it leaves it behind.
pub(super) async fn run_on_thread<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    // Not one of the runtime's own threads, whose end the runtime's waits for.
    thread::Builder::new().spawn(move || sender.send(call()).is_ok())?;
    Ok(receiver.await?)
}
