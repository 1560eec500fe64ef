//! Processes die, answers are lost, queue and table fail: acknowledged events are in the queue once, and in time.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Delivery, Env};
use crate::support::{
    proxy::{AwsFault, Moment},
    runtime_api::End,
    test_receiver::{self, ORDER_CREATED},
};

const LOOK_UP: &str = "dynamodb:GetItem";
const SEND: &str = "sqs:SendMessage";
const RECORD: &str = "dynamodb:PutItem";

fn line(status: u16, word: &str) -> (u16, String) {
    test_receiver::answer(status, word)
}

fn order() -> Delivery {
    Delivery::new(ORDER_CREATED)
}

/// Delivers again, as Duffel does after a failure, and asserts that the event is in the queue exactly once.
async fn deliver_again(env: &Env) -> u16 {
    let (status, word) = env.deliver(&order()).await;
    assert!(matches!((status, word.as_str()), (202, "accepted") | (200, "duplicate")), "{status} {word}");
    assert_eq!(env.deliver(&order()).await, line(200, "duplicate"));
    assert_eq!(env.message().await.body(), Some(ORDER_CREATED));
    assert_eq!(env.backend.items().await.len(), 1);
    assert!(env.function.errors().is_empty());
    status
}

/// Runs a case for every failure, all at once, each in its own `Env`.
async fn for_every_failure<F: Future<Output = ()> + Send + 'static>(case: impl Fn(AwsFault) -> F) {
    AwsFault::FAILURES.into_iter().map(case).collect::<JoinSet<_>>().join_all().await;
}

/// Returns whether the call is carried out despite the fault.
fn is_carried_out(fault: AwsFault) -> bool {
    matches!(fault, AwsFault::AnswerLost | AwsFault::AnswerCut | AwsFault::AnswerStalled)
}

/// An `Env` whose process was killed during a call and started again.
async fn killed(call: &str, moment: Moment) -> Env {
    let mut env = Env::new().await;
    let mut held = env.proxy.hold(call, moment);
    let ((end, _), ()) = tokio::join!(env.function.invoke(order().event()), async {
        held.reached().await;
        env.function.kill();
    });
    assert!(matches!(end, End::Died), "{end:?}");
    drop(held);
    env.function.restart().await;
    env
}

#[tokio::test]
async fn a_process_killed_before_the_send_has_sent_and_recorded_nothing() {
    for (call, moment) in [(LOOK_UP, Moment::Before), (LOOK_UP, Moment::After), (SEND, Moment::Before)] {
        let env = killed(call, moment).await;
        assert_eq!(env.backend.queued().await, 0);
        assert!(env.backend.items().await.is_empty());
        assert_eq!(deliver_again(&env).await, 202);
    }
}

#[tokio::test]
async fn a_process_killed_between_send_and_record_leaves_one_message() {
    for (call, moment) in [(SEND, Moment::After), (RECORD, Moment::Before)] {
        let env = killed(call, moment).await;
        assert_eq!(env.backend.queued().await, 1);
        assert!(env.backend.items().await.is_empty());
        assert_eq!(deliver_again(&env).await, 202);
    }
}

#[tokio::test]
async fn process_killed_after_the_record_has_completed_the_delivery() {
    let env = killed(RECORD, Moment::After).await;
    assert_eq!(env.backend.queued().await, 1);
    assert_eq!(deliver_again(&env).await, 200);
}

#[tokio::test]
async fn nothing_is_acknowledged_before_the_queue_has_it() {
    let env = Env::new().await;
    let mut held = env.proxy.hold(SEND, Moment::Before);
    let event = order().event();
    let mut invocation = std::pin::pin!(env.function.invoke(event));
    tokio::select! {
        end = &mut invocation => panic!("answered before it was sent: {end:?}"),
        () = held.reached() => {}
    }
    let early = tokio::time::timeout(Duration::from_millis(300), &mut invocation).await;
    assert!(early.is_err(), "answered before it was sent: {early:?}");
    held.release();
    assert_eq!(super::answer(invocation.await).word, "accepted");
    assert_eq!(env.backend.queued().await, 1);
}

#[tokio::test]
async fn while_the_look_up_fails_nothing_is_sent() {
    for_every_failure(|fault| async move {
        let env = Env::new().await;
        env.proxy.inject(LOOK_UP, [fault]);
        assert_eq!(env.deliver(&order()).await, line(503, "unavailable"), "{fault:?}");
        let calls = env.proxy.calls();
        assert_eq!(calls.keys().collect::<Vec<_>>(), [LOOK_UP], "{fault:?}");
        env.proxy.heal();
        assert_eq!(deliver_again(&env).await, 202, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn while_the_send_fails_nothing_is_recorded() {
    for_every_failure(|fault| async move {
        let env = Env::new().await;
        env.proxy.inject(SEND, [fault]);
        assert_eq!(env.deliver(&order()).await, line(503, "unavailable"), "{fault:?}");
        assert!(!env.proxy.calls().contains_key(RECORD), "{fault:?}");
        assert_eq!(env.backend.queued().await, usize::from(is_carried_out(fault)), "{fault:?}");
        env.proxy.heal();
        assert_eq!(deliver_again(&env).await, 202, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn while_the_record_fails_events_are_acknowledged_and_the_log_says_so() {
    for_every_failure(|fault| async move {
        let mut env = Env::new().await;
        env.proxy.inject(RECORD, [fault]);
        assert_eq!(env.deliver(&order()).await, line(202, "accepted"), "{fault:?}");
        assert_eq!(env.backend.queued().await, 1, "{fault:?}");
        assert_eq!(env.backend.items().await.len(), usize::from(is_carried_out(fault)), "{fault:?}");
        let log = env.function.lines().join("\n");
        assert!(log.contains(r#""cause":"unrecorded""#), "{fault:?}: {log}");
        env.function.restart().await;
        env.proxy.heal();
        let expected = if is_carried_out(fault) { 200 } else { 202 };
        assert_eq!(deliver_again(&env).await, expected, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn call_that_fails_once_is_retried_at_once() {
    for_every_failure(|fault| async move {
        let mut env = Env::new().await;
        for call in [LOOK_UP, SEND, RECORD] {
            env.proxy.inject(call, [fault, AwsFault::Fine]);
        }
        assert_eq!(env.deliver(&order()).await, line(202, "accepted"), "{fault:?}");
        let log = env.function.lines().join("\n");
        assert!(!log.contains("cause"), "{fault:?}: {log}");
        env.function.restart().await;
        assert_eq!(deliver_again(&env).await, 200, "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn slowest_acknowledgement_is_within_the_time_limit() {
    let env = Env::new().await;
    env.proxy.inject(LOOK_UP, [AwsFault::Hang, AwsFault::Delay(Duration::from_millis(400))]);
    env.proxy.inject(SEND, [AwsFault::Hang, AwsFault::Delay(Duration::from_millis(1_600))]);
    env.proxy.inject(RECORD, [AwsFault::Hang]);
    assert_eq!(env.deliver(&order()).await, line(202, "accepted"));
    env.proxy.heal();
    assert_eq!(deliver_again(&env).await, 202);
}

#[tokio::test]
async fn unreachable_aws_is_answered_503() {
    let env = Env::with(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]).await;
    assert_eq!(env.deliver(&order()).await, line(503, "unavailable"));
    let env = Env::with(&[("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")]).await;
    assert_eq!(env.deliver(&order()).await, line(503, "unavailable"));
    assert!(env.backend.items().await.is_empty());
}
