//! A blocking client of the part of Duffel's API that is about webhooks.
//!
//! <https://duffel.com/docs/api/v2/webhooks>, <https://duffel.com/docs/api/v2/webhook-events>

mod call;
mod error;
mod page;
mod record;
mod response;
mod token;
pub mod undelivered;
mod url;

use std::{
    fmt,
    time::{Duration, Instant},
};

use http::{HeaderValue, Method};
use serde_json::{Value, json};

use self::{
    call::{CONNECT_TIMEOUT, Retry},
    url::{BaseUrl, path},
};
pub use self::{
    error::{ApiError, Problem, Retryability},
    page::Records,
    record::{Change, DeliveryFilter, DeliveryRecord, EventFilter, EventRecord, Webhook},
    response::plain,
    token::{AccessToken, AccessTokenError},
    url::DEFAULT_URL,
};
use crate::signature::secret::Secret;

/// The type of the test event that Duffel sends on request.
pub const PING: &str = "ping.triggered";

/// The most by which the clocks of Duffel and of this machine, or of two machines of Duffel, are expected to differ.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);

type OnWait = Box<dyn Fn(&ApiError, Duration) + Send + Sync>;

/// A client of Duffel's API with one access token.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    authorization: HeaderValue,
    deadline: Option<Instant>,
    on_wait: OnWait,
}

impl Client {
    /// Makes a client of the API at a URL, such as [`DEFAULT_URL`].
    ///
    /// # Errors
    /// If the text is not a valid URL, or the token must not be sent there: over plain HTTP to another machine.
    pub fn new(url: &str, token: AccessToken) -> Result<Self, ApiError> {
        let url = BaseUrl::new(url)?;
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // The token must not be sent to another host.
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        if !url.is_https {
            // A proxy would be another machine, which must not receive the token unencrypted.
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        let authorization = token.into_header();
        Ok(Self { agent, url: url.text, authorization, deadline: None, on_wait: Box::new(|_, _| {}) })
    }

    /// Sets the deadline of all calls and waits.
    #[must_use]
    pub fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(at);
        self
    }

    /// Sets a function that is called before every wait for a retry, with the error and the length of the wait.
    #[must_use]
    pub fn on_wait(mut self, report: impl Fn(&ApiError, Duration) + Send + Sync + 'static) -> Self {
        self.on_wait = Box::new(report);
        self
    }

    /// The mode of the token by its prefix: live or test.
    #[must_use]
    pub fn live_mode(&self) -> Option<bool> {
        let token = self.authorization.to_str().ok()?.strip_prefix("Bearer ")?;
        if token.starts_with("duffel_live_") {
            return Some(true);
        }
        token.starts_with("duffel_test_").then_some(false)
    }

    /// The URL of the API.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lists the webhooks; pages are requested as they are needed.
    pub fn webhooks(&self) -> Records<'_, Webhook> {
        Records::new(self, "/air/webhooks", ())
    }

    /// Creates the webhook, one per organisation and mode, and returns its secret, which Duffel shows only once.
    ///
    /// # Errors
    /// If Duffel did not confirm the creation. After a lost connection the webhook may exist.
    pub fn create_webhook(&self, url: &str, events: &[String]) -> Result<(Webhook, Secret), ApiError> {
        let body = json!({ "data": { "url": url, "events": events } });
        // If the first attempt succeeded, a retry would be refused, since the webhook exists, and its secret be lost.
        let response = self.call(&Method::POST, "/air/webhooks", &[], Some(&body), Retry::OnlyIfNotSent)?;
        let mut data = response.data()?;
        let secret = data.as_object_mut().and_then(|data| data.remove("secret"));
        let webhook: Webhook = response.record(data)?;
        let secret = secret.as_ref().and_then(Value::as_str).and_then(|text| Secret::new(text).ok());
        match secret {
            Some(secret) => Ok((webhook, secret)),
            None => Err(ApiError::NoSecret(webhook.id)),
        }
    }

    /// Applies a change to the webhook.
    ///
    /// # Errors
    /// If Duffel did not confirm the change.
    pub fn update_webhook(&self, id: &str, change: &Change) -> Result<Webhook, ApiError> {
        let path = path("/air/webhooks/", id, "")?;
        let body = json!({ "data": change });
        // The request sets values, so it is idempotent.
        let response = self.call(&Method::PATCH, &path, &[], Some(&body), Retry::Always)?;
        let data = response.data()?;
        response.record(data)
    }

    /// Deletes the webhook; Duffel stops delivering to it.
    ///
    /// # Errors
    /// If Duffel did not confirm the deletion.
    pub fn delete_webhook(&self, id: &str) -> Result<(), ApiError> {
        let path = path("/air/webhooks/", id, "")?;
        let response = self.call(&Method::DELETE, &path, &[], None, Retry::Delete)?;
        drop(response);
        Ok(())
    }

    /// Requests a `ping.triggered` event, and waits for the result of its delivery.
    ///
    /// # Errors
    /// Also when the endpoint did not accept it: see [`ApiError::is_endpoints_failure`].
    pub fn ping_webhook(&self, id: &str) -> Result<(), ApiError> {
        let path = path("/air/webhooks/", id, "/actions/ping")?;
        // Each ping is a separate event, and tests the endpoint now: the caller decides about another one.
        self.call(&Method::POST, &path, &[], Some(&json!({})), Retry::OnlyIfNotSent)?;
        Ok(())
    }

    /// Lists the events that pass a filter; pages are requested as they are needed.
    pub fn events(&self, filter: &EventFilter) -> Records<'_, EventRecord> {
        Records::new(self, "/air/webhooks/events", filter.clone())
    }

    /// Fetches one event.
    ///
    /// # Errors
    /// If Duffel does not return it.
    pub fn event(&self, id: &str) -> Result<EventRecord, ApiError> {
        let path = path("/air/webhooks/events/", id, "")?;
        let response = self.call(&Method::GET, &path, &[], None, Retry::Always)?;
        let data = response.data()?;
        response.record(data)
    }

    /// Requests redelivery of an event. The delivery itself happens later, and may fail.
    ///
    /// # Errors
    /// If Duffel did not confirm the request.
    pub fn redeliver(&self, event_id: &str) -> Result<(), ApiError> {
        let path = path("/air/webhooks/events/", event_id, "/actions/redeliver")?;
        // At worst the event is delivered twice, and the ledger recognises the second delivery.
        self.call(&Method::POST, &path, &[], None, Retry::Always)?;
        Ok(())
    }

    /// Lists the deliveries that pass a filter; pages are requested as they are needed.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Records<'_, DeliveryRecord> {
        Records::new(self, "/air/webhooks/deliveries", filter.clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}
