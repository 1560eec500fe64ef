//! What the gateway logged of requests that it refused, or to which the receiver gave no answer.

use std::time::SystemTime;

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    deployment::{
        Output, Stack,
        log_group::{LogEvent, LogGroup},
    },
    duffel::DeliveryRecord,
};
use serde_json::Value;

use super::{
    Asked,
    in_log::{nearest, periods},
};

/// A line of the access log. It has no id of an event, since the gateway reads no body.
#[derive(Clone, Debug)]
pub(super) struct GatewayLine {
    at: SystemTime,
    status: u16,
    /// Why the receiver did not answer; `None` if the gateway itself refused the request.
    error: Option<String>,
    pub(super) raw: Value,
}

impl GatewayLine {
    fn read(event: &LogEvent) -> Option<Self> {
        let raw: Value = serde_json::from_str(&event.message).ok()?;
        let status = raw["status"].as_str()?.parse().ok()?;
        let error = raw["integrationError"].as_str().filter(|error| !["", "-"].contains(error));
        Some(Self { at: event.at, status, error: error.map(str::to_owned), raw })
    }

    pub(super) fn at(&self) -> SystemTime {
        self.at
    }

    /// The reason of the answer, in words.
    pub(super) fn reason(&self) -> String {
        match &self.error {
            Some(error) => format!("the receiver did not answer the gateway ({error})"),
            None if self.status == 429 => {
                "the gateway's limit of requests was reached (RateLimit, BurstLimit)".to_owned()
            }
            None => format!("the gateway answered {}", self.status),
        }
    }
}

/// Whether the gateway gives this answer itself.
fn may_be_its_own(attempt: &DeliveryRecord) -> bool {
    attempt.response_status_code.is_some_and(|status| status == 429 || status >= 500)
}

/// Finds the lines of the answers 429 and 5xx at the times of such attempts. They may be those of other deliveries.
pub(super) async fn refusals(
    sdk: &SdkConfig,
    stack: &Stack,
    attempts: &[DeliveryRecord],
) -> Asked<Vec<GatewayLine>> {
    let attempts: Vec<_> = attempts.iter().filter(|attempt| may_be_its_own(attempt)).cloned().collect();
    let periods = periods(&attempts);
    if periods.is_empty() {
        return Ok(Vec::new());
    }
    let name = stack.output(Output::ApiLogGroup).map_err(|error| error.to_string())?;
    let group = LogGroup::new(sdk, name);
    let statuses = ["\"status\":\"429\"".to_owned(), "\"status\":\"5".to_owned()];
    let mut lines = Vec::new();
    for (from, until) in periods {
        let found = group.search(&statuses, from, until).await.map_err(|error| error.to_string())?;
        lines.extend(found.iter().filter_map(GatewayLine::read));
    }
    Ok(lines)
}

/// The line of an attempt: the nearest one with its status.
pub(super) fn line_of<'a>(attempt: &DeliveryRecord, lines: &'a [GatewayLine]) -> Option<&'a GatewayLine> {
    let same = lines.iter().filter(|line| Some(line.status) == attempt.response_status_code);
    nearest(attempt, same, GatewayLine::at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_gateway_and_a_receiver_that_failed_have_other_reasons() {
        let line = |text: &str| {
            GatewayLine::read(&LogEvent { at: SystemTime::UNIX_EPOCH, message: text.to_owned() }).unwrap()
        };
        let throttled = line(r#"{"status":"429","integrationStatus":"-","integrationError":"-"}"#);
        assert!(throttled.reason().starts_with("the gateway's limit"), "{}", throttled.reason());
        let failed = line(r#"{"status":"503","integrationError":"The request was throttled"}"#);
        assert!(failed.reason().ends_with("(The request was throttled)"), "{}", failed.reason());
    }
}
