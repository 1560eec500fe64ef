//! What the receiver logged.

use std::time::SystemTime;

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    deployment::{Stack, log_group::LogGroup},
    duffel::{CLOCK_SKEW, DeliveryRecord},
};
use serde_json::Value;

use super::Asked;
use crate::shared::delivery_line::DeliveryLine;

/// The words of the answers to deliveries that are not accepted.
const REFUSALS: [&str; 7] =
    ["unauthorized", "forbidden", "malformed", "too_large", "not_found", "method_not_allowed", "unavailable"];

/// The maximum number of periods in which to search.
const MOST: usize = 5;

/// The receiver's log.
pub(super) struct ReceiverLog {
    group: Asked<LogGroup>,
    since: SystemTime,
    now: SystemTime,
}

impl ReceiverLog {
    pub(super) async fn of(sdk: &SdkConfig, stack: &Stack, since: SystemTime, now: SystemTime) -> Self {
        let name = stack.receiver_log_group(sdk).await;
        let group = name.map(|name| LogGroup::new(sdk, &name)).map_err(|error| error.to_string());
        Self { group, since, now }
    }

    /// Finds the lines that contain one of these values.
    pub(super) async fn lines(&self, values: &[String]) -> Asked<Vec<DeliveryLine>> {
        let quoted: Vec<_> = values.iter().map(|value| Value::from(value.as_str()).to_string()).collect();
        self.search(&quoted, self.since, self.now).await
    }

    /// Finds the lines of refused deliveries at the times of attempts that were not accepted. They may be those of other
    /// deliveries.
    pub(super) async fn refusals(&self, attempts: &[DeliveryRecord]) -> Asked<Vec<DeliveryLine>> {
        let words = REFUSALS.map(|word| format!("\"outcome\":\"{word}\""));
        let mut lines = Vec::new();
        for (from, until) in periods(attempts) {
            lines.extend(self.search(&words, from, until).await?);
        }
        Ok(lines)
    }

    async fn search(
        &self,
        texts: &[String],
        from: SystemTime,
        until: SystemTime,
    ) -> Asked<Vec<DeliveryLine>> {
        let group = self.group.as_ref().map_err(Clone::clone)?;
        let found = group.search(texts, from, until).await.map_err(|error| error.to_string())?;
        Ok(found.iter().filter_map(DeliveryLine::read).collect())
    }
}

/// The line of an attempt among those of refused deliveries: the nearest one with its status, if it has no event id.
pub(super) fn line_of<'a>(
    attempt: &DeliveryRecord,
    refusals: &'a [DeliveryLine],
) -> Option<&'a DeliveryLine> {
    let same =
        |line: &&DeliveryLine| line.event_id.is_none() && Some(line.status) == attempt.response_status_code;
    nearest(attempt, refusals.iter().filter(same), |line| line.at)
}

/// The line that is nearest to an attempt in time, if it may be its own.
pub(super) fn nearest<'a, T>(
    attempt: &DeliveryRecord,
    lines: impl Iterator<Item = &'a T>,
    at: impl Fn(&T) -> SystemTime,
) -> Option<&'a T> {
    let of_attempt = attempt.created_at?;
    let distance = |line: &T| match at(line).duration_since(of_attempt) {
        Ok(after) => after,
        Err(before) => before.duration(),
    };
    let nearest = lines.min_by_key(|line| distance(line))?;
    (distance(nearest) <= CLOCK_SKEW).then_some(nearest)
}

/// The periods about the last attempts that were not accepted, newest first.
pub(super) fn periods(attempts: &[DeliveryRecord]) -> Vec<(SystemTime, SystemTime)> {
    let failed = attempts.iter().filter(|attempt| attempt.succeeded() != Some(true));
    let mut times: Vec<_> = failed.filter_map(|attempt| attempt.created_at).collect();
    times.sort_unstable();
    let mut periods: Vec<(SystemTime, SystemTime)> = Vec::new();
    for at in times.into_iter().rev() {
        let (from, until) = (at.checked_sub(CLOCK_SKEW).unwrap_or(at), at + CLOCK_SKEW);
        let is_full = periods.len() == MOST;
        match periods.last_mut() {
            Some((begin, _)) if until >= *begin => *begin = from,
            _ if is_full => break,
            _ => periods.push((from, until)),
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn attempts_within_a_few_minutes_have_one_period_and_the_last_ones_are_searched() {
        let minute = |minute| UNIX_EPOCH + Duration::from_mins(minute);
        let attempt = |at, status| DeliveryRecord {
            id: "del_1".to_owned(),
            event_id: None,
            endpoint_id: None,
            kind: None,
            url: None,
            response_status_code: Some(status),
            response_body: None,
            live_mode: None,
            created_at: Some(minute(at)),
            delivery_success: None,
            raw: Value::Null,
        };
        let attempts: Vec<_> = [10, 11, 13, 30].into_iter().map(|at| attempt(at, 401)).collect();
        assert_eq!(periods(&attempts), [(minute(29), minute(31)), (minute(9), minute(14))]);
        assert!(periods(&[attempt(10, 202)]).is_empty());
        let attempts: Vec<_> = (1..20).map(|number| attempt(number * 10, 401)).collect();
        let periods = periods(&attempts);
        assert_eq!((periods.len(), periods[0].1), (MOST, minute(191)));
    }
}
