//! A log group in `CloudWatch` Logs: searched with Logs Insights, and followed.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::{
    CallError,
    json_call::{JsonCall, Operation},
};
use crate::time::{parse_time, unix_millis, unix_seconds};

const START: JsonCall = call("logs:StartQuery", "Logs_20140328.StartQuery");
const RESULTS: JsonCall = call("logs:GetQueryResults", "Logs_20140328.GetQueryResults");
const FILTER: JsonCall = call("logs:FilterLogEvents", "Logs_20140328.FilterLogEvents");

const fn call(action: &'static str, target: &'static str) -> JsonCall {
    let operation = Operation::Target { name: target, content_type: "application/x-amz-json-1.1" };
    JsonCall { action, service: "logs", operation }
}

/// The maximum number of lines that a search returns.
pub const MAX_FOUND: usize = 1_000;

/// The time limit of a search. Logs Insights reads about a gigabyte in a second.
const PATIENCE: Duration = Duration::from_mins(2);

/// A log group, by its name.
pub struct LogGroup {
    sdk: SdkConfig,
    name: String,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// The time that the writer gave it, to the millisecond.
    pub at: SystemTime,
    pub message: String,
}

impl LogGroup {
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: &str) -> Self {
        Self { sdk: sdk.clone(), name: name.to_owned() }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds the lines of a period that contain one of these texts, oldest first and at most [`MAX_FOUND`]
    /// (`logs:StartQuery`, `logs:GetQueryResults`). A line that was written in the last seconds may be missing.
    ///
    /// # Errors
    /// If AWS refuses or does not answer, or the search does not end in time.
    pub async fn search(
        &self,
        texts: &[String],
        from: SystemTime,
        until: SystemTime,
    ) -> Result<Vec<LogEvent>, CallError> {
        let pattern = texts.iter().map(|text| literal(text)).collect::<Vec<_>>().join("|");
        // The names of the fields contain dots, of which it is not documented how Insights reads them in a name. So the
        // text of the line is searched, and the caller reads the fields.
        let query = format!(
            "fields @timestamp, @message | filter @message like /{pattern}/ | sort @timestamp asc | limit {MAX_FOUND}"
        );
        let question = json!({
            "logGroupName": self.name,
            "startTime": unix_seconds(from),
            "endTime": unix_seconds(until) + 1,
            "queryString": query,
        });
        let started = START.send(&self.sdk, &question).await?;
        let query = json!({ "queryId": started["queryId"] });
        let ends = tokio::time::Instant::now() + PATIENCE;
        let mut wait = Duration::from_millis(200);
        loop {
            let answer = RESULTS.send(&self.sdk, &query).await?;
            let reason = match answer["status"].as_str().unwrap_or_default() {
                "Complete" => return Ok(found(&answer)),
                "Scheduled" | "Running" if tokio::time::Instant::now() < ends => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(2));
                    continue;
                }
                "Scheduled" | "Running" => format!("the query runs for more than {} s", PATIENCE.as_secs()),
                status => format!("the query has the status {status:?}"),
            };
            return Err(CallError::Unanswered { action: RESULTS.action, reason });
        }
    }

    /// Reads a page of the lines since a moment, without those that were seen before (`logs:FilterLogEvents`). Returns
    /// the token of the next page as well; a page may be empty and have a successor.
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn page(
        &self,
        from: SystemTime,
        token: Option<String>,
        seen: &mut Seen,
    ) -> Result<(Vec<LogEvent>, Option<String>), CallError> {
        let mut question = json!({ "logGroupName": self.name, "startTime": unix_millis(from) });
        if let Some(token) = token {
            question["nextToken"] = token.into();
        }
        let answer = FILTER.send(&self.sdk, &question).await?;
        let mut lines = Vec::new();
        for event in answer["events"].as_array().into_iter().flatten() {
            let at = event["timestamp"].as_u64().unwrap_or_default();
            if seen.add(event["eventId"].as_str().unwrap_or_default(), at) {
                let message = event["message"].as_str().unwrap_or_default().trim_end().to_owned();
                lines.push(LogEvent { at: UNIX_EPOCH + Duration::from_millis(at), message });
            }
        }
        // AWS does not promise an order among streams.
        lines.sort_by_key(|line| line.at);
        Ok((lines, answer["nextToken"].as_str().map(str::to_owned)))
    }
}

/// The lines that were read before, by the ids that AWS gives them.
#[derive(Default)]
pub struct Seen {
    ids: HashSet<(u64, String)>,
}

impl Seen {
    /// Adds a line, and returns `true` if it is new.
    fn add(&mut self, id: &str, at: u64) -> bool {
        self.ids.insert((at, id.to_owned()))
    }

    /// Forgets the lines before a moment, which are not read again.
    pub fn forget_before(&mut self, from: SystemTime) {
        let from = unix_millis(from);
        self.ids.retain(|(at, _)| *at >= from);
    }
}

/// The lines in the answer of a query.
fn found(answer: &Value) -> Vec<LogEvent> {
    let rows = answer["results"].as_array().into_iter().flatten();
    let line = |row: &Value| {
        let field = |name: &str| {
            let fields = row.as_array().into_iter().flatten();
            fields.clone().find(|field| field["field"] == name).and_then(|field| field["value"].as_str())
        };
        // As in `2026-11-21 12:00:00.123`, in UTC.
        let at = parse_time(&format!("{}Z", field("@timestamp")?.replace(' ', "T")))?;
        Some(LogEvent { at, message: field("@message")?.trim_end().to_owned() })
    };
    rows.filter_map(line).collect()
}

/// The regular expression of a text, in which no character has a meaning of its own.
fn literal(text: &str) -> String {
    let is_plain =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '"' | ':' | ' ');
    text.chars().fold(String::new(), |mut pattern, character| {
        if !is_plain(character) {
            pattern.push('\\');
        }
        pattern.push(character);
        pattern
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_the_expression_or_match_anything_else() {
        assert_eq!(literal(r#""wev_1""#), r#""wev_1""#);
        assert_eq!(literal("a/b|c.d*(é)\\"), r"a\/b\|c\.d\*\(é\)\\");
    }

    #[test]
    fn a_row_without_time_or_text_is_left_out() {
        let row = |fields: &[(&str, &str)]| {
            let field = |(name, value): &(&str, &str)| json!({ "field": name, "value": value });
            Value::Array(fields.iter().map(field).collect())
        };
        let answer = json!({ "results": [
            row(&[("@timestamp", "2026-11-21 12:00:00.123"), ("@message", "one\n"), ("@ptr", "x")]),
            row(&[("@timestamp", "2026-11-21 12:00:00.123")]),
            row(&[("@message", "two")]),
        ]});
        let at = humantime::parse_rfc3339("2026-11-21T12:00:00.123Z").unwrap();
        assert_eq!(found(&answer), [LogEvent { at, message: "one".to_owned() }]);
    }

    #[test]
    fn a_line_is_new_once() {
        let mut seen = Seen::default();
        assert!(seen.add("one", 1_000) && seen.add("two", 2_000) && !seen.add("one", 1_000));
        seen.forget_before(UNIX_EPOCH + Duration::from_secs(2));
        assert!(seen.add("one", 1_000) && !seen.add("two", 2_000));
    }
}
