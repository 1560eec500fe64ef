//! The template and the code say the same.

use std::{collections::BTreeSet, ffi::OsStr, path::Path, process::Command};

use duffel_webhook_receiver::{
    aws::{PARTITION_KEY, TTL_ATTRIBUTE},
    config::{Config, DEFAULT_WINDOW, Secrets, VARIABLES},
    operator::{Output, memory, stored_secret},
    queue::MAX_MESSAGE_BYTES,
    reconcile::{self, MAX_LOOK_BACK, Settings},
    signature::SignatureError,
};
use serde_yaml_ng::Value;

use crate::{
    cloudformation::Template,
    helpers::{World, answer, event, noon, signed},
    reconcile::TIMEOUT,
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
    assert_eq!(build, &serde_json::json!({ "no_default_features": true, "features": ["aws", "https"] }));
}

#[test]
fn the_stack_tells_what_the_operator_asks() {
    let outputs: BTreeSet<_> = Output::ALL.map(|output| output.to_string()).into();
    let template = Template::read();
    let told: BTreeSet<_> = keys(template.section("Outputs")).map(str::to_owned).collect();
    assert!(outputs.is_subset(&told), "{outputs:?}");
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
fn without_a_token_there_is_nothing_of_the_reconciler() {
    let template = Template::read();
    assert!(!template.holds(&"HasReconciler".into()));
    assert!(!template.holds(&"HasAccessTokenKey".into()));
    let mut count = 0;
    for name in keys(template.section("Resources")) {
        let resource = template.resource(name);
        let is_its = |text: &&str| text.starts_with("Reconciler") || *text == "UndeliveredEvents";
        if is_its(&name) || texts(&resource["Properties"]).iter().any(is_its) {
            count += 1;
            assert_eq!(resource["Condition"], "HasReconciler", "{name}");
        }
    }
    assert_eq!(count, 8);
    assert_eq!(template.section("Outputs")["ReconcilerFunctionName"]["Condition"], "HasReconciler");
}

#[test]
fn the_reconciler_runs_alone_every_quarter_of_an_hour_and_is_not_repeated() {
    let template = Template::read();
    let property = |name| template.property("ReconcilerFunction", name);
    assert_eq!(property("ReservedConcurrentExecutions"), 1);
    assert_eq!(property("Timeout").as_u64(), Some(TIMEOUT.as_secs()));
    assert_eq!(property("EventInvokeConfig")["MaximumRetryAttempts"], 0);
    let schedule = &property("Events")["Schedule"];
    assert_eq!(schedule["Type"], "ScheduleV2");
    assert_eq!(schedule["Properties"]["ScheduleExpression"], "rate(15 minutes)");
    assert_eq!(schedule["Properties"]["OmitName"], true);
    // An hour is four runs.
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
fn the_receiver_starts_with_every_mode_on_offer() {
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
fn the_function_has_the_time_that_the_calls_to_aws_are_cut_for() {
    assert_eq!(Template::read().property("ReceiverFunction", "Timeout"), 10);
}

#[test]
fn the_functions_log_json() {
    let template = Template::read();
    for function in ["ReceiverFunction", "ReconcilerFunction"] {
        assert_eq!(template.property(function, "LoggingConfig")["LogFormat"], "JSON");
    }
    // The heartbeat is an INFO line, whatever the receiver logs.
    assert_eq!(template.property("ReconcilerFunction", "LoggingConfig")["ApplicationLogLevel"], "INFO");
}

#[test]
fn the_operators_policy_allows_what_replay_and_rotate_call() {
    let template = Template::read();
    assert_eq!(template.section("Parameters")["CreateOperatorPolicy"]["Default"], "false");
    assert_eq!(template.resource("OperatorPolicy")["Condition"], "HasOperatorPolicy");
    let statements =
        template.property("OperatorPolicy", "PolicyDocument")["Statement"].as_sequence().unwrap();
    let allowed = |sid: &str| {
        let statement = statements.iter().find(|statement| statement["Sid"] == sid).unwrap();
        texts(&statement["Action"])
    };
    assert_eq!(allowed("Stack"), ["cloudformation:DescribeStacks"]);
    assert_eq!(allowed("Replay"), memory::ACTIONS);
    assert_eq!(allowed("Rotate"), stored_secret::ACTIONS);
    for statement in statements {
        // A statement that depends on a condition is the first branch of an `!If`.
        let statement = if statement["Sid"].is_null() { &statement[1] } else { statement };
        assert_eq!(statement["Effect"], "Allow");
        for member in ["NotAction", "NotResource"] {
            assert_eq!(statement[member], Value::Null, "{statement:?}");
        }
        assert!(!texts(&statement["Action"]).iter().any(|action| action.contains('*')), "{statement:?}");
        let is_of_the_stack = matches!(statement["Resource"], Value::Tagged(_));
        assert!(is_of_the_stack || statement["Sid"] == "Metrics", "{statement:?}");
    }
}

#[test]
fn the_table_is_keyed_and_forgets_as_the_ledger_expects() {
    let template = Template::read();
    let attributes = template.property("LedgerTable", "AttributeDefinitions");
    assert_eq!(texts(attributes), [PARTITION_KEY, "S"]);
    assert_eq!(texts(template.property("LedgerTable", "KeySchema")), [PARTITION_KEY, "HASH"]);
    let expiry = template.property("LedgerTable", "TimeToLiveSpecification");
    assert_eq!(expiry["AttributeName"], TTL_ATTRIBUTE);
    assert_eq!(expiry["Enabled"], true);
}

#[test]
fn both_queues_take_what_the_receiver_sends() {
    let template = Template::read();
    for queue in ["EventQueue", "DeadLetterQueue"] {
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
        if ["AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"].contains(&kind) {
            holding += 1;
            assert_eq!(resource["DeletionPolicy"], "Retain", "{name}");
            assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
        }
    }
    assert_eq!(holding, 4);
}

#[test]
fn the_alarm_on_refused_signatures_knows_the_words_of_the_log() {
    let template = Template::read();
    let unsigned = SignatureError::Missing;
    let pattern = format!(r#"{{ $.outcome = "unauthorized" && $.error != "{unsigned}" }}"#);
    assert_eq!(template.property("UnauthorizedDeliveries", "FilterPattern"), pattern.as_str());
    let metric = &template.property("UnauthorizedDeliveries", "MetricTransformations")[0];
    assert_eq!(&metric["MetricName"], template.property("UnauthorizedAlarm", "MetricName"));
    assert_eq!(&metric["MetricNamespace"], template.property("UnauthorizedAlarm", "Namespace"));
}

#[test]
fn the_metrics_of_the_reconciler_are_made_of_what_its_log_says() {
    let template = Template::read();
    for (filter, pattern, name, value) in [
        ("ReconcilerHeartbeat", r#"{ $.outcome = "succeeded" }"#, "ReconcilerSuccesses", "1"),
        (
            "UndeliveredEvents",
            r#"{ ($.outcome = "succeeded") || ($.found > 0) }"#,
            "UndeliveredEvents",
            "$.found",
        ),
        ("RequestedRedeliveries", "{ $.asked >= 0 }", "RequestedRedeliveries", "$.asked"),
    ] {
        assert_eq!(template.property(filter, "FilterPattern"), pattern);
        assert!(is_reference(template.property(filter, "LogGroupName"), "ReconcilerLogGroup"));
        let metric = &template.property(filter, "MetricTransformations")[0];
        assert_eq!(metric["MetricName"], name);
        assert_eq!(metric["MetricValue"], value);
    }
    for (alarm, metric) in
        [("ReconcilerAlarm", "ReconcilerSuccesses"), ("UndeliveredAlarm", "UndeliveredEvents")]
    {
        assert_eq!(template.property(alarm, "MetricName"), metric);
        assert!(is_reference(template.property(alarm, "Namespace"), "AWS::StackName"));
    }
}

#[test]
fn the_webhook_url_is_where_deliveries_are_accepted() {
    let template = Template::read();
    let url = template.section("Outputs")["WebhookUrl"]["Value"].as_str().unwrap();
    let mut request = signed(event("order.created", "wev_1", "ord_1"), noon());
    *request.uri_mut() = url.strip_prefix("${HttpApi.ApiEndpoint}").unwrap().parse().unwrap();
    assert_eq!(World::new().knock(request, noon()), answer(202, "accepted"));
}

fn is_reference(value: &Value, name: &str) -> bool {
    matches!(value, Value::Tagged(tagged) if tagged.tag == "!Ref" && tagged.value == name)
}

/// What the receiver makes of the environment that it has.
fn config(template: &Template) -> Result<Config, String> {
    let variables = template.variables("ReceiverFunction");
    Config::read(|name| variables.get(name).cloned()).map_err(|error| error.to_string())
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value.as_mapping().unwrap().keys().map(|key| key.as_str().unwrap())
}

/// All the text in a value, in the order in which it stands there; the keys of mappings apart.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Sequence(values) => values.iter().flat_map(texts).collect(),
        Value::Mapping(values) => values.values().flat_map(texts).collect(),
        Value::Tagged(tagged) => texts(&tagged.value),
        _ => Vec::new(),
    }
}
