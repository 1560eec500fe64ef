//! A source: a provider with its keys, its filter and its networks.

// An address as a value: nothing connects to it.
use core::net::IpAddr;
use std::{sync::Arc, time::SystemTime};

use super::{
    Refusal, Sources,
    filter::Filter,
    handshake::{HandshakeError, Registration, Reply},
    key_refresh::KeyRefresh,
    networks::Networks,
};
use crate::signature::{Delivery, Failed, SignatureError, Unmatched, Verified, Verifier, scheme::AnswerForm};

/// A provider that delivers to `/webhooks/{name}`.
#[derive(Debug)]
pub struct Source {
    /// Scheme and keys, and the source's name.
    pub verifier: Verifier,
    /// The origin of the keys, if they may change by themselves.
    pub key_refresh: Option<KeyRefresh>,
    /// The events that are forwarded.
    pub filter: Filter,
    /// The networks of the provider; `None` for all.
    pub allowed_ips: Option<Networks>,
    /// The handshake that its provider makes.
    pub registration: Option<Registration>,
    /// The form of its answers.
    pub answer: AnswerForm,
}

impl Source {
    /// Makes a source with keys that do not change, from which every event is forwarded.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        let (filter, answer) = (Filter::default(), AnswerForm::default());
        Self { verifier, key_refresh: None, filter, allowed_ips: None, registration: None, answer }
    }

    /// The name of the source.
    #[must_use]
    pub fn name(&self) -> &str {
        self.verifier.source()
    }

    /// Checks the address from which the gateway received a request.
    ///
    /// # Errors
    /// If the source has networks, and the address is in none of them or is not known.
    pub fn check_caller(&self, caller: Option<IpAddr>) -> Result<(), Refusal> {
        match (&self.allowed_ips, caller) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Refusal::UnknownCaller),
            (Some(networks), Some(caller)) if networks.contain(caller) => Ok(()),
            (Some(_), Some(caller)) => Err(Refusal::OtherNetwork { caller: caller.to_canonical() }),
        }
    }

    /// Returns the reply to a verified delivery that is a handshake; `None` if it is an event.
    pub(super) fn reply(
        &self,
        verified: &Verified,
        now: SystemTime,
    ) -> Result<Option<Reply>, HandshakeError> {
        let Some(registration) = &self.registration else { return Ok(None) };
        let mac = |text: &str| self.verifier.mac_by_signer(verified, text, now);
        registration.reply_to_signed(verified, mac)
    }

    /// Verifies with the keys that are active now, of this source or of the one that has replaced it. Returns that one.
    pub(super) async fn verify(
        self: Arc<Self>,
        delivery: Delivery,
        now: SystemTime,
        all: &Sources,
    ) -> Result<(Arc<Self>, Verified), Refusal> {
        if let Some(key_refresh) = &self.key_refresh
            && key_refresh.refresh_if_stale(&self.verifier, now).await
        {
            self.report_shared_keys(&all.all());
        }
        match self.verifier.attempt(delivery, now) {
            Ok(verified) => Ok((self, verified)),
            Err(Failed::Finally(error)) => Err(error.into()),
            Err(Failed::Unmatched(unmatched)) => match &self.key_refresh {
                Some(key_refresh) => {
                    let verified = self.retry(key_refresh, unmatched, now, all).await?;
                    Ok((self, verified))
                }
                None => self.retry_with_newer(unmatched, now, all).await,
            },
        }
    }

    /// Verifies with keys that are newer than those of an attempt. If there are new ones, checks that no other source
    /// shares them.
    async fn retry(
        &self,
        key_refresh: &KeyRefresh,
        unmatched: Unmatched,
        now: SystemTime,
        all: &Sources,
    ) -> Result<Verified, Refusal> {
        if key_refresh.refresh_after_mismatch(&self.verifier, now).await {
            self.report_shared_keys(&all.all());
        }
        if self.verifier.has_no_keys() {
            return Err(Refusal::SecretUnavailable);
        }
        match self.verifier.retry(unmatched, now) {
            // The previous secret may have signed it.
            Err(SignatureError::Mismatch) if !key_refresh.is_complete() => Err(Refusal::SecretUnavailable),
            result => Ok(result?),
        }
    }

    /// Verifies with the keys of the source that has replaced this one, if the sources are stored elsewhere.
    async fn retry_with_newer(
        self: Arc<Self>,
        unmatched: Unmatched,
        now: SystemTime,
        all: &Sources,
    ) -> Result<(Arc<Self>, Verified), Refusal> {
        all.refresh_after_mismatch(now).await;
        // Without one, or with this one, there are no new keys.
        let newer = all.find(self.name()).unwrap_or(self);
        let verified = newer.verifier.retry(unmatched, now)?;
        Ok((newer, verified))
    }

    /// Logs an error for each of the `others` that shares a key with this source: a delivery to one of them would be
    /// valid at the other, and a second event there.
    pub fn report_shared_keys(&self, others: &[Arc<Self>]) {
        let name = self.name();
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
