//! What other people's webhooks did to their receivers, in `tests/cases`: each file has the environment, the gateway's
//! events, and the right answers.

use std::fs;

use serde_json::Value;
use tokio::task::JoinSet;

use super::{Stage, answer};
use crate::ministack::Backend;

async fn check(name: String, case: Value) {
    let env = case["env"].as_object().unwrap();
    let env: Vec<_> = env.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect();
    let mut stage = Stage::of(Backend::new().await, &env).await;
    for (event, right) in case["events"].as_array().unwrap().iter().zip(case["right"].as_array().unwrap()) {
        let answer = answer(stage.function.invoke(event.to_string()).await);
        if let Some(status) = right.as_u64() {
            assert_eq!(u64::from(answer.status), status, "{name}");
        } else if answer.status != 202 {
            assert_eq!(*right, "202, or told at the start", "{name}");
            let lines = stage.function.lines();
            let said: Value = serde_json::from_str(&lines[0]).unwrap();
            assert_eq!(said["level"], "WARN", "{name}: {lines:?}");
            assert!(said["message"].as_str().unwrap().contains("WEBHOOK_SECRET"), "{name}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn cases_from_the_wild_are_answered_rightly() {
    let mut cases = JoinSet::new();
    for file in fs::read_dir("tests/cases").unwrap() {
        let path = file.unwrap().path();
        let case = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        cases.spawn(check(path.display().to_string(), case));
    }
    assert!(cases.len() >= 8);
    cases.join_all().await;
}
