//! `SOURCES`, a JSON object: `{"payments":{"scheme":"stripe","secret_arn":"arn:…"}}`.

mod answer;
mod event_fields;
mod fields;
mod handshake;
mod registration;
mod scheme;
mod source;

use std::{collections::HashMap, time::Duration};

use serde_json::value::RawValue;

use self::fields::Fields;
use super::source::{Secrets, SourceConfig};
use crate::{json::members::Members, signature::scheme::Scheme};

/// Reads all sources, and returns the mistakes in them, each with its source and field.
pub(crate) fn read(text: &str, window: Duration) -> (Vec<SourceConfig>, Vec<String>) {
    let mut reader = Reader::new(window, Place::Variable);
    reader.read(text, |source, _| source);
    reader.finish()
}

/// Where sources are described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In `SOURCES`.
    Variable,
    /// In a stored secret, which `SOURCES_ARN` names.
    Stored,
}

/// A reader of one or several descriptions of sources, whose names and secrets are unique over all of them.
pub(super) struct Reader<T> {
    window: Duration,
    place: Place,
    /// The number of the description of each name.
    names: HashMap<String, usize>,
    /// The source of each key, by its fingerprint, and of each ARN.
    keys: HashMap<[u8; 32], String>,
    arns: HashMap<String, String>,
    /// How many descriptions were read.
    count: usize,
    sources: Vec<T>,
    pub(super) mistakes: Vec<String>,
}

impl<T> Reader<T> {
    pub(super) fn new(window: Duration, place: Place) -> Self {
        let (names, keys, arns) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { window, place, names, keys, arns, count: 0, sources: Vec::new(), mistakes: Vec::new() }
    }

    /// Reads a description, and keeps what `keep` makes of each source and the text of its fields.
    pub(super) fn read(&mut self, text: &str, keep: impl Fn(SourceConfig, &str) -> T) {
        self.count += 1;
        let pairs: Members<&RawValue> = match serde_json::from_str(text) {
            Ok(pairs) => pairs,
            Err(error) => {
                let mistake = not_an_object("must be a JSON object of objects", &error);
                return self.mistakes.push(self.numbered(&mistake));
            }
        };
        for (name, fields) in pairs.0 {
            self.check_name(&name);
            let text = fields.get();
            let Ok(fields) = serde_json::from_str(text) else {
                self.mistakes.push(format!("{name} must be a JSON object"));
                continue;
            };
            let mut fields = Fields::new(fields);
            let source = fields.source(&name, self.window, self.place);
            self.mistakes.extend(fields.mistakes.0.into_iter().map(|mistake| format!("{name}: {mistake}")));
            if let Some(source) = source {
                self.check_secrets(&source);
                self.sources.push(keep(source, text));
            }
        }
    }

    /// Returns what was read, and all mistakes.
    pub(super) fn finish(mut self) -> (Vec<T>, Vec<String>) {
        if self.names.is_empty() && self.mistakes.is_empty() {
            self.mistakes.push("it has no source".to_owned());
        }
        (self.sources, self.mistakes)
    }

    fn check_name(&mut self, name: &str) {
        if name.is_empty() || !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
            let what = "is not a valid name of a source: use lower-case letters, digits, - and _ only";
            self.mistakes.push(format!("{name:?} {what}"));
        }
        match self.names.insert(name.to_owned(), self.count) {
            None => {}
            Some(first) if first == self.count => self.mistakes.push(format!("{name} appears twice")),
            Some(first) => {
                self.mistakes
                    .push(format!("{name} appears twice: in secret {first} and secret {}", self.count));
            }
        }
    }

    /// Reports secrets that two sources share: a delivery to one would be accepted by the other, as a second event.
    fn check_secrets(&mut self, source: &SourceConfig) {
        let name = &source.name;
        let mut shared = |field: &str, other: Option<String>| {
            if let Some(other) = other.filter(|other| other != name) {
                let mistake = format!("{name}: {field} is that of {other} too: each source needs its own");
                if !self.mistakes.contains(&mistake) {
                    self.mistakes.push(mistake);
                }
            }
        };
        match &source.secrets {
            Secrets::Stored(arn) => shared("secret_arn", self.arns.insert(arn.clone(), name.clone())),
            Secrets::Given(keys) => {
                for key in keys {
                    shared("secret", self.keys.insert(key.fingerprint(), name.clone()));
                }
            }
        }
    }

    /// Names the description in a mistake, if there are several.
    fn numbered(&self, mistake: &str) -> String {
        match self.place {
            Place::Variable => mistake.to_owned(),
            Place::Stored => format!("secret {} {mistake}", self.count),
        }
    }
}

/// Returns the fields of each source; none if the text is not an object of objects.
#[cfg(feature = "tool")]
pub(super) fn fields_of_sources(text: &str) -> Vec<(String, Vec<(String, serde_json::Value)>)> {
    let pairs = serde_json::from_str::<Members<Members<serde_json::Value>>>(text)
        .map(|pairs| pairs.0)
        .unwrap_or_default();
    pairs.into_iter().map(|(name, fields)| (name, fields.0)).collect()
}

/// Reads a scheme with its fields, in the form of one source's value.
///
/// # Errors
/// If there is any mistake in them; the error has all of them.
pub fn read_scheme(text: &str) -> Result<Scheme, String> {
    let fields =
        serde_json::from_str(text).map_err(|error| not_an_object("it must be a JSON object", &error))?;
    let mut fields = Fields::new(fields);
    let scheme = fields.scheme();
    fields.reject_others();
    scheme.filter(|_| fields.mistakes.0.is_empty()).ok_or_else(|| fields.mistakes.0.join("; "))
}

/// Describes the place of a syntax error only: its own message could quote a secret.
fn not_an_object(what: &str, error: &serde_json::Error) -> String {
    format!("{what} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_hours(24);

    fn mistakes(text: &str) -> Vec<String> {
        read(text, WINDOW).1
    }

    #[test]
    fn a_source_has_its_schemes_defaults() {
        let (sources, mistakes) = read(
            r#"{"duffel":{"scheme":"duffel","secret_arn":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"},
                "payments":{"scheme":"stripe","secret":["new","old"],"event_types":["payment_intent.*"],
                            "live_mode":"live"},
                "code_2":{"scheme":"github","secret":"with,comma"}}"#,
            WINDOW,
        );
        assert_eq!(mistakes, Vec::<String>::new());
        let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["duffel", "payments", "code_2"]);
        let tolerances: Vec<_> = sources.iter().map(|source| source.tolerance).collect();
        assert_eq!(tolerances[..2], [WINDOW, Duration::from_mins(5)]);
        let count =
            |source: &SourceConfig| matches!(&source.secrets, Secrets::Given(secrets) if secrets.len() == 1);
        assert!(count(&sources[2]));
    }

    #[test]
    fn names_are_path_segments_and_unique() {
        for name in ["", "Duffel", "a/b", "a b", "é", "a.b"] {
            let text = format!(r#"{{"{name}":{{"scheme":"github","secret":"x"}}}}"#);
            assert_eq!(mistakes(&text).len(), 1, "{name}");
        }
        let twice = r#"{"a":{"scheme":"github","secret":"x"},"a":{"scheme":"github","secret":"y"}}"#;
        assert_eq!(mistakes(twice), ["a appears twice"]);
        assert_eq!(mistakes("{}").len(), 1);
    }

    #[test]
    fn two_sources_have_different_secrets() {
        let two = |a: &str, b: &str| mistakes(&format!(r#"{{"a":{{{a}}},"b":{{{b}}}}}"#));
        let (github, stripe) = (r#""scheme":"github","#, r#""scheme":"stripe","#);
        for (one, other, field) in [
            (r#""secret":"hush""#, r#""secret":"hush""#, "secret"),
            (r#""secret":["x","hush"]"#, r#""secret":[" hush ","y"]"#, "secret"),
            (r#""secret_arn":"arn:x""#, r#""secret_arn":"arn:x""#, "secret_arn"),
        ] {
            for scheme in [github, stripe] {
                let mistakes = two(&format!("{github}{one}"), &format!("{scheme}{other}"));
                let [mistake] = &mistakes[..] else { panic!("{mistakes:?}") };
                assert!(mistake.starts_with(&format!("b: {field} is that of a too")), "{mistake}");
                assert!(!mistake.contains("hush") && !mistake.contains("arn:"), "{mistake}");
            }
        }
        let different =
            two(&format!(r#"{github}"secret":"hush""#), r#""scheme":"standard-webhooks","secret":"hush""#);
        assert_eq!(different, Vec::<String>::new(), "the key is another one");
        let different =
            two(&format!(r#"{github}"secret_arn":"arn:x""#), &format!(r#"{github}"secret_arn":"arn:y""#));
        assert_eq!(different, Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_reported_together_without_a_secret() {
        let text = r#"{"a":{"scheme":"github","secret":"hush","x":1},"B":{"scheme":"nah","secret":"hush"}}"#;
        let all = mistakes(text);
        assert_eq!(all.len(), 3, "{all:?}");
        for text in [text, r#""hush""#, r#"{"a":"hush"}"#, r#"{"a":{"scheme":"github","secret":{"hush":1}}}"#]
        {
            assert!(!mistakes(text).is_empty());
            assert!(!mistakes(text).concat().contains("hush"), "{:?}", mistakes(text));
        }
    }
}
