//! A process of a subject with its own Runtime API, and what it costs.

use std::{
    convert::Infallible,
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Collected, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc},
    task::AbortHandle,
};

use crate::{
    lab::{self, Lab, Transport},
    subject::Subject,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Killed when dropped.
pub struct Function {
    process: Child,
    started: Instant,
    jobs: mpsc::UnboundedSender<Bytes>,
    events: Receiver<Event>,
    api: AbortHandle,
    log: PathBuf,
}

enum Event {
    /// The process asked for an invocation.
    Asked(Instant),
    Answered(Answered),
    Failed(String),
}

/// An invocation that has ended.
pub struct Answered {
    pub status: u64,
    /// From the start of the process to its answer.
    pub since_start: Duration,
    /// From the invocation to its answer.
    pub took: Duration,
}

impl Function {
    /// Starts a process; with deliveries, they wait for it.
    pub fn start(lab: &Lab, subject: &Subject, transport: Transport, deliveries: &[Bytes]) -> Self {
        Self::start_with(lab, subject, transport, deliveries, &[])
    }

    /// The same, with more variables.
    pub fn start_with(
        lab: &Lab,
        subject: &Subject,
        transport: Transport,
        deliveries: &[Bytes],
        variables: &[(&str, String)],
    ) -> Self {
        let (address, listener) = lab::listen(&lab.handle);
        let (jobs, waiting) = mpsc::unbounded_channel();
        for delivery in deliveries {
            jobs.send(delivery.clone()).unwrap();
        }
        let (sender, events) = channel();
        let started = Instant::now();
        let api =
            Arc::new(Api { jobs: waiting.into(), events: sender, running: Mutex::new(started), started });
        let api = lab.handle.spawn(accept(listener, api)).abort_handle();
        let log = lab.folder.join(format!("{}.{}.log", subject.name, address.port()));
        let mut command = subject.command(lab, transport, address);
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        let output = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { process, started, jobs, events, api, log }
    }

    /// Waits until the process asks for its first invocation; returns how long it took.
    pub fn ready(&self) -> Duration {
        match self.event() {
            Event::Asked(at) => at - self.started,
            _ => unreachable!("no process answers before it asks"),
        }
    }

    /// Makes an invocation, and waits for its end.
    pub fn deliver(&self, delivery: Bytes) -> Answered {
        self.jobs.send(delivery).unwrap();
        self.answered()
    }

    /// Waits for the end of an invocation, and until the process asks for another one.
    pub fn answered(&self) -> Answered {
        let Event::Answered(answered) = self.event() else { unreachable!("one invocation at a time") };
        let Event::Asked(_) = self.event() else { unreachable!("one invocation at a time") };
        answered
    }

    fn event(&self) -> Event {
        match self.events.recv_timeout(PATIENCE) {
            Ok(Event::Failed(error)) => panic!("the function failed: {error}\n{}", self.log()),
            Ok(event) => event,
            Err(error) => panic!("the function does not answer, {error}:\n{}", self.log()),
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// CPU time of all its threads in ms, from the scheduler, which counts nanoseconds.
    pub fn cpu_ms(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).expect("the process has ended");
        let times = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("schedstat")).ok());
        let nanoseconds: u64 =
            times.map(|times| times.split(' ').next().unwrap().parse::<u64>().unwrap()).sum();
        nanoseconds as f64 / 1e6
    }

    /// The most resident memory so far.
    pub fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the process has ended");
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
    }

    /// The size of what it has written to its log.
    pub fn log_bytes(&self) -> u64 {
        fs::metadata(&self.log).unwrap().len()
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.api.abort();
        let _ = fs::remove_file(&self.log);
    }
}

struct Api {
    jobs: AsyncMutex<mpsc::UnboundedReceiver<Bytes>>,
    events: Sender<Event>,
    running: Mutex<Instant>,
    started: Instant,
}

impl Api {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path().ends_with("/invocation/next") {
            let _ = self.events.send(Event::Asked(Instant::now()));
            let job = self.jobs.lock().await.recv().await;
            let Some(job) = job else { std::future::pending().await };
            *self.running.lock().unwrap() = Instant::now();
            let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(10);
            return Response::builder()
                // Without it, AWS's client for Python crashes.
                .header("Content-Type", "application/json")
                .header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                .header("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string())
                .header(
                    "Lambda-Runtime-Invoked-Function-Arn",
                    "arn:aws:lambda:eu-west-1:123456789012:function:receiver",
                )
                .body(job.into())
                .unwrap();
        }
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        let now = Instant::now();
        let event = if path.ends_with("/response") {
            let answer: Value = serde_json::from_slice(&body).unwrap();
            let status = answer["statusCode"].as_u64().unwrap();
            let took = now - *self.running.lock().unwrap();
            Event::Answered(Answered { status, since_start: now - self.started, took })
        } else {
            Event::Failed(format!("{path}: {}", String::from_utf8_lossy(&body)))
        };
        let _ = self.events.send(event);
        Response::builder().status(202).body("{}".into()).unwrap()
    }
}

async fn accept(listener: TcpListener, api: Arc<Api>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let api = Arc::clone(&api);
        let service = service_fn(move |request| {
            let api = Arc::clone(&api);
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
