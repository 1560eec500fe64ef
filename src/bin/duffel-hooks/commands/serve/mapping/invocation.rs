//! An invocation of the consumer over HTTP.

use std::{sync::Arc, thread, time::Duration};

use http::header;
use tokio::sync::oneshot;

use super::response::Response;
use crate::shared::local_client::{Unanswered, local_client};

/// The largest response that Lambda passes on.
const MAX_RESPONSE_BYTES: u64 = 6 * 1024 * 1024;

/// The consumer that is invoked.
pub(super) struct Consumer {
    agent: ureq::Agent,
    url: String,
    timeout: Duration,
}

impl Consumer {
    pub(super) fn new(url: String, timeout: Duration) -> Self {
        Self { agent: local_client(timeout), url, timeout }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Invokes the consumer with an event, on a thread of its own, for which nothing waits when the process ends.
    pub(super) async fn invoke(self: Arc<Self>, event: String) -> Result<Response, Unanswered> {
        let (sender, response) = oneshot::channel();
        let spawned = thread::Builder::new().spawn(move || drop(sender.send(self.post(&event))));
        if let Err(error) = spawned {
            return Err(Unanswered::NotReached(format!("there is no thread for the request: {error}")));
        }
        let ended = |_| Err(Unanswered::Lost("the thread of the request ended".to_owned()));
        response.await.unwrap_or_else(ended)
    }

    fn post(&self, event: &str) -> Result<Response, Unanswered> {
        let explain = |error| Unanswered::of(error, self.timeout);
        let request = self.agent.post(&self.url).header(header::CONTENT_TYPE, "application/json");
        let mut response = request.send(event).map_err(explain)?;
        let body = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_vec();
        Ok(Response {
            status: response.status(),
            is_function_error: response.headers().contains_key("x-amz-function-error"),
            body: body.map_err(explain)?,
        })
    }
}
