//! The signed content: which parts of a delivery a signature covers, and how they are joined.

use crate::signature::SignatureError;

/// The parts of a delivery that a signature covers, joined by dots. The body is always one of them, and so is every
/// field within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// `<body>`
    Body,
    /// `<time>.<body>`
    TimeBody,
    /// `<id>.<time>.<body>`; the id is in the header [`Family::id`](super::Family::id), and has no dot.
    IdTimeBody,
}

impl Signed {
    /// Returns `true` if a changed id invalidates the signature.
    #[must_use]
    pub fn covers_id(self) -> bool {
        matches!(self, Self::IdTimeBody)
    }

    /// Returns `true` if a changed time invalidates the signature.
    #[must_use]
    pub fn covers_time(self) -> bool {
        matches!(self, Self::TimeBody | Self::IdTimeBody)
    }

    /// Returns the signed bytes before the body, in parts. The time is the text as it was received.
    pub(in crate::signature) fn prefix<'a>(
        self,
        id: Option<&'a str>,
        time: Option<&'a str>,
    ) -> Result<[&'a str; 4], SignatureError> {
        let time = time.unwrap_or_default();
        Ok(match self {
            Self::Body => [""; 4],
            Self::TimeBody => ["", "", time, "."],
            Self::IdTimeBody => {
                // With a dot in the id, the signed bytes could be divided elsewhere: part of a body would pass for a
                // body.
                let id = id.filter(|id| !id.is_empty() && !id.contains('.'));
                [id.ok_or(SignatureError::Malformed)?, ".", time, "."]
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_joined_by_dots() {
        for (signed, joined) in
            [(Signed::Body, ""), (Signed::TimeBody, "1."), (Signed::IdTimeBody, "msg_1.1.")]
        {
            assert_eq!(signed.prefix(Some("msg_1"), Some("1")).unwrap().concat(), joined);
        }
    }

    #[test]
    fn a_signed_id_is_required_and_has_no_dot() {
        for id in [None, Some(""), Some("a.b")] {
            assert_eq!(Signed::IdTimeBody.prefix(id, Some("1")), Err(SignatureError::Malformed));
        }
    }
}
