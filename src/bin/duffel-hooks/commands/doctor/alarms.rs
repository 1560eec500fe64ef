//! `doctor`, in AWS: which alarms are on, and whether anybody is notified.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use duffel_webhook_receiver::deployment::{
    Stack,
    alarms::{self, Alarm},
    subscribers::name_of,
};
use humantime::format_rfc3339_seconds;

use super::Finding;
use crate::shared::output::count;

const ALARMS: &str = "alarms";
const NOTIFICATION: &str = "notification";

/// Reads the states of all alarms, and checks that they notify somebody.
pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let alarms = match alarms::alarms(sdk, &stack.name).await {
        Ok(alarms) => alarms,
        Err(error) => {
            return [ALARMS, NOTIFICATION].map(|check| Finding::unknown(check, &error)).into();
        }
    };
    if alarms.is_empty() {
        let seen = format!("there is no alarm of the stack {}", stack.name);
        return vec![Finding::fail(ALARMS, seen, "deploy the stack again")];
    }
    let on: Vec<_> = alarms.iter().filter(|alarm| alarm.is_on).map(sounding).collect();
    let mut findings = on;
    if findings.is_empty() {
        findings.push(Finding::ok(ALARMS, format!("none of {} is on", count(alarms.len(), "alarm"))));
    }
    findings.extend(notification(sdk, stack, &alarms).await);
    findings
}

/// The finding about an alarm that is on. Its description says what it means, and the first command to run.
fn sounding(alarm: &Alarm) -> Finding {
    let since = alarm.since.map(|at| format!(" since {}", format_rfc3339_seconds(at))).unwrap_or_default();
    let (meaning, fix) = alarm.description.split_once(". ").unwrap_or((&alarm.description, ""));
    let seen = format!("is on{since}: {}", meaning.trim_end_matches('.'));
    let fix = if fix.is_empty() { "see docs/operating.md" } else { fix.trim_end_matches('.') };
    let finding = Finding::fail(alarm.name.clone(), seen, fix);
    // This command is running.
    match first_command(&alarm.description).filter(|command| !command.starts_with("duffel-hooks doctor ")) {
        Some(command) => finding.with_command(command),
        None => finding,
    }
}

/// Finds the first command of the tool in a text: its words, and its options with their values.
fn first_command(text: &str) -> Option<String> {
    const TOOL: &str = "duffel-hooks";
    let mut command = TOOL.to_owned();
    let (mut has_option, mut takes_value) = (false, false);
    for word in text.split_once(&format!("{TOOL} "))?.1.split(' ') {
        let bare = word.trim_end_matches(['.', ',', ';']);
        let is_option = bare.starts_with("--");
        if !is_option && has_option && !takes_value {
            break;
        }
        has_option |= is_option;
        takes_value = is_option;
        command = format!("{command} {bare}");
        if bare.len() < word.len() {
            break;
        }
    }
    Some(command)
}

/// Checks that the alarms notify a topic, and that it has recipients.
async fn notification(sdk: &SdkConfig, stack: &Stack, alarms: &[Alarm]) -> Vec<Finding> {
    const FIX: &str =
        "set the parameter AlarmEmail to an address, or AlarmTopicArn to a topic, and deploy again";
    let actions: BTreeSet<_> = alarms.iter().flat_map(|alarm| &alarm.actions).collect();
    let silent = alarms.iter().filter(|alarm| alarm.actions.is_empty()).count();
    if actions.is_empty() {
        let seen = format!("{} notify nobody", count(alarms.len(), "alarm"));
        return vec![Finding::warn(NOTIFICATION, seen, FIX)];
    }
    let mut findings = Vec::new();
    if silent > 0 {
        let seen = format!("{silent} of {} notify nobody", count(alarms.len(), "alarm"));
        findings.push(Finding::warn(NOTIFICATION, seen, "deploy the stack again"));
    }
    for action in actions {
        if action.split(':').nth(2) != Some("sns") {
            findings.push(Finding::ok(NOTIFICATION, format!("the alarms start {action}")));
            continue;
        }
        findings.push(match alarms::recipients(sdk, action).await {
            Ok(recipients) => of_topic(stack, action, &recipients),
            Err(error) => Finding::unknown(NOTIFICATION, &error),
        });
    }
    findings
}

fn of_topic(stack: &Stack, topic: &str, recipients: &alarms::Recipients) -> Finding {
    let name = name_of(topic);
    if !recipients.pending.is_empty() {
        let addresses = recipients.pending.join(", ");
        let seen = format!("{addresses} has not confirmed the subscription to {name}, and is not notified");
        let fix =
            "open the link in the message that AWS sent to the address; if it has expired, subscribe again";
        let command = format!(
            "aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {}",
            recipients.pending[0]
        );
        return Finding::warn(NOTIFICATION, seen, fix).with_command(command);
    }
    if recipients.confirmed == 0 {
        let seen = format!("nobody is subscribed to the topic {name}");
        let address = stack.parameter("AlarmEmail").unwrap_or("ADDRESS");
        let command = format!(
            "aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {address}"
        );
        return Finding::warn(NOTIFICATION, seen, "subscribe an address to it").with_command(command);
    }
    Finding::ok(NOTIFICATION, format!("{name} notifies {}", count(recipients.confirmed, "recipient")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_command_of_a_description_ends_where_its_words_end() {
        for (text, command) in [
            (
                "Run duffel-hooks dlq show --stack hooks. Correct it, then run duffel-hooks dlq redrive --stack hooks.",
                "dlq show --stack hooks",
            ),
            (
                "Run duffel-hooks events list --failed --since 1d. docs/x.md explains it.",
                "events list --failed --since 1d",
            ),
            ("run duffel-hooks replay --stack hooks with its id.", "replay --stack hooks"),
            ("Run duffel-hooks doctor --stack hooks, which checks the secret.", "doctor --stack hooks"),
            (
                "duffel-hooks dlq export --stack hooks --to dead.jsonl, or",
                "dlq export --stack hooks --to dead.jsonl",
            ),
        ] {
            assert_eq!(first_command(text), Some(format!("duffel-hooks {command}")), "{text}");
        }
        assert_eq!(first_command("Look at the log."), None);
    }
}
