//! Walks through the tool: the commands of one job, in order, with what each prints and its exit code.
//!
//! `docs/transcripts.md` quotes them. Nothing here asserts a time; `cargo test --test it walks:: -- --nocapture` prints
//! how long each command took.

mod walk;

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::deployment::Output;
use serde_json::json;

use self::walk::{LAST_TYPE, Laptop, Walk};
use crate::support::{ministack::Backend, snapshot, stack::Deployed};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_development() {
    let mut laptop = Laptop::start();
    laptop.step("send order.created --to URL", 0);
    laptop.step("send order.created --to URL", 0);
    laptop.step_with_new_id("trigger order.created --to URL --set /data/object/id=ord_1");
    laptop.step("sign order.json", 0);
    let signature = laptop.last_line();
    laptop.step(&format!("verify order.json --signature {signature}"), 0);
    laptop.with_secret("another-secret", |laptop| {
        laptop.step(&format!("verify order.json --signature {signature}"), 1);
        laptop.step("send order.created --to URL", 1);
    });
    laptop.step("gateway-event order.json --gateway http-api", 0);
    laptop.duffel.occur(LAST_TYPE, &json!({ "id": "ord_2" }));
    laptop.until("listen --to URL --since 1h", "  202  ", 0);
    laptop.step("schemes show paddle", 0);
    laptop.end_serve();
    assert_eq!(laptop.commands, 11);
    snapshot::assert("walk-development", &laptop.transcript());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_day_in_operation() {
    let mut walk = Walk::new().await;
    walk.step_without_secret("webhooks create --stack NAME --event order.created,order.updated").await;
    walk.receive(None).await;
    walk.step("webhooks list", 0).await;
    walk.step("webhooks ping --stack NAME", 0).await;
    let event = walk.occur("order.created", "ord_1").await;
    walk.occur("order.updated", "ord_1").await;
    walk.log();
    walk.until("tail --stack NAME --since 1h", "  order.updated ", 0).await;
    walk.step("queue show --stack NAME", 0).await;
    walk.step(&format!("trace {event} --stack NAME"), 0).await;
    walk.consume().await;
    walk.step("events list --since 1h", 0).await;
    walk.step(&format!("events get {event}"), 0).await;
    walk.step(&format!("events redeliver {event}"), 0).await;
    walk.step("deliveries list --since 1h", 0).await;
    walk.step("webhooks update --stack NAME --event order.created", 0).await;
    walk.step("doctor --stack NAME", 0).await;
    walk.step("webhooks delete --stack NAME", 2).await;
    walk.step("webhooks delete --stack NAME --yes", 0).await;
    assert_eq!(walk.commands, 14);
    snapshot::assert("walk-good-day", &walk.transcript());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoint_was_down_for_four_days() {
    let mut walk = Walk::new().await;
    walk.register().await;
    for days in [4_u32, 3, 2] {
        walk.occur_at(SystemTime::now() - DAY * days, "order.created", &format!("ord_{days}")).await;
    }
    walk.step("doctor --stack NAME", 1).await;
    walk.receive(None).await;
    walk.step("events list --failed --since 7d --all", 0).await;
    walk.step("replay --stack NAME --since 7d --failed --dry-run", 0).await;
    walk.step("replay --stack NAME --since 7d --failed --wait 10m", 0).await;
    walk.step("events list --failed --since 7d --all", 0).await;
    walk.consume().await;
    walk.step("doctor --stack NAME", 0).await;
    assert_eq!(walk.commands, 6);
    snapshot::assert("walk-endpoint-down", &walk.transcript());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_leaked() {
    let mut walk = Walk::new().await;
    walk.register().await;
    walk.receive(None).await;
    walk.occur("order.created", "ord_1").await;
    walk.consume().await;
    walk.step("rotate --stack NAME --forget-old --dry-run", 0).await;
    walk.step("rotate --stack NAME --forget-old", 2).await;
    walk.step("rotate --stack NAME --forget-old --yes", 0).await;
    walk.consume().await;
    walk.step("doctor --stack NAME", 0).await;
    assert_eq!(walk.commands, 4);
    snapshot::assert("walk-secret-leaked", &walk.transcript());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_had_a_bug() {
    let mut walk = Walk::new().await;
    walk.register().await;
    // What this queue got is consumed, and so long ago that the stack's own queue does not drop it.
    let consumed = Backend::new().await;
    walk.receive(Some(&consumed.queue_url)).await;
    let first = walk.occur("order.created", "ord_1").await;
    let second = walk.occur("order.created", "ord_2").await;
    walk.date_back().await;
    walk.receive(None).await;
    let poison = walk.occur("order.updated", "ord_3").await;
    walk.occur("order.updated", "ord_4").await;
    walk.fail_on_all().await;
    walk.step("dlq show --stack NAME", 0).await;
    walk.step(&format!("dlq drop --stack NAME --id {poison}"), 2).await;
    walk.step(&format!("dlq drop --stack NAME --id {poison} --yes"), 0).await;
    walk.step("dlq export --stack NAME --to dead.jsonl --delete", 0).await;
    walk.step("dlq put dead.jsonl --stack NAME", 0).await;
    walk.fail_on_all().await;
    walk.step("dlq redrive --stack NAME", 0).await;
    assert_eq!(walk.consume().await, 1);
    walk.step("replay --stack NAME --since 3d --type order.created --dry-run", 0).await;
    walk.step(&format!("replay --stack NAME {first} {second}"), 0).await;
    assert_eq!(walk.consume().await, 2);
    assert_eq!(walk.commands, 8);
    snapshot::assert("walk-consumer-bug", &walk.transcript());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_lost_events() {
    let nowhere = "http://127.0.0.1:9/webhooks/duffel";
    let mut walk = Walk::of(Deployed::with(nowhere, &[("FanOut", "topic")]).await).await;
    let queue = walk.stack.output(Output::QueueArn).rsplit(':').next().unwrap().to_owned();
    walk.step("subscribers --stack NAME", 0).await;
    walk.step(&format!("replay --stack NAME --subscriber {queue} --since 6h --dry-run"), 0).await;
    assert_eq!(walk.commands, 2);
    snapshot::assert("walk-subscriber", &walk.transcript());
}
