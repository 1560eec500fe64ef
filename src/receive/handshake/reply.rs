//! Replies to handshakes, and the reasons to refuse them.

use std::fmt;

use thiserror::Error;

use super::text::MAX_SIGNED_CHARS;
use crate::signature::scheme::Text;

/// The reply to a handshake.
pub enum Reply {
    Empty,
    /// It may contain what anybody sent, so it must not be read as anything but plain text.
    Text(String),
    Json(String),
    /// A header that the request had, and no body.
    Header(Text, String),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(..)")
    }
}

/// The reason why a handshake has no reply. It never contains what was sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HandshakeError {
    #[error("the handshake has no verify token")]
    NoVerifyToken,
    #[error("the verify token of the handshake is not the source's")]
    OtherVerifyToken,
    #[error(
        "the text to repeat in the handshake is missing, appears twice, is too long, or has other characters"
    )]
    Challenge,
    #[error("the text to repeat in the signed handshake is missing, too long, or has other characters")]
    SignedChallenge,
    #[error(
        "the text to sign in the handshake is not one of 1 to {MAX_SIGNED_CHARS} letters, digits, - and _: the \
         signature of another text might be a delivery's"
    )]
    SignedToken,
    #[error("the handshake asks for a signature, and the key that it is signed with cannot make one")]
    CannotSign,
}

impl HandshakeError {
    /// Returns `true` if a holder of an active secret signed the handshake.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(self, Self::SignedChallenge | Self::SignedToken | Self::CannotSign)
    }
}
