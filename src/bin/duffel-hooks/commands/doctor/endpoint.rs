//! `doctor`, at the door: does the receiver answer, and are the clocks right?

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::time::unix_seconds;
use serde_json::Value;

use super::Finding;

/// A cold start, and a gateway's patience.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What an HTTP date and the way here may make up; more is told.
const SKEW: Duration = Duration::from_secs(30);

/// What the receiver accepts of a signature's future.
const TOO_MUCH: Duration = Duration::from_mins(5);

const DOOR: &str = "receiver";
const CLOCK: &str = "clock";

/// Knocks at the stack's URL; and at Duffel's, for its clock.
pub(super) fn look(url: Result<&str, &str>, duffel: Option<&str>) -> Vec<Finding> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent = config.timeout_global(Some(TIMEOUT)).build().new_agent();
    let mut clocks = Vec::new();
    if let Some(url) = duffel {
        // Whether Duffel answers is for others to say.
        let _ = timed("Duffel's", &mut clocks, || agent.get(url).call());
    }
    let door = url.map_or_else(
        |reason| Finding::skipped(DOOR, reason),
        |url| {
            let request = agent.post(url).header("Content-Type", "application/json");
            match timed("the receiver's", &mut clocks, || request.send("{}")) {
                Ok(mut answer) => {
                    let body = answer.body_mut().read_to_string().unwrap_or_default();
                    let body: Value = serde_json::from_str(&body).unwrap_or_default();
                    door(url, answer.status().as_u16(), body["status"].as_str())
                }
                Err(error) => {
                    let fix = "Duffel cannot deliver either, unless the fault is between here and there";
                    Finding::fail(DOOR, format!("no answer from {url} ({error})"), fix)
                }
            }
        },
    );
    vec![door, clock(&clocks)]
}

type Answer = http::Response<ureq::Body>;

/// By how many seconds whose clock is ahead of this machine's.
type Skew = (&'static str, i64);

/// Makes a request, and notes the difference of the clocks.
fn timed(
    whose: &'static str,
    clocks: &mut Vec<Skew>,
    request: impl FnOnce() -> Result<Answer, ureq::Error>,
) -> Result<Answer, ureq::Error> {
    let before = SystemTime::now();
    let answer = request()?;
    let ours = unix_seconds(before + before.elapsed().unwrap_or_default() / 2);
    let date =
        answer.headers().get("date").and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    clocks.extend(date.map(|date| (whose, unix_seconds(date).cast_signed() - ours.cast_signed())));
    Ok(answer)
}

fn door(url: &str, status: u16, word: Option<&str>) -> Finding {
    let seen = |what: &str| format!("{url} answered {status} to an unsigned delivery: {what}");
    let log = "see the function's log (output FunctionName)";
    match (status, word) {
        (401, Some("unauthorized")) => {
            Finding::ok(DOOR, format!("{url} refuses an unsigned delivery, as it should"))
        }
        (404, Some("not_found")) => {
            Finding::fail(DOOR, seen("the receiver has no source of this name"), "see the parameter Sources")
        }
        (403 | 404, _) => {
            Finding::fail(DOOR, seen("the gateway does not know this path"), "deploy the stack again")
        }
        (429, _) => {
            Finding::fail(DOOR, seen("too many at once"), "see RateLimit, BurstLimit, ReservedConcurrency")
        }
        (503, Some("unavailable")) => {
            Finding::fail(DOOR, seen("the receiver has no secret, queue or ledger"), log)
        }
        (500.., _) => Finding::fail(DOOR, seen("the function does not run"), log),
        _ => Finding::fail(DOOR, seen("that is not this receiver"), "is WebhookUrl its address?"),
    }
}

fn clock(clocks: &[Skew]) -> Finding {
    let Some((whose, skew)) = clocks.iter().max_by_key(|(_, skew)| skew.abs()) else {
        return Finding::skipped(CLOCK, "no answer had a date to compare with");
    };
    let apart = Duration::from_secs(skew.unsigned_abs());
    if apart <= SKEW {
        let whose: Vec<_> =
            ["this machine's"].into_iter().chain(clocks.iter().map(|(whose, _)| *whose)).collect();
        let (last, others) = whose.split_last().expect("this machine's is there");
        return Finding::ok(CLOCK, format!("{} and {last} agree", others.join(", ")));
    }
    let word = if *skew > 0 { "behind" } else { "ahead of" };
    let seen = format!("this machine's is {} {word} {whose}", humantime::format_duration(apart));
    if apart >= TOO_MUCH {
        Finding::fail(CLOCK, seen, "set the one that is wrong: signatures are refused for their time")
    } else {
        Finding::warn(CLOCK, seen, "set the one that is wrong, before signatures are refused for their time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::State;

    #[test]
    fn every_answer_tells_what_is_wrong() {
        for (status, word, seen) in [
            (404, Some("not_found"), "no source of this name"),
            (404, None, "the gateway does not know"),
            (429, None, "too many"),
            (500, None, "does not run"),
            (503, None, "does not run"),
            (503, Some("unavailable"), "no secret, queue or ledger"),
            (401, None, "not this receiver"),
            (200, Some("accepted"), "not this receiver"),
        ] {
            let finding = door("https://x", status, word);
            assert!(finding.state == State::Fail && finding.seen.contains(seen), "{}", finding.seen);
        }
        assert!(door("https://x", 401, Some("unauthorized")).state == State::Ok);
    }

    #[test]
    fn the_worst_clock_counts() {
        let state = |receiver, duffel| clock(&[("the receiver's", receiver), ("Duffel's", duffel)]).state;
        assert!(state(30, -30) == State::Ok);
        assert!(state(0, 31) == State::Warn);
        assert!(state(-299, 0) == State::Warn);
        assert!(state(-300, 31) == State::Fail);
        assert!(clock(&[("Duffel's", -61)]).seen.contains("is 1m 1s ahead of Duffel's"));
        assert!(clock(&[("Duffel's", 61)]).seen.contains("is 1m 1s behind Duffel's"));
        let agreeing = clock(&[("Duffel's", 0), ("the receiver's", 1)]).seen;
        assert_eq!(agreeing, "this machine's, Duffel's and the receiver's agree");
        assert!(clock(&[]).state == State::Warn);
    }
}
