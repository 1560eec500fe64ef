//! The form of answers, for providers that insist on one.

/// The form of the answers of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerForm {
    /// The status for deliveries that need no retry; `None` for the usual ones.
    pub status: Option<AcceptedStatus>,
    /// `true` if no answer has a body, whatever its status.
    pub is_empty: bool,
}

impl AnswerForm {
    /// The usual form: each outcome has its own status, and a body.
    pub const NORMAL: Self = Self { status: None, is_empty: false };
    /// 200 for every delivery that needs no retry.
    pub const OK: Self = Self { status: Some(AcceptedStatus::Ok), is_empty: false };
    /// The same, and no answer has a body.
    pub const OK_EMPTY: Self = Self { is_empty: true, ..Self::OK };
    /// 204 for every delivery that needs no retry.
    pub const NO_CONTENT: Self = Self { status: Some(AcceptedStatus::NoContent), is_empty: false };
}

/// A status that acknowledges a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptedStatus {
    Ok,
    Created,
    Accepted,
    /// Its answers have no body.
    NoContent,
}

impl AcceptedStatus {
    /// All of them, with their numbers.
    pub const ALL: [(u16, Self); 4] =
        [(200, Self::Ok), (201, Self::Created), (202, Self::Accepted), (204, Self::NoContent)];
}
