//! The journal of a rotation: what is needed to resume it. It is on the disk before the webhook is deleted, and never
//! holds a secret.

mod interrupted;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::{duffel::Webhook, time::parse_time};
use serde::{Deserialize, Serialize};

pub(crate) use self::interrupted::{InterruptedRotation, default_path, find_interrupted};
use crate::shared::Result;

/// A rotation that has begun.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    /// The URL of Duffel's API.
    pub(crate) api: String,
    pub(crate) live_mode: Option<bool>,
    /// The ARN of the secret.
    pub(crate) secret: String,
    /// The id of the old webhook, if there was one.
    pub(crate) replaces: Option<String>,
    /// The URL of the old webhook.
    #[serde(default)]
    pub(crate) replaced_url: Option<String>,
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    pub(crate) active: bool,
    began_at: String,
    /// When the first of the rotations before it began that did not catch up, if there was one.
    #[serde(default)]
    behind_since: Option<String>,
    pub(crate) forget_old: bool,
    /// Whether they may include a secret of the other mode's webhook.
    #[serde(default, rename = "only")]
    pub(crate) forget_other_mode: bool,
    /// The result, if only catching up is left.
    #[serde(default)]
    pub(crate) done: Option<Done>,
}

/// A rotation whose new secret is stored and in use.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Done {
    /// The id of the new webhook.
    pub(crate) webhook: String,
    pub(crate) at: String,
}

impl Journal {
    /// Begins the rotation of a webhook, if there is one. All but its secret stays the same.
    pub(crate) fn new(
        api: &str,
        live_mode: Option<bool>,
        secret: &str,
        webhook: Option<&Webhook>,
        url: &str,
        events: &[String],
    ) -> Self {
        Self {
            api: api.to_owned(),
            live_mode: webhook.and_then(|webhook| webhook.live_mode).or(live_mode),
            secret: secret.to_owned(),
            replaces: webhook.map(|webhook| webhook.id.clone()),
            replaced_url: webhook.and_then(|webhook| webhook.url.clone()),
            url: url.to_owned(),
            events: events.to_vec(),
            active: webhook.is_none_or(|webhook| webhook.active != Some(false)),
            began_at: now(),
            behind_since: None,
            forget_old: false,
            forget_other_mode: false,
            done: None,
        }
    }

    pub(crate) fn began_at(&self) -> Option<SystemTime> {
        parse_time(&self.began_at)
    }

    /// When the first rotation began that has not caught up: this one, or one before it.
    pub(crate) fn behind_since(&self) -> Option<SystemTime> {
        let earlier = self.behind_since.as_deref().and_then(parse_time);
        earlier.into_iter().chain(self.began_at()).min()
    }

    /// Takes over catching up for an interrupted rotation.
    pub(crate) fn take_over(&mut self, earlier: &Self) {
        self.behind_since = earlier.behind_since.clone().or_else(|| Some(earlier.began_at.clone()));
    }

    /// Records that only catching up is left.
    pub(crate) fn mark_done(&mut self, webhook: &str) {
        self.done = Some(Done { webhook: webhook.to_owned(), at: now() });
    }

    /// When it was done, or else when it began.
    pub(crate) fn date(&self) -> &str {
        self.done.as_ref().map_or(&self.began_at, |done| &done.at)
    }

    /// The time since [`Journal::date`].
    pub(crate) fn age(&self) -> Duration {
        let date = parse_time(self.date()).unwrap_or(SystemTime::UNIX_EPOCH);
        SystemTime::now().duration_since(date).unwrap_or_default()
    }

    /// Reads the journal of an interrupted rotation; `None` if there is no journal.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read the journal {}: {error}", path.display()).into()),
        };
        let journal: Self = serde_json::from_str(&text)
            .map_err(|error| format!("{} is not a valid journal of a rotation: {error}", path.display()))?;
        if journal.began_at().is_none() {
            return Err(format!(
                "{} is not a valid journal of a rotation: began_at is not a time",
                path.display()
            )
            .into());
        }
        Ok(Some(journal))
    }

    /// Writes it to the disk. After a crash, the file has either the new text or the old one.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let write = || {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let new = path.with_extension("new");
            let mut file = File::create(&new)?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            sync(folder)
        };
        write().map_err(|error: io::Error| {
            format!(
                "cannot write the journal {} ({error}): choose another place with --journal",
                path.display()
            )
            .into()
        })
    }

    pub(crate) fn remove(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Makes the renaming of a file in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    // Only Unix can open a folder.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/rotate.json");
        assert_eq!(Journal::read(&path).unwrap(), None);
        let url = "https://example.com/webhooks/duffel";
        let events = ["order.created".to_owned()];
        let mut journal = Journal::new("https://api", Some(true), "arn", None, url, &events);
        journal.write(&path).unwrap();
        journal.mark_done("end_1");
        journal.write(&path).unwrap();
        assert_eq!(Journal::read(&path).unwrap(), Some(journal));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        Journal::remove(&path).unwrap();
        Journal::remove(&path).unwrap();
        assert_eq!(Journal::read(&path).unwrap(), None);
        fs::write(&path, "{").unwrap();
        assert!(
            Journal::read(&path).unwrap_err().to_string().contains("is not a valid journal of a rotation")
        );
    }
}
