//! Powertools for AWS Lambda (Python) and the guard, with their records in one table.

use std::{collections::BTreeSet, process::Command};

use duffel_webhook_receiver::consume::guard::Outcome;
use serde_json::{Value, json};

use super::table::{Table, now};
use crate::support::{
    ministack::{ACCESS_KEY, REGION, SECRET_KEY, endpoint},
    setup,
};

/// An idempotent function of Powertools, called twice for the event; its first call finds an event in progress.
const SCRIPT: &str = r#"
import json, sys
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function,
)

table, consumer, identity = sys.argv[1:]
store = DynamoDBPersistenceLayer(table_name=table)
config = IdempotencyConfig(event_key_jmespath="identity", expires_after_seconds=3600)
works = []

@idempotent_function(
    data_keyword_argument="message", persistence_store=store, config=config, key_prefix=consumer
)
def handle(message):
    works.append(message["identity"])
    return len(works)

answers = [handle(message={"identity": identity}) for _ in range(2)]
print(json.dumps({"works": works, "answers": answers}))
"#;

fn powertools(table: &Table, consumer: &str, identity: &str) -> Value {
    let packages = ["aws-lambda-powertools==3.37.0", "boto3==1.43.106", "jmespath==1.1.0"];
    let mut python = Command::new(setup::python("powertools", &packages));
    python.args(["-c", SCRIPT, &table.name, consumer, identity]).env_clear();
    python.envs([
        ("AWS_ENDPOINT_URL", endpoint()),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("NO_PROXY", "127.0.0.1"),
    ]);
    serde_json::from_slice(&setup::run(&mut python)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_serves_the_guard_and_powertools() {
    let table = Table::new().await;
    let guard = table.guard();
    let identity = "530bb35cef3d09eae07aa43f3ddac393bc9fc0ba94f8c7172fc061ea0e7fac3e";
    let ran = async || {
        let outcome = guard.once(identity, now(), async |_| Ok::<_, &str>(())).await.unwrap();
        matches!(outcome, Outcome::Ran { recorded: Ok(()), .. })
    };
    let items = async || {
        let scan = table.client.scan().table_name(&table.name).consistent_read(true);
        scan.send().await.unwrap().items.unwrap()
    };

    // Each has work of its own for the event, even under the same name.
    assert!(ran().await);
    let ours = items().await;
    for (consumer, number) in [("invoices", 2), (super::table::CONSUMER, 3)] {
        let handled = powertools(&table, consumer, identity);
        assert_eq!(handled, json!({ "works": [identity], "answers": [1, 1] }));
        let items = items().await;
        assert_eq!(items.len(), number);
        assert!(ours.iter().all(|item| items.contains(item)), "our record is unchanged");
    }
    let theirs = items().await;
    assert!(!ran().await, "Powertools leaves the completion in place");
    assert_eq!(items().await.len(), theirs.len());

    // The attributes on which both rely have the same types.
    for item in items().await {
        let text = |name: &str| item[name].as_s().unwrap().clone();
        assert_eq!(text("status"), "COMPLETED");
        assert!(item["expiration"].as_n().is_ok());
        assert!(text("id").contains('#'));
    }
    let ids: BTreeSet<_> = items().await.iter().map(|item| item["id"].as_s().unwrap().clone()).collect();
    assert!(ids.contains(&format!("bookings#{identity}")), "{ids:?}");
}
