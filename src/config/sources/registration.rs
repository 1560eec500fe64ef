//! The registration of a source at its provider: its handshake, the verify token, and the time for an announced secret.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::fields::Fields;
use crate::{
    receive::handshake::Registration,
    signature::{
        scheme::{Handshake, Scheme},
        secret::Secret,
    },
};

/// The longest time in which secrets may be announced.
const MAX_REGISTRATION: Duration = Duration::from_hours(24);

impl Fields {
    /// Takes the handshake of the source of that name, and what belongs to it.
    pub(super) fn registration(&mut self, source: &str, scheme: Option<&Scheme>) -> Option<Registration> {
        let is_requested = self.has("handshake");
        let handshake = self.handshake(scheme, scheme.and_then(|scheme| scheme.handshake.clone()));
        let verify_token = self.verify_token(handshake.as_ref(), is_requested);
        let until = self.registration_until(handshake.as_ref());
        if let Some(until) = until.filter(|until| SystemTime::now() < *until) {
            let until = humantime::format_rfc3339_seconds(until);
            tracing::warn!(
                "source {source}: until {until}, unsigned requests that announce a secret are answered, and the secret \
                 is logged"
            );
        }
        let handshake = handshake?;
        // A scheme's handshake is off until its verify token is there.
        let lacks_token = handshake.has_verify_token() && verify_token.is_none();
        (!lacks_token).then(|| Registration::new(handshake, verify_token, until))
    }

    fn verify_token(&mut self, handshake: Option<&Handshake>, is_requested: bool) -> Option<Secret> {
        let has_token = handshake.is_some_and(Handshake::has_verify_token);
        let Some(value) = self.take("verify_token") else {
            if has_token && is_requested {
                self.mistakes.add("verify_token", "is required by this handshake");
            }
            return None;
        };
        if !has_token {
            self.mistakes
                .add("verify_token", "must not be set: the source has no handshake with such a token");
        }
        // The value is never shown: it may be another secret by mistake.
        let token = value.as_str().and_then(|text| Secret::new(text).ok());
        if token.is_none() {
            self.mistakes.add("verify_token", "is not a string, or is blank");
        }
        token
    }

    fn registration_until(&mut self, handshake: Option<&Handshake>) -> Option<SystemTime> {
        let value = self.take("registration_until")?;
        if !handshake.is_some_and(Handshake::announces_secret) {
            let what = "must not be set: the source has no handshake that announces a secret";
            self.mistakes.add("registration_until", what);
        }
        let text = value.as_str().unwrap_or_default();
        match end(text, SystemTime::now()) {
            Ok(until) => Some(until),
            Err(what) => {
                let shown = if let Value::String(text) = &value { text.clone() } else { value.to_string() };
                self.mistakes.add_value("registration_until", &shown, what);
                None
            }
        }
    }
}

/// Reads the end of a registration. It may be over: the function starts again long after.
fn end(text: &str, now: SystemTime) -> Result<SystemTime, &'static str> {
    let until =
        humantime::parse_rfc3339(text).map_err(|_| "is not a time in UTC such as 2026-11-26T12:00:00Z")?;
    if until > now + MAX_REGISTRATION {
        return Err("is more than 24 hours ahead");
    }
    Ok(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str) -> (Option<Registration>, Vec<String>) {
        let text = format!(r#"{{"it":{{"scheme":"github","secret":"x",{fields}}}}}"#);
        let (mut sources, mistakes) = crate::config::sources::read(&text, Duration::from_hours(24));
        (sources.pop().and_then(|source| source.registration), mistakes)
    }

    fn soon(seconds: u64) -> String {
        let at = SystemTime::now() + Duration::from_secs(seconds);
        humantime::format_rfc3339_seconds(at).to_string()
    }

    #[test]
    fn a_handshake_is_off_unless_it_is_requested() {
        assert!(read(r#""event_types":"*""#).0.is_none());
        let (none, mistakes) = read(r#""handshake":"none""#);
        assert!(none.is_none() && mistakes.is_empty(), "{mistakes:?}");
        let (slack, mistakes) = read(r#""handshake":"slack""#);
        assert_eq!((slack.unwrap().handshake, mistakes), (Handshake::named("slack").unwrap(), vec![]));
    }

    #[test]
    fn the_end_of_a_registration_is_at_most_a_day_ahead_or_over() {
        let now = humantime::parse_rfc3339("2026-11-26T12:00:00Z").unwrap();
        for text in ["2020-01-01T00:00:00Z", "2026-11-26T12:00:01Z", "2026-11-27T12:00:00Z"] {
            assert_eq!(end(text, now), Ok(humantime::parse_rfc3339(text).unwrap()), "{text}");
        }
        for text in ["2026-11-27T12:00:01Z", "9999-01-01T00:00:00Z", "", "tomorrow", "1h", "2026-11-26"] {
            assert!(end(text, now).is_err(), "{text}");
        }
        let (notion, mistakes) =
            read(&format!(r#""handshake":"notion","registration_until":"{}""#, soon(60)));
        assert!(notion.is_some() && mistakes.is_empty(), "{mistakes:?}");
    }

    #[test]
    fn every_mistake_names_its_field_and_no_token() {
        for (fields, mistake) in [
            (r#""handshake":"nobody""#, r#"handshake "nobody" is not known: it must be none, an object, or"#),
            (r#""handshake":1"#, "handshake 1 is not a name or an object"),
            (r#""handshake":{"kind":"head","x":1}"#, "handshake has a member x that is not"),
            (r#""handshake":"zoom""#, "handshake asks for the HMAC-SHA256 of a text"),
            (r#""handshake":"zoom","signed":"x{body}""#, "handshake asks for the HMAC-SHA256 of a text"),
            (
                r#""handshake":"zoom","signed":"x.{body}","algorithm":"hmac-sha1""#,
                "handshake asks for the HMAC-SHA256 of a text",
            ),
            (r#""handshake":"meta""#, "verify_token is required"),
            (r#""handshake":"meta","verify_token":" ""#, "verify_token is not a string, or is blank"),
            (r#""handshake":"meta","verify_token":["hush"]"#, "verify_token is not a string, or is blank"),
            (r#""handshake":"dropbox","verify_token":"hush""#, "verify_token must not be set"),
            (r#""registration_until":"2020-01-01T00:00:00Z""#, "registration_until must not be set"),
            (
                r#""handshake":"slack","registration_until":"2020-01-01T00:00:00Z""#,
                "registration_until must not be set",
            ),
            (
                r#""handshake":"asana","registration_until":"soon""#,
                r#"registration_until "soon" is not a time"#,
            ),
            (r#""handshake":"asana","registration_until":1"#, r#"registration_until "1" is not a time"#),
            (
                r#""handshake":"asana","registration_until":"9999-01-01T00:00:00Z""#,
                r#"registration_until "9999-01-01T00:00:00Z" is more than 24 hours ahead"#,
            ),
        ] {
            let (_, mistakes) = read(fields);
            let [found] = &mistakes[..] else { panic!("{fields}: {mistakes:?}") };
            assert!(found.starts_with(&format!("it: {mistake}")), "{found}");
            assert!(!found.contains("hush"), "{found}");
        }
    }
}
