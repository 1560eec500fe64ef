//! The trace header of a request to the queue or the topic.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::{http::TRACE_HEADER, queue::Message};

/// Returns the change to a request that gives it the trace of its message, or none.
///
/// SQS and SNS give this header to the consumer, unless there is a system attribute. The SDK fills it from an environment
/// variable that Lambda's runtime sets for each invocation, also if the invocation is not sampled:
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html>.
pub(super) fn of(message: &Message) -> impl Fn(&mut HttpRequest) + Send + Sync + use<> {
    let trace = message.trace().map(str::to_owned);
    move |request| {
        request.headers_mut().remove(TRACE_HEADER);
        if let Some(trace) = &trace {
            let _ = request.headers_mut().try_insert(TRACE_HEADER, trace.clone());
        }
    }
}
