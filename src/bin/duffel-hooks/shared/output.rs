//! What people see of lists: a table when it is there, and until then how far it is.

use std::{
    cell::Cell,
    io::{self, IsTerminal, Write},
    time::SystemTime,
};

use duffel_webhook_receiver::duffel::plain;
use serde_json::Value;

/// How far a list is, for whoever watches.
#[derive(Default)]
pub(crate) struct Progress(Cell<bool>);

impl Progress {
    pub(crate) fn tell(&self, done: u64) {
        if done.is_multiple_of(200) && io::stderr().is_terminal() {
            if !self.0.replace(true) {
                end_line_when_interrupted();
            }
            let _ = write!(io::stderr(), "\r{done} read …");
        }
    }

    pub(crate) fn end(&self) {
        if self.0.take() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Lets the shell's prompt begin on a line of its own after Ctrl-C. A list leaves nothing else to be done.
fn end_line_when_interrupted() {
    #[cfg(all(unix, feature = "operate"))]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        // Listens from here on, and not when the thread gets to it.
        let Ok(mut interrupt) = ({
            let _context = runtime.enter();
            signal(SignalKind::interrupt())
        }) else {
            return;
        };
        std::thread::spawn(move || {
            runtime.block_on(interrupt.recv());
            let _ = writeln!(io::stderr());
            // As shells count an end by SIGINT.
            std::process::exit(130);
        });
    }
}

/// Columns as wide as what stands in them.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(columns: [&str; N]) -> Self {
        Self { rows: vec![columns.map(str::to_owned)] }
    }

    pub(crate) fn push(&mut self, row: [String; N]) {
        self.rows.push(row.map(|cell| if cell.is_empty() { "-".to_owned() } else { plain(&cell, 200) }));
    }

    pub(crate) fn has_rows(&self) -> bool {
        self.rows.len() > 1
    }

    /// Nothing but the heads is nothing.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if !self.has_rows() {
            let _ = writeln!(io::stderr(), "There are none.");
            return Ok(());
        }
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
        for row in &self.rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

pub(crate) fn mode(live_mode: Option<bool>) -> String {
    live_mode.map_or("", |live| if live { "live" } else { "test" }).to_owned()
}

/// When a record was created, to the second; as Duffel wrote it where that is no time.
pub(crate) fn created(at: Option<SystemTime>, raw: &Value) -> String {
    let written = || raw["created_at"].as_str().unwrap_or_default().to_owned();
    at.map_or_else(written, |at| humantime::format_rfc3339_seconds(at).to_string())
}
