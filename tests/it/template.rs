//! The template and the code say the same.

use std::{collections::BTreeSet, ffi::OsStr, path::Path};

use duffel_webhook_receiver::{
    aws::{ACTIONS, PARTITION_KEY, RECONCILER_ACTIONS, TTL_ATTRIBUTE},
    config::{Config, DEFAULT_WINDOW, Secrets, VARIABLES},
    queue::MAX_MESSAGE_BYTES,
    reconcile::{self, MAX_LOOK_BACK, Settings},
    signature::SignatureError,
};
use serde_yaml_ng::Value;

use crate::{
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
        let metadata = &template.0["Resources"][function]["Metadata"];
        assert_eq!(metadata["BuildMethod"], "rust-cargolambda");
        assert_eq!(metadata["BuildProperties"]["Binary"].as_str(), binary);
    }
}

#[test]
fn the_function_is_given_every_variable_but_the_secret_itself() {
    let template = Template::read();
    let given: BTreeSet<_> = keys(template.variables("ReceiverFunction")).collect();
    let read = VARIABLES.into_iter().filter(|name| *name != "WEBHOOK_SECRET").collect();
    assert_eq!(given, read);
}

#[test]
fn the_reconciler_is_given_every_variable_but_duffels_address() {
    let template = Template::read();
    let given: BTreeSet<_> = keys(template.variables("ReconcilerFunction")).collect();
    let read = reconcile::VARIABLES.into_iter().filter(|name| *name != "DUFFEL_API_URL").collect();
    assert_eq!(given, read);
}

#[test]
fn the_reconciler_starts_with_the_defaults_and_a_token() {
    let mut template = Template::read();
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-a1b2c3";
    template.0["Parameters"]["AccessTokenSecretArn"]["Default"] = arn.into();
    let variables = template.variables("ReconcilerFunction");
    let settings = Settings::read(|name| template.resolve(variables.get(name)?)).unwrap();
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
    for name in keys(&template.0["Resources"]) {
        let resource = &template.0["Resources"][name];
        let is_its = |text: &&str| text.starts_with("Reconciler") || *text == "UndeliveredEvents";
        if is_its(&name) || texts(&resource["Properties"]).iter().any(is_its) {
            count += 1;
            assert_eq!(resource["Condition"], "HasReconciler", "{name}");
        }
    }
    assert_eq!(count, 8);
    assert_eq!(template.0["Outputs"]["ReconcilerFunctionName"]["Condition"], "HasReconciler");
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
    let config = Template::read().config().unwrap();
    assert_eq!(config.window, DEFAULT_WINDOW);
    assert_eq!(config.sources[0].tolerance, DEFAULT_WINDOW);
    assert!(config.ledger_table.is_some());
    assert!(matches!(config.sources[0].secrets, Secrets::Stored(_)));
}

#[test]
fn the_receiver_starts_with_every_mode_on_offer() {
    let mut template = Template::read();
    let modes = template.0["Parameters"]["LiveMode"]["AllowedValues"].as_sequence().unwrap().clone();
    assert_eq!(modes.len(), 3);
    for mode in modes {
        template.0["Parameters"]["LiveMode"]["Default"] = mode;
        template.config().unwrap();
    }
}

#[test]
fn the_receiver_starts_with_sources_of_which_no_secret_is_in_the_template() {
    let mut template = Template::read();
    let sources = r#"{"payments":{"scheme":"stripe","secret_arn":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-a1b2c3"}}"#;
    template.0["Parameters"]["Sources"]["Default"] = sources.into();
    let config = template.config().unwrap();
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
fn the_role_allows_the_calls_of_the_receiver_and_no_more() {
    assert_eq!(allowed("ReceiverFunction", "ReceiverRole"), ACTIONS);
}

#[test]
fn the_role_of_the_reconciler_allows_its_one_call_and_nothing_on_queue_and_table() {
    assert_eq!(allowed("ReconcilerFunction", "ReconcilerRole"), RECONCILER_ACTIONS);
    let template = Template::read();
    let texts = texts(template.property("ReconcilerRole", "Policies"));
    assert!(texts.contains(&"AccessTokenSecretArn"));
    for other in ["EventQueue", "DeadLetterQueue", "LedgerTable", "WebhookSecret", "ReceiverLogGroup"] {
        assert!(!texts.iter().any(|text| text.contains(other)), "{texts:?}");
    }
}

/// The actions of a role, which has nothing but statements of its own, sorted; those of its log group apart.
fn allowed(function: &str, role: &str) -> Vec<String> {
    let template = Template::read();
    assert_eq!(template.property(function, "Policies"), &Value::Null);
    assert!(is_tagged(template.property(function, "Role"), "!GetAtt", &format!("{role}.Arn")));
    assert_eq!(template.property(role, "ManagedPolicyArns"), &Value::Null);

    let mut allowed = Vec::new();
    for policy in sequence(template.property(role, "Policies")) {
        for statement in sequence(&policy["PolicyDocument"]["Statement"]) {
            // A statement that depends on a condition is the first branch of an `!If`.
            let statement = if is_if(statement) { &statement[1] } else { statement };
            assert_eq!(statement["Effect"], "Allow", "{statement:?}");
            for member in ["NotAction", "NotResource"] {
                assert_eq!(statement[member], Value::Null, "{statement:?}");
            }
            let resource = &statement["Resource"];
            assert!(matches!(resource, Value::Tagged(_)), "not one resource of the stack: {resource:?}");
            assert!(!texts(resource).iter().any(|text| text.contains('*')), "a wildcard: {resource:?}");
            let actions = texts(&statement["Action"]);
            if actions == ["kms:Decrypt"] {
                // Not a call of ours: Secrets Manager makes it in our name, and only it may.
                let condition = &statement["Condition"]["StringEquals"]["kms:ViaService"];
                assert!(texts(condition)[0].starts_with("secretsmanager."), "{statement:?}");
            } else {
                allowed.extend(actions);
            }
        }
    }
    allowed.retain(|action| !["logs:CreateLogStream", "logs:PutLogEvents"].contains(action));
    allowed.sort_unstable();
    allowed.into_iter().map(str::to_owned).collect()
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
    for name in keys(&template.0["Resources"]) {
        let resource = &template.0["Resources"][name];
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
        assert!(is_tagged(template.property(filter, "LogGroupName"), "!Ref", "ReconcilerLogGroup"));
        let metric = &template.property(filter, "MetricTransformations")[0];
        assert_eq!(metric["MetricName"], name);
        assert_eq!(metric["MetricValue"], value);
    }
    for (alarm, metric) in
        [("ReconcilerAlarm", "ReconcilerSuccesses"), ("UndeliveredAlarm", "UndeliveredEvents")]
    {
        assert_eq!(template.property(alarm, "MetricName"), metric);
        assert!(is_tagged(template.property(alarm, "Namespace"), "!Ref", "AWS::StackName"));
    }
}

#[test]
fn the_webhook_url_is_where_deliveries_are_accepted() {
    let template = Template::read();
    let url = template.0["Outputs"]["WebhookUrl"]["Value"].as_str().unwrap();
    let mut request = signed(event("order.created", "wev_1", "ord_1"), noon());
    *request.uri_mut() = url.strip_prefix("${HttpApi.ApiEndpoint}").unwrap().parse().unwrap();
    assert_eq!(World::new().knock(request, noon()), answer(202, "accepted"));
}

/// The template as it is written; what `CloudFormation` would make of it comes from [`Template::resolve`].
struct Template(Value);

impl Template {
    fn read() -> Self {
        Self(serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap())
    }

    fn property(&self, resource: &str, name: &str) -> &Value {
        let resource = &self.0["Resources"][resource];
        assert!(resource.is_mapping(), "the resource is gone; was it renamed?");
        &resource["Properties"][name]
    }

    fn variables(&self, function: &str) -> &Value {
        &self.property(function, "Environment")["Variables"]
    }

    /// What the receiver makes of the environment that it has where every parameter is left alone.
    fn config(&self) -> Result<Config, String> {
        let variables = self.variables("ReceiverFunction");
        let read = |name: &str| self.resolve(variables.get(name)?);
        Config::read(read).map_err(|error| error.to_string())
    }

    /// `None` for what `CloudFormation` leaves out.
    fn resolve(&self, value: &Value) -> Option<String> {
        let Value::Tagged(tagged) = value else {
            let number = value.as_u64().map(|number| number.to_string());
            return Some(number.or_else(|| value.as_str().map(str::to_owned)).unwrap());
        };
        match (tagged.tag.to_string().as_str(), &tagged.value) {
            ("!Ref", Value::String(name)) if name == "AWS::NoValue" => None,
            ("!Ref", Value::String(name)) => Some(self.reference(name)),
            ("!If", parts) => self.resolve(if self.holds(&parts[0]) { &parts[1] } else { &parts[2] }),
            _ => panic!("{value:?} means nothing to this test"),
        }
    }

    fn reference(&self, name: &str) -> String {
        let resource = &self.0["Resources"][name];
        match resource["Type"].as_str() {
            None => self.resolve(&self.0["Parameters"][name]["Default"]).unwrap(),
            Some("AWS::SQS::Queue") => {
                let name = texts(&resource["Properties"]["QueueName"])[0].replace(['$', '{', ':', '}'], "");
                format!("https://sqs.eu-west-1.amazonaws.com/123456789012/{name}")
            }
            Some("AWS::SecretsManager::Secret") => {
                format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-a1b2c3")
            }
            Some(_) => name.to_owned(),
        }
    }

    fn holds(&self, condition: &Value) -> bool {
        let Value::Tagged(tagged) = condition else {
            return self.holds(&self.0["Conditions"][condition.as_str().unwrap()]);
        };
        match (tagged.tag.to_string().as_str(), &tagged.value) {
            ("!Equals", parts) => self.resolve(&parts[0]) == self.resolve(&parts[1]),
            ("!Not", parts) => !self.holds(&parts[0]),
            ("!And", parts) => sequence(parts).iter().all(|part| self.holds(part)),
            ("!Condition", name) => self.holds(name),
            _ => panic!("{condition:?} means nothing to this test"),
        }
    }
}

fn is_if(value: &Value) -> bool {
    matches!(value, Value::Tagged(tagged) if tagged.tag == "!If")
}

fn is_tagged(value: &Value, tag: &str, text: &str) -> bool {
    matches!(value, Value::Tagged(tagged) if tagged.tag == tag && tagged.value == text)
}

fn sequence(value: &Value) -> &[Value] {
    value.as_sequence().unwrap()
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
