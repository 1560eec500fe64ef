//! The parameters of the template: which values are valid, and how they reach a stack.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use duffel_webhook_receiver::config::Config;
use serde_json::{Value, json};

use crate::support::{cloudformation::Template, setup};

/// The time for which Duffel retries.
const RETRIES: Duration = Duration::from_hours(72);

/// Runs Python with the libraries of the SAM CLI, with JSON on standard input and output.
fn python(program: &str, arguments: &[&str], input: &Value) -> Value {
    let mut python = Command::new(setup::sam());
    python.args(["-c", program]).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The values that the `AllowedPattern` of a parameter accepts.
fn accepted<'a>(parameter: &str, values: &[&'a str]) -> Vec<&'a str> {
    let template = Template::read();
    let pattern = template.section("Parameters")[parameter]["AllowedPattern"].as_str().unwrap();
    let program = "import json, re, sys\n[pattern, values] = json.load(sys.stdin)\n\
                   print(json.dumps([bool(re.fullmatch(pattern, value)) for value in values]))";
    let matches = python(program, &[], &json!([pattern, values]));
    let matches = matches.as_array().unwrap().iter().map(|it| it.as_bool().unwrap());
    values.iter().zip(matches).filter(|(_, matches)| *matches).map(|(value, _)| *value).collect()
}

#[test]
fn the_window_is_not_shorter_than_duffels_retries() {
    let counts = 1..=130;
    let all: Vec<_> =
        counts.flat_map(|count| ["s", "m", "h", "d", "w"].map(|unit| format!("{count}{unit}"))).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let accepted_of_all = accepted("DedupWindow", &all);
    for window in ["3d", "7d", "10d", "72h", "84h", "100h", "1w"] {
        assert!(accepted_of_all.contains(&window), "{window}");
    }
    for window in accepted_of_all {
        assert!(humantime::parse_duration(window).unwrap() >= RETRIES, "{window}");
        let variables = Template::read().given("DedupWindow", window).variables("ReceiverFunction");
        Config::read(|name| variables.get(name).cloned()).unwrap();
    }
    let refused = [
        "", "0d", "2d", "1d12h", "71h", "9h", "3", "d", "-7d", "7d;", "1d 12h", "3d 12h", " 7d", "4320m",
        "259200s",
    ];
    assert_eq!(accepted("DedupWindow", &refused), [""; 0]);
    assert_eq!(accepted("DedupWindow", &["3d12h", "72h30m", "1w1d"]), ["3d12h", "72h30m", "1w1d"]);
}

/// SAM treats the rest of an unquoted value after a space as another parameter, and drops it.
#[test]
fn durations_have_no_spaces() {
    assert_eq!(accepted("SignatureTolerance", &["", "36h", "3d12h", "36h 30m", "3d "]), ["", "36h", "3d12h"]);
}

#[test]
fn a_session_is_not_a_principal_that_may_redrive() {
    let arns = [
        "",
        "arn:aws:iam::123456789012:role/operator",
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Operator_*",
        "arn:aws:iam::123456789012:user/on-call",
        "arn:aws:sts::123456789012:assumed-role/operator/me",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::*:role/operator",
        "*",
    ];
    assert_eq!(accepted("RedrivePrincipalArns", &arns), arns[..4]);
}

#[test]
fn subscribers_accounts_are_twelve_digits() {
    let accounts = ["", "111122223333", "11112222333", "arn:aws:iam::111122223333:root", "*"];
    assert_eq!(accepted("SubscriberAccounts", &accounts), accounts[..2]);
}

#[test]
fn consumers_have_bounds_that_keep_events_from_expiring_between_receives() {
    let parameters = Template::read();
    let parameters = parameters.section("Parameters");
    let bound = |name: &str, bound: &str| parameters[name][bound].as_u64().unwrap();
    for name in ["VisibilityTimeout", "MaxReceiveCount"] {
        assert_eq!(bound(name, "MinValue"), 1);
    }
    // SQS's own limit, and its 14 days.
    assert_eq!(bound("VisibilityTimeout", "MaxValue"), 43_200);
    assert!(bound("VisibilityTimeout", "MaxValue") * bound("MaxReceiveCount", "MaxValue") < 1_209_600);
}

/// The configuration file of `docs/deploying.md`, in the order of its parts, read by SAM itself.
#[test]
fn the_parameters_in_the_documented_configuration_file_reach_the_stack_as_they_are_written() {
    let page = include_str!("../../docs/deploying.md");
    let blocks = page.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let file: String = blocks.collect();
    let parsed = python(include_str!("../deployed/parameters.py"), &["build", "deploy"], &json!(file));
    assert_eq!(parsed["build"], parsed["deploy"], "both are given the same");
    let parameters = parsed["deploy"].as_object().unwrap();
    let template = parameters
        .iter()
        .fold(Template::read(), |template, (name, value)| template.given(name, value.as_str().unwrap()));
    assert_eq!(template.refusals(), [""; 0]);
    for (name, value) in parameters {
        if !template.section("Parameters")[name]["AllowedPattern"].is_null() {
            for member in value.as_str().unwrap().split(',').filter(|_| name != "Sources") {
                assert_eq!(accepted(name, &[member]), [member], "{name}");
            }
        }
    }
    let sources = parameters["Sources"].as_str().unwrap();
    assert_eq!(accepted("Sources", &[sources]), [sources]);
    let variables = template.variables("ReceiverFunction");
    let config = Config::read(|name| variables.get(name).cloned()).unwrap();
    assert_eq!(config.sources[0].name, "duffel");
}
