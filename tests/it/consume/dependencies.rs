//! The dependencies of the feature `consume`, which a consumer pays for.

use std::{collections::BTreeSet, env, process::Command};

/// Returns the names of the crates that are linked in or run at build time.
fn dependencies(features: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["tree", "--locked", "--offline", "--no-default-features", "--features", features]);
    cargo.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let done = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let lines = String::from_utf8(done.stdout).unwrap();
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn a_consumer_gets_no_aws_sdk_no_tls_no_http_and_no_tool() {
    let names = dependencies("consume");
    let outside = |name: &&String| {
        ["aws-", "lambda_", "rustls", "hyper", "clap", "h2"].iter().any(|prefix| name.starts_with(prefix))
            || ["http", "ring", "ureq", "openssl", "tracing-subscriber", "url"].contains(&name.as_str())
    };
    let outside: Vec<_> = names.iter().filter(outside).collect();
    assert!(outside.is_empty(), "{outside:?}");
    // The test can fail: the endpoint and the SDK have them.
    assert!(dependencies("aws").iter().any(|name| outside_names(name)));
}

fn outside_names(name: &str) -> bool {
    name.starts_with("aws-") || name == "hyper"
}

#[test]
fn a_consumer_adds_five_small_crates_to_the_pipeline() {
    let (pipeline, consumer) = (dependencies(""), dependencies("consume"));
    let added: Vec<_> = consumer.difference(&pipeline).map(String::as_str).collect();
    assert_eq!(added, ["futures-core", "futures-task", "futures-util", "md-5", "slab"]);
    assert!(consumer.len() <= 60, "{}", consumer.len());
}
