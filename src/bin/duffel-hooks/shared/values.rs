//! The values of options: times and event types.

use std::time::{SystemTime, UNIX_EPOCH};

use duffel_webhook_receiver::time::parse_time;

/// Reads an event type for Duffel's filter, which takes one type and no wildcards.
pub(crate) fn parse_kind(text: &str) -> std::result::Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.contains(['*', ',', ' ']) {
        return Err("give one complete type: Duffel's filter has no wildcards or lists (replay has)");
    }
    Ok(text.to_owned())
}

/// Reads one entry of a list of event types, without the white space around it.
pub(crate) fn parse_type(text: &str) -> std::result::Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("an entry is empty: separate event types with single commas");
    }
    if text.contains(char::is_whitespace) {
        return Err("an event type has no spaces: separate several with commas");
    }
    Ok(text.to_owned())
}

/// Reads one event type to register for. Duffel has no wildcards.
pub(crate) fn parse_registered_type(text: &str) -> std::result::Result<String, &'static str> {
    let kind = parse_type(text)?;
    if kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')) {
        Ok(kind)
    } else {
        Err("Duffel's event types have letters, digits, dots and underscores, and no wildcards")
    }
}

/// Reads the start of a period: a time, a date (its beginning) or a duration ago.
pub(crate) fn parse_since(text: &str) -> std::result::Result<SystemTime, &'static str> {
    parse_when(text, "T00:00:00Z")
}

/// Reads the end of a period, which includes a date's whole day.
pub(crate) fn parse_until(text: &str) -> std::result::Result<SystemTime, &'static str> {
    parse_when(text, "T23:59:59.999999Z")
}

fn parse_when(text: &str, time_of_day: &str) -> std::result::Result<SystemTime, &'static str> {
    let text = text.trim();
    if let Ok(ago) = humantime::parse_duration(text) {
        let at = SystemTime::now().checked_sub(ago).filter(|at| *at >= UNIX_EPOCH);
        return at.ok_or("that is before 1970, and no event is that old");
    }
    let moment = parse_time(text).or_else(|| parse_time(&format!("{text}{time_of_day}")));
    moment.ok_or(
        "it is not a valid time since 1970, such as 2026-01-31T12:00:00Z or 2026-01-31, or a duration ago, such as 3d",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_whole_day() {
        let at = |text: &str| parse_time(text);
        assert_eq!(parse_since("2026-01-31").ok(), at("2026-01-31T00:00:00Z"));
        assert_eq!(parse_until("2026-01-31").ok(), at("2026-01-31T23:59:59.999999Z"));
        for parse in [parse_since, parse_until] {
            assert_eq!(parse(" 2026-01-31T12:00:00Z ").ok(), at("2026-01-31T12:00:00Z"));
            assert!(parse("2026-02-30").is_err() && parse("soon").is_err() && parse("60y").is_err());
        }
    }

    #[test]
    fn an_entry_of_a_list_of_types_is_trimmed_and_not_empty() {
        assert_eq!(parse_type(" order.created\t"), Ok("order.created".to_owned()));
        assert_eq!(parse_type("stays.*"), Ok("stays.*".to_owned()));
        assert!(parse_registered_type(" stays.booking_creation_failed ").is_ok());
        assert!(parse_registered_type("stays.*").is_err() && parse_registered_type("").is_err());
        for wrong in ["", " ", "order.created air.order.changed"] {
            assert!(parse_type(wrong).is_err(), "{wrong:?}");
        }
    }
}
