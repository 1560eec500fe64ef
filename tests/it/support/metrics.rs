//! Which metrics there are: those that the stack's metric filters count, and those of AWS for its resources.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::support::cloudformation::{ACCOUNT, Template};

/// The metrics that AWS publishes for the resources of the template: the namespace, the dimension, the type of the
/// resource, the template's reference to it, and the names.
const OF_AWS: [(&str, &str, &str, &str, &[&str]); 4] = [
    // <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>
    (
        "AWS/ApiGateway",
        "ApiId",
        "AWS::Serverless::HttpApi",
        "!Ref",
        &["4xx", "5xx", "Count", "IntegrationLatency", "Latency"],
    ),
    // <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
    (
        "AWS/Lambda",
        "FunctionName",
        "AWS::Serverless::Function",
        "!Ref",
        &["ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles"],
    ),
    // <https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html>
    (
        "AWS/SNS",
        "TopicName",
        "AWS::SNS::Topic",
        "!GetAtt TopicName",
        &[
            "NumberOfMessagesPublished",
            "NumberOfNotificationsDelivered",
            "NumberOfNotificationsFailed",
            "NumberOfNotificationsFailedToRedriveToDlq",
        ],
    ),
    // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>
    (
        "AWS/SQS",
        "QueueName",
        "AWS::SQS::Queue",
        "!GetAtt QueueName",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfGroupsWithInflightMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
        ],
    ),
];

/// A metric, as a widget or an alarm names it. A search names dimensions without values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: Vec<(String, Option<String>)>,
}

impl Metric {
    pub fn new(namespace: &str, name: &str, dimensions: Vec<(String, Option<String>)>) -> Self {
        let mut dimensions = dimensions;
        dimensions.sort();
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// Returns whether a filter of the stack counts it, or AWS publishes it for a resource of the stack.
    pub fn exists(&self, template: &Template) -> bool {
        counted(template).contains(self) || self.is_of_aws(template)
    }

    fn is_of_aws(&self, template: &Template) -> bool {
        let [(dimension, Some(value))] = &self.dimensions[..] else { return false };
        OF_AWS.iter().any(|(namespace, key, kind, reference, names)| {
            *namespace == self.namespace
                && key == dimension
                && names.contains(&self.name.as_str())
                && (named(template, kind, reference).contains(value)
                    || (*kind == "AWS::SQS::Queue" && existing_queues(template).contains(value)))
        })
    }
}

/// The metrics of the metric filters that exist under the conditions of the template, with the names of their
/// dimensions only.
pub fn counted(template: &Template) -> BTreeSet<Metric> {
    let filters = template.existing("Resources").into_iter();
    let filters = filters.filter(|name| template.resource(name)["Type"] == "AWS::Logs::MetricFilter");
    let transformations = filters.flat_map(|name| {
        let all = template.resolve(template.property(name, "MetricTransformations")).unwrap();
        all.as_array().unwrap().clone()
    });
    let metrics = transformations.map(|it| {
        let dimensions = it["Dimensions"].as_array().cloned().unwrap_or_default();
        let dimensions =
            dimensions.iter().map(|dimension| (dimension["Key"].as_str().unwrap().to_owned(), None));
        let text = |name: &str| it[name].as_str().unwrap().to_owned();
        Metric::new(&text("MetricNamespace"), &text("MetricName"), dimensions.collect())
    });
    metrics.collect()
}

/// The values with which metrics name the existing resources of a type.
fn named(template: &Template, kind: &str, reference: &str) -> BTreeSet<String> {
    let resources = template.existing("Resources").into_iter();
    let resources = resources.filter(|name| template.resource(name)["Type"] == kind);
    let values = resources.map(|name| {
        let (function, attribute) = reference.split_once(' ').unwrap_or((reference, ""));
        let text = if attribute.is_empty() { name.to_owned() } else { format!("{name}.{attribute}") };
        let value = serde_yaml_ng::from_str(&format!("{function} {text}")).unwrap();
        text_of(&template.resolve(&value).unwrap())
    });
    values.collect()
}

/// The names of queues that the stack was given, if they are of its account: `CloudWatch` has no others.
fn existing_queues(template: &Template) -> BTreeSet<String> {
    let parameters = ["EventQueueArn", "DeadLetterQueueArn"];
    let arns = parameters.map(|name| {
        let reference = serde_yaml_ng::from_str(&format!("!Ref {name}")).unwrap();
        text_of(&template.resolve(&reference).unwrap())
    });
    let arns = arns.iter().map(|arn| arn.split(':').collect::<Vec<_>>());
    arns.filter(|parts| parts.get(4) == Some(&ACCOUNT)).map(|parts| parts[5].to_owned()).collect()
}

fn text_of(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}
