//! `template.yaml`, as `sam build` leaves it, deployed by `sam deploy` to `MiniStack`, which runs the function under its
//! role and refuses what the policies of role and queues do not allow.
//!
//! By default the function is the binary of the tests; with `DEPLOYED_STACK` set, whatever was built into the stack
//! whose template it names.
//!
//! `tests/deployed/emulator.py` gives `MiniStack` seven things of AWS that it lacks: it makes the routes that the API's
//! body asks for, lets a reference to a secret be its ARN, takes saved queries and alarms on expressions, takes calls for
//! encrypted, gives a session the ARN of its role as `aws:PrincipalArn` and a service none, and has conditions use
//! `Fn::Join`, `Fn::Select` and `Fn::Split`. Where it differs yet:
//! * it takes templates that AWS would refuse: sam validate, cfn-lint and checkov in `.ci/run` check them;
//! * it does not ask who may assume a role: `privilege.rs` does;
//! * what its topics lack is in `support/topic.rs`;
//! * it has payload format 2.0 only: `function/answers.rs` has the events of all gateways;
//! * a secret that was created without a value has an empty one: `function/start.rs` has both;
//! * alarms are not evaluated, filters do not count: `metrics.rs` and `function/metrics.rs` have them;
//! * it has no `StartMessageMoveTask` and does not heed a `RedriveAllowPolicy`: `dlq.rs` and `template.rs` have them;
//! * it does not throttle, write the API's access log, bound memory, or have Amazon Linux, arm64 or TLS: no test has, but
//!   for the limits of the routes (`translated.rs`).

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    env::{self, consts::ARCH},
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    rc::Rc,
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::time::unix_seconds;
use serde_json::{Value, json};

use crate::support::{
    ministack::{ACCESS_KEY, REGION, SECRET_KEY, Server},
    setup,
    test_receiver::{ORDER_CREATED, SECRET, answer, duffel_header, event},
};

const NAME: &str = "hooks";
const PATH: &str = "/webhooks/duffel";

/// A role and a user that may send to the queue: `RedrivePrincipalArns`.
const REDRIVERS: [&str; 2] =
    ["arn:aws:iam::000000000000:role/operator", "arn:aws:iam::000000000000:user/on-call"];

/// A deployed stack, its emulator, and boto3 as an independent SDK.
struct Stack {
    boto: Boto,
    server: Rc<Server>,
    outputs: BTreeMap<String, String>,
}

/// `tests/deployed/stack.py`, which ends with its standard input.
struct Boto {
    process: Child,
    answers: RefCell<BufReader<ChildStdout>>,
}

impl Boto {
    fn start(server: &Server, stack: &str) -> Self {
        let mut python = Command::new(setup::sam());
        python.args(["-c", include_str!("../deployed/stack.py"), stack]);
        let python = lead_to(server, &mut python).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = python.spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).into();
        Self { process, answers }
    }

    fn ask(&self, command: &[&str]) -> Value {
        writeln!(self.process.stdin.as_ref().unwrap(), "{}", json!(command)).unwrap();
        let mut answer = String::new();
        self.answers.borrow_mut().read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("no answer to {command:?}"))
    }
}

impl Drop for Boto {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The environment with which boto3 finds the emulator, and nothing else.
fn lead_to<'a>(server: &Server, command: &'a mut Command) -> &'a mut Command {
    command.env("AWS_ENDPOINT_URL", &server.endpoint).env("AWS_DEFAULT_REGION", REGION);
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    command.env_remove("AWS_SESSION_TOKEN").env_remove("AWS_PROFILE");
    command.env("AWS_CONFIG_FILE", "/dev/null").env("NO_PROXY", "127.0.0.1")
}

impl Stack {
    /// Builds the stack and deploys it to an emulator of its own, and returns the template as well.
    fn build_and_deploy(folder: &Path) -> (Self, PathBuf) {
        let template = env::var_os("DEPLOYED_STACK").map_or_else(|| build(folder), PathBuf::from);
        let keys = [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];
        let enforcing = [&keys[..], &[("AUTH", "true")]].concat();
        let server = Rc::new(Server::start(include_str!("../deployed/emulator.py"), &enforcing));
        let parameters = json!({ "RedrivePrincipalArns": REDRIVERS });
        (Self::deploy(folder, &server, NAME, &template, parameters), template)
    }

    fn deploy(folder: &Path, server: &Rc<Server>, name: &str, template: &Path, parameters: Value) -> Self {
        let mut deploy = sam("deploy", folder, name, parameters);
        lead_to(server, &mut deploy).env("SAM_CLI_POLL_DELAY", "1");
        deploy.args(["--no-confirm-changeset", "--stack-name", name]);
        setup::run(deploy.arg("--template-file").arg(template));
        let boto = Boto::start(server, name);
        let outputs = serde_json::from_value(boto.ask(&["outputs"])).unwrap();
        Self { boto, server: Rc::clone(server), outputs }
    }

    /// Posts to the API, and returns the status and the word of the answer.
    fn post(&self, path: &str, kind: &str, header: &str, body: &[u8]) -> (u16, String) {
        let host = self.outputs["WebhookUrl"].strip_suffix(PATH).unwrap().trim_start_matches("http://");
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        let request = agent.post(format!("{}{path}", self.server.endpoint)).header("Host", host);
        let request = request.header("Content-Type", kind).header("X-Duffel-Signature", header);
        let mut response = request.send(body).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let said: Value = serde_json::from_str(&text).unwrap();
        (response.status().as_u16(), said["status"].as_str().unwrap_or_default().to_owned())
    }

    fn get(&self, path: &str) -> (u16, String) {
        let host = self.outputs["WebhookUrl"].strip_suffix(PATH).unwrap().trim_start_matches("http://");
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        let mut response =
            agent.get(format!("{}{path}", self.server.endpoint)).header("Host", host).call().unwrap();
        let said: Value = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
        (response.status().as_u16(), said["status"].as_str().unwrap_or_default().to_owned())
    }

    fn deliver(&self, body: impl AsRef<[u8]>) -> (u16, String) {
        self.post(PATH, "application/json", &sign(SECRET, body.as_ref()), body.as_ref())
    }

    fn messages(&self) -> Vec<Value> {
        serde_json::from_value(self.boto.ask(&["messages", &self.outputs["QueueUrl"]])).unwrap()
    }
}

fn sign(secret: &str, body: &[u8]) -> String {
    duffel_header(secret, "v2", unix_seconds(SystemTime::now()), body)
}

/// `sam build`, with the compiler's work done; the template that it leaves.
fn build(folder: &Path) -> PathBuf {
    let tools = folder.join("tools");
    fs::create_dir(&tools).unwrap();
    let cargo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployed/cargo");
    let mode = fs::metadata(&cargo).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "{} must be executable", cargo.display());
    for name in ["cargo", "cargo-lambda"] {
        symlink(&cargo, tools.join(name)).unwrap();
    }
    let result = folder.join("built");
    let mut build = sam("build", folder, NAME, json!({}));
    let path = env::join_paths([tools].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    build.env("PATH", path.unwrap()).env("CARGO_TARGET_DIR", folder.join("target"));
    build.env("REAL_CARGO", env!("CARGO")).env("AWS_DEFAULT_REGION", REGION);
    build.env("BINARIES", Path::new(env!("CARGO_BIN_EXE_receiver")).parent().unwrap());
    setup::run(build.arg("--build-dir").arg(&result));
    result.join("template.yaml")
}

/// A command of SAM's with a configuration file as `docs/deploying.md` has it: ours, and parameters.
fn sam(command: &str, folder: &Path, stack: &str, mut parameters: Value) -> Command {
    parameters["Architecture"] = if ARCH == "aarch64" { "arm64" } else { ARCH }.into();
    // JSON's strings and arrays of them are TOML's as well.
    let lines = parameters.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}\n"));
    let table = "\n[default.global.parameters.parameter_overrides]\n";
    let config = folder.join(format!("{stack}.toml"));
    fs::write(&config, [include_str!("../../samconfig.toml"), table].concat() + &lines.collect::<String>())
        .unwrap();
    let mut sam = Command::new(setup::sam().with_file_name("sam"));
    sam.arg(command).arg("--config-file").arg(config).current_dir(env!("CARGO_MANIFEST_DIR"));
    sam.env("SAM_CLI_TELEMETRY", "0").env("__SAM_CLI_APP_DIR", folder.join("sam"));
    sam
}

#[test]
fn the_shipped_stack_forwards_what_is_signed_and_nothing_else() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (stack, template) = Stack::build_and_deploy(folder.path());
    stack.boto.ask(&["put_secret", &stack.outputs["SecretArn"], SECRET]);

    let header = sign(SECRET, ORDER_CREATED.as_bytes());
    let json = "application/json";
    let post = |path: &str, header: &str| stack.post(path, json, header, ORDER_CREATED.as_bytes());
    assert_eq!(post(PATH, &header), answer(202, "accepted"));
    assert_eq!(post(PATH, &header), answer(200, "duplicate"));
    assert_eq!(post(PATH, &sign("another", ORDER_CREATED.as_bytes())), answer(401, "unauthorized"));
    assert_eq!(post(PATH, ""), answer(401, "unauthorized"));
    assert_eq!(post("/webhooks/nobody", &header), answer(404, "not_found"));
    assert_eq!(post("/", &header), answer(404, "not_found"));
    assert_eq!(post("/webhooks/duffel/elsewhere", &header), answer(404, "not_found"));
    assert_eq!(stack.get(PATH), answer(405, "method_not_allowed"));
    assert_eq!(stack.deliver("{}"), answer(400, "malformed"));
    let binary = event("order.created", "wev_2", "ord_2").replace("{}", r#""@""#);
    let binary: Vec<_> = binary.bytes().map(|byte| if byte == b'@' { 0xff } else { byte }).collect();
    let kind = "application/octet-stream";
    assert_eq!(stack.post(PATH, kind, &sign(SECRET, &binary), &binary), answer(202, "accepted"));

    let messages = stack.messages();
    let [order, other] = messages.as_slice() else { panic!("two messages, not {messages:?}") };
    assert_eq!(order["Body"], ORDER_CREATED);
    let mut attributes = attributes(order);
    let received = attributes.remove("received_at").unwrap();
    assert!(received.ends_with('Z'), "{received}");
    // The identity of the log line in docs/reference.md.
    let identity = "530bb35cef3d09eae07aa43f3ddac393bc9fc0ba94f8c7172fc061ea0e7fac3e";
    let expected = json!({
        "source": "duffel",
        "event_type": "order.created",
        "event_id": "wev_0000A4tQSmKyqOrcySrGbo",
        "idempotency_key": "ord_0000ABd6wggSct7BoraU1o",
        "live_mode": "true",
        "identity": identity,
        "signature": header,
    });
    assert_eq!(json!(attributes), expected);
    assert_eq!(order["Attributes"]["MessageGroupId"], "duffel/ord_0000ABd6wggSct7BoraU1o");
    assert_eq!(order["Attributes"]["MessageDeduplicationId"], identity);
    assert_eq!(other["Body"], STANDARD.encode(&binary));
    assert_eq!(self::attributes(other)["encoding"], "base64");
    assert_eq!(other["Attributes"]["MessageGroupId"], "duffel/ord_2");

    let items = stack.boto.ask(&["items", &stack.outputs["LedgerTableName"]]);
    let keys: BTreeSet<_> = items.as_array().unwrap().iter().map(|item| item["pk"]["S"].as_str()).collect();
    let identities = messages.iter().map(|message| message["Attributes"]["MessageDeduplicationId"].as_str());
    assert_eq!(keys, identities.collect());

    let lines = stack.boto.ask(&["log", "ReceiverLogGroup"]);
    let outcomes: BTreeSet<_> =
        lines.as_array().unwrap().iter().filter_map(|line| line["outcome"].as_str()).collect();
    assert_eq!(
        outcomes,
        ["accepted", "duplicate", "malformed", "method_not_allowed", "not_found", "unauthorized"].into()
    );

    only_what_the_policies_allow(&stack);
    nobody_but_the_receiver_and_redrivers_sends(&stack);
    parameters_survive_the_next_deployment(&stack, folder.path(), &template);
    ledger_and_queue_outlive_the_stack_and_are_adopted(&stack, folder.path(), &template);
}

/// An update makes the queue the first subscriber of a topic, and another one undoes it. The emulator enforces the policies
/// of role, topic and queues.
#[test]
fn the_shipped_stack_fans_out_to_every_subscriber_and_can_stop() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (stack, template) = Stack::build_and_deploy(folder.path());
    stack.boto.ask(&["put_secret", &stack.outputs["SecretArn"], SECRET]);
    let order = |number: usize| event("order.created", &format!("wev_{number}"), &format!("ord_{number}"));
    assert_eq!(stack.deliver(order(1)), answer(202, "accepted"));

    let update = |parameters| Stack::deploy(folder.path(), &stack.server, NAME, &template, parameters);
    let fanned = update(json!({ "FanOut": "topic" }));
    let topic = fanned.outputs["TopicArn"].clone();
    let subscriptions = |topic: &str| stack.boto.ask(&["subscriptions", topic]);
    assert_eq!(subscriptions(&topic), json!([stack.outputs["QueueArn"]]));
    let queue =
        stack.boto.ask(&["subscribe", &topic, &fanned.outputs["SubscriberStatement"], "billing.fifo"]);
    assert_eq!(fanned.deliver(order(1)), answer(200, "duplicate"));
    assert_eq!(fanned.deliver(order(2)), answer(202, "accepted"));
    let bodies = |messages: Vec<Value>| -> Vec<_> {
        messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(bodies(fanned.messages()), [order(1), order(2)]);
    let billing = serde_json::from_value(stack.boto.ask(&["messages", queue.as_str().unwrap()])).unwrap();
    assert_eq!(bodies(billing), [order(2)]);

    let policy = stack.boto.ask(&["policy", "ReceiverRole", "receiver"]);
    let mut less = policy.clone();
    less["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] != "Topic");
    let put =
        |policy: &Value| stack.boto.ask(&["put_policy", "ReceiverRole", "receiver", &policy.to_string()]);
    put(&less);
    assert_eq!(fanned.deliver(order(3)), answer(503, "unavailable"));
    put(&policy);
    assert_eq!(fanned.deliver(order(3)), answer(202, "accepted"));
    let to = [&topic, &fanned.outputs["QueueUrl"], &fanned.outputs["SubscriptionDeadLetterQueueUrl"]];
    for (destination, name) in to.into_iter().flat_map(|to| [(to, "stranger"), (to, "on-call")]) {
        let code = stack.boto.ask(&["send_as", "user", name, destination]);
        let is_redriver = name == "on-call" && *destination != topic;
        let is_refused =
            code.as_str().is_some_and(|code| code.contains("Authorization") || code.contains("AccessDenied"));
        assert_eq!(is_refused, !is_redriver, "{name} to {destination}: {code}");
    }
    assert_eq!(bodies(fanned.messages()), [order(3), "unverified".to_owned()]);

    let ended = update(json!({ "FanOut": "none" }));
    assert!(!ended.outputs.contains_key("TopicArn"));
    assert_eq!(ended.deliver(order(2)), answer(200, "duplicate"));
    assert_eq!(ended.deliver(order(4)), answer(202, "accepted"));
    assert_eq!(bodies(ended.messages()), [order(4)]);
    // The topic is left, with the subscriptions of others.
    let left = subscriptions(&topic);
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
}

/// The emulator enforces the policies of role and queues: without a statement, its call is refused.
fn only_what_the_policies_allow(stack: &Stack) {
    let policy = stack.boto.ask(&["policy", "ReceiverRole", "receiver"]);
    let put =
        |policy: &Value| stack.boto.ask(&["put_policy", "ReceiverRole", "receiver", &policy.to_string()]);
    for (sid, object) in [("Queue", "ord_3"), ("Ledger", "ord_4")] {
        let mut less = policy.clone();
        let statements = less["Statement"].as_array_mut().unwrap();
        let before = statements.len();
        statements.retain(|statement| statement["Sid"] != sid);
        assert_eq!(statements.len(), before - 1, "{policy}");
        put(&less);
        let body = event("order.created", "wev_3", object);
        assert_eq!(stack.deliver(&body), answer(503, "unavailable"), "without {sid}");
        put(&policy);
        assert_eq!(stack.deliver(&body), answer(202, "accepted"), "with {sid}");
    }
    assert_eq!(stack.messages().len(), 2);
    for queue in ["QueueUrl", "DeadLetterQueueUrl"] {
        let refusal = stack.boto.ask(&["in_the_clear", &stack.outputs[queue]]);
        assert!(refusal.as_str().is_some_and(|code| code.contains("AccessDenied")), "{queue}: {refusal}");
    }
}

/// All of them may do `sqs:*` on everything.
fn nobody_but_the_receiver_and_redrivers_sends(stack: &Stack) {
    for queue in ["QueueUrl", "DeadLetterQueueUrl"] {
        let send = |kind: &str, name: &str| {
            let code = stack.boto.ask(&["send_as", kind, name, &stack.outputs[queue]]);
            code.as_str().unwrap_or("sent").to_owned()
        };
        for (kind, name) in [("user", "stranger"), ("role", "other"), ("role", "operator-of-another-stack")] {
            let code = send(kind, name);
            assert!(code.contains("AccessDenied"), "{kind} {name} to {queue}: {code}");
        }
        assert_eq!([send("role", "operator"), send("user", "on-call")], ["sent", "sent"], "{queue}");
    }
    assert_eq!(stack.messages().len(), 2);
}

/// As `docs/deploying.md` says, even one that is no longer in the configuration file.
fn parameters_survive_the_next_deployment(stack: &Stack, folder: &Path, template: &Path) {
    let parameters = || stack.boto.ask(&["parameters"]);
    let before = parameters();
    assert_eq!(before["RedrivePrincipalArns"], REDRIVERS.join(","));
    Stack::deploy(folder, &stack.server, NAME, template, json!({ "OldestEventAlarmSeconds": "600" }));
    let mut after = parameters();
    assert_eq!(after["OldestEventAlarmSeconds"].take(), "600");
    after["OldestEventAlarmSeconds"] = before["OldestEventAlarmSeconds"].clone();
    assert_eq!(after, before);
}

/// A new stack uses the ledger, the queues and the secret of a deleted one.
fn ledger_and_queue_outlive_the_stack_and_are_adopted(stack: &Stack, folder: &Path, template: &Path) {
    let last = event("order.created", "wev_5", "ord_5");
    assert_eq!(stack.deliver(&last), answer(202, "accepted"));
    stack.boto.ask(&["delete_stack"]);
    let kept = |name: &str| stack.outputs[name].clone();
    let parameters = json!({
        "WebhookSecretArn": kept("SecretArn"),
        "LedgerTableName": kept("LedgerTableName"),
        "EventQueueUrl": kept("QueueUrl"),
        "EventQueueArn": kept("QueueArn"),
        "DeadLetterQueueArn": kept("DeadLetterQueueArn"),
    });
    let next = Stack::deploy(folder, &stack.server, "next", template, parameters);
    for output in ["SecretArn", "LedgerTableName", "QueueUrl", "QueueArn", "DeadLetterQueueArn"] {
        assert_eq!(next.outputs[output], stack.outputs[output]);
    }
    assert_eq!(next.deliver(&last), answer(200, "duplicate"));
    assert_eq!(next.deliver(event("order.created", "wev_6", "ord_6")), answer(202, "accepted"));
    assert_eq!(next.messages().len(), 2);
}

fn attributes(message: &Value) -> BTreeMap<&str, &str> {
    let attributes = message["MessageAttributes"].as_object().unwrap().iter();
    attributes.map(|(name, value)| (name.as_str(), value["StringValue"].as_str().unwrap())).collect()
}
