//! The dashboard and the saved queries of the stack agree with what there is to see, in every form of the stack.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value as Json;

use crate::support::{
    cloudformation::Template,
    metrics::{Metric, assert_emitted},
    setup,
};

const DASHBOARD: &str = "StackDashboard";
const QUERIES: [&str; 4] = ["DifferingDuplicatesQuery", "OneEventQuery", "RefusalsQuery", "SlowestQuery"];

const QUEUES: [&str; 6] = [
    "own queue",
    "fan-out",
    "existing queue",
    "existing queue with dead letters",
    "queue of another account",
    "queue of another account with dead letters",
];

fn with_queue(template: Template, queue: &str) -> Template {
    let account = if queue.contains("another") { "123456789012" } else { "000000000000" };
    let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:{account}:{name}.fifo");
    let template = match queue {
        "own queue" => return template,
        "fan-out" => return template.given("FanOut", "topic"),
        _ => template,
    };
    let url = format!("https://sqs.eu-west-1.amazonaws.com/{account}/orders.fifo");
    let template = template.given("EventQueueUrl", &url).given("EventQueueArn", &arn("orders"));
    if queue.ends_with("dead letters") {
        template.given("DeadLetterQueueArn", &arn("dead"))
    } else {
        template
    }
}

/// Every form of the stack: with and without reconciler, with one or several sources, and by the queue.
fn forms() -> Vec<(String, Template)> {
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:000000000000:secret:{name}-a1b2c3");
    let sources = format!(r#"{{"duffel":{{"scheme":"duffel","secret_arn":"{}"}}}}"#, arn("duffel"));
    let mut forms = Vec::new();
    for queue in QUEUES {
        for has_reconciler in [false, true] {
            for has_sources in [false, true] {
                let mut template = with_queue(Template::read().of_stack("duffel-webhook-receiver"), queue);
                if has_reconciler {
                    template = template.given("AccessTokenSecretArn", &arn("token"));
                }
                if has_sources {
                    template = template.given("AlarmSilenceHours", "24");
                    template = template.given("Sources", &sources).given("SourceSecretArns", &arn("duffel"));
                }
                assert_eq!(template.refusals(), [""; 0]);
                forms.push((
                    format!("{queue}, reconciler {has_reconciler}, sources and silence {has_sources}"),
                    template,
                ));
            }
        }
    }
    forms
}

fn widgets(template: &Template) -> Vec<Json> {
    let body = template.resolve(template.property(DASHBOARD, "DashboardBody")).unwrap();
    let body: Json =
        serde_json::from_str(body.as_str().unwrap()).unwrap_or_else(|error| panic!("{error}: {body}"));
    body["widgets"].as_array().unwrap().clone()
}

pub fn of_kind(template: &Template, kind: &str) -> Vec<Json> {
    let properties = |widget: &Json| (widget["type"] == kind).then(|| widget["properties"].clone());
    widgets(template).iter().filter_map(properties).collect()
}

fn metric(namespace: &str, name: &str, dimensions: impl Iterator<Item = (String, String)>) -> Metric {
    Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions.collect() }
}

/// The metrics that a widget draws, by its own list and by its searches.
pub fn metrics(widget: &Json) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for row in widget["metrics"].as_array().unwrap() {
        let row = row.as_array().unwrap();
        let texts: Vec<_> = row.iter().map_while(Json::as_str).collect();
        if let [namespace, name, dimensions @ ..] = &texts[..] {
            assert!(dimensions.len().is_multiple_of(2), "{row:?}");
            let dimensions = dimensions.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
            metrics.push(metric(namespace, name, dimensions));
        } else if let Some(search) =
            row[0]["expression"].as_str().and_then(|text| text.strip_prefix("SEARCH("))
        {
            let (schema, rest) = search.strip_prefix("'{").and_then(|text| text.split_once('}')).unwrap();
            let (namespace, dimensions) = schema.split_once(',').unwrap();
            // The name of a stack may have a hyphen, and then it must be quoted.
            let namespace = namespace.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap();
            let name = rest.split('"').nth(1).unwrap();
            assert_eq!(rest, format!(r#" MetricName="{name}"', 'Sum', 300)"#));
            // It finds every value of the dimensions.
            let dimensions = dimensions.split(',').map(|name| (name.to_owned(), "*".to_owned()));
            metrics.push(metric(namespace, name, dimensions));
        }
    }
    metrics
}

#[test]
fn dashboard_is_valid_json_whose_rows_fill_the_width_in_every_form_of_the_stack() {
    for (form, template) in forms() {
        let (mut left, mut height) = (0, None);
        for widget in widgets(&template) {
            let size = |name: &str| widget[name].as_u64().unwrap();
            assert_eq!(*height.get_or_insert(size("height")), size("height"), "{form}: {widget}");
            left += size("width");
            assert!(left <= 24, "{form}: {widget}");
            if left == 24 {
                (left, height) = (0, None);
            }
            assert_eq!(
                widget["properties"]["region"].is_null(),
                widget["type"] == "alarm",
                "{form}: {widget}"
            );
        }
        assert_eq!(left, 0, "{form}: the last row is not full");
    }
}

#[test]
fn dashboard_shows_every_alarm_of_the_stack_and_no_other() {
    for (form, template) in forms() {
        let [alarms] = &of_kind(&template, "alarm")[..] else { panic!("one widget of alarms") };
        let arns = alarms["alarms"].as_array().unwrap().iter();
        let names = arns.map(|arn| arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned());
        let shown: BTreeSet<_> = names.collect();
        let resources = template.existing("Resources").into_iter();
        let alarms: BTreeSet<_> = resources
            .filter(|name| template.resource(name)["Type"] == "AWS::CloudWatch::Alarm")
            .map(str::to_owned)
            .collect();
        assert_eq!(shown, alarms, "{form}");
    }
}

#[test]
fn every_metric_of_the_dashboard_exists_in_every_form_of_the_stack() {
    for (form, template) in forms() {
        let mut count = 0;
        for widget in of_kind(&template, "metric") {
            let all = metrics(&widget);
            assert!(!all.is_empty(), "{form}: {widget}");
            for metric in all {
                assert_emitted(&template, &metric);
                count += 1;
            }
        }
        assert!(count > 15, "{form}: {count}");
    }
}

#[test]
fn ids_in_expressions_are_those_of_the_same_widget() {
    for (form, template) in forms() {
        for widget in of_kind(&template, "metric") {
            let rows = widget["metrics"].as_array().unwrap().iter();
            let options: Vec<_> = rows.filter_map(|row| row.as_array()?.last()).collect();
            let ids: BTreeSet<_> = options.iter().filter_map(|it| it["id"].as_str()).collect();
            let expressions = options.iter().filter_map(|it| it["expression"].as_str());
            for expression in expressions.filter(|text| !text.starts_with("SEARCH(")) {
                let used =
                    expression.split(|c: char| !c.is_ascii_lowercase()).filter(|word| !word.is_empty());
                assert!(
                    used.clone().count() > 0 && used.into_iter().all(|id| ids.contains(id)),
                    "{form}: {expression}"
                );
            }
        }
    }
}

#[test]
fn dashboard_without_reconciler_or_topic_has_nothing_of_them() {
    for (form, template) in forms() {
        let body = template.resolve(template.property(DASHBOARD, "DashboardBody")).unwrap().to_string();
        for (part, condition) in
            [("econciler", "HasReconciler"), ("EventTopic", "FansOut"), ("AWS/SQS", "WatchQueue")]
        {
            assert_eq!(body.contains(part), template.holds(&condition.into()), "{form}: {part}");
        }
    }
}

#[test]
fn dashboard_can_be_left_out() {
    let template = Template::read();
    let name = template.resolve(template.property(DASHBOARD, "DashboardName"));
    assert_eq!(name, Some("hooks-eu-west-1".into()));
    assert_eq!(template.section("Parameters")["Dashboard"]["Default"], "true");
    let url = template.resolve(&template.section("Outputs")["DashboardUrl"]["Value"]).unwrap();
    assert_eq!(
        url,
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/StackDashboard"
    );
    let without = Template::read().given("Dashboard", "false");
    let left_out: Vec<_> = template
        .existing("Resources")
        .difference(&without.existing("Resources"))
        .map(|it| (*it).to_owned())
        .collect();
    assert_eq!(left_out, [DASHBOARD]);
    assert!(!without.existing("Outputs").contains("DashboardUrl"));
}

#[test]
fn the_picture_shows_every_widget_and_is_that_of_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy("docs/dashboard.json", folder.path().join("dashboard.json")).unwrap();
    setup::run(
        Command::new("python3").arg("benches/dashboard_plot.py").arg(folder.path()).stdin(Stdio::null()),
    );
    let [drawn, kept] = [folder.path(), Path::new("docs")]
        .map(|folder| fs::read_to_string(folder.join("dashboard.svg")).unwrap());
    assert!(drawn == kept, "docs/dashboard.svg is old: run python3 benches/dashboard_plot.py");
    for widget in widgets(&Template::read()) {
        let title = widget["properties"]["title"].as_str().unwrap();
        assert!(kept.contains(&format!(">{title}<")), "{title}");
    }
    assert!(kept.contains("recorded in the laboratory"));
}

/// The fields of a delivery's line, by the table of `docs/reference.md`.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../docs/reference.md");
    let section = page.split("\n## Log\n").nth(1).unwrap().split("\n### ").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| cell.split(", ").map(|name| name.trim_matches('`').to_owned())).collect()
}

/// The names of fields in a query: not its commands, functions, texts, comments, and the names that it gives.
fn fields(query: &str) -> BTreeSet<String> {
    const WORDS: [&str; 18] = [
        "and",
        "as",
        "asc",
        "by",
        "count",
        "desc",
        "fields",
        "filter",
        "in",
        "ispresent",
        "limit",
        "max",
        "min",
        "or",
        "sort",
        "stats",
        "SOURCE",
        "like",
    ];
    let lines = query.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let is_quote = |c| c == '"' || c == '\'';
    let code: String = lines.split(is_quote).step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<_> = code
        .split(|c: char| !(c.is_ascii_alphanumeric() || "._@".contains(c)))
        .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    let given: BTreeSet<_> = words.windows(2).filter(|pair| pair[0] == "as").map(|pair| pair[1]).collect();
    let names = words.iter().filter(|word| !WORDS.contains(word) && !given.contains(*word));
    names.map(|name| (*name).to_owned()).collect()
}

fn queries(template: &Template) -> BTreeMap<String, String> {
    let text = |name: &str| {
        template.resolve(template.property(name, "QueryString")).unwrap().as_str().unwrap().to_owned()
    };
    let mut queries: BTreeMap<_, _> = QUERIES.iter().map(|name| ((*name).to_owned(), text(name))).collect();
    for widget in of_kind(template, "log") {
        queries.insert(widget["title"].to_string(), widget["query"].as_str().unwrap().to_owned());
    }
    queries
}

#[test]
fn queries_name_fields_that_the_receiver_writes() {
    let documented = documented();
    assert!(documented.len() > 15 && documented.contains("event.recorded_id"), "{documented:?}");
    for (form, template) in forms() {
        for (name, query) in queries(&template) {
            let fields = fields(&query);
            assert!(fields.len() >= 3, "{form}: {name}: {fields:?}");
            let unknown: Vec<_> = fields
                .iter()
                .filter(|field| *field != "@timestamp" && !documented.contains(*field))
                .collect();
            assert_eq!(unknown, [""; 0], "{form}: {name}");
        }
    }
}

#[test]
fn names_in_a_query_are_read_without_its_words_and_texts() {
    let query = "# of events\nfields @timestamp, event.id\n| filter a_1 = \"x y\" and b in ['c', \"d\"]\n| stats count(*) as e by f | sort e desc | limit 50";
    assert_eq!(fields(query), ["@timestamp", "a_1", "b", "event.id", "f"].map(str::to_owned).into());
}

#[test]
fn saved_queries_are_those_of_the_stack_and_read_its_log() {
    let template = Template::read();
    let resources = template.existing("Resources").into_iter();
    let saved: Vec<_> =
        resources.filter(|name| template.resource(name)["Type"] == "AWS::Logs::QueryDefinition").collect();
    assert_eq!(saved, QUERIES);
    for query in saved {
        let name = template.resolve(template.property(query, "Name")).unwrap();
        assert!(name.as_str().unwrap().starts_with("hooks/"), "{name}");
        let groups = template.resolve(template.property(query, "LogGroupNames")).unwrap();
        assert_eq!(groups, serde_json::json!(["ReceiverLogGroup"]));
    }
}

/// `CloudWatch` indexes at most 20 fields of a log group.
#[test]
fn the_ids_of_the_log_are_indexed() {
    let template = Template::read();
    let policies = template.resolve(template.property("ReceiverLogGroup", "FieldIndexPolicies")).unwrap();
    let indexed = policies[0]["Fields"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned());
    let indexed: BTreeSet<_> = indexed.collect();
    let is_id = |field: &&String| field.ends_with("id") || field.ends_with("identity");
    assert_eq!(indexed, documented().iter().filter(is_id).cloned().collect());
    assert!(indexed.len() <= 20);
    assert_eq!(policies.as_array().unwrap().len(), 1);
}
