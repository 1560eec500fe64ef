//! The notice at an interruption: what is left behind, and how to go on.

use std::{
    io, process,
    sync::{Arc, Mutex, PoisonError},
};

use crate::shared::{output::remark, signals};

#[derive(Clone)]
pub(super) struct InterruptNotice(Arc<Mutex<String>>);

impl InterruptNotice {
    /// From now on, an interruption prints the notice before it ends the process.
    ///
    /// It ends the process at once, as Duffel may take a minute to respond: the same command finishes the work.
    pub(super) fn install(text: &str) -> io::Result<Self> {
        let notice = Self(Arc::new(Mutex::new(text.to_owned())));
        let printed = notice.clone();
        signals::on_first(move |signal| {
            // Locked until the end, so that no later step is reported as done.
            let text = printed.0.lock().unwrap_or_else(PoisonError::into_inner);
            remark(&format!("duffel-hooks: interrupted: {text}"));
            process::exit(signal.exit_code())
        })?;
        Ok(notice)
    }

    pub(super) fn set(&self, text: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }
}
