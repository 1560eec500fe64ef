//! The start of a Lambda function, the same for the receiver and the reconciler.

use std::{env, error::Error, io, process::ExitCode};

use aws_config::SdkConfig;
use thiserror::Error;

use super::sdk::{self, SdkError};
use crate::log;

/// Returns the value of an environment variable.
pub type Variable = fn(&str) -> Option<String>;

/// Starts logging, and runs the function until Lambda ends it; the error of a failed start is logged.
pub async fn main<R>(name: &str, run: R) -> ExitCode
where
    R: AsyncFnOnce(Variable) -> Result<(), Box<dyn Error + Send + Sync>>,
{
    log::start(variable, io::stdout);
    match run(variable).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reason = log::chain(error.as_ref());
            tracing::error!("{name} cannot start: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Loads region, credentials and trust, and checks that the process runs in Lambda; `alternatives` is what to use elsewhere.
///
/// # Errors
/// If no region is set, `AWS_LAMBDA_RUNTIME_API` is not, or `AWS_CA_BUNDLE` is not usable.
pub async fn sdk_config(alternatives: &'static str) -> Result<SdkConfig, StartError> {
    let sdk = sdk::function_sdk_config().await?;
    if variable("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(StartError::NotLambda { alternatives });
    }
    Ok(sdk)
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Why a function cannot run here.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Sdk(#[from] SdkError),
    #[error("AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda: use {alternatives}")]
    NotLambda { alternatives: &'static str },
}
