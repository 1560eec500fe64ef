//! An HTTP API of the test, in front of a function.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::Mutex;

use crate::{
    function::Delivery,
    support::runtime_api::{End, Function, listen},
};

/// A gateway that passes deliveries of Duffel's to the receiver, one at a time.
pub struct Gateway {
    /// The URL of the webhook.
    pub url: String,
    function: Arc<Mutex<Option<Function>>>,
}

impl Gateway {
    /// Starts a gateway that answers 503 until it has a function.
    pub async fn start() -> Self {
        let function = Arc::<Mutex<Option<Function>>>::default();
        let of_listener = Arc::clone(&function);
        let address = listen(move |request| {
            let function = Arc::clone(&of_listener);
            async move { pass(&function, request).await }
        });
        Self { url: format!("http://{}/webhooks/duffel", address.await), function }
    }

    /// Replaces the function.
    pub async fn serve(&self, function: Function) {
        *self.function.lock().await = Some(function);
    }

    /// Ends the function, and returns the lines that it logged.
    pub async fn end(&self) -> Vec<String> {
        self.function.lock().await.take().unwrap().lines()
    }
}

async fn pass(
    function: &Mutex<Option<Function>>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let signature = parts.headers["x-duffel-signature"].to_str().unwrap();
    let delivery = Delivery::new(body.to_vec()).signature(signature);
    let delivery = delivery.to(parts.method.as_str(), parts.uri.path());
    let mut response = Response::new(Full::default());
    let function = function.lock().await;
    let end = match &*function {
        Some(function) => function.invoke(delivery.event()).await.0,
        None => End::Failed,
    };
    let End::Answered(answer) = end else {
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        return Ok(response);
    };
    let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    *response.body_mut() = Full::from(answer["body"].as_str().unwrap().to_owned());
    Ok(response)
}
