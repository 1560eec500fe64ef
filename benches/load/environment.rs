//! The process of a function with its own Runtime API, which takes invocations from a shared queue.

use std::{
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc},
};

use crate::deliveries::Kind;

/// A delivery that waits for an environment.
pub struct Job {
    pub kind: Kind,
    pub payload: Bytes,
    /// The time of its arrival at the gateway.
    pub due: Instant,
}

/// A delivery that was answered.
pub struct Done {
    pub kind: Kind,
    pub status: u16,
    /// From the gateway to the environment.
    pub waited: Duration,
    /// From the start of the invocation to its answer; Lambda calls it the duration.
    pub took: Duration,
}

/// The queue of deliveries, and the channel of their results.
pub struct Work {
    pub jobs: AsyncMutex<mpsc::Receiver<Job>>,
    pub done: mpsc::UnboundedSender<Done>,
}

/// Killed when dropped.
pub struct Environment {
    process: Child,
}

impl Environment {
    /// Starts a program with these variables and the address of the Runtime API.
    pub async fn start(program: &Path, variables: &[(&str, String)], work: Arc<Work>) -> Self {
        let running = Arc::new(Mutex::new(None));
        let address = listen(move |request| answer(Arc::clone(&work), Arc::clone(&running), request)).await;
        let mut command = Command::new(program);
        command.env_clear().env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        Self { process }
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the process has ended");
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
    }

    pub fn cpu(&self) -> f64 {
        cpu(&self.process.id().to_string())
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The CPU time of a process in seconds, user and system; Linux counts hundredths.
pub fn cpu(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    ticks as f64 / 100.0
}

type Running = Arc<Mutex<Option<(Kind, Duration, Instant)>>>;

async fn answer(work: Arc<Work>, running: Running, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.uri().path().ends_with("/invocation/next") {
        let job = work.jobs.lock().await.recv().await;
        let Some(job) = job else { std::future::pending().await };
        let now = Instant::now();
        *running.lock().unwrap() = Some((job.kind, now - job.due, now));
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(10);
        return Response::builder()
            .header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string())
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:receiver",
            )
            .body(job.payload.into())
            .unwrap();
    }
    assert!(request.uri().path().ends_with("/response"), "the function failed: {}", request.uri());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (kind, waited, started) = running.lock().unwrap().take().unwrap();
    let took = started.elapsed();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let status = answer["statusCode"].as_u64().unwrap().try_into().unwrap();
    let _ = work.done.send(Done { kind, status, waited, took });
    Response::builder().status(202).body("{}".into()).unwrap()
}

/// Serves HTTP on a free port.
pub async fn listen<H, F>(handle: H) -> SocketAddr
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let handle = handle.clone();
            let service = service_fn(move |request| {
                let answer = handle(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
