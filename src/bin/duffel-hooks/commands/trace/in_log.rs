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
const REFUSALS: [&str; 6] =
    ["unauthorized", "malformed", "too_large", "not_found", "method_not_allowed", "unavailable"];

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
        let failed = attempts.iter().filter(|attempt| attempt.succeeded() != Some(true));
        let times: Vec<_> = failed.filter_map(|attempt| attempt.created_at).collect();
        let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
            return Ok(Vec::new());
        };
        let words = REFUSALS.map(|word| format!("\"outcome\":\"{word}\""));
        self.search(&words, *first - CLOCK_SKEW, *last + CLOCK_SKEW).await
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
    let (at, status) = (attempt.created_at?, attempt.response_status_code?);
    let distance = |line: &DeliveryLine| match line.at.duration_since(at) {
        Ok(after) => after,
        Err(before) => before.duration(),
    };
    let candidates = refusals.iter().filter(|line| line.event_id.is_none() && line.status == status);
    let nearest = candidates.min_by_key(|line| distance(line))?;
    (distance(nearest) <= CLOCK_SKEW).then_some(nearest)
}
