//! Lambda's API of the test for invocations, in front of several instances of a function.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::{
    Mutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::support::runtime_api::{End, Function, listen};

/// The API. Its functions end with the test.
pub struct InvokeApi {
    /// The URL of the API, without a path.
    pub url: String,
}

/// The instances that are not invoked at the moment.
struct Instances {
    idle: Mutex<UnboundedReceiver<Function>>,
    back: UnboundedSender<Function>,
}

impl InvokeApi {
    /// Starts instances of a function with the name `function`.
    pub async fn start(
        bootstrap: &Path,
        timeout: Duration,
        variables: &[(&str, &str)],
        instances: usize,
    ) -> Self {
        let (back, idle) = unbounded_channel();
        for _ in 0..instances {
            let function = Function::start_binary(bootstrap, timeout, variables.iter().copied()).await;
            back.send(function).unwrap_or_else(|_| unreachable!("the receiver is in this scope"));
        }
        let instances = Arc::new(Instances { idle: Mutex::new(idle), back });
        let address = listen(move |request: Request<Incoming>| {
            let instances = Arc::clone(&instances);
            async move {
                assert_eq!(request.uri().path(), "/2015-03-31/functions/function/invocations");
                let payload = request.into_body().collect().await.unwrap().to_bytes();
                Ok::<_, Infallible>(instances.invoke(payload).await)
            }
        });
        Self { url: format!("http://{}", address.await) }
    }
}

impl Instances {
    async fn invoke(&self, payload: Bytes) -> Response<Full<Bytes>> {
        let mut function = self.idle.lock().await.recv().await.unwrap();
        let (end, _) = function.invoke(payload).await;
        let failed =
            |body: String| Response::builder().header("X-Amz-Function-Error", "Unhandled").body(body);
        let error =
            |kind: &str, message: &str| json!({ "errorType": kind, "errorMessage": message }).to_string();
        let response = match end {
            End::Answered(body) => Response::builder().body(body.to_string()),
            End::Failed => failed(function.errors().pop().unwrap()),
            End::Died | End::TimedOut => {
                function.restart().await;
                failed(error("Sandbox.Timedout", "Task timed out"))
            }
        };
        // It cannot fail while the instances exist.
        let _ = self.back.send(function);
        response.unwrap().map(Into::into)
    }
}
