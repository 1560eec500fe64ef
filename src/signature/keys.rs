//! The set of a source's active keys, compared by what they verify.

use std::sync::Arc;

use super::secret::Key;

/// Distinct keys in their order; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Keys(Arc<[Key]>);

impl Keys {
    /// Keeps each key once. If two differ in their mode, the first counts.
    pub(super) fn new(keys: Vec<Key>) -> Self {
        let mut distinct = Vec::with_capacity(keys.len());
        for key in keys {
            if !contains(&distinct, &key) {
                distinct.push(key);
            }
        }
        Self(distinct.into())
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether a key of the set verifies what this key verifies.
    pub(super) fn contains(&self, key: &Key) -> bool {
        contains(&self.0, key)
    }

    /// Returns the keys that the other set does not contain.
    pub(super) fn without(&self, other: &Self) -> Self {
        Self(self.iter().filter(|key| !other.contains(key)).cloned().collect())
    }
}

fn contains(keys: &[Key], key: &Key) -> bool {
    keys.iter().any(|other| other.verifies_as(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{scheme::KeyForm, secret::Secret};

    fn keys(texts: &[&str]) -> Keys {
        let key = |text: &&str| Secret::new(text).unwrap().key(KeyForm::RAW).unwrap();
        Keys::new(texts.iter().map(key).collect())
    }

    #[test]
    fn equal_keys_are_kept_once() {
        assert_eq!(keys(&["a", "b", "a", "a"]).iter().count(), 2);
        assert!(keys(&[]).is_empty());
    }

    #[test]
    fn the_difference_of_two_sets_has_the_new_keys_only() {
        let (old, new) = (keys(&["a", "b"]), keys(&["b", "c"]));
        assert_eq!(new.without(&old).iter().count(), 1);
        assert!(!new.without(&old).contains(&old.0[1]));
        assert!(new.without(&new).is_empty());
    }
}
