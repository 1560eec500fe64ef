//! The least that a function of `lambda_http` costs: it answers 202 without looking at the request.

use std::convert::Infallible;

use lambda_http::{Request, Response, http::StatusCode, lambda_runtime, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(service_fn(async |_: Request| Ok::<_, Infallible>(accepted()))).await
}

fn accepted() -> Response<String> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}
