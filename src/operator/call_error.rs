//! What can go wrong between an operator and AWS, and what to do about it.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::log::chain;

/// Why a call to AWS came to nothing, for the one who can do something about it.
#[derive(Debug, Error)]
pub enum CallError {
    #[error("no AWS region is set: set AWS_REGION, or AWS_PROFILE to a profile that has one")]
    Region,
    #[error(
        "no AWS credentials were found ({0}): set AWS_PROFILE, or run \
         eval \"$(aws configure export-credentials --format env)\""
    )]
    NoCredentials(String),
    #[error("AWS does not accept the credentials ({0}): sign in again")]
    BadCredentials(String),
    #[error("the permission {0} is missing")]
    Denied(&'static str),
    #[error("{action} was refused: {reason}")]
    Refused { action: &'static str, reason: String },
    #[error("{action} was not answered: {reason}")]
    Unanswered { action: &'static str, reason: String },
}

impl CallError {
    /// Explains what became of a call; `action` is as IAM calls it.
    pub fn new<E>(action: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let SdkError::ServiceError(_) = &error {
            return match (error.code(), error.message()) {
                (Some(code), message) => Self::refused(action, code, message),
                (None, _) => Self::Refused { action, reason: chain(&error) },
            };
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(CredentialsError::CredentialsNotLoaded(_)) = error.downcast_ref() {
                return Self::NoCredentials(
                    "not in the environment, a profile or on this machine".to_owned(),
                );
            }
            if error.is::<CredentialsError>() {
                return Self::NoCredentials(chain(error));
            }
            cause = error.source();
        }
        Self::Unanswered { action, reason: chain(&error) }
    }

    /// Explains an error of AWS by its code.
    pub fn refused(action: &'static str, code: &str, message: Option<&str>) -> Self {
        match code {
            "AccessDenied" | "AccessDeniedException" => Self::Denied(action),
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Self::BadCredentials(code.to_owned()),
            _ => Self::Refused { action, reason: message.unwrap_or(code).to_owned() },
        }
    }
}
