//! The Lambda function: composes the pipe from the environment and runs it.

use std::{convert::Infallible, env, error::Error, io, process::ExitCode};

use duffel_webhook_receiver::{aws, config::Config, gateway, log};
use lambda_http::{LambdaEvent, lambda_runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    log::start(variable, io::stdout);
    match run(variable).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reason = log::chain(error.as_ref());
            tracing::error!("receiver cannot start: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn run(variable: impl Fn(&str) -> Option<String>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Config::read(&variable)?;
    let base_path = config.base_path.clone();
    let receiver = aws::compose(&aws::sdk_config().await, config).await?;
    if variable("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(
            "AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda: use `cargo lambda watch`, or \
                    `duffel-hooks serve --forward`"
                .into(),
        );
    }
    let handle = async |LambdaEvent { payload, context }| {
        let trace = context.xray_trace_id.as_deref();
        let base_path = base_path.as_ref();
        Ok::<_, Infallible>(gateway::invoke(&receiver, base_path, payload, context.request_id, trace).await)
    };
    // Boxed, or the layers of futures are too many for the compiler.
    lambda_runtime::run(service_fn(|event| Box::pin(handle(event)))).await
}
