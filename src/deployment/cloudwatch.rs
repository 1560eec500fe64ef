//! Figures of a queue that only `CloudWatch` reports: the age of its oldest message, and what was received and deleted.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::{
    CallError,
    json_call::{JsonCall, Operation},
};
use crate::time::unix_seconds;

const FIGURES: JsonCall =
    call("cloudwatch:GetMetricStatistics", "GraniteServiceVersion20100801.GetMetricStatistics");

/// A call of `CloudWatch`.
pub(super) const fn call(action: &'static str, name: &'static str) -> JsonCall {
    let operation = Operation::Target { name, content_type: "application/x-amz-json-1.0" };
    JsonCall { action, service: "monitoring", operation }
}

/// Returns the name of a queue, by which `CloudWatch` knows it, from its URL.
#[must_use]
pub fn queue_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// The time span of the age; a queue that was not used in it has none.
const SPAN: Duration = Duration::from_mins(15);

/// Fetches the age in seconds of a queue's oldest message by the newest figure (`cloudwatch:GetMetricStatistics`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn oldest_age(sdk: &SdkConfig, queue_name: &str) -> Result<Option<u64>, CallError> {
    let metric = Metric::of_queue(queue_name, "ApproximateAgeOfOldestMessage");
    let points = metric.points(sdk, "Maximum", SPAN, 60).await?;
    Ok(newest(&points).and_then(|point| point["Maximum"].as_f64()).map(whole))
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
    let points = async |name| Metric::of_queue(queue_name, name).points(sdk, "Sum", span, 300).await;
    let received = points("NumberOfMessagesReceived").await?;
    let deleted = points("NumberOfMessagesDeleted").await?;
    let is_known = !received.is_empty() || !deleted.is_empty();
    Ok(is_known.then(|| Consumption { received: sum(&received), deleted: sum(&deleted) }))
}

/// A metric with at most one dimension.
#[derive(Clone, Copy, Debug)]
pub struct Metric<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    /// Its name and its value.
    pub dimension: Option<(&'a str, &'a str)>,
}

impl<'a> Metric<'a> {
    fn of_queue(queue_name: &'a str, name: &'a str) -> Self {
        Self { namespace: "AWS/SQS", name, dimension: Some(("QueueName", queue_name)) }
    }

    /// Fetches the sum of the last span (`cloudwatch:GetMetricStatistics`); `None` without any figures.
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn sum(&self, sdk: &SdkConfig, span: Duration) -> Result<Option<u64>, CallError> {
        let points = self.points(sdk, "Sum", span, 300).await?;
        Ok((!points.is_empty()).then(|| sum(&points)))
    }

    /// Fetches the newest figure of the last span (`cloudwatch:GetMetricStatistics`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn newest(&self, sdk: &SdkConfig, span: Duration) -> Result<Option<u64>, CallError> {
        let points = self.points(sdk, "Maximum", span, 60).await?;
        Ok(newest(&points).and_then(|point| point["Maximum"].as_f64()).map(whole))
    }

    /// `period` is in seconds.
    async fn points(
        &self,
        sdk: &SdkConfig,
        statistic: &str,
        span: Duration,
        period: u32,
    ) -> Result<Vec<Value>, CallError> {
        let now = SystemTime::now();
        let dimensions: Vec<_> =
            self.dimension.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        let question = json!({
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": dimensions,
            "StartTime": unix_seconds(now - span),
            "EndTime": unix_seconds(now) + 1,
            "Period": period,
            "Statistics": [statistic],
        });
        let mut answer = FIGURES.send(sdk, &question).await?;
        Ok(answer["Datapoints"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }
}

fn newest(points: &[Value]) -> Option<&Value> {
    points.iter().max_by(|one, other| moment(one).total_cmp(&moment(other)))
}

fn sum(points: &[Value]) -> u64 {
    whole(points.iter().filter_map(|point| point["Sum"].as_f64()).sum())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// The time of a figure.
fn moment(point: &Value) -> f64 {
    seconds(&point["Timestamp"]).unwrap_or_default()
}

/// A time in seconds since the epoch, which is a number, or RFC 3339.
pub(super) fn seconds(time: &Value) -> Option<f64> {
    let text = || humantime::parse_rfc3339_weak(time.as_str()?.trim_end_matches("+00:00")).ok();
    #[expect(clippy::cast_precision_loss, reason = "seconds of this era are exact")]
    time.as_f64().or_else(|| Some(unix_seconds(text()?) as f64))
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
