//! The account of a stack: how many functions it may run at the same time.

use aws_config::SdkConfig;
use serde_json::Value;

use super::{
    CallError,
    json_call::{JsonCall, Operation},
};

/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>
const SETTINGS: JsonCall = JsonCall {
    action: "lambda:GetAccountSettings",
    service: "lambda",
    operation: Operation::Path("/2016-08-19/account-settings/"),
};

/// The concurrent executions of an account in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    pub limit: u64,
    /// Those that no function has reserved.
    pub unreserved: u64,
}

/// Fetches the concurrent executions of the account (`lambda:GetAccountSettings`).
///
/// # Errors
/// If AWS refuses or does not answer.
pub async fn concurrency(sdk: &SdkConfig) -> Result<Concurrency, CallError> {
    let answer = SETTINGS.send(sdk, &Value::Null).await?;
    let number = |name: &str| answer["AccountLimit"][name].as_u64();
    match (number("ConcurrentExecutions"), number("UnreservedConcurrentExecutions")) {
        (Some(limit), Some(unreserved)) => Ok(Concurrency { limit, unreserved }),
        _ => Err(CallError::Unanswered {
            action: SETTINGS.action,
            reason: "the answer has no AccountLimit".to_owned(),
        }),
    }
}
