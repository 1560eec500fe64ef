//! The state of a subscribed queue, or of the dead-letter queue of a subscription.

use std::fmt;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{CallError, account_of, name_of, policy};

/// What SQS reports about a queue. The numbers are approximate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueState {
    pub waiting: usize,
    /// In flight, or delayed.
    pub held: usize,
    /// Whether its access policy allows the topic to send; `None` if that is not clear.
    pub allows_topic: Option<bool>,
}

impl QueueState {
    /// The number of all its messages.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.waiting + self.held
    }
}

/// Why the state of a queue is not known.
#[derive(Debug)]
pub enum Unread {
    Account(String),
    Region(String),
    Call(CallError),
}

impl fmt::Display for Unread {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Account(account) => write!(formatter, "it belongs to the account {account}"),
            Self::Region(region) => write!(formatter, "it is in the Region {region}"),
            Self::Call(error) => error.fmt(formatter),
        }
    }
}

/// Fetches the state of a queue in the topic's account and Region (`sqs:GetQueueAttributes`). `queue_url` is the URL of
/// any queue there.
///
/// # Errors
/// If the queue is elsewhere, or AWS refuses or does not answer.
pub async fn queue_state(
    sdk: &SdkConfig,
    queue_url: &str,
    arn: &str,
    topic: &str,
) -> Result<QueueState, Unread> {
    let region = |arn: &str| arn.split(':').nth(3).unwrap_or_default().to_owned();
    if account_of(arn) != account_of(topic) {
        return Err(Unread::Account(account_of(arn).to_owned()));
    }
    if region(arn) != region(topic) {
        return Err(Unread::Region(region(arn)));
    }
    let base = queue_url.rsplit_once('/').map_or(queue_url, |(base, _)| base);
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        QueueAttributeName::Policy,
    ];
    let client = aws_sdk_sqs::Client::new(sdk);
    let request = client.get_queue_attributes().queue_url(format!("{base}/{}", name_of(arn)));
    let answer = request.set_attribute_names(Some(names.to_vec())).send().await;
    let answer = answer.map_err(|error| Unread::Call(CallError::new("sqs:GetQueueAttributes", &error)))?;
    let attributes = answer.attributes.unwrap_or_default();
    let number = |name| attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let [waiting, in_flight, delayed, access] = &names;
    Ok(QueueState {
        waiting: number(waiting),
        held: number(in_flight) + number(delayed),
        allows_topic: policy::allows(attributes.get(access).map(String::as_str), arn, topic),
    })
}
