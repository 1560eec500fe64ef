//! Interrupted rotations, and the default place of their journals.

use std::{env, path::PathBuf};

use super::Journal;
use crate::shared::{Result, output::mode};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InterruptedRotation {
    /// The file of the journal.
    pub(crate) path: PathBuf,
    /// When it began.
    pub(crate) began_at: String,
    /// Whether the new secret is stored and in use, so that only catching up is left.
    pub(crate) is_rotated: bool,
}

/// Finds the interrupted rotation of a secret by the journal in its default place on this machine. `None` if there is
/// none for this API and mode.
///
/// # Errors
/// If there is a journal that cannot be read.
pub(crate) fn find_interrupted(
    secret: &str,
    api: &str,
    live_mode: Option<bool>,
) -> Result<Option<InterruptedRotation>> {
    default_path(secret, live_mode).map_or(Ok(None), |path| find_at(path, secret, api))
}

fn find_at(path: PathBuf, secret: &str, api: &str) -> Result<Option<InterruptedRotation>> {
    let journal = Journal::read(&path)?.filter(|journal| journal.secret == secret && journal.api == api);
    Ok(journal.map(|journal| InterruptedRotation {
        path,
        is_rotated: journal.done.is_some(),
        began_at: journal.began_at,
    }))
}

/// The file of the journal of a secret's rotation, unless the command line names another.
pub(crate) fn default_path(secret: &str, live_mode: Option<bool>) -> Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(folder("HOME")?.join(".local/state")));
    let state =
        state.ok_or("HOME is not set, so there is no default place for the journal: give --journal FILE")?;
    let name = secret.rsplit(':').next().unwrap_or(secret);
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_', "_");
    let mode = mode(live_mode);
    let mode = if mode.is_empty() { "any" } else { &mode };
    Ok(state.join("duffel-hooks").join(format!("rotate-{name}-{mode}.json")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_interrupted_rotation_is_found_by_its_secret_and_api() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rotate.json");
        let found = |secret: &str, api: &str| find_at(path.clone(), secret, api);
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
