//! The topic of a stack with `FanOut=topic`: its archive, its subscriptions, and the replay of the archive to one.

mod filter;
mod policy;
mod queue;
mod replay;
mod subscription;

use std::{collections::HashMap, time::SystemTime};

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use serde_json::Value;

pub use self::{
    filter::selection,
    queue::{QueueState, Unread, queue_state},
    replay::{Period, Replay, ReplayStatus},
    subscription::{Attributes, Subscription, account_of, name_of},
};
use super::CallError;
use crate::time::parse_time;

/// An SNS FIFO topic to which the receiver publishes.
#[derive(Debug)]
pub struct Topic {
    client: Client,
    arn: String,
}

/// The archive of a topic, from which SNS replays:
/// <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-topic-owner.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archive {
    /// How long it keeps a message, in days.
    pub days: u64,
    /// The earliest time from which it can be replayed; `None` if SNS does not say.
    pub begins: Option<SystemTime>,
}

impl Topic {
    #[must_use]
    pub fn new(sdk: &SdkConfig, arn: &str) -> Self {
        Self { client: Client::new(sdk), arn: arn.to_owned() }
    }

    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Fetches the archive; `None` if the topic has none (`sns:GetTopicAttributes`).
    ///
    /// # Errors
    /// If the topic does not exist, or AWS refuses or does not answer.
    pub async fn archive(&self) -> Result<Option<Archive>, CallError> {
        let answer = self.client.get_topic_attributes().topic_arn(&self.arn).send().await;
        let answer = answer.map_err(|error| CallError::new("sns:GetTopicAttributes", &error))?;
        Ok(archive(&answer.attributes.unwrap_or_default()))
    }

    /// Fetches the subscriptions with their attributes (`sns:ListSubscriptionsByTopic`,
    /// `sns:GetSubscriptionAttributes`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer. Attributes that cannot be read, such as those of another account's
    /// subscription, are an error of that subscription only.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, CallError> {
        let pages = self.client.list_subscriptions_by_topic().topic_arn(&self.arn).into_paginator();
        let listed = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        let listed = listed.map_err(|error| CallError::new("sns:ListSubscriptionsByTopic", &error))?;
        let mut subscriptions = Vec::new();
        for listed in listed {
            // A subscription that is not confirmed has "PendingConfirmation" in place of its ARN.
            let arn = listed.subscription_arn.filter(|arn| arn.starts_with("arn:"));
            let attributes = match &arn {
                Some(arn) => Some(self.attributes(arn).await),
                None => None,
            };
            subscriptions.push(Subscription {
                arn,
                endpoint: listed.endpoint.unwrap_or_default(),
                protocol: listed.protocol.unwrap_or_default(),
                account: listed.owner.unwrap_or_default(),
                attributes,
            });
        }
        Ok(subscriptions)
    }

    /// Fetches the attributes of a subscription (`sns:GetSubscriptionAttributes`).
    ///
    /// # Errors
    /// If it does not exist, or AWS refuses or does not answer.
    pub async fn attributes(&self, subscription: &str) -> Result<Attributes, CallError> {
        let request = self.client.get_subscription_attributes().subscription_arn(subscription);
        let answer = request.send().await;
        let answer = answer.map_err(|error| CallError::new("sns:GetSubscriptionAttributes", &error))?;
        Ok(Attributes::new(&answer.attributes.unwrap_or_default()))
    }

    /// Starts a replay of a period to a subscription, in place of one that is running
    /// (`sns:SetSubscriptionAttributes`).
    ///
    /// # Errors
    /// If AWS refuses or does not answer; without an answer, the replay may have started.
    pub async fn replay(&self, subscription: &str, period: Period) -> Result<(), CallError> {
        let request = self.client.set_subscription_attributes().subscription_arn(subscription);
        let request = request.attribute_name("ReplayPolicy").attribute_value(period.policy());
        let answer = request.send().await;
        answer.map(drop).map_err(|error| CallError::new("sns:SetSubscriptionAttributes", &error))
    }
}

fn archive(attributes: &HashMap<String, String>) -> Option<Archive> {
    let policy = attributes.get("ArchivePolicy").filter(|text| !text.is_empty())?;
    let days = serde_json::from_str::<Value>(policy).unwrap_or_default()["MessageRetentionPeriod"].clone();
    let days = days.as_u64().or_else(|| days.as_str()?.parse().ok());
    let begins = attributes.get("BeginningArchiveTime").and_then(|text| parse_time(text));
    // `{}` switches the archive off.
    days.map(|days| Archive { days, begins })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn archive_is_read_as_sns_reports_it() {
        let with = |policy: &str, begins: &str| {
            let attributes = [("ArchivePolicy", policy), ("BeginningArchiveTime", begins)];
            archive(&attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
        };
        let begins = Some(UNIX_EPOCH + Duration::from_millis(1_696_154_400_250));
        let archive = |days, begins| Some(Archive { days, begins });
        assert_eq!(
            with(r#"{"MessageRetentionPeriod":"14"}"#, "2023-10-01T10:00:00.250Z"),
            archive(14, begins)
        );
        assert_eq!(with(r#"{"MessageRetentionPeriod":365}"#, ""), archive(365, None));
        assert_eq!(with("{}", ""), None);
        assert_eq!(with("", ""), None);
        assert_eq!(super::archive(&HashMap::new()), None);
    }
}
