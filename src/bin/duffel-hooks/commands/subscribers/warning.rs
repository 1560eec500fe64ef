//! What is wrong with a subscriber, and the remedy.

use duffel_webhook_receiver::deployment::subscribers::{ReplayStatus, Subscription, name_of};
use humantime::format_rfc3339_millis;

use super::subscriber::Subscriber;
use crate::{commands::replay::replay_command, shared::output::count};

pub(super) struct Warning {
    pub(super) seen: String,
    pub(super) fix: String,
}

impl Warning {
    fn new(seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { seen: seen.into(), fix: fix.into() }
    }
}

const STATEMENT: &str = "add the statement in the stack's output SubscriberStatement to its access policy";

pub(super) fn warnings(subscriber: &Subscriber, stack: &str) -> Vec<Warning> {
    let Some(subscription) = &subscriber.subscription else { return Vec::new() };
    let mut warnings = Vec::new();
    if subscription.is_pending() {
        warnings.push(Warning::new(
            "the subscription is not confirmed, and gets nothing",
            "its owner must confirm it within two days (ConfirmSubscription), or subscribe again",
        ));
    }
    if subscription.protocol == "sqs" && subscriber.endpoint().strip_suffix(".fifo").is_none() {
        let seen =
            "it is a standard queue: the order of an object's events is lost, and duplicates may arrive";
        warnings.push(Warning::new(seen, "subscribe a FIFO queue"));
    }
    if subscriber.queue().is_some_and(|queue| queue.allows_topic == Some(false)) {
        let seen = "its access policy does not allow the topic to send: SNS cannot deliver its events";
        warnings.push(Warning::new(
            seen,
            format!("{STATEMENT}, then replay what it missed: {}", replay(subscriber, stack, "WHEN")),
        ));
    }
    of_attributes(subscriber, subscription, stack, &mut warnings);
    if let Some((arn, Some(queue))) = subscriber.dead_letters() {
        let (name, number) = (name_of(arn), queue.messages());
        if number > 0 {
            let seen = format!("{} that SNS could not deliver in {name}", count(number, "event"));
            let fix = "correct the cause, such as the queue's access policy or key; then replay the events, and purge the dead-letter queue";
            warnings.push(Warning::new(seen, fix));
        }
        if queue.allows_topic == Some(false) {
            let seen =
                format!("the access policy of its dead-letter queue {name} does not allow the topic to send");
            warnings
                .push(Warning::new(seen, STATEMENT.replace("its access policy", "the policy of that queue")));
        }
    }
    warnings
}

fn of_attributes(
    subscriber: &Subscriber,
    subscription: &Subscription,
    stack: &str,
    warnings: &mut Vec<Warning>,
) {
    let Some(attributes) = subscriber.attributes() else { return };
    if !attributes.is_raw {
        let seen = "raw delivery is off: messages are wrapped in SNS's JSON, without their attributes";
        let set = |arn: &str| {
            format!(
                "turn it on: aws sns set-subscription-attributes --subscription-arn {arn} --attribute-name \
                 RawMessageDelivery --attribute-value true"
            )
        };
        warnings.push(Warning::new(seen, subscription.arn.as_deref().map_or("turn it on".to_owned(), set)));
    }
    if attributes.dead_letters_to.is_none() {
        let seen =
            "the subscription has no dead-letter queue: what SNS cannot deliver is only in the archive";
        warnings.push(Warning::new(seen, "give the subscription a RedrivePolicy"));
    }
    let Some(last) = &attributes.replay else { return };
    if let Some(at) = last.paused_at() {
        let at = format_rfc3339_millis(at).to_string();
        let seen = format!("it is paused: a replay ended at {at}, and SNS delivers nothing that is newer");
        warnings.push(Warning::new(seen, format!("resume it: {}", replay(subscriber, stack, &at))));
    } else if last.status == ReplayStatus::Failed {
        let from = format_rfc3339_millis(last.period.from).to_string();
        let seen = format!("the replay since {from} has failed");
        warnings.push(Warning::new(seen, format!("start it again: {}", replay(subscriber, stack, &from))));
    }
}

/// The command that replays the archive to a subscriber.
fn replay(subscriber: &Subscriber, stack: &str, since: &str) -> String {
    replay_command(stack, subscriber.name(), since)
}
