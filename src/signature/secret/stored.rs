//! The active secrets in the value of a stored secret, with the mode of each.

use super::{Key, Secret, SecretError};
use crate::signature::scheme::KeyForm;

mod format;

/// A secret that is in use for verification.
#[derive(Clone, Debug)]
pub struct ActiveSecret {
    pub secret: Secret,
    /// The mode of the events that the secret may sign; `None` for both.
    pub live_mode: Option<bool>,
}

/// The secrets in the value of a stored secret, in their order.
#[derive(Clone, Debug, Default)]
pub struct StoredSecrets(Vec<ActiveSecret>);

impl StoredSecrets {
    /// Returns the secrets in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, ActiveSecret> {
        self.0.iter()
    }

    /// Returns the keys that a scheme verifies with, each of them once. A secret of both modes verifies both.
    ///
    /// # Errors
    /// If a secret is not of the form that the scheme's provider uses.
    pub fn keys(&self, form: KeyForm) -> Result<Vec<Key>, SecretError> {
        let mut keys: Vec<Key> = Vec::new();
        for ActiveSecret { secret, live_mode } in self {
            let key = secret.key(form)?.in_mode(*live_mode);
            match keys.iter_mut().find(|other| other.verifies_as(&key)) {
                Some(same) if same.live_mode != key.live_mode => same.live_mode = None,
                Some(_) => {}
                None => keys.push(key),
            }
        }
        Ok(keys)
    }

    /// Returns `true` if any of the secrets has a mode.
    #[must_use]
    pub fn have_modes(&self) -> bool {
        self.0.iter().any(|active| active.live_mode.is_some())
    }
}

impl FromIterator<ActiveSecret> for StoredSecrets {
    fn from_iter<I: IntoIterator<Item = ActiveSecret>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a StoredSecrets {
    type Item = &'a ActiveSecret;
    type IntoIter = std::slice::Iter<'a, ActiveSecret>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_mode_of_its_secret_or_both() {
        let modes = |text: &str| {
            let keys = StoredSecrets::parse(text).unwrap().keys(KeyForm::RAW).unwrap();
            keys.iter().map(Key::live_mode).collect::<Vec<_>>()
        };
        assert_eq!(modes(r#"{"live":"a","test":"b","any":"c"}"#), [Some(true), Some(false), None]);
        assert_eq!(modes(r#"{"live":["a","a"]}"#), [Some(true)]);
        assert_eq!(modes(r#"{"live":"a","test":"a"}"#), [None]);
        assert_eq!(modes(r#"{"live":"a","any":"a"}"#), [None]);
        assert_eq!(modes(r#"["a","a"]"#), [None]);
    }

    #[test]
    fn nothing_confidential_is_printed() {
        let stored = StoredSecrets::parse(r#"{"live":"hush"}"#).unwrap();
        assert!(!format!("{stored:?}").contains("hush"));
    }
}
