//! The age of a queue's oldest message, which only `CloudWatch` reports.
//!
//! Its SDK would bring 22 crates and a second `http` for this one call, so the request is built here and only
//! its signature by a library.

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use serde_json::{Value, json};

use super::CallError;
use crate::time::unix_seconds;

const ACTION: &str = "cloudwatch:GetMetricStatistics";

/// The time span of the figures; a queue that was not used in it has none.
const SPAN: Duration = Duration::from_mins(15);

const TIMEOUT: Duration = Duration::from_secs(15);

/// Fetches the age in seconds of a queue's oldest message by the newest figure (`cloudwatch:GetMetricStatistics`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn oldest_age(sdk: &SdkConfig, queue_name: &str) -> Result<Option<u64>, CallError> {
    let now = SystemTime::now();
    let question = json!({
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{ "Name": "QueueName", "Value": queue_name }],
        "StartTime": unix_seconds(now - SPAN),
        "EndTime": unix_seconds(now) + 1,
        "Period": 60,
        "Statistics": ["Maximum"],
    });
    let request = signed(sdk, question.to_string(), now).await?;
    let answer = tokio::task::spawn_blocking(move || ask(request)).await;
    let (is_success, answer) = answer.map_err(|error| unanswered(&error))??;
    if !is_success {
        let code = answer["__type"].as_str().unwrap_or("an unknown error");
        let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
        let message = answer["message"].as_str().or_else(|| answer["Message"].as_str());
        return Err(CallError::refused(ACTION, code, message));
    }
    let points = answer["Datapoints"].as_array().into_iter().flatten();
    let newest = points.max_by(|one, other| moment(one).total_cmp(&moment(other)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    Ok(newest.and_then(|point| point["Maximum"].as_f64()).map(|age| age.round() as u64))
}

/// The time of a figure: seconds since the epoch, or RFC 3339.
fn moment(point: &Value) -> f64 {
    let text = || humantime::parse_rfc3339_weak(point["Timestamp"].as_str()?.trim_end_matches("+00:00")).ok();
    let number = point["Timestamp"].as_f64();
    #[expect(clippy::cast_precision_loss, reason = "seconds of this era are exact")]
    number.or_else(|| Some(unix_seconds(text()?) as f64)).unwrap_or_default()
}

async fn signed(sdk: &SdkConfig, body: String, now: SystemTime) -> Result<http::Request<String>, CallError> {
    let region = sdk.region().ok_or(CallError::Region)?.as_ref();
    let provider = sdk.credentials_provider();
    let provider = provider.ok_or_else(|| CallError::NoCredentials("no provider".to_owned()))?;
    let credentials = provider.provide_credentials().await;
    let credentials = credentials.map_err(|error| CallError::NoCredentials(error.to_string()))?;
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("monitoring")
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unanswered(&error))?;
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = sdk.endpoint_url().map(str::to_owned);
    let url = url.unwrap_or_else(|| format!("https://monitoring.{region}.{suffix}"));
    let mut request = http::Request::post(format!("{}/", url.trim_end_matches('/')))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "GraniteServiceVersion20100801.GetMetricStatistics")
        .body(body)
        .map_err(|error| unanswered(&error))?;
    let uri = request.uri().to_string();
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable =
        SignableRequest::new("POST", uri.as_str(), headers, SignableBody::Bytes(request.body().as_bytes()));
    let signed = sign(signable.map_err(|error| unanswered(&error))?, &params.into());
    let (instructions, _) = signed.map_err(|error| unanswered(&error))?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

fn ask(request: http::Request<String>) -> Result<(bool, Value), CallError> {
    let agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build();
    let mut answer = agent.new_agent().run(request).map_err(|error| unanswered(&error))?;
    let text = answer.body_mut().read_to_string().map_err(|error| unanswered(&error))?;
    Ok((answer.status().is_success(), serde_json::from_str(&text).unwrap_or_default()))
}

fn unanswered(error: &(dyn Error + 'static)) -> CallError {
    CallError::Unanswered { action: ACTION, reason: error.to_string() }
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
