//! What must be known to go on with a rotation: on the disk before the webhook is deleted, and never a secret.

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::{duffel::Webhook, time::parse_time};
use serde::{Deserialize, Serialize};

use crate::shared::Result;

/// A rotation that has begun.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    /// Where Duffel's API is.
    pub(crate) api: String,
    pub(crate) live_mode: Option<bool>,
    /// The ARN of the secret.
    pub(crate) secret: String,
    /// The id of the webhook that is replaced, if there was one.
    pub(crate) replaces: Option<String>,
    /// Where that one delivered.
    #[serde(default)]
    pub(crate) replaced_url: Option<String>,
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    pub(crate) active: bool,
    began_at: String,
    /// When the first rotation before it began that was not caught up, if there was one.
    #[serde(default)]
    behind_since: Option<String>,
    pub(crate) forget_old: bool,
    /// Whether that was asked for although a secret of the other mode's webhook may be among them.
    #[serde(default)]
    pub(crate) only: bool,
    /// What is there when only catching up is left.
    #[serde(default)]
    pub(crate) done: Option<Done>,
}

/// A rotation of which the new secret is stored and was found to be in use.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Done {
    /// The id of the new webhook.
    pub(crate) webhook: String,
    pub(crate) at: String,
}

impl Journal {
    /// The rotation of a webhook, if there is one, that begins now: it shall be what it is, but for its secret.
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
            only: false,
            done: None,
        }
    }

    pub(crate) fn began_at(&self) -> Option<SystemTime> {
        parse_time(&self.began_at)
    }

    /// When the first rotation began that is not caught up: this one, or one before it.
    pub(crate) fn behind_since(&self) -> Option<SystemTime> {
        let earlier = self.behind_since.as_deref().and_then(parse_time);
        earlier.into_iter().chain(self.began_at()).min()
    }

    /// Takes on catching up for a rotation that did not end.
    pub(crate) fn take_over(&mut self, earlier: &Self) {
        self.behind_since = earlier.behind_since.clone().or_else(|| Some(earlier.began_at.clone()));
    }

    /// Only catching up is left to do.
    pub(crate) fn mark_done(&mut self, webhook: &str) {
        self.done = Some(Done { webhook: webhook.to_owned(), at: now() });
    }

    /// When it was done, or else began.
    pub(crate) fn date(&self) -> &str {
        self.done.as_ref().map_or(&self.began_at, |done| &done.at)
    }

    /// How long ago that was.
    pub(crate) fn age(&self) -> Duration {
        let date = parse_time(self.date()).unwrap_or(SystemTime::UNIX_EPOCH);
        SystemTime::now().duration_since(date).unwrap_or_default()
    }

    /// Reads the journal of a rotation that did not end; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read the journal {}: {error}", path.display()).into()),
        };
        let journal: Self = serde_json::from_str(&text)
            .map_err(|error| format!("{} is no journal of a rotation: {error}", path.display()))?;
        if journal.began_at().is_none() {
            return Err(format!("{} does not tell when it began", path.display()).into());
        }
        Ok(Some(journal))
    }

    /// Writes it so that after a crash it is there as a whole, or as it was before.
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
                "cannot write the journal {} ({error}): choose another target with --journal",
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

/// Makes a renaming in a folder last.
fn sync(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A rotation that did not end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// The journal's.
    pub(crate) path: PathBuf,
    /// When it began, as a date.
    pub(crate) began_at: String,
    /// The webhook works with its new secret, and only catching up is left.
    pub(crate) is_rotated: bool,
}

/// The rotation of a secret that was interrupted on this machine, as the journal in its usual target says; `None` if
/// there is none for this API and mode.
///
/// # Errors
/// If there is a journal that cannot be read.
pub(crate) fn unfinished(secret: &str, api: &str, live_mode: Option<bool>) -> Result<Option<Unfinished>> {
    default_path(secret, live_mode).map_or(Ok(None), |path| unfinished_at(path, secret, api))
}

fn unfinished_at(path: PathBuf, secret: &str, api: &str) -> Result<Option<Unfinished>> {
    let journal = Journal::read(&path)?.filter(|journal| journal.secret == secret && journal.api == api);
    Ok(journal.map(|journal| Unfinished {
        path,
        is_rotated: journal.done.is_some(),
        began_at: journal.began_at,
    }))
}

/// Where the journal of a secret's rotation is, unless somebody says otherwise.
pub(crate) fn default_path(secret: &str, live_mode: Option<bool>) -> Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(folder("HOME")?.join(".local/state")));
    let state = state.ok_or("there is no HOME to keep the journal in: say where with --journal FILE")?;
    let name = secret.rsplit(':').next().unwrap_or(secret);
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_', "_");
    let mode = crate::shared::output::mode(live_mode);
    let mode = if mode.is_empty() { "any" } else { &mode };
    Ok(state.join("duffel-hooks").join(format!("rotate-{name}-{mode}.json")))
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
        assert!(Journal::read(&path).unwrap_err().to_string().contains("is no journal of a rotation"));
    }
    #[test]
    fn an_unfinished_rotation_is_found_by_its_secret_and_api() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rotate.json");
        let found = |secret: &str, api: &str| unfinished_at(path.clone(), secret, api);
        assert_eq!(found("arn", "https://api").unwrap(), None);
        let mut journal = Journal::new("https://api", Some(true), "arn", None, "https://example.com", &[]);
        journal.write(&path).unwrap();
        assert!(!found("arn", "https://api").unwrap().unwrap().is_rotated);
        assert_eq!(found("another", "https://api").unwrap(), None);
        assert_eq!(found("arn", "https://another").unwrap(), None);
        journal.mark_done("end_1");
        journal.write(&path).unwrap();
        assert!(found("arn", "https://api").unwrap().unwrap().is_rotated);
        fs::write(&path, "{").unwrap();
        assert!(found("arn", "https://api").is_err());
    }
}
