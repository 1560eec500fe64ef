//! The configuration of one source, and the rules that hold however it is written.

use std::time::Duration;

use super::error::Mistakes;
use crate::{
    receive::{
        Source,
        filter::{Filter, Mode},
        handshake::Registration,
        key_refresh::KeyRefresh,
        networks::Networks,
    },
    signature::{
        Verifier,
        scheme::{AnswerForm, KeyForm, Scheme},
        secret::{Key, Secret, SecretError},
    },
};

/// One provider.
#[derive(Debug)]
pub struct SourceConfig {
    /// The provider delivers to `/webhooks/{name}`.
    pub name: String,
    pub scheme: Scheme,
    pub secrets: Secrets,
    /// The maximum age of a signature.
    pub tolerance: Duration,
    /// The events that are wanted.
    pub filter: Filter,
    /// The networks of the provider; `None` for all.
    pub allowed_ips: Option<Networks>,
    /// The handshake that its provider makes.
    pub registration: Option<Registration>,
    /// The form of its answers.
    pub answer: AnswerForm,
}

/// The active secrets, or their place.
#[derive(Debug)]
pub enum Secrets {
    /// Given in the configuration, and made into keys.
    Given(Vec<Key>),
    /// In Secrets Manager, under this ARN.
    Stored(String),
}

impl SourceConfig {
    /// Builds the source with these keys, and a way to fetch newer ones.
    #[must_use]
    pub fn source(self, keys: Vec<Key>, key_refresh: Option<KeyRefresh>) -> Source {
        let Self { name, scheme, tolerance, filter, allowed_ips, registration, answer, .. } = self;
        let verifier = Verifier::new(&name, scheme, keys, tolerance);
        Source { verifier, key_refresh, filter, allowed_ips, registration, answer }
    }
}

/// The names under which one form of configuration has a source's secrets.
pub(super) struct SecretNames {
    /// The name of the list of secrets.
    pub(super) list: &'static str,
    /// The name of the ARN.
    pub(super) arn: &'static str,
    /// What a message about missing secrets adds.
    pub(super) alternative: &'static str,
    /// The place of the list, for warnings.
    pub(super) place: &'static str,
}

impl SecretNames {
    /// Takes the secrets of a source from a list or from Secrets Manager: exactly one of the two.
    pub(super) fn one_of(
        &self,
        source: &str,
        form: KeyForm,
        (list, arn): (Option<Vec<String>>, Option<String>),
        mistakes: &mut Mistakes,
    ) -> Option<Secrets> {
        match (list, arn) {
            (Some(_), Some(_)) => {
                mistakes.add(self.list, format_args!("and {} exclude each other", self.arn));
            }
            (None, None) => {
                mistakes.add(self.list, format_args!("or {} is required{}", self.arn, self.alternative));
            }
            (None, Some(arn)) => match check_arn(&arn) {
                Ok(()) => return Some(Secrets::Stored(arn)),
                Err(what) => mistakes.add(self.arn, what),
            },
            (Some(texts), None) => {
                let key = |text: &String| {
                    let secret = Secret::new(text)?;
                    secret.warn(source, self.place);
                    secret.key(form)
                };
                match texts.iter().map(key).collect::<Result<_, SecretError>>() {
                    Ok(keys) => return Some(Secrets::Given(keys)),
                    Err(error) => mistakes.add(self.list, format_args!("is not valid: {error}")),
                }
            }
        }
        None
    }
}

/// Checks an ARN. What is not one is never shown: it may be the secret itself.
pub(crate) fn check_arn(text: &str) -> Result<(), &'static str> {
    if text.starts_with("arn:") { Ok(()) } else { Err("is not an ARN") }
}

/// Checks the tolerance: a signature that is still accepted must not be older than the window of its event's record.
pub(super) fn check_tolerance(tolerance: Duration, window: Duration) -> Result<(), &'static str> {
    if tolerance > window {
        return Err("is longer than DEDUP_WINDOW: a signature would outlive the record of its event");
    }
    Ok(())
}

pub(super) fn parse_mode(text: &str) -> Result<Mode, &'static str> {
    match text {
        "any" => Ok(Mode::Any),
        "live" => Ok(Mode::Live),
        "test" => Ok(Mode::Test),
        _ => Err("is not one of any, live, test"),
    }
}
