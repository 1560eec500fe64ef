//! The active secrets, and the selection of those that a new version keeps.

use super::{Counts, version::Version};
use crate::signature::secret::{ActiveSecret, Secret, StoredSecrets};

/// The maximum number of secrets in one version, of both modes together; the previous version is active as well.
///
/// Each costs one HMAC for a wrong signature; Secrets Manager could hold some hundreds.
pub const KEPT: usize = 10;

/// The secrets of the current and of the previous version, read together.
#[derive(Debug, Default)]
pub struct Active {
    current: Option<Version>,
    /// Each text once, the current version's first.
    secrets: Vec<ActiveSecret>,
}

impl Active {
    pub(super) fn new(current: Option<Version>, previous: Option<&Version>) -> Self {
        let mut secrets: Vec<ActiveSecret> = Vec::new();
        for version in current.iter().chain(previous) {
            let newer = secrets.len();
            for active in &version.secrets {
                let text = active.secret.expose();
                match secrets.iter().position(|other| other.secret.expose() == text) {
                    // The mode may have become known when the newer version was stored.
                    Some(index) if index < newer => {}
                    Some(index) if secrets[index].live_mode != active.live_mode => {
                        secrets[index].live_mode = None;
                    }
                    Some(_) => {}
                    None => secrets.push(active.clone()),
                }
            }
        }
        Self { current, secrets }
    }

    pub(super) fn current(&self) -> Option<&Version> {
        self.current.as_ref()
    }

    /// The numbers of active secrets.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(&self.secrets)
    }

    /// The secret of a webhook of this mode, if the current version was stored for it.
    #[must_use]
    pub fn secret_of(&self, webhook: &str, live_mode: Option<bool>) -> Option<&Secret> {
        let current = self.current.as_ref().filter(|current| current.is_of(webhook))?;
        let first = |mode| current.secrets.iter().find(|active| active.live_mode == mode);
        // A manually stored secret is a plain string.
        first(live_mode).or_else(|| first(None)).map(|active| &active.secret)
    }

    /// Whether the current version was stored for another webhook than these.
    #[must_use]
    pub fn is_of_another(&self, webhooks: &[&str]) -> bool {
        let is_of_one = |version: &Version| webhooks.iter().any(|webhook| version.is_of(webhook));
        self.current.as_ref().is_some_and(|current| current.is_of_a_webhook() && !is_of_one(current))
    }

    /// Selects all active secrets that one version can hold beside a new one of this mode.
    ///
    /// Beyond [`KEPT`] the oldest of the mode that has the most is left out, so that no mode loses its last one.
    #[must_use]
    pub fn keep_old(&self, new: Option<&Secret>, live_mode: Option<bool>) -> Selection {
        let mut kept = self.all_but(new);
        let mut dropped = Vec::new();
        while kept.len() >= KEPT {
            let number = |mode| {
                let old = kept.iter().filter(|active| active.live_mode == mode).count();
                old + usize::from(mode == live_mode)
            };
            let most =
                [Some(true), Some(false), None, live_mode].into_iter().max_by_key(|mode| number(*mode));
            let oldest = kept.iter().rposition(|active| Some(active.live_mode) == most);
            // A mode that has the most has several.
            let Some(oldest) = oldest else { break };
            dropped.push(kept.remove(oldest));
        }
        Selection { kept, dropped }
    }

    /// Selects the secrets that are known to be of the other mode.
    #[must_use]
    pub fn forget_old(&self, new: Option<&Secret>, live_mode: Option<bool>) -> Selection {
        let is_of_other =
            |active: &ActiveSecret| live_mode.zip(active.live_mode).is_some_and(|(own, other)| own != other);
        let (kept, dropped) = self.all_but(new).into_iter().partition(is_of_other);
        Selection { kept, dropped }
    }

    /// Selects the current version's, which stay active as the previous version after a new one is stored alone.
    #[must_use]
    pub fn replace(&self, new: &Secret) -> Selection {
        let all = self.all_but(Some(new)).into_iter();
        let (kept, dropped) = all.partition(|active| self.current.iter().any(|it| it.holds(&active.secret)));
        Selection { kept, dropped }
    }

    fn all_but(&self, new: Option<&Secret>) -> Vec<ActiveSecret> {
        let is_new = |active: &&ActiveSecret| new.is_some_and(|new| new.expose() == active.secret.expose());
        self.secrets.iter().filter(|active| !is_new(active)).cloned().collect()
    }
}

/// The active secrets that stay active when a new one is stored, and the others.
#[derive(Debug)]
pub struct Selection {
    kept: Vec<ActiveSecret>,
    dropped: Vec<ActiveSecret>,
}

impl Selection {
    /// The numbers of those that stay active.
    #[must_use]
    pub fn kept(&self) -> Counts {
        Counts::of(&self.kept)
    }

    /// The numbers of the others.
    #[must_use]
    pub fn dropped(&self) -> Counts {
        Counts::of(&self.dropped)
    }

    pub(super) fn after(&self, new: &ActiveSecret) -> StoredSecrets {
        [new].into_iter().chain(&self.kept).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active_in(current: &str, previous: Option<&str>) -> Active {
        let version = |text: &str| {
            let secrets = StoredSecrets::parse(text).unwrap();
            Version { id: String::new(), text: text.to_owned(), secrets }
        };
        Active::new(Some(version(current)), previous.map(version).as_ref())
    }

    fn stored(selection: &Selection, new: &str, live_mode: Option<bool>) -> String {
        let secret = Secret::new(new).unwrap();
        selection.after(&ActiveSecret { secret, live_mode }).to_json()
    }

    #[test]
    fn a_new_secret_comes_before_those_that_are_active() {
        let active = active_in(r#"{"live":"l1"}"#, Some(r#"["x1","t1"]"#));
        let old = active.keep_old(None, Some(false));
        assert_eq!(stored(&old, "t2", Some(false)), r#"{"any":["x1","t1"],"live":["l1"],"test":["t2"]}"#);
        assert_eq!(old.kept().to_string(), "1 live and 2 of unknown mode");
        assert_eq!(old.dropped().to_string(), "none");

        let again = Secret::new("t1").unwrap();
        let old = active.keep_old(Some(&again), Some(false));
        assert_eq!(stored(&old, "t1", Some(false)), r#"{"any":["x1"],"live":["l1"],"test":["t1"]}"#);
    }

    #[test]
    fn the_newer_version_decides_on_a_secrets_mode() {
        let active = active_in(r#"{"live":"a"}"#, Some(r#"["a","b"]"#));
        assert_eq!(active.counts(), Counts { live: 1, test: 0, unknown: 1 });
        let both = active_in(r#"{"live":"a","test":"a"}"#, None);
        assert_eq!(both.counts(), Counts { live: 0, test: 0, unknown: 1 });
    }

    #[test]
    fn no_mode_loses_its_last_secret_to_the_limit() {
        let tests: Vec<_> = (1..=9).map(|age| format!("\"t{age}\"")).collect();
        let text = format!(r#"{{"live":"l1","test":[{}]}}"#, tests.join(","));
        let active = active_in(&text, Some("x"));
        let old = active.keep_old(None, Some(false));
        assert_eq!(old.kept(), Counts { live: 1, test: 7, unknown: 1 });
        assert_eq!(old.dropped().to_string(), "2 test");
        let kept = stored(&old, "t0", Some(false));
        assert!(kept.contains(r#""t7"]"#), "the oldest are left out: {kept}");
        assert_eq!(StoredSecrets::parse(&kept).unwrap().iter().len(), KEPT);
        // A new one does not push out its own mode's where the other mode has more.
        let old = active.keep_old(None, Some(true));
        assert_eq!(old.kept(), Counts { live: 1, test: 7, unknown: 1 });
    }

    #[test]
    fn forgetting_keeps_the_secrets_of_the_other_mode() {
        let active = active_in(r#"{"live":["l2","l1"],"test":"t1"}"#, Some("x"));
        let old = active.forget_old(None, Some(false));
        assert_eq!(stored(&old, "t2", Some(false)), r#"{"live":["l2","l1"],"test":["t2"]}"#);
        assert_eq!(old.dropped().to_string(), "1 test and 1 of unknown mode");
        assert_eq!(stored(&active.forget_old(None, None), "n", None), r#"["n"]"#);
    }
}
