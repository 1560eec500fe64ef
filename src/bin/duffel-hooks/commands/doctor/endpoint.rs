//! `doctor`, at the endpoint: whether the receiver responds, and the clocks agree.

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::{signature::MAX_SKEW, time::unix_seconds};
use serde_json::Value;

use super::Finding;

/// Enough for a cold start.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The difference that an HTTP date and the network may cause. A greater one is reported.
const SKEW: Duration = Duration::from_secs(30);

const RECEIVER: &str = "receiver";
const CLOCK: &str = "clock";

/// Sends a request to the stack's URL; and to Duffel's, for its clock.
/// `log` is the command that prints the receiver's log.
pub(super) fn check(url: Result<&str, &str>, duffel: Option<&str>, log: Option<&str>) -> Vec<Finding> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent = config.timeout_global(Some(TIMEOUT)).build().new_agent();
    let mut clocks = Vec::new();
    if let Some(url) = duffel {
        // Another check reports whether Duffel responds.
        let _ = timed("Duffel's", &mut clocks, || agent.get(url).call());
    }
    let receiver = url.map_or_else(
        |reason| Finding::skipped(RECEIVER, reason),
        |url| {
            let request = agent.post(url).header("Content-Type", "application/json");
            match timed("the receiver's", &mut clocks, || request.send("{}")) {
                Ok(mut response) => {
                    let body = response.body_mut().read_to_string().unwrap_or_default();
                    let body: Value = serde_json::from_str(&body).unwrap_or_default();
                    receiver(url, response.status().as_u16(), body["status"].as_str(), log)
                }
                Err(error) => {
                    let fix = "Duffel cannot deliver either, unless the problem is between this machine and the receiver";
                    Finding::fail(RECEIVER, format!("no response from {url} ({error})"), fix)
                }
            }
        },
    );
    vec![receiver, clock(&clocks)]
}

type Response = http::Response<ureq::Body>;

/// Whose clock is ahead of this machine's, and by how many seconds.
type Skew = (&'static str, i64);

/// Makes a request, and records the difference of the clocks.
fn timed(
    whose: &'static str,
    clocks: &mut Vec<Skew>,
    request: impl FnOnce() -> Result<Response, ureq::Error>,
) -> Result<Response, ureq::Error> {
    let before = SystemTime::now();
    let response = request()?;
    let ours = unix_seconds(before + before.elapsed().unwrap_or_default() / 2);
    let date =
        response.headers().get("date").and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    clocks.extend(date.map(|date| (whose, unix_seconds(date).cast_signed() - ours.cast_signed())));
    Ok(response)
}

fn receiver(url: &str, status: u16, word: Option<&str>, log: Option<&str>) -> Finding {
    let seen = |what: &str| self::seen(url, status, what);
    let with_log = |seen: &str| Finding {
        command: log.map(str::to_owned),
        ..Finding::fail(RECEIVER, self::seen(url, status, seen), "see the function's log")
    };
    match (status, word) {
        (401, Some("unauthorized")) => {
            Finding::ok(RECEIVER, format!("{url} refuses an unsigned delivery, as it should"))
        }
        (404, Some("not_found")) => Finding::fail(
            RECEIVER,
            seen("the receiver has no source of this name"),
            "see the sources of the stack: the parameter Sources, or the secrets in SourcesArn",
        ),
        (403, Some("forbidden")) => Finding::ok(
            RECEIVER,
            format!(
                "{url} refuses a delivery from this machine, which is in none of the source's allowed_ips"
            ),
        ),
        (403 | 404, _) => {
            Finding::fail(RECEIVER, seen("the gateway has no such path"), "deploy the stack again")
        }
        (429, _) => Finding::fail(
            RECEIVER,
            seen("too many requests"),
            "see RateLimit, BurstLimit, ReservedConcurrency",
        ),
        (503, Some("unavailable")) => with_log("the receiver has no secret, queue or ledger"),
        (500.., _) => with_log("the function does not run"),
        _ => Finding::fail(RECEIVER, seen("it is not this receiver"), "check that WebhookUrl is its URL"),
    }
}

fn seen(url: &str, status: u16, what: &str) -> String {
    format!("{url} responded {status} to an unsigned delivery: {what}")
}

fn clock(clocks: &[Skew]) -> Finding {
    let Some((whose, skew)) = clocks.iter().max_by_key(|(_, skew)| skew.abs()) else {
        return Finding::skipped(CLOCK, "no response had a date to compare with");
    };
    let apart = Duration::from_secs(skew.unsigned_abs());
    if apart <= SKEW {
        let whose: Vec<_> =
            ["this machine's"].into_iter().chain(clocks.iter().map(|(whose, _)| *whose)).collect();
        let (last, others) = whose.split_last().expect("this machine's is there");
        return Finding::ok(CLOCK, format!("{} and {last} agree", others.join(", ")));
    }
    let word = if *skew > 0 { "behind" } else { "ahead of" };
    let seen = format!("this machine's clock is {} {word} {whose}", humantime::format_duration(apart));
    if apart >= MAX_SKEW {
        Finding::fail(CLOCK, seen, "set the wrong clock: signatures are refused because of their time")
    } else {
        Finding::warn(CLOCK, seen, "set the wrong clock, before signatures are refused because of their time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::State;

    #[test]
    fn every_response_but_a_refusal_is_a_failure() {
        for (status, word, seen) in [
            (404, Some("not_found"), "no source of this name"),
            (403, None, "the gateway has no such path"),
            (404, None, "the gateway has no such path"),
            (429, None, "too many requests"),
            (500, None, "does not run"),
            (503, None, "does not run"),
            (503, Some("unavailable"), "no secret, queue or ledger"),
            (401, None, "not this receiver"),
            (200, Some("accepted"), "not this receiver"),
        ] {
            let finding = receiver("https://x", status, word, None);
            assert!(finding.state == State::Fail && finding.seen.contains(seen), "{}", finding.seen);
        }
        assert!(receiver("https://x", 401, Some("unauthorized"), None).state == State::Ok);
        assert!(receiver("https://x", 403, Some("forbidden"), None).state == State::Ok);
    }

    #[test]
    fn the_greatest_difference_of_clocks_counts() {
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
