//! The access policy of a queue: whether it lets the topic send.

use serde_json::Value;

/// Whether the access policy of a queue allows a topic to send to it; `None` if that is not clear.
///
/// SNS sends as the service principal `sns.amazonaws.com`:
/// <https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html>. Statements that deny are left to IAM,
/// and one that allows with conditions other than the topic's ARN is not clear.
pub(super) fn allows(policy: Option<&str>, queue: &str, topic: &str) -> Option<bool> {
    let Some(policy) = policy.filter(|text| !text.is_empty()) else { return Some(false) };
    let policy: Value = serde_json::from_str(policy).ok()?;
    let statements = entries(&policy["Statement"]);
    let answers = statements.iter().filter(|statement| names_queue(statement, queue)).map(|statement| {
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        let mut keys = conditions.flat_map(|(operator, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, values)| (operator, key, values))
        });
        keys.try_fold(true, |allows, (operator, key, values)| {
            let is_comparison =
                ["ArnEquals", "ArnLike", "StringEquals", "StringLike"].contains(&operator.as_str());
            let is_arn = is_comparison && key.eq_ignore_ascii_case("aws:SourceArn");
            let matches = entries(values).iter().any(|value| is_like(value, topic));
            is_arn.then_some(allows && matches)
        })
    });
    let answers: Vec<_> = answers.collect();
    if answers.contains(&Some(true)) {
        return Some(true);
    }
    if answers.contains(&None) { None } else { Some(false) }
}

/// Whether a statement allows SNS to send to the queue, apart from its conditions.
fn names_queue(statement: &Value, queue: &str) -> bool {
    let principal = &statement["Principal"];
    let is_sns = principal == "*"
        || entries(&principal["AWS"]).iter().any(|it| *it == "*")
        || entries(&principal["Service"]).iter().any(|it| *it == "sns.amazonaws.com");
    let is_send = entries(&statement["Action"])
        .iter()
        .any(|action| wildmatch(&action.as_str().unwrap_or_default().to_lowercase(), "sqs:sendmessage"));
    statement["Effect"] == "Allow"
        && is_sns
        && is_send
        && entries(&statement["Resource"]).iter().any(|resource| is_like(resource, queue))
}

fn is_like(pattern: &Value, text: &str) -> bool {
    wildmatch(pattern.as_str().unwrap_or_default(), text)
}

fn wildmatch(pattern: &str, text: &str) -> bool {
    wildmatch::WildMatch::new(pattern).matches(text)
}

/// The values of a member that may be one or a list.
fn entries(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        value => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:events.fifo";

    fn verdict(statement: &Value) -> Option<bool> {
        allows(Some(&json!({ "Statement": [statement] }).to_string()), QUEUE, TOPIC)
    }

    #[test]
    fn policy_must_allow_this_topic_to_send_to_this_queue() {
        let allowed = json!({
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": QUEUE, "Condition": { "ArnEquals": { "aws:SourceArn": TOPIC } },
        });
        assert_eq!(verdict(&allowed), Some(true));
        let with = |member: &str, value: Value| {
            let mut other = allowed.clone();
            other[member] = value;
            verdict(&other)
        };
        for (member, value) in [
            ("Action", json!(["SQS:*"])),
            ("Resource", json!("*")),
            ("Principal", json!("*")),
            ("Principal", json!({ "AWS": "*" })),
            ("Condition", json!({ "ArnLike": { "AWS:SourceArn": ["arn:aws:sns:*:*:events.fifo"] } })),
            ("Condition", Value::Null),
        ] {
            assert_eq!(with(member, value.clone()), Some(true), "{member} {value}");
        }
        for (member, value) in [
            ("Effect", json!("Deny")),
            ("Action", json!("sqs:ReceiveMessage")),
            ("Resource", json!("arn:aws:sqs:eu-west-1:123456789012:other.fifo")),
            ("Principal", json!({ "Service": "s3.amazonaws.com" })),
            ("Principal", json!({ "AWS": "arn:aws:iam::123456789012:root" })),
            ("Condition", json!({ "ArnEquals": { "aws:SourceArn": "arn:aws:sns:eu-west-1:1:other.fifo" } })),
        ] {
            assert_eq!(with(member, value.clone()), Some(false), "{member} {value}");
        }
        assert_eq!(with("Condition", json!({ "Bool": { "aws:SecureTransport": "true" } })), None);
    }

    #[test]
    fn queue_without_a_policy_does_not_allow_it() {
        assert_eq!(allows(None, QUEUE, TOPIC), Some(false));
        assert_eq!(allows(Some(""), QUEUE, TOPIC), Some(false));
        assert_eq!(allows(Some("no JSON"), QUEUE, TOPIC), None);
    }
}
