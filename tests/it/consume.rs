//! Module `consume`, as a service behind the queue uses it.

mod batches;
mod dependencies;
mod events;
mod kit;
mod messages;
mod mutants;
mod schedules;
mod verification;

use duffel_webhook_receiver::consume::kit::Kit;
use serde_json::Value;

use crate::support::test_receiver::noon;

fn duffel_kit() -> Kit {
    Kit::duffel(noon())
}

/// The ids of a response, in their order.
fn reported(response: &Value) -> Vec<&str> {
    assert_eq!(response.as_object().unwrap().len(), 1, "{response}");
    let failures = response["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|failure| {
            assert_eq!(failure.as_object().unwrap().len(), 1, "{failure}");
            failure["itemIdentifier"].as_str().unwrap()
        })
        .collect()
}
