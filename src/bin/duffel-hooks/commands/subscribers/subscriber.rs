//! A subscriber: its subscription, its queue and the dead-letter queue of the subscription, as far as they can be read.

use aws_config::SdkConfig;
use duffel_webhook_receiver::deployment::{
    cloudwatch,
    subscribers::{
        Attributes, QueueState, Subscription, Unread, account_of, name_of, queue_state, selection,
    },
};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

pub(super) struct Subscriber {
    /// `None` for the queue of a stack without a topic.
    pub(super) subscription: Option<Subscription>,
    endpoint: String,
    queue: Result<QueueState, String>,
    oldest: Result<Option<u64>, String>,
    /// The dead-letter queue of the subscription.
    dead_letters: Option<(String, Result<QueueState, String>)>,
}

impl Subscriber {
    pub(super) async fn of_topic(
        sdk: &SdkConfig,
        subscription: Subscription,
        queue_url: &str,
        topic: &str,
    ) -> Self {
        let read = async |arn: &str| {
            queue_state(sdk, queue_url, arn, topic).await.map_err(|unread: Unread| unread.to_string())
        };
        let endpoint = subscription.endpoint.clone();
        let queue = if subscription.protocol == "sqs" {
            read(&endpoint).await
        } else {
            Err(format!("it is not a queue, but {}", subscription.protocol))
        };
        // CloudWatch, too, has the figures of a queue in its own account and Region.
        let oldest = if queue.is_ok() { oldest(sdk, &endpoint).await } else { Ok(None) };
        let dead_letters = match attributes(&subscription).and_then(|it| it.dead_letters_to.clone()) {
            Some(arn) => {
                let state = read(&arn).await;
                Some((arn, state))
            }
            None => None,
        };
        Self { subscription: Some(subscription), endpoint, queue, oldest, dead_letters }
    }

    /// The queue of a stack without a topic, whose policy does not name one.
    pub(super) async fn alone(sdk: &SdkConfig, arn: &str, queue_url: &str) -> Self {
        let queue = queue_state(sdk, queue_url, arn, arn).await.map_err(|unread| unread.to_string());
        let oldest = oldest(sdk, arn).await;
        Self { subscription: None, endpoint: arn.to_owned(), queue, oldest, dead_letters: None }
    }

    pub(super) fn name(&self) -> &str {
        name_of(&self.endpoint)
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The account of the queue, or of the subscription to another address.
    pub(super) fn account(&self) -> &str {
        match &self.subscription {
            Some(subscription) if !self.endpoint.starts_with("arn:") => &subscription.account,
            _ => account_of(&self.endpoint),
        }
    }

    pub(super) fn attributes(&self) -> Option<&Attributes> {
        attributes(self.subscription.as_ref()?)
    }

    /// The events that it gets, in words.
    pub(super) fn gets(&self) -> String {
        if self.subscription.as_ref().is_some_and(Subscription::is_pending) {
            return "nothing: not confirmed".to_owned();
        }
        match (&self.subscription, self.attributes()) {
            (None, _) => "all".to_owned(),
            (Some(_), None) => String::new(),
            (Some(_), Some(attributes)) => match &attributes.filter {
                None => "all".to_owned(),
                Some(filter) if attributes.filters_body => format!("body: {}", selection(filter)),
                Some(filter) => selection(filter),
            },
        }
    }

    pub(super) fn is_raw(&self) -> Option<bool> {
        self.attributes().map(|attributes| attributes.is_raw)
    }

    pub(super) fn queue(&self) -> Option<QueueState> {
        self.queue.as_ref().ok().copied()
    }

    pub(super) fn oldest(&self) -> Option<u64> {
        self.oldest.as_ref().ok().copied().flatten()
    }

    /// The dead-letter queue of the subscription, and its state if that can be read.
    pub(super) fn dead_letters(&self) -> Option<(&str, Option<QueueState>)> {
        let (arn, state) = self.dead_letters.as_ref()?;
        Some((arn, state.as_ref().ok().copied()))
    }

    /// The number of messages that SNS could not deliver.
    pub(super) fn undeliverable(&self) -> Option<usize> {
        self.dead_letters()?.1.as_ref().map(QueueState::messages)
    }

    /// What could not be read, each with the reason.
    pub(super) fn unread(&self) -> Vec<(&str, String)> {
        let mut unread = Vec::new();
        if let Some(Some(Err(error))) = self.subscription.as_ref().map(|it| &it.attributes) {
            unread.push((self.name(), format!("its subscription cannot be read: {error}")));
        }
        unread.extend(self.queue.as_ref().err().map(|reason| (self.name(), reason.clone())));
        unread.extend(
            self.oldest.as_ref().err().map(|reason| (self.name(), format!("its age is not known: {reason}"))),
        );
        if let Some((arn, Err(reason))) = &self.dead_letters {
            unread.push((name_of(arn), reason.clone()));
        }
        unread
    }

    pub(super) fn json(&self) -> Value {
        let subscription = self.subscription.as_ref();
        let attributes = self.attributes();
        let replay = attributes.and_then(|it| it.replay.as_ref()).map(|replay| {
            json!({
                "status": replay.status.to_string(),
                "from": format_rfc3339_millis(replay.period.from).to_string(),
                "until": replay.period.until.map(|at| format_rfc3339_millis(at).to_string()),
            })
        });
        let unread = self.unread();
        let unread: Vec<_> =
            unread.iter().map(|(queue, why)| json!({ "queue": queue, "reason": why })).collect();
        json!({
            "subscription": subscription.and_then(|it| it.arn.as_deref()),
            "protocol": subscription.map_or("sqs", |it| &it.protocol),
            "endpoint": self.endpoint,
            "account": self.account(),
            "pending": subscription.is_some_and(Subscription::is_pending),
            "raw": self.is_raw(),
            "gets": self.gets(),
            "filter": attributes.and_then(|it| it.filter.as_ref()),
            "replay": replay,
            "waiting": self.queue().map(|queue| queue.waiting),
            "in_flight": self.queue().map(|queue| queue.held),
            "oldest_seconds": self.oldest(),
            "dead_letter_queue": self.dead_letters().map(|(arn, _)| arn),
            "undeliverable": self.undeliverable(),
            "unread": unread,
        })
    }
}

fn attributes(subscription: &Subscription) -> Option<&Attributes> {
    subscription.attributes.as_ref()?.as_ref().ok()
}

async fn oldest(sdk: &SdkConfig, arn: &str) -> Result<Option<u64>, String> {
    cloudwatch::oldest_age(sdk, name_of(arn)).await.map_err(|error| error.to_string())
}
