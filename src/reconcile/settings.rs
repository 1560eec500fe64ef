//! The reconciler's environment; all configuration errors are reported together, by variable name.

use std::time::Duration;

use crate::{
    config::{ConfigError, DEFAULT_WINDOW, Environment, check_arn},
    duffel::{
        AccessToken, Client, DEFAULT_URL,
        undelivered::{self, MARGIN},
    },
};

/// The variables that are read here; the SDK and the runtime read their own.
pub const VARIABLES: [&str; 4] =
    ["DUFFEL_ACCESS_TOKEN_ARN", "DUFFEL_API_URL", "MAX_REDELIVERIES", "DEDUP_WINDOW"];

/// The maximum look-back: older events are not redelivered.
pub const MAX_LOOK_BACK: Duration = Duration::from_hours(7 * 24);

const DEFAULT_REDELIVERIES: usize = 1_000;

/// The configuration of the reconciler.
#[derive(Debug)]
pub struct Settings {
    /// The ARN of the secret with the access token, or a list of them; read from `DUFFEL_ACCESS_TOKEN_ARN`.
    pub token_arn: String,
    /// The URL of Duffel's API; read from `DUFFEL_API_URL`.
    pub url: String,
    /// The maximum number of redeliveries in a run; read from `MAX_REDELIVERIES`.
    pub redeliveries: usize,
    /// The maximum age of an event.
    ///
    /// Less than the ledger's window, which is read from `DEDUP_WINDOW`: the receiver may have forwarded an event that
    /// Duffel regards as undelivered, and beyond the window it would be forwarded again. The age of the ledger's table
    /// is not known here, as the reconciler has no permission to read it.
    pub look_back: Duration,
}

impl Settings {
    /// Reads the variables through `variable`; a blank one counts as unset.
    ///
    /// # Errors
    /// If there is any mistake in them; the error has all of them.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut environment = Environment::new(variable);
        let token_arn = environment.get("DUFFEL_ACCESS_TOKEN_ARN").unwrap_or_default();
        if token_arn.is_empty() {
            environment.mistakes.add("DUFFEL_ACCESS_TOKEN_ARN", "is required: the ARN of a secret");
        } else if let Err(what) = check_arn(&token_arn) {
            environment.mistakes.add("DUFFEL_ACCESS_TOKEN_ARN", what);
        }
        let url = environment.get("DUFFEL_API_URL").unwrap_or_else(|| DEFAULT_URL.to_owned());
        // The URL is checked before there is a token.
        if let Ok(Err(error)) = AccessToken::new("any").map(|any| Client::new(&url, any)) {
            // There may be credentials before the host, or after the question mark.
            if url.contains(['@', '?']) {
                environment.mistakes.add("DUFFEL_API_URL", format_args!("is not valid: {error}"));
            } else {
                environment.mistakes.add_value("DUFFEL_API_URL", &url, format_args!("is not valid: {error}"));
            }
        }
        let redeliveries = match environment.get("MAX_REDELIVERIES") {
            None => DEFAULT_REDELIVERIES,
            Some(text) => text.parse().ok().filter(|number| *number > 0).unwrap_or_else(|| {
                environment.mistakes.add_value(
                    "MAX_REDELIVERIES",
                    &text,
                    "is not a whole number of at least 1",
                );
                0
            }),
        };
        let window = environment.duration("DEDUP_WINDOW").unwrap_or(DEFAULT_WINDOW);
        if window < 2 * MARGIN {
            let value = environment.get("DEDUP_WINDOW").unwrap_or_default();
            environment.mistakes.add_value(
                "DEDUP_WINDOW",
                &value,
                "is shorter than 2h: redelivered events would be forwarded again",
            );
        }
        let look_back = undelivered::look_back(window).min(MAX_LOOK_BACK);
        environment.finish(Self { token_arn, url, redeliveries, look_back })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: (&str, &str) =
        ("DUFFEL_ACCESS_TOKEN_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t-AbCdEf");

    fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let find = |name: &str| variables.iter().rfind(|(key, _)| *key == name);
        Settings::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn one_variable_is_enough() {
        let settings = read(&[TOKEN]).unwrap();
        assert_eq!(settings.token_arn, TOKEN.1);
        assert_eq!(settings.url, DEFAULT_URL);
        assert_eq!(settings.redeliveries, 1_000);
        assert_eq!(settings.look_back, Duration::from_hours(7 * 24 - 1));
    }

    #[test]
    fn every_variable_is_applied() {
        let url = ("DUFFEL_API_URL", "http://127.0.0.1:4010");
        let settings = read(&[TOKEN, url, ("MAX_REDELIVERIES", " 5\n"), ("DEDUP_WINDOW", "3d")]).unwrap();
        assert_eq!((settings.url.as_str(), settings.redeliveries), (url.1, 5));
        assert_eq!(settings.look_back, Duration::from_hours(71));
    }

    #[test]
    fn a_run_never_looks_back_beyond_the_window_nor_beyond_seven_days() {
        for window in ["2h", "1d", "7d", "30d"] {
            let look_back = read(&[TOKEN, ("DEDUP_WINDOW", window)]).unwrap().look_back;
            let window = humantime::parse_duration(window).unwrap();
            assert!(look_back + MARGIN <= window && look_back <= MAX_LOOK_BACK, "{look_back:?}");
        }
    }

    #[test]
    fn every_mistake_names_its_variable() {
        for (variable, values) in [
            ("DUFFEL_ACCESS_TOKEN_ARN", &["", "duffel_test_x"][..]),
            ("DUFFEL_API_URL", &["api.duffel.com", "http://api.duffel.com", "ftp://x", "https://x?y"]),
            ("MAX_REDELIVERIES", &["0", "-1", "many", "1.5"]),
            ("DEDUP_WINDOW", &["soon", "0s", "1h"]),
        ] {
            for value in values {
                let mistakes = read(&[TOKEN, (variable, value)]).unwrap_err().0;
                assert_eq!(mistakes.len(), 1, "{variable}={value}: {mistakes:?}");
                assert!(mistakes[0].starts_with(variable), "{mistakes:?}");
                let is_named = mistakes[0].contains(&format!("{variable} {value:?} "));
                let may_be_secret = variable == "DUFFEL_ACCESS_TOKEN_ARN" || value.contains('?');
                assert_eq!(is_named, !may_be_secret, "{mistakes:?}");
            }
        }
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let mistakes =
            read(&[("DUFFEL_API_URL", "x"), ("MAX_REDELIVERIES", "x"), ("DEDUP_WINDOW", "x")]).unwrap_err();
        assert_eq!(mistakes.0.len(), 4);
    }
}
