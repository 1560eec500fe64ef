//! The single source `duffel`, with variables of its own.

use std::time::Duration;

use super::{
    environment::Environment,
    source::{SecretNames, SourceConfig, check_tolerance, parse_mode},
};
use crate::{
    receive::filter::Filter,
    signature::scheme::{AnswerForm, Scheme},
};

/// The variables that configure it; they exclude `SOURCES`.
pub(super) const VARIABLES: [&str; 5] =
    ["WEBHOOK_SECRET", "WEBHOOK_SECRET_ARN", "SIGNATURE_TOLERANCE", "EVENT_TYPES", "LIVE_MODE"];

const NAME: &str = "duffel";

const SECRET_NAMES: SecretNames = SecretNames {
    list: "WEBHOOK_SECRET",
    arn: "WEBHOOK_SECRET_ARN",
    alternative: ", or SOURCES",
    place: "WEBHOOK_SECRET",
};

/// Reads the source from its variables.
pub(super) fn read<F: Fn(&str) -> Option<String>>(
    environment: &mut Environment<F>,
    window: Duration,
) -> Option<SourceConfig> {
    let scheme = Scheme::duffel();
    // A blank variable is a mistake here, not a default: it would read as "no secret needed".
    let list = environment.get_raw("WEBHOOK_SECRET");
    let list = list.map(|list| list.split(',').map(str::to_owned).collect());
    let arn = environment.get("WEBHOOK_SECRET_ARN");
    let secrets = SECRET_NAMES.one_of(NAME, scheme.key, (list, arn), &mut environment.mistakes);
    let tolerance = environment.duration("SIGNATURE_TOLERANCE").unwrap_or(window);
    if let Err(what) = check_tolerance(tolerance, window) {
        let value = environment.get("SIGNATURE_TOLERANCE").unwrap_or_default();
        environment.mistakes.add_value("SIGNATURE_TOLERANCE", &value, what);
    }
    let types = environment.get("EVENT_TYPES").unwrap_or_else(|| "*".to_owned());
    let patterns: Vec<_> = types.split(',').map(str::trim).collect();
    if patterns.contains(&"") {
        environment.mistakes.add_value("EVENT_TYPES", &types, "has a blank type between its commas");
    }
    let value = environment.get("LIVE_MODE").unwrap_or_else(|| "any".to_owned());
    let mode = parse_mode(&value);
    let mode = mode.map_err(|what| environment.mistakes.add_value("LIVE_MODE", &value, what));
    let filter = Filter::new(patterns, mode.unwrap_or_default());
    Some(SourceConfig {
        name: NAME.to_owned(),
        scheme,
        secrets: secrets?,
        tolerance,
        filter,
        allowed_ips: None,
        registration: None,
        answer: AnswerForm::NORMAL,
    })
}
