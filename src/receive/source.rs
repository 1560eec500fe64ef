//! A source: a provider with its keys and filter.

use std::time::SystemTime;

use super::{
    Refusal,
    filter::Filter,
    handshake::{HandshakeError, Registration, Reply},
    key_refresh::KeyRefresh,
};
use crate::signature::{Delivery, Failed, SignatureError, Verified, Verifier, scheme::AnswerForm};

/// A provider that delivers to `/webhooks/{name}`.
#[derive(Debug)]
pub struct Source {
    /// Scheme and keys, and the source's name.
    pub verifier: Verifier,
    /// The origin of the keys, if they may change.
    pub key_refresh: Option<KeyRefresh>,
    /// The events that are forwarded.
    pub filter: Filter,
    /// The handshake that its provider makes.
    pub registration: Option<Registration>,
    /// The form of its answers.
    pub answer: AnswerForm,
}

impl Source {
    /// Makes a source without refresh, filter and handshake.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        let (filter, answer) = (Filter::default(), AnswerForm::default());
        Self { verifier, key_refresh: None, filter, registration: None, answer }
    }

    /// Returns the reply to a verified delivery that is a handshake; `None` if it is none.
    pub(super) fn reply(
        &self,
        verified: &Verified,
        now: SystemTime,
    ) -> Result<Option<Reply>, HandshakeError> {
        let Some(registration) = &self.registration else { return Ok(None) };
        let mac = |text: &str| self.verifier.mac_by_signer(verified, text, now);
        registration.reply_to_signed(verified, mac)
    }

    /// Verifies with the keys that are active now. If there are new ones, checks that the `others` do not share them.
    pub(super) async fn verify(
        &self,
        delivery: Delivery,
        now: SystemTime,
        others: &[Self],
    ) -> Result<Verified, Refusal> {
        let Some(key_refresh) = &self.key_refresh else { return Ok(self.verifier.verify(delivery, now)?) };
        if key_refresh.refresh_if_stale(&self.verifier, now).await {
            self.report_shared_keys(others);
        }
        let unmatched = match self.verifier.attempt(delivery, now) {
            Ok(verified) => return Ok(verified),
            Err(Failed::Finally(error)) => return Err(error.into()),
            Err(Failed::Unmatched(unmatched)) => unmatched,
        };
        if key_refresh.refresh_after_mismatch(&self.verifier, now).await {
            self.report_shared_keys(others);
        }
        if self.verifier.has_no_keys() {
            return Err(Refusal::SecretUnavailable);
        }
        match self.verifier.retry(unmatched, now) {
            // The previous secret may have signed it.
            Err(SignatureError::Mismatch) if !key_refresh.is_complete().await => {
                Err(Refusal::SecretUnavailable)
            }
            result => Ok(result?),
        }
    }

    /// Logs an error for each of the `others` that shares a key with this source: a delivery to one of them would be
    /// valid at the other, and a second event there.
    pub fn report_shared_keys(&self, others: &[Self]) {
        let name = self.verifier.source();
        for other in others.iter().map(|other| &other.verifier).filter(|other| other.source() != name) {
            if self.verifier.shares_a_key_with(other) {
                tracing::error!(
                    "source {name}: one of its secrets is also one of source {}: a delivery to one of them is valid \
                     at the other, and forwarded twice",
                    other.source()
                );
            }
        }
    }
}
