//! Figures of a queue that only `CloudWatch` reports: the age of its oldest message, and what was received and deleted.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::{CallError, json_call::JsonCall};
use crate::time::unix_seconds;

const CALL: JsonCall = JsonCall {
    action: "cloudwatch:GetMetricStatistics",
    service: "monitoring",
    target: "GraniteServiceVersion20100801.GetMetricStatistics",
    content_type: "application/x-amz-json-1.0",
};

/// The time span of the age; a queue that was not used in it has none.
const SPAN: Duration = Duration::from_mins(15);

/// Fetches the age in seconds of a queue's oldest message by the newest figure (`cloudwatch:GetMetricStatistics`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn oldest_age(sdk: &SdkConfig, queue_name: &str) -> Result<Option<u64>, CallError> {
    let metric =
        Metric { name: "ApproximateAgeOfOldestMessage", statistic: "Maximum", span: SPAN, period: 60 };
    let points = metric.points(sdk, queue_name).await?;
    let newest = points.iter().max_by(|one, other| moment(one).total_cmp(&moment(other)));
    Ok(newest.and_then(|point| point["Maximum"].as_f64()).map(whole))
}

/// The numbers of messages that a queue sent to consumers, and that they deleted, in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumption {
    pub received: u64,
    pub deleted: u64,
}

/// Fetches how many messages were received from a queue and deleted in the last span (`cloudwatch:GetMetricStatistics`);
/// `None` if there are no figures, as of a queue that nobody used.
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn consumption(
    sdk: &SdkConfig,
    queue_name: &str,
    span: Duration,
) -> Result<Option<Consumption>, CallError> {
    let metric = |name| Metric { name, statistic: "Sum", span, period: 300 };
    let (received, deleted) = (metric("NumberOfMessagesReceived"), metric("NumberOfMessagesDeleted"));
    let received = received.points(sdk, queue_name).await?;
    let deleted = deleted.points(sdk, queue_name).await?;
    let sum = |points: &[Value]| whole(points.iter().filter_map(|point| point["Sum"].as_f64()).sum());
    let is_known = !received.is_empty() || !deleted.is_empty();
    Ok(is_known.then(|| Consumption { received: sum(&received), deleted: sum(&deleted) }))
}

struct Metric {
    name: &'static str,
    statistic: &'static str,
    span: Duration,
    /// In seconds.
    period: u32,
}

impl Metric {
    async fn points(&self, sdk: &SdkConfig, queue_name: &str) -> Result<Vec<Value>, CallError> {
        let now = SystemTime::now();
        let question = json!({
            "Namespace": "AWS/SQS",
            "MetricName": self.name,
            "Dimensions": [{ "Name": "QueueName", "Value": queue_name }],
            "StartTime": unix_seconds(now - self.span),
            "EndTime": unix_seconds(now) + 1,
            "Period": self.period,
            "Statistics": [self.statistic],
        });
        let mut answer = CALL.send(sdk, &question).await?;
        Ok(answer["Datapoints"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// The time of a figure: seconds since the epoch, or RFC 3339.
fn moment(point: &Value) -> f64 {
    let text = || humantime::parse_rfc3339_weak(point["Timestamp"].as_str()?.trim_end_matches("+00:00")).ok();
    let number = point["Timestamp"].as_f64();
    #[expect(clippy::cast_precision_loss, reason = "seconds of this era are exact")]
    number.or_else(|| Some(unix_seconds(text()?) as f64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_times_in_either_form() {
        let number = moment(&json!({ "Timestamp": 1_795_262_400.0 }));
        for text in ["2026-11-21T12:00:00Z", "2026-11-21T12:00:00+00:00", "2026-11-21T12:00:00.000Z"] {
            assert!((moment(&json!({ "Timestamp": text })) - number).abs() < 1e-6, "{text}");
        }
    }
}
