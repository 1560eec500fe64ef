//! `webhooks create --store`: no secret is lost, and none is printed that could be stored.

use std::process::Command;

use serde_json::{Value, json};

use super::{Done, done, tool};
use crate::support::{
    duffel::{Duffel, LIVE_TOKEN, TOKEN},
    ministack::Backend,
    proxy::{self, Proxy},
};

/// `webhooks create` with a stored secret, beside AWS's stand-in and the proxy before it.
struct Storing {
    backend: Backend,
    proxy: Proxy,
    duffel: Duffel,
    /// The ARN of the stored secret.
    arn: String,
}

const PUT: &str = "secretsmanager:PutSecretValue";
const GET: &str = "secretsmanager:GetSecretValue";
const DESCRIBE: &str = "secretsmanager:DescribeSecret";
const DENIED: proxy::Fault = proxy::Fault::Refuse(400, "AccessDeniedException");

impl Storing {
    async fn new(value: Option<&str>) -> Self {
        let backend = Backend::new().await;
        let arn = backend.create_secret(value).await;
        Self { backend, proxy: Proxy::new().await, duffel: Duffel::start(), arn }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command =
            tool(&self.duffel, "webhooks create https://example.com/webhooks/duffel --event a.b");
        command.args(["--store", &self.arn]).args(arguments);
        command.envs(self.backend.variables()).env("AWS_ENDPOINT_URL", &self.proxy.endpoint);
        command
    }

    async fn create(&self, token: &str, arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        command.env("DUFFEL_ACCESS_TOKEN", token);
        finish(command).await
    }

    /// The secret of the webhook of a mode.
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
        let delete = format!("webhooks delete {}", webhook["id"].as_str().unwrap());
        let token = if live { LIVE_TOKEN } else { TOKEN };
        let deleted = tool(&self.duffel, &delete).env("DUFFEL_ACCESS_TOKEN", token).output().unwrap();
        done(&deleted).lines();
    }
}

/// The proxy needs the test's thread.
async fn finish(mut command: Command) -> Done {
    done(&tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

#[tokio::test]
async fn the_secret_goes_straight_into_the_stacks() {
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
async fn a_secret_that_cannot_be_stored_later_is_shown() {
    let storing = Storing::new(Some("old")).await;
    for form in [None, Some("--json")] {
        storing.proxy.inject(PUT, [proxy::Fault::None, DENIED]);
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
async fn no_webhook_is_created_whose_secret_could_not_be_stored() {
    let refuse = |error| proxy::Fault::Refuse(400, error);
    for (call, fault, words) in [
        (DESCRIBE, refuse("ExpiredTokenException"), "sign in again"),
        (DESCRIBE, refuse("UnrecognizedClientException"), "sign in again"),
        (DESCRIBE, refuse("RequestExpired"), "set this machine's clock"),
        (DESCRIBE, proxy::Fault::Refuse(500, "InternalServiceError"), "DescribeSecret was refused"),
        (DESCRIBE, proxy::Fault::Close, "DescribeSecret was not answered"),
        (DESCRIBE, refuse("ResourceNotFoundException"), "there is no secret "),
        (GET, refuse("ExpiredTokenException"), "sign in again"),
        (GET, DENIED, "--replace"),
        (PUT, refuse("ExpiredTokenException"), "sign in again"),
        (PUT, DENIED, "the permission secretsmanager:PutSecretValue is missing"),
        (PUT, proxy::Fault::Close, "PutSecretValue was not answered"),
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
        finish(command).await.assert_failed(1, words);
        assert!(storing.duffel.webhooks().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn no_active_secret_is_dropped_when_another_is_stored() {
    let storing = Storing::new(Some("by hand")).await;
    storing.create(TOKEN, &[]).await;
    let test = storing.secret(false);
    assert_eq!(storing.stored().await, json!({ "test": [test], "any": ["by hand"] }));
    let mut live = Vec::new();
    for kept in ["1 test and 1 of unknown mode", "1 live, 1 test and 1 of unknown mode"] {
        let created = storing.create(LIVE_TOKEN, &[]).await;
        assert_eq!((created.code, created.err), (0, format!("Other active secrets: {kept}.\n")));
        live.insert(0, storing.secret(true));
        storing.delete(true);
    }
    let stored = json!({ "live": live, "test": [test], "any": ["by hand"] });
    assert_eq!(storing.stored().await, stored);

    // By the time there are too many, those that have the most of their mode are left out.
    for _ in 0..8 {
        assert_eq!(storing.create(LIVE_TOKEN, &[]).await.code, 0);
        storing.delete(true);
    }
    let stored = storing.stored().await;
    assert_eq!((&stored["test"], &stored["any"]), (&json!([test]), &json!(["by hand"])));
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

    // Where they can be read, it is said which are replaced.
    storing.proxy.heal();
    storing.delete(false);
    let replaced = storing.create(TOKEN, &["--replace"]).await;
    assert!(replaced.err.starts_with("Other active secrets: 1 test."), "{}", replaced.err);
    assert!(replaced.err.contains("not active any more: 1 live and 1 test."), "{}", replaced.err);

    // A value that no receiver can use is not overwritten unasked either.
    storing.backend.put_secret(&storing.arn, r#"{"secret":"hush"}"#).await;
    storing.delete(false);
    let refused = storing.create(TOKEN, &[]).await;
    refused.assert_failed(1, "the secret's value is not valid for a receiver");
    assert!(!refused.err.contains("hush") && storing.duffel.webhooks().is_empty(), "{}", refused.err);
}

#[tokio::test]
async fn a_missing_permission_to_describe_the_secret_does_not_matter() {
    let storing = Storing::new(Some("old")).await;
    storing.proxy.inject(DESCRIBE, [DENIED]);
    assert_eq!(storing.create(TOKEN, &[]).await.code, 0);
    assert_eq!(storing.stored().await, json!({ "test": [storing.secret(false)], "any": ["old"] }));

    // An empty secret has none that could be dropped, whoever may read it.
    let storing = Storing::new(None).await;
    storing.proxy.inject(DESCRIBE, [proxy::Fault::Answer(r#"{"Name":"empty"}"#)]);
    storing.proxy.inject(GET, [DENIED]);
    let created = storing.create(TOKEN, &[]).await;
    assert_eq!((created.code, &*created.err), (0, "Other active secrets: none.\n"));

    // Without both, it may be another secret than was meant.
    let storing = Storing::new(None).await;
    storing.proxy.inject(DESCRIBE, [DENIED]);
    storing.proxy.inject(GET, [proxy::Fault::Refuse(400, "ResourceNotFoundException")]);
    storing.create(TOKEN, &[]).await.assert_failed(1, "use --replace");
    assert!(storing.duffel.webhooks().is_empty());
    assert_eq!(storing.create(TOKEN, &["--replace"]).await.code, 0);
}
