//! When was that? Duffel has written times in several forms.

use std::time::{Duration, SystemTime};

/// Reads a moment in any of the forms in which Duffel has written them: `2020-04-11T15:48:11.642000Z`,
/// `2020-04-11 15:48:11.642000+00:00`.
#[must_use]
pub fn parse_time(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    // The sign of an offset stands after the time of day; those before it belong to the date.
    let sign = text.get(19..)?.find(['+', '-']).map(|at| at + 19);
    let Some(sign) = sign else { return humantime::parse_rfc3339_weak(text).ok() };
    let (local, offset) = text.split_at(sign);
    let (hours, minutes) = offset[1..].split_once(':').unwrap_or((&offset[1..], "0"));
    let seconds = 3600 * hours.parse::<u64>().ok()? + 60 * minutes.parse::<u64>().ok()?;
    let (local, seconds) = (humantime::parse_rfc3339_weak(local).ok()?, Duration::from_secs(seconds));
    if offset.starts_with('+') { local.checked_sub(seconds) } else { local.checked_add(seconds) }
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
}
