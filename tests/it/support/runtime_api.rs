//! A Lambda Runtime API of the test, and the process of a function, managed as Lambda does.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    future::pending,
    io::{BufRead, BufReader, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot, watch},
    task::AbortHandle,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::support::ministack::{ACCESS_KEY, REGION, SECRET_KEY};

/// The time limit of the receiver in `template.yaml`.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A free port of this machine.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// An address for a server that starts later: with a port that is not given to anybody who asks for a free one.
pub fn reserved_address() -> SocketAddr {
    let addresses =
        std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20_000..32_000))));
    addresses.take(1_000).find(|address| std::net::TcpListener::bind(address).is_ok()).expect("a free port")
}

/// The end of an invocation.
#[derive(Debug)]
pub enum End {
    Answered(Value),
    /// The function reported an error to the runtime.
    Failed,
    /// The process died.
    Died,
    TimedOut,
}

/// A function with one process, which polls for invocations.
pub struct Function {
    binary: PathBuf,
    timeout: Duration,
    environment: Vec<(String, String)>,
    process: Option<Process>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Function {
    /// Starts the receiver with only Lambda's variables and these in its environment.
    pub async fn start<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::start_binary(Path::new(env!("CARGO_BIN_EXE_receiver")), TIMEOUT, variables).await
    }

    /// Starts any program, with a time limit for each invocation.
    pub async fn start_binary<'a>(
        binary: &Path,
        timeout: Duration,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", "function"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let environment = lambda.map(owned).into_iter().chain(variables.into_iter().map(owned)).collect();
        let binary = binary.to_owned();
        let mut function = Self { binary, timeout, environment, process: None, errors: Arc::default() };
        function.restart().await;
        function
    }

    /// Kills the process, if it is running, and starts a new one, as Lambda does for the next invocation.
    pub async fn restart(&mut self) {
        self.process = None;
        // With a new Runtime API: the old one could still give an invocation to the dead process.
        let (invocations, queue) = mpsc::unbounded_channel();
        let api = Api {
            queue: AsyncMutex::new(queue),
            running: Mutex::default(),
            errors: Arc::clone(&self.errors),
        };
        let api = Arc::new(api);
        let (address, listener) = accept(FREE, None, move |request| {
            let api = Arc::clone(&api);
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        })
        .await;
        self.process = Some(Process::spawn(&self.binary, &self.environment, address, listener, invocations));
    }

    /// Invokes the function with an event and waits for the end, up to the time limit.
    pub async fn invoke(&self, payload: impl Into<Bytes>) -> (End, Duration) {
        self.invoke_traced(payload, None).await
    }

    /// The same with an X-Ray trace header.
    pub async fn invoke_traced(&self, payload: impl Into<Bytes>, trace: Option<&str>) -> (End, Duration) {
        self.invoke_until(SystemTime::now() + self.timeout, payload, trace).await
    }

    /// The same with a deadline that is not Lambda's.
    pub async fn invoke_until(
        &self,
        deadline: SystemTime,
        payload: impl Into<Bytes>,
        trace: Option<&str>,
    ) -> (End, Duration) {
        let started = Instant::now();
        let process = self.process.as_ref().unwrap();
        let mut alive = process.alive.clone();
        let (reply, replied) = oneshot::channel();
        let (payload, trace) = (payload.into(), trace.map(str::to_owned));
        process.invocations.send(Invocation { payload, trace, deadline, reply }).unwrap();
        let end = timeout(self.timeout, async {
            tokio::select! {
                biased;
                end = replied => end.unwrap(),
                _ = alive.changed() => End::Died,
            }
        });
        (end.await.unwrap_or(End::TimedOut), started.elapsed())
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().child.lock().unwrap().id()
    }

    /// Kills the process with a signal that it cannot handle.
    pub fn kill(&self) {
        self.process.as_ref().unwrap().child.lock().unwrap().kill().unwrap();
    }

    /// Kills the process and returns the lines of both its streams.
    pub fn lines(&mut self) -> Vec<String> {
        self.process.take().unwrap().end().1
    }

    /// Waits until the process ends by itself, and returns the lines of both its streams.
    pub async fn exit(&mut self) -> (ExitStatus, Vec<String>) {
        let mut process = self.process.take().unwrap();
        let _ = timeout(TIMEOUT, process.alive.changed()).await.expect("the process does not end");
        // It has closed its output and is about to end, so it must not be killed now.
        process.child.lock().unwrap().wait().unwrap();
        process.end()
    }

    /// The errors that were reported to the runtime.
    pub fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap().clone()
    }
}

struct Process {
    invocations: mpsc::UnboundedSender<Invocation>,
    listener: AbortHandle,
    child: Mutex<Child>,
    readers: Vec<JoinHandle<Vec<String>>>,
    /// Its sender is dropped when the process has closed its output.
    alive: watch::Receiver<()>,
}

impl Process {
    fn spawn(
        binary: &Path,
        environment: &[(String, String)],
        runtime_api: SocketAddr,
        listener: AbortHandle,
        invocations: mpsc::UnboundedSender<Invocation>,
    ) -> Self {
        let mut command = Command::new(binary);
        command.env_clear().env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (life, alive) = watch::channel(());
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let readers = vec![read(stdout, Some(life)), read(stderr, None)];
        Self { invocations, listener, child: Mutex::new(child), readers, alive }
    }

    fn kill(&self) -> ExitStatus {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        child.wait().unwrap()
    }

    fn end(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.kill();
        let lines = self.readers.drain(..).flat_map(|reader| reader.join().unwrap());
        (status, lines.collect())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.listener.abort();
        self.kill();
    }
}

fn read(stream: impl Read + Send + 'static, life: Option<watch::Sender<()>>) -> JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map(Result::unwrap).collect();
        drop(life);
        lines
    })
}

struct Invocation {
    payload: Bytes,
    trace: Option<String>,
    deadline: SystemTime,
    reply: oneshot::Sender<End>,
}

struct Api {
    queue: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    running: Mutex<HashMap<String, oneshot::Sender<End>>>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Api {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().trim_start_matches("/2018-06-01/runtime/").to_owned();
        let path: Vec<_> = path.split('/').collect();
        match (request.method(), path.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => return self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                let answer = serde_json::from_slice(&body(request).await).unwrap();
                self.conclude(id, End::Answered(answer));
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.note(&body(request).await);
                self.conclude(id, End::Failed);
            }
            (&Method::POST, ["init", "error"]) => self.note(&body(request).await),
            (method, path) => panic!("the Runtime API has no {method} {path:?}"),
        }
        let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let mut queue = self.queue.lock().await;
        let Some(invocation) = queue.recv().await else { pending().await };
        let id = Uuid::new_v4().to_string();
        let deadline = invocation.deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut response = Response::builder()
            .header("Lambda-Runtime-Aws-Request-Id", &id)
            .header("Lambda-Runtime-Deadline-Ms", deadline.to_string())
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:function",
            );
        if let Some(trace) = invocation.trace {
            response = response.header("Lambda-Runtime-Trace-Id", trace);
        }
        self.running.lock().unwrap().insert(id, invocation.reply);
        response.body(Full::new(invocation.payload)).unwrap()
    }

    fn conclude(&self, id: &str, end: End) {
        let reply = self.running.lock().unwrap().remove(id).expect("this invocation is not running");
        let _ = reply.send(end);
    }

    fn note(&self, error: &[u8]) {
        self.errors.lock().unwrap().push(String::from_utf8_lossy(error).into_owned());
    }
}

async fn body(request: Request<Incoming>) -> Bytes {
    request.into_body().collect().await.unwrap().to_bytes()
}

/// Serves HTTP on a free port until the test ends; an error of the handler closes the connection. Each request has the
/// [`SocketAddr`] of its sender among its extensions.
pub async fn listen<H, F, B, E>(handle: H) -> SocketAddr
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    listen_at(FREE, handle).await
}

/// The same at an address.
pub async fn listen_at<H, F, B, E>(address: SocketAddr, handle: H) -> SocketAddr
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    accept(address, None, handle).await.0
}

/// The same over TLS.
pub async fn listen_tls<H, F, B, E>(tls: TlsAcceptor, handle: H) -> SocketAddr
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    accept(FREE, Some(tls), handle).await.0
}

/// The same, over TLS or not, until it is aborted.
async fn accept<H, F, B, E>(
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    handle: H,
) -> (SocketAddr, AbortHandle)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let (tls, handle) = (tls.clone(), handle.clone());
            tokio::spawn(async move {
                match tls {
                    // A client that does not trust the certificate hangs up.
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, peer, handle).await;
                        }
                    }
                    None => serve(stream, peer, handle).await,
                }
            });
        }
    });
    (address, accepting.abort_handle())
}

async fn serve<S, H, F, B, E>(stream: S, peer: SocketAddr, handle: H)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        handle(request)
    });
    // An error is a connection that was closed.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
