//! Text for people: remarks, tables, numbers and times.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::duffel::plain;
use serde_json::Value;

/// Whether a line of progress is on the terminal.
static HAS_PROGRESS: AtomicBool = AtomicBool::new(false);

/// Says whether a line of progress is on the terminal, which a remark then replaces.
pub(crate) fn set_progress(is_shown: bool) {
    HAS_PROGRESS.store(is_shown, Ordering::Relaxed);
}

/// Prints a line about the work to the standard error. If it is closed, the work goes on.
pub(crate) fn remark(line: &str) {
    if HAS_PROGRESS.swap(false, Ordering::Relaxed) {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    // Not eprintln!, which panics if the terminal is gone.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Formats a number of things, such as `1 event` or `2 events`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Formats a duration to the second, such as `72 h`, `1 h 30 min` or `9 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let units = units.iter().filter(|(number, _)| *number > 0);
    let units: Vec<_> = units.map(|(number, unit)| format!("{number} {unit}")).collect();
    if units.is_empty() { "0 s".to_owned() } else { units.join(" ") }
}

/// A table whose columns are as wide as their widest cell.
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

    /// Prints the table, or only a remark if it has no rows.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{}", self.text())
    }

    /// Formats the table. If it has no rows, there is only a remark.
    pub(crate) fn text(&self) -> String {
        if !self.has_rows() {
            remark("No results.");
            return String::new();
        }
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
        let line = |row: &[String; N]| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

/// Quotes a text for a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The name of a mode; empty if it is not known.
pub(crate) fn mode(live_mode: Option<bool>) -> String {
    live_mode.map_or("", |live| if live { "live" } else { "test" }).to_owned()
}

/// The time at which a record was created, to the second; Duffel's own text if that is not a valid time.
pub(crate) fn created(at: Option<SystemTime>, raw: &Value) -> String {
    let text = || raw["created_at"].as_str().unwrap_or_default().to_owned();
    at.map_or_else(text, |at| humantime::format_rfc3339_seconds(at).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_form() {
        let text = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [0, 9, 60, 3_600, 5_400, 259_200].map(text),
            ["0 s", "9 s", "1 min", "1 h", "1 h 30 min", "72 h"]
        );
    }

    #[test]
    fn a_text_is_quoted_for_the_shell() {
        assert_eq!(quoted("it's $(x)"), r"'it'\''s $(x)'");
    }
}
