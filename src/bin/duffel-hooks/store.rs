//! Where a webhook's secret is kept: in the stack's secret in AWS Secrets Manager.

use duffel_webhook_receiver::secret::Secret;

use crate::Result;

/// A secret of AWS Secrets Manager, and a way to it.
pub(crate) struct Store {
    #[cfg(feature = "aws")]
    runtime: tokio::runtime::Runtime,
    #[cfg(feature = "aws")]
    client: aws_sdk_secretsmanager::Client,
    #[cfg(feature = "aws")]
    arn: String,
}

#[cfg(not(feature = "aws"))]
impl Store {
    pub(crate) fn open(_arn: &str) -> Result<Self> {
        Err("this build knows no AWS: build without --no-default-features to use --store".into())
    }

    #[expect(clippy::unused_self, reason = "there is none")]
    pub(crate) fn put(&self, _secret: &Secret) -> Result<()> {
        Ok(())
    }
}

#[cfg(feature = "aws")]
impl Store {
    /// Finds what can be found to be missing before there is something to store.
    pub(crate) fn open(arn: &str) -> Result<Self> {
        use aws_sdk_secretsmanager::config::ProvideCredentials;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sdk = runtime.block_on(duffel_webhook_receiver::aws::sdk_config());
        if sdk.region().is_none() {
            return Err("--store needs AWS_REGION, or a profile with a region".into());
        }
        let credentials = sdk.credentials_provider().ok_or("--store needs credentials for AWS")?;
        runtime
            .block_on(async { credentials.provide_credentials().await })
            .map_err(|error| format!("--store finds no credentials for AWS: {error}"))?;
        let client = aws_sdk_secretsmanager::Client::new(&sdk);
        Ok(Self { runtime, client, arn: arn.to_owned() })
    }

    /// Makes it the current value; the receiver goes on accepting the one before.
    pub(crate) fn put(&self, secret: &Secret) -> Result<()> {
        let put = self.client.put_secret_value().secret_id(&self.arn).secret_string(secret.expose()).send();
        let put = self.runtime.block_on(put).map_err(aws_sdk_secretsmanager::Error::from);
        put.map(drop).map_err(|error| duffel_webhook_receiver::log::chain(&error).into())
    }
}
