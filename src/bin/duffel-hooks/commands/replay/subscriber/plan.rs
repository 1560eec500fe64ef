//! The plan of a replay: which part of the archive, to which subscription, and how delivery goes on afterwards.

use std::time::SystemTime;

use duffel_webhook_receiver::deployment::subscribers::{Archive, Period, Subscription, Topic, name_of};
use humantime::format_rfc3339_millis;

use super::replay_command;
use crate::shared::{Result, WrongUsage};

pub(super) struct Plan {
    /// The ARN of the subscription.
    pub(super) subscription: String,
    pub(super) period: Period,
    /// The time from which delivery goes on after a period with an end.
    pub(super) resume_from: SystemTime,
    /// What the operator should know before.
    pub(super) notes: Vec<String>,
    stack: String,
    queue: String,
}

impl Plan {
    pub(super) async fn new(
        topic: &Topic,
        stack: &str,
        name: &str,
        period: Period,
        replace: bool,
    ) -> Result<Self> {
        let now = SystemTime::now();
        if period.until.is_some_and(|until| until <= period.from) || period.from >= now {
            return Err(Box::new(WrongUsage(
                "the period is empty: --since must be in the past, and before --until".to_owned(),
            )));
        }
        // A date includes its whole day, of which the rest is not over.
        let until = period.until.filter(|until| *until < now);
        let archive = topic.archive().await?.ok_or_else(|| {
            format!("{} has no archive, so there is nothing to replay: deploy the stack again", topic.arn())
        })?;
        let mut notes = Vec::new();
        let from = within(archive, Period { until, ..period }, &mut notes)?;
        let all = topic.subscriptions().await?;
        let found = find(&all, name)?;
        let Some(subscription) = found.arn.clone().filter(|_| !found.is_pending()) else {
            return Err(format!(
                "the subscription of {name} is not confirmed, so nothing can be replayed to it"
            )
            .into());
        };
        let last = match &found.attributes {
            Some(Err(error)) => {
                return Err(format!("the subscription of {name} cannot be read: {error}").into());
            }
            Some(Ok(attributes)) => attributes.replay.as_ref(),
            None => None,
        };
        let queue = name_of(&found.endpoint).to_owned();
        let mut resume_from = now;
        if let Some(last) = last {
            let continued = |at: SystemTime| format_rfc3339_millis(at).to_string();
            if last.is_running() {
                let since = continued(last.period.from);
                let running = format!("a replay to {queue} is running (since {since}, {})", last.status);
                if !replace {
                    return Err(format!("{running}: wait for its end, or replace it with --replace").into());
                }
                if from > last.period.from {
                    return Err(format!(
                        "{running}, and replacing it with one that begins later would skip what it has not yet \
                         delivered, new events included: give --since {since} or earlier"
                    )
                    .into());
                }
                notes.push(format!("{running}, and is replaced"));
                resume_from = last.period.from;
            } else if let Some(at) = last.paused_at() {
                let at_text = continued(at);
                if from > at {
                    return Err(format!(
                        "{queue} is paused: the last replay ended at {at_text}, and SNS has delivered nothing since. \
                         What was published until --since would be skipped: give --since {at_text} or earlier"
                    )
                    .into());
                }
                notes.push(format!(
                    "{queue} is paused since {at_text}, and gets what was published since then, too"
                ));
                resume_from = at;
            }
        }
        let period = Period { from, until }.distinct_from(last);
        Ok(Self { subscription, period, resume_from, notes, stack: stack.to_owned(), queue })
    }

    pub(super) fn summary(&self) -> String {
        let Period { from, until } = self.period;
        let from = format_rfc3339_millis(from);
        match until {
            None => format!("what was published since {from} to {}", self.queue),
            Some(until) => format!(
                "what was published from {from} until {} to {}\nMeanwhile, {} gets no new events. If this command dies, resume with\n  {}",
                format_rfc3339_millis(until),
                self.queue,
                self.queue,
                self.resume_command()
            ),
        }
    }

    /// The command that ends the pause by itself.
    pub(super) fn resume_command(&self) -> String {
        let since =
            format_rfc3339_millis(self.resume_from.min(self.period.until.unwrap_or(self.resume_from)));
        replay_command(&self.stack, &self.queue, since)
    }
}

/// The start of the part of a period that is in the archive. Notes the part that is not.
fn within(archive: Archive, period: Period, notes: &mut Vec<String>) -> Result<SystemTime> {
    let Some(begins) = archive.begins.filter(|begins| period.from < *begins) else { return Ok(period.from) };
    let text = |at| format_rfc3339_millis(at);
    let kept = format!("the archive begins at {}, and keeps {} days", text(begins), archive.days);
    if period.until.is_some_and(|until| until <= begins) {
        return Err(format!("nothing of this period can be replayed: {kept}").into());
    }
    notes.push(format!(
        "Not all can be replayed: {kept}. What was published since {} is missing",
        text(period.from)
    ));
    Ok(begins)
}

fn find<'a>(all: &'a [Subscription], name: &str) -> Result<&'a Subscription> {
    let found: Vec<_> = all.iter().filter(|subscription| subscription.is(name)).collect();
    match found[..] {
        [one] => Ok(one),
        [] => {
            let known: Vec<_> = all.iter().map(|subscription| name_of(&subscription.endpoint)).collect();
            Err(format!("{name} does not subscribe to the topic; its subscribers are {}", known.join(", "))
                .into())
        }
        _ => {
            let arns: Vec<_> = found.iter().map(|subscription| subscription.endpoint.as_str()).collect();
            Err(format!("several subscribers have the name {name}: give one of {}", arns.join(", ")).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn part_of_a_period_that_is_not_in_the_archive_is_noted() {
        let archive = Archive { days: 14, begins: Some(at(100)) };
        for (from, until, start, notes) in [
            (at(50), None, Some(at(100)), 1),
            (at(50), Some(at(150)), Some(at(100)), 1),
            (at(100), None, Some(at(100)), 0),
            (at(150), Some(at(200)), Some(at(150)), 0),
            (at(50), Some(at(100)), None, 0),
        ] {
            let mut noted = Vec::new();
            let found = within(archive, Period { from, until }, &mut noted).ok();
            assert_eq!((found, noted.len()), (start, notes), "{from:?} {until:?}");
        }
        let unknown = Archive { begins: None, ..archive };
        assert_eq!(within(unknown, Period { from: at(1), until: None }, &mut Vec::new()).unwrap(), at(1));
    }
}
