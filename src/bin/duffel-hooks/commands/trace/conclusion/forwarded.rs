//! The conclusion about an event that was forwarded and is not a dead letter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Conclusion, Place, replayed};
use crate::{
    commands::trace::evidence::Evidence,
    shared::output::{count, duration},
};

/// The time after which SQS's approximate numbers agree with what was sent, and those of `CloudWatch` with these.
const SETTLED: Duration = Duration::from_mins(3);

/// For as long, SQS keeps a message.
const RETENTION: Duration = Duration::from_hours(14 * 24);

pub(super) fn conclude(evidence: &Evidence) -> Conclusion {
    let stack = &evidence.common.stack.name;
    let recorded = evidence.own_record();
    let at = evidence.accepted().map(|line| line.at);
    let at = at.or_else(|| recorded.map(|record| UNIX_EPOCH + Duration::from_secs(record.recorded_at)));
    let age = at.and_then(|at| evidence.common.now.duration_since(at).ok()).unwrap_or_default();
    if evidence.common.queues.has_topic {
        return Conclusion::new(
            Place::Topic,
            "It was published to the topic; each subscriber has its own queue.",
        )
        .fix("see which subscriber is behind, or has lost events")
        .command(format!("duffel-hooks subscribers --stack {stack}"));
    }
    let (place, where_it_is) = in_queue(evidence, age);
    let is_unrecorded = evidence.accepted().is_some_and(|line| {
        let says = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("not recorded"));
        // A receiver of an earlier version logged no cause.
        line.cause.as_deref() == Some("unrecorded") || says(&line.error)
    });
    if is_unrecorded && evidence.record.as_ref().is_ok_and(Option::is_none) {
        let text = format!(
            "It was forwarded and is not recorded in the ledger: if it is delivered again, it is forwarded again, with \
             the same identity. {where_it_is}"
        );
        return Conclusion::new(Place::Unrecorded, text)
            .fix("see why the ledger failed; a consumer that records identities skips the repetition")
            .command(format!("duffel-hooks doctor --stack {stack}"));
    }
    let conclusion = Conclusion::new(place, where_it_is);
    match place {
        Place::Consumed => replayed(
            conclusion.fix("if the consumer must process it again, have it forwarded again"),
            evidence,
        ),
        _ => conclusion
            .fix("see whether consumers take messages from the queue")
            .command(format!("duffel-hooks queue show --stack {stack}")),
    }
}

/// Says whether it is in the queue, as far as the queue's numbers and ages do.
fn in_queue(evidence: &Evidence, age: Duration) -> (Place, String) {
    let queue = match &evidence.common.queues.events {
        Ok(queue) => queue,
        Err(reason) => {
            let text =
                format!("It is in the queue, or a consumer has taken it: which is not known ({reason}).");
            return (Place::Forwarded, text);
        }
    };
    if queue.all() == 0 && age >= SETTLED {
        return (Place::Consumed, "A consumer has taken it: the queue is empty.".to_owned());
    }
    if age > RETENTION {
        let text = "It is not in the queue any more: it was forwarded more than 14 days ago.";
        return (Place::Consumed, text.to_owned());
    }
    let numbers = format!("{} waiting, {} in flight", queue.waiting, queue.in_flight + queue.delayed);
    let oldest = evidence.common.queues.oldest.as_ref().ok().copied().flatten().map(Duration::from_secs);
    if let Some(oldest) = oldest.filter(|oldest| *oldest + SETTLED < age) {
        let text = format!(
            "A consumer has probably taken it: it was forwarded {} ago, and the oldest message in the queue is {} old \
             ({numbers}). A message that a consumer has received three times does not count as the oldest.",
            duration(age),
            duration(oldest)
        );
        return (Place::Consumed, text);
    }
    if queue.all() == 0 {
        let text =
            "It is in the queue, or a consumer has taken it: SQS counts none, which may be late by minutes.";
        return (Place::Queue, text.to_owned());
    }
    let text = format!(
        "It is in the queue or with a consumer, as far as SQS can say: {} ({numbers}), and it was forwarded {} ago.",
        count(queue.all(), "message"),
        duration(age)
    );
    (Place::Queue, text)
}

/// The time of a record, for a timeline.
pub(crate) fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}
