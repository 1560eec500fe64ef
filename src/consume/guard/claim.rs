//! A claim: the right of one run to do the work of an event.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::time::{unix_millis, unix_seconds};

/// The right of one run to do the work of an event, until its lease expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    identity: String,
    token: String,
    leased_until: u64,
    expires_at: u64,
}

impl Claim {
    /// Makes a claim with a token of its own. It has no effect before a store grants it.
    #[must_use]
    pub fn new(identity: &str, lease: Duration, retention: Duration, now: SystemTime) -> Self {
        let leased_until =
            unix_millis(now).saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        // A table must not delete a claim that still holds.
        let expires_at =
            unix_seconds(now).saturating_add(retention.as_secs()).max(leased_until.div_ceil(1000));
        Self { identity: identity.to_owned(), token: Uuid::new_v4().to_string(), leased_until, expires_at }
    }

    /// The identity of the event.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The token that distinguishes this run from all others of the event.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The end of the lease, in milliseconds since the epoch.
    #[must_use]
    pub fn leased_until(&self) -> u64 {
        self.leased_until
    }

    /// The end of the retention, in seconds since the epoch.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn claim(lease: u64, retention: u64) -> Claim {
        let now = UNIX_EPOCH + Duration::from_millis(1500);
        Claim::new("e", Duration::from_secs(lease), Duration::from_secs(retention), now)
    }

    #[test]
    fn a_claim_has_a_token_of_its_own() {
        assert_ne!(claim(1, 1).token(), claim(1, 1).token());
    }

    #[test]
    fn a_record_does_not_expire_before_its_lease() {
        let times = |claim: Claim| (claim.leased_until(), claim.expires_at());
        assert_eq!(times(claim(60, 3600)), (61_500, 3601));
        assert_eq!(times(claim(60, 0)), (61_500, 62));
        assert_eq!(times(claim(u64::MAX, u64::MAX)), (u64::MAX, u64::MAX));
    }
}
