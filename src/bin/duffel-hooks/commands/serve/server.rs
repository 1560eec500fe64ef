//! The HTTP server of `serve`.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::{
    http::{RequestContext, respond, too_large},
    ledger::Ledger,
    queue::Queue,
    receive::Receiver,
    route::BasePath,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, lookup_host},
    time::timeout,
};
use uuid::Uuid;

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
pub(super) async fn accept<L, Q>(
    listener: TcpListener,
    receiver: Receiver<L, Q>,
    base_path: Option<BasePath>,
) -> Result<()>
where
    L: Ledger + 'static,
    Q: Queue + 'static,
{
    let receiver = Arc::new((receiver, base_path));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Usually too many connections are open; some will be closed soon.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let receiver = Arc::clone(&receiver);
        let service = service_fn(move |request| {
            let receiver = Arc::clone(&receiver);
            async move { respond_to(&receiver.0, receiver.1.as_ref(), request).await }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        // If a client disconnects in the middle of a request, it has no response, and will retry.
        tokio::spawn(async move {
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond_to<L: Ledger, Q: Queue>(
    receiver: &Receiver<L, Q>,
    base_path: Option<&BasePath>,
    request: Request<Incoming>,
) -> io::Result<Response<String>> {
    let (parts, body) = request.into_parts();
    let body = timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect());
    let body = match body.await.map_err(io::Error::other)? {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let request_id = Some(Uuid::new_v4().to_string());
    let context = RequestContext { request_id, base_path: base_path.cloned(), ..RequestContext::default() };
    Ok(respond(receiver, Request::from_parts(parts, body), context, SystemTime::now()).await)
}
