//! Events published to a topic, as the consumers of the subscribed queues read them.

use std::{collections::BTreeMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Parameter, StackStatus};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Delivery, Env, answer, function};
use crate::support::{
    ministack::{Backend, sdk_config},
    proxy::{AwsFault, Proxy},
    runtime_api::End,
    test_receiver::{self, ORDER_CREATED, SECRET, event},
    topic::{Topic, subscriber},
};

const PUBLISH: &str = "sns:Publish";
const RECORD: &str = "dynamodb:PutItem";
const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

fn accepted() -> (u16, String) {
    test_receiver::answer(202, "accepted")
}

/// A receiver that publishes to a topic, to which its backend's queue is subscribed.
async fn publishing() -> (Env, Topic) {
    let topic = Topic::new().await;
    let env = Env::with(&topic.variables()).await;
    topic.subscribe(&env.backend, None).await;
    (env, topic)
}

/// What a consumer can see of a message, but for ids and times that differ with each delivery.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    body: String,
    attributes: BTreeMap<String, (String, String)>,
    group: String,
    deduplication: String,
}

impl Seen {
    fn new(message: &Message) -> Self {
        let attributes = message.message_attributes().unwrap().iter();
        let attributes = attributes.filter(|(name, _)| *name != "received_at").map(|(name, value)| {
            (name.clone(), (value.data_type().to_owned(), value.string_value().unwrap().to_owned()))
        });
        let system = |name| message.attributes().unwrap()[&name].clone();
        Self {
            body: message.body().unwrap().to_owned(),
            attributes: attributes.collect(),
            group: system(MessageSystemAttributeName::MessageGroupId),
            deduplication: system(MessageSystemAttributeName::MessageDeduplicationId),
        }
    }
}

/// Creates a stack, and returns its resources by their logical names.
async fn create(sdk: &SdkConfig, template: &str, parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    let client = aws_sdk_cloudformation::Client::new(sdk);
    let name = format!("subscriber-{}", Uuid::new_v4().simple());
    let parameters = parameters
        .iter()
        .map(|(name, value)| Parameter::builder().parameter_key(*name).parameter_value(*value).build());
    let request = client.create_stack().stack_name(&name).template_body(template);
    request.set_parameters(Some(parameters.collect())).send().await.unwrap();
    loop {
        let stacks = client.describe_stacks().stack_name(&name).send().await.unwrap().stacks.unwrap();
        match stacks[0].stack_status.as_ref().unwrap() {
            StackStatus::CreateInProgress => tokio::time::sleep(Duration::from_millis(50)).await,
            status => break assert_eq!(*status, StackStatus::CreateComplete, "{stacks:?}"),
        }
    }
    let resources = client.describe_stack_resources().stack_name(&name).send().await.unwrap();
    let resources = resources.stack_resources.unwrap().into_iter();
    resources.map(|it| (it.logical_resource_id.unwrap(), it.physical_resource_id.unwrap())).collect()
}

fn seen(messages: &[Message]) -> Vec<Seen> {
    messages.iter().map(Seen::new).collect()
}

#[tokio::test]
async fn every_subscriber_gets_the_messages_that_a_queue_is_sent() {
    let direct = Env::new().await;
    let (env, topic) = publishing().await;
    let other = Backend::new().await;
    topic.subscribe(&other, None).await;
    let bodies = [
        ORDER_CREATED.as_bytes().to_vec(),
        b" {\"type\" : \"order.created\", \"id\":\"wev_1\",\"idempotency_key\":\"ord 1\",\n\t\"x\":\"a+b&c=%26\\u0000 \xe2\x9c\x88\"}\r\n".to_vec(),
        b"{\"id\":\"wev_2\",\"type\":\"order.updated\",\"idempotency_key\":\"ord_1\",\"x\":\"\xff\"}".to_vec(),
        br#"{"id":"wev_3","type":"ping.triggered","live_mode":null}"#.to_vec(),
    ];
    for body in bodies {
        let delivery = Delivery::new(body);
        let delivery = delivery.clone().signature(&delivery.sign(SECRET, "v2", 0));
        for env in [&direct, &env] {
            assert_eq!(env.deliver(&delivery).await, accepted());
            assert_eq!(env.deliver(&delivery).await, test_receiver::answer(200, "duplicate"));
        }
    }
    let sent = seen(&direct.backend.messages().await);
    assert_eq!(sent.len(), 4);
    assert_eq!(seen(&env.backend.messages().await), sent);
    assert_eq!(seen(&other.messages().await), sent);
    let calls = env.proxy.calls();
    assert_eq!((calls[PUBLISH], calls.get("sqs:SendMessage")), (4, None));
}

#[tokio::test]
async fn a_subscriber_gets_only_the_events_that_its_filter_selects() {
    let (env, topic) = publishing().await;
    let (orders, live) = (Backend::new().await, Backend::new().await);
    topic.subscribe(&orders, Some(r#"{"source":["duffel"],"event_type":[{"prefix":"order."}]}"#)).await;
    topic.subscribe(&live, Some(r#"{"live_mode":["true"]}"#)).await;
    let modes = [("order.created", "true"), ("stays.booking.created", "true"), ("order.updated", "false")];
    for (number, (kind, mode)) in modes.into_iter().enumerate() {
        let body = event(kind, &format!("wev_{number}"), &format!("obj_{number}"));
        let body = body.replace(r#""live_mode":true"#, &format!(r#""live_mode":{mode}"#));
        assert_eq!(env.deliver(&Delivery::new(body)).await, accepted(), "{kind}");
    }
    let kinds = |messages: Vec<Message>| -> Vec<_> {
        let all = seen(&messages);
        all.into_iter().map(|seen| seen.attributes["event_type"].1.clone()).collect()
    };
    assert_eq!(kinds(env.backend.messages().await), modes.map(|(kind, _)| kind));
    assert_eq!(kinds(orders.messages().await), ["order.created", "order.updated"]);
    assert_eq!(kinds(live.messages().await), ["order.created", "stays.booking.created"]);
}

#[tokio::test]
async fn the_subscriber_in_the_documentation_gets_the_events_that_it_selects() {
    let (env, topic) = publishing().await;
    let stack = create(&sdk_config().await, subscriber(), &[("TopicArn", &topic.arn)]).await;
    for kind in ["order.created", "ping.triggered"] {
        assert_eq!(env.deliver(&Delivery::new(event(kind, "wev_1", "ord_1"))).await, accepted());
    }
    let sqs = aws_sdk_sqs::Client::new(&sdk_config().await);
    let request = sqs.receive_message().queue_url(&stack["Orders"]).message_attribute_names("All");
    let request = request.max_number_of_messages(10);
    let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
    let received = seen(&request.send().await.unwrap().messages.unwrap());
    let sent = seen(&env.backend.messages().await);
    assert_eq!((received.len(), sent.len()), (1, 2));
    assert_eq!(received[0], sent[0]);
}

/// Of ASCII: the emulator needs seconds to decode a form of which each byte is escaped.
#[tokio::test]
async fn messages_of_one_mebibyte_reach_the_queue_through_the_topic() {
    let (env, _topic) = publishing().await;
    let text =
        event("order.created", "wev_1", "ord_1").replace("{}", &format!("{:?}", "x".repeat(1_047_552)));
    assert_eq!(env.deliver(&Delivery::new(text.as_str())).await, accepted());
    assert_eq!(env.message().await.body(), Some(text.as_str()));
    let binary = event("order.created", "wev_1", "ord_2").replace("{}", r#""@""#).into_bytes();
    let binary: Vec<_> = binary.iter().map(|byte| if *byte == b'@' { 0xff } else { *byte }).collect();
    let binary = [&binary[..], &b" ".repeat(785_000 - binary.len())].concat();
    assert_eq!(env.deliver(&Delivery::new(binary.clone())).await, accepted());
    assert_eq!(STANDARD.decode(env.message().await.body().unwrap()).unwrap(), binary);
    let too_large = text.replace('x', "xx");
    assert_eq!(env.deliver(&Delivery::new(too_large)).await, test_receiver::answer(413, "too_large"));
}

#[tokio::test]
async fn while_the_topic_fails_deliveries_are_answered_503_and_nothing_is_recorded() {
    let case = |fault: AwsFault| async move {
        let (env, _topic) = publishing().await;
        env.proxy.inject(PUBLISH, [fault]);
        let order = Delivery::new(ORDER_CREATED);
        assert_eq!(env.deliver(&order).await, test_receiver::answer(503, "unavailable"), "{fault:?}");
        assert!(!env.proxy.calls().contains_key(RECORD), "{fault:?}");
        let is_carried_out =
            matches!(fault, AwsFault::AnswerLost | AwsFault::AnswerCut | AwsFault::AnswerStalled);
        assert_eq!(env.backend.queued().await, usize::from(is_carried_out), "{fault:?}");
        env.proxy.heal();
        assert_eq!(env.deliver(&order).await, accepted(), "{fault:?}");
        assert_eq!(env.deliver(&order).await, test_receiver::answer(200, "duplicate"), "{fault:?}");
        assert_eq!(env.message().await.body(), Some(ORDER_CREATED), "{fault:?}");
        assert_eq!(env.backend.items().await.len(), 1, "{fault:?}");
    };
    let refused = [(400, "KMSThrottling"), (403, "AuthorizationError"), (404, "NotFound")];
    let refused = refused.map(|(status, error)| AwsFault::Refuse(status, error));
    AwsFault::FAILURES.into_iter().chain(refused).map(case).collect::<JoinSet<_>>().join_all().await;
}

#[tokio::test]
async fn a_publish_that_fails_once_is_retried_within_the_time_limit() {
    let case = |fault: AwsFault| async move {
        let (env, _topic) = publishing().await;
        env.proxy.inject(PUBLISH, [fault, AwsFault::Delay(Duration::from_millis(1_600))]);
        let (end, _) = env.function.invoke(Delivery::new(ORDER_CREATED).event()).await;
        assert!(matches!(end, End::Answered(_)), "{fault:?}: {end:?}");
        assert_eq!(env.message().await.body(), Some(ORDER_CREATED), "{fault:?}");
    };
    AwsFault::FAILURES.into_iter().map(case).collect::<JoinSet<_>>().join_all().await;
}

#[tokio::test]
async fn simultaneous_duplicates_in_four_processes_reach_each_subscriber_once() {
    let (topic, proxy) = (Topic::new().await, Proxy::new().await);
    let (first, second) = (Backend::new().await, Backend::new().await);
    for subscriber in [&first, &second] {
        topic.subscribe(subscriber, None).await;
    }
    let variables = [("WEBHOOK_SECRET", SECRET), topic.variables()[0], topic.variables()[1]];
    let mut deliveries = JoinSet::new();
    for _ in 0..4 {
        let function = function(&first, &proxy, &variables).await;
        deliveries.spawn(async move {
            let event = Delivery::new(ORDER_CREATED).event();
            for _ in 0..4 {
                let status = answer(function.invoke(event.clone()).await).status;
                assert!(matches!(status, 200 | 202), "{status}");
            }
        });
    }
    deliveries.join_all().await;
    for subscriber in [first, second] {
        assert_eq!(subscriber.messages().await.len(), 1);
    }
}

/// SNS has no system attribute for it, and passes on the header of the request; the emulator does not.
#[tokio::test]
async fn the_trace_is_in_the_request_to_the_topic() {
    let (env, _topic) = publishing().await;
    let event = Delivery::new(ORDER_CREATED).event();
    assert_eq!(answer(env.function.invoke_traced(event, Some(TRACE)).await).status, 202);
    assert_eq!(env.proxy.header(PUBLISH, "x-amzn-trace-id").as_deref(), Some(TRACE));
}

/// The SDK would take it from the environment variable that the runtime sets for the invocation.
#[tokio::test]
async fn a_trace_that_is_not_sampled_is_not_in_the_request_to_the_topic() {
    let (env, _topic) = publishing().await;
    let event = Delivery::new(ORDER_CREATED).event();
    let trace = TRACE.replace("Sampled=1", "Sampled=0");
    assert_eq!(answer(env.function.invoke_traced(event, Some(&trace)).await).status, 202);
    assert_eq!(env.proxy.header(PUBLISH, "x-amzn-trace-id"), None);
}

#[tokio::test]
async fn the_log_has_the_message_id_of_the_topic() {
    let (mut env, _topic) = publishing().await;
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await, accepted());
    let [item] = env.backend.items().await.try_into().unwrap();
    let lines = env.function.lines();
    let line: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(line["message.id"], item["message_id"].as_s().unwrap().as_str());
}
