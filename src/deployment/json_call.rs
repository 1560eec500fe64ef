//! A call of AWS's JSON protocol, built here and signed by a library.
//!
//! For two or three calls each, the SDK of `CloudWatch` would bring 22 crates and a second `http`, and that of `CloudWatch`
//! Logs three crates, one of which has 1.2 MB when it is compressed.

use std::{
    error::Error,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use serde_json::Value;

use super::CallError;

const TIMEOUT: Duration = Duration::from_secs(15);

/// The waits before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_millis(400), Duration::from_millis(1_600)];

/// The errors that say nothing about the request itself.
const BUSY: [&str; 5] = [
    "InternalFailure",
    "LimitExceededException",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
];

/// A call that reads, so that it may be repeated.
pub(super) struct JsonCall {
    /// The IAM action.
    pub(super) action: &'static str,
    /// The name of the service, in the address and in the signature.
    pub(super) service: &'static str,
    pub(super) operation: Operation,
}

/// The operation of a call, in the form of its protocol.
pub(super) enum Operation {
    /// A POST whose header names it, as in `Logs_20140328.StartQuery`.
    Target { name: &'static str, content_type: &'static str },
    /// A GET of a path.
    Path(&'static str),
}

impl JsonCall {
    /// Makes the call, up to three times if AWS is busy or does not answer.
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub(super) async fn send(&self, sdk: &SdkConfig, question: &Value) -> Result<Value, CallError> {
        let mut waits = WAITS.iter();
        loop {
            match (self.attempt(sdk, question.to_string()).await, waits.next()) {
                (Err(CallError::Unanswered { .. }), Some(wait)) => tokio::time::sleep(*wait).await,
                (result, _) => return result,
            }
        }
    }

    async fn attempt(&self, sdk: &SdkConfig, body: String) -> Result<Value, CallError> {
        let request = self.signed(sdk, body, SystemTime::now()).await?;
        let answer = tokio::task::spawn_blocking(move || ask(request)).await;
        let answer = answer.map_err(|error| self.unanswered(&error))?;
        let (is_success, answer) = answer.map_err(|error| self.unanswered(&error))?;
        if is_success {
            return Ok(answer);
        }
        let code = answer["__type"].as_str().unwrap_or("an unknown error");
        let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
        let code = code.split(':').next().unwrap_or(code);
        let message = answer["message"].as_str().or_else(|| answer["Message"].as_str());
        if BUSY.contains(&code) || answer.is_null() {
            let reason = message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
            return Err(CallError::Unanswered { action: self.action, reason });
        }
        Err(CallError::refused(self.action, code, message))
    }

    async fn signed(
        &self,
        sdk: &SdkConfig,
        body: String,
        now: SystemTime,
    ) -> Result<http::Request<String>, CallError> {
        let region = sdk.region().ok_or(CallError::Region)?.as_ref();
        let provider = sdk.credentials_provider();
        let provider = provider.ok_or_else(|| CallError::NoCredentials("no provider".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| CallError::NoCredentials(error.to_string()))?;
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(self.service)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| self.unanswered(&error))?;
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let url = sdk.endpoint_url().map(str::to_owned);
        let url = url.unwrap_or_else(|| format!("https://{}.{region}.{suffix}", self.service));
        let url = url.trim_end_matches('/');
        let request = match self.operation {
            Operation::Target { name, content_type } => http::Request::post(format!("{url}/"))
                .header("content-type", content_type)
                .header("x-amz-target", name)
                .body(body),
            Operation::Path(path) => http::Request::get(format!("{url}{path}")).body(String::new()),
        };
        let mut request = request.map_err(|error| self.unanswered(&error))?;
        let uri = request.uri().to_string();
        let headers = request.headers().iter();
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Bytes(request.body().as_bytes());
        let signable = SignableRequest::new(request.method().as_str(), uri.as_str(), headers, body);
        let signed = sign(signable.map_err(|error| self.unanswered(&error))?, &params.into());
        let (instructions, _) = signed.map_err(|error| self.unanswered(&error))?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn unanswered(&self, error: &(dyn Error + 'static)) -> CallError {
        CallError::Unanswered { action: self.action, reason: error.to_string() }
    }
}

/// Keeps the connections, as `tail` makes a call every 2 seconds.
static AGENT: LazyLock<ureq::Agent> = LazyLock::new(|| {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .build()
        .new_agent()
});

fn ask(request: http::Request<String>) -> Result<(bool, Value), ureq::Error> {
    let mut answer = AGENT.run(request)?;
    let text = answer.body_mut().read_to_string()?;
    let mut content: Value = serde_json::from_str(&text).unwrap_or_default();
    // The protocol of a path names the error in a header.
    let error = answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    if let (Some(error), Some(content)) = (error, content.as_object_mut()) {
        content.entry("__type").or_insert_with(|| error.into());
    }
    Ok((answer.status().is_success(), content))
}
