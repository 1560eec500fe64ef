//! `--stack`, and how the stack is found without it.

use std::{fs, path::Path, process::Command};

use duffel_webhook_receiver::deployment::Output;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    duffel::{DuffelStandIn, LIVE_TOKEN, TOKEN, endpoint},
    ministack::{self, sdk_config},
    stack::{self, Deployed},
    tool::{self, Done},
};

/// The commands that work on a stack, with what else they need.
const COMMANDS: [&str; 11] = [
    "doctor",
    "dlq show",
    "queue show",
    "tail --since 1h --no-follow",
    "trace wev_1",
    "subscribers",
    "replay wev_1 --dry-run",
    "replay --subscriber orders.fifo --since 1h --dry-run",
    "rotate --dry-run",
    "webhooks create --event order.created",
    "webhooks update --active true",
];

const KEPT: &str = "Other active secrets: 1 of unknown mode.\n";

/// A stack, Duffel, and the folder in which the tool runs.
struct Deployment {
    stack: Deployed,
    duffel: DuffelStandIn,
    url: String,
    folder: TempDir,
}

impl Deployment {
    async fn new() -> Self {
        let url = endpoint(&[202]);
        let stack = Deployed::new(&url).await;
        let client = aws_sdk_secretsmanager::Client::new(&sdk_config().await);
        // MiniStack gives a new secret a blank value.
        let put = client.put_secret_value().secret_id(stack.output(Output::SecretArn)).secret_string("old");
        put.send().await.unwrap();
        Self { stack, duffel: DuffelStandIn::start(), url, folder: tempfile::tempdir().unwrap() }
    }

    /// With a file as in the page on deploying.
    async fn configured() -> Self {
        let deployment = Self::new().await;
        let file = fs::read_to_string("samconfig.toml").unwrap();
        let name = &deployment.stack.name;
        let file = file.replace("\"duffel-webhook-receiver\"", &format!("\"{name}\""));
        let file = format!("{file}\n[default.global.parameters]\nregion = \"{}\"\n", ministack::REGION);
        fs::write(deployment.folder.path().join("samconfig.local.toml"), file).unwrap();
        deployment
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = command(self.folder.path(), arguments);
        command.env("DUFFEL_API_URL", self.duffel.url());
        command
    }

    async fn run(&self, arguments: &str) -> Done {
        Done::of(&tool::run(self.command(arguments)).await)
    }

    fn chosen(&self) -> String {
        format!("Stack {} in {} (samconfig.local.toml)\n", self.stack.name, ministack::REGION)
    }

    async fn stored(&self) -> Value {
        let client = aws_sdk_secretsmanager::Client::new(&sdk_config().await);
        let answer = client.get_secret_value().secret_id(self.stack.output(Output::SecretArn)).send().await;
        serde_json::from_str(answer.unwrap().secret_string().unwrap()).unwrap()
    }
}

/// A command in a folder, with AWS's variables but the Region.
fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = tool::command(arguments.split_whitespace());
    command.envs(stack::variables()).env_remove("AWS_REGION").env("DUFFEL_ACCESS_TOKEN", TOKEN);
    command.current_dir(folder);
    command
}

#[tokio::test]
async fn a_webhook_is_created_stored_and_pinged_without_a_url_an_arn_or_an_id() {
    let deployment = Deployment::configured().await;
    let created = deployment.run("webhooks create --event order.created").await;
    assert_eq!(created.code, 0, "{}", created.err);
    let webhook = deployment.duffel.webhooks().remove(0);
    let (id, secret) = (webhook["id"].as_str().unwrap(), webhook["secret"].as_str().unwrap());
    let arn = deployment.stack.output(Output::SecretArn);
    assert_eq!(created.out, format!("Webhook  {id}\nURL      {}\nSecret   in {arn}\n", deployment.url));
    assert_eq!(created.err, format!("{}{KEPT}", deployment.chosen()));
    assert_eq!(deployment.stored().await, json!({ "test": [secret], "any": ["old"] }));

    let accepted = format!("The endpoint of {id} accepted a ping.triggered event.");
    assert_eq!(deployment.run("webhooks ping").await.lines(), [&*accepted]);
    let doctor = deployment.run("doctor").await;
    assert!(doctor.err.starts_with(&deployment.chosen()), "{}", doctor.err);
    assert!(doctor.out.contains(&format!("{} is CREATE_COMPLETE", deployment.stack.name)), "{}", doctor.out);

    let updated = deployment.run("webhooks update --event order.created,ping.triggered").await;
    assert_eq!((updated.code, &*updated.err), (0, &*deployment.chosen()));
    assert_eq!(deployment.duffel.webhooks()[0]["events"], json!(["order.created", "ping.triggered"]));

    // What cannot be undone takes no default.
    deployment.run("webhooks delete --yes").await.assert_failed(2, "give the webhook's id or --stack");
    assert_eq!(deployment.duffel.webhooks().len(), 1);
    let deleted = command_in_region(&deployment, "webhooks delete --yes --stack").await;
    assert_eq!(deleted.lines(), [format!("Deleted {id}: Duffel does not deliver to it any more.")]);
    deployment.run("webhooks ping").await.assert_failed(1, "there is no webhook in test mode: create it");
}

/// A command whose last option is `--stack`.
async fn command_in_region(deployment: &Deployment, arguments: &str) -> Done {
    let mut command = deployment.command(&format!("{arguments} {}", deployment.stack.name));
    command.env("AWS_REGION", ministack::REGION);
    Done::of(&tool::run(command).await)
}

#[tokio::test]
async fn a_webhook_that_delivers_elsewhere_is_not_taken_for_the_stacks() {
    let deployment = Deployment::configured().await;
    let (id, _) = deployment.duffel.register("https://example.com/webhooks/duffel");
    deployment.duffel.asked();
    let refusal = format!(
        "{id} delivers to https://example.com/webhooks/duffel, and the stack {} receives at {}: to use this webhook \
         nevertheless, give its id",
        deployment.stack.name, deployment.url
    );
    deployment.run("webhooks update --active false").await.assert_failed(1, &refusal);
    for command in ["webhooks delete --yes --stack", "webhooks ping --stack"] {
        command_in_region(&deployment, command).await.assert_failed(1, &refusal);
    }
    assert!(deployment.duffel.asked().iter().all(|asked| asked.what.starts_with("GET ")));
    let updated = deployment.run(&format!("webhooks update {id} --url {}", deployment.url)).await;
    assert_eq!((updated.code, &*updated.err), (0, ""), "an id needs no stack");
    assert_eq!(deployment.duffel.webhooks()[0]["url"], deployment.url.as_str());
    // The webhook of the other mode is another one.
    let mut live = deployment.command("webhooks update --active false");
    let live = Done::of(
        &tool::run({
            live.env("DUFFEL_ACCESS_TOKEN", LIVE_TOKEN);
            live
        })
        .await,
    );
    live.assert_failed(1, "there is no webhook in live mode");
}

/// A URL of a custom domain goes with the stack's secret.
#[tokio::test]
async fn a_url_and_a_stack_give_the_stacks_secret() {
    let deployment = Deployment::new().await;
    let url = "https://hooks.example.com/webhooks/duffel";
    let create = format!("webhooks create {url} --event order.created");
    let created = command_in_region(&deployment, &format!("{create} --stack")).await;
    assert_eq!((created.code, &*created.err), (0, KEPT));
    let webhook = deployment.duffel.webhooks().remove(0);
    assert_eq!(webhook["url"], url);
    assert_eq!(deployment.stored().await, json!({ "test": [webhook["secret"]], "any": ["old"] }));
    let id = webhook["id"].as_str().unwrap();
    deployment.run(&format!("webhooks delete --yes {id}")).await.lines();
    // Without a stack, the secret is printed; the default stack is not used.
    let deployment = Deployment::configured().await;
    let created = deployment.run(&create).await;
    let secret = deployment.duffel.webhooks()[0]["secret"].as_str().unwrap().to_owned();
    assert!(created.out.ends_with(&format!("Secret   {secret}\n")), "{}", created.out);
    assert!(!created.err.contains("Stack "), "{}", created.err);
    deployment
        .run(&format!("{create} --replace"))
        .await
        .assert_failed(2, "--replace: give --store or --stack");
}

#[tokio::test]
async fn the_option_counts_before_the_variable_and_the_variable_before_the_file() {
    let deployment = Deployment::configured().await;
    let named = |name: &str, option: &str| {
        let mut command = deployment.command(&format!("dlq show {option}"));
        command.env("AWS_REGION", ministack::REGION).env("DUFFEL_HOOKS_STACK", name);
        tool::run(command)
    };
    let name = &deployment.stack.name;
    let shown = Done::of(&named("other", &format!("--stack {name}")).await);
    assert_eq!((shown.code, &*shown.err), (0, ""));
    Done::of(&named("other", "").await).assert_failed(
        1,
        "Stack other (DUFFEL_HOOKS_STACK)\nduffel-hooks: there is no stack other in eu-west-1",
    );
    let shown = Done::of(&named(" ", "").await);
    assert_eq!((shown.code, shown.err), (0, format!("Stack {name} (samconfig.local.toml)\n")));
    // The Region of the environment counts before that of the file.
    let mut elsewhere = deployment.command("dlq show");
    elsewhere.env("AWS_DEFAULT_REGION", "us-east-1");
    Done::of(&tool::run(elsewhere).await).assert_failed(1, &format!("there is no stack {name} in us-east-1"));
    Done::of(&named("ho oks", "").await).assert_failed(2, "DUFFEL_HOOKS_STACK: a stack's name has letters");
}

#[tokio::test]
async fn every_command_finds_the_stack_of_the_file() {
    let deployment = Deployment::configured().await;
    deployment.duffel.register(&deployment.url);
    for arguments in COMMANDS {
        let done = deployment.run(arguments).await;
        assert!(done.err.starts_with(&deployment.chosen()), "{arguments}: {}", done.err);
        assert_eq!(done.err.matches("Stack ").count(), 1, "{arguments}: {}", done.err);
    }
}

#[test]
fn without_a_stack_nothing_is_called() {
    let (folder, duffel) = (tempfile::tempdir().unwrap(), DuffelStandIn::start());
    for arguments in COMMANDS {
        let mut command = command(folder.path(), arguments);
        command.env("DUFFEL_API_URL", duffel.url()).env("AWS_REGION", ministack::REGION);
        Done::of(&command.output().unwrap()).assert_failed(2, "give --stack NAME, or set DUFFEL_HOOKS_STACK");
    }
    assert!(duffel.asked().is_empty());
    fs::write(folder.path().join("samconfig.toml"), "stack_name: hooks").unwrap();
    let broken = command(folder.path(), "doctor").output().unwrap();
    Done::of(&broken).assert_failed(1, "samconfig.toml cannot be read (");
}

/// A queue, table or secret that is named is not mixed with the default stack.
#[tokio::test]
async fn other_names_need_no_stack() {
    let deployment = Deployment::configured().await;
    deployment.duffel.register(&deployment.url);
    let output = |output| deployment.stack.output(output);
    for arguments in [
        format!("dlq show --queue {}", output(Output::DeadLetterQueueUrl)),
        format!("replay wev_1 --dry-run --table {}", output(Output::LedgerTableName)),
        format!("rotate --dry-run --secret {}", output(Output::SecretArn)),
    ] {
        let mut command = deployment.command(&arguments);
        command.env("AWS_REGION", ministack::REGION);
        let done = Done::of(&tool::run(command).await);
        assert!(!done.err.contains("Stack "), "{arguments}: {}", done.err);
    }
}

#[test]
fn what_cannot_be_right_is_refused_before_a_call() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, blank, reason) in [
        ("doctor --stack", Some(" "), "a stack's name has letters, digits and hyphens"),
        ("doctor --stack", Some("my stack"), "a stack's name has letters, digits and hyphens"),
        ("webhooks ping", Some(" "), "a webhook's id has letters, digits and underscores"),
        ("webhooks ping", Some("end_1 end_2"), "a webhook's id has letters, digits and underscores"),
        ("webhooks ping end_1 --stack hooks", None, "cannot be used with"),
        ("webhooks ping --quiet", None, "unexpected argument '--quiet'"),
        ("webhooks create --stack hooks --event stays.*", None, "no wildcards"),
        ("rotate --stack hooks --event stays.*", None, "no wildcards"),
        ("rotate --stack hooks --url http://example.com/", None, "Duffel delivers over HTTPS only"),
        ("rotate --stack hooks --url https://192.0.2.1/", None, "Duffel does not deliver to IP addresses"),
        (
            "webhooks update --url https://localhost./x --stack hooks",
            None,
            "Duffel cannot deliver to this machine",
        ),
        ("webhooks update --stack hooks", None, "<--active <true|false>|--url <URL>|--event <TYPE>>"),
        ("dlq show --stack hooks --queue https://example.com/", None, "cannot be used with"),
    ] {
        let mut command = command(folder.path(), arguments);
        // Nobody listens there.
        command.args(blank).env("DUFFEL_API_URL", "https://127.0.0.1:1");
        Done::of(&command.output().unwrap()).assert_failed(2, reason);
    }
}
