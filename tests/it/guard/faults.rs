//! The guard in `DynamoDB`, if its calls fail or their answers are lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use duffel_webhook_receiver::consume::guard::{Dynamo, Guard, GuardError, Outcome, Unrecorded};

use super::table::{LEASE, Table, now};
use crate::support::proxy::{AwsFault, Proxy};

const CLAIM: &str = "dynamodb:PutItem";
const COMPLETE: &str = "dynamodb:UpdateItem";
const RELEASE: &str = "dynamodb:DeleteItem";

/// Whether the call was carried out although it failed.
fn is_carried_out(fault: AwsFault) -> bool {
    matches!(fault, AwsFault::AnswerLost | AwsFault::AnswerCut | AwsFault::AnswerStalled)
}

/// The result of one run, and the number of works.
async fn once(
    guard: &Guard<Dynamo>,
    identity: &str,
    works: &AtomicUsize,
    succeeds: bool,
) -> Result<Outcome<()>, GuardError<&'static str>> {
    let work = async |_| {
        works.fetch_add(1, Ordering::Relaxed);
        if succeeds { Ok(()) } else { Err("failed") }
    };
    guard.once(identity, now(), work).await
}

#[tokio::test]
async fn a_call_that_fails_once_is_repeated_and_recognised() {
    let (table, proxy) = (Table::new().await, Proxy::new().await);
    let guard = table.guard_behind(&proxy).await;
    for (number, fault) in AwsFault::FAILURES.into_iter().enumerate() {
        for call in [CLAIM, COMPLETE, RELEASE] {
            let (identity, works) = (format!("{number} {call}"), AtomicUsize::new(0));
            proxy.inject(call, [fault, AwsFault::Fine]);
            let failed = once(&guard, &identity, &works, false).await;
            assert!(matches!(failed, Err(GuardError::Work(_))), "{fault:?} {call}: {failed:?}");
            proxy.inject(call, [fault, AwsFault::Fine]);
            let ran = once(&guard, &identity, &works, true).await;
            assert!(matches!(ran, Ok(Outcome::Ran { recorded: Ok(()), .. })), "{fault:?} {call}: {ran:?}");
            let again = once(&guard, &identity, &works, true).await;
            assert!(matches!(again, Ok(Outcome::AlreadyDone)), "{fault:?} {call}: {again:?}");
            assert_eq!(works.into_inner(), 2, "{fault:?} {call}");
            proxy.heal();
        }
    }
}

#[tokio::test]
async fn the_work_does_not_run_if_the_claim_fails() {
    let (table, proxy) = (Table::new().await, Proxy::new().await);
    let guard = table.guard_behind(&proxy).await;
    for (number, fault) in AwsFault::FAILURES.into_iter().enumerate() {
        let (identity, works) = (number.to_string(), AtomicUsize::new(0));
        proxy.inject(CLAIM, [fault]);
        let failed = once(&guard, &identity, &works, true).await;
        assert!(matches!(failed, Err(GuardError::Store(_))), "{fault:?}: {failed:?}");
        assert_eq!(works.load(Ordering::Relaxed), 0, "{fault:?}");
        proxy.heal();

        let next = once(&guard, &identity, &works, true).await;
        if is_carried_out(fault) {
            // The claim of a run that does not know it holds until its lease ends.
            assert!(matches!(next, Err(GuardError::InProgress { .. })), "{fault:?}: {next:?}");
            let later = guard.once(&identity, now() + 2 * LEASE, async |_| Ok::<_, &str>(())).await;
            assert!(matches!(later, Ok(Outcome::Ran { .. })), "{fault:?}: {later:?}");
        } else {
            assert!(matches!(next, Ok(Outcome::Ran { .. })), "{fault:?}: {next:?}");
        }
    }
}

#[tokio::test]
async fn finished_work_is_acknowledged_if_the_completion_fails() {
    let (table, proxy) = (Table::new().await, Proxy::new().await);
    let guard = table.guard_behind(&proxy).await;
    for (number, fault) in AwsFault::FAILURES.into_iter().filter(|fault| !fault.is_slow()).enumerate() {
        let (identity, works) = (number.to_string(), AtomicUsize::new(0));
        proxy.inject(COMPLETE, [fault]);
        let ran = once(&guard, &identity, &works, true).await;
        let is_unrecorded = matches!(&ran, Ok(Outcome::Ran { recorded: Err(Unrecorded::Store(_)), .. }));
        assert!(is_unrecorded, "{fault:?}: {ran:?}");
        proxy.heal();
        assert_eq!(table.is_completed(&identity).await, is_carried_out(fault), "{fault:?}");
    }
}

#[tokio::test]
async fn a_claim_that_could_not_be_released_expires() {
    let (table, proxy) = (Table::new().await, Proxy::new().await);
    let (guard, works) = (table.guard_behind(&proxy).await, AtomicUsize::new(0));
    proxy.inject(RELEASE, [AwsFault::Down]);
    let failed = once(&guard, "event", &works, false).await;
    assert!(matches!(failed, Err(GuardError::Work("failed"))), "{failed:?}");
    let next = once(&guard, "event", &works, true).await;
    let Err(GuardError::InProgress { until }) = next else { panic!("{next:?}") };
    let after = until + std::time::Duration::from_millis(1);
    let later = guard.once("event", after, async |_| Ok::<_, &str>(())).await;
    assert!(matches!(later, Ok(Outcome::Ran { recorded: Ok(()), .. })), "{later:?}");
}
