//! The alarms of a stack, and whom they notify.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::{
    CallError,
    cloudwatch::{call, seconds},
    json_call::JsonCall,
};

const DESCRIBE: JsonCall = call("cloudwatch:DescribeAlarms", "GraniteServiceVersion20100801.DescribeAlarms");

/// An alarm of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name in the template.
    pub name: String,
    pub description: String,
    /// Whether it is in the state `ALARM`.
    pub is_on: bool,
    /// When it came into its state.
    pub since: Option<SystemTime>,
    /// Whom it notifies when it comes on: the ARNs of topics, or of other resources.
    pub actions: Vec<String>,
}

/// Fetches the alarms that `CloudFormation` made for a stack (`cloudwatch:DescribeAlarms`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn alarms(sdk: &SdkConfig, stack: &str) -> Result<Vec<Alarm>, CallError> {
    let prefix = format!("{stack}-");
    let mut question = json!({ "AlarmNamePrefix": prefix, "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100 });
    let mut alarms = Vec::new();
    loop {
        let answer = DESCRIBE.send(sdk, &question).await?;
        let page = answer["MetricAlarms"].as_array().into_iter().flatten();
        alarms.extend(page.filter_map(|alarm| read(alarm, stack)));
        match answer["NextToken"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => question["NextToken"] = token.into(),
            None => return Ok(alarms),
        }
    }
}

/// Reads an alarm; `None` if it is of another stack.
fn read(alarm: &Value, stack: &str) -> Option<Alarm> {
    // `CloudFormation` makes the name of the stack's, that in the template, and random characters. The name of another
    // stack may begin with this one's.
    let rest = alarm["AlarmName"].as_str()?.strip_prefix(stack)?.strip_prefix('-')?;
    let (name, random) = rest.split_once('-')?;
    if random.contains('-') {
        return None;
    }
    let has_actions = alarm["ActionsEnabled"].as_bool().unwrap_or(true);
    let actions = alarm["AlarmActions"].as_array().filter(|_| has_actions).into_iter().flatten();
    let since = ["StateTransitionedTimestamp", "StateUpdatedTimestamp"];
    let since = since.iter().find_map(|name| seconds(&alarm[*name]));
    Some(Alarm {
        name: name.to_owned(),
        description: alarm["AlarmDescription"].as_str().unwrap_or_default().to_owned(),
        is_on: alarm["StateValue"] == "ALARM",
        since: since.and_then(|at| Some(UNIX_EPOCH + Duration::try_from_secs_f64(at).ok()?)),
        actions: actions.filter_map(|action| action.as_str().map(str::to_owned)).collect(),
    })
}

/// Who receives what is published to a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    pub confirmed: usize,
    /// The addresses that have not confirmed their subscription.
    pub pending: Vec<String>,
}

/// Fetches the recipients of a topic (`sns:ListSubscriptionsByTopic`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn recipients(sdk: &SdkConfig, topic: &str) -> Result<Recipients, CallError> {
    let client = aws_sdk_sns::Client::new(sdk);
    let pages = client.list_subscriptions_by_topic().topic_arn(topic).into_paginator();
    let listed = pages.items().send().collect::<Result<Vec<_>, _>>().await;
    let listed = listed.map_err(|error| CallError::new("sns:ListSubscriptionsByTopic", &error))?;
    let mut recipients = Recipients::default();
    for subscription in listed {
        // A subscription that is not confirmed has "PendingConfirmation" in place of its ARN.
        match subscription.subscription_arn.filter(|arn| arn.starts_with("arn:")) {
            Some(_) => recipients.confirmed += 1,
            None => recipients.pending.extend(subscription.endpoint),
        }
    }
    Ok(recipients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_of_a_stack_whose_name_begins_alike_are_left_out() {
        let name = |alarm: &str| read(&json!({ "AlarmName": alarm }), "hooks").map(|alarm| alarm.name);
        assert_eq!(name("hooks-SlowAlarm-1A2B3C"), Some("SlowAlarm".to_owned()));
        for other in ["hooks-test-SlowAlarm-1A2B3C", "hooks2-SlowAlarm-1A2B3C", "hooks-SlowAlarm", "other"] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn an_alarm_whose_actions_are_off_notifies_nobody() {
        let alarm = |enabled: bool| {
            let alarm = json!({
                "AlarmName": "hooks-SlowAlarm-1A2B3C", "StateValue": "ALARM", "StateUpdatedTimestamp": 1_795_262_400.5,
                "ActionsEnabled": enabled, "AlarmActions": ["arn:aws:sns:eu-west-1:000000000000:alarms"],
            });
            read(&alarm, "hooks").unwrap()
        };
        assert_eq!(alarm(true).actions.len(), 1);
        assert!(alarm(false).actions.is_empty() && alarm(false).is_on);
        let since = alarm(true).since.unwrap().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(since, Duration::from_millis(1_795_262_400_500));
    }
}
