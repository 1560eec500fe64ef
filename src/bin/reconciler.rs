//! The Lambda function on a schedule: asks Duffel to deliver again what it failed to deliver.

use std::{
    env,
    error::Error,
    io,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    aws::{self, NoRegion},
    duffel::Client,
    log,
    reconcile::{Limits, Report, Settings, reconcile},
};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use tokio::task::spawn_blocking;

/// The function's time-out in `template.yaml`, for emulators that give no deadline, or one in the past.
const TIMEOUT: Duration = Duration::from_mins(5);

/// What is left of the function's time for its own words.
const MARGIN: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    log::start(variable, io::stdout);
    match run(variable).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reason = log::chain(error.as_ref());
            tracing::error!("reconciler cannot start: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn run(variable: impl Fn(&str) -> Option<String>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let settings = Arc::new(Settings::read(&variable)?);
    let sdk = aws::sdk_config().await;
    if sdk.region().is_none() {
        return Err(NoRegion.into());
    }
    if variable("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(
            "AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda: use `cargo lambda watch`".into()
        );
    }
    lambda_runtime::run(service_fn(|event| Box::pin(invoke(&sdk, &settings, event)))).await
}

/// Makes one run and tells of it in one line, by which the stack's metrics are counted.
async fn invoke(
    sdk: &SdkConfig,
    settings: &Arc<Settings>,
    event: LambdaEvent<IgnoredAny>,
) -> Result<Report, Diagnostic> {
    let start = Instant::now();
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or(TIMEOUT);
    let deadline = start + left.saturating_sub(MARGIN);
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
        Ok(client.on_wait(|error, pause| tracing::warn!(error = %error, "again in {pause:.1?}")))
    });
    let clients = clients.collect::<Result<_, Box<dyn Error + Send + Sync>>>()?;
    Ok(spawn_blocking(move || reconcile(clients, limits, SystemTime::now())).await?)
}
