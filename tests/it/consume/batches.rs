//! Batches: which messages are handled, in which order, and which come again.
//!
//! `MODEL_SCHEDULES=100000 cargo test --test it consume::batches` draws that many random batches.

use std::{
    env, future,
    sync::Mutex,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::consume::{
    Received,
    batch::{self, SqsEvent},
    kit::{self, Message},
};
use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    duffel_kit,
    mutants::{Mutant, Mutation, Real, Subject, block_on},
    reported,
    schedules::{
        Batch,
        Behaviour::{Fails, Panics, Succeeds, Undecodable},
        Promise, Step,
    },
};

const BATCHES: u64 = 2_000;

/// Runs random batches, each subject two in a row, until one breaks a promise for which `at_stake` holds.
fn search(
    subject: impl Fn() -> Box<dyn Subject>,
    count: u64,
    at_stake: impl Fn(Promise) -> bool,
) -> Result<(), String> {
    for seed in 0..count {
        let (mut rng, mut kit, mut subject) = (Rng::with_seed(seed), duffel_kit(), subject());
        for _ in 0..2 {
            let batch = Batch::draw(&mut rng, &mut kit);
            let response = subject.handle(&batch);
            if let Some(promise) = batch.broken(response.as_ref()).filter(|promise| at_stake(*promise)) {
                let (entries, trace) = (&batch.entries, batch.trace());
                return Err(format!("seed {seed} breaks {promise:?}: {entries:#?} {trace:#?} {response:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn the_promises_hold_for_every_batch() {
    let count = env::var("MODEL_SCHEDULES").map_or(BATCHES, |count| count.parse().unwrap());
    search(|| Box::new(Real), count, |_| true).unwrap();
}

#[test]
fn a_mutant_without_a_mutation_keeps_the_promises() {
    search(|| Box::new(Mutant::new(Mutation::None)), BATCHES, |_| true).unwrap();
}

#[test]
fn every_mutant_is_detected() {
    let mutants = [
        (Mutation::ContinuesWithinTheGroup, Promise::Ordered),
        (Mutation::StopsTheBatch, Promise::Handled),
        (Mutation::ReportsTheFailedOneOnly, Promise::Kept),
        (Mutation::ReportsTheWholeGroup, Promise::Done),
        (Mutation::ReportsTheWholeBatch, Promise::Done),
        (Mutation::ReportsNothing, Promise::Kept),
        (Mutation::ReportsTwice, Promise::Valid),
        (Mutation::ReportsAnEmptyId, Promise::Valid),
        (Mutation::RemembersFailedGroups, Promise::Handled),
        (Mutation::FailsTheInvocationIfAllFailed, Promise::Answered),
        (Mutation::FailsTheInvocationIfAnyFailed, Promise::Answered),
        (Mutation::ReversesAGroup, Promise::Ordered),
        (Mutation::RunsAGroupAtOnce, Promise::Ordered),
        (Mutation::RunsAGroupTwice, Promise::Once),
        (Mutation::RunsOneGroupAfterTheOther, Promise::Concurrent),
        (Mutation::RunsMessagesWithoutAGroupAsOne, Promise::Handled),
        (Mutation::DropsWhatItCannotDecode, Promise::Ordered),
        (Mutation::DropsWhatItCannotDecode, Promise::Kept),
        (Mutation::ContinuesAfterWhatItCannotDecode, Promise::Ordered),
        (Mutation::RefusesABatchWithWhatItCannotDecode, Promise::Answered),
        (Mutation::TakesAPanicForSuccess, Promise::Kept),
        (Mutation::LetsAPanicThrough, Promise::Answered),
    ];
    for (mutation, promise) in mutants {
        let found = search(|| Box::new(Mutant::new(mutation)), BATCHES, |broken| broken == promise);
        assert!(found.is_err(), "{mutation:?} is not detected as {promise:?}");
    }
}

/// The ids of the entries at these places.
fn ids(batch: &Batch, places: &[usize]) -> Vec<String> {
    places.iter().map(|place| batch.entries[*place].id.clone()).collect()
}

fn begun(batch: &Batch) -> Vec<String> {
    batch
        .trace()
        .into_iter()
        .filter_map(|step| if let Step::Begins(id) = step { Some(id) } else { None })
        .collect()
}

/// The question of Powertools for Python #1927: r3 of r1 to r5 fails.
#[test]
fn the_messages_after_a_failure_come_again_unhandled() {
    let batch =
        Batch::new(&[Succeeds, Succeeds, Fails, Succeeds, Succeeds].map(|behaviour| (Some(1), behaviour)), 1);
    let response = Real.handle(&batch).unwrap();
    assert_eq!(reported(&response), ids(&batch, &[2, 3, 4]));
    assert_eq!(begun(&batch), ids(&batch, &[0, 1, 2]));
}

/// Powertools for Python #2981 and TypeScript #2561: the first failure ended the whole batch.
#[test]
fn other_groups_continue_after_a_failure() {
    let groups =
        [(Some(1), Fails), (Some(2), Succeeds), (Some(1), Succeeds), (Some(2), Succeeds), (None, Succeeds)];
    let batch = Batch::new(&groups, 1);
    assert_eq!(reported(&Real.handle(&batch).unwrap()), ids(&batch, &[0, 2]));
    assert_eq!(begun(&batch).len(), 4);
}

/// Powertools for TypeScript #3673: a group that had failed was never handled again by the same process.
#[test]
fn a_group_that_failed_is_handled_again_in_the_next_batch() {
    let failing = Batch::new(&[(Some(1), Fails)], 1);
    assert_eq!(reported(&Real.handle(&failing).unwrap()), ids(&failing, &[0]));
    let retry = Batch::new(&[(Some(1), Succeeds)], 1);
    assert_eq!(Real.handle(&retry).unwrap(), json!({ "batchItemFailures": [] }));
    assert_eq!(begun(&retry).len(), 1);
}

/// Powertools for Python #7596: the invocation failed if all messages did.
#[test]
fn a_batch_in_which_all_fail_is_a_response_and_not_an_error() {
    let batch = Batch::new(&[(Some(1), Fails), (Some(2), Panics), (None, Undecodable)], 1);
    assert_eq!(reported(&Real.handle(&batch).unwrap()), ids(&batch, &[0, 1, 2]));
}

#[test]
fn an_empty_batch_is_a_success() {
    assert_eq!(Real.handle(&Batch::new(&[], 1)).unwrap(), json!({ "batchItemFailures": [] }));
}

#[test]
fn an_undecodable_message_holds_its_own_group_and_no_other() {
    let groups = [(Some(1), Succeeds), (Some(1), Undecodable), (Some(1), Succeeds), (Some(2), Succeeds)];
    let batch = Batch::new(&groups, 1);
    assert_eq!(reported(&Real.handle(&batch).unwrap()), ids(&batch, &[1, 2]));
    assert_eq!(begun(&batch).len(), 2);
}

fn event(messages: &[Message]) -> SqsEvent {
    serde_json::from_value(kit::lambda_event(messages)).unwrap()
}

#[test]
fn a_message_that_is_twice_in_a_batch_is_reported_once() {
    let message = duffel_kit().event("order.created", "ord_1").unwrap().on_standard_queue();
    let response = block_on(batch::handle(event(&[message.clone(), message.clone()]), async |_| Err("no")));
    let response = serde_json::to_value(response.unwrap()).unwrap();
    assert_eq!(reported(&response), [message.message_id()]);
}

#[test]
fn an_event_with_a_message_that_cannot_be_reported_is_refused_before_anything_is_handled() {
    let good = duffel_kit().event("order.created", "ord_1").unwrap().record();
    for bad in
        [json!({}), json!({ "messageId": "" }), json!({ "messageId": null }), json!(7), json!({ "Sns": {} })]
    {
        let error = serde_json::from_value::<SqsEvent>(json!({ "Records": [good, bad] })).err().unwrap();
        assert_eq!(error.to_string(), "record 1 of the batch has no messageId: is it an event of SQS?");
    }
    for other in [json!({}), json!({ "Records": null }), json!([])] {
        assert!(serde_json::from_value::<SqsEvent>(other).is_err());
    }
}

/// The function as Lambda calls it: with the bytes of the event.
#[test]
fn an_event_is_read_from_bytes_with_unknown_members() {
    let mut event = kit::lambda_event(&[duffel_kit().event("order.created", "ord_1").unwrap()]);
    event["addedByAws"] = json!({ "x": [1] });
    let event: SqsEvent = serde_json::from_slice(event.to_string().as_bytes()).unwrap();
    let messages: Vec<_> = event.messages().map(Result::unwrap).collect();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].kind(), Some("order.created"));
}

#[test]
fn a_handler_that_panics_before_its_future_exists_holds_its_own_group_only() {
    let mut kit = duffel_kit();
    let messages = ["ord_1", "ord_2"].map(|object| kit.event("order.created", object).unwrap());
    let handler = |message: Received| {
        if message.group_id() == Some("duffel/ord_1") {
            std::panic::resume_unwind(Box::new("a panic on purpose"));
        }
        future::ready(Ok::<_, &str>(()))
    };
    let response = block_on(batch::handle(event(&messages), handler)).unwrap();
    assert_eq!(reported(&serde_json::to_value(response).unwrap()), [messages[0].message_id()]);
}

/// A function of `lambda_runtime`, also of a runtime that handles several invocations at once.
#[test]
fn the_handler_is_a_service_of_lambda_runtime() {
    use lambda_runtime::{Error, LambdaEvent, Service, service_fn};

    fn service<S>(service: S) -> S
    where
        S: Service<LambdaEvent<SqsEvent>, Response = batch::BatchResponse, Error = Error> + Clone + Send,
        S::Future: Send + 'static,
    {
        service
    }
    let client = std::sync::Arc::new("shared by all messages".to_owned());
    let mut service = service(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let client = std::sync::Arc::clone(&client);
        async move {
            let handler = async |message: Received| {
                if message.kind().is_some() { Err(format!("{} fails", *client)) } else { Ok(()) }
            };
            Ok(batch::handle_before(event.payload, event.context.deadline(), handler).await)
        }
    }));
    let message = duffel_kit().event("order.created", "ord_1").unwrap();
    let mut context = lambda_runtime::Context::default();
    let in_a_minute = SystemTime::now() + Duration::from_secs(60);
    let since = in_a_minute.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    context.deadline = since.as_millis().try_into().unwrap();
    let event = LambdaEvent::new(event(std::slice::from_ref(&message)), context);
    let response = block_on(service.call(event)).unwrap().unwrap();
    assert_eq!(reported(&serde_json::to_value(response).unwrap()), [message.message_id()]);
}

/// Runs a batch of three messages of two groups, of which the first never ends, until a deadline.
fn until(deadline: impl FnOnce() -> SystemTime) -> (Vec<Message>, Value, Vec<String>) {
    let mut kit = duffel_kit();
    let messages = ["ord_1", "ord_1", "ord_2"].map(|object| kit.event("air.order.changed", object).unwrap());
    let (begun, hanging) = (Mutex::new(Vec::new()), messages[0].message_id().to_owned());
    let (begun_ref, hanging) = (&begun, hanging.as_str());
    let handler = |message: Received| async move {
        begun_ref.lock().unwrap().push(message.message_id().to_owned());
        if message.message_id() == hanging {
            future::pending::<()>().await;
        }
        Ok::<_, &str>(())
    };
    let response =
        block_on(async { batch::handle_before(event(&messages), deadline(), handler).await }).unwrap();
    (messages.into(), serde_json::to_value(response).unwrap(), begun.into_inner().unwrap())
}

#[test]
fn a_message_that_hangs_is_given_up_at_the_deadline_and_others_are_done() {
    let (messages, response, begun) = until(|| SystemTime::now() + Duration::from_millis(100));
    assert_eq!(reported(&response), [messages[0].message_id(), messages[1].message_id()]);
    assert_eq!(begun, [messages[0].message_id(), messages[2].message_id()]);
}

#[test]
fn nothing_begins_after_the_deadline() {
    for ago in [Duration::ZERO, Duration::from_secs(60)] {
        let (messages, response, begun) = until(|| SystemTime::now() - ago);
        assert_eq!(reported(&response), messages.iter().map(Message::message_id).collect::<Vec<_>>());
        assert_eq!(begun, Vec::<String>::new());
    }
}
