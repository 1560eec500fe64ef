//! A test: every subject makes the same calls as the receiver, and none for a forgery.

use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

use crate::{
    function::Function,
    lab::{Lab, Transport},
    subject::Subject,
};

/// What a subject did with a delivery, the same delivery again, and a forgery.
struct Work {
    calls: Vec<(String, Value)>,
    calls_again: Vec<String>,
    statuses: [u64; 3],
}

pub fn run() {
    // Cargo builds it for a test with the features that it needs.
    let Some(receiver) = option_env!("CARGO_BIN_EXE_receiver") else {
        println!("The receiver is built with the feature `aws` only, so there is nothing to compare.");
        return;
    };
    let lab = Lab::start();
    let subjects = Subject::all(&lab, None, Path::new(receiver));
    for transport in [Transport::Http, Transport::Tls] {
        let deliveries = [lab.delivery(), lab.forgery()];
        let works: Vec<_> = subjects
            .iter()
            .map(|subject| (subject.name, work(&lab, subject, transport, &deliveries)))
            .collect();
        let (_, ours) = works.iter().find(|(name, _)| *name == "receiver").unwrap();
        for (name, work) in &works {
            same(name, work, ours);
            println!("{name} over {transport:?}: {}, as expected", names(&work.calls).join(", "));
        }
    }
}

fn work(lab: &Lab, subject: &Subject, transport: Transport, [genuine, forged]: &[Bytes; 2]) -> Work {
    let backend = lab.backend(transport);
    backend.clear();
    backend.observed();
    let function = Function::start(lab, subject, transport, &[]);
    function.ready();
    let first = function.deliver(genuine.clone()).status;
    let calls = backend.observed().requests;
    let again = function.deliver(genuine.clone()).status;
    let calls_again = names(&backend.observed().requests);
    let forgery = function.deliver(forged.clone()).status;
    let calls_for_forgery = names(&backend.observed().requests);
    assert!(calls_for_forgery.is_empty(), "{}: {calls_for_forgery:?} for a forgery", subject.name);
    Work { calls, calls_again, statuses: [first, again, forgery] }
}

fn same(name: &str, work: &Work, ours: &Work) {
    // Powertools claims the event first, and answers a duplicate with the first answer.
    let (calls, again, duplicate) = match name {
        "powertools" => (["PutItem", "SendMessage", "UpdateItem"], "PutItem", 202),
        _ => (["GetItem", "SendMessage", "PutItem"], "GetItem", 200),
    };
    assert_eq!(names(&work.calls), calls, "{name}: a delivery");
    assert_eq!(work.calls_again, [again], "{name}: the same delivery again");
    assert_eq!(work.statuses, [202, duplicate, 401], "{name}");
    for field in ["QueueUrl", "MessageBody"] {
        assert_eq!(sent(work)[field], sent(ours)[field], "{name}: {field}");
    }
    for field in ["MessageGroupId", "MessageDeduplicationId"] {
        assert!(sent(work)[field].as_str().is_some_and(|id| !id.is_empty()), "{name}: {field}");
    }
    for (operation, request) in work.calls.iter().filter(|(operation, _)| operation.ends_with("Item")) {
        assert_eq!(request["TableName"], "ledger", "{name}: {operation}");
        assert!(operation != "GetItem" || request["ConsistentRead"] == true, "{name}: {operation}");
    }
}

fn sent(work: &Work) -> &Value {
    let (_, request) = work.calls.iter().find(|(operation, _)| operation == "SendMessage").unwrap();
    request
}

fn names(calls: &[(String, Value)]) -> Vec<String> {
    calls.iter().map(|(operation, _)| operation.clone()).collect()
}
