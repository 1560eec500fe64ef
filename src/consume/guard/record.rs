//! The record of an event in a store: the rules by which it admits claims.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{claim::Claim, store::Claimed};
use crate::time::{unix_millis, unix_seconds};

/// The record of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The token of the last claim that was granted.
    pub token: String,
    pub status: Status,
    /// The end of the lease, in milliseconds since the epoch.
    pub leased_until: u64,
    /// The time from which the store may delete the record, in seconds since the epoch.
    pub expires_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    InProgress,
    Completed,
}

impl Record {
    pub(super) fn of(claim: &Claim, status: Status) -> Self {
        Self {
            token: claim.token().to_owned(),
            status,
            leased_until: claim.leased_until(),
            expires_at: claim.expires_at(),
        }
    }

    /// Returns whether the record is that of a claim which is neither completed nor replaced.
    #[must_use]
    pub fn is_held_by(&self, claim: &Claim) -> bool {
        self.status == Status::InProgress && self.token == claim.token()
    }

    /// Answers a claim.
    pub(super) fn answer(&self, claim: &Claim, now: SystemTime) -> Claimed {
        let is_expired = self.expires_at < unix_seconds(now);
        let is_free = self.status == Status::InProgress && self.leased_until < unix_millis(now);
        // A repeated claim must not undo the completion of the run that made it.
        if is_expired || is_free || self.is_held_by(claim) { Claimed::Granted } else { self.refusal() }
    }

    /// Returns the reason why a claim is not granted.
    pub(super) fn refusal(&self) -> Claimed {
        match self.status {
            Status::Completed => Claimed::Done,
            Status::InProgress => Claimed::InProgress {
                until: UNIX_EPOCH.checked_add(Duration::from_millis(self.leased_until)).unwrap_or(UNIX_EPOCH),
            },
        }
    }
}
