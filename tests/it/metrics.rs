//! Metrics and alarms: each alarm reads a metric that exists, notifies, and is documented.

mod filter_patterns;

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::support::{
    cloudformation::Template,
    metrics::{Metric, assert_emitted, filters, of_alarm},
};

/// The stack with everything that has alarms.
fn whole() -> Template {
    Template::read()
        .given("AccessTokenSecretArn", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-a1b2c3")
        .given("FanOut", "topic")
        .given("AlarmSilenceHours", "24")
        .given("AlarmEmail", "on-call@example.com")
        .given("AlarmTopicArn", "arn:aws:sns:eu-west-1:123456789012:alarms")
}

fn alarms(template: &Template) -> Vec<&str> {
    let existing = template.existing("Resources").into_iter();
    existing.filter(|name| template.resource(name)["Type"] == "AWS::CloudWatch::Alarm").collect()
}

fn property(template: &Template, alarm: &str, name: &str) -> Value {
    template.resolve(template.property(alarm, name)).unwrap_or_default()
}

#[test]
fn every_alarm_reads_metrics_that_a_filter_or_aws_emits() {
    for template in [whole(), Template::read()] {
        for alarm in alarms(&template) {
            let metrics = of_alarm(&template, alarm);
            assert!(!metrics.is_empty(), "{alarm}");
            for metric in metrics {
                assert_emitted(&template, &metric);
            }
        }
    }
}

#[test]
#[should_panic(expected = "no metric filter makes hooks Deliveries")]
fn a_metric_without_its_dimensions_is_found() {
    let metric =
        Metric { namespace: "hooks".into(), name: "Deliveries".into(), dimensions: BTreeMap::default() };
    assert_emitted(&Template::read(), &metric);
}

#[test]
#[should_panic(expected = "is not of the stack")]
fn a_metric_of_another_queue_is_found() {
    let dimensions = [("QueueName".to_owned(), "other.fifo".to_owned())].into();
    let name = "ApproximateAgeOfOldestMessage".to_owned();
    assert_emitted(&Template::read(), &Metric { namespace: "AWS/SQS".to_owned(), name, dimensions });
}

#[test]
fn every_alarm_notifies_topic_and_address_of_its_states() {
    let template = whole();
    let own = template.resolve(&serde_yaml_ng::from_str("!Ref AlarmTopic").unwrap()).unwrap();
    let both = json!(["arn:aws:sns:eu-west-1:123456789012:alarms", own]);
    for alarm in alarms(&template) {
        for actions in ["AlarmActions", "OKActions"] {
            assert_eq!(property(&template, alarm, actions), both, "{alarm}: {actions}");
            assert_eq!(property(&Template::read(), alarm, actions), json!([]), "{alarm}: {actions}");
        }
    }
}

/// An encrypted topic would have to allow alarms to use its key, which the key `alias/aws/sns` does not.
#[test]
fn alarms_and_nobody_else_may_publish_to_the_topic_of_the_address() {
    let template = whole();
    assert!(template.property("AlarmTopic", "KmsMasterKeyId").is_null());
    assert_eq!(property(&template, "AlarmSubscription", "Endpoint"), "on-call@example.com");
    let policy = template.policy("AlarmTopicPolicy");
    let [statement] = &policy["Statement"].as_array().unwrap()[..] else { panic!("{policy}") };
    assert_eq!(statement["Principal"], json!({ "Service": "cloudwatch.amazonaws.com" }));
    assert_eq!(statement["Condition"]["StringEquals"], json!({ "aws:SourceAccount": "000000000000" }));
    let without = Template::read();
    for name in ["AlarmTopic", "AlarmTopicPolicy", "AlarmSubscription"] {
        assert!(!without.existing("Resources").contains(name), "{name}");
    }
}

/// Evaluates what an alarm has in common with others: the least number of periods, of how many, and of what length.
fn rule(template: &Template, alarm: &str) -> (Value, Value, Value) {
    let periods = property(template, alarm, "EvaluationPeriods");
    let points = property(template, alarm, "DatapointsToAlarm");
    let points = if points.is_null() { periods.clone() } else { points };
    (points, periods, property(template, alarm, "Period"))
}

/// What anybody on the internet can cause does not trigger an alarm by itself.
#[test]
fn a_passer_by_does_not_trigger_an_alarm() {
    let template = Template::read();
    assert_eq!(rule(&template, "UnauthorizedAlarm"), (json!(2), json!(3), json!(300)));
    assert_eq!(property(&template, "UnauthorizedAlarm", "Threshold"), "5");
    // Each is a metric of its own, so that a threshold that suits one does not hide another.
    let with_threshold_zero =
        ["SignedRefusalAlarm", "DifferingDuplicateAlarm", "UnrecordedAlarm", "SecretAlarm"];
    for alarm in with_threshold_zero {
        assert_eq!(rule(&template, alarm), (json!(1), json!(1), json!(300)), "{alarm}");
        assert_eq!(property(&template, alarm, "Threshold"), 0, "{alarm}");
    }
}

/// Faults that the provider's next attempt heals.
#[test]
fn a_single_fault_does_not_trigger_an_alarm() {
    let template = Template::read();
    for alarm in ["ApiErrorAlarm", "ConcurrencyAlarm"] {
        assert_eq!(rule(&template, alarm), (json!(2), json!(12), json!(300)), "{alarm}");
    }
    assert_eq!(rule(&template, "SlowAlarm"), (json!(2), json!(3), json!(300)));
}

/// SQS reports nothing about a queue that nobody uses, and events do not vanish from it by that.
#[test]
fn events_in_a_silent_queue_keep_the_alarm() {
    let template = whole();
    for alarm in [
        "DeadLetterAlarm",
        "DeadLetterLossAlarm",
        "EventLossAlarm",
        "SubscriptionDeadLetterAlarm",
        "SubscriptionLossAlarm",
    ] {
        assert_eq!(property(&template, alarm, "TreatMissingData"), "ignore", "{alarm}");
    }
    // The sum of both, each minute: reading a dead letter hides it, and must not look like a new one.
    let metrics = property(&template, "DeadLetterGrowthAlarm", "Metrics");
    assert_eq!(metrics[0]["Expression"], "RATE(FILL(visible, 0) + FILL(hidden, 0))");
    let names: Vec<_> =
        metrics.as_array().unwrap()[1..].iter().map(|it| &it["MetricStat"]["Metric"]["MetricName"]).collect();
    assert_eq!(names, ["ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"]);
    assert!(metrics.as_array().unwrap()[1..].iter().all(|it| it["MetricStat"]["Period"] == 60), "{metrics}");
}

/// Four days before SQS deletes the first event.
#[test]
fn events_near_the_end_of_their_retention_trigger_an_alarm() {
    let template = whole();
    for (alarm, queue) in [
        ("EventLossAlarm", "EventQueue"),
        ("DeadLetterLossAlarm", "DeadLetterQueue"),
        ("SubscriptionLossAlarm", "SubscriptionDeadLetterQueue"),
    ] {
        let retention = template.property(queue, "MessageRetentionPeriod").as_u64().unwrap();
        let threshold = template.property(alarm, "Threshold").as_u64().unwrap();
        assert_eq!(retention - threshold, 4 * 24 * 3_600, "{alarm}");
    }
}

/// `CloudWatch` evaluates at most seven days of periods of an hour:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>.
#[test]
fn silence_is_an_alarm_only_if_a_number_of_hours_is_chosen() {
    let template = Template::read();
    assert!(!template.existing("Resources").contains("SilenceAlarm"));
    let hours = &template.section("Parameters")["AlarmSilenceHours"];
    assert_eq!(
        (&hours["Default"], &hours["MinValue"], &hours["MaxValue"]),
        (&0.into(), &0.into(), &168.into())
    );
    let template = whole();
    assert_eq!(rule(&template, "SilenceAlarm"), (json!("24"), json!("24"), json!(3_600)));
    assert_eq!(property(&template, "SilenceAlarm", "TreatMissingData"), "breaching");
    assert!(
        property(&template, "SilenceAlarm", "AlarmDescription").as_str().unwrap().contains("for 24 hours")
    );
}

#[test]
fn silence_with_a_log_level_that_hides_accepted_deliveries_is_refused() {
    let refusals = |hours: &str, level: &str| {
        let template = Template::read().given("AlarmSilenceHours", hours).given("LogLevel", level);
        template.refusals().len()
    };
    assert_eq!((refusals("24", "WARN"), refusals("24", "INFO"), refusals("24", "DEBUG")), (1, 0, 0));
    assert_eq!((refusals("0", "WARN"), refusals("0", "INFO")), (0, 0));
}

/// At most three dimensions, and none with a default value:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html>.
#[test]
fn metric_filters_are_what_cloudwatch_accepts() {
    let template = whole();
    for filter in filters(&template) {
        assert_eq!(filter.namespace, "hooks", "{}", filter.metric);
    }
    let resources = template.existing("Resources").into_iter();
    for name in resources.filter(|name| template.resource(name)["Type"] == "AWS::Logs::MetricFilter") {
        let made = &template.property(name, "MetricTransformations")[0];
        let dimensions = made["Dimensions"].as_sequence().map_or(0, Vec::len);
        assert!(dimensions <= 3 && (dimensions == 0 || made["DefaultValue"].is_null()), "{name}");
        assert!(template.property(name, "FilterPattern").as_str().unwrap().len() <= 1_024, "{name}");
    }
}

/// The rows of a table in a section of a page, as cells.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(page).unwrap();
    let section = page.split(&format!("\n{heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// The first command in a text, without what a reader chooses: `duffel-hooks dlq show`.
fn first_command(text: &str) -> Option<String> {
    let command = text.split("duffel-hooks ").nth(1)?;
    let words = command
        .split([' ', ',', '.', '`', ';'])
        .take_while(|word| !word.is_empty() && word.chars().all(|character| character.is_ascii_lowercase()));
    Some(format!("duffel-hooks {}", words.collect::<Vec<_>>().join(" ")))
}

#[test]
fn every_alarm_says_what_it_means_and_which_command_to_run_first_and_so_does_the_page() {
    let template = whole();
    let documented: BTreeMap<_, _> = rows("docs/operating.md", "## Alarms")
        .into_iter()
        .map(|row| (row[0].trim_matches('*').to_owned(), row))
        .collect();
    let commands = fs::read_to_string("docs/cli.md").unwrap();
    let names = alarms(&template);
    assert_eq!(documented.keys().map(String::as_str).collect::<Vec<_>>(), names);
    for alarm in names {
        let description = property(&template, alarm, "AlarmDescription");
        let description = description.as_str().unwrap();
        assert!(description.len() <= 1_024, "{alarm}: {} bytes", description.len());
        let command = first_command(description).unwrap_or_else(|| panic!("{alarm} names no command"));
        assert!(commands.contains(&format!("\n## {command}\n")), "{alarm}: {command}");
        let row = &documented[alarm];
        assert_eq!(first_command(&row[2]), Some(command), "{alarm}: {row:?}");
        assert!(!description.contains("--stack") || description.contains("--stack hooks"), "{alarm}");
    }
}

#[test]
fn every_metric_is_in_the_reference_with_its_dimensions() {
    let rows = rows("docs/reference.md", "## Metrics").into_iter();
    let documented: BTreeMap<_, _> = rows
        .flat_map(|row| {
            let names = row[0].split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>();
            let dimensions = row[2].replace(['`', '–'], "");
            names.into_iter().map(move |name| (name, dimensions.clone()))
        })
        .collect();
    let made: BTreeMap<_, _> = filters(&whole())
        .into_iter()
        .map(|filter| (filter.metric, filter.dimensions.keys().rev().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    assert_eq!(documented, made);
}

/// The standard price of an alarm on one metric in us-east-1: <https://aws.amazon.com/cloudwatch/pricing/>.
const DOLLARS_A_METRIC: f64 = 0.10;

#[test]
fn the_page_has_the_price_of_the_alarms() {
    let price = |template: &Template| {
        let metrics: usize = alarms(template).iter().map(|alarm| of_alarm(template, alarm).len()).sum();
        #[expect(clippy::cast_precision_loss, reason = "a few metrics")]
        let dollars = metrics as f64 * DOLLARS_A_METRIC;
        format!("{} alarms with {metrics} metrics cost ${dollars:.2} a month", alarms(template).len())
    };
    let page = fs::read_to_string("docs/operating.md").unwrap().replace('\n', " ");
    for price in [price(&Template::read()), price(&whole())] {
        assert!(page.contains(&price), "{price}");
    }
}
