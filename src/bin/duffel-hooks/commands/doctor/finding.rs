//! The findings of the doctor's checks.

use std::{borrow::Cow, error::Error};

use duffel_webhook_receiver::{
    deployment::{CallError, StackError},
    log::chain,
};
use serde_json::{Value, json};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warn,
    Fail,
    /// The check could not be made.
    Error,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Error => "ERROR",
        }
    }
}

#[derive(Debug)]
pub(super) struct Finding {
    pub(super) check: Cow<'static, str>,
    pub(super) state: State,
    pub(super) seen: String,
    pub(super) fix: Option<String>,
    /// The command of the fix, ready to be pasted.
    pub(super) command: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: impl Into<Cow<'static, str>>, seen: impl Into<String>) -> Self {
        Self { check: check.into(), state: State::Ok, seen: seen.into(), fix: None, command: None }
    }

    pub(super) fn warn(
        check: impl Into<Cow<'static, str>>,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { state: State::Warn, fix: Some(fix.into()), ..Self::ok(check, seen) }
    }

    pub(super) fn fail(
        check: impl Into<Cow<'static, str>>,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { state: State::Fail, fix: Some(fix.into()), ..Self::ok(check, seen) }
    }

    pub(super) fn with_command(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }

    /// A check that was not made, with the reason.
    pub(super) fn skipped(check: &'static str, reason: &str) -> Self {
        Self { state: State::Warn, ..Self::ok(check, format!("not checked: {reason}")) }
    }

    /// An error of a check. If AWS refused or did not answer, the check could not be made. The error says what to do.
    pub(super) fn unknown(check: &'static str, error: &(dyn Error + 'static)) -> Self {
        let of_stack = error.downcast_ref::<StackError>();
        if error.is::<CallError>() || matches!(of_stack, Some(StackError::Call(_))) {
            let seen = format!("could not be checked: {}", chain(error));
            return Self { state: State::Error, ..Self::ok(check, seen) };
        }
        Self { state: State::Fail, ..Self::ok(check, chain(error)) }
    }

    pub(super) fn json(&self) -> Value {
        let Self { check, state, seen, fix, command } = self;
        json!({ "check": check, "state": state.word(), "seen": seen, "fix": fix, "command": command })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_aws_does_not_allow_is_not_a_failure_of_what_it_checks() {
        let denied = CallError::Denied("sqs:GetQueueAttributes");
        let finding = Finding::unknown("queue", &StackError::Call(denied));
        assert_eq!(finding.state, State::Error);
        assert_eq!(finding.seen, "could not be checked: the permission sqs:GetQueueAttributes is missing");
        let missing = StackError::Missing { name: "hoks".to_owned(), region: "eu-west-1".to_owned() };
        assert_eq!(Finding::unknown("stack", &missing).state, State::Fail);
    }
}
