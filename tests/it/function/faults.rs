//! Processes die, answers are lost, queue and table fail: what was acknowledged is in the queue, once, in time.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Delivery, Stage};
use crate::support::{
    helpers::{self, ORDER_CREATED},
    proxy::{Fault, Moment},
    runtime_api::End,
};

const LOOK_UP: &str = "dynamodb:GetItem";
const SEND: &str = "sqs:SendMessage";
const RECORD: &str = "dynamodb:PutItem";

fn line(status: u16, word: &str) -> (u16, String) {
    helpers::answer(status, word)
}

fn order() -> Delivery {
    Delivery::new(ORDER_CREATED)
}

/// Delivers as Duffel does after anything but a 2xx, and finds the event in the queue exactly once.
async fn deliver_again(stage: &Stage) -> u16 {
    let (status, word) = stage.deliver(&order()).await;
    assert!(matches!((status, word.as_str()), (202, "accepted") | (200, "duplicate")), "{status} {word}");
    assert_eq!(stage.deliver(&order()).await, line(200, "duplicate"));
    assert_eq!(stage.message().await.body(), Some(ORDER_CREATED));
    assert_eq!(stage.backend.items().await.len(), 1);
    assert!(stage.function.errors().is_empty());
    status
}

/// Lets every failure there is have its turn, all at once, each with a stage of its own.
async fn for_every_failure<F: Future<Output = ()> + Send + 'static>(case: impl Fn(Fault) -> F) {
    Fault::FAILURES.into_iter().map(case).collect::<JoinSet<_>>().join_all().await;
}

/// Whether the call is carried out in spite of it.
fn is_carried_out(fault: Fault) -> bool {
    matches!(fault, Fault::LoseAnswer | Fault::CutAnswer | Fault::StallAnswer)
}

/// A stage on which the process was killed while a call of its own was held up, and started anew.
async fn killed(call: &str, moment: Moment) -> Stage {
    let mut stage = Stage::new().await;
    let mut held = stage.proxy.hold(call, moment);
    let ((end, _), ()) = tokio::join!(stage.function.invoke(order().event()), async {
        held.reached().await;
        stage.function.kill();
    });
    assert!(matches!(end, End::Died), "{end:?}");
    drop(held);
    stage.function.restart().await;
    stage
}

#[tokio::test]
async fn a_process_killed_before_the_send_has_sent_and_recorded_nothing() {
    for (call, moment) in [(LOOK_UP, Moment::Before), (LOOK_UP, Moment::After), (SEND, Moment::Before)] {
        let stage = killed(call, moment).await;
        assert_eq!(stage.backend.queued().await, 0);
        assert!(stage.backend.items().await.is_empty());
        assert_eq!(deliver_again(&stage).await, 202);
    }
}

#[tokio::test]
async fn a_process_killed_between_send_and_record_leaves_one_message() {
    for (call, moment) in [(SEND, Moment::After), (RECORD, Moment::Before)] {
        let stage = killed(call, moment).await;
        assert_eq!(stage.backend.queued().await, 1);
        assert!(stage.backend.items().await.is_empty());
        assert_eq!(deliver_again(&stage).await, 202);
    }
}

#[tokio::test]
async fn a_process_killed_after_the_record_has_done_its_work() {
    let stage = killed(RECORD, Moment::After).await;
    assert_eq!(stage.backend.queued().await, 1);
    assert_eq!(deliver_again(&stage).await, 200);
}

#[tokio::test]
async fn nothing_is_acknowledged_before_the_queue_has_it() {
    let stage = Stage::new().await;
    let mut held = stage.proxy.hold(SEND, Moment::Before);
    let event = order().event();
    let mut invocation = std::pin::pin!(stage.function.invoke(event));
    tokio::select! {
        end = &mut invocation => panic!("answered before it was sent: {end:?}"),
        () = held.reached() => {}
    }
    let early = tokio::time::timeout(Duration::from_millis(300), &mut invocation).await;
    assert!(early.is_err(), "answered before it was sent: {early:?}");
    held.release();
    assert_eq!(super::answer(invocation.await).word, "accepted");
    assert_eq!(stage.backend.queued().await, 1);
}

#[tokio::test]
async fn while_the_look_up_fails_nothing_is_sent() {
    for_every_failure(|fault| async move {
        let stage = Stage::new().await;
        stage.proxy.inject(LOOK_UP, [fault]);
        assert_eq!(stage.deliver(&order()).await, line(503, "unavailable"), "{fault:?}");
        let calls = stage.proxy.calls();
        assert_eq!(calls.keys().collect::<Vec<_>>(), [LOOK_UP], "{fault:?}");
        stage.proxy.heal();
        assert_eq!(deliver_again(&stage).await, 202, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn while_the_send_fails_nothing_is_recorded() {
    for_every_failure(|fault| async move {
        let stage = Stage::new().await;
        stage.proxy.inject(SEND, [fault]);
        assert_eq!(stage.deliver(&order()).await, line(503, "unavailable"), "{fault:?}");
        assert!(!stage.proxy.calls().contains_key(RECORD), "{fault:?}");
        assert_eq!(stage.backend.queued().await, usize::from(is_carried_out(fault)), "{fault:?}");
        stage.proxy.heal();
        assert_eq!(deliver_again(&stage).await, 202, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn while_the_record_fails_events_are_acknowledged_and_the_log_says_so() {
    for_every_failure(|fault| async move {
        let mut stage = Stage::new().await;
        stage.proxy.inject(RECORD, [fault]);
        assert_eq!(stage.deliver(&order()).await, line(202, "accepted"), "{fault:?}");
        assert_eq!(stage.backend.queued().await, 1, "{fault:?}");
        assert_eq!(stage.backend.items().await.len(), usize::from(is_carried_out(fault)), "{fault:?}");
        let log = stage.function.lines().join("\n");
        assert!(log.contains("in the queue, but not recorded"), "{fault:?}: {log}");
        stage.function.restart().await;
        stage.proxy.heal();
        let expected = if is_carried_out(fault) { 200 } else { 202 };
        assert_eq!(deliver_again(&stage).await, expected, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_fails_once_is_made_again_at_once() {
    for_every_failure(|fault| async move {
        let mut stage = Stage::new().await;
        for call in [LOOK_UP, SEND, RECORD] {
            stage.proxy.inject(call, [fault, Fault::None]);
        }
        assert_eq!(stage.deliver(&order()).await, line(202, "accepted"), "{fault:?}");
        let log = stage.function.lines().join("\n");
        assert!(!log.contains("not recorded"), "{fault:?}: {log}");
        stage.function.restart().await;
        assert_eq!(deliver_again(&stage).await, 200, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn the_slowest_way_to_an_acknowledgement_is_within_the_function_s_time() {
    let stage = Stage::new().await;
    stage.proxy.inject(LOOK_UP, [Fault::Hang, Fault::Delay(Duration::from_millis(400))]);
    stage.proxy.inject(SEND, [Fault::Hang, Fault::Delay(Duration::from_millis(1_600))]);
    stage.proxy.inject(RECORD, [Fault::Hang]);
    assert_eq!(stage.deliver(&order()).await, line(202, "accepted"));
    stage.proxy.heal();
    assert_eq!(deliver_again(&stage).await, 202);
}

#[tokio::test]
async fn where_nobody_listens_events_are_unavailable() {
    let stage = Stage::with(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]).await;
    assert_eq!(stage.deliver(&order()).await, line(503, "unavailable"));
    let stage = Stage::with(&[("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")]).await;
    assert_eq!(stage.deliver(&order()).await, line(503, "unavailable"));
    assert!(stage.backend.items().await.is_empty());
}
