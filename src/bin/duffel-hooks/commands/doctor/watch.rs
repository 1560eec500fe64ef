//! `doctor --watch`: the checks again and again, of which only what changed is printed.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, SystemTime},
};

use humantime::format_rfc3339_seconds;
use tokio::time::{Instant, sleep_until};

use super::{
    checks,
    finding::{Finding, State},
    printer::{Printer, Tally},
};
use crate::shared::{Result, stack::StackName};

/// Makes the checks until the process is ended, or nobody reads its output.
pub(super) async fn watch(
    stack: &StackName,
    pause: Duration,
    printer: &mut Printer<impl Write>,
) -> Result<()> {
    let mut known = Known::default();
    loop {
        let next = Instant::now() + pause;
        let at = format_rfc3339_seconds(SystemTime::now()).to_string();
        let mut round = known.round();
        let mut result = Ok(());
        let mut print = |finding: &Finding| {
            if result.is_ok() {
                result = printer.finding(finding, Some(&at));
            }
        };
        checks::make(stack, |finding| {
            if round.is_new(&finding) {
                print(&finding);
            }
        })
        .await?;
        round.gone().iter().for_each(&mut print);
        let (is_first, tally) = (round.is_first, round.tally);
        result?;
        if is_first {
            printer.summary(tally)?;
        }
        sleep_until(next).await;
    }
}

/// The findings of the last round, by their checks.
#[derive(Default)]
struct Known {
    findings: BTreeMap<String, (State, String)>,
    rounds: usize,
}

/// A round in progress.
struct Round<'a> {
    known: &'a mut Known,
    seen: BTreeMap<String, (State, String)>,
    is_first: bool,
    tally: Tally,
}

impl Known {
    fn round(&mut self) -> Round<'_> {
        self.rounds += 1;
        let is_first = self.rounds == 1;
        Round { known: self, seen: BTreeMap::new(), is_first, tally: Tally::default() }
    }
}

impl Round<'_> {
    /// Notes a finding, and returns whether it differs from the last round: in its state; or in its text, unless the check
    /// passed, since that text has figures which change all the time.
    fn is_new(&mut self, finding: &Finding) -> bool {
        self.tally.add(finding);
        let new = (finding.state, finding.seen.clone());
        let is_new = match self.known.findings.get(finding.check.as_ref()) {
            Some((state, seen)) => *state != new.0 || (new.0 != State::Ok && *seen != new.1),
            None => self.is_first || new.0 != State::Ok,
        };
        self.seen.insert(finding.check.to_string(), new);
        is_new
    }

    /// Ends the round. Returns a finding for each check that had not passed and is not reported any more, such as that of an
    /// alarm that is off again.
    fn gone(&mut self) -> Vec<Finding> {
        let old = std::mem::replace(&mut self.known.findings, std::mem::take(&mut self.seen));
        let is_gone = |(check, (state, _)): &(String, (State, String))| {
            *state != State::Ok && !self.known.findings.contains_key(check)
        };
        let gone = old.into_iter().filter(is_gone);
        gone.map(|(check, _)| Finding::ok(check, "is not reported any more")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_new() {
        let mut known = Known::default();
        let rounds = [
            (
                vec![Finding::ok("queue", "1 waiting"), Finding::ok("alarms", "none is on")],
                "queue alarms",
                "",
            ),
            (
                vec![Finding::ok("queue", "2 waiting"), Finding::fail("SlowAlarm", "is on", "x")],
                "SlowAlarm",
                "",
            ),
            (vec![Finding::ok("queue", "2 waiting"), Finding::fail("SlowAlarm", "is on", "x")], "", ""),
            (
                vec![Finding::warn("queue", "3 waiting", "x"), Finding::ok("alarms", "none is on")],
                "queue",
                "SlowAlarm",
            ),
            (
                vec![Finding::warn("queue", "4 waiting", "x"), Finding::ok("alarms", "none is on")],
                "queue",
                "",
            ),
            (vec![Finding::ok("queue", "0 waiting"), Finding::ok("alarms", "none is on")], "queue", ""),
        ];
        for (number, (findings, new, gone)) in rounds.into_iter().enumerate() {
            let mut round = known.round();
            let names: Vec<_> =
                findings.iter().filter(|it| round.is_new(it)).map(|it| it.check.to_string()).collect();
            assert_eq!(names.join(" "), new, "round {number}");
            let names: Vec<_> = round.gone().iter().map(|it| it.check.to_string()).collect();
            assert_eq!(names.join(" "), gone, "round {number}");
        }
    }
}
