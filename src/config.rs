//! The environment, read once; every mistake in it is named at the start, all at once.

pub mod sources;

use std::{fmt, time::Duration};

use thiserror::Error;

use crate::{
    receive::{
        Source,
        filter::{Filter, Mode},
        key_refresh::KeyRefresh,
    },
    route::BasePath,
    signature::{
        Verifier,
        scheme::Scheme,
        secret::{Key, Secret, SecretError},
    },
};

/// How long what was forwarded is remembered: more than the 72 h for which Duffel delivers again.
pub const DEFAULT_WINDOW: Duration = Duration::from_hours(7 * 24);

const MAX_WINDOW: Duration = Duration::from_hours(10 * 365 * 24);

/// The variables that are read here; the SDK and the runtime read their own.
pub const VARIABLES: [&str; 10] = [
    "QUEUE_URL",
    "LEDGER_TABLE",
    "DEDUP_WINDOW",
    "SOURCES",
    "WEBHOOK_SECRET",
    "WEBHOOK_SECRET_ARN",
    "SIGNATURE_TOLERANCE",
    "EVENT_TYPES",
    "LIVE_MODE",
    "BASE_PATH",
];

/// Those that configure the one source `duffel`, where `SOURCES` does not say what there is.
const ONE_SOURCE: [&str; 5] =
    ["WEBHOOK_SECRET", "WEBHOOK_SECRET_ARN", "SIGNATURE_TOLERANCE", "EVENT_TYPES", "LIVE_MODE"];

const MAX_QUOTED_CHARS: usize = 100;

const ONE_SOURCE_NAME: &str = "duffel";

/// What the environment asks for.
#[derive(Debug)]
pub struct Config {
    /// The FIFO queue; read from `QUEUE_URL`.
    pub queue_url: String,
    /// The `DynamoDB` table, where there is one; read from `LEDGER_TABLE`.
    pub ledger_table: Option<String>,
    /// How long what was forwarded is remembered; read from `DEDUP_WINDOW`.
    pub window: Duration,
    /// Who delivers; read from `SOURCES`, or else `WEBHOOK_SECRET` and the like.
    pub sources: Vec<SourceConfig>,
    /// What stands in front of `/webhooks/` on a custom domain; read from `BASE_PATH`.
    pub base_path: Option<BasePath>,
}

/// One provider.
#[derive(Debug)]
pub struct SourceConfig {
    /// It delivers to `/webhooks/{name}`.
    pub name: String,
    pub scheme: Scheme,
    pub secrets: Secrets,
    /// How old a signature may be.
    pub tolerance: Duration,
    /// Which events are wanted.
    pub filter: Filter,
}

/// Where the active secrets are.
#[derive(Debug)]
pub enum Secrets {
    /// Here, made into keys.
    Given(Vec<Key>),
    /// In Secrets Manager, under this ARN.
    Stored(String),
}

impl SourceConfig {
    /// Builds the source with these keys, and where newer ones come from.
    #[must_use]
    pub fn source(self, keys: Vec<Key>, key_refresh: Option<KeyRefresh>) -> Source {
        let Self { name, scheme, tolerance, filter, .. } = self;
        Source { verifier: Verifier::new(&name, scheme, keys, tolerance), key_refresh, filter }
    }
}

/// The mistakes of an environment, each with the name of its variable.
#[derive(Debug, Error, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong: {}", self.0.join("; "))
    }
}

impl Config {
    /// Reads the variables through `variable`; one that is set to nothing counts as unset.
    ///
    /// # Errors
    /// With all mistakes there are.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut environment = Environment::new(variable);
        let queue_url = environment.queue_url();
        let ledger_table = environment.get("LEDGER_TABLE");
        let window = environment.duration("DEDUP_WINDOW").unwrap_or(DEFAULT_WINDOW);
        let sources = environment.sources(window);
        let base_path = environment.base_path();
        match (queue_url, environment.mistakes.is_empty()) {
            (Some(queue_url), true) => Ok(Self { queue_url, ledger_table, window, sources, base_path }),
            _ => Err(ConfigError(environment.mistakes)),
        }
    }
}

pub(crate) struct Environment<F> {
    variable: F,
    mistakes: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    pub(crate) fn new(variable: F) -> Self {
        Self { variable, mistakes: Vec::new() }
    }

    /// What was read, if there was no mistake in it.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, ConfigError> {
        if self.mistakes.is_empty() { Ok(read) } else { Err(ConfigError(self.mistakes)) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(crate) fn mistake(&mut self, name: &str, what: impl fmt::Display) {
        self.mistakes.push(format!("{name} {what}"));
    }

    /// A mistake in a value that is shown; that of a secret, or of what may be one by mistake, is not.
    pub(crate) fn refuse(&mut self, name: &str, value: &str, what: impl fmt::Display) {
        self.mistake(name, format_args!("{} {what}", quoted(value)));
    }

    fn queue_url(&mut self) -> Option<String> {
        let url = self.get("QUEUE_URL");
        match &url {
            None => self.mistake("QUEUE_URL", "is required: the URL of a FIFO queue"),
            Some(url) if !is_queue_url(url) => {
                self.refuse("QUEUE_URL", url, "is not the http(s) URL of a FIFO queue, ending in .fifo");
            }
            Some(_) => {}
        }
        url
    }

    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        let value = self.get(name)?;
        parse_duration(&value).map_err(|what| self.refuse(name, &value, what)).ok()
    }

    fn base_path(&mut self) -> Option<BasePath> {
        let text = self.get("BASE_PATH")?;
        let path = BasePath::new(&text);
        if path.is_none() {
            self.mistake(
                "BASE_PATH",
                format!("{text:?} is not a path such as /in, without a slash at its end"),
            );
        }
        path
    }

    fn sources(&mut self, window: Duration) -> Vec<SourceConfig> {
        let Some(text) = self.get("SOURCES") else { return self.one_source(window).into_iter().collect() };
        for name in ONE_SOURCE {
            if self.get(name).is_some() {
                self.mistake(name, "must not be set beside SOURCES, which says it source by source");
            }
        }
        let (sources, mistakes) = sources::read(&text, window);
        self.mistakes.extend(mistakes.into_iter().map(|mistake| format!("SOURCES: {mistake}")));
        sources
    }

    fn one_source(&mut self, window: Duration) -> Option<SourceConfig> {
        let secrets = self.secrets();
        let tolerance = self.duration("SIGNATURE_TOLERANCE").unwrap_or(window);
        if let Err(what) = check_tolerance(tolerance, window) {
            let value = self.get("SIGNATURE_TOLERANCE").unwrap_or_default();
            self.refuse("SIGNATURE_TOLERANCE", &value, what);
        }
        let types = self.get("EVENT_TYPES").unwrap_or_else(|| "*".to_owned());
        let patterns: Vec<_> = types.split(',').map(str::trim).collect();
        if patterns.contains(&"") {
            self.refuse("EVENT_TYPES", &types, "has a blank type between its commas");
        }
        let value = self.get("LIVE_MODE").unwrap_or_else(|| "any".to_owned());
        let mode = parse_mode(&value).map_err(|what| self.refuse("LIVE_MODE", &value, what));
        let filter = Filter::new(patterns, mode.unwrap_or_default());
        Some(SourceConfig {
            name: ONE_SOURCE_NAME.to_owned(),
            scheme: Scheme::duffel(),
            secrets: secrets?,
            tolerance,
            filter,
        })
    }

    fn secrets(&mut self) -> Option<Secrets> {
        // Set to nothing is a mistake here, not a default: it would read as "no secret needed".
        let given = (self.variable)("WEBHOOK_SECRET");
        let stored = self.get("WEBHOOK_SECRET_ARN");
        match (given, stored) {
            (Some(_), Some(_)) => self.mistake("WEBHOOK_SECRET", "and WEBHOOK_SECRET_ARN exclude each other"),
            (None, None) => self.mistake("WEBHOOK_SECRET", "or WEBHOOK_SECRET_ARN is required, or SOURCES"),
            (Some(list), None) => {
                let key = |text| {
                    let secret = Secret::new(text)?;
                    secret.warn(ONE_SOURCE_NAME, "WEBHOOK_SECRET");
                    secret.key(Scheme::duffel().key)
                };
                match list.split(',').map(key).collect::<Result<_, SecretError>>() {
                    Ok(keys) => return Some(Secrets::Given(keys)),
                    Err(_) => self.mistake("WEBHOOK_SECRET", "has a blank secret"),
                }
            }
            (None, Some(arn)) if arn.starts_with("arn:") => return Some(Secrets::Stored(arn)),
            (None, Some(_)) => self.mistake("WEBHOOK_SECRET_ARN", NOT_AN_ARN),
        }
        None
    }
}

/// The value is not shown: it may be the secret itself.
pub(crate) const NOT_AN_ARN: &str = "is not an ARN";

/// A value for a message, its end left out if it is long.
pub(crate) fn quoted(value: &str) -> String {
    match value.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    }
}

/// A duration such as `7d`, or what is wrong with it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = humantime::parse_duration(text).ok();
    duration
        .filter(|duration| (1..=MAX_WINDOW.as_secs()).contains(&duration.as_secs()))
        .ok_or("is not a duration of at least a second, such as 7d, 36h or 90m")
}

pub(crate) fn parse_mode(text: &str) -> Result<Mode, &'static str> {
    match text {
        "any" => Ok(Mode::Any),
        "live" => Ok(Mode::Live),
        "test" => Ok(Mode::Test),
        _ => Err("is not one of any, live, test"),
    }
}

/// The replay rule: what is forgotten must not be acceptable any more.
pub(crate) fn check_tolerance(tolerance: Duration, window: Duration) -> Result<(), &'static str> {
    if tolerance > window {
        return Err("is longer than DEDUP_WINDOW: a signature would outlive the memory of its event");
    }
    Ok(())
}

fn is_queue_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    matches!(scheme, "http" | "https") && rest.contains('/') && rest.rsplit('.').next() == Some("fifo")
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: (&str, &str) = ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/events.fifo");
    const SECRET: (&str, &str) = ("WEBHOOK_SECRET", "hush");

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let find = |name: &str| variables.iter().rfind(|(key, _)| *key == name);
        Config::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    fn mistakes(variables: &[(&str, &str)]) -> Vec<String> {
        read(variables).unwrap_err().0
    }

    #[test]
    fn two_variables_are_enough() {
        let config = read(&[QUEUE, SECRET]).unwrap();
        assert_eq!(config.window, DEFAULT_WINDOW);
        assert_eq!(config.sources.len(), 1);
        assert_eq!(config.sources[0].name, "duffel");
        assert_eq!(config.sources[0].tolerance, DEFAULT_WINDOW);
        assert_eq!(config.ledger_table, None);
    }

    #[test]
    fn every_variable_is_heeded() {
        let config = read(&[
            ("QUEUE_URL", " http://127.0.0.1:4566/000000000000/q.fifo\n"),
            ("LEDGER_TABLE", "ledger"),
            ("WEBHOOK_SECRET", " one, two\n"),
            ("DEDUP_WINDOW", "36h"),
            ("SIGNATURE_TOLERANCE", "5m"),
            ("EVENT_TYPES", "order.*, ping.triggered"),
            ("LIVE_MODE", "test"),
            ("BASE_PATH", "/in"),
        ])
        .unwrap();
        assert_eq!(config.queue_url, "http://127.0.0.1:4566/000000000000/q.fifo");
        assert_eq!(config.ledger_table.as_deref(), Some("ledger"));
        assert!(matches!(&config.sources[0].secrets, Secrets::Given(secrets) if secrets.len() == 2));
        assert_eq!(config.window, Duration::from_hours(36));
        assert_eq!(config.sources[0].tolerance, Duration::from_mins(5));
        assert_eq!(config.base_path, BasePath::new("/in"));
    }

    #[test]
    fn the_tolerance_follows_the_window() {
        let config = read(&[QUEUE, SECRET, ("DEDUP_WINDOW", "3d")]).unwrap();
        assert_eq!(config.sources[0].tolerance, Duration::from_hours(72));
    }

    #[test]
    fn every_mistake_names_its_variable() {
        for (variable, values) in [
            ("QUEUE_URL", &["", "events.fifo", "https://x/events", "ftp://x/y.fifo", "https://y.fifo"][..]),
            ("WEBHOOK_SECRET", &["", " ", "a,", ",a", "a, ,b"]),
            ("DEDUP_WINDOW", &["0s", "7", "soon", "-1d", "11y", "999999999999y"]),
            ("SIGNATURE_TOLERANCE", &["0", "300", "8d"]),
            ("EVENT_TYPES", &[",", "order.*,,x"]),
            ("LIVE_MODE", &["both", "Live", "true"]),
            ("BASE_PATH", &["in", "/", "/in/", "/in?x", "https://example.com/in"]),
        ] {
            for value in values {
                let mistakes = mistakes(&[QUEUE, SECRET, (variable, value)]);
                assert_eq!(mistakes.len(), 1, "{variable}={value}: {mistakes:?}");
                assert!(mistakes[0].starts_with(variable), "{mistakes:?}");
                let is_named = mistakes[0].contains(&format!("{variable} {value:?} "));
                assert_eq!(is_named, variable != "WEBHOOK_SECRET" && !value.is_empty(), "{mistakes:?}");
            }
        }
    }

    #[test]
    fn a_secret_comes_from_one_place() {
        let arn = ("WEBHOOK_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-AbCdEf");
        assert!(matches!(read(&[QUEUE, arn]).unwrap().sources[0].secrets, Secrets::Stored(_)));
        assert_eq!(mistakes(&[QUEUE, SECRET, arn]).len(), 1);
        assert_eq!(mistakes(&[QUEUE]).len(), 1);
        // Somebody may have put the secret there.
        assert_eq!(
            mistakes(&[QUEUE, ("WEBHOOK_SECRET_ARN", "s-AbCdEf")]),
            ["WEBHOOK_SECRET_ARN is not an ARN"]
        );
    }

    #[test]
    fn a_long_value_is_cut() {
        let mistakes = mistakes(&[QUEUE, SECRET, ("LIVE_MODE", &"é".repeat(200))]);
        assert_eq!(mistakes, [format!("LIVE_MODE \"{}\"… is not one of any, live, test", "é".repeat(100))]);
    }

    #[test]
    fn sources_exclude_what_configures_the_one_source() {
        let sources = ("SOURCES", r#"{"duffel":{"scheme":"duffel","secret":"hush"}}"#);
        assert_eq!(read(&[QUEUE, sources]).unwrap().sources.len(), 1);
        for name in ONE_SOURCE {
            let mistakes = mistakes(&[QUEUE, sources, (name, "x")]);
            assert_eq!(mistakes.len(), 1);
            assert!(mistakes[0].starts_with(name));
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once_and_no_secret_with_them() {
        let mistakes = mistakes(&[("WEBHOOK_SECRET", "hush,"), ("DEDUP_WINDOW", "x"), ("LIVE_MODE", "x")]);
        assert_eq!(mistakes.len(), 4);
        assert!(!ConfigError(mistakes).to_string().contains("hush"));
    }
}
