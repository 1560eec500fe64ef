//! `MiniStack`, a Python package that emulates AWS on this machine: queues, tables, secrets.
//!
//! One server for each test process, installed on first use; one queue and table for each test.

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TimeToLiveSpecification,
};
use aws_sdk_sqs::{
    config::{Credentials, SharedCredentialsProvider},
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use aws_smithy_http_client::Builder;
use uuid::Uuid;

/// `MiniStack` needs the second one for SAM templates.
const PACKAGES: [&str; 2] = ["ministack==1.5.33", "aws-sam-translator==1.115.0"];
pub const REGION: &str = "eu-west-1";
pub const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The Python that runs it, which also has boto3.
pub fn python() -> std::path::PathBuf {
    crate::support::setup::python("ministack", &PACKAGES)
}

/// Binds its port before it starts, and ends with its standard input, and so with the tests. Its argument is run before it
/// listens.
const SERVER: &str = r#"
import asyncio, os, shutil, socket, sys, tempfile, threading

state = tempfile.tempdir = tempfile.mkdtemp(prefix="ministack-")
tidy = []
listener = socket.create_server(("127.0.0.1", 0))
port = str(listener.getsockname()[1])
os.environ.update(GATEWAY_PORT=port, BIND_HOST="127.0.0.1", IOT_MTLS_ENABLED="0", STATE_DIR=state, TMPDIR=state)
os.environ.update(LOG_LEVEL="WARNING")

def leave_with_the_tests():
    sys.stdin.buffer.read()
    try:
        for work in tidy:
            work()
        shutil.rmtree(state, ignore_errors=True)
    finally:
        os._exit(0)

threading.Thread(target=leave_with_the_tests, daemon=True).start()

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app

exec(sys.argv[1])

config = Config()
config.bind = [f"fd://{listener.detach()}"]
config.keep_alive_timeout = 75
config.loglevel = "WARNING"
print(port, flush=True)
sys.stdout = sys.stderr
asyncio.run(serve(app, config))
"#;

/// The emulator ignores a topic's `MaximumMessageSize`.
pub const LARGE_TOPICS: &str = "from ministack.services import sns\nsns._SNS_MAX_PAYLOAD_BYTES = 1_048_576\n";

/// The URL of the server, which the first call starts.
pub fn endpoint() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let additions = [LARGE_TOPICS, include_str!("../../examples/redrive.py")].concat();
    // The quota of AWS, in place of one by the memory of this machine.
    let quota = [("LAMBDA_ACCOUNT_CONCURRENCY", "1000")];
    &SERVER.get_or_init(|| Server::start(&additions, &quota)).endpoint
}

pub struct Server {
    pub endpoint: String,
    /// Holds the standard input open.
    process: Child,
}

impl Server {
    /// Starts a server, with Python to run before it listens, and variables.
    pub fn start(first: &str, variables: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let mut server = Command::new(python())
            .args(["-c", SERVER, first])
            // Functions inherit the environment of the server.
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap())
            .env("TMPDIR", folder)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let mut errors = server.stderr.take().unwrap();
        if port.is_empty() {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            panic!("MiniStack does not start; is {} sound?\n{text}", folder.display());
        }
        // A full pipe would stop it.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        let endpoint = format!("http://127.0.0.1:{}", port.trim());
        Self { endpoint, process: server }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A queue and a table for one test, and access to secrets.
pub struct Backend {
    sqs: aws_sdk_sqs::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    secrets: aws_sdk_secretsmanager::Client,
    pub queue_url: String,
    pub table: String,
}

impl Backend {
    /// Creates them as `template.yaml` does.
    pub async fn new() -> Self {
        let config = sdk_config().await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let secrets = aws_sdk_secretsmanager::Client::new(&config);
        let name = Uuid::new_v4().to_string();
        let queue = sqs
            .create_queue()
            .queue_name(format!("{name}.fifo"))
            .attributes(QueueAttributeName::FifoQueue, "true")
            .attributes(QueueAttributeName::DeduplicationScope, "messageGroup")
            .attributes(QueueAttributeName::FifoThroughputLimit, "perMessageGroupId")
            .attributes(QueueAttributeName::MessageRetentionPeriod, "1209600")
            .attributes(QueueAttributeName::MaximumMessageSize, "1048576")
            .send()
            .await
            .unwrap();
        create_table(&dynamodb, &name).await;
        Self { sqs, dynamodb, secrets, queue_url: queue.queue_url.unwrap(), table: name }
    }

    /// The variables with which a program finds them.
    pub fn variables(&self) -> [(&'static str, &str); 6] {
        [
            ("AWS_ENDPOINT_URL", endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("QUEUE_URL", &self.queue_url),
            ("LEDGER_TABLE", &self.table),
        ]
    }

    /// The ARN of the queue.
    pub fn queue_arn(&self) -> String {
        let (rest, name) = self.queue_url.rsplit_once('/').unwrap();
        format!("arn:aws:sqs:{REGION}:{}:{name}", rest.rsplit_once('/').unwrap().1)
    }

    /// The number of messages in the queue.
    pub async fn queued(&self) -> usize {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request =
            self.sqs.get_queue_attributes().queue_url(&self.queue_url).attribute_names(name.clone());
        request.send().await.unwrap().attributes.unwrap()[&name].parse().unwrap()
    }

    /// Takes all messages off the queue.
    pub async fn messages(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let request = self.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
            let received = request.message_attribute_names("All").send().await.unwrap().messages;
            let Some(received) = received.filter(|received| !received.is_empty()) else {
                return messages;
            };
            for message in received {
                let request = self.sqs.delete_message().queue_url(&self.queue_url);
                request.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
                messages.push(message);
            }
        }
    }

    /// All items of the table.
    pub async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let request = self.dynamodb.scan().table_name(&self.table).consistent_read(true);
        request.send().await.unwrap().items.unwrap_or_default()
    }

    /// Writes an item, in place of the one with its key.
    pub async fn put_item(&self, item: HashMap<String, AttributeValue>) {
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(item)).send().await.unwrap();
    }

    /// Creates a secret, with or without a value, and returns its ARN.
    pub async fn create_secret(&self, value: Option<&str>) -> String {
        let request = self.secrets.create_secret().name(Uuid::new_v4().to_string());
        request.set_secret_string(value.map(str::to_owned)).send().await.unwrap().arn.unwrap()
    }

    /// Creates a binary secret, and returns its ARN.
    pub async fn create_binary_secret(&self, value: &[u8]) -> String {
        let request = self.secrets.create_secret().name(Uuid::new_v4().to_string());
        request
            .secret_binary(aws_sdk_secretsmanager::primitives::Blob::new(value))
            .send()
            .await
            .unwrap()
            .arn
            .unwrap()
    }

    /// The value of a version of a secret; `None` if there is no such version.
    pub async fn version(&self, arn: &str, stage: &str) -> Option<String> {
        let request = self.secrets.get_secret_value().secret_id(arn).version_stage(stage);
        request.send().await.ok()?.secret_string
    }

    /// Gives a secret a new value with a given version id.
    pub async fn put_secret_as(&self, arn: &str, version: &str, value: &str) {
        let request = self.secrets.put_secret_value().secret_id(arn).secret_string(value);
        request.client_request_token(version).send().await.unwrap();
    }

    /// The current value of a secret.
    pub async fn secret(&self, arn: &str) -> String {
        self.secrets.get_secret_value().secret_id(arn).send().await.unwrap().secret_string.unwrap()
    }

    /// Gives a secret a new value; the one before becomes `AWSPREVIOUS`.
    pub async fn put_secret(&self, arn: &str, value: &str) {
        self.secrets.put_secret_value().secret_id(arn).secret_string(value).send().await.unwrap();
    }
}

pub async fn sdk_config() -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "tests");
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .endpoint_url(endpoint())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .load()
        .await
}

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str) {
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    let kind = AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S);
    let request = dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    request.key_schema(key).attribute_definitions(kind.build().unwrap()).send().await.unwrap();
    let ttl = TimeToLiveSpecification::builder().attribute_name("expires_at").enabled(true).build().unwrap();
    dynamodb.update_time_to_live().table_name(name).time_to_live_specification(ttl).send().await.unwrap();
}
