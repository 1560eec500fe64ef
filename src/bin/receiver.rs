//! The Lambda function: composes the receiver from the environment and runs it.

use std::{
    convert::Infallible,
    error::Error,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use duffel_webhook_receiver::{
    aws::{
        self, XRayDaemon,
        function::{self, Variable},
    },
    config::Config,
    gateway::{self, Invocation},
    http::LogLine,
};
use lambda_http::{LambdaEvent, lambda_runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::main("receiver", run).await
}

async fn run(variable: Variable) -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Config::read(variable)?;
    let base_path = config.base_path.clone();
    let sdk = function::sdk_config("`cargo lambda watch`, or `duffel-hooks serve --forward`").await?;
    let receiver = aws::compose(&sdk, config).await;
    let daemon = XRayDaemon::of_function(variable);
    let report = |line: LogLine, duration| {
        if let Some(daemon) = &daemon {
            daemon.send(&line, duration);
        }
        line.write(duration);
    };
    let is_first = AtomicBool::new(true);
    let handle = async |LambdaEvent { payload, context }| {
        let invocation = Invocation {
            request_id: context.request_id,
            trace: context.xray_trace_id.as_deref(),
            is_first: is_first.swap(false, Ordering::Relaxed),
        };
        let base_path = base_path.as_ref();
        Ok::<_, Infallible>(gateway::invoke(&receiver, base_path, payload, invocation, report).await)
    };
    // Boxed, or the layers of futures are too many for the compiler.
    lambda_runtime::run(service_fn(|event| Box::pin(handle(event)))).await
}
