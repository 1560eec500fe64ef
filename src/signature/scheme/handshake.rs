//! Handshakes: how providers check an endpoint before they deliver to it.

use super::Text;

/// A handshake, which is answered and never forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// An unsigned request without a body asks for the value of a query parameter.
    Query {
        method: ChallengeMethod,
        /// The parameter whose value is the answer.
        challenge: Text,
        /// A parameter that has a constant value.
        requires: Option<(Text, Text)>,
        /// The parameter with the verify token, which the operator has chosen.
        verify_token: Option<Text>,
    },
    /// A signed body asks for a value in it.
    Signed {
        requires: Condition,
        /// The JSON pointer to the answer.
        challenge: Text,
        /// The member of the answer, if that is JSON and not plain text.
        member: Option<Text>,
    },
    /// A signed body asks for the HMAC-SHA256 of a value in it, in hex.
    Hmac {
        requires: Condition,
        /// The JSON pointer to the value.
        challenge: Text,
        /// The member of the answer that has the value again.
        token_member: Text,
        /// The member of the answer that has the HMAC.
        mac_member: Text,
    },
    /// An unsigned request announces the secret in a header, which the answer repeats. Only during a registration.
    Header { name: Text },
    /// An unsigned body announces the secret at a JSON pointer. Only during a registration.
    Token { pointer: Text },
    /// An unsigned body consists of this text and a number.
    Ping { prefix: Text },
    /// A request with the method HEAD.
    Head,
}

/// A JSON pointer with the text that is there in every handshake, and in no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub pointer: Text,
    pub value: Text,
}

/// The method of a request with a challenge in its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeMethod {
    Get,
    Post,
}

impl Handshake {
    /// The names of the providers' handshakes.
    pub const NAMES: [&str; 9] =
        ["asana", "dropbox", "meta", "microsoft-graph", "notion", "slack", "trello", "woocommerce", "zoom"];

    /// Returns a provider's handshake.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "asana" => Self::Header { name: "x-hook-secret".into() },
            "dropbox" => Self::query(ChallengeMethod::Get, "challenge"),
            "meta" => Self::Query {
                method: ChallengeMethod::Get,
                challenge: "hub.challenge".into(),
                requires: Some(("hub.mode".into(), "subscribe".into())),
                verify_token: Some("hub.verify_token".into()),
            },
            "microsoft-graph" => Self::query(ChallengeMethod::Post, "validationToken"),
            "notion" => Self::Token { pointer: "/verification_token".into() },
            "slack" => Self::Signed {
                requires: Condition { pointer: "/type".into(), value: "url_verification".into() },
                challenge: "/challenge".into(),
                member: None,
            },
            "trello" => Self::Head,
            "woocommerce" => Self::Ping { prefix: "webhook_id=".into() },
            "zoom" => Self::Hmac {
                requires: Condition { pointer: "/event".into(), value: "endpoint.url_validation".into() },
                challenge: "/payload/plainToken".into(),
                token_member: "plainToken".into(),
                mac_member: "encryptedToken".into(),
            },
            _ => return None,
        })
    }

    fn query(method: ChallengeMethod, challenge: &'static str) -> Self {
        Self::Query { method, challenge: challenge.into(), requires: None, verify_token: None }
    }

    /// Returns `true` if the request announces the secret, so that it is only answered during a registration.
    #[must_use]
    pub fn announces_secret(&self) -> bool {
        matches!(self, Self::Header { .. } | Self::Token { .. })
    }

    /// Returns `true` if the request has a verify token.
    #[must_use]
    pub fn has_verify_token(&self) -> bool {
        matches!(self, Self::Query { verify_token: Some(_), .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_handshake_of_its_own() {
        let all: Vec<_> = Handshake::NAMES.iter().map(|name| Handshake::named(name).unwrap()).collect();
        for (index, handshake) in all.iter().enumerate() {
            assert!(!all[..index].contains(handshake), "{handshake:?}");
        }
        assert_eq!(Handshake::named("nobody"), None);
    }

    #[test]
    fn secrets_are_announced_by_two_providers_only() {
        let announcing = |name: &&str| Handshake::named(name).unwrap().announces_secret();
        let names: Vec<_> = Handshake::NAMES.into_iter().filter(announcing).collect();
        assert_eq!(names, ["asana", "notion"]);
    }
}
