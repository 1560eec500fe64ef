//! The handshakes of a source: what its operator configured for them, and the replies.

mod reply;
mod text;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use serde_json::{json, value::RawValue};

use self::text::{is_announceable, is_challenge, is_equal, is_signable};
pub use self::{
    reply::{HandshakeError, Reply},
    text::is_safe_to_sign,
};
use crate::{
    json::pointer,
    signature::{
        Verified,
        scheme::{Condition, Handshake},
        secret::Secret,
    },
};

/// How many announced secrets are remembered, so that each is logged once.
const MAX_REMEMBERED: usize = 16;

/// A provider's handshake, and what the operator has chosen for it.
#[derive(Debug)]
pub struct Registration {
    pub handshake: Handshake,
    /// The token that the operator gave to the provider.
    verify_token: Option<Secret>,
    /// The end of the time in which an announced secret is logged.
    until: Option<SystemTime>,
    logged: Logged,
}

impl Registration {
    #[must_use]
    pub fn new(handshake: Handshake, verify_token: Option<Secret>, until: Option<SystemTime>) -> Self {
        Self { handshake, verify_token, until, logged: Logged::default() }
    }

    /// Returns the reply to a challenge in a query: its text.
    ///
    /// # Errors
    /// If the verify token, where the operator has one, is another one, or if the challenge cannot be repeated.
    pub fn reply_to_challenge(
        &self,
        challenge: Option<&str>,
        verify_token: Option<&str>,
    ) -> Result<Reply, HandshakeError> {
        if self.handshake.has_verify_token() {
            let given = verify_token.ok_or(HandshakeError::NoVerifyToken)?;
            if !self.verify_token.as_ref().is_some_and(|known| is_equal(known.expose(), given)) {
                return Err(HandshakeError::OtherVerifyToken);
            }
        }
        let challenge = challenge.filter(|text| is_challenge(text)).ok_or(HandshakeError::Challenge)?;
        Ok(Reply::Text(challenge.to_owned()))
    }

    /// Logs a secret that was announced to the source of this name, once; `None` unless the operator asked for it.
    ///
    /// # Errors
    /// If the text cannot be a secret.
    pub fn announce(
        &self,
        source: &str,
        secret: &str,
        now: SystemTime,
    ) -> Option<Result<(), HandshakeError>> {
        let until = self.until.filter(|until| now < *until)?;
        if !is_announceable(secret) {
            return Some(Err(HandshakeError::Challenge));
        }
        if self.logged.add(secret) {
            let until = humantime::format_rfc3339_seconds(until);
            tracing::warn!(
                "source {source}: an unsigned request announced the secret {secret}: compare it with the provider's, \
                 then store it. Anybody can send such a request; they are answered until {until}"
            );
        }
        Some(Ok(()))
    }

    /// Returns the reply to a verified delivery; `None` if it is not a handshake, but an event.
    pub(super) fn reply_to_signed(
        &self,
        verified: &Verified,
        mac: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Option<Reply>, HandshakeError> {
        let (Handshake::Signed { requires, challenge, .. } | Handshake::Hmac { requires, challenge, .. }) =
            &self.handshake
        else {
            return Ok(None);
        };
        let Some(challenge) = challenge_of(verified, requires, challenge) else { return Ok(None) };
        let reply = match &self.handshake {
            Handshake::Hmac { token_member, mac_member, .. } => {
                let token =
                    Some(challenge).filter(|text| is_signable(text)).ok_or(HandshakeError::SignedToken)?;
                let mac = mac(&token).ok_or(HandshakeError::CannotSign)?;
                Reply::Json(json!({ &**token_member: token, &**mac_member: mac }).to_string())
            }
            Handshake::Signed { member, .. } => {
                let challenge = Some(challenge)
                    .filter(|text| is_challenge(text))
                    .ok_or(HandshakeError::SignedChallenge)?;
                match member {
                    Some(member) => Reply::Json(json!({ &**member: challenge }).to_string()),
                    None => Reply::Text(challenge),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(reply))
    }
}

/// Returns the challenge of a body that is a handshake, blank if the challenge is missing; `None` if the body is an event.
fn challenge_of(verified: &Verified, requires: &Condition, challenge: &str) -> Option<String> {
    let pointers = [Some(&*requires.pointer), Some(challenge)];
    let [stated, challenge] = pointer::read(verified.body(), pointers).ok()?;
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    (text(stated?)? == requires.value).then(|| challenge.and_then(text).unwrap_or_default())
}

/// The newest secrets that were logged.
#[derive(Default)]
struct Logged(Mutex<Vec<String>>);

impl Logged {
    /// Returns `false` if the secret is known.
    fn add(&self, secret: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|known| known == secret) {
            return false;
        }
        if known.len() == MAX_REMEMBERED {
            known.remove(0);
        }
        known.push(secret.to_owned());
        true
    }
}

impl fmt::Debug for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logged(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_secret_is_announced_before_the_end_of_the_registration_only() {
        let handshake = Handshake::named("notion").unwrap();
        let registration = |until| Registration::new(handshake.clone(), None, until);
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(registration(None).announce("it", "secret_x", at(0)), None);
        let until = registration(Some(at(10)));
        assert_eq!(until.announce("it", "secret_x", at(9)), Some(Ok(())));
        assert_eq!(until.announce("it", "secret_x", at(10)), None);
        for text in ["", "a b", "a\nb", "<b>", &"a".repeat(257)] {
            assert_eq!(until.announce("it", text, at(0)), Some(Err(HandshakeError::Challenge)), "{text}");
        }
    }

    #[test]
    fn the_newest_secrets_are_remembered() {
        let logged = Logged::default();
        assert!(logged.add("first") && !logged.add("first"));
        assert!((0..MAX_REMEMBERED).all(|number| logged.add(&number.to_string())));
        assert!(logged.add("first"));
        assert_eq!(logged.0.lock().unwrap().len(), MAX_REMEMBERED);
    }

    #[test]
    fn nothing_confidential_is_printed() {
        let registration = Registration::new(Handshake::Head, Some(Secret::new("hush").unwrap()), None);
        registration.logged.add("hush");
        let text = format!("{registration:?} {:?}", Reply::Text("hush".to_owned()));
        assert!(!text.contains("hush"), "{text}");
    }
}
