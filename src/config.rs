//! The environment, read once at startup; all configuration errors are reported together, by variable name.

mod destination;
mod environment;
mod error;
#[cfg(feature = "tool")]
mod given;
mod single_source;
mod source;
pub mod sources;
pub mod stored_sources;

use std::time::Duration;

pub(crate) use self::environment::Environment;
#[cfg(feature = "tool")]
pub use self::given::given_secrets;
#[cfg(feature = "duffel")]
pub(crate) use self::source::check_arn;
pub use self::{
    destination::Destination,
    error::ConfigError,
    source::{Secrets, SourceConfig},
};
use crate::route::BasePath;

/// The default of [`Config::window`]: longer than the 72 h for which Duffel retries.
pub const DEFAULT_WINDOW: Duration = Duration::from_hours(7 * 24);

/// The variables that are read here; the SDK and the runtime read their own.
pub const VARIABLES: [&str; 12] = [
    "QUEUE_URL",
    "TOPIC_ARN",
    "LEDGER_TABLE",
    "DEDUP_WINDOW",
    "SOURCES",
    "SOURCES_ARN",
    "WEBHOOK_SECRET",
    "WEBHOOK_SECRET_ARN",
    "SIGNATURE_TOLERANCE",
    "EVENT_TYPES",
    "LIVE_MODE",
    "BASE_PATH",
];

/// The configuration of the receiver.
#[derive(Debug)]
pub struct Config {
    /// The queue or the topic; read from `QUEUE_URL` or `TOPIC_ARN`.
    pub destination: Destination,
    /// The name of the `DynamoDB` table, if there is one; read from `LEDGER_TABLE`.
    pub ledger_table: Option<String>,
    /// How long a forwarded event counts as a duplicate; read from `DEDUP_WINDOW`.
    pub window: Duration,
    /// The providers; read from `SOURCES`, or from `WEBHOOK_SECRET` and the variables beside it.
    pub sources: Vec<SourceConfig>,
    /// The ARNs of the stored secrets that have the sources, instead of `sources`; read from `SOURCES_ARN`.
    pub stored_sources: Vec<String>,
    /// The path before `/webhooks/` on a custom domain; read from `BASE_PATH`.
    pub base_path: Option<BasePath>,
}

impl Config {
    /// Reads the variables through `variable`; a blank one counts as unset.
    ///
    /// # Errors
    /// If there is any mistake in them; the error has all of them.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut environment = Environment::new(variable);
        let destination = destination::read(&mut environment);
        let ledger_table = environment.get("LEDGER_TABLE");
        let window = environment.duration("DEDUP_WINDOW").unwrap_or(DEFAULT_WINDOW);
        let stored_sources = stored_sources::arns(&mut environment);
        let sources = if stored_sources.is_some() { Vec::new() } else { sources(&mut environment, window) };
        let stored_sources = stored_sources.unwrap_or_default();
        let base_path = base_path(&mut environment);
        environment.finish(Self { destination, ledger_table, window, sources, stored_sources, base_path })
    }
}

fn sources<F: Fn(&str) -> Option<String>>(
    environment: &mut Environment<F>,
    window: Duration,
) -> Vec<SourceConfig> {
    let Some(text) = environment.get("SOURCES") else {
        return single_source::read(environment, window).into_iter().collect();
    };
    exclude(environment, &single_source::VARIABLES, "SOURCES");
    let (sources, mistakes) = sources::read(&text, window);
    for mistake in mistakes {
        environment.mistakes.add("SOURCES:", mistake);
    }
    sources
}

/// Reports the variables that must not be set together with one that configures each source.
fn exclude<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>, names: &[&str], by: &str) {
    for name in names {
        if environment.get(name).is_some() {
            let what = format!("must not be set together with {by}, which configures each source");
            environment.mistakes.add(name, what);
        }
    }
}

fn base_path<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Option<BasePath> {
    let text = environment.get("BASE_PATH")?;
    let path = BasePath::new(&text);
    if path.is_none() {
        environment.mistakes.add_value(
            "BASE_PATH",
            &text,
            "is not a path such as /in, without a slash at its end",
        );
    }
    path
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
    fn every_variable_is_applied() {
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
        let queue = "http://127.0.0.1:4566/000000000000/q.fifo";
        assert_eq!(config.destination, Destination::Queue(queue.to_owned()));
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
    fn a_long_value_is_cut_off() {
        let mistakes = mistakes(&[QUEUE, SECRET, ("LIVE_MODE", &"é".repeat(200))]);
        assert_eq!(mistakes, [format!("LIVE_MODE \"{}\"… is not one of any, live, test", "é".repeat(100))]);
    }

    #[test]
    fn sources_exclude_what_configures_the_one_source() {
        let sources = ("SOURCES", r#"{"duffel":{"scheme":"duffel","secret":"hush"}}"#);
        assert_eq!(read(&[QUEUE, sources]).unwrap().sources.len(), 1);
        for name in single_source::VARIABLES {
            let mistakes = mistakes(&[QUEUE, sources, (name, "x")]);
            assert_eq!(mistakes.len(), 1);
            assert!(mistakes[0].starts_with(name));
        }
    }

    #[test]
    fn all_mistakes_are_reported_together_without_a_secret() {
        let mistakes = mistakes(&[("WEBHOOK_SECRET", "hush,"), ("DEDUP_WINDOW", "x"), ("LIVE_MODE", "x")]);
        assert_eq!(mistakes.len(), 4);
        assert!(!ConfigError(mistakes).to_string().contains("hush"));
    }
}
