//! The field `handshake` of a source: a provider's name, or a description.

use serde_json::{Map, Value};

use super::fields::{Fields, shown};
use crate::{
    receive::handshake::is_safe_to_sign,
    signature::scheme::{ChallengeMethod, Condition, Handshake, Scheme, Text},
};

/// Turns the handshake of a scheme off.
const NONE: &str = "none";

impl Fields {
    /// Takes the handshake; `default` is that of the scheme.
    pub(super) fn handshake(
        &mut self,
        scheme: Option<&Scheme>,
        default: Option<Handshake>,
    ) -> Option<Handshake> {
        let handshake = match self.take("handshake") {
            None => default,
            Some(Value::String(name)) if name == NONE => None,
            Some(Value::String(name)) => {
                let handshake = Handshake::named(&name);
                if handshake.is_none() {
                    let names = Handshake::NAMES.join(", ");
                    let what = format!("is not known: it must be {NONE}, an object, or one of {names}");
                    self.mistakes.add_value("handshake", &name, what);
                }
                handshake
            }
            Some(Value::Object(members)) => {
                Description::new(members).read().map_err(|what| self.mistakes.add("handshake", what)).ok()
            }
            Some(value) => {
                self.mistakes.add("handshake", format!("{} is not a name or an object", shown(&value)));
                None
            }
        };
        let is_unsafe = |scheme: &Scheme| !is_safe_to_sign(scheme);
        if matches!(handshake, Some(Handshake::Hmac { .. })) && scheme.is_some_and(is_unsafe) {
            let what = "asks for the HMAC-SHA256 of a text: that is only safe if the scheme's algorithm is hmac-sha256 \
                        and what it signs has a separator, such as the dot of {time}.{body}";
            self.mistakes.add("handshake", what);
        }
        handshake
    }
}

/// The members of a description that nobody took yet.
struct Description(Map<String, Value>);

impl Description {
    fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Reads a handshake with exactly the members of its kind.
    fn read(mut self) -> Result<Handshake, String> {
        let handshake = match self.required("kind")?.as_str() {
            "query" => Handshake::Query {
                method: match self.text("method")?.as_deref() {
                    None | Some("GET") => ChallengeMethod::Get,
                    Some("POST") => ChallengeMethod::Post,
                    Some(_) => return Err("has a method that is not GET or POST".to_owned()),
                },
                challenge: self.required("challenge")?.into(),
                requires: self.pair("requires")?,
                verify_token: self.text("verify_token_parameter")?.map(Text::from),
            },
            "signed" => Handshake::Signed {
                requires: self.condition()?,
                challenge: self.pointer("challenge")?,
                member: self.text("member")?.map(Text::from),
            },
            "hmac" => Handshake::Hmac {
                requires: self.condition()?,
                challenge: self.pointer("challenge")?,
                token_member: self.required("token_member")?.into(),
                mac_member: self.required("hmac_member")?.into(),
            },
            "header" => Handshake::Header { name: header_name(&self.required("header")?)? },
            "token" => Handshake::Token { pointer: self.pointer("token")? },
            "ping" => Handshake::Ping { prefix: self.required("prefix")?.into() },
            "head" => Handshake::Head,
            _ => {
                return Err(
                    "has a kind that is not query, signed, hmac, header, token, ping or head".to_owned()
                );
            }
        };
        match self.0.keys().next() {
            None => Ok(handshake),
            Some(name) => Err(format!("has a member {name} that is not one of its kind")),
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(_) => Err(format!("has a member {name} that is not a string, or is blank")),
        }
    }

    fn required(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("needs a member {name}"))
    }

    fn pointer(&mut self, name: &str) -> Result<Text, String> {
        let text = self.required(name)?;
        if text.starts_with('/') {
            return Ok(text.into());
        }
        Err(format!("has a member {name} that is not a JSON pointer, such as /data/id"))
    }

    /// Takes an object of one member, which is a string.
    fn pair(&mut self, name: &str) -> Result<Option<(Text, Text)>, String> {
        let wrong = || format!("has a member {name} that is not an object of one string");
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        let Value::Object(members) = value else { return Err(wrong()) };
        let mut members = members.into_iter();
        match (members.next(), members.next()) {
            (Some((name, Value::String(value))), None) => Ok(Some((name.into(), value.into()))),
            _ => Err(wrong()),
        }
    }

    fn condition(&mut self) -> Result<Condition, String> {
        let missing = "needs a member requires: without it, events would be taken for handshakes";
        let (pointer, value) = self.pair("requires")?.ok_or(missing)?;
        if !pointer.starts_with('/') {
            return Err("has a member requires whose name is not a JSON pointer".to_owned());
        }
        Ok(Condition { pointer, value })
    }
}

fn header_name(text: &str) -> Result<Text, String> {
    match http::HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) => Ok(name.as_str().to_owned().into()),
        Err(_) => Err("has a member header that is not the name of a header".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Handshake, String> {
        Description::new(serde_json::from_str(text).unwrap()).read()
    }

    #[test]
    fn every_providers_handshake_can_be_described() {
        for (name, text) in [
            ("asana", r#"{"kind":"header","header":"X-Hook-Secret"}"#),
            ("dropbox", r#"{"kind":"query","method":"GET","challenge":"challenge"}"#),
            (
                "meta",
                r#"{"kind":"query","challenge":"hub.challenge","requires":{"hub.mode":"subscribe"},
                    "verify_token_parameter":"hub.verify_token"}"#,
            ),
            ("microsoft-graph", r#"{"kind":"query","method":"POST","challenge":"validationToken"}"#),
            ("notion", r#"{"kind":"token","token":"/verification_token"}"#),
            (
                "slack",
                r#"{"kind":"signed","requires":{"/type":"url_verification"},"challenge":"/challenge"}"#,
            ),
            ("trello", r#"{"kind":"head"}"#),
            ("woocommerce", r#"{"kind":"ping","prefix":"webhook_id="}"#),
            (
                "zoom",
                r#"{"kind":"hmac","requires":{"/event":"endpoint.url_validation"},"challenge":"/payload/plainToken",
                    "token_member":"plainToken","hmac_member":"encryptedToken"}"#,
            ),
        ] {
            assert_eq!(read(text), Ok(Handshake::named(name).unwrap()), "{name}");
        }
    }

    #[test]
    fn a_description_has_the_members_of_its_kind_only() {
        for (text, mistake) in [
            ("{}", "needs a member kind"),
            (r#"{"kind":"echo"}"#, "has a kind that is not"),
            (r#"{"kind":"head","challenge":"x"}"#, "has a member challenge that is not one of its kind"),
            (r#"{"kind":"query"}"#, "needs a member challenge"),
            (r#"{"kind":"query","challenge":"x","method":"PUT"}"#, "has a method that is not"),
            (
                r#"{"kind":"query","challenge":"x","requires":"y"}"#,
                "has a member requires that is not an object",
            ),
            (
                r#"{"kind":"query","challenge":"x","requires":{}}"#,
                "has a member requires that is not an object",
            ),
            (r#"{"kind":"signed","challenge":"/challenge"}"#, "needs a member requires: without it"),
            (
                r#"{"kind":"signed","requires":{"type":"x"},"challenge":"/a"}"#,
                "has a member requires whose name",
            ),
            (
                r#"{"kind":"signed","requires":{"/type":"x"},"challenge":"a"}"#,
                "has a member challenge that is not a",
            ),
            (r#"{"kind":"header","header":"a b"}"#, "has a member header that is not the name"),
            (r#"{"kind":"ping","prefix":" "}"#, "has a member prefix that is not a string, or is blank"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.starts_with(mistake), "{text}: {found}");
        }
    }
}
