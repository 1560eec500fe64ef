//! The mistakes with the time of a signature.

use std::borrow::Cow;

use duffel_webhook_receiver::signature::scheme::{Family, Layout, Scheme, Time, TimeUnit};

type Headers = Vec<(Cow<'static, str>, String)>;

/// The greatest difference between two readings of the sender's clock that is tried.
const READINGS: u64 = 2;

/// The first number that is a time in milliseconds rather than in seconds: in 1973, or in the year 5138.
const FIRST_IN_MILLISECONDS: u64 = 100_000_000_000;

/// Returns the unit that the scheme has, if the time of a signature is a number in another unit.
pub(super) fn right_unit(scheme: &Scheme, headers: &Headers) -> Option<&'static str> {
    let is_late = |text: &str| text.parse().map(|time: u64| time >= FIRST_IN_MILLISECONDS).ok();
    let times = scheme.families.iter().filter_map(|family| time(scheme, family, headers));
    let mut are_late = times.filter_map(|(_, _, time)| is_late(time));
    match scheme.time_unit {
        TimeUnit::Seconds => are_late.any(|is_late| is_late).then_some("seconds"),
        TimeUnit::Milliseconds => are_late.any(|is_late| !is_late).then_some("milliseconds"),
        TimeUnit::Rfc3339 => None,
    }
}

/// Returns the headers with another time, each with what is changed.
pub(super) fn variants(scheme: &Scheme, headers: &Headers) -> Vec<(String, Headers)> {
    if !scheme.signed.covers_time() {
        return Vec::new();
    }
    let times = scheme.families.iter().filter_map(|family| time(scheme, family, headers));
    let others = times.flat_map(|(name, value, old)| {
        let with = move |new: &str| {
            let changed = match scheme.time {
                Time::Element => value.replacen(old, new, 1),
                _ => new.to_owned(),
            };
            let change = |(known, value): &(Cow<'static, str>, String)| {
                (known.clone(), if known == name { changed.clone() } else { value.clone() })
            };
            headers.iter().map(change).collect()
        };
        times_of(old).into_iter().map(move |(change, new)| (change, with(&new)))
    });
    others.collect()
}

/// Finds the time of a family of headers: the name and the value of its header, and the time in it.
fn time<'h>(scheme: &Scheme, family: &Family, headers: &'h Headers) -> Option<(&'h str, &'h str, &'h str)> {
    let name = match scheme.time {
        Time::Nowhere => return None,
        Time::Element => &family.signature,
        Time::Header => family.time.as_ref()?,
    };
    let (name, value) = headers.iter().find(|(known, _)| known == name)?;
    let time = match scheme.time {
        Time::Element => element(&scheme.layout, value)?,
        _ => value.trim(),
    };
    Some((name, value, time))
}

/// Finds the time in a header with labels.
fn element<'h>(layout: &Layout, value: &'h str) -> Option<&'h str> {
    let Layout::Labelled { separator, assign, time: Some(time), .. } = layout else { return None };
    let mut elements = value.split(*separator).filter_map(|element| element.split_once(*assign));
    elements.find(|(name, _)| name.trim() == time).map(|(_, value)| value.trim())
}

/// Returns other readings of a time, each with what is changed.
fn times_of(old: &str) -> Vec<(String, String)> {
    let Ok(seconds) = old.parse::<u64>() else { return Vec::new() };
    let mut times = vec![("with the time in milliseconds".to_owned(), format!("{old}000"))];
    if seconds >= FIRST_IN_MILLISECONDS {
        times.push(("with the time in seconds".to_owned(), (seconds / 1000).to_string()));
    }
    for off in 1..=READINGS {
        for other in [seconds.saturating_sub(off), seconds.saturating_add(off)] {
            times.push((format!("with the time {other}"), other.to_string()));
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_changed_where_the_scheme_has_it() {
        let changed = |scheme: &Scheme, headers: Headers| {
            let variants = variants(scheme, &headers);
            variants.into_iter().map(|(_, headers)| headers[0].1.clone()).collect::<Vec<_>>()
        };
        let headers = vec![("x-duffel-signature".into(), "t=1700000000,v2=ab".to_owned())];
        let element = changed(&Scheme::duffel(), headers.clone());
        assert_eq!(element[..2], ["t=1700000000000,v2=ab", "t=1699999999,v2=ab"]);
        assert_eq!(right_unit(&Scheme::duffel(), &headers), None);
        let in_milliseconds = Scheme { time_unit: TimeUnit::Milliseconds, ..Scheme::duffel() };
        assert_eq!(right_unit(&in_milliseconds, &headers), Some("milliseconds"));
        let headers = vec![("webhook-timestamp".into(), "1700000000000".to_owned())];
        let header = changed(&Scheme::standard_webhooks(), headers.clone());
        assert_eq!(header[1], "1700000000");
        assert_eq!(right_unit(&Scheme::standard_webhooks(), &headers), Some("seconds"));
        assert_eq!(changed(&Scheme::github(), Vec::new()), Vec::<String>::new());
    }
}
