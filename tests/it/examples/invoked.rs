//! The consumers of `examples/` on a laptop: behind `serve --to` if they are functions, and behind `listen` before a
//! receiver.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    consumer::{Consumer, built},
    tables::Tables,
    world::{Way, World, changed, created},
};
use crate::{
    serve_to::consumer::Receiving,
    support::{
        duffel::{DataIn, DuffelStandIn, TOKEN},
        invoke_api::InvokeApi,
        serve::Serve,
        test_receiver::SECRET,
        tool,
    },
};

/// Also the time limit of the functions, whose first invocation loads an SDK.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Waits until the orders have these events.
async fn until_handled(tables: &Tables, expected: &BTreeMap<String, Vec<String>>) {
    let began = Instant::now();
    while tables.histories().await != *expected {
        let histories = tables.histories().await;
        assert!(began.elapsed() < Duration::from_secs(90), "{histories:?} and not {expected:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Delivers events that Duffel lists to a receiver.
fn listen(duffel: &DuffelStandIn, to: &str) -> Serve {
    duffel.set(|settings| settings.data_in = DataIn::Lists);
    let mut listen = tool::command(["listen", "--interval", "1s", "--to", to]);
    listen.env("DUFFEL_ACCESS_TOKEN", TOKEN).env("DUFFEL_API_URL", duffel.url());
    let listen = Serve::spawn(listen.env("WEBHOOK_SECRET", SECRET));
    listen.line("Listening to ");
    listen
}

/// Creates two events of Duffel's about an order.
fn occur(duffel: &DuffelStandIn, order: &str) -> Vec<String> {
    let object = json!({ "id": order, "order_id": order, "offer_id": "off_1" });
    ["order.created", "air.order.changed"].map(|kind| duffel.occur(kind, &object)).into()
}

/// What a consumer has to do about order, duplicates, types, encodings and failures, and about events of `listen`.
async fn is_invoked(consumer: Consumer) {
    let tables = Tables::new().await;
    let folder = consumer.folder();
    let api = InvokeApi::start(&consumer.bootstrap(folder.path()), TIMEOUT, &tables.variables(), 2).await;
    let options = "--function function --visibility-timeout 10s --max-receive-count 2 --concurrency 2";
    let receiving = Receiving::start(&api.url, options);
    tables.fill("ord_poison").await;
    let mut expected = BTreeMap::from([("ord_poison".to_owned(), Vec::new())]);
    for event in 0..2 {
        assert_eq!(receiving.send(&changed(&format!("wev_poison_{event}"), "ord_poison")), 202);
    }
    for event in 0..4 {
        for order in 0..6 {
            let (order, id) = (format!("ord_{order}"), format!("wev_{order}_{event}"));
            let body = if event == 0 { created(&id, &order) } else { changed(&id, &order) };
            assert_eq!(receiving.send(&body), 202);
            assert_eq!(receiving.send(&body), 200, "a duplicate");
            expected.entry(order).or_insert_with(Vec::new).push(id);
        }
    }
    // Valid in JSON, but not in a message: its body is encoded.
    let encoded =
        changed("wev_encoded", "ord_encoded").replace(r#""data":{"#, "\"data\":{\"note\":\"\u{fffe}\",");
    assert_eq!(receiving.send(&encoded), 202);
    expected.insert("ord_encoded".to_owned(), vec!["wev_encoded".to_owned()]);
    let other = changed("wev_other", "ord_other").replace("air.order.changed", "ping.triggered");
    assert_eq!(receiving.send(&other), 202);
    until_handled(&tables, &expected).await;
    // The events of the order that fails do not hold up others, and are dead letters in the end.
    for event in 0..2 {
        let dead = receiving.printed("dead_letter");
        let id = &dead["MessageAttributes"]["event_id"]["StringValue"];
        assert_eq!(*id, format!("wev_poison_{event}"));
        assert_eq!(dead["Attributes"]["ApproximateReceiveCount"], "2");
    }

    let duffel = DuffelStandIn::start();
    let _listen = listen(&duffel, &receiving.url);
    expected.insert("ord_listed".to_owned(), occur(&duffel, "ord_listed"));
    until_handled(&tables, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_lambda_is_invoked_by_serve_with_each_event_once_and_in_order() {
    is_invoked(Consumer::PythonLambda).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_lambda_is_invoked_by_serve_with_each_event_once_and_in_order() {
    is_invoked(Consumer::NodeLambda).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rust_lambda_is_invoked_by_serve_with_each_event_once_and_in_order() {
    is_invoked(Consumer::RustLambda).await;
}

#[tokio::test]
async fn python_poller_handles_the_events_that_listen_delivers() {
    let world = World::new(Way::Queue).await;
    let _running = world.start(Consumer::PythonPoller, 1).await;
    let duffel = DuffelStandIn::start();
    let _listen = listen(&duffel, &world.url);
    let expected = BTreeMap::from([("ord_listed".to_owned(), occur(&duffel, "ord_listed"))]);
    until_handled(&world.tables, &expected).await;
}

#[test]
fn the_first_consumer_prints_the_events_that_listen_delivers() {
    let mut serve = tool::command(["serve", "--listen", "127.0.0.1:0"]);
    let mut serve = Serve::spawn_before(serve.env("WEBHOOK_SECRET", SECRET), |messages| {
        let mut first = Command::new(built("first"));
        first.stdin(messages).stdout(Stdio::piped()).spawn().unwrap()
    });
    let url = serve.line("Receiving on ");
    let duffel = DuffelStandIn::start();
    let _listen = listen(&duffel, &url);
    occur(&duffel, "ord_listed");
    let line = || serve.lines.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(line(), "the order ord_listed is created");
    assert_eq!(line(), "air.order.changed is skipped");
    serve.rest();
}
