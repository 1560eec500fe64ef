//! The value of a stored secret: one secret, a list of them, or lists by the mode of the webhook that they belong to.

use serde::Deserialize;
use serde_json::{Map, json};

use super::{ActiveSecret, StoredSecrets};
use crate::{
    json::members::Members,
    signature::secret::{Secret, SecretError, doubt},
};

const LIVE: &str = "live";
const TEST: &str = "test";
/// For secrets of unknown mode; they verify events of both.
const ANY: &str = "any";

impl StoredSecrets {
    /// Reads a plain string, a JSON string, a JSON list of strings, or a JSON object with `live`, `test` and `any`,
    /// each of them a string or a list of strings.
    ///
    /// # Errors
    /// If it has another form, or contains a blank secret or no secret at all.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let json = text.trim_matches(doubt::is_blank);
        let mut secrets = Self::default();
        match json.bytes().next() {
            Some(b'[') => secrets.add(from_json::<Texts>(json)?, None)?,
            Some(b'{') => {
                let members: Members<Texts> = from_json(json)?;
                for (index, (name, texts)) in members.0.iter().enumerate() {
                    let live_mode = match name.as_str() {
                        LIVE => Some(true),
                        TEST => Some(false),
                        ANY => None,
                        _ => return Err(SecretError::Form),
                    };
                    if members.0[..index].iter().any(|(other, _)| other == name) {
                        return Err(SecretError::Form);
                    }
                    secrets.add(texts.clone(), live_mode)?;
                }
            }
            // A plain secret may begin with a quotation mark, so a text that is not JSON is used as it is.
            Some(b'"') => {
                let text = serde_json::from_str(json).unwrap_or_else(|_| text.to_owned());
                secrets.add(Texts::One(text), None)?;
            }
            _ => secrets.add(Texts::One(text.to_owned()), None)?,
        }
        if secrets.0.is_empty() { Err(SecretError::Blank) } else { Ok(secrets) }
    }

    /// Reads the `SecretString` of
    /// [Secrets Manager](https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html);
    /// `None` is a value of bytes.
    ///
    /// # Errors
    /// Like [`StoredSecrets::parse`], and if the value is bytes.
    pub fn read(secret_string: Option<&str>) -> Result<Self, SecretError> {
        Self::parse(secret_string.ok_or(SecretError::Bytes)?)
    }

    /// Returns `true` if a `SecretString` is a list, or lists by mode. In this form rotation keeps the old secrets beside
    /// the new one.
    #[cfg(feature = "aws")]
    pub(crate) fn is_list(secret_string: &str) -> bool {
        secret_string.trim_start_matches(doubt::is_blank).starts_with(['[', '{'])
    }

    fn add(&mut self, texts: Texts, live_mode: Option<bool>) -> Result<(), SecretError> {
        let texts = match texts {
            Texts::One(text) => vec![text],
            Texts::Several(texts) => texts,
        };
        for text in texts {
            self.0.push(ActiveSecret { secret: Secret::new(&text)?, live_mode });
        }
        Ok(())
    }

    /// Returns the value to store, from which the receiver reads the mode of each secret. If no mode is known it is a
    /// list, even of a single secret, which might itself begin with a bracket.
    #[must_use]
    pub fn to_json(&self) -> String {
        let texts = |live_mode| {
            let of_mode = self.0.iter().filter(move |active| active.live_mode == live_mode);
            of_mode.map(|active| active.secret.expose()).collect::<Vec<_>>()
        };
        if self.0.iter().all(|active| active.live_mode.is_none()) {
            return json!(texts(None)).to_string();
        }
        let members = [(LIVE, Some(true)), (TEST, Some(false)), (ANY, None)];
        let members = members.map(|(name, live_mode)| (name.to_owned(), texts(live_mode)));
        let members = members.into_iter().filter(|(_, texts)| !texts.is_empty());
        json!(members.map(|(name, texts)| (name, json!(texts))).collect::<Map<_, _>>()).to_string()
    }
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

/// Parses JSON, and drops the parser's message, which could quote a secret.
fn from_json<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, SecretError> {
    serde_json::from_str(json).map_err(|_| SecretError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(String, Option<bool>)>, SecretError> {
        let secrets = StoredSecrets::parse(text)?;
        Ok(secrets.iter().map(|active| (active.secret.expose().to_owned(), active.live_mode)).collect())
    }

    fn of(secrets: &[(&str, Option<bool>)]) -> Vec<(String, Option<bool>)> {
        secrets.iter().map(|(text, live_mode)| ((*text).to_owned(), *live_mode)).collect()
    }

    #[test]
    fn a_value_is_a_string_a_list_or_an_object_of_modes() {
        for (text, secrets) in [
            ("54vFWvaSbbzYpxXPeB4YEw==\n", &[("54vFWvaSbbzYpxXPeB4YEw==", None)][..]),
            ("with,comma", &[("with,comma", None)]),
            (r#" "a JSON string" "#, &[("a JSON string", None)]),
            ("\u{feff}[\"a\"]\u{200b}", &[("a", None)]),
            (r#""not JSON"#, &[(r#""not JSON"#, None)]),
            (r#"["new", "old"]"#, &[("new", None), ("old", None)]),
            (r#"{"live":"l","test":"t"}"#, &[("l", Some(true)), ("t", Some(false))]),
            (r#"{"test":["t1","t2"],"any":"x"}"#, &[("t1", Some(false)), ("t2", Some(false)), ("x", None)]),
            (r#"{"live":[],"test":"t"}"#, &[("t", Some(false))]),
        ] {
            assert_eq!(parse(text), Ok(of(secrets)), "{text}");
        }
    }

    #[test]
    fn another_form_is_an_error() {
        for blank in
            ["", " ", "[]", "{}", r#"["new", ""]"#, r#"{"live":""}"#, r#"{"live":[],"test":[]}"#, r#""""#]
        {
            assert_eq!(parse(blank), Err(SecretError::Blank), "{blank}");
        }
        for text in [
            "[1]",
            "[\"new\"",
            r#"{"secret":"new"}"#,
            r#"{"live":1}"#,
            r#"{"live":"a","live":"b"}"#,
            r#"{"live":{"test":"a"}}"#,
            r#"{"live":"a"}x"#,
        ] {
            assert_eq!(parse(text), Err(SecretError::Form), "{text}");
        }
    }

    #[test]
    fn a_written_value_is_read_as_the_same_secrets() {
        for (secrets, json) in [
            (&[("[a", None)][..], r#"["[a"]"#),
            (&[("a", None), ("b", None)], r#"["a","b"]"#),
            (&[("a", Some(true))], r#"{"live":["a"]}"#),
            (
                &[("a", Some(true)), ("b", Some(true)), ("c", Some(false))],
                r#"{"live":["a","b"],"test":["c"]}"#,
            ),
            (&[("b", Some(false)), ("{c", None)], r#"{"any":["{c"],"test":["b"]}"#),
        ] {
            let active = secrets.iter().map(|(text, live_mode)| ActiveSecret {
                secret: Secret::new(text).unwrap(),
                live_mode: *live_mode,
            });
            let stored: StoredSecrets = active.collect();
            assert_eq!(stored.to_json(), json);
            let mut read = parse(json).unwrap();
            read.sort();
            let mut expected = of(secrets);
            expected.sort();
            assert_eq!(read, expected);
        }
    }
}
