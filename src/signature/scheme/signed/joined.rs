//! The signed bytes of a delivery.

use super::MAX_PARTS;

/// The signed bytes around the body, in parts; the last ones may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::signature) struct Joined<'a> {
    pub(super) before: [&'a str; MAX_PARTS],
    pub(super) after: [&'a str; MAX_PARTS],
}

impl Joined<'_> {
    /// Calls `read` with the signed bytes, in parts.
    pub(in crate::signature) fn each(&self, body: &[u8], mut read: impl FnMut(&[u8])) {
        for part in self.before.iter().take_while(|part| !part.is_empty()) {
            read(part.as_bytes());
        }
        read(body);
        for part in self.after.iter().take_while(|part| !part.is_empty()) {
            read(part.as_bytes());
        }
    }

    /// Returns the signed bytes.
    pub(in crate::signature) fn concat(&self, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(body.len() + 64);
        self.each(body, |part| bytes.extend_from_slice(part));
        bytes
    }
}
