//! The queue or the topic that events are forwarded to.

use std::fmt;

use super::environment::Environment;

/// Where events are forwarded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The URL of a FIFO queue; read from `QUEUE_URL`.
    Queue(String),
    /// The ARN of an SNS FIFO topic; read from `TOPIC_ARN`.
    Topic(String),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(url) => f.write_str(url),
            Self::Topic(arn) => f.write_str(arn),
        }
    }
}

/// Reads exactly one of the two; after a mistake, the value has no meaning.
pub(super) fn read<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Destination {
    let (queue, topic) = (environment.get("QUEUE_URL"), environment.get("TOPIC_ARN"));
    if let Some(url) = queue.as_ref().filter(|url| !is_queue_url(url)) {
        let what = "is not the http(s) URL of a FIFO queue, ending in .fifo";
        environment.mistakes.add_value("QUEUE_URL", url, what);
    }
    if let Some(arn) = topic.as_ref().filter(|arn| !is_topic_arn(arn)) {
        let what = "is not the ARN of an SNS FIFO topic, ending in .fifo";
        environment.mistakes.add_value("TOPIC_ARN", arn, what);
    }
    match (queue, topic) {
        (Some(url), None) => Destination::Queue(url),
        (None, Some(arn)) => Destination::Topic(arn),
        (Some(_), Some(arn)) => {
            environment.mistakes.add("TOPIC_ARN", "and QUEUE_URL exclude each other");
            Destination::Topic(arn)
        }
        (None, None) => {
            let what = "is required: the URL of a FIFO queue; or TOPIC_ARN, the ARN of an SNS FIFO topic";
            environment.mistakes.add("QUEUE_URL", what);
            Destination::Queue(String::new())
        }
    }
}

fn is_queue_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    matches!(scheme, "http" | "https") && rest.contains('/') && rest.rsplit('.').next() == Some("fifo")
}

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html#amazonsns-resources-for-iam-policies>
fn is_topic_arn(arn: &str) -> bool {
    let parts: Vec<_> = arn.split(':').collect();
    let ["arn", partition, "sns", region, account, name] = parts[..] else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_account
        && !partition.is_empty()
        && !region.is_empty()
        && name.strip_suffix(".fifo").is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/events.fifo";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:events.fifo";

    fn destination(variables: &[(&str, &str)]) -> Result<Destination, Vec<String>> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
        let mut environment = Environment::new(|name| find(name).map(|(_, value)| (*value).to_owned()));
        let destination = read(&mut environment);
        environment.finish(destination).map_err(|error| error.0)
    }

    #[test]
    fn exactly_one_of_queue_and_topic_is_given() {
        assert_eq!(destination(&[("QUEUE_URL", QUEUE)]), Ok(Destination::Queue(QUEUE.to_owned())));
        let topic = format!(" {TOPIC}\n");
        assert_eq!(destination(&[("TOPIC_ARN", &topic)]), Ok(Destination::Topic(TOPIC.to_owned())));
        let blank = [("QUEUE_URL", " "), ("TOPIC_ARN", TOPIC)];
        assert_eq!(destination(&blank), Ok(Destination::Topic(TOPIC.to_owned())));
        for (variables, mistake) in [
            (&[][..], "QUEUE_URL is required"),
            (&[("QUEUE_URL", QUEUE), ("TOPIC_ARN", TOPIC)], "TOPIC_ARN and QUEUE_URL exclude each other"),
        ] {
            let [only] = &destination(variables).unwrap_err()[..] else { panic!("one mistake") };
            assert!(only.starts_with(mistake), "{only}");
        }
    }

    #[test]
    fn a_topic_is_a_fifo_topic_of_sns() {
        for arn in [
            "events.fifo",
            "arn:aws:sns:eu-west-1:123456789012:events",
            "arn:aws:sns:eu-west-1:123456789012:.fifo",
            "arn:aws:sns:eu-west-1:1234:events.fifo",
            "arn:aws:sns::123456789012:events.fifo",
            "arn:aws:sqs:eu-west-1:123456789012:events.fifo",
            // A subscription.
            "arn:aws:sns:eu-west-1:123456789012:events.fifo:5be8f5b7-6f41-41d4-98df-1ec6d5f6b5a8",
            QUEUE,
        ] {
            let [only] = &destination(&[("TOPIC_ARN", arn)]).unwrap_err()[..] else { panic!("one mistake") };
            assert_eq!(
                *only,
                format!("TOPIC_ARN {arn:?} is not the ARN of an SNS FIFO topic, ending in .fifo")
            );
        }
        let elsewhere = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:events.fifo";
        assert!(destination(&[("TOPIC_ARN", elsewhere)]).is_ok());
    }
}
