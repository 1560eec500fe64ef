//! The template and the code say the same.

use std::{collections::BTreeSet, ffi::OsStr, path::Path, process::Command};

use duffel_webhook_receiver::{
    aws::{PARTITION_KEY, TTL_ATTRIBUTE},
    config::{Config, DEFAULT_WINDOW, Secrets, VARIABLES},
    operator::Output,
    queue::MAX_MESSAGE_BYTES,
    signature::SignatureError,
};
use serde_yaml_ng::Value;

use crate::{
    cloudformation::Template,
    helpers::{World, answer, event, noon, signed},
};

#[test]
fn the_function_is_built_from_the_receiver() {
    let binary = Path::new(env!("CARGO_BIN_EXE_receiver")).file_stem().and_then(OsStr::to_str);
    let template = Template::read();
    let metadata = &template.resource("ReceiverFunction")["Metadata"];
    assert_eq!(metadata["BuildMethod"], "rust-cargolambda");
    assert_eq!(metadata["BuildProperties"]["Binary"].as_str(), binary);
}

#[test]
fn the_function_is_built_without_what_only_the_operator_needs() {
    let cargo = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let metadata = Command::new(env!("CARGO")).args(cargo).output().unwrap().stdout;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    let build = &metadata["packages"][0]["metadata"]["lambda"]["build"];
    assert_eq!(build, &serde_json::json!({ "no_default_features": true, "features": ["aws"] }));
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
fn the_function_logs_json() {
    assert_eq!(Template::read().property("ReceiverFunction", "LoggingConfig")["LogFormat"], "JSON");
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
fn the_webhook_url_is_where_deliveries_are_accepted() {
    let template = Template::read();
    let url = template.section("Outputs")["WebhookUrl"]["Value"].as_str().unwrap();
    let mut request = signed(event("order.created", "wev_1", "ord_1"), noon());
    *request.uri_mut() = url.strip_prefix("${HttpApi.ApiEndpoint}").unwrap().parse().unwrap();
    assert_eq!(World::new().knock(request, noon()), answer(202, "accepted"));
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
