//! A walk: a stack, a receiver at its URL, Duffel, and the transcript of the commands so far.

use std::{
    fmt::Write,
    io::Read,
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;
use duffel_webhook_receiver::{deployment::Output, time::unix_seconds};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::{
    doctor::monitored,
    support::{
        duffel::{DataIn, DuffelStandIn, TOKEN},
        logs::LogGroup,
        ministack::sdk_config,
        proxy::{AwsFault, Proxy},
        serve::Serve,
        stack::{self, Deployed},
        terminal,
        tool::{self, signal, text},
    },
};

/// The type of the event after which the walk on a laptop ends.
pub const LAST_TYPE: &str = "order.updated";
/// What the transcripts have in place of the name of the stack, as long as that is.
const NAME: &str = "webhooks-stack";
const DESCRIBE: &str = "secretsmanager:DescribeSecret";
const GET: &str = "secretsmanager:GetSecretValue";

/// The output of a command, both streams in their order, and its exit code.
fn run(mut command: Command, until: Option<&str>) -> (String, i32) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut process = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    // It holds the other end open.
    drop(command);
    let mut output = Vec::new();
    let mut part = [0; 4096];
    let mut is_ended = until.is_none();
    loop {
        let length = reader.read(&mut part).unwrap();
        if length == 0 {
            break;
        }
        output.extend_from_slice(&part[..length]);
        if !is_ended && until.is_some_and(|until| text(&output).contains(until)) {
            is_ended = true;
            signal("INT", &process);
        }
    }
    (text(&output), process.wait().unwrap().code().unwrap())
}

/// The arguments of a command line without blanks in its words.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace().map(|word| word.trim_matches('\''))
}

/// An address that nothing listens to.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Adds a command to a transcript.
fn add(transcript: &mut String, line: &str, output: &str, code: i32) {
    let gap = if transcript.is_empty() { "" } else { "\n" };
    write!(transcript, "{gap}$ duffel-hooks {line}\n{output}").unwrap();
    if code != 0 {
        writeln!(transcript, "[exit code {code}]").unwrap();
    }
}

/// Asserts the exit code, and prints how long it took.
fn check(line: &str, output: &str, code: i32, expected: i32, began: Instant) {
    println!("{:>6} ms  duffel-hooks {line}", began.elapsed().as_millis());
    assert_eq!(code, expected, "{line}: {output}");
}

/// A deployment, and what an operator does with it.
pub struct Walk {
    pub stack: Deployed,
    pub commands: usize,
    duffel: Arc<DuffelStandIn>,
    address: SocketAddr,
    receiver: Mutex<Option<Serve>>,
    log: LogGroup,
    proxy: Proxy,
    folder: tempfile::TempDir,
    transcript: String,
}

impl Walk {
    pub async fn new() -> Self {
        let address = free_address();
        let stack = monitored(&format!("http://{address}/webhooks/duffel"), &[]).await;
        Self { address, ..Self::of(stack).await }
    }

    /// With a stack whose receiver is not started.
    pub async fn of(stack: Deployed) -> Self {
        let log = LogGroup::new(&stack.name);
        Self {
            stack,
            commands: 0,
            duffel: Arc::new(DuffelStandIn::start()),
            address: free_address(),
            receiver: Mutex::default(),
            log,
            proxy: Proxy::new().await,
            folder: tempfile::tempdir().unwrap(),
            transcript: String::new(),
        }
    }

    /// Starts the receiver, with the stack's queue or another one, in place of the one before.
    pub async fn receive(&self, queue: Option<&str>) {
        // MiniStack gives the stack the name of the secret.
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk_config().await);
        let secret = secrets.describe_secret().secret_id(self.stack.output(Output::SecretArn));
        let secret = secret.send().await.unwrap().arn.unwrap();
        let mut command = tool::command(["serve", "--forward", "--listen", &self.address.to_string()]);
        command.envs(stack::variables()).envs([
            ("QUEUE_URL", queue.unwrap_or(self.stack.output(Output::QueueUrl))),
            ("LEDGER_TABLE", self.stack.output(Output::LedgerTableName)),
            ("WEBHOOK_SECRET_ARN", &secret),
        ]);
        *self.receiver.lock().unwrap() = None;
        let start = move || {
            let receiver = Serve::spawn(&mut command);
            receiver.line("Receiving on ");
            receiver
        };
        *self.receiver.lock().unwrap() = Some(spawn_blocking(start).await.unwrap());
    }

    /// Puts what the receiver has logged so far into its log group, as Lambda does.
    pub fn log(&self) {
        let receiver = self.receiver.lock().unwrap();
        let lines = receiver.as_ref().unwrap().log.try_iter();
        self.log.put(&lines.filter(|line| line.starts_with('{')).collect::<Vec<_>>());
    }

    pub async fn occur(&self, kind: &str, object: &str) -> String {
        self.occur_at(SystemTime::now(), kind, object).await
    }

    pub async fn occur_at(&self, at: SystemTime, kind: &str, object: &str) -> String {
        let (duffel, kind, object) = (Arc::clone(&self.duffel), kind.to_owned(), json!({ "id": object }));
        spawn_blocking(move || duffel.occur_at(at, &kind, &object)).await.unwrap()
    }

    /// Dates the records of the ledger ten minutes back.
    pub async fn date_back(&self) {
        let client = aws_sdk_dynamodb::Client::new(&sdk_config().await);
        let table = self.stack.output(Output::LedgerTableName);
        for mut item in client.scan().table_name(table).send().await.unwrap().items.unwrap_or_default() {
            let at = (unix_seconds(SystemTime::now()) - 600).to_string();
            item.insert("recorded_at".to_owned(), AttributeValue::N(at));
            client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
        }
    }

    /// Takes the messages off the queue, as a consumer does, and returns their number.
    pub async fn consume(&self) -> usize {
        self.stack.consume().await
    }

    /// Has a consumer fail on every message, until SQS has made them dead letters.
    pub async fn fail_on_all(&self) {
        let url = self.stack.output(Output::QueueUrl);
        for _ in 0..50 {
            let request = self.stack.sqs.receive_message().queue_url(url).visibility_timeout(0);
            if request.send().await.unwrap().messages.unwrap_or_default().is_empty() {
                return;
            }
        }
        panic!("the messages do not become dead letters");
    }

    fn command(&self, line: &str) -> Command {
        let mut command = tool::command(words(&line.replace("NAME", &self.stack.name)));
        command.current_dir(&self.folder).envs(stack::variables());
        command.env("DUFFEL_API_URL", self.duffel.url()).env("DUFFEL_ACCESS_TOKEN", TOKEN);
        command.env("XDG_STATE_HOME", self.folder.path());
        command
    }

    async fn perform(&mut self, line: &str, until: Option<&str>, expected: i32) -> String {
        self.perform_command(self.command(line), line, until, expected).await
    }

    async fn perform_command(
        &self,
        command: Command,
        line: &str,
        until: Option<&str>,
        expected: i32,
    ) -> String {
        let began = Instant::now();
        let until = until.map(str::to_owned);
        let (output, code) = spawn_blocking(move || run(command, until.as_deref())).await.unwrap();
        check(line, &output, code, expected, began);
        output
    }

    /// Registers the webhook, which the transcript leaves out.
    pub async fn register(&mut self) {
        self.step_without_secret("webhooks create --stack NAME --event order.created,order.updated").await;
        self.transcript.clear();
        self.commands = 0;
    }

    /// Runs a command for which the stack's secret has no value, as in AWS. That of `MiniStack` is empty.
    pub async fn step_without_secret(&mut self, line: &str) {
        self.proxy.inject(DESCRIBE, [AwsFault::Answer(r#"{"Name":"empty"}"#)]);
        self.proxy.inject(GET, [AwsFault::Refuse(400, "ResourceNotFoundException")]);
        let mut command = self.command(line);
        command.env("AWS_ENDPOINT_URL", &self.proxy.endpoint);
        let output = self.perform_command(command, line, None, 0).await;
        self.commands += 1;
        add(&mut self.transcript, line, &output, 0);
    }

    /// Runs a command, which ends with this exit code.
    pub async fn step(&mut self, line: &str, code: i32) {
        let output = self.perform(line, None, code).await;
        self.commands += 1;
        add(&mut self.transcript, line, &output, code);
    }

    /// Runs a command, and interrupts it when it has printed a text.
    pub async fn until(&mut self, line: &str, text: &str, code: i32) {
        let output = self.perform(line, Some(text), code).await;
        self.commands += 1;
        add(&mut self.transcript, line, &output, code);
    }

    /// The commands and their output.
    pub fn transcript(&self) -> String {
        assert_eq!(self.stack.name.len(), NAME.len(), "or the tables are not aligned");
        let folder = self.folder.path().to_str().unwrap();
        let transcript = self.transcript.replace("--stack NAME", &format!("--stack {NAME}"));
        transcript.replace(&self.stack.name, NAME).replace(folder, "~/.local/state")
    }
}

/// A developer's machine, on which `serve` runs on a terminal.
pub struct Laptop {
    pub duffel: DuffelStandIn,
    pub commands: usize,
    transcript: String,
    address: SocketAddr,
    serve: Option<JoinHandle<String>>,
    folder: tempfile::TempDir,
    secret: String,
    last: String,
    /// The ids of new events.
    ids: Vec<String>,
}

impl Laptop {
    pub fn start() -> Self {
        let duffel = DuffelStandIn::start();
        duffel.set(|settings| settings.data_in = DataIn::Event);
        let folder = tempfile::tempdir().unwrap();
        let body =
            r#"{"id":"wev_1","type":"order.created","data":{"object":{"id":"ord_1"}},"live_mode":false}"#;
        std::fs::write(folder.path().join("order.json"), body).unwrap();
        let address = free_address();
        let mut serve = tool::command(["serve", "--listen", &address.to_string()]);
        serve.env("WEBHOOK_SECRET", "local-secret").env("NO_COLOR", "1");
        // The event that `listen` delivers is the last one.
        let serve = thread::spawn(move || text(&terminal::interrupt(&serve, LAST_TYPE).stdout));
        let began = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "serve does not start");
            thread::sleep(Duration::from_millis(20));
        }
        Self {
            duffel,
            commands: 0,
            transcript: String::new(),
            address,
            serve: Some(serve),
            folder,
            secret: "local-secret".to_owned(),
            last: String::new(),
            ids: Vec::new(),
        }
    }

    /// Performs steps with another secret in the variable.
    pub fn with_secret(&mut self, secret: &str, steps: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.secret, secret.to_owned());
        let assignment = format!("\n$ export WEBHOOK_SECRET={secret}\n");
        self.transcript.push_str(&assignment);
        steps(self);
        self.transcript.push_str(&assignment.replace(secret, &before));
        self.secret = before;
    }

    pub fn step(&mut self, line: &str, code: i32) {
        self.perform(line, None, code);
    }

    pub fn until(&mut self, line: &str, text: &str, code: i32) {
        self.perform(line, Some(text), code);
    }

    fn perform(&mut self, line: &str, until: Option<&str>, expected: i32) {
        let url = format!("http://{}/webhooks/duffel", self.address);
        let mut command = tool::command(words(&line.replace("URL", &url)));
        command.current_dir(&self.folder).env("WEBHOOK_SECRET", &self.secret);
        command.env("DUFFEL_API_URL", self.duffel.url()).env("DUFFEL_ACCESS_TOKEN", TOKEN);
        let began = Instant::now();
        let (output, code) = run(command, until);
        check(line, &output, code, expected, began);
        self.commands += 1;
        add(&mut self.transcript, line, &output, code);
        self.last = output;
    }

    /// What was printed, without what differs from run to run and has no pattern that the snapshots know.
    pub fn transcript(&self) -> String {
        let mut transcript = self.transcript.clone();
        for id in &self.ids {
            transcript = transcript.replace(id, "wev_0000xxxxxxxxxxxxxxxxxx");
        }
        transcript
    }

    /// Runs a command that makes an event, whose id it prints last.
    pub fn step_with_new_id(&mut self, line: &str) {
        self.step(line, 0);
        self.ids.push(self.last_line().rsplit(' ').next().unwrap().to_owned());
    }

    /// The last line that the last command printed.
    pub fn last_line(&self) -> String {
        self.last.lines().last().unwrap().to_owned()
    }

    /// Waits for the end of `serve`, whose transcript comes last.
    pub fn end_serve(&mut self) {
        let shown = self.serve.take().unwrap().join().unwrap().replace('\r', "");
        let shown = shown.replace("^C", "");
        add(&mut self.transcript, "serve   # in another terminal, from the beginning", &shown, 0);
        self.commands += 1;
    }
}
