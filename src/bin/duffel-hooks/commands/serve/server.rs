//! The HTTP server of `serve`: the function's endpoint, and the inspector beside it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use duffel_webhook_receiver::http::too_large;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, lookup_host},
    time::timeout,
};

use super::{
    api::{answer, is_inspectors, refuse},
    body::Body,
    endpoint::Endpoint,
};
use crate::shared::Result;

/// The largest request that Lambda passes to a function.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The time for a request's body, which hyper does not limit. API Gateway does not wait longer either.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Listens at the first of a host name's addresses that is available. IPv4 comes first, as `send` connects to that.
pub(super) async fn bind(address: &str) -> io::Result<TcpListener> {
    let mut addresses: Vec<_> = lookup_host(address).await?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    TcpListener::bind(&addresses[..]).await
}

/// Accepts connections until the process ends.
pub(super) async fn accept(listener: TcpListener, endpoint: Endpoint) -> Result<()> {
    let endpoint = Arc::new(endpoint);
    loop {
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Usually too many connections are open; some will be closed soon.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let endpoint = Arc::clone(&endpoint);
        let service = service_fn(move |request| {
            let endpoint = Arc::clone(&endpoint);
            async move { respond_to(&endpoint, request, client.ip()).await }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        // If a client disconnects in the middle of a request, it has no response, and will retry.
        tokio::spawn(async move {
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond_to(
    endpoint: &Endpoint,
    request: Request<Incoming>,
    client: IpAddr,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    if !is_inspectors(&parts) {
        let response = match read(body).await? {
            Some(body) => endpoint.respond(Request::from_parts(parts, body), client).await,
            None => endpoint.too_large(&parts, MAX_BODY_BYTES),
        };
        return Ok(response.map(Body::text));
    }
    // Before the body is read, which costs memory.
    if let Some(refused) = refuse(endpoint, &parts, client) {
        return Ok(refused);
    }
    Ok(match read(body).await? {
        Some(body) => answer(endpoint, &parts, body).await,
        None => too_large().map(Body::text),
    })
}

/// Reads a body; `None` if it is too large.
async fn read(body: Incoming) -> io::Result<Option<Bytes>> {
    let body = timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect());
    match body.await.map_err(io::Error::other)? {
        Ok(body) => Ok(Some(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(io::Error::other(error)),
    }
}
