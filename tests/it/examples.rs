//! The consumers of `examples/`, on a queue that the receiver fills, with several instances at the same time.
//!
//! The test is the event source mapping of the functions (`event_source.rs`), because that of `MiniStack` invokes one
//! instance at a time for a FIFO queue. `tests/examples/redrive.py` gives `MiniStack` the redrive of dead letters.

mod consumer;
mod event_source;
mod invoked;
mod tables;
mod world;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use duffel_webhook_receiver::consume::kit::{self, Kit, Message};
use serde_json::Value;
use tokio::time::timeout;

use self::{
    consumer::Consumer,
    world::{Way, World, changed, created},
};
use crate::support::{
    proxy::{Held, Moment, Proxy},
    runtime_api::{End, Function},
    stack,
    test_receiver::noon,
    tool,
};

const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until a queue has this number of messages.
async fn until_left(world: &World, queue: &str, number: usize) {
    let began = Instant::now();
    while world.number(queue).await != number {
        let histories = world.tables.histories().await;
        assert!(began.elapsed() < PATIENCE, "{queue} does not come to {number} messages: {histories:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a consumer has to do about duplicates, a repetition, order, types, encodings, a failure, a redrive and a replay.
async fn consumes(consumer: Consumer, way: Way) {
    let mut world = World::new(way).await;
    let mut expected = BTreeMap::new();
    for event in 0..6 {
        for order in 0..8 {
            let (order, id) = (format!("ord_{order}"), format!("wev_{order}_{event}"));
            let body = if event == 0 { created(&id, &order) } else { changed(&id, &order) };
            assert_eq!(world.deliver(&body), 202);
            if event == 3 {
                assert_eq!(world.deliver(&body), 200, "a duplicate");
            }
            expected.entry(order).or_insert_with(Vec::new).push(id);
        }
    }
    world.repeat().await;
    // Valid in JSON, but not in a message: its body is encoded.
    let encoded =
        changed("wev_encoded", "ord_encoded").replace(r#""data":{"#, "\"data\":{\"note\":\"\u{fffe}\",");
    assert_eq!(world.deliver(&encoded), 202);
    expected.insert("ord_encoded".to_owned(), vec!["wev_encoded".to_owned()]);
    let other = changed("wev_other", "ord_other").replace("air.order.changed", "ping.triggered");
    assert_eq!(world.deliver(&other), 202);
    for event in 0..3 {
        assert_eq!(world.deliver(&changed(&format!("wev_poison_{event}"), "ord_poison")), 202);
    }
    world.tables.fill("ord_poison").await;

    // Nothing waits for the event that fails, for as long as it fails.
    world.give_up_after(1000).await;
    let running = world.start(consumer, 3).await;
    until_left(&world, &world.queue.url, 3).await;
    assert_eq!(world.number(&world.queue.dead_letters).await, 0);
    expected.insert("ord_poison".to_owned(), Vec::new());
    assert_eq!(world.tables.histories().await, expected);
    world.give_up_after(1).await;
    until_left(&world, &world.queue.dead_letters, 3).await;
    assert_eq!(world.number(&world.queue.url).await, 0);

    world.give_up_after(1000).await;
    world.tables.delete(&world.tables.history, "order", "ord_poison").await;
    let mut redrive = tool::command(["dlq", "redrive", "--queue", &world.queue.dead_letters]);
    tool::assert_success(
        &tool::run({
            redrive.envs(stack::variables());
            redrive
        })
        .await,
    );
    until_left(&world, &world.queue.url, 0).await;
    assert_eq!(world.number(&world.queue.dead_letters).await, 0);
    expected.insert("ord_poison".to_owned(), (0..3).map(|event| format!("wev_poison_{event}")).collect());
    assert_eq!(world.tables.histories().await, expected);
    drop(running);

    // A replay: the ledger forgets an event, and it is delivered again.
    let ledger = world.ledger.clone();
    let first = created("wev_0_0", "ord_0");
    assert_eq!(world.deliver(&first), 200);
    for item in world.tables.dynamodb.scan().table_name(&ledger).send().await.unwrap().items() {
        if item["event_id"].as_s().unwrap() == "wev_0_0" {
            world.tables.delete(&ledger, "pk", item["pk"].as_s().unwrap()).await;
        }
    }
    world.later().await;
    assert_eq!(world.deliver(&first), 202);
    assert_eq!(world.deliver(&changed("wev_last", "ord_0")), 202);
    let _running = world.start(consumer, 1).await;
    until_left(&world, &world.queue.url, 0).await;
    expected.get_mut("ord_0").unwrap().push("wev_last".to_owned());
    assert_eq!(world.tables.histories().await, expected, "a replayed event was done before");
}

#[tokio::test]
async fn python_lambda_handles_each_event_of_the_queue_once_and_in_order() {
    consumes(Consumer::PythonLambda, Way::Queue).await;
}

#[tokio::test]
async fn python_poller_handles_each_event_of_the_queue_once_and_in_order() {
    consumes(Consumer::PythonPoller, Way::Queue).await;
}

#[tokio::test]
async fn node_lambda_handles_each_event_of_the_queue_once_and_in_order() {
    consumes(Consumer::NodeLambda, Way::Queue).await;
}

#[tokio::test]
async fn rust_lambda_handles_each_event_of_the_queue_once_and_in_order() {
    consumes(Consumer::RustLambda, Way::Queue).await;
}

#[tokio::test]
async fn python_lambda_handles_each_event_of_the_topic_once_and_in_order() {
    consumes(Consumer::PythonLambda, Way::Topic).await;
}

#[tokio::test]
async fn python_poller_handles_each_event_of_the_topic_once_and_in_order() {
    consumes(Consumer::PythonPoller, Way::Topic).await;
}

#[tokio::test]
async fn node_lambda_handles_each_event_of_the_topic_once_and_in_order() {
    consumes(Consumer::NodeLambda, Way::Topic).await;
}

#[tokio::test]
async fn rust_lambda_handles_each_event_of_the_topic_once_and_in_order() {
    consumes(Consumer::RustLambda, Way::Topic).await;
}

/// Kills a consumer at a call to AWS, the last of several, and returns how often the event's effect happened after another
/// instance has handled it.
async fn killed_at(consumer: Consumer, calls: &[(&str, Moment)]) -> usize {
    let world = World::new(Way::Queue).await;
    let proxy = Proxy::new().await;
    assert_eq!(world.deliver(&changed("wev_1", "ord_1")), 202);
    world.give_up_after(1000).await;
    let running = world.start_at(consumer, &proxy.endpoint, 1).await;
    let mut held = None;
    for (call, moment) in calls {
        let mut next = proxy.hold(call, *moment);
        if let Some(earlier) = held.take() {
            Held::release(earlier);
        }
        timeout(PATIENCE, next.reached())
            .await
            .unwrap_or_else(|_| panic!("{consumer:?} does not call {call}"));
        held = Some(next);
    }
    running.kill().await;
    drop(held);
    assert_eq!(world.number(&world.queue.url).await, 1, "the message comes again");
    world.give_up_after(1000).await;
    let _running = world.start(consumer, 1).await;
    until_left(&world, &world.queue.url, 0).await;
    assert_eq!(world.number(&world.queue.dead_letters).await, 0);
    world.tables.histories().await.remove("ord_1").unwrap().len()
}

const EFFECT: (&str, Moment) = ("dynamodb:UpdateItem", Moment::After);
const RECORD: (&str, Moment) = ("dynamodb:UpdateItem", Moment::After);
const BOTH: (&str, Moment) = ("dynamodb:TransactWriteItems", Moment::After);

#[tokio::test]
async fn consumers_that_are_killed_before_the_message_is_deleted_do_not_repeat_the_event() {
    let lambda = [EFFECT, RECORD];
    let poller = [("sqs:DeleteMessage", Moment::Before)];
    let times = tokio::join!(
        killed_at(Consumer::PythonLambda, &lambda),
        killed_at(Consumer::NodeLambda, &lambda),
        killed_at(Consumer::PythonPoller, &poller),
    );
    assert_eq!(times, (1, 1, 1));
}

#[tokio::test]
async fn consumers_with_one_transaction_that_are_killed_after_the_effect_do_not_repeat_it() {
    let before = [("dynamodb:TransactWriteItems", Moment::Before)];
    let times = tokio::join!(
        killed_at(Consumer::PythonPoller, &[BOTH]),
        killed_at(Consumer::RustLambda, &[BOTH]),
        killed_at(Consumer::PythonPoller, &before),
        killed_at(Consumer::RustLambda, &before),
    );
    assert_eq!(times, (1, 1, 1, 1));
}

/// The limit that `docs/consuming.md` states: effect and record are two writes.
#[tokio::test]
async fn consumers_with_powertools_that_are_killed_between_effect_and_record_repeat_the_effect() {
    let times = tokio::join!(
        killed_at(Consumer::PythonLambda, &[EFFECT]),
        killed_at(Consumer::NodeLambda, &[EFFECT]),
    );
    assert_eq!(times, (2, 2));
}

/// Invokes a function with a batch, and returns the messages that it reports as failed, by their place in the batch.
async fn failures(world: &World, bootstrap: &Path, messages: &[Message]) -> Vec<usize> {
    let function = Function::start_binary(bootstrap, Duration::from_secs(20), world.tables.variables()).await;
    let batch = kit::lambda_event(messages);
    match function.invoke(batch.to_string()).await.0 {
        End::Answered(response) => {
            let failed = response["batchItemFailures"].as_array().unwrap().iter();
            let place = |failure: &Value| {
                batch["Records"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .position(|it| it["messageId"] == failure["itemIdentifier"])
            };
            failed.map(|failure| place(failure).unwrap()).collect()
        }
        End::Failed => (0..messages.len()).collect(),
        end => panic!("{end:?}"),
    }
}

/// A failure, a message of another group, and one of the group that failed.
async fn failing_batch() -> (World, Vec<Message>) {
    let (world, mut kit) = (World::new(Way::Queue).await, Kit::duffel(noon()));
    world.tables.fill("ord_1").await;
    let messages =
        [("ord_1", "air.order.changed"), ("ord_2", "air.order.changed"), ("ord_1", "air.order.changed")];
    let messages = messages.map(|(order, kind)| kit.event(kind, order).unwrap());
    (world, messages.into())
}

#[tokio::test]
async fn functions_return_the_rest_of_the_group_that_failed_and_no_other() {
    for consumer in [Consumer::PythonLambda, Consumer::NodeLambda, Consumer::RustLambda] {
        let (world, messages) = failing_batch().await;
        let folder = consumer.folder();
        let failed = failures(&world, &consumer.bootstrap(folder.path()), &messages).await;
        assert_eq!(failed, [0, 2], "{consumer:?}");
        assert_eq!(world.tables.histories().await["ord_2"], ["wev_2"], "{consumer:?}");
    }
}

/// The two mutants of this rule, which are the defaults of Powertools.
#[tokio::test]
async fn functions_without_the_option_for_groups_return_other_groups_too() {
    let mutants = [
        (Consumer::PythonLambda, "skip_group_on_error=True", "skip_group_on_error=False"),
        (Consumer::NodeLambda, "skipGroupOnError: true", "skipGroupOnError: false"),
    ];
    for (consumer, before, after) in mutants {
        let (world, messages) = failing_batch().await;
        let folder = consumer.folder();
        let bootstrap = consumer.changed(folder.path(), before, after);
        assert_eq!(failures(&world, &bootstrap, &messages).await, [0, 1, 2], "{consumer:?}");
    }
}

#[tokio::test]
async fn functions_do_not_handle_a_message_without_an_identity() {
    for consumer in [Consumer::PythonLambda, Consumer::NodeLambda, Consumer::RustLambda] {
        let (world, mut kit) = (World::new(Way::Queue).await, Kit::duffel(noon()));
        let whole = kit.event("air.order.changed", "ord_1").unwrap();
        let anonymous = kit.event("air.order.changed", "ord_2").unwrap().without_attribute("identity");
        let folder = consumer.folder();
        let failed = failures(&world, &consumer.bootstrap(folder.path()), &[whole, anonymous]).await;
        assert_eq!(failed, [1], "{consumer:?}");
        assert_eq!(
            world.tables.histories().await,
            BTreeMap::from([("ord_1".to_owned(), vec!["wev_1".to_owned()])])
        );
    }
}

#[test]
fn the_subscription_filters_the_types_that_the_consumers_handle() {
    let template: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(include_str!("../../examples/subscriber/template.yaml")).unwrap();
    let filter = &template["Resources"]["Subscription"]["Properties"]["FilterPolicy"]["event_type"];
    let types: Vec<_> = filter.as_sequence().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    let [first, second] = types[..] else { panic!("two types, not {types:?}") };
    for text in [
        include_str!("../../examples/python-lambda/app.py"),
        include_str!("../../examples/python-poller/poller.py"),
        include_str!("../../examples/node-lambda/app.mjs"),
    ] {
        let lists = [format!(r#"("{first}", "{second}")"#), format!("['{first}', '{second}']")];
        assert!(lists.iter().any(|list| text.contains(list)), "{lists:?}");
    }
}

#[test]
fn pinned_node_packages_name_no_registry() {
    let lock = include_str!("../../examples/node-lambda/package-lock.json");
    assert!(!lock.contains(r#""resolved""#));
}
