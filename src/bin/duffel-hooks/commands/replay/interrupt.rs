//! Interruptions: Ctrl-C, SIGTERM and SIGHUP take effect where no step is half done.

use std::{io, thread};

use tokio::sync::{oneshot, watch};

use crate::shared::{
    Result,
    signals::{Signal, Signals},
};

/// The number of interruptions.
#[derive(Clone)]
pub(super) struct Interruption(watch::Receiver<u8>);

impl Interruption {
    /// From now on, interruptions do not end the process.
    pub(super) fn listen() -> io::Result<Self> {
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

    pub(super) fn has_occurred(&self) -> bool {
        *self.0.borrow() > 0
    }

    pub(super) async fn wait(&mut self) {
        self.reach(1).await;
    }

    pub(super) async fn repeated(&mut self) {
        self.reach(2).await;
    }

    async fn reach(&mut self, times: u8) {
        // The channel closes after the last interruption that counts.
        if self.0.wait_for(|occurred| *occurred >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Makes a call that blocks on a thread of its own, so that an interruption is noticed meanwhile. The call goes on if its
/// result is not awaited.
pub(super) async fn run_on_thread<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    // Not a thread of the runtime, which would wait for its end.
    thread::Builder::new().spawn(move || sender.send(call()).is_ok())?;
    Ok(receiver.await?)
}
