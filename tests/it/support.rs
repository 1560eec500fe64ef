//! The harnesses that the tests share.
//!
//! | harness | is | use it when |
//! |---|---|---|
//! | [`TestReceiver`](test_receiver::TestReceiver) | the receiver with queue and ledger in memory, called through `http::respond` | the answer or the message depends on the request, the time or a [`Fault`](fault::Fault) only |
//! | [`Function`](runtime_api::Function) | the real binary behind a Lambda Runtime API of the test, with Lambda's time limit | the process matters: start, log, crash, time-out |
//! | [`Backend`](ministack::Backend) | a queue, a table and secrets of one test in `MiniStack`, an emulator on this machine | a call to AWS has to be real |
//! | [`Topic`](topic::Topic) | a topic of one test in `MiniStack`, to which backends subscribe | events are published instead of sent |
//! | [`Deployed`](stack::Deployed) | the stack of `template.yaml` in `MiniStack`, without function and gateway | the tool finds its resources through a stack |
//! | [`LogGroup`](logs::LogGroup) | a log group in `MiniStack` | the tool reads what a receiver logged |
//! | [`Gateway`](gateway::Gateway) | an HTTP API of the test in front of a [`Function`](runtime_api::Function) | the Duffel stand-in delivers to the real binary |
//! | [`InvokeApi`](invoke_api::InvokeApi) | Lambda's API for invocations in front of several [`Function`](runtime_api::Function)s | `serve --to` invokes a consumer |
//! | [`Proxy`](proxy::Proxy) | a proxy before `MiniStack` that injects an [`AwsFault`](proxy::AwsFault) into named calls, or holds one up | AWS fails, is slow, or a process dies during a call |
//! | [`DuffelStandIn`](duffel::DuffelStandIn) | Duffel's API with real, signed deliveries, an [`ApiFault`](duffel::ApiFault) for each request, and both answers to open questions | anything that calls Duffel, or that Duffel delivers to |
//! | [`tool`] | the tool `duffel-hooks` as a process in an empty environment | its output and exit code |
//! | [`terminal`] | the tool on a terminal, with an answer to its question | it asks, or shows progress |
//! | [`Serve`](serve::Serve) | a running `duffel-hooks serve` | something has to receive deliveries over HTTP |
//! | [`Template`](cloudformation::Template) | the text of `template.yaml`, evaluated as `CloudFormation` would | conditions, policies, outputs and variables of the stack |
//! | [`metrics`] | the metrics that the stack has, and what its filters make of a line of the log | an alarm or a widget refers to a metric, or a line is to be counted |
//! | [`snapshot`] | comparison with a file of `tests/it/snapshots` | a reader of the tests should see what a user sees |
//! | [`search`] | random schedules, and the shrinking of those that break a promise | a model test |
//! | [`setup`] | Python and Node packages under `target/` | another language's library or tool is the reference |
//!
//! Words: a test *injects* a fault, *sends* a request, *delivers* a body, and *takes* messages off the queue. An area has
//! a type of its own where it needs several harnesses: `Env` (`function`), `Rotation`, `Replay`, `Reconciliation`,
//! `Deployment` (`doctor`), `Storing` (`manage::store`).

pub mod cloudformation;
pub mod duffel;
pub mod fault;
pub mod filter_pattern;
pub mod gateway;
pub mod invoke_api;
pub mod logs;
pub mod metrics;
pub mod ministack;
pub mod proxy;
pub mod runtime_api;
pub mod search;
pub mod serve;
pub mod setup;
pub mod snapshot;
pub mod stack;
pub mod terminal;
pub mod test_receiver;
pub mod tool;
pub mod topic;
