//! The metrics of the stack: which ones exist, and what its metric filters make of a line of the log.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::{
    cloudformation::Template,
    filter_pattern::{FilterPattern, Selector},
};

/// A metric as an alarm or a widget names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} {} {:?}", self.namespace, self.name, self.dimensions)
    }
}

const API_GATEWAY: &str =
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html";
const DYNAMODB: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html";
const LAMBDA: &str = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html";
const SNS: &str = "https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html";
const SQS: &str = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html";

/// The metrics of AWS that may be used, each with its set of dimensions, and the page that has them.
const OF_AWS: [(&str, &[&str], &[&str], &str); 6] = [
    ("AWS/ApiGateway", &["ApiId"], &["4xx", "5xx", "Count", "IntegrationLatency", "Latency"], API_GATEWAY),
    ("AWS/DynamoDB", &["TableName"], &["ReadThrottleEvents", "WriteThrottleEvents"], DYNAMODB),
    (
        "AWS/DynamoDB",
        &["Operation", "TableName"],
        &["SuccessfulRequestLatency", "ThrottledRequests"],
        DYNAMODB,
    ),
    (
        "AWS/Lambda",
        &["FunctionName"],
        &["ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles"],
        LAMBDA,
    ),
    (
        "AWS/SNS",
        &["TopicName"],
        &[
            "NumberOfMessagesPublished",
            "NumberOfNotificationsDelivered",
            "NumberOfNotificationsFailed",
            "NumberOfNotificationsFailedToRedriveToDlq",
        ],
        SNS,
    ),
    (
        "AWS/SQS",
        &["QueueName"],
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfGroupsWithInflightMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesDeleted",
            "NumberOfMessagesReceived",
            "NumberOfMessagesSent",
        ],
        SQS,
    ),
];

/// Shows that a metric has values: AWS documents it with exactly these dimensions, of a resource of the stack, or a metric
/// filter of the stack makes it with exactly these. The values of a filter's dimensions come from the log.
pub fn assert_emitted(template: &Template, metric: &Metric) {
    let names: Vec<_> = metric.dimensions.keys().map(String::as_str).collect();
    if metric.namespace.starts_with("AWS/") {
        let is_documented = OF_AWS.iter().any(|(namespace, dimensions, metrics, _)| {
            *namespace == metric.namespace && *dimensions == names && metrics.contains(&metric.name.as_str())
        });
        assert!(is_documented, "{metric} is not in the table of AWS's metrics");
        for (name, value) in metric.dimensions.iter().filter(|(name, _)| *name != "Operation") {
            assert!(resources(template, name).contains(value), "{metric}: {value} is not of the stack");
        }
        return;
    }
    let filters = filters(template);
    let is_made = filters.iter().any(|filter| {
        let dimensions: Vec<_> = filter.dimensions.keys().map(String::as_str).collect();
        filter.namespace == metric.namespace && filter.metric == metric.name && dimensions == names
    });
    assert!(is_made, "no metric filter makes {metric}");
}

/// The values that a dimension of AWS's metrics has for the resources of the stack.
fn resources(template: &Template, dimension: &str) -> Vec<String> {
    let (kind, form, given) = match dimension {
        "ApiId" => ("AWS::Serverless::HttpApi", "!Ref ", &[][..]),
        "FunctionName" => ("AWS::Serverless::Function", "!Ref ", &[][..]),
        "QueueName" => {
            ("AWS::SQS::Queue", "!GetAtt QueueName ", &["EventQueueArn", "DeadLetterQueueArn"][..])
        }
        "TableName" => ("AWS::DynamoDB::Table", "!Ref ", &["LedgerTableName"][..]),
        "TopicName" => ("AWS::SNS::Topic", "!GetAtt TopicName ", &[][..]),
        _ => panic!("{dimension} is not a dimension of a resource"),
    };
    let resolve = |text: String| {
        let resolved = template.resolve(&serde_yaml_ng::from_str(&text).unwrap()).unwrap();
        resolved.as_str().unwrap().to_owned()
    };
    let existing = template.existing("Resources");
    let own = existing.into_iter().filter(|name| template.resource(name)["Type"] == kind);
    let own = own.map(|name| match form.strip_prefix("!GetAtt ") {
        Some(attribute) => resolve(format!("!GetAtt {name}.{}", attribute.trim_end())),
        None => resolve(format!("!Ref {name}")),
    });
    let given = given.iter().map(|parameter| resolve(format!("!Ref {parameter}")));
    let given = given.map(|value| value.rsplit(':').next().unwrap().to_owned());
    own.chain(given).filter(|value| !value.is_empty()).collect()
}

/// The metrics that an alarm reads.
pub fn of_alarm(template: &Template, alarm: &str) -> Vec<Metric> {
    let properties = template.resolve(&template.resource(alarm)["Properties"]).unwrap();
    let Some(parts) = properties["Metrics"].as_array() else { return vec![metric(&properties)] };
    let stats = parts.iter().map(|part| &part["MetricStat"]["Metric"]);
    stats.filter(|metric| !metric.is_null()).map(metric).collect()
}

fn metric(properties: &Value) -> Metric {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let dimensions = properties["Dimensions"].as_array().into_iter().flatten();
    Metric {
        namespace: text(&properties["Namespace"]),
        name: text(&properties["MetricName"]),
        dimensions: dimensions.map(|it| (text(&it["Name"]), text(&it["Value"]))).collect(),
    }
}

/// A metric filter of the template.
pub struct MetricFilter {
    /// The log group that it reads.
    pub log_group: String,
    pub pattern: FilterPattern,
    pub namespace: String,
    pub metric: String,
    value: String,
    /// The selectors of the dimensions' values.
    pub dimensions: BTreeMap<String, String>,
}

/// The value that a line adds to a metric, with its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    pub value: f64,
    pub dimensions: BTreeMap<String, String>,
}

impl MetricFilter {
    /// Returns what the filter makes of a line, if the line matches.
    pub fn count(&self, line: &str) -> Option<Counted> {
        self.pattern.matches(line).then(|| {
            let line: Value = serde_json::from_str(line).unwrap();
            let value = if self.value.starts_with('$') {
                let selected = Selector::parse(&self.value).unwrap().of(&line).cloned();
                selected.unwrap_or_else(|| panic!("{} is not in {line}", self.value)).as_f64()
            } else {
                self.value.parse().ok()
            };
            let text = |selector: &String| {
                let selector = Selector::parse(selector).unwrap();
                selector.of(&line).and_then(Value::as_str).unwrap_or_else(|| panic!("{line}")).to_owned()
            };
            Counted {
                value: value.unwrap(),
                dimensions: self.dimensions.iter().map(|(name, it)| (name.clone(), text(it))).collect(),
            }
        })
    }
}

/// The metric filters that exist under the conditions of the template.
pub fn filters(template: &Template) -> Vec<MetricFilter> {
    let existing = template.existing("Resources").into_iter();
    let names = existing.filter(|name| template.resource(name)["Type"] == "AWS::Logs::MetricFilter");
    names
        .map(|name| {
            let properties = template.resolve(&template.resource(name)["Properties"]).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let [made] = &properties["MetricTransformations"].as_array().unwrap()[..] else {
                panic!("{name}")
            };
            let dimensions = made["Dimensions"].as_array().into_iter().flatten();
            MetricFilter {
                log_group: text(&properties["LogGroupName"]),
                pattern: FilterPattern::parse(properties["FilterPattern"].as_str().unwrap()).unwrap(),
                namespace: text(&made["MetricNamespace"]),
                metric: text(&made["MetricName"]),
                value: text(&made["MetricValue"]),
                dimensions: dimensions.map(|it| (text(&it["Key"]), text(&it["Value"]))).collect(),
            }
        })
        .collect()
}

/// What the filters of a log group make of a line, by metric.
pub fn counted(template: &Template, log_group: &str, line: &str) -> BTreeMap<String, Counted> {
    let filters = filters(template).into_iter().filter(|filter| filter.log_group == log_group);
    filters.filter_map(|filter| Some((filter.metric.clone(), filter.count(line)?))).collect()
}
