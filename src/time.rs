//! Conversions of time: seconds since the epoch, and the forms in which Duffel writes a moment.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The year 10000: `humantime` panics at moments from then on, and before 1970.
const END: Duration = Duration::from_hours(24 * 2_932_897);

/// Returns the whole seconds since the epoch, the unit of signatures and records; 0 before 1970.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns the whole milliseconds since the epoch; 0 before 1970.
pub(crate) fn unix_millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Returns a duration in milliseconds, rounded to microseconds: the unit of the log.
#[cfg(feature = "receiver")]
#[must_use]
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Reads a moment in any of the forms that Duffel has used: [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339), as in
/// `2020-04-11T15:48:11.642000Z`, and `2020-04-11 15:48:11.642000+00:00`.
///
/// Returns `None` for any other text, and for moments before 1970 or after 9999.
#[must_use]
pub fn parse_time(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    // The sign of an offset comes after the time of day; a sign before that belongs to the date.
    let sign = text.get(19..)?.find(['+', '-']).map(|at| at + 19);
    let Some(sign) = sign else { return humantime::parse_rfc3339_weak(text).ok().filter(is_writable) };
    let (local, offset) = text.split_at(sign);
    let (hours, minutes) = offset[1..].split_once(':').unwrap_or((&offset[1..], "0"));
    let (hours, minutes) = (hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?);
    let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    let (local, seconds) = (humantime::parse_rfc3339_weak(local).ok()?, Duration::from_secs(seconds));
    let at = if offset.starts_with('+') { local.checked_sub(seconds) } else { local.checked_add(seconds) };
    at.filter(is_writable)
}

fn is_writable(at: &SystemTime) -> bool {
    at.duration_since(UNIX_EPOCH).is_ok_and(|since| since < END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_was_seen() {
        let at = humantime::parse_rfc3339("2020-04-11T15:48:11.642Z").ok();
        assert!(at.is_some());
        for form in [
            "2020-04-11T15:48:11.642Z",
            "2020-04-11T15:48:11.642000Z",
            "2020-04-11 15:48:11.642000+00:00",
            "2020-04-11T17:48:11.642+02:00",
            "2020-04-11T10:18:11.642-05:30",
        ] {
            assert_eq!(parse_time(form), at, "{form}");
        }
        for form in
            ["", "yesterday", "2020-04-11T16:322:11.642000Z", "2020-04-11T15:48:11+é", "ééééééééééééééé"]
        {
            assert_eq!(parse_time(form), None, "{form}");
        }
    }

    #[test]
    fn a_moment_that_is_read_can_be_written() {
        for (form, readable) in [
            ("1970-01-01T00:00:00+00:00", true),
            ("1970-01-01T00:00:00+01:00", false),
            ("1969-12-31T23:59:59Z", false),
            ("9999-12-31T23:59:59Z", true),
            ("9999-12-31T23:59:59-01:00", false),
            ("2020-04-11T15:48:11+5124095576030432", false),
            ("2020-04-11T15:48:11+00:307445734561825861", false),
            ("2020-04-11T15:48:11+5124095576030431:999999999999999", false),
            ("2020-04-11T15:48:11-2000000000000000", false),
        ] {
            let at = parse_time(form);
            assert_eq!(at.is_some(), readable, "{form}");
            at.map(|at| humantime::format_rfc3339_seconds(at).to_string());
        }
    }
}
