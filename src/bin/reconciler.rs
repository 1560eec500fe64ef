//! The Lambda function on a schedule: requests redelivery of the events that Duffel failed to deliver.

use std::{
    error::Error,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    aws::{
        self,
        function::{self, Variable},
    },
    duffel::Client,
    log,
    reconcile::{Limits, Report, Settings, reconcile},
};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use tokio::task::spawn_blocking;

/// The function's time-out in `template.yaml`, for emulators that give no deadline, or one in the past.
const TIMEOUT: Duration = Duration::from_mins(5);

/// The part of the function's time that is reserved for the report.
const REPORT_TIME: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::main("reconciler", run).await
}

async fn run(variable: Variable) -> Result<(), Box<dyn Error + Send + Sync>> {
    let settings = Arc::new(Settings::read(variable)?);
    let sdk = function::sdk_config("`cargo lambda watch`").await?;
    lambda_runtime::run(service_fn(|event| Box::pin(invoke(&sdk, &settings, event)))).await
}

/// Makes one run and logs it in one line, from which the stack counts its metrics.
async fn invoke(
    sdk: &SdkConfig,
    settings: &Arc<Settings>,
    event: LambdaEvent<IgnoredAny>,
) -> Result<Report, Diagnostic> {
    let start = Instant::now();
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or(TIMEOUT);
    let deadline = start + left.saturating_sub(REPORT_TIME);
    let report = attempt(sdk, settings, deadline)
        .await
        .unwrap_or_else(|error| Report { errors: vec![log::chain(error.as_ref())], ..Report::default() });
    let request_id = event.context.request_id.as_str();
    let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let Report { found, asked, failed, left, .. } = report;
    if report.is_complete() {
        tracing::info!(
            request.id = request_id,
            found,
            asked,
            failed,
            left,
            outcome = "succeeded",
            duration_ms,
            "{report}"
        );
        return Ok(report);
    }
    let error = report.errors.join("; ");
    tracing::error!(
        request.id = request_id,
        found,
        asked,
        failed,
        left,
        outcome = "failed",
        duration_ms,
        error,
        "{report}"
    );
    Err(Diagnostic { error_type: "Incomplete".to_owned(), error_message: format!("{report}: {error}") })
}

async fn attempt(
    sdk: &SdkConfig,
    settings: &Arc<Settings>,
    deadline: Instant,
) -> Result<Report, Box<dyn Error + Send + Sync>> {
    let tokens = aws::access_tokens(sdk, &settings.token_arn).await?;
    let Settings { redeliveries, look_back, .. } = **settings;
    let limits = Limits { look_back, redeliveries, deadline };
    let clients = tokens.into_iter().map(|token| {
        let client = Client::new(&settings.url, token)?;
        Ok(client.on_wait(|error, pause| tracing::warn!(error = %error, "retrying in {pause:.1?}")))
    });
    let clients = clients.collect::<Result<_, Box<dyn Error + Send + Sync>>>()?;
    Ok(spawn_blocking(move || reconcile(clients, limits, SystemTime::now())).await?)
}
