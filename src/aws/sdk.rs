//! The SDK's configuration: region, credentials, trust, and one shared pool of connections.

use std::{env, ffi::OsStr, path::PathBuf, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::{SharedTimeSource, SystemTimeSource},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, stalled_stream_protection::StalledStreamProtectionConfig,
};
use thiserror::Error;

use super::{
    endpoint::is_commercial,
    trust::{BadBundle, Trust},
};

/// The variables of the SDK that Lambda sets, or that are read here. Any other is left to the SDK.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
const KNOWN: [&str; 9] = [
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    REGION,
    ENDPOINT_URL,
    CA_BUNDLE,
    "AWS_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
];

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const REGION: &str = "AWS_REGION";
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// The prefixes of Lambda's own variables.
const OF_LAMBDA: [&str; 2] = ["AWS_LAMBDA_", "AWS_XRAY_"];

/// The variables with which `OpenSSL`, and so the system's store, is pointed elsewhere.
const OF_THE_STORE: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Loads the configuration that a Lambda function's environment states, or else as the SDK finds it.
///
/// Lambda's credentials last as long as the environment, so nothing refreshes them.
///
/// # Errors
/// If no region is set, or `AWS_CA_BUNDLE` is not usable.
pub(super) async fn function_sdk_config() -> Result<SdkConfig, SdkError> {
    match of_lambda(&variables())? {
        Some(sdk) => Ok(sdk),
        None => sdk_config().await,
    }
}

/// Loads the configuration as the SDK finds it: variables, profiles, single sign-on, and the other places of its chain.
///
/// # Errors
/// If no region is set, or `AWS_CA_BUNDLE` is not usable.
pub async fn sdk_config() -> Result<SdkConfig, SdkError> {
    sdk_config_in(None).await
}

/// Loads the configuration as the SDK finds it, with this region instead of the one that it finds.
///
/// # Errors
/// As [`sdk_config`].
pub async fn sdk_config_in(region: Option<String>) -> Result<SdkConfig, SdkError> {
    let trust = bundle(&variables()).map_or(Trust::System, Trust::Bundle);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(trust.context()?))
        .retry_config(retries());
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    let sdk = loader.load().await;
    if sdk.region().is_none() { Err(SdkError::NoRegion) } else { Ok(sdk) }
}

/// Returns `None` if anything beyond Lambda's own variables has to be considered.
fn of_lambda(variables: &[(String, String)]) -> Result<Option<SdkConfig>, SdkError> {
    let of_the_sdk = variables.iter().filter(|(name, _)| name.starts_with("AWS_"));
    let is_known =
        |name: &str| KNOWN.contains(&name) || OF_LAMBDA.iter().any(|prefix| name.starts_with(prefix));
    if !of_the_sdk.clone().all(|(name, _)| is_known(name)) {
        return Ok(None);
    }
    let get = |name| get(variables, name);
    let (Some(id), Some(secret), Some(region)) = (get(ACCESS_KEY_ID), get(SECRET_ACCESS_KEY), get(REGION))
    else {
        return Ok(None);
    };
    let token = get(SESSION_TOKEN).map(str::to_owned);
    let credentials = Credentials::new(id, secret, token, None, "Lambda");
    let endpoint_url = get(ENDPOINT_URL);
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        // There is nothing to wait for and nothing that expires.
        .identity_cache(IdentityCache::no_cache())
        .http_client(http_client(trust(variables, region, endpoint_url).context()?))
        .retry_config(retries())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        // Each call has time-outs of its own, for bodies of a few hundred bytes.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    builder.set_endpoint_url(endpoint_url.map(str::to_owned));
    Ok(Some(builder.build()))
}

fn trust(variables: &[(String, String)], region: &str, endpoint_url: Option<&str>) -> Trust {
    if let Some(path) = bundle(variables) {
        return Trust::Bundle(path);
    }
    let is_pointed_elsewhere = OF_THE_STORE.iter().any(|name| get(variables, name).is_some());
    // Who serves https in AWS's place has a certificate of their own; without TLS no certificate is needed.
    let is_amazons = endpoint_url.map_or_else(|| is_commercial(region), |url| url.starts_with("http://"));
    if is_amazons && !is_pointed_elsewhere { Trust::Amazon } else { Trust::System }
}

fn http_client(tls: TlsContext) -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_initial_backoff(Duration::from_millis(50))
}

/// The variables that may concern the SDK.
fn variables() -> Vec<(String, String)> {
    let text = |value: &OsStr| value.to_string_lossy().into_owned();
    let all = env::vars_os().map(|(name, value)| (text(&name), text(&value)));
    all.filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("SSL_")).collect()
}

fn bundle(variables: &[(String, String)]) -> Option<PathBuf> {
    get(variables, CA_BUNDLE).map(PathBuf::from)
}

/// The value of a variable; a blank one counts as unset.
fn get<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let value = variables.iter().find(|(known, _)| known == name)?.1.trim();
    (!value.is_empty()).then_some(value)
}

/// Why no AWS service can be called.
#[derive(Debug, Error)]
pub enum SdkError {
    #[error("AWS_REGION is required")]
    NoRegion,
    #[error(transparent)]
    Bundle(#[from] BadBundle),
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::ProvideCredentials;

    use super::*;

    const LAMBDA: [(&str, &str); 7] = [
        ("AWS_LAMBDA_FUNCTION_NAME", "receiver"),
        ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        (REGION, "eu-west-1"),
        (ACCESS_KEY_ID, "id"),
        (SECRET_ACCESS_KEY, "key"),
        (SESSION_TOKEN, "token"),
    ];

    fn with(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let all = variables.iter().chain(&LAMBDA);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[tokio::test]
    async fn region_and_credentials_are_those_of_the_variables() {
        let sdk = of_lambda(&with(&[])).unwrap().unwrap();
        assert_eq!(sdk.region().unwrap().as_ref(), "eu-west-1");
        assert_eq!(sdk.endpoint_url(), None);
        let credentials = sdk.credentials_provider().unwrap().provide_credentials().await.unwrap();
        assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), ("id", "key"));
        assert_eq!(credentials.session_token(), Some("token"));
    }

    #[test]
    fn what_lambda_does_not_set_is_left_to_the_sdk() {
        for (name, value) in [
            ("AWS_PROFILE", "prod"),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ("AWS_ENDPOINT_URL_SQS", "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/"),
            (ACCESS_KEY_ID, ""),
            (SECRET_ACCESS_KEY, " "),
            (REGION, ""),
        ] {
            assert!(of_lambda(&with(&[(name, value)])).unwrap().is_none(), "{name}");
        }
    }

    #[test]
    fn amazons_roots_are_trusted_unless_something_else_may_be_needed() {
        let bundle = || Trust::Bundle("b.pem".into());
        for (variables, region, endpoint, expected) in [
            (&[][..], "eu-west-1", None, Trust::Amazon),
            (&[], "eu-west-1", Some("http://127.0.0.1:4566"), Trust::Amazon),
            (&[], "eu-west-1", Some("https://localhost"), Trust::System),
            (&[], "cn-north-1", None, Trust::System),
            (&[], "us-gov-west-1", None, Trust::System),
            (&[("SSL_CERT_FILE", "f.pem")], "eu-west-1", None, Trust::System),
            (&[("SSL_CERT_DIR", "/certs")], "eu-west-1", None, Trust::System),
            (&[("AWS_CA_BUNDLE", "b.pem")], "eu-west-1", None, bundle()),
            (&[("AWS_CA_BUNDLE", "b.pem"), ("SSL_CERT_FILE", "f.pem")], "cn-north-1", None, bundle()),
        ] {
            assert_eq!(
                trust(&with(variables), region, endpoint),
                expected,
                "{variables:?} {region} {endpoint:?}"
            );
        }
    }
}
