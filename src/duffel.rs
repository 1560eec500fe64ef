//! What does Duffel know of our webhooks? A blocking client of the part of its API that is about them.
//!
//! <https://duffel.com/docs/api/v2/webhooks>, <https://duffel.com/docs/api/v2/webhook-events>

mod call;
mod error;
mod page;
mod record;
mod response;
mod token;
pub mod undelivered;

use std::{
    fmt,
    time::{Duration, Instant},
};

use http::{HeaderValue, Method, Uri};
use serde_json::{Value, json};

use self::call::{CONNECT_TIMEOUT, Retry};
pub use self::{
    error::{ApiError, Retryability},
    page::Records,
    record::{Change, DeliveryFilter, DeliveryRecord, EventFilter, EventRecord, Webhook},
    response::{Problem, plain},
    token::{AccessToken, AccessTokenError},
};
use crate::signature::secret::Secret;

/// The type of event that Duffel sends when it is asked to, about nothing.
pub const PING: &str = "ping.triggered";

/// Where Duffel's API is.
pub const DEFAULT_URL: &str = "https://api.duffel.com";

type OnWait = Box<dyn Fn(&ApiError, Duration) + Send + Sync>;

/// Duffel's API as the owner of one access token sees it.
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
    /// When the token should not be sent there: over plain HTTP to another machine, or to what is no URL.
    pub fn new(url: &str, token: AccessToken) -> Result<Self, ApiError> {
        let url = url.trim_end_matches('/');
        let uri: Uri = url.parse().map_err(|_| ApiError::Url("it is no URL"))?;
        let authority = uri.authority().ok_or(ApiError::Url("it has no host"))?;
        if authority.as_str().contains('@') || uri.query().is_some() || url.contains('#') {
            return Err(ApiError::Url("it must be a scheme, a host, and at most a port and a path"));
        }
        let secure = match uri.scheme_str() {
            Some("https") if cfg!(feature = "https") => true,
            Some("https") => return Err(ApiError::Url("this build knows no https")),
            Some("http") if is_loopback(authority.host()) => false,
            Some("http") => {
                return Err(ApiError::Url("over http anybody could read the access token: use https"));
            }
            _ => return Err(ApiError::Url("it must begin with https://")),
        };
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // The token is for this host alone.
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        if !secure {
            // A proxy would be the other machine that the token must not go to in the clear.
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        let authorization = token.into_header();
        Ok(Self { agent, url: url.to_owned(), authorization, deadline: None, on_wait: Box::new(|_, _| {}) })
    }

    /// Lets no call and no wait go past a moment.
    #[must_use]
    pub fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(at);
        self
    }

    /// Tells of every wait before a repetition, and why, as it begins.
    #[must_use]
    pub fn on_wait(mut self, tell: impl Fn(&ApiError, Duration) + Send + Sync + 'static) -> Self {
        self.on_wait = Box::new(tell);
        self
    }

    /// Whether it sees live mode or test mode, as far as the token's beginning tells.
    #[must_use]
    pub fn live_mode(&self) -> Option<bool> {
        let token = self.authorization.to_str().ok()?.strip_prefix("Bearer ")?;
        if token.starts_with("duffel_live_") {
            return Some(true);
        }
        token.starts_with("duffel_test_").then_some(false)
    }

    /// Where the API is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lists the webhooks; pages are asked for as they are needed.
    pub fn webhooks(&self) -> Records<'_, Webhook> {
        Records::new(self, "/air/webhooks", ())
    }

    /// Creates the webhook, of which there is one per organisation and mode, and learns its secret, which Duffel
    /// shows this once.
    ///
    /// # Errors
    /// Whenever it is not known to exist. If the connection broke it may exist all the same.
    pub fn create_webhook(&self, url: &str, events: &[String]) -> Result<(Webhook, Secret), ApiError> {
        let body = json!({ "data": { "url": url, "events": events } });
        // A repetition of what was done would find that a webhook exists already, and its secret would be lost.
        let answer = self.call(&Method::POST, "/air/webhooks", &[], Some(&body), Retry::OnlyIfNotSent)?;
        let mut data = answer.data()?;
        let secret = data.as_object_mut().and_then(|data| data.remove("secret"));
        let webhook: Webhook = answer.record(data)?;
        let secret = secret.as_ref().and_then(Value::as_str).and_then(|text| Secret::new(text).ok());
        match secret {
            Some(secret) => Ok((webhook, secret)),
            None => Err(ApiError::NoSecret(webhook.id)),
        }
    }

    /// Changes the webhook where the change says so.
    ///
    /// # Errors
    /// Whenever it is not known to have been changed.
    pub fn update_webhook(&self, id: &str, change: &Change) -> Result<Webhook, ApiError> {
        let path = path("/air/webhooks/", id, "")?;
        let body = json!({ "data": change });
        // It sets values, so that twice is as good as once.
        let answer = self.call(&Method::PATCH, &path, &[], Some(&body), Retry::Always)?;
        let data = answer.data()?;
        answer.record(data)
    }

    /// Deletes the webhook; Duffel delivers to it no more.
    ///
    /// # Errors
    /// Whenever it is not known to be gone.
    pub fn delete_webhook(&self, id: &str) -> Result<(), ApiError> {
        let path = path("/air/webhooks/", id, "")?;
        let answer = self.call(&Method::DELETE, &path, &[], None, Retry::Delete)?;
        drop(answer);
        Ok(())
    }

    /// Lets Duffel deliver a `ping.triggered` event, and waits for how it went.
    ///
    /// # Errors
    /// Also when the endpoint did not accept it: see [`ApiError::is_endpoints_failure`].
    pub fn ping_webhook(&self, id: &str) -> Result<(), ApiError> {
        let path = path("/air/webhooks/", id, "/actions/ping")?;
        // Each ping is an event of its own, and asks about now: whoever wants another says so.
        self.call(&Method::POST, &path, &[], Some(&json!({})), Retry::OnlyIfNotSent)?;
        Ok(())
    }

    /// Lists the events that pass a filter; pages are asked for as they are needed.
    pub fn events(&self, filter: &EventFilter) -> Records<'_, EventRecord> {
        Records::new(self, "/air/webhooks/events", filter.clone())
    }

    /// Looks one event up.
    ///
    /// # Errors
    /// Whenever there is nothing to show for it.
    pub fn event(&self, id: &str) -> Result<EventRecord, ApiError> {
        let path = path("/air/webhooks/events/", id, "")?;
        let answer = self.call(&Method::GET, &path, &[], None, Retry::Always)?;
        let data = answer.data()?;
        answer.record(data)
    }

    /// Asks Duffel to deliver an event once more. Whether it arrives is another question.
    ///
    /// # Errors
    /// Whenever Duffel is not known to have taken the wish.
    pub fn redeliver(&self, event_id: &str) -> Result<(), ApiError> {
        let path = path("/air/webhooks/events/", event_id, "/actions/redeliver")?;
        // Asked twice, delivered twice at worst, which the ledger is there for.
        self.call(&Method::POST, &path, &[], None, Retry::Always)?;
        Ok(())
    }

    /// Lists the deliveries that pass a filter; pages are asked for as they are needed.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Records<'_, DeliveryRecord> {
        Records::new(self, "/air/webhooks/deliveries", filter.clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn path(before: &str, id: &str, after: &str) -> Result<String, ApiError> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_legal) {
        return Err(ApiError::Id(plain(id, 60)));
    }
    Ok(format!("{before}{id}{after}"))
}
