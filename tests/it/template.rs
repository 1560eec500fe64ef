//! The template agrees with the code.

use std::{collections::BTreeSet, ffi::OsStr, path::Path, process::Command};

use duffel_webhook_receiver::{
    aws::{PARTITION_KEY, TTL_ATTRIBUTE},
    config::{Config, DEFAULT_WINDOW, Destination, Secrets, VARIABLES},
    deployment::{Output, ledger_records, stored_secret},
    queue::MAX_MESSAGE_BYTES,
    reconcile::{self, MAX_LOOK_BACK, Settings},
};
use serde_json::{Value as Json, json};
use serde_yaml_ng::Value;

use crate::{
    reconcile::TIMEOUT,
    support::{
        cloudformation::Template,
        metrics::of_alarm,
        test_receiver::{TestReceiver, answer, event, noon, signed},
    },
};

#[test]
fn each_function_is_built_from_its_program() {
    let template = Template::read();
    for (function, program) in [
        ("ReceiverFunction", env!("CARGO_BIN_EXE_receiver")),
        ("ReconcilerFunction", env!("CARGO_BIN_EXE_reconciler")),
    ] {
        let binary = Path::new(program).file_stem().and_then(OsStr::to_str);
        let metadata = &template.resource(function)["Metadata"];
        assert_eq!(metadata["BuildMethod"], "rust-cargolambda");
        assert_eq!(metadata["BuildProperties"]["Binary"].as_str(), binary);
    }
}

#[test]
fn the_function_is_built_without_what_only_the_operator_needs() {
    let cargo = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let metadata = Command::new(env!("CARGO")).args(cargo).output().unwrap().stdout;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    let build = &metadata["packages"][0]["metadata"]["lambda"]["build"];
    assert_eq!(
        build,
        &serde_json::json!({ "no_default_features": true, "features": ["aws", "duffel", "https"] })
    );
}

#[test]
fn the_stack_has_the_outputs_that_the_tool_reads() {
    let outputs: BTreeSet<_> = Output::ALL.map(|output| output.to_string()).into();
    let template = Template::read();
    let declared: BTreeSet<_> = keys(template.section("Outputs")).map(str::to_owned).collect();
    assert!(outputs.is_subset(&declared), "{outputs:?}");
}

#[test]
fn the_function_is_given_every_variable_but_the_secret_itself() {
    let template = Template::read();
    let variables = &template.property("ReceiverFunction", "Environment")["Variables"];
    let given: BTreeSet<_> = keys(variables).collect();
    let read = VARIABLES.into_iter().filter(|name| *name != "WEBHOOK_SECRET").collect();
    assert_eq!(given, read);
}

#[test]
fn the_reconciler_is_given_every_variable_but_duffels_address() {
    let template = Template::read();
    let variables = &template.property("ReconcilerFunction", "Environment")["Variables"];
    let given: BTreeSet<_> = keys(variables).collect();
    let read = reconcile::VARIABLES.into_iter().filter(|name| *name != "DUFFEL_API_URL").collect();
    assert_eq!(given, read);
}

#[test]
fn the_reconciler_starts_with_the_defaults_and_a_token() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-a1b2c3";
    let variables = Template::read().given("AccessTokenSecretArn", arn).variables("ReconcilerFunction");
    let settings = Settings::read(|name| variables.get(name).cloned()).unwrap();
    assert_eq!(settings.token_arn, arn);
    assert_eq!(settings.redeliveries, 1_000);
    assert!(settings.look_back < MAX_LOOK_BACK);
}

#[test]
fn without_a_token_the_reconciler_is_not_created() {
    let template = Template::read();
    assert!(!template.holds(&"HasReconciler".into()));
    assert!(!template.holds(&"HasAccessTokenKey".into()));
    let mut count = 0;
    for name in keys(template.section("Resources")) {
        let resource = template.resource(name);
        let is_its = |text: &&str| text.starts_with("Reconciler") || *text == "UndeliveredEvents";
        // It has conditions of its own: `dashboard.rs`.
        if name == "StackDashboard" {
            continue;
        }
        if name == "OperatorPolicy" {
            assert!(!template.policy(name).to_string().contains("Reconciler"));
        } else if is_its(&name) || texts(&resource["Properties"]).iter().any(is_its) {
            count += 1;
            assert_eq!(resource["Condition"], "HasReconciler", "{name}");
        }
    }
    assert_eq!(count, 8);
    for output in ["ReconcilerFunctionName", "ReconcilerLogGroup"] {
        assert_eq!(template.section("Outputs")[output]["Condition"], "HasReconciler");
    }
}

#[test]
fn the_reconciler_runs_every_quarter_of_an_hour_and_is_not_repeated() {
    let template = Template::read();
    let property = |name| template.property("ReconcilerFunction", name);
    assert_eq!(property("Timeout").as_u64(), Some(TIMEOUT.as_secs()));
    assert_eq!(property("EventInvokeConfig")["MaximumRetryAttempts"], 0);
    let schedule = &property("Events")["Schedule"];
    assert_eq!(schedule["Type"], "ScheduleV2");
    assert_eq!(schedule["Properties"]["ScheduleExpression"], "rate(15 minutes)");
    assert_eq!(schedule["Properties"]["OmitName"], true);
    // Four runs an hour.
    let alarm = |name| template.property("ReconcilerAlarm", name).as_u64();
    assert_eq!((alarm("Period"), alarm("EvaluationPeriods")), (Some(900), Some(4)));
    assert_eq!(template.property("ReconcilerAlarm", "TreatMissingData"), "breaching");
}

#[test]
fn the_receiver_starts_with_the_defaults() {
    let config = config(&Template::read()).unwrap();
    assert_eq!(config.window, DEFAULT_WINDOW);
    assert_eq!(config.sources[0].tolerance, DEFAULT_WINDOW);
    assert!(config.ledger_table.is_some());
    assert!(matches!(config.sources[0].secrets, Secrets::Stored(_)));
}

#[test]
fn the_receiver_starts_with_every_allowed_mode() {
    let template = Template::read();
    let modes = texts(&template.section("Parameters")["LiveMode"]["AllowedValues"]);
    assert_eq!(modes.len(), 3);
    for mode in modes {
        config(&Template::read().given("LiveMode", mode)).unwrap();
    }
}

#[test]
fn the_receiver_starts_with_sources_of_which_no_secret_is_in_the_template() {
    let sources = r#"{"payments":{"scheme":"stripe","secret_arn":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-a1b2c3"}}"#;
    let config = config(&Template::read().given("Sources", sources)).unwrap();
    assert_eq!(config.sources.len(), 1);
    assert_eq!(config.sources[0].name, "payments");
}

#[test]
fn the_receiver_starts_with_stored_sources_and_no_other_place_has_any() {
    let [one, other] =
        ["a", "b"].map(|name| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-a1b2c3"));
    let both = [one.as_str(), &other].join(",");
    let template = Template::read().given("SourcesArn", &both);
    assert_eq!(template.refusals(), [""; 0]);
    let stored = config(&template).unwrap();
    assert_eq!((stored.stored_sources, stored.sources.len()), (vec![one.clone(), other.clone()], 0));
    for created in ["WebhookSecret", "SecretArn"] {
        assert!(!template.existing("Resources").contains(created), "{created}");
        assert!(!template.existing("Outputs").contains(created), "{created}");
    }
    let sources = r#"{"a":{"scheme":"github","secret_arn":"arn:x"}}"#;
    for (name, value) in
        [("Sources", sources), ("SourceSecretArns", one.as_str()), ("WebhookSecretArn", &one)]
    {
        let template = Template::read().given("SourcesArn", &both).given(name, value);
        let refusals = template.refusals();
        assert!(
            refusals.iter().any(|refusal| refusal.starts_with("SourcesArn excludes")),
            "{name}: {refusals:?}"
        );
    }
}

#[test]
fn the_time_limit_of_the_function_fits_the_timeouts_of_its_calls() {
    assert_eq!(Template::read().property("ReceiverFunction", "Timeout"), 10);
}

#[test]
fn the_functions_log_json() {
    let template = Template::read();
    for function in ["ReceiverFunction", "ReconcilerFunction"] {
        assert_eq!(template.property(function, "LoggingConfig")["LogFormat"], "JSON");
    }
    assert_eq!(template.property("ReceiverFunction", "LoggingConfig")["SystemLogLevel"], "WARN");
    // The heartbeat is an INFO line, whatever the receiver logs.
    assert_eq!(template.property("ReconcilerFunction", "LoggingConfig")["ApplicationLogLevel"], "INFO");
}

/// The platform's lines are not logged for an invocation that succeeds: their fields are `type` and `record`.
#[test]
fn no_metric_filter_reads_the_platforms_lines() {
    let text = std::fs::read_to_string("template.yaml").unwrap();
    let patterns: Vec<_> = text.lines().filter(|line| line.contains("FilterPattern:")).collect();
    assert!(!patterns.is_empty());
    for pattern in patterns {
        assert!(!pattern.contains("$.type") && !pattern.contains("$.record"), "{pattern}");
    }
}

/// A new account has ten concurrent executions and none to spare: a reservation would fail the deployment.
#[test]
fn no_concurrency_is_reserved_by_default() {
    let template = Template::read();
    for (function, parameter) in
        [("ReceiverFunction", "ReservedConcurrency"), ("ReconcilerFunction", "ReconcilerConcurrency")]
    {
        let reserved = |template: &Template| {
            template.resolve(template.property(function, "ReservedConcurrentExecutions"))
        };
        assert_eq!(reserved(&template), None, "{function}");
        assert_eq!(reserved(&Template::read().given(parameter, "2")), Some("2".into()), "{function}");
    }
}

#[test]
fn the_operators_policies_allow_the_calls_of_the_tool_on_resources_of_the_stack() {
    let template = Template::read();
    assert_eq!(template.section("Parameters")["CreateOperatorPolicy"]["Default"], "false");
    let policies = ["OperatorPolicy", "OperatorRedrivePolicy"];
    assert!(policies.iter().all(|policy| !template.existing("Resources").contains(policy)));
    let template = template.given("CreateOperatorPolicy", "true");
    assert!(policies.iter().all(|policy| template.existing("Resources").contains(policy)));
    let everyday = template.policy("OperatorPolicy");
    let actions = |sid: &str| {
        let statement =
            everyday["Statement"].as_array().unwrap().iter().find(|statement| statement["Sid"] == sid);
        statement.unwrap()["Action"].clone()
    };
    assert_eq!(actions("Stack"), "cloudformation:DescribeStacks");
    assert_eq!(actions("Replay"), json!(ledger_records::ACTIONS));
    assert_eq!(actions("Rotate"), json!(stored_secret::ACTIONS));
    for policy in policies {
        for statement in template.policy(policy)["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow");
            for member in ["NotAction", "NotResource"] {
                assert!(statement[member].is_null(), "{statement}");
            }
            assert!(!statement["Action"].to_string().contains('*'), "{statement}");
            assert!(statement["Resource"] != "*" || statement["Sid"] == "Account", "{statement}");
        }
    }
}

/// Looking at dead letters must not require the permission to write to the queue.
#[test]
fn only_the_policy_for_redriving_allows_sending_to_the_queue() {
    let template = Template::read().given("CreateOperatorPolicy", "true");
    let may = |policy: &str, action: &str| template.policy(policy).to_string().contains(action);
    for action in ["sqs:SendMessage", "sqs:StartMessageMoveTask"] {
        assert!(may("OperatorRedrivePolicy", action));
        assert!(!may("OperatorPolicy", action));
    }
}

#[test]
fn the_table_has_the_key_and_ttl_that_the_ledger_expects() {
    let template = Template::read();
    let attributes = template.property("LedgerTable", "AttributeDefinitions");
    assert_eq!(texts(attributes), [PARTITION_KEY, "S"]);
    assert_eq!(texts(template.property("LedgerTable", "KeySchema")), [PARTITION_KEY, "HASH"]);
    let expiry = template.property("LedgerTable", "TimeToLiveSpecification");
    assert_eq!(expiry["AttributeName"], TTL_ATTRIBUTE);
    assert_eq!(expiry["Enabled"], true);
}

#[test]
fn every_queue_takes_what_the_receiver_sends() {
    let template = Template::read();
    for queue in ["EventQueue", "DeadLetterQueue", "SubscriptionDeadLetterQueue"] {
        let bytes = template.property(queue, "MaximumMessageSize").as_u64().unwrap();
        assert_eq!(usize::try_from(bytes).unwrap(), MAX_MESSAGE_BYTES);
        assert_eq!(template.property(queue, "FifoQueue").as_bool(), Some(true));
        assert_eq!(template.property(queue, "DeduplicationScope"), "messageGroup");
        // The identity is the deduplication id: a body may differ between two deliveries of one event.
        assert_eq!(template.property(queue, "ContentBasedDeduplication"), &Value::Null);
    }
}

#[test]
fn data_outlives_the_stack() {
    let template = Template::read();
    let mut holding = 0;
    for name in keys(template.section("Resources")) {
        let resource = template.resource(name);
        let kind = resource["Type"].as_str().unwrap();
        let data =
            ["AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"];
        // A topic that is not FIFO has only addresses of alarms.
        let is_of_alarms = kind == "AWS::SNS::Topic" && resource["Properties"]["FifoTopic"].is_null();
        if data.contains(&kind) && !is_of_alarms {
            holding += 1;
            // After a failed creation, resources without data would only cost money.
            assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{name}");
            assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
        }
    }
    assert_eq!(holding, 6);
}

#[test]
fn the_webhook_url_is_where_deliveries_are_accepted() {
    let template = Template::read();
    let url = template.section("Outputs")["WebhookUrl"]["Value"].as_str().unwrap();
    let mut request = signed(event("order.created", "wev_1", "ord_1"), noon());
    *request.uri_mut() = url.strip_prefix("${HttpApi.ApiEndpoint}").unwrap().parse().unwrap();
    assert_eq!(TestReceiver::new().send(request, noon()), answer(202, "accepted"));
}

#[test]
fn an_existing_queue_replaces_the_stacks_own() {
    let url = "https://sqs.eu-west-1.amazonaws.com/000000000000/orders.fifo";
    let arn = "arn:aws:sqs:eu-west-1:000000000000:orders.fifo";
    let template = Template::read().given("EventQueueUrl", url).given("EventQueueArn", arn);
    assert_eq!(template.refusals(), [""; 0]);
    assert_eq!(template.variables("ReceiverFunction")["QUEUE_URL"], url);
    let own = Template::read();
    let left_out: BTreeSet<_> =
        own.existing("Resources").difference(&template.existing("Resources")).copied().collect();
    let dead_letters = ["DeadLetterAlarm", "DeadLetterGrowthAlarm", "DeadLetterLossAlarm", "DeadLetterQueue"];
    assert_eq!(left_out, dead_letters.into_iter().chain(["EventQueue", "QueuePolicy"]).collect());
    let left_out: BTreeSet<_> =
        own.existing("Outputs").difference(&template.existing("Outputs")).copied().collect();
    assert_eq!(left_out, ["DeadLetterQueueArn", "DeadLetterQueueUrl"].into());
    assert_eq!(output(&template, "QueueUrl"), url);
    assert_eq!(output(&template, "QueueArn"), arn);
    assert!(output(&template, "ConsumerStatement").contains(&format!(r#""Resource":"{arn}""#)));
    for alarm in ["OldestEventAlarm", "EventLossAlarm", "BacklogAlarm"] {
        assert_eq!(watched(&template, alarm), ["orders.fifo".to_owned()].into(), "{alarm}");
    }
}

#[test]
fn dead_letters_of_an_existing_queue_are_watched_and_found() {
    let template = Template::read()
        .given("EventQueueUrl", "https://sqs.eu-west-1.amazonaws.com/000000000000/orders.fifo")
        .given("EventQueueArn", "arn:aws:sqs:eu-west-1:000000000000:orders.fifo")
        .given("DeadLetterQueueArn", "arn:aws:sqs:eu-west-1:000000000000:dead.fifo");
    assert_eq!(template.refusals(), [""; 0]);
    for alarm in ["DeadLetterAlarm", "DeadLetterGrowthAlarm", "DeadLetterLossAlarm"] {
        assert!(template.existing("Resources").contains(alarm), "{alarm}");
        assert_eq!(watched(&template, alarm), ["dead.fifo".to_owned()].into(), "{alarm}");
    }
    assert_eq!(output(&template, "DeadLetterQueueArn"), "arn:aws:sqs:eu-west-1:000000000000:dead.fifo");
    let url = output(&template, "DeadLetterQueueUrl");
    assert_eq!(url, "https://sqs.eu-west-1.amazonaws.com/000000000000/dead.fifo");
}

/// `CloudWatch` has the metrics of a queue in the queue's account, where an alarm of the stack cannot look.
#[test]
fn a_queue_of_another_account_has_no_alarms_in_this_one() {
    let template = Template::read()
        .given("EventQueueUrl", "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo")
        .given("EventQueueArn", "arn:aws:sqs:eu-west-1:123456789012:orders.fifo")
        .given("DeadLetterQueueArn", "arn:aws:sqs:eu-west-1:123456789012:dead.fifo");
    for name in template.existing("Resources") {
        let resolved = template.resolve(template.resource(name)).unwrap().to_string();
        assert!(!name.ends_with("Alarm") || !resolved.contains(".fifo"), "{name}: {resolved}");
    }
    let url = output(&template, "DeadLetterQueueUrl");
    assert_eq!(url, "https://sqs.eu-west-1.amazonaws.com/123456789012/dead.fifo");
    let role = template.policy("ReceiverRole").to_string();
    assert!(role.contains("arn:aws:sqs:eu-west-1:123456789012:orders.fifo"), "{role}");
}

#[test]
fn an_existing_table_replaces_the_stacks_own() {
    let template = Template::read().given("LedgerTableName", "hooks-LedgerTable-1A2B3C");
    assert!(!template.existing("Resources").contains("LedgerTable"));
    assert_eq!(template.variables("ReceiverFunction")["LEDGER_TABLE"], "hooks-LedgerTable-1A2B3C");
    assert_eq!(output(&template, "LedgerTableName"), "hooks-LedgerTable-1A2B3C");
}

#[test]
fn incomplete_parameters_of_an_existing_queue_are_refused() {
    let url = ("EventQueueUrl", "https://sqs.eu-west-1.amazonaws.com/000000000000/orders.fifo");
    let arn = ("EventQueueArn", "arn:aws:sqs:eu-west-1:000000000000:orders.fifo");
    let dead = ("DeadLetterQueueArn", "arn:aws:sqs:eu-west-1:000000000000:dead.fifo");
    let key = ("EventQueueKmsKeyArn", "arn:aws:kms:eu-west-1:000000000000:key/1");
    for (given, refusals) in [
        (&[][..], 0),
        (&[url], 1),
        (&[arn], 1),
        (&[dead], 1),
        (&[key], 1),
        (&[url, dead], 2),
        (&[url, arn], 0),
        (&[url, arn, dead, key], 0),
    ] {
        let template =
            given.iter().fold(Template::read(), |template, (name, value)| template.given(name, value));
        assert_eq!(template.refusals().len(), refusals, "{given:?}: {:?}", template.refusals());
    }
}

/// A queue with another name is a new queue, whose events no consumer receives.
#[test]
fn queue_names_are_stable_and_valid_for_every_stack_name() {
    let name = |template: &Template, queue: &str| {
        let name = template.resolve(template.property(queue, "QueueName")).unwrap();
        name.as_str().unwrap().to_owned()
    };
    let template = Template::read();
    assert_eq!(name(&template, "EventQueue"), "hooks-events-1b2c3d4e.fifo");
    assert_eq!(name(&template, "DeadLetterQueue"), "hooks-dead-1b2c3d4e.fifo");
    assert_eq!(name(&template, "SubscriptionDeadLetterQueue"), "hooks-failed-1b2c3d4e.fifo");
    let (longest, prefix) = ("s".repeat(128), "p".repeat(59));
    for template in [
        Template::read().of_stack(&longest[..59]),
        Template::read().of_stack(&longest).given("QueueNamePrefix", &prefix),
    ] {
        for queue in ["EventQueue", "DeadLetterQueue", "SubscriptionDeadLetterQueue"] {
            assert!(name(&template, queue).len() <= 80, "{}", name(&template, queue));
        }
        let sources = &template.property("DeadLetterQueue", "RedriveAllowPolicy")["sourceQueueArns"][0];
        let source = template.resolve(sources).unwrap();
        assert!(source.as_str().unwrap().ends_with(&format!(":{}", name(&template, "EventQueue"))));
    }
}

/// By default any queue of the account may use another one as its dead-letter queue, and so move messages into it.
#[test]
fn no_other_queue_may_use_the_stacks_queues_as_dead_letter_queues() {
    let template = Template::read();
    let allowed = |queue| &template.property(queue, "RedriveAllowPolicy")["redrivePermission"];
    assert_eq!(allowed("EventQueue"), "denyAll");
    assert_eq!(allowed("SubscriptionDeadLetterQueue"), "denyAll");
    assert_eq!(allowed("DeadLetterQueue"), "byQueue");
}

const FAN_OUT: [&str; 9] = [
    "EventSubscription",
    "EventTopic",
    "LostNotificationAlarm",
    "NotificationAlarm",
    "SubscriptionDeadLetterAlarm",
    "SubscriptionDeadLetterQueue",
    "SubscriptionLossAlarm",
    "TopicPolicy",
    // Of SNS, not SQS.
    "AllowTopic",
];

#[test]
fn without_fan_out_nothing_of_a_topic_is_in_the_stack() {
    let template = Template::read();
    assert_eq!(template.section("Parameters")["FanOut"]["Default"], "none");
    let existing = template.existing("Resources");
    for name in &existing {
        let resolved = template.resolve(&template.resource(name)["Properties"]).unwrap();
        for part in FAN_OUT {
            assert!(!existing.contains(part) && !resolved.to_string().contains(part), "{name}: {part}");
        }
    }
    let variables = template.variables("ReceiverFunction");
    assert!(variables.contains_key("QUEUE_URL") && !variables.contains_key("TOPIC_ARN"));
}

#[test]
fn fan_out_adds_a_topic_and_changes_only_what_sends_to_the_queue() {
    let (own, fanned) = (Template::read(), Template::read().given("FanOut", "topic"));
    assert_eq!(fanned.refusals(), [""; 0]);
    let added = |section| -> BTreeSet<_> {
        assert!(own.existing(section).is_subset(&fanned.existing(section)));
        fanned.existing(section).difference(&own.existing(section)).map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(added("Resources"), FAN_OUT[..8].iter().map(|name| (*name).to_owned()).collect());
    let outputs = ["SubscriberStatement", "SubscriptionDeadLetterQueueArn", "SubscriptionDeadLetterQueueUrl"];
    assert_eq!(added("Outputs"), outputs.into_iter().chain(["TopicArn"]).map(str::to_owned).collect());
    let resolved = |template: &Template, name: &str| template.resolve(&template.resource(name)["Properties"]);
    let changed: Vec<_> = own
        .existing("Resources")
        .into_iter()
        .filter(|name| resolved(&own, name) != resolved(&fanned, name))
        .collect();
    assert_eq!(changed, ["QueuePolicy", "ReceiverFunction", "ReceiverRole", "StackDashboard"]);
    let variables = fanned.variables("ReceiverFunction");
    assert_eq!(variables["TOPIC_ARN"], output(&fanned, "TopicArn"));
    assert!(!variables.contains_key("QUEUE_URL"));
    let topic = Destination::Topic(variables["TOPIC_ARN"].clone());
    assert_eq!(config(&fanned).unwrap().destination, topic);
}

/// The topic drops what is published before the subscription, and SNS does not retry what a queue's policy refuses.
#[test]
fn events_are_published_only_after_the_queue_is_subscribed_and_allows_it() {
    let template = Template::read();
    let variable = &template.property("ReceiverFunction", "Environment")["Variables"]["TOPIC_ARN"];
    assert!(texts(variable).contains(&"EventSubscription"), "{variable:?}");
    assert_eq!(template.resource("EventSubscription")["DependsOn"], "QueuePolicy");
}

#[test]
fn the_topic_keeps_order_size_and_identity_of_what_the_receiver_publishes() {
    let template = Template::read().given("FanOut", "topic");
    let topic = |name| template.resolve(template.property("EventTopic", name));
    assert_eq!(topic("FifoTopic"), Some(true.into()));
    assert_eq!(topic("FifoThroughputScope"), Some("MessageGroup".into()));
    assert_eq!(topic("MaximumMessageSize"), Some(MAX_MESSAGE_BYTES.into()));
    assert_eq!(topic("ContentBasedDeduplication"), Some(Json::Null));
    assert_eq!(topic("TopicName"), Some("hooks-events-1b2c3d4e.fifo".into()));
    assert_eq!(topic("ArchivePolicy"), Some(json!({ "MessageRetentionPeriod": "14" })));
    let subscription = |name| template.resolve(template.property("EventSubscription", name));
    assert_eq!(subscription("RawMessageDelivery"), Some(true.into()));
    let queues = ["EventQueue", "SubscriptionDeadLetterQueue"];
    let [queue, dead] = queues.map(|name| format!("arn:aws:sqs:eu-west-1:000000000000:{name}.fifo"));
    assert_eq!(subscription("Endpoint"), Some(queue.into()));
    assert_eq!(subscription("RedrivePolicy"), Some(json!({ "deadLetterTargetArn": dead })));
    assert_eq!(output(&template, "SubscriptionDeadLetterQueueArn"), dead);
    let queues = template.resolve(template.property("QueuePolicy", "Queues")).unwrap();
    assert!(queues.to_string().contains("SubscriptionDeadLetterQueue"), "SNS may send to it: {queues}");
    // Each subscriber's own, so that it does not depend on the statement for others.
    let statement: Json = serde_json::from_str(&output(&template, "SubscriberStatement")).unwrap();
    let policy = template.policy("QueuePolicy");
    let mut own = policy["Statement"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(own.as_object_mut().unwrap().remove("Sid"), Some("AllowTopic".into()));
    assert_eq!(statement, own);
}

#[test]
fn the_topics_alarms_watch_what_sns_could_not_deliver() {
    let template = Template::read().given("FanOut", "topic");
    for (alarm, metric, dimension) in [
        ("NotificationAlarm", "NumberOfNotificationsFailed", "EventTopic.fifo"),
        ("LostNotificationAlarm", "NumberOfNotificationsFailedToRedriveToDlq", "EventTopic.fifo"),
        (
            "SubscriptionDeadLetterAlarm",
            "ApproximateNumberOfMessagesVisible",
            "SubscriptionDeadLetterQueue.fifo",
        ),
        ("SubscriptionLossAlarm", "ApproximateAgeOfOldestMessage", "SubscriptionDeadLetterQueue.fifo"),
    ] {
        assert_eq!(template.property(alarm, "MetricName"), metric);
        assert_eq!(watched(&template, alarm), [dimension.to_owned()].into());
    }
}

#[test]
fn other_accounts_subscribe_queues_only_if_they_are_named() {
    let statements =
        |template: &Template| template.policy("TopicPolicy")["Statement"].as_array().unwrap().clone();
    let template = Template::read().given("FanOut", "topic");
    assert!(statements(&template).iter().all(|statement| statement["Effect"] == "Deny"));
    let template = template.given("SubscriberAccounts", "111122223333,444455556666");
    let allowed: Vec<_> =
        statements(&template).into_iter().filter(|statement| statement["Effect"] == "Allow").collect();
    for statement in &allowed {
        assert_eq!(statement["Principal"], json!({ "AWS": ["111122223333", "444455556666"] }));
    }
    let [subscribe, read] = &allowed[..] else { panic!("two statements, not {allowed:?}") };
    assert_eq!(
        (&subscribe["Action"], &read["Action"]),
        (&json!("sns:Subscribe"), &json!("sns:GetTopicAttributes"))
    );
    assert_eq!(subscribe["Condition"], json!({ "StringEquals": { "sns:Protocol": "sqs" } }));
}

#[test]
fn fan_out_with_an_existing_queue_is_refused() {
    let template = Template::read()
        .given("FanOut", "topic")
        .given("EventQueueUrl", "https://sqs.eu-west-1.amazonaws.com/000000000000/orders.fifo")
        .given("EventQueueArn", "arn:aws:sqs:eu-west-1:000000000000:orders.fifo");
    let [refusal] = template.refusals()[..] else { panic!("one refusal") };
    assert!(refusal.starts_with("FanOut needs the stack's own queue"), "{refusal}");
    assert!(!template.holds(&"FansOut".into()));
}

/// The value of an output.
fn output(template: &Template, name: &str) -> String {
    let value = template.resolve(&template.section("Outputs")[name]["Value"]).unwrap();
    value.as_str().unwrap().to_owned()
}

/// The queues or topics whose metrics an alarm reads.
fn watched(template: &Template, alarm: &str) -> BTreeSet<String> {
    let metrics = of_alarm(template, alarm);
    metrics.into_iter().flat_map(|metric| metric.dimensions.into_values()).collect()
}

/// The configuration that the receiver reads from its environment.
fn config(template: &Template) -> Result<Config, String> {
    let variables = template.variables("ReceiverFunction");
    Config::read(|name| variables.get(name).cloned()).map_err(|error| error.to_string())
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value.as_mapping().unwrap().keys().map(|key| key.as_str().unwrap())
}

/// All texts in a value, in their order, without the keys of mappings.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Sequence(values) => values.iter().flat_map(texts).collect(),
        Value::Mapping(values) => values.values().flat_map(texts).collect(),
        Value::Tagged(tagged) => texts(&tagged.value),
        _ => Vec::new(),
    }
}
