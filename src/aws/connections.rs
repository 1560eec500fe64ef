//! The connections of the first delivery, opened during the start, where Lambda gives a whole core.

use std::{convert::Infallible, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use tokio::task::JoinSet;

use super::{
    endpoint::{Service, endpoint},
    timeouts,
};

/// The longest time for which the start waits for a connection.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The path at which AWS's services answer anyone, without a signature, so that it takes no permission.
const PATH: &str = "/ping";

/// Opens a connection to each service, in the pool that the first delivery uses. Whatever fails here fails again there,
/// where it is handled and logged.
pub(super) async fn open(sdk: &SdkConfig, services: impl IntoIterator<Item = Service>) {
    let endpoints = services.into_iter().filter_map(|service| endpoint(sdk, service));
    let pings: JoinSet<_> = endpoints.filter_map(|endpoint| ping(sdk, &endpoint)).collect();
    pings.join_all().await;
}

fn ping(sdk: &SdkConfig, endpoint: &str) -> Option<impl Future<Output = ()> + Send + use<>> {
    let operation = Operation::builder()
        .service_name("AWS")
        .operation_name("Ping")
        .behavior_version(BehaviorVersion::latest())
        .http_client(sdk.http_client()?)
        .endpoint_url(endpoint)
        .no_auth()
        .no_retry()
        .sleep_impl(sdk.sleep_impl()?)
        .time_source(sdk.time_source()?)
        // Connections are shared by calls with one time-out for connecting.
        .timeout_config(timeouts(TIMEOUT * 2))
        .serializer(|()| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_uri(PATH)?;
            Ok(request)
        })
        // The body has been read, so the connection is free again.
        .deserializer(|_| Ok::<_, OrchestratorError<Infallible>>(()))
        .build();
    Some(async move {
        let _ = operation.invoke(()).await;
    })
}
