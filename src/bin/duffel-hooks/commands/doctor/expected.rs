//! The webhook that a stack expects at Duffel.

use duffel_webhook_receiver::deployment::{Output, Stack};

pub(super) struct Expected {
    pub(super) stack: String,
    pub(super) url: String,
    /// The only mode whose events the stack accepts.
    pub(super) live_mode: Option<bool>,
    /// The ARN of its secret; not known with several sources.
    pub(super) secret: Option<String>,
    /// The event types that the stack forwards, if it lists them without wildcards.
    pub(super) events: Option<String>,
}

impl Expected {
    pub(super) fn new(stack: &Stack, url: String) -> Self {
        let live_mode = match stack.parameter("LiveMode") {
            Some("live") => Some(true),
            Some("test") => Some(false),
            _ => None,
        };
        let secret = stack.output(Output::SecretArn).ok().map(str::to_owned);
        let events = stack.parameter("EventTypes").filter(|types| !types.contains('*'));
        let events = events.map(|types| types.replace(' ', ""));
        Self { stack: stack.name.clone(), url, live_mode, secret, events }
    }

    /// `LiveMode` in words.
    pub(super) fn modes(&self) -> &'static str {
        match self.live_mode {
            Some(true) => "live events only (LiveMode=live)",
            Some(false) => "test events only (LiveMode=test)",
            None => "test and live events (LiveMode=any)",
        }
    }

    /// The command that rotates the stack's secret.
    pub(super) fn rotate(&self) -> String {
        format!("duffel-hooks rotate --stack {}", self.stack)
    }
}
