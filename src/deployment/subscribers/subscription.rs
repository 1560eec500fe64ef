//! A subscription to the topic, and its attributes.

use std::collections::HashMap;

use serde_json::Value;

use super::{CallError, Replay};

/// A subscription to the topic, as SNS lists it.
#[derive(Debug)]
pub struct Subscription {
    /// `None` until it is confirmed.
    pub arn: Option<String>,
    /// The ARN of the queue, or another address.
    pub endpoint: String,
    /// `sqs`, or another of SNS's protocols.
    pub protocol: String,
    /// The account that owns the subscription.
    pub account: String,
    /// `None` until it is confirmed.
    pub attributes: Option<Result<Attributes, CallError>>,
}

/// The attributes of a subscription:
/// <https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html>.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    pub is_raw: bool,
    pub is_pending: bool,
    /// The events that it gets; `None` for all.
    pub filter: Option<Value>,
    /// Whether the filter applies to the body instead of the message attributes.
    pub filters_body: bool,
    /// The ARN of its dead-letter queue.
    pub dead_letters_to: Option<String>,
    /// The last replay.
    pub replay: Option<Replay>,
}

impl Attributes {
    pub(super) fn new(attributes: &HashMap<String, String>) -> Self {
        let text = |name| attributes.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let json = |name| text(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
        let is_true = |name| text(name) == Some("true");
        let filter = json("FilterPolicy").filter(|policy| policy.as_object().is_none_or(|it| !it.is_empty()));
        Self {
            is_raw: is_true("RawMessageDelivery"),
            is_pending: is_true("PendingConfirmation"),
            filter,
            filters_body: text("FilterPolicyScope") == Some("MessageBody"),
            dead_letters_to: json("RedrivePolicy")
                .and_then(|policy| Some(policy["deadLetterTargetArn"].as_str()?.to_owned())),
            replay: Replay::new(json("ReplayPolicy").as_ref(), text("ReplayStatus")),
        }
    }
}

impl Subscription {
    /// Whether this is the subscription with a given ARN, or that of a queue with a given ARN, URL or name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.arn.as_deref() == Some(name)
            || self.endpoint == name
            || !name.starts_with("arn:") && name_of(&self.endpoint) == name.rsplit('/').next().unwrap_or(name)
    }

    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.arn.is_none() || matches!(&self.attributes, Some(Ok(attributes)) if attributes.is_pending)
    }
}

/// The name of a queue, the last part of its ARN.
#[must_use]
pub fn name_of(arn: &str) -> &str {
    if arn.starts_with("arn:") { arn.rsplit(':').next().unwrap_or(arn) } else { arn }
}

/// The account in an ARN.
#[must_use]
pub fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriber_is_found_by_any_of_its_names() {
        let arn = "arn:aws:sns:eu-west-1:123456789012:events.fifo:1d2a3e9d";
        let endpoint = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo";
        let subscription = Subscription {
            arn: Some(arn.to_owned()),
            endpoint: endpoint.to_owned(),
            protocol: "sqs".to_owned(),
            account: "123456789012".to_owned(),
            attributes: None,
        };
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo";
        for name in [arn, endpoint, url, "orders.fifo"] {
            assert!(subscription.is(name), "{name}");
        }
        for name in ["orders", "arn:aws:sqs:eu-west-1:111122223333:orders.fifo", "rders.fifo", ""] {
            assert!(!subscription.is(name), "{name}");
        }
    }

    #[test]
    fn empty_attributes_are_those_of_a_subscription_without_them() {
        let attributes = ["FilterPolicy", "RedrivePolicy", "ReplayPolicy", "ReplayStatus"];
        let empty = attributes.map(|name| (name.to_owned(), String::new())).into();
        let read = Attributes::new(&empty);
        assert!(read.filter.is_none() && read.dead_letters_to.is_none() && read.replay.is_none());
        let all = [("FilterPolicy".to_owned(), "{}".to_owned())].into();
        assert_eq!(Attributes::new(&all).filter, None, "an empty policy selects every message");
    }
}
