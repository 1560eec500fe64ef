//! The time of a signature: where it is, and how it is written.

use std::time::{Duration, SystemTime};

use crate::time::{parse_time, unix_seconds};

/// The most digits of a time: enough for seconds until the year 318857, and for milliseconds until the year 2286.
const MAX_DIGITS: usize = 13;

/// The location of a signature's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Nowhere,
    /// In the signature's header, under a label of its own, such as `t=`.
    Element,
    /// In the header [`Family::time`](super::Family::time).
    Header,
}

/// The way in which a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since the epoch: 1 to 13 digits.
    Seconds,
    /// Milliseconds since the epoch: 1 to 13 digits.
    Milliseconds,
    /// `2026-11-25T12:00:00Z`, with or without a fraction, or with an offset
    /// ([RFC 3339](https://www.rfc-editor.org/rfc/rfc3339)).
    Rfc3339,
}

impl TimeUnit {
    /// Each unit with its name in a configuration.
    pub const NAMES: [(&'static str, Self); 3] =
        [("s", Self::Seconds), ("ms", Self::Milliseconds), ("rfc3339", Self::Rfc3339)];

    /// Reads a time, in seconds since the epoch.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Seconds => parse_digits(text),
            Self::Milliseconds => parse_digits(text).map(|milliseconds| milliseconds / 1000),
            Self::Rfc3339 => parse_rfc3339(text),
        }
    }

    /// Writes a time that is given in seconds since the epoch.
    #[must_use]
    pub fn format(self, seconds: u64) -> String {
        match self {
            Self::Seconds => seconds.to_string(),
            Self::Milliseconds => seconds.saturating_mul(1000).to_string(),
            Self::Rfc3339 => {
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(MAX_SECONDS));
                humantime::format_rfc3339_seconds(time).to_string()
            }
        }
    }

    /// Returns `true` if the end of such a time is known from its own characters, next to anything: a date always, a
    /// number only if it has as many digits as every time of our days.
    pub(super) fn ends_by_itself(self, text: &str) -> bool {
        match self {
            Self::Seconds => text.len() == 10,
            Self::Milliseconds => text.len() == MAX_DIGITS,
            Self::Rfc3339 => true,
        }
    }
}

/// The end of the year 9999, after which RFC 3339 has no time.
const MAX_SECONDS: u64 = 253_402_300_799;

fn parse_digits(text: &str) -> Option<u64> {
    let digits = (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn parse_rfc3339(text: &str) -> Option<u64> {
    has_one_form(text).then(|| parse_time(text).map(unix_seconds))?
}

/// Says whether a time has a form in which its start and its end are known, whatever is next to it: one `T` at a fixed
/// place, and `Z` or an offset after the digits.
fn has_one_form(text: &str) -> bool {
    let matches = |text: &[u8], form: &[u8]| {
        let fits =
            |(byte, form): (&u8, &u8)| if *form == b'd' { byte.is_ascii_digit() } else { byte == form };
        text.len() == form.len() && text.iter().zip(form).all(fits)
    };
    let Some((start, rest)) = text.as_bytes().split_at_checked(19) else { return false };
    let zone = match rest {
        [b'.', digits @ ..] => {
            let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count == 0 {
                return false;
            }
            &digits[count..]
        }
        zone => zone,
    };
    matches(start, b"dddd-dd-ddTdd:dd:dd")
        && (zone == b"Z" || matches(zone, b"+dd:dd") || matches(zone, b"-dd:dd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_their_unit() {
        for (unit, text, seconds) in [
            (TimeUnit::Seconds, "1795262400", Some(1_795_262_400)),
            (TimeUnit::Seconds, "0", Some(0)),
            (TimeUnit::Seconds, "9999999999999", Some(9_999_999_999_999)),
            (TimeUnit::Seconds, "99999999999999", None),
            (TimeUnit::Seconds, "", None),
            (TimeUnit::Seconds, "+1", None),
            (TimeUnit::Milliseconds, "1795262400999", Some(1_795_262_400)),
            (TimeUnit::Rfc3339, "2026-11-21T12:00:00Z", Some(1_795_262_400)),
            (TimeUnit::Rfc3339, "2026-11-21T12:00:00.123456789Z", Some(1_795_262_400)),
            (TimeUnit::Rfc3339, "2026-11-21T04:30:00-07:30", Some(1_795_262_400)),
            (TimeUnit::Rfc3339, "2026-11-21T13:00:00.5+01:00", Some(1_795_262_400)),
        ] {
            assert_eq!(unit.parse(text), seconds, "{text}");
        }
    }

    #[test]
    fn a_date_has_one_form() {
        for text in [
            "",
            "Z",
            "2026-11-21",
            "2026-11-21T12:00:00",
            "2026-11-21 12:00:00Z",
            "2026-11-21T12:00:00z",
            "2026-11-21T12:00:00ZZ",
            " 2026-11-21T12:00:00Z",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00Z",
            "2026-13-21T12:00:00Z",
            "2026-11-21T12:00:00+0100",
            "2026-11-21T12:00:00+1:00",
            "2026-11-21T12:00:00Z+01:00",
            "1795262400",
            "éééééé",
        ] {
            assert_eq!(TimeUnit::Rfc3339.parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for (_, unit) in TimeUnit::NAMES {
            let text = unit.format(1_795_262_400);
            assert_eq!(unit.parse(&text), Some(1_795_262_400), "{text}");
            assert!(unit.ends_by_itself(&text));
        }
        assert!(!TimeUnit::Seconds.ends_by_itself("179526240"));
    }
}
