//! The errors of an operator's calls to AWS, with what to do about them.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::log::chain;

/// Why a call to AWS failed, in words for the operator.
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
    #[error("AWS refuses what is signed at this time ({0}): set this machine's clock")]
    Clock(String),
    #[error(
        "{0} is not a dead-letter queue, since it has one of its own: did you mean the stack's DeadLetterQueueUrl?"
    )]
    NoDeadLetters(String),
    #[error("the permission {0} is missing")]
    Denied(&'static str),
    #[error("{action} was refused: {reason}")]
    Refused { action: &'static str, reason: String },
    #[error("{action} was not answered: {reason}")]
    Unanswered { action: &'static str, reason: String },
}

impl CallError {
    /// Explains the error of a call; `action` is the IAM action.
    pub fn new<E>(action: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let SdkError::ServiceError(_) = error {
            return match (error.code(), error.message()) {
                (Some(code), message) => Self::refused(action, code, message),
                (None, _) => Self::Refused { action, reason: chain(error) },
            };
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
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
        Self::Unanswered { action, reason: chain(error) }
    }

    /// Explains an error of AWS by its code.
    #[must_use]
    pub fn refused(action: &'static str, code: &str, message: Option<&str>) -> Self {
        let wrong_time = ["Signature expired", "Signature not yet current"];
        if let Some(message) = message.filter(|message| wrong_time.iter().any(|it| message.starts_with(it))) {
            return Self::Clock(message.to_owned());
        }
        match code {
            "RequestExpired" | "RequestTimeTooSkewed" => Self::Clock(code.to_owned()),
            "AccessDenied" | "AccessDeniedException" | "AuthorizationError" => Self::Denied(action),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message(code: &str, message: &str) -> String {
        CallError::refused("sqs:ReceiveMessage", code, Some(message)).to_string()
    }

    #[test]
    fn a_refusal_has_a_hint() {
        assert_eq!(message("AccessDenied", "User: arn:…"), "the permission sqs:ReceiveMessage is missing");
        assert!(message("ExpiredTokenException", "").ends_with("sign in again"));
        assert!(message("SignatureDoesNotMatch", "The request signature we").ends_with("sign in again"));
        let late = "Signature expired: 20261121T120000Z is now earlier than 20261121T121000Z";
        assert!(message("SignatureDoesNotMatch", late).ends_with("set this machine's clock"));
        assert_eq!(message("OverLimit", "Too many"), "sqs:ReceiveMessage was refused: Too many");
    }
}
