//! The file from which a later run goes on. It has the ids of events and nothing of their content.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use duffel_webhook_receiver::time::parse_time;
use serde::{Deserialize, Serialize};

use super::{
    backlog::{Backlog, Open},
    cursor::Cursor,
};
use crate::shared::{Result, output::mode};

/// The file, which no other run uses at the same time.
pub(super) struct ResumeFile {
    path: PathBuf,
    live_mode: bool,
    _lock: File,
}

/// What a run leaves for the next one.
pub(super) struct Saved {
    pub(super) cursor: Cursor,
    pub(super) backlog: Backlog,
    /// The events that may have arrived: their delivery had begun, and had no response.
    pub(super) unclear: BTreeSet<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text {
    mode: String,
    /// From when on the list is read.
    after: String,
    /// The events since then that were seen, with their times.
    seen: BTreeMap<String, Option<String>>,
    /// Those that were not accepted yet, oldest first.
    open: Vec<OpenText>,
    /// Of those, the ones that may have arrived: their delivery had begun, and had no response.
    unclear: BTreeSet<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct OpenText {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    object: String,
    created_at: Option<String>,
}

impl ResumeFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Locks the file, and reads what an earlier run has left, if there was one in the same mode.
    pub(super) fn open(path: &Path, live_mode: bool) -> Result<(Self, Option<Saved>)> {
        let shown = path.display();
        let fail = |error: io::Error| format!("cannot use the file {shown} of --resume: {error}");
        let lock = File::create(with_suffix(path, ".lock")).map_err(fail)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(format!("another run uses the file {shown} of --resume").into());
            }
            // Not every file system has locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let file = Self { path: path.to_owned(), live_mode, _lock: lock };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((file, None)),
            Err(error) => return Err(fail(error).into()),
        };
        let text: Text = serde_json::from_str(&text)
            .map_err(|error| format!("{shown} is not a valid file of --resume: {error}"))?;
        let (expected, found) = (mode(Some(live_mode)), &text.mode);
        if *found != expected {
            return Err(format!(
                "{shown} is about events of {found} mode, and the access token is of {expected} mode: give another \
                 file to --resume"
            )
            .into());
        }
        let after = parse_time(&text.after);
        let after =
            after.ok_or_else(|| format!("{shown} is not a valid file of --resume: after is not a time"))?;
        let seen = text.seen.into_iter().map(|(id, at)| (id, at.as_deref().and_then(parse_time)));
        let mut backlog = Backlog::default();
        backlog.extend(text.open.into_iter().map(|open| {
            let created_at = open.created_at.as_deref().and_then(parse_time);
            Open::resume(open.id, open.kind, open.object, created_at)
        }));
        let cursor = Cursor::resume(after, seen.collect());
        Ok((file, Some(Saved { cursor, backlog, unclear: text.unclear })))
    }

    /// Writes it. After a crash, the file has either the new text or the old one.
    pub(super) fn write<'a>(
        &self,
        cursor: &Cursor,
        backlog: &Backlog,
        unclear: impl Iterator<Item = &'a String>,
    ) -> Result<()> {
        let text = Text {
            mode: mode(Some(self.live_mode)),
            after: format(cursor.after()),
            seen: cursor.seen().iter().map(|(id, at)| (id.clone(), at.map(format))).collect(),
            open: backlog.events().iter().map(OpenText::of).collect(),
            unclear: unclear.cloned().collect(),
        };
        let write = || {
            let new = with_suffix(&self.path, ".new");
            let mut file = File::create(&new)?;
            serde_json::to_writer_pretty(&mut file, &text)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&new, &self.path)
        };
        write().map_err(|error: io::Error| {
            format!("cannot write the file {} of --resume: {error}", self.path.display()).into()
        })
    }
}

impl OpenText {
    fn of(event: &Open) -> Self {
        Self {
            id: event.id.clone(),
            kind: event.kind.clone(),
            object: event.object.clone(),
            created_at: event.created_at.map(format),
        }
    }
}

/// Duffel's times have at most microseconds.
fn format(at: SystemTime) -> String {
    humantime::format_rfc3339_micros(at).to_string()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
