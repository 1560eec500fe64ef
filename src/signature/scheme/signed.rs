//! The signed content: which parts of a delivery a signature covers, and how they are joined.

mod joined;
mod template;

use std::borrow::Cow;

use thiserror::Error;

pub(in crate::signature) use self::joined::Joined;
use super::{Text, TimeUnit};
use crate::signature::SignatureError;

/// The most parts on either side of the body.
const MAX_PARTS: usize = 5;

/// The parts of a delivery that a signature covers. The body is always one of them, and so is every field within it.
///
/// The bytes can be divided in one way only: otherwise a part of a signed body could pass for a body. So an id has a
/// separator that it does not contain, or a fixed width; and a time has a separator, or a form that ends by itself.
///
/// ```
/// use duffel_webhook_receiver::signature::scheme::{Signed, TimeUnit};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let signed: Signed = "v0:{time}:{body}".parse()?;
/// assert!(signed.covers_time() && !signed.covers_id());
/// assert!(signed.check(TimeUnit::Seconds).is_ok());
/// assert!("{id}{body}".parse::<Signed>()?.check(TimeUnit::Seconds).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    before: Cow<'static, [Part]>,
    after: Cow<'static, [Part]>,
}

/// A part of the signed content besides the body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Text),
    /// The text of the header [`Family::id`](super::Family::id).
    Id,
    /// The same, if it has exactly this number of bytes.
    IdOfWidth(usize),
    /// The text of the time, as it was received.
    Time,
    /// The public URL of the endpoint, which the configuration has to name.
    Url,
}

const DOT: Part = Part::Text(Cow::Borrowed("."));

impl Signed {
    /// `{body}`
    pub const BODY: Self = Self { before: Cow::Borrowed(&[]), after: Cow::Borrowed(&[]) };
    /// `{time}.{body}`
    pub const TIME_BODY: Self = Self { before: Cow::Borrowed(&[Part::Time, DOT]), after: Cow::Borrowed(&[]) };
    /// `{id}.{time}.{body}`
    pub const ID_TIME_BODY: Self =
        Self { before: Cow::Borrowed(&[Part::Id, DOT, Part::Time, DOT]), after: Cow::Borrowed(&[]) };

    fn has(&self, wanted: fn(&Part) -> bool) -> bool {
        self.before.iter().chain(&*self.after).any(wanted)
    }

    /// Returns `true` if a changed id invalidates the signature.
    #[must_use]
    pub fn covers_id(&self) -> bool {
        self.has(|part| matches!(part, Part::Id | Part::IdOfWidth(_)))
    }

    /// Returns `true` if a changed time invalidates the signature.
    #[must_use]
    pub fn covers_time(&self) -> bool {
        self.has(|part| matches!(part, Part::Time))
    }

    /// Returns `true` if the URL of the endpoint is a part, and is not known yet.
    #[must_use]
    pub fn needs_url(&self) -> bool {
        self.has(|part| matches!(part, Part::Url))
    }

    /// Returns the same with the URL of the endpoint in its place.
    #[must_use]
    pub fn at_url(&self, url: &str) -> Self {
        let put =
            |part: &Part| if *part == Part::Url { Part::Text(url.to_owned().into()) } else { part.clone() };
        let all = |parts: &[Part]| parts.iter().map(put).collect();
        Self { before: all(&self.before), after: all(&self.after) }
    }

    /// Returns `true` if a constant text with such a character is always a part.
    #[must_use]
    pub fn always_has(&self, wanted: fn(char) -> bool) -> bool {
        let has_one = |part: &Part| matches!(part, Part::Text(text) if text.chars().any(wanted));
        self.before.iter().chain(&*self.after).any(has_one)
    }

    /// Checks that the signed bytes can be divided in one way only.
    ///
    /// # Errors
    /// If they cannot, or if a part occurs twice.
    pub fn check(&self, unit: TimeUnit) -> Result<(), SignedError> {
        let parts = || self.before.iter().chain(&*self.after);
        let times = parts().filter(|part| **part == Part::Time).count();
        let ids = parts().filter(|part| matches!(part, Part::Id | Part::IdOfWidth(_))).count();
        if times > 1 || ids > 1 {
            return Err(SignedError::Twice);
        }
        let before = with_next(&self.before).map(|(part, next)| (part, next.and_then(first)));
        let after = with_previous(&self.after).map(|(part, next)| (part, next.and_then(last)));
        for (part, separator) in before.chain(after) {
            match (part, separator) {
                (Part::Id, None) => return Err(SignedError::OpenId),
                (Part::Time, Some('0'..='9')) if unit != TimeUnit::Rfc3339 => {
                    return Err(SignedError::DigitAtTime);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the signed bytes around the body, in parts. The time is the text as it was received.
    pub(in crate::signature) fn join<'a>(
        &'a self,
        id: Option<&'a str>,
        time: Option<&'a str>,
        unit: TimeUnit,
    ) -> Result<Joined<'a>, SignatureError> {
        let text = |part: &'a Part, separator: Option<char>| {
            let text = match part {
                Part::Text(text) => Some(&**text),
                Part::Id => id.filter(|id| !id.is_empty() && separator.is_some_and(|it| !id.contains(it))),
                Part::IdOfWidth(width) => id.filter(|id| id.len() == *width),
                Part::Time => time.filter(|time| separator.is_some() || unit.ends_by_itself(time)),
                Part::Url => None,
            };
            text.ok_or(SignatureError::Malformed)
        };
        let mut joined = Joined { before: [""; MAX_PARTS], after: [""; MAX_PARTS] };
        for (place, (part, next)) in joined.before.iter_mut().zip(with_next(&self.before)) {
            *place = text(part, next.and_then(first))?;
        }
        for (place, (part, next)) in joined.after.iter_mut().zip(with_previous(&self.after)) {
            *place = text(part, next.and_then(last))?;
        }
        Ok(joined)
    }
}

/// The first character of a separator.
fn first(part: &Part) -> Option<char> {
    if let Part::Text(text) = part { text.chars().next() } else { None }
}

/// The last character of a separator.
fn last(part: &Part) -> Option<char> {
    if let Part::Text(text) = part { text.chars().next_back() } else { None }
}

/// Each part before the body with the one that follows it.
fn with_next(parts: &[Part]) -> impl Iterator<Item = (&Part, Option<&Part>)> {
    parts.iter().enumerate().map(|(index, part)| (part, parts.get(index + 1)))
}

/// Each part after the body with the one before it.
fn with_previous(parts: &[Part]) -> impl Iterator<Item = (&Part, Option<&Part>)> {
    parts
        .iter()
        .enumerate()
        .map(|(index, part)| (part, index.checked_sub(1).and_then(|index| parts.get(index))))
}

/// A reason why a text does not describe a signed content.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignedError {
    #[error("has no {{body}}, which every signature must cover")]
    NoBody,
    #[error("has a part that is not {{body}}, {{time}}, {{id}}, {{id:WIDTH}} or {{url}}")]
    Unknown,
    #[error("has a part twice")]
    Twice,
    #[error("has more than {MAX_PARTS} parts on one side of {{body}}")]
    TooMany,
    #[error(
        "has an {{id}} without a text between it and the next part: use {{id:WIDTH}} if all ids have one width"
    )]
    OpenId,
    #[error("has a digit in the text next to {{time}}, which is made of digits")]
    DigitAtTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(signed: &str, id: &str, time: &str, unit: TimeUnit) -> Option<String> {
        let signed: Signed = signed.parse().unwrap();
        let joined = signed.join(Some(id), Some(time), unit).ok()?;
        Some(format!("{}BODY{}", joined.before.concat(), joined.after.concat()))
    }

    #[test]
    fn the_parts_are_joined_as_described() {
        for (signed, expected) in [
            ("{body}", "BODY"),
            ("{time}.{body}", "1795262400.BODY"),
            ("{id}.{time}.{body}", "msg_1.1795262400.BODY"),
            ("v0:{time}:{body}", "v0:1795262400:BODY"),
            ("{body}{time}", "BODY1795262400"),
            ("{id:5}{time}{body}", "msg_11795262400BODY"),
            ("{body}|{time}|{id}", "BODY|1795262400|msg_1"),
        ] {
            assert_eq!(joined(signed, "msg_1", "1795262400", TimeUnit::Seconds).as_deref(), Some(expected));
            let parsed: Signed = signed.parse().unwrap();
            assert_eq!(parsed.to_string(), signed);
            assert_eq!(parsed.check(TimeUnit::Seconds), Ok(()));
        }
        for (constant, text) in [
            (Signed::BODY, "{body}"),
            (Signed::TIME_BODY, "{time}.{body}"),
            (Signed::ID_TIME_BODY, "{id}.{time}.{body}"),
        ] {
            assert_eq!(constant, text.parse().unwrap());
        }
    }

    #[test]
    fn the_url_is_put_in_by_the_configuration() {
        let signed: Signed = "POST{url}{body}{time}".parse().unwrap();
        assert!(signed.needs_url());
        assert_eq!(joined("{url}{body}", "", "", TimeUnit::Seconds), None, "it is not known");
        let signed = signed.at_url("https://example.com/x?y={time}");
        assert!(!signed.needs_url());
        let joined = signed.join(None, Some("1795262400000"), TimeUnit::Milliseconds).unwrap();
        assert_eq!(joined.before.concat(), "POSThttps://example.com/x?y={time}");
    }

    #[test]
    fn what_could_be_divided_elsewhere_is_not_signed() {
        let seconds = TimeUnit::Seconds;
        for (signed, id, time) in [
            ("{id}.{time}.{body}", "", "1"),
            ("{id}.{time}.{body}", "a.b", "1"),
            ("{id}::{body}", "a:b", "1"),
            ("{body}-x{id}", "axb", "1"),
            ("{id:5}{body}", "msg_", "1"),
            ("{time}{body}", "", "179526240"),
            ("{body}{time}", "", "17952624000"),
        ] {
            assert_eq!(joined(signed, id, time, seconds), None, "{signed} {id} {time}");
        }
        assert_eq!(joined("{time}{body}", "", "1795262400", TimeUnit::Milliseconds), None);
        assert!(joined("{time}{body}", "", "2026-11-21T12:00:00Z", TimeUnit::Rfc3339).is_some());
    }

    #[test]
    fn a_description_that_could_be_divided_in_two_ways_is_refused() {
        for (signed, error) in [
            ("{time}", SignedError::NoBody),
            ("{body}{body}", SignedError::Twice),
            ("{time}{body}{time}", SignedError::Twice),
            ("{id}.{id:3}{body}", SignedError::Twice),
            ("{tim}{body}", SignedError::Unknown),
            ("{id:0}{body}", SignedError::Unknown),
            ("{body}{", SignedError::Unknown),
            ("{id}{body}", SignedError::OpenId),
            ("{id}{time}.{body}", SignedError::OpenId),
            ("{body}{id}", SignedError::OpenId),
            ("{time}1v{body}", SignedError::DigitAtTime),
            ("{body}v1{time}", SignedError::DigitAtTime),
            ("a{id}.{time}.{url}.{body}", SignedError::TooMany),
        ] {
            let parsed = signed.parse::<Signed>().and_then(|signed| signed.check(TimeUnit::Seconds));
            assert_eq!(parsed, Err(error), "{signed}");
        }
    }
}
