//! `SOURCES_ARN`: sources that are stored together with their secrets, in the form of `SOURCES`.

use std::{fmt, time::Duration};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    environment::Environment,
    exclude, single_source,
    source::{SourceConfig, check_arn},
    sources::{Place, Reader},
};

/// The most secrets that hold sources: each of them is one call at every refresh.
pub const MAX_SECRETS: usize = 10;

/// The most mistakes that an error shows: it is one line of the log.
const MAX_SHOWN: usize = 10;

/// A source that was read from a stored secret.
#[derive(Debug)]
pub struct StoredSource {
    pub config: SourceConfig,
    /// The SHA-256 of its description. It is equal as long as nothing of the source changes.
    pub digest: [u8; 32],
}

/// Reads the sources in the values of all stored secrets.
///
/// # Errors
/// If there is any mistake in them; the error has all of them.
pub fn read<T: AsRef<str>>(texts: &[T], window: Duration) -> Result<Vec<StoredSource>, BadSources> {
    let mut reader = Reader::new(window, Place::Stored);
    for text in texts {
        let digest = |text: &str| Sha256::digest(text).into();
        reader.read(text.as_ref(), |config, text| StoredSource { config, digest: digest(text) });
    }
    let (sources, mistakes) = reader.finish();
    if mistakes.is_empty() { Ok(sources) } else { Err(BadSources(mistakes)) }
}

/// Reads the ARNs of the secrets; `None` if the variable is not set.
pub(super) fn arns<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Option<Vec<String>> {
    const NAME: &str = "SOURCES_ARN";
    let text = environment.get(NAME)?;
    exclude(environment, &single_source::VARIABLES, NAME);
    exclude(environment, &["SOURCES"], NAME);
    let mut arns: Vec<String> = Vec::new();
    for arn in text.split(',').map(str::trim) {
        if let Err(what) = check_arn(arn) {
            environment.mistakes.add(NAME, what);
        } else if arns.iter().any(|other| other == arn) {
            environment.mistakes.add(NAME, "has the same ARN twice");
        } else {
            arns.push(arn.to_owned());
        }
    }
    if arns.len() > MAX_SECRETS {
        environment.mistakes.add(NAME, format_args!("has more than {MAX_SECRETS} ARNs"));
    }
    Some(arns)
}

/// All mistakes in stored sources, each with its source and field, and without any secret.
#[derive(Debug, Error, PartialEq, Eq)]
pub struct BadSources(pub Vec<String>);

impl fmt::Display for BadSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(MAX_SHOWN)];
        write!(f, "the sources in SOURCES_ARN are not valid: {}", shown.join("; "))?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more mistakes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(texts: &[&str]) -> Vec<String> {
        read(texts, Duration::from_hours(24)).unwrap_err().0
    }

    #[test]
    fn names_and_secrets_are_unique_over_all_secrets() {
        let one = r#"{"a":{"scheme":"github","secret":"hush"}}"#;
        assert_eq!(
            mistakes(&[one, r#"{"a":{"scheme":"github","secret":"other"}}"#]),
            ["a appears twice: in secret 1 and secret 2"]
        );
        assert_eq!(
            mistakes(&[one, r#"{"b":{"scheme":"stripe","secret":["x","hush"]}}"#]),
            ["b: secret is that of a too: each source needs its own"]
        );
        let other = r#"{"b":{"scheme":"stripe","secret":"x"}}"#;
        let names = read(&[one, other], Duration::from_hours(24)).unwrap();
        assert_eq!(names.iter().map(|source| source.config.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        // One of them may still be empty, but not all.
        assert!(read(&[one, "{}"], Duration::from_hours(24)).is_ok());
        assert_eq!(mistakes(&["{}", "{}"]), ["it has no source"]);
    }

    #[test]
    fn a_description_has_the_secrets_themselves() {
        let text = r#"{"a":{"scheme":"github","secret_arn":"arn:hush"},"b":{"scheme":"github"}}"#;
        let all = mistakes(&[text]);
        assert!(
            all[0].starts_with("a: secret_arn must not be set") && all[1] == "b: secret is required",
            "{all:?}"
        );
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn no_mistake_contains_a_secret() {
        for text in [
            r#""hush""#,
            "hush",
            r#"{"a":"hush"}"#,
            r#"{"a":{"scheme":"github","secret":{"hush":1}}}"#,
            r#"{"a":{"scheme":"github","secret":"hush""#,
            r#"{"scheme":"github","secret":"hush"}"#,
        ] {
            let mistakes = mistakes(&[text]);
            assert!(!mistakes.is_empty() && !mistakes.concat().contains("hush"), "{mistakes:?}");
        }
        assert!(mistakes(&["{", "[]"]).iter().enumerate().all(|(index, mistake)| {
            mistake.starts_with(&format!("secret {} must be a JSON object of objects", index + 1))
        }));
    }

    #[test]
    fn the_digest_of_a_source_changes_with_it_alone() {
        let digests = |text: &str| -> Vec<_> {
            read(&[text], Duration::from_hours(24)).unwrap().into_iter().map(|source| source.digest).collect()
        };
        let before =
            digests(r#"{"a":{"scheme":"github","secret":"x"},"b":{"scheme":"github","secret":"y"}}"#);
        let after =
            digests(r#"{ "a":{"scheme":"github","secret":"x"} , "b":{"scheme":"github","secret":"z"}}"#);
        assert_eq!((before[0] == after[0], before[1] == after[1]), (true, false));
    }

    #[test]
    fn an_error_is_short() {
        let one = |index: usize| format!(r#""s{index}":{{"scheme":"github"}}"#);
        let text = format!("{{{}}}", (0..1_000).map(one).collect::<Vec<_>>().join(","));
        let error = read(&[text], Duration::from_hours(24)).unwrap_err().to_string();
        assert!(error.ends_with("; and 990 more mistakes") && error.len() < 1_000, "{error}");
    }
}
