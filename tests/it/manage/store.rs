//! `webhooks create --store`: no secret is lost, and a secret that is stored is not printed.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    duffel::{DuffelStandIn, LIVE_TOKEN, TOKEN},
    ministack::Backend,
    proxy::{AwsFault, Proxy},
    tool::{self, Done},
};

use super::tool as command;

/// Everything that `webhooks create --store` needs: Duffel, a secret, and a proxy before it.
struct Storing {
    backend: Backend,
    proxy: Proxy,
    duffel: DuffelStandIn,
    /// The ARN of the stored secret.
    arn: String,
}

const PUT: &str = "secretsmanager:PutSecretValue";
const GET: &str = "secretsmanager:GetSecretValue";
const DESCRIBE: &str = "secretsmanager:DescribeSecret";
const DENIED: AwsFault = AwsFault::Refuse(400, "AccessDeniedException");

impl Storing {
    async fn new(value: Option<&str>) -> Self {
        let backend = Backend::new().await;
        let arn = backend.create_secret(value).await;
        Self { backend, proxy: Proxy::new().await, duffel: DuffelStandIn::start(), arn }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command =
            command(&self.duffel, "webhooks create https://example.com/webhooks/duffel --event a.b");
        command.args(["--store", &self.arn]).args(arguments);
        command.envs(self.backend.variables()).env("AWS_ENDPOINT_URL", &self.proxy.endpoint);
        command
    }

    async fn create(&self, token: &str, arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        command.env("DUFFEL_ACCESS_TOKEN", token);
        Done::of(&tool::run(command).await)
    }

    /// The secret of the webhook in a mode.
    fn secret(&self, live: bool) -> String {
        let webhooks = self.duffel.webhooks();
        let webhook = webhooks.iter().find(|webhook| webhook["live_mode"] == live).unwrap();
        webhook["secret"].as_str().unwrap().to_owned()
    }

    async fn stored(&self) -> Value {
        serde_json::from_str(&self.backend.secret(&self.arn).await).unwrap()
    }

    fn delete(&self, live: bool) {
        let webhooks = self.duffel.webhooks();
        let webhook = webhooks.iter().find(|webhook| webhook["live_mode"] == live).unwrap();
        let delete = format!("webhooks delete --yes {}", webhook["id"].as_str().unwrap());
        let token = if live { LIVE_TOKEN } else { TOKEN };
        let deleted = command(&self.duffel, &delete).env("DUFFEL_ACCESS_TOKEN", token).output().unwrap();
        Done::of(&deleted).lines();
    }
}

#[tokio::test]
async fn store_puts_the_secret_into_the_stacks_secret() {
    let storing = Storing::new(None).await;
    let stored = storing.create(TOKEN, &[]).await;
    assert_eq!(stored.code, 0, "{}", stored.err);
    let secret = storing.secret(false);
    assert_eq!(storing.stored().await, json!({ "test": [secret] }));
    assert!(!stored.out.contains(&secret) && !stored.err.contains(&secret));
    assert!(stored.out.ends_with(&format!("Secret   in {}\n", storing.arn)), "{}", stored.out);
    assert_eq!(stored.err, "Other active secrets: none.\n");
}

#[tokio::test]
async fn secret_is_printed_if_storing_fails_after_the_creation() {
    let storing = Storing::new(Some("old")).await;
    for form in [None, Some("--json")] {
        storing.proxy.inject(PUT, [AwsFault::Fine, DENIED]);
        let kept = storing.create(TOKEN, form.as_slice()).await;
        kept.assert_failed(1, "was created, but its secret could not be stored");
        kept.assert_failed(1, "the permission secretsmanager:PutSecretValue is missing");
        kept.assert_failed(1, &format!("put-secret-value --secret-id {}", storing.arn));
        let secret = storing.secret(false);
        assert!(kept.out.contains(&secret), "{}", kept.out);
        assert!(!kept.err.contains(&secret), "{}", kept.err);
        storing.delete(false);
    }
}

#[tokio::test]
async fn no_webhook_is_created_if_its_secret_could_not_be_stored() {
    let refuse = |error| AwsFault::Refuse(400, error);
    for (call, fault, words) in [
        (DESCRIBE, refuse("ExpiredTokenException"), "sign in again"),
        (DESCRIBE, refuse("UnrecognizedClientException"), "sign in again"),
        (DESCRIBE, refuse("RequestExpired"), "set this machine's clock"),
        (DESCRIBE, AwsFault::Refuse(500, "InternalServiceError"), "DescribeSecret was refused"),
        (DESCRIBE, AwsFault::Down, "DescribeSecret was not answered"),
        (DESCRIBE, refuse("ResourceNotFoundException"), "there is no secret "),
        (GET, refuse("ExpiredTokenException"), "sign in again"),
        (GET, DENIED, "--replace"),
        (PUT, refuse("ExpiredTokenException"), "sign in again"),
        (PUT, DENIED, "the permission secretsmanager:PutSecretValue is missing"),
        (PUT, AwsFault::Down, "PutSecretValue was not answered"),
    ] {
        let storing = Storing::new(Some("0ld-secret")).await;
        storing.proxy.inject(call, [fault]);
        let refused = storing.create(TOKEN, &[]).await;
        refused.assert_failed(1, words);
        assert!(!refused.err.contains("Error {"), "{}", refused.err);
        assert!(
            !refused.err.contains("0ld-secret") && refused.out.is_empty(),
            "{}{}",
            refused.err,
            refused.out
        );
        assert!(storing.duffel.webhooks().is_empty(), "{call} {fault:?}");
        assert_eq!(storing.backend.secret(&storing.arn).await, "0ld-secret");
    }

    let storing = Storing::new(Some("0ld-secret")).await;
    for (name, value, words) in [
        ("AWS_ENDPOINT_URL", Some("http://127.0.0.1:1"), "DescribeSecret was not answered"),
        ("AWS_REGION", None, "set AWS_REGION"),
        ("AWS_ACCESS_KEY_ID", None, "no AWS credentials were found"),
    ] {
        let mut command = storing.command(&[]);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env_remove(name);
        command.envs(value.map(|value| (name, value)));
        Done::of(&tool::run(command).await).assert_failed(1, words);
        assert!(storing.duffel.webhooks().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn no_active_secret_is_dropped_when_another_is_stored() {
    let storing = Storing::new(Some("set manually")).await;
    storing.create(TOKEN, &[]).await;
    let test = storing.secret(false);
    assert_eq!(storing.stored().await, json!({ "test": [test], "any": ["set manually"] }));
    let mut live = Vec::new();
    for kept in ["1 test and 1 of unknown mode", "1 live, 1 test and 1 of unknown mode"] {
        let created = storing.create(LIVE_TOKEN, &[]).await;
        assert_eq!((created.code, created.err), (0, format!("Other active secrets: {kept}.\n")));
        live.insert(0, storing.secret(true));
        storing.delete(true);
    }
    let stored = json!({ "live": live, "test": [test], "any": ["set manually"] });
    assert_eq!(storing.stored().await, stored);

    // If there are too many, secrets of the mode with the most are dropped.
    for _ in 0..8 {
        assert_eq!(storing.create(LIVE_TOKEN, &[]).await.code, 0);
        storing.delete(true);
    }
    let stored = storing.stored().await;
    assert_eq!((&stored["test"], &stored["any"]), (&json!([test]), &json!(["set manually"])));
    assert_eq!(stored["live"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn active_secrets_that_cannot_be_read_are_replaced_only_on_request() {
    let storing = Storing::new(Some(r#"{"live":"l1","test":"t1"}"#)).await;
    storing.backend.put_secret(&storing.arn, r#"{"live":"l1","test":"t2"}"#).await;
    storing.proxy.inject(GET, [DENIED]);
    let refused = storing.create(TOKEN, &[]).await;
    refused.assert_failed(1, "no webhook was created");
    refused.assert_failed(1, "the permission secretsmanager:GetSecretValue is missing");
    refused.assert_failed(1, "use --replace");
    assert!(storing.duffel.webhooks().is_empty());

    let replaced = storing.create(TOKEN, &["--replace"]).await;
    assert_eq!(replaced.code, 0, "{}", replaced.err);
    assert!(replaced.err.contains("how many those are is not known"), "{}", replaced.err);
    assert_eq!(storing.stored().await, json!({ "test": [storing.secret(false)] }));

    // If they can be read, the command prints which are replaced.
    storing.proxy.heal();
    storing.delete(false);
    let replaced = storing.create(TOKEN, &["--replace"]).await;
    assert!(replaced.err.starts_with("Other active secrets: 1 test."), "{}", replaced.err);
    assert!(replaced.err.contains("not active any more: 1 live and 1 test."), "{}", replaced.err);

    // A value that is not valid for a receiver is not overwritten without --replace either.
    storing.backend.put_secret(&storing.arn, r#"{"secret":"hush"}"#).await;
    storing.delete(false);
    let refused = storing.create(TOKEN, &[]).await;
    refused.assert_failed(1, "the secret's value is not valid for a receiver");
    assert!(!refused.err.contains("hush") && storing.duffel.webhooks().is_empty(), "{}", refused.err);
}

#[tokio::test]
async fn stored_sources_are_not_overwritten_even_on_request() {
    let sources = r#"{"duffel":{"scheme":"duffel","secret":"planted"}}"#;
    let storing = Storing::new(Some(sources)).await;
    for arguments in [&[][..], &["--replace"]] {
        let refused = storing.create(TOKEN, arguments).await;
        refused.assert_failed(1, "the secret holds sources (SOURCES_ARN)");
        assert!(!refused.err.contains("planted"), "{}", refused.err);
    }
    assert!(storing.duffel.webhooks().is_empty());
    assert_eq!(storing.backend.secret(&storing.arn).await, sources);
}

#[tokio::test]
async fn a_missing_permission_to_describe_the_secret_does_not_matter() {
    let storing = Storing::new(Some("old")).await;
    storing.proxy.inject(DESCRIBE, [DENIED]);
    assert_eq!(storing.create(TOKEN, &[]).await.code, 0);
    assert_eq!(storing.stored().await, json!({ "test": [storing.secret(false)], "any": ["old"] }));

    // An empty secret has nothing that could be dropped, so it need not be readable.
    let storing = Storing::new(None).await;
    storing.proxy.inject(DESCRIBE, [AwsFault::Answer(r#"{"Name":"empty"}"#)]);
    storing.proxy.inject(GET, [DENIED]);
    let created = storing.create(TOKEN, &[]).await;
    assert_eq!((created.code, &*created.err), (0, "Other active secrets: none.\n"));

    // Without both permissions, it could be the wrong secret.
    let storing = Storing::new(None).await;
    storing.proxy.inject(DESCRIBE, [DENIED]);
    storing.proxy.inject(GET, [AwsFault::Refuse(400, "ResourceNotFoundException")]);
    storing.create(TOKEN, &[]).await.assert_failed(1, "use --replace");
    assert!(storing.duffel.webhooks().is_empty());
    assert_eq!(storing.create(TOKEN, &["--replace"]).await.code, 0);
}
