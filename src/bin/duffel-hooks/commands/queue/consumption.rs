//! Whether consumers take messages from a queue.

use std::time::Duration;

use duffel_webhook_receiver::deployment::{cloudwatch::Consumption, health};
use serde::Serialize;

use crate::shared::output::{count, duration};

/// The time span of the figures.
pub(super) const SPAN: Duration = Duration::from_hours(1);

/// By so much, `CloudWatch` may be late with its figures.
const LATE: Duration = Duration::from_mins(10);

/// The state of the consumers, as far as the figures say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Empty,
    Consumed,
    /// Messages wait, and nobody receives any.
    NotConsumed,
    /// Messages are received, and none is deleted.
    NothingDone,
    /// There are no figures yet.
    Unknown,
}

/// Concludes from the figures of the last hour.
pub(super) fn state(queue: &health::Queue, oldest: Option<Duration>, figures: Option<Consumption>) -> State {
    match figures {
        Some(Consumption { received, deleted: 0 }) if received > 0 => State::NothingDone,
        _ if queue.all() == 0 => State::Empty,
        Some(Consumption { received, .. }) if received > 0 => State::Consumed,
        _ if queue.in_flight > 0 => State::Unknown,
        // Without an age, the queue has not been used of late; what is in it has waited for longer.
        _ if oldest.is_none_or(|age| age > LATE) => State::NotConsumed,
        _ => State::Unknown,
    }
}

/// The state in words, and what to do.
pub(super) fn words(
    state: State,
    queue: &health::Queue,
    figures: Option<Consumption>,
    stack: &str,
    arn: Option<&str>,
) -> (String, Option<(String, String)>) {
    let waiting = count(queue.waiting, "message");
    let Consumption { received, deleted } = figures.unwrap_or(Consumption { received: 0, deleted: 0 });
    match state {
        State::Empty => ("The queue is empty.".to_owned(), None),
        State::Consumed => {
            let hours = |waiting: u64| duration(Duration::from_secs(waiting * 3600 / deleted.max(1)));
            let rest = u64::try_from(queue.waiting).unwrap_or_default();
            let left = if rest == 0 {
                String::new()
            } else {
                format!(" At that rate, what waits takes {}.", hours(rest))
            };
            (format!("Consumers process {deleted} messages an hour.{left}"), None)
        }
        State::NotConsumed => {
            let fix = "check that the consumer runs; of a Lambda function, that its event source mapping is Enabled";
            let arn = arn.unwrap_or("ARN");
            let command = format!("aws lambda list-event-source-mappings --event-source-arn {arn}");
            let text = format!("Nobody consumes: {waiting} wait, and none was received in the last hour.");
            (text, Some((fix.to_owned(), command)))
        }
        State::NothingDone => {
            let text = format!(
                "Consumers fail: {} in the last hour, and no message was deleted.",
                count(usize::try_from(received).unwrap_or(usize::MAX), "receive")
            );
            let fix = "read the consumer's log; messages on which it fails become dead letters";
            (text, Some((fix.to_owned(), format!("duffel-hooks dlq show --stack {stack}"))))
        }
        State::Unknown => {
            let text =
                "Whether somebody consumes is not known yet: CloudWatch's figures are late by minutes.";
            (text.to_owned(), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(waiting: usize, in_flight: usize) -> health::Queue {
        health::Queue {
            is_fifo: true,
            dead_letters_to: None,
            max_receives: Some(5),
            waiting,
            in_flight,
            delayed: 0,
        }
    }

    #[test]
    fn a_queue_is_not_consumed_if_its_messages_wait_and_none_is_received() {
        let minutes = |minutes| Some(Duration::from_mins(minutes));
        let figures = |received, deleted| Some(Consumption { received, deleted });
        for (waiting, in_flight, oldest, seen, expected) in [
            (0, 0, None, None, State::Empty),
            (3, 0, minutes(20), figures(0, 0), State::NotConsumed),
            (3, 0, minutes(20), None, State::NotConsumed),
            (3, 0, None, None, State::NotConsumed),
            (3, 0, minutes(1), None, State::Unknown),
            (3, 2, minutes(20), None, State::Unknown),
            (3, 0, minutes(20), figures(7, 5), State::Consumed),
            (3, 0, minutes(20), figures(7, 0), State::NothingDone),
            (0, 0, None, figures(7, 0), State::NothingDone),
            (0, 0, None, figures(7, 7), State::Empty),
        ] {
            assert_eq!(
                state(&queue(waiting, in_flight), oldest, seen),
                expected,
                "{waiting} {in_flight} {seen:?}"
            );
        }
    }
}
