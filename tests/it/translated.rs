//! The template after SAM's transformation, where the emulator cannot show it: limits of routes, timeouts, roles.

use std::{collections::BTreeSet, fs, process::Command, sync::OnceLock};

use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::support::{setup, topic::subscriber};

/// The template for `CloudFormation`.
fn translated() -> &'static Value {
    static TRANSLATED: OnceLock<Value> = OnceLock::new();
    TRANSLATED.get_or_init(|| {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let result = folder.path().join("translated.json");
        let mut python = Command::new(setup::sam());
        python.current_dir(env!("CARGO_MANIFEST_DIR")).env("AWS_DEFAULT_REGION", "us-east-1");
        setup::run(python.args([".ci/translate.py", "template.yaml"]).arg(&result));
        serde_json::from_slice(&fs::read(result).unwrap()).unwrap()
    })
}

/// The resources of a type, with their names.
fn of_type(kind: &str) -> Vec<(&'static str, &'static Value)> {
    let all = translated()["Resources"].as_object().unwrap().iter();
    all.filter(|(_, it)| it["Type"] == kind).map(|(name, it)| (name.as_str(), &it["Properties"])).collect()
}

fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

/// Requests that exhaust the limit of other routes do not affect the limit of deliveries.
#[test]
fn deliveries_do_not_share_a_limit_with_other_requests() {
    let [(_, stage)] = of_type("AWS::ApiGatewayV2::Stage")[..] else { panic!("one stage") };
    assert_eq!(
        stage["DefaultRouteSettings"],
        json!({ "ThrottlingRateLimit": 20, "ThrottlingBurstLimit": 40 })
    );
    let deliveries = json!({ "ThrottlingRateLimit": reference("RateLimit"), "ThrottlingBurstLimit": reference("BurstLimit") });
    assert_eq!(stage["RouteSettings"], json!({ "POST /webhooks/{source}": deliveries }));
    for (parameter, default) in [("RateLimit", 1_000), ("BurstLimit", 2_000)] {
        assert_eq!(translated()["Parameters"][parameter]["Default"], default);
    }
}

/// API Gateway refuses settings for a route that does not exist.
#[test]
fn every_route_leads_to_the_receiver_which_has_the_time_it_needs() {
    let [(_, api)] = of_type("AWS::ApiGatewayV2::Api")[..] else { panic!("one API") };
    let paths = api["Body"]["paths"].as_object().unwrap();
    let routes: Vec<_> = paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().iter().map(move |it| (path.as_str(), it)))
        .collect();
    let names: BTreeSet<_> = routes.iter().map(|(path, (method, _))| (*path, method.as_str())).collect();
    assert_eq!(
        names,
        [("/webhooks/{source}", "post"), ("$default", "x-amazon-apigateway-any-method")].into()
    );
    for (path, (_, operation)) in routes {
        let integration = &operation["x-amazon-apigateway-integration"];
        assert!(integration["uri"].to_string().contains("${ReceiverFunction.Arn}"), "{path}: {integration}");
        assert_eq!(integration["payloadFormatVersion"], "2.0", "{path}");
        // Longer than the function's 10 s, so that the function answers and not the gateway.
        assert_eq!(integration["timeoutInMillis"], 29_000, "{path}");
    }
    let arns: Vec<_> = of_type("AWS::Lambda::Permission")
        .iter()
        .map(|(_, permission)| permission["SourceArn"]["Fn::Sub"][0].as_str().unwrap())
        .collect();
    assert!(arns.iter().any(|arn| arn.ends_with("/*") || arn.ends_with("$default")), "{arns:?}");
}

#[test]
fn every_role_has_the_permissions_boundary() {
    let roles = of_type("AWS::IAM::Role");
    assert_eq!(roles.len(), 3, "of the receiver, the reconciler and its schedule");
    for (name, role) in roles {
        let boundary = &role["PermissionsBoundary"]["Fn::If"];
        assert_eq!(boundary[0], "HasBoundary", "{name}");
        assert_eq!(boundary[1], reference("PermissionsBoundaryArn"), "{name}");
        assert_eq!(boundary[2], reference("AWS::NoValue"), "{name}");
    }
}

/// The linter that comes with SAM.
#[test]
fn the_subscriber_in_the_documentation_is_a_valid_template() {
    let file = tempfile::NamedTempFile::with_suffix_in(".yaml", env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(&file, subscriber()).unwrap();
    let mut lint = Command::new(setup::sam().with_file_name("cfn-lint"));
    setup::run(lint.args(["--regions", "eu-west-1", "--template"]).arg(file.path()));
}

/// Actions that the schemas of `CloudFormation` name but the template does not need.
const UNUSED: [&str; 43] = [
    "dynamodb:AssociateTableReplica",
    "dynamodb:BatchWriteItem",
    "dynamodb:CreateTableReplica",
    "dynamodb:DeleteItem",
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:DisableKinesisStreamingDestination",
    "dynamodb:EnableKinesisStreamingDestination",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:PutResourcePolicy",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "dynamodb:UpdateKinesisStreamingDestination",
    "ec2:",
    "elasticfilesystem:",
    "firehose:",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:CreateServiceLinkedRole",
    "iam:DetachGroupPolicy",
    "iam:DetachUserPolicy",
    "kinesis:",
    "kms:",
    "lambda:AssociateRuntimeAlias",
    "lambda:GetCodeSigningConfig",
    "lambda:GetLayerVersion",
    "lambda:PassCapacityProvider",
    "lambda:PublishVersion",
    "logs:AssociateKmsKey",
    "logs:CreateLogStream",
    "logs:DeleteDataProtectionPolicy",
    "logs:DeleteResourcePolicy",
    "logs:DisassociateKmsKey",
    "logs:PutBearerTokenAuthentication",
    "logs:PutDataProtectionPolicy",
    "logs:PutLogEvents",
    "logs:PutLogGroupDeletionProtection",
    "s3",
    "secretsmanager:GetRandomPassword",
    "secretsmanager:GetSecretValue",
    "secretsmanager:RemoveRegionsFromReplication",
    "secretsmanager:ReplicateSecretToRegions",
];

/// Each action of the table in `docs/deploying.md`, as a pattern.
fn rights() -> Vec<WildMatch> {
    let page = include_str!("../../docs/deploying.md");
    let section = page.split("\n## What the deployer needs\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    rows.flat_map(|row| {
        let service = row[0].trim_end_matches('`');
        row[1]
            .split(' ')
            .map(move |action| WildMatch::new(&format!("{service}:{}", action.trim_matches('`'))))
    })
    .collect()
}

#[test]
fn the_documented_rights_of_the_deployer_cover_what_cloudformation_does() {
    let types: BTreeSet<_> = translated()["Resources"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|it| it["Type"].as_str())
        .collect();
    let mut python = Command::new(setup::sam());
    python.args(["-c", include_str!("../deployed/rights.py")]).args(types);
    let needed: Vec<String> = serde_json::from_slice(&setup::run(&mut python)).unwrap();
    assert!(needed.len() > 100, "{needed:?}");
    let rights = rights();
    let missing: Vec<_> = needed
        .iter()
        .filter(|action| !rights.iter().any(|right| right.matches(action)))
        .filter(|action| !UNUSED.iter().any(|unused| action.starts_with(unused)))
        .collect();
    assert_eq!(missing, [""; 0]);
    // The access log of an HTTP API: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html>.
    let actions = ["CreateLogDelivery", "DeleteLogDelivery", "DescribeResourcePolicies", "GetLogDelivery"];
    for action in [&actions[..], &["ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery"]].concat() {
        assert!(rights.iter().any(|right| right.matches(&format!("logs:{action}"))), "{action}");
    }
}
