//! The replay policy of a subscription, and the status of its replay.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

use crate::time::parse_time;

/// A period of the archive, by the time at which the receiver published, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: SystemTime,
    /// `None` to go on with new messages. With an end, SNS delivers no new messages after it:
    /// <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html>.
    pub until: Option<SystemTime>,
}

/// The last replay to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    pub period: Period,
    pub status: ReplayStatus,
}

/// The status of a replay; its `Display` is SNS's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayStatus {
    Pending,
    InProgress,
    Completed,
    Failed,
    /// A word that is not documented.
    Other(String),
}

impl Period {
    /// The value of the attribute `ReplayPolicy`.
    pub(super) fn policy(self) -> String {
        let text = |at| format_rfc3339_millis(at).to_string();
        let mut policy = json!({ "PointType": "Timestamp", "StartingPoint": text(self.from) });
        if let Some(until) = self.until {
            policy["EndingPoint"] = text(until).into();
        }
        policy.to_string()
    }

    /// The same period with its start a millisecond earlier, if it equals the period of the previous replay, whose
    /// status could otherwise be mistaken for that of the new one.
    #[must_use]
    pub fn distinct_from(self, previous: Option<&Replay>) -> Self {
        match previous {
            Some(previous) if previous.period.policy() == self.policy() => {
                Self { from: self.from.checked_sub(Duration::from_millis(1)).unwrap_or(self.from), ..self }
            }
            _ => self,
        }
    }
}

impl Replay {
    pub(super) fn new(policy: Option<&Value>, status: Option<&str>) -> Option<Self> {
        let point = |name: &str| policy?[name].as_str().and_then(parse_time);
        let period = Period { from: point("StartingPoint")?, until: point("EndingPoint") };
        let status = match status.unwrap_or_default() {
            "Pending" => ReplayStatus::Pending,
            "In progress" => ReplayStatus::InProgress,
            "Completed" => ReplayStatus::Completed,
            "Failed" => ReplayStatus::Failed,
            other => ReplayStatus::Other(other.to_owned()),
        };
        Some(Self { period, status })
    }

    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.status, ReplayStatus::Pending | ReplayStatus::InProgress)
    }

    /// Whether this is the replay of a period.
    #[must_use]
    pub fn is_of(&self, period: Period) -> bool {
        self.period.policy() == period.policy()
    }

    /// The end of the replay if the subscription gets no new messages since then.
    #[must_use]
    pub fn paused_at(&self) -> Option<SystemTime> {
        self.period.until.filter(|_| !self.is_running())
    }
}

impl fmt::Display for ReplayStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pending => "Pending",
            Self::InProgress => "In progress",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Other(word) if word.is_empty() => "without a status",
            Self::Other(word) => word,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(policy: &str, status: &str) -> Option<Replay> {
        Replay::new(serde_json::from_str(policy).ok().as_ref(), Some(status))
    }

    // The example of AWS's page.
    const ENDS: &str = r#"{"PointType":"Timestamp","StartingPoint":"2023-10-01T10:00:00.000Z","EndingPoint":"2023-10-01T12:00:00.000Z"}"#;
    const GOES_ON: &str = r#"{"PointType":"Timestamp","StartingPoint":"2023-10-01T10:00:00.000Z"}"#;

    #[test]
    fn policy_is_written_and_read_as_sns_documents_it() {
        for policy in [ENDS, GOES_ON] {
            let read = replay(policy, "In progress").unwrap();
            let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(value(&read.period.policy()), value(policy));
            assert!(read.is_running() && read.is_of(read.period));
            for status in ["Pending", "In progress", "Completed", "Failed"] {
                assert_eq!(replay(policy, status).unwrap().status.to_string(), status);
            }
        }
        assert_eq!(replay("{}", "Completed"), None);
    }

    #[test]
    fn subscription_is_paused_after_a_replay_with_an_end() {
        let until = parse_time("2023-10-01T12:00:00Z");
        assert_eq!(replay(ENDS, "Completed").unwrap().paused_at(), until);
        assert_eq!(replay(ENDS, "Failed").unwrap().paused_at(), until);
        assert_eq!(replay(ENDS, "In progress").unwrap().paused_at(), None);
        assert_eq!(replay(GOES_ON, "Completed").unwrap().paused_at(), None);
    }

    #[test]
    fn repeated_replay_is_distinct_from_the_previous_one() {
        let previous = replay(GOES_ON, "Completed").unwrap();
        let again = previous.period.distinct_from(Some(&previous));
        assert!(!previous.is_of(again) && again.from < previous.period.from);
        assert_eq!(again.distinct_from(Some(&previous)), again);
        assert_eq!(again.distinct_from(None), again);
    }
}
