//! The guard in `DynamoDB`: the same answers as in memory, concurrent workers, and transactions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use duffel_webhook_receiver::{
    consume::guard::{Claim, Completed, GuardError, InMemory, Outcome, Store},
    time::unix_seconds,
};
use fastrand::Rng;
use tokio::task::JoinSet;

use super::{
    model::in_transaction,
    table::{LEASE, RETENTION, Table, now},
};
use crate::support::search::one_of;

/// The model test runs on the store in memory, so what it shows holds in `DynamoDB` as far as both answer alike.
#[tokio::test]
async fn table_and_memory_answer_alike_and_have_the_same_records() {
    let (table, mut memory, mut rng) = (Table::new().await, InMemory::default(), Rng::with_seed(1));
    let store = table.guard().store;
    // The table deletes what has expired by its own clock.
    let mut at = UNIX_EPOCH + Duration::from_secs(unix_seconds(now()));
    let (mut claims, mut answers) = (Vec::<Claim>::new(), BTreeMap::<String, usize>::new());
    let lease = [LEASE, LEASE, Duration::ZERO];
    for step in 0..600 {
        if rng.u8(..6) == 0 {
            at += Duration::from_millis(one_of(&mut rng, &[1, 999, 60_000, 60_001, 3_600_000]));
        }
        let identity = one_of(&mut rng, &["one", "two"]);
        if claims.is_empty() || rng.u8(..3) == 0 {
            claims.push(Claim::new(identity, one_of(&mut rng, &lease), RETENTION, at));
        }
        // Mostly one of the last claims, which may be repeated, replaced or expired.
        let claim = claims[claims.len() - 1 - rng.usize(..claims.len().min(3))].clone();
        let (ours, theirs) = match rng.u8(..4) {
            0 => (
                format!("{:?}", memory.claim(&claim, at).await.unwrap()),
                format!("{:?}", store.claim(&claim, at).await.unwrap()),
            ),
            1 => (
                format!("{:?}", memory.complete(&claim).await.unwrap()),
                format!("{:?}", store.complete(&claim).await.unwrap()),
            ),
            2 => (
                format!("{:?}", memory.release(&claim).await.unwrap()),
                format!("{:?}", store.release(&claim).await.unwrap()),
            ),
            _ => {
                let done =
                    table.client.transact_write_items().transact_items(store.completion(&claim)).send();
                (in_transaction(&mut memory, &claim).to_string(), done.await.is_ok().to_string())
            }
        };
        assert_eq!(ours, theirs, "step {step}");
        assert_eq!(memory.get(claim.identity()), table.record(claim.identity()).await, "step {step}");
        *answers.entry(ours.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    let expected = ["()", "Done", "Granted", "InProgress", "Stored", "Superseded", "false", "true"];
    assert_eq!(answers.keys().collect::<Vec<_>>(), expected, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_workers_do_the_work_of_each_event_once() {
    let table = Arc::new(Table::new().await);
    let works = Arc::new(Mutex::new(BTreeMap::<usize, usize>::new()));
    let refused = Arc::new(Mutex::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let (table, works, refused) = (Arc::clone(&table), Arc::clone(&works), Arc::clone(&refused));
        workers.spawn(async move {
            let guard = table.guard();
            for event in 0..10 {
                let work = async || {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    *works.lock().unwrap().entry(event).or_default() += 1;
                    // The first attempt of every other event fails.
                    if event % 2 == 0 && works.lock().unwrap()[&event] == 1 { Err("failed") } else { Ok(()) }
                };
                loop {
                    match guard.once(&format!("event {event}"), now(), |_| work()).await {
                        Ok(Outcome::Ran { recorded, .. }) => break recorded.unwrap(),
                        Ok(Outcome::AlreadyDone) => break,
                        Err(GuardError::InProgress { .. }) => *refused.lock().unwrap() += 1,
                        Err(GuardError::Work("failed")) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    let expected = (0..10).map(|event| (event, if event % 2 == 0 { 2 } else { 1 })).collect();
    assert_eq!(*works.lock().unwrap(), expected);
    assert!(*refused.lock().unwrap() > 0, "no two workers had the same event");
}

/// The effect of the work: an item of its own in the table, with the number of times that it happened.
fn effect(table: &Table, claim: &Claim) -> TransactWriteItem {
    let item = Put::builder().table_name(&table.name).item("id", AttributeValue::S(claim.token().to_owned()));
    TransactWriteItem::builder().put(item.build().unwrap()).build()
}

async fn effects(table: &Table) -> usize {
    let items = table.client.scan().table_name(&table.name).consistent_read(true).send().await.unwrap().items;
    items.unwrap().iter().filter(|item| !item.contains_key("status")).count()
}

#[tokio::test]
async fn an_effect_in_the_completions_transaction_happens_once() {
    let table = Table::new().await;
    let guard = table.guard();
    let transact = async |claim: Claim| {
        let items = [effect(&table, &claim), guard.store.completion(&claim)];
        let request = table.client.transact_write_items().set_transact_items(Some(items.to_vec()));
        request.send().await.map(drop).map_err(|_| "the transaction failed")
    };

    // The transaction takes effect, and its answer is lost: the completion stays.
    let lost = async |claim: Claim| transact(claim).await.and(Err::<(), _>("the answer is lost"));
    let first = guard.once("paid", now(), lost).await;
    assert!(matches!(first, Err(GuardError::Work("the answer is lost"))), "{first:?}");
    assert!(table.is_completed("paid").await);
    assert!(matches!(guard.once("paid", now(), transact).await, Ok(Outcome::AlreadyDone)));
    assert_eq!(effects(&table).await, 1);

    // A slow worker, whose lease expired, and another one.
    let early = now() - 2 * LEASE;
    let slow = Claim::new("refunded", LEASE, RETENTION, early);
    guard.store.claim(&slow, early).await.unwrap();
    let second = guard.once("refunded", now(), transact).await;
    assert!(matches!(second, Ok(Outcome::Ran { recorded: Ok(()), .. })), "{second:?}");
    assert_eq!(transact(slow.clone()).await, Err("the transaction failed"));
    assert_eq!(guard.store.complete(&slow).await.unwrap(), Completed::Superseded);
    guard.store.release(&slow).await.unwrap();
    assert!(table.is_completed("refunded").await);
    assert_eq!(effects(&table).await, 2);
}
