//! A deployed stack as an operator sees it: its secret, queues, ledger and figures. The functions never use it.

#[cfg(feature = "operate")]
pub mod account;
#[cfg(feature = "operate")]
pub mod alarms;
#[cfg(feature = "operate")]
pub mod cloudwatch;
#[cfg(feature = "operate")]
pub mod dead_letter_queue;
mod error;
#[cfg(feature = "operate")]
pub mod event_queue;
#[cfg(feature = "operate")]
pub mod health;
#[cfg(feature = "operate")]
pub mod in_flight;
#[cfg(feature = "operate")]
mod json_call;
#[cfg(feature = "operate")]
pub mod ledger_records;
#[cfg(feature = "operate")]
pub mod log_group;
#[cfg(feature = "operate")]
pub mod resend;
#[cfg(feature = "operate")]
mod stack;
#[cfg(feature = "operate")]
pub mod subscribers;
// `webhooks create --store` is part of the smaller build as well.
pub mod stored_secret;

use std::time::Duration;

use aws_config::{SdkConfig, timeout::TimeoutConfig};

pub use self::error::CallError;
#[cfg(feature = "operate")]
pub use self::stack::{Output, Stack, StackError};
use crate::aws::{self, SdkError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// Loads region, credentials and connections as the receiver does, with longer time-outs.
///
/// # Errors
/// If no region is set, or `AWS_CA_BUNDLE` is not usable.
pub async fn sdk_config() -> Result<SdkConfig, CallError> {
    sdk_config_in(None).await
}

/// Loads the same for this region, if one is given.
///
/// # Errors
/// As [`sdk_config`].
pub async fn sdk_config_in(region: Option<&str>) -> Result<SdkConfig, CallError> {
    let sdk = aws::sdk_config_in(region.map(str::to_owned)).await.map_err(|error| match error {
        SdkError::NoRegion => CallError::Region,
        SdkError::Bundle(error) => CallError::Bundle(error),
    })?;
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT);
    Ok(sdk.into_builder().timeout_config(timeouts.build()).build())
}
