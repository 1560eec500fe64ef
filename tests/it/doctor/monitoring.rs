//! `doctor` reads alarms and figures: what is wrong although every part is there.

use std::process::Command;

use duffel_webhook_receiver::deployment::Output;
use serde_json::json;

use super::{Deployment, assert_only, cloudwatch, found, put_metric};
use crate::support::{
    cloudformation::Template,
    ministack::sdk_config,
    proxy::{AwsFault, Proxy},
};

/// The name that `CloudFormation` gives an alarm.
fn name(stack: &str, alarm: &str) -> String {
    format!("{stack}-{alarm}-1A2B3C4D5E6F")
}

/// Makes an alarm of the template, with its description.
pub async fn put_alarm(stack: &str, alarm: &str, actions: &[&str]) {
    let template = Template::read().of_stack(stack);
    let description = template.resolve(template.property(alarm, "AlarmDescription")).unwrap();
    let properties = json!({
        "AlarmName": name(stack, alarm), "AlarmDescription": description, "AlarmActions": actions,
        "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum",
        "Period": 300, "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
    });
    cloudwatch("PutMetricAlarm", &properties).await;
}

pub async fn set_alarm(stack: &str, alarm: &str, state: &str) {
    let state = json!({ "AlarmName": name(stack, alarm), "StateValue": state, "StateReason": "a test" });
    cloudwatch("SetAlarmState", &state).await;
}

/// A doctor whose calls go through a proxy that answers one of them.
async fn doctor_with(deployment: &Deployment, call: &str, answer: &'static str) -> (Proxy, Command) {
    let proxy = Proxy::new().await;
    proxy.inject(call, [AwsFault::Answer(answer)]);
    let mut doctor = deployment.doctor();
    doctor.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    (proxy, doctor)
}

fn assert_warning(found: &(Vec<String>, i32), check: &str, says: &[&str]) {
    let (not_ok, code) = found;
    assert!(not_ok.len() == 1 && not_ok[0].starts_with(&format!("{check} WARN ")), "{not_ok:#?}");
    for part in says {
        assert!(not_ok[0].contains(part), "{not_ok:#?} does not say {part}");
    }
    assert_eq!(*code, 0);
}

#[tokio::test]
async fn alarm_that_is_on_is_found_with_its_meaning_and_first_command() {
    let deployment = Deployment::healthy().await;
    let stack = &deployment.stack.name;
    set_alarm(stack, "DeadLetterAlarm", "ALARM").await;
    let command = format!(": duffel-hooks dlq show --stack {stack}");
    let found = deployment.found().await;
    assert_only(
        &found,
        "DeadLetterAlarm",
        &["is on since 2", "The consumer failed on events repeatedly", &command],
    );
    assert!(found.0[0].ends_with(&command), "{found:?}");
    // Another one, whose first command is the one that runs.
    set_alarm(stack, "DeadLetterAlarm", "OK").await;
    set_alarm(stack, "UnauthorizedAlarm", "ALARM").await;
    let found = deployment.found().await;
    assert_only(&found, "UnauthorizedAlarm", &["Deliveries had a signature or an address that was refused"]);
    assert!(!found.0[0].contains(": duffel-hooks doctor"), "{found:?}");
    set_alarm(stack, "UnauthorizedAlarm", "INSUFFICIENT_DATA").await;
    assert_eq!(deployment.found().await, (vec![], 0));
}

#[tokio::test]
async fn alarm_of_another_stack_is_left_out() {
    let deployment = Deployment::healthy().await;
    let other = format!("{}-test", deployment.stack.name);
    put_alarm(&other, "SlowAlarm", &[]).await;
    set_alarm(&other, "SlowAlarm", "ALARM").await;
    assert_eq!(deployment.found().await, (vec![], 0));
}

#[tokio::test]
async fn alarms_that_notify_nobody_are_found() {
    let deployment = Deployment::healthy().await;
    let stack = &deployment.stack.name;
    put_alarm(stack, "SlowAlarm", &[]).await;
    assert_warning(&deployment.found().await, "notification", &["1 of 3 alarms notify nobody"]);
    for alarm in ["DeadLetterAlarm", "UnauthorizedAlarm"] {
        put_alarm(stack, alarm, &[]).await;
    }
    let says = ["3 alarms notify nobody -> set the parameter AlarmEmail to an address, or AlarmTopicArn"];
    assert_warning(&deployment.found().await, "notification", &says);
}

#[tokio::test]
async fn topic_of_the_alarms_without_a_recipient_is_found() {
    let deployment = Deployment::healthy().await;
    let sns = aws_sdk_sns::Client::new(&sdk_config().await);
    let topic = sns.create_topic().name(format!("{}-nobody", deployment.stack.name)).send().await.unwrap();
    let topic = topic.topic_arn().unwrap();
    for alarm in ["DeadLetterAlarm", "SlowAlarm", "UnauthorizedAlarm"] {
        put_alarm(&deployment.stack.name, alarm, &[topic]).await;
    }
    let command = format!("aws sns subscribe --topic-arn {topic} --protocol email");
    assert_warning(
        &deployment.found().await,
        "notification",
        &["nobody is subscribed to the topic", &command],
    );
}

/// `MiniStack` lists a subscription that is not confirmed like any other.
#[tokio::test]
async fn address_that_has_not_confirmed_its_subscription_is_found() {
    const PENDING: &str = "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions><member>\
        <TopicArn>arn:aws:sns:eu-west-1:000000000000:alarms</TopicArn><Protocol>email</Protocol>\
        <SubscriptionArn>PendingConfirmation</SubscriptionArn><Owner>000000000000</Owner>\
        <Endpoint>on-call@example.com</Endpoint></member></Subscriptions></ListSubscriptionsByTopicResult>\
        </ListSubscriptionsByTopicResponse>";
    let deployment = Deployment::healthy().await;
    let (_proxy, doctor) = doctor_with(&deployment, "sns:ListSubscriptionsByTopic", PENDING).await;
    let says =
        ["on-call@example.com has not confirmed the subscription", "open the link", "aws sns subscribe"];
    assert_warning(&found(doctor).await, "notification", &says);
}

#[tokio::test]
async fn errors_of_the_function_are_found() {
    let deployment = Deployment::healthy().await;
    let function = deployment.stack.output(Output::FunctionName).to_owned();
    let put = async |name, minutes_ago, value| {
        put_metric("AWS/Lambda", name, Some(("FunctionName", &function)), minutes_ago, value).await;
    };
    put("Errors", 5, 0).await;
    assert_eq!(deployment.found().await, (vec![], 0));
    put("Throttles", 30, 2).await;
    assert_warning(&deployment.found().await, "function", &["Lambda refused to run", "2 times"]);
    put("Errors", 120, 3).await;
    let log = format!(": aws logs tail {} --since 1d", deployment.stack.output(Output::ReceiverLogGroup));
    let seen = "did not start 3 times in the last 24 hours, 0 of them in the last hour";
    assert_warning(&deployment.found().await, "function", &[seen, &log]);
    put("Errors", 5, 1).await;
    let log = log.replace("1d", "1h");
    assert_only(&deployment.found().await, "function", &["4 times in the last 24 hours, 1 of them", &log]);
}

#[tokio::test]
async fn account_that_may_run_few_functions_is_a_warning() {
    const NEW: &str = r#"{"AccountLimit":{"ConcurrentExecutions":10,"UnreservedConcurrentExecutions":10},"AccountUsage":{}}"#;
    let deployment = Deployment::healthy().await;
    let (_proxy, doctor) = doctor_with(&deployment, "lambda:GetAccountSettings", NEW).await;
    let says = [
        "may run 10 at the same time, of a quota of 10",
        "aws service-quotas request-service-quota-increase",
    ];
    assert_warning(&found(doctor).await, "concurrency", &says);
}

#[tokio::test]
async fn duplicates_that_differ_are_a_warning() {
    let deployment = Deployment::healthy().await;
    put_metric(&deployment.stack.name, "DifferingDuplicates", None, 90, 2).await;
    let tail = format!(
        "aws logs tail {} --since 1d --filter-pattern",
        deployment.stack.output(Output::ReceiverLogGroup)
    );
    let replay = format!("duffel-hooks replay --stack {} ID", deployment.stack.name);
    assert_warning(
        &deployment.found().await,
        "duplicates",
        &["2 duplicates of the last 24 hours", &tail, &replay],
    );
}

#[tokio::test]
async fn messages_that_nobody_receives_are_a_warning() {
    let deployment = Deployment::healthy().await;
    let queue = deployment.stack.output(Output::QueueUrl).rsplit('/').next().unwrap();
    deployment.stack.put(Output::QueueUrl, "ord_1", 1).await;
    let says = ["1 message waits, and nobody received any in the last 15 min", queue];
    assert_warning(&deployment.found().await, "consumer", &says);
    put_metric("AWS/SQS", "NumberOfMessagesReceived", Some(("QueueName", queue)), 3, 7).await;
    let says = ["7 messages received and 0 deleted", "deletes none"];
    assert_warning(&deployment.found().await, "consumer", &says);
    put_metric("AWS/SQS", "NumberOfMessagesDeleted", Some(("QueueName", queue)), 3, 7).await;
    assert_eq!(deployment.found().await, (vec![], 0));
}

#[tokio::test]
async fn old_secrets_that_stay_active_are_a_warning() {
    const OLD: &str = r#"{"ARN":"arn","Name":"name","VersionId":"v","SecretString":"[\"54vFWvaSbbzYpxXPeB4YEw==\",\"QKfUULLQh+8SegYmIsF6kA==\"]","CreatedDate":1767225600}"#;
    let deployment = Deployment::healthy().await;
    let (_proxy, doctor) = doctor_with(&deployment, "secretsmanager:GetSecretValue", OLD).await;
    let found = found(doctor).await;
    let command = format!("duffel-hooks rotate --stack {} --forget-old --dry-run", deployment.stack.name);
    assert_warning(&found, "secret", &["1 is older than the last change", "72 h", &command]);
    assert!(!found.0[0].contains("54vF"), "{found:?}");
}

const TOKEN_ARN: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:token-a1b2c3";

#[tokio::test]
async fn reconciler_that_does_not_run_or_finds_events_is_found() {
    let deployment = Deployment::with(&[("AccessTokenSecretArn", TOKEN_ARN)]).await;
    deployment.duffel.occur("order.created", &json!({ "id": "ord_1" }));
    let stack = &deployment.stack;
    let log = format!("aws logs tail {} --since 1h", stack.output(Output::ReconcilerLogGroup));
    assert_only(&deployment.found().await, "reconciler", &["no run has succeeded in the last hour", &log]);
    put_metric(&stack.name, "ReconcilerSuccesses", None, 5, 1).await;
    put_metric(&stack.name, "UndeliveredEvents", None, 20, 3).await;
    put_metric(&stack.name, "UndeliveredEvents", None, 5, 0).await;
    put_metric(&stack.name, "RequestedRedeliveries", None, 20, 3).await;
    assert_eq!(deployment.found().await, (vec![], 0));
    put_metric(&stack.name, "UndeliveredEvents", None, 1, 2).await;
    let says =
        ["1 run succeeded in the last hour, with 3 requests", "the last run found 2 undelivered events"];
    assert_warning(&deployment.found().await, "reconciler", &says);
}

/// Without its metrics, a check must not pass.
#[tokio::test]
async fn figures_that_may_not_be_read_are_no_pass() {
    let deployment = Deployment::with(&[("AccessTokenSecretArn", TOKEN_ARN)]).await;
    deployment.duffel.occur("order.created", &json!({ "id": "ord_1" }));
    let proxy = Proxy::new().await;
    proxy.inject("cloudwatch:GetMetricStatistics", [AwsFault::Refuse(400, "AccessDenied")]);
    let mut doctor = deployment.doctor();
    doctor.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let (not_ok, code) = found(doctor).await;
    let checks: Vec<_> = not_ok.iter().map(|line| line.split(" ERROR ").next().unwrap()).collect();
    assert_eq!(checks, ["consumer", "oldest event", "function", "duplicates", "reconciler"], "{not_ok:#?}");
    assert_eq!(code, 1);
}
