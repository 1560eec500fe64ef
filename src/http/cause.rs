//! The causes of the log: one word for each reason why a delivery was refused, or needs attention although it was not.

use super::answer::{Answer, NotFound};
use crate::{
    ledger::Difference,
    receive::{Outcome, Refusal, handshake::HandshakeError},
    route::Unknown,
    signature::SignatureError,
};

macro_rules! causes {
    ($($cause:ident = $word:literal,)*) => {
        /// The field `cause` of a line of the log. `docs/reference.md` describes each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cause {
            $($cause,)*
        }

        impl Cause {
            /// All causes, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$cause),*];

            /// The word in the log. Metric filters, queries and tools rely on it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$cause => $word,)*
                }
            }
        }
    };
}

causes! {
    Missing = "missing",
    Malformed = "malformed",
    Mismatch = "mismatch",
    Stale = "stale",
    Future = "future",
    Mode = "mode",
    Body = "body",
    Network = "network",
    UnknownAddress = "unknown_address",
    Event = "event",
    TooLargeBody = "too_large_body",
    TooLargeMessage = "too_large_message",
    Secret = "secret",
    Ledger = "ledger",
    Queue = "queue",
    UnknownSource = "unknown_source",
    UnknownBasePath = "unknown_base_path",
    UnknownPath = "unknown_path",
    UnreadableEvent = "unreadable_event",
    OtherEventId = "other_event_id",
    OtherEventType = "other_event_type",
    OtherBody = "other_body",
    NotExtended = "not_extended",
    Unrecorded = "unrecorded",
    Undecided = "undecided",
}

impl Cause {
    /// Finds the cause that an answer has by itself.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        match answer {
            Answer::Received(Ok(Outcome::Accepted { recorded: Err(_), .. })) => Some(Self::Unrecorded),
            // It was never forwarded, which is worse than that a retry may be forwarded again.
            Answer::Received(Ok(Outcome::Duplicate { difference: Some(difference), .. })) => {
                Some(Self::from(*difference))
            }
            Answer::Received(Ok(Outcome::Duplicate { extended: Err(_), .. })) => Some(Self::NotExtended),
            Answer::Received(Err(refusal)) => Some(Self::from(refusal)),
            Answer::NotFound(NotFound::UnreadableEvent { .. }) => Some(Self::UnreadableEvent),
            Answer::NotFound(NotFound::UnknownPath { unknown, .. }) => Some(match unknown {
                Unknown::Source => Self::UnknownSource,
                Unknown::Prefix => Self::UnknownBasePath,
                Unknown::Path => Self::UnknownPath,
            }),
            Answer::Received(Ok(_)) | Answer::Healthy | Answer::MethodNotAllowed { .. } => None,
        }
    }
}

impl From<Difference> for Cause {
    fn from(difference: Difference) -> Self {
        match difference {
            Difference::EventId => Self::OtherEventId,
            Difference::EventType => Self::OtherEventType,
            Difference::Body => Self::OtherBody,
        }
    }
}

impl From<&Refusal> for Cause {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized(SignatureError::Missing) => Self::Missing,
            Refusal::Unauthorized(SignatureError::Malformed) => Self::Malformed,
            Refusal::Unauthorized(SignatureError::Mismatch) => Self::Mismatch,
            Refusal::Unauthorized(SignatureError::Stale { .. }) => Self::Stale,
            Refusal::Unauthorized(SignatureError::Future { .. }) => Self::Future,
            Refusal::Unauthorized(SignatureError::OtherMode) => Self::Mode,
            Refusal::OtherNetwork { .. } => Self::Network,
            Refusal::UnknownCaller => Self::UnknownAddress,
            Refusal::Malformed(_) => Self::Event,
            Refusal::Handshake(error) => Self::from(*error),
            Refusal::TooLargeBody(_) => Self::TooLargeBody,
            Refusal::TooLargeMessage(_) => Self::TooLargeMessage,
            Refusal::SecretUnavailable | Refusal::SourcesUnavailable => Self::Secret,
            Refusal::LedgerUnavailable(_) => Self::Ledger,
            Refusal::QueueUnavailable(_) => Self::Queue,
        }
    }
}

impl From<HandshakeError> for Cause {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::NoVerifyToken => Self::Missing,
            HandshakeError::OtherVerifyToken => Self::Mismatch,
            HandshakeError::Challenge => Self::Malformed,
            HandshakeError::SignedChallenge | HandshakeError::SignedToken | HandshakeError::CannotSign => {
                Self::Event
            }
        }
    }
}
