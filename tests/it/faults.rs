//! Queue and ledger fail, answers are lost, processes die: nothing acknowledged is lost, nothing is queued twice.

use std::time::Duration;

use crate::support::{
    fault::Fault,
    test_receiver::{DAY, ORDER_CREATED, TestReceiver, answer, noon, signed},
};

const FAULTS: [Fault; 4] = [Fault::Down, Fault::AnswerLost, Fault::KilledBefore, Fault::KilledAfter];

/// Delivers, as Duffel does, until the answer is a 2xx; the first delivery meets the injected fault.
fn deliver_until_acknowledged(receiver: &TestReceiver, pause: Duration) -> u16 {
    let mut now = noon();
    for _ in 0..5 {
        if let Some(response) = receiver.try_send(signed(ORDER_CREATED, now), now) {
            if response.status().is_success() {
                return response.status().as_u16();
            }
            assert_eq!(response.status(), 503);
            assert!(response.headers().contains_key("retry-after"));
        }
        now += pause;
    }
    panic!("not acknowledged after five deliveries");
}

#[test]
fn failed_look_up_is_answered_503_and_nothing_is_sent() {
    let receiver = TestReceiver::new();
    receiver.ledger().inject(Fault::Down, 1);
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(503, "unavailable"));
    assert!(receiver.queued().is_empty());
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(202, "accepted"));
}

#[test]
fn failed_send_is_answered_503_and_nothing_is_recorded() {
    let receiver = TestReceiver::new();
    receiver.queue().inject(Fault::Down, 1);
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(503, "unavailable"));
    // On the next day: with a record, the answer would be "duplicate" and the event lost.
    assert_eq!(receiver.deliver(ORDER_CREATED, noon() + DAY), answer(202, "accepted"));
    assert_eq!(receiver.queued().len(), 1);
}

#[test]
fn event_is_queued_once_for_every_fault_of_the_send() {
    for fault in FAULTS {
        let receiver = TestReceiver::new();
        receiver.queue().inject(fault, 1);
        deliver_until_acknowledged(&receiver, Duration::from_mins(1));
        assert_eq!(receiver.queued().len(), 1);
    }
}

#[test]
fn event_is_queued_once_for_every_fault_of_the_look_up() {
    for fault in FAULTS {
        let receiver = TestReceiver::new();
        receiver.ledger().inject(fault, 1);
        deliver_until_acknowledged(&receiver, DAY);
        assert_eq!(receiver.queued().len(), 1);
    }
}

#[test]
fn event_is_queued_once_for_every_fault_of_the_record_if_retried_within_five_minutes() {
    for fault in FAULTS {
        let receiver = TestReceiver::new();
        receiver.ledger().pass_next();
        receiver.ledger().inject(fault, 1);
        deliver_until_acknowledged(&receiver, Duration::from_secs(299));
        assert_eq!(receiver.deliver(ORDER_CREATED, noon() + Duration::from_secs(299)).0 / 100, 2);
        assert_eq!(receiver.queued().len(), 1);
    }
}

#[test]
fn event_that_cannot_be_recorded_is_acknowledged() {
    let receiver = TestReceiver::new();
    receiver.ledger().pass_next();
    receiver.ledger().inject(Fault::Down, 2);
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(202, "accepted"));
    assert_eq!(receiver.queued().len(), 1);
    // Within five minutes the queue deduplicates.
    assert_eq!(receiver.deliver(ORDER_CREATED, noon() + Duration::from_mins(4)), answer(202, "accepted"));
    assert!(receiver.queued().is_empty());
}

#[test]
fn failed_record_is_retried_once() {
    let receiver = TestReceiver::new();
    receiver.ledger().pass_next();
    receiver.ledger().inject(Fault::Down, 1);
    assert_eq!(receiver.deliver(ORDER_CREATED, noon()), answer(202, "accepted"));
    assert_eq!(receiver.deliver(ORDER_CREATED, noon() + DAY), answer(200, "duplicate"));
    assert_eq!(receiver.queued().len(), 1);
}

/// The gap and its size: killed between send and record, and no retry within five minutes.
#[test]
fn the_gap_is_as_documented() {
    let receiver = TestReceiver::new();
    receiver.queue().inject(Fault::KilledAfter, 1);
    deliver_until_acknowledged(&receiver, Duration::from_mins(5));
    let queued = receiver.queued();
    assert_eq!(queued.len(), 2);
    // A consumer recognises the second message by its identity.
    let identity = |index: usize| &queued[index]["Attributes"]["MessageDeduplicationId"];
    assert_eq!(identity(0), identity(1));
}

#[test]
fn a_duplicate_whose_record_cannot_be_extended_is_still_a_duplicate() {
    let receiver = TestReceiver::new();
    receiver.deliver(ORDER_CREATED, noon());
    receiver.ledger().pass_next();
    receiver.ledger().inject(Fault::Down, 2);
    assert_eq!(receiver.deliver(ORDER_CREATED, noon() + DAY), answer(200, "duplicate"));
    assert_eq!(receiver.queued().len(), 1);
}
