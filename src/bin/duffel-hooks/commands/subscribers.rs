//! `subscribers`: who gets the events of a stack, and how far behind each is.

mod subscriber;
mod warning;

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use duffel_webhook_receiver::deployment::{Output, subscribers::Topic};
use serde_json::{Value, json};

use self::{subscriber::Subscriber, warning::warnings};
use crate::shared::{
    Result,
    output::{Table, duration, remark},
    stack::StackArgument,
};

/// Lists who gets the events, and how far behind each is
///
/// With FanOut=topic, these are the queues that subscribe to the stack's topic. Without it, it is
/// the stack's queue: one queue is one consumer, and services that share it share its events.
///
/// WAITING and IN FLIGHT are SQS's approximate numbers, OLDEST is CloudWatch's newest figure of the
/// last 15 minutes, and UNDELIVERABLE is what SNS could not deliver to the queue and moved to the
/// dead-letter queue of the subscription. They are read in the stack's account and Region only.
/// Warnings follow the table.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    stack: StackArgument,
    /// Prints one JSON object per subscriber
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
AWS: region and credentials are found in the same way as by the AWS CLI. Permissions:
  cloudformation:DescribeStacks
  cloudwatch:GetMetricStatistics
  sns:ListSubscriptionsByTopic, sns:GetSubscriptionAttributes  on the topic
  sqs:GetQueueAttributes  on each queue
What cannot be read is listed with the reason.

Exit codes:
  0  Listed, with or without warnings
  1  Failed
  2  The command line is not valid";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (sdk, stack) = arguments.stack.find().await?;
    let queue_url = stack.output(Output::QueueUrl)?;
    let subscribers = match stack.topic() {
        Some(topic) => {
            let mut subscribers = Vec::new();
            for subscription in Topic::new(&sdk, topic).subscriptions().await? {
                subscribers.push(Subscriber::of_topic(&sdk, subscription, queue_url, topic).await);
            }
            subscribers
        }
        None => vec![Subscriber::alone(&sdk, stack.output(Output::QueueArn)?, queue_url).await],
    };
    let out = &mut io::stdout().lock();
    if arguments.json {
        return Ok(subscribers
            .iter()
            .try_for_each(|subscriber| writeln!(out, "{}", json(subscriber, &stack.name)))?);
    }
    match stack.topic() {
        None => remark(&format!(
            "{} has no topic: its queue is one consumer, and services that share the queue share its events. \
             FanOut=topic gives each its own queue.",
            stack.name
        )),
        Some(topic) if subscribers.is_empty() => {
            return Err(format!(
                "{topic} has no subscription: what the receiver publishes is only in its archive"
            )
            .into());
        }
        Some(_) => {}
    }
    table(&subscribers).print(out)?;
    for subscriber in &subscribers {
        for warning in warnings(subscriber, &stack.name) {
            writeln!(out, "\n{}: {}", subscriber.name(), warning.seen)?;
            writeln!(out, "  → {}", warning.fix)?;
        }
        for (queue, reason) in subscriber.unread() {
            writeln!(out, "\n{queue}: not read, since {reason}")?;
        }
    }
    Ok(())
}

fn table(subscribers: &[Subscriber]) -> Table<8> {
    let mut table =
        Table::new(["QUEUE", "ACCOUNT", "GETS", "RAW", "WAITING", "IN FLIGHT", "OLDEST", "UNDELIVERABLE"]);
    for subscriber in subscribers {
        let number = |number: Option<usize>| number.map(|it| it.to_string()).unwrap_or_default();
        let queue = subscriber.queue();
        table.push([
            subscriber.name().to_owned(),
            subscriber.account().to_owned(),
            subscriber.gets(),
            subscriber.is_raw().map_or("", |raw| if raw { "yes" } else { "no" }).to_owned(),
            number(queue.map(|queue| queue.waiting)),
            number(queue.map(|queue| queue.held)),
            subscriber.oldest().map(|seconds| duration(Duration::from_secs(seconds))).unwrap_or_default(),
            number(subscriber.undeliverable()),
        ]);
    }
    table
}

fn json(subscriber: &Subscriber, stack: &str) -> Value {
    let warnings = warnings(subscriber, stack).into_iter();
    let mut json = subscriber.json();
    json["warnings"] = warnings.map(|warning| json!({ "seen": warning.seen, "fix": warning.fix })).collect();
    json
}
