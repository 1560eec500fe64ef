//! Where a webhook's secret is kept: in the stack's secret in AWS Secrets Manager.

#[cfg(feature = "aws")]
pub(crate) use with_aws::Store;
#[cfg(not(feature = "aws"))]
pub(crate) use without_aws::Store;

#[cfg(feature = "aws")]
mod with_aws {
    use aws_sdk_secretsmanager::{
        Client, config::ProvideCredentials, operation::describe_secret::DescribeSecretError,
    };
    use duffel_webhook_receiver::{aws, log::chain, secret::Secret};
    use tokio::runtime::{self, Runtime};

    use crate::Result;

    /// A secret of AWS Secrets Manager, and a way to it.
    pub(crate) struct Store {
        runtime: Runtime,
        client: Client,
        arn: String,
    }

    impl Store {
        /// Finds what can be found to be missing before there is something to store.
        pub(crate) fn open(arn: &str) -> Result<Self> {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let sdk = runtime.block_on(aws::sdk_config());
            if sdk.region().is_none() {
                return Err("--store needs AWS_REGION, or AWS_PROFILE with a region".into());
            }
            let credentials = sdk.credentials_provider().ok_or("--store finds no credentials for AWS")?;
            runtime
                .block_on(async { credentials.provide_credentials().await })
                .map_err(|error| format!("--store finds no credentials for AWS: {}", chain(&error)))?;
            let client = Client::new(&sdk);
            match runtime.block_on(client.describe_secret().secret_id(arn).send()) {
                Ok(secret) if secret.deleted_date.is_some() => {
                    Err(format!("the secret {arn} is about to be deleted: restore it first").into())
                }
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(DescribeSecretError::is_resource_not_found_exception) =>
                {
                    let reason = "is it another region (AWS_REGION) or account?";
                    Err(format!("there is no secret {arn}: {reason}").into())
                }
                // One may be allowed to store what one may not look at.
                _ => Ok(Self { runtime, client, arn: arn.to_owned() }),
            }
        }

        /// Makes it the current value; the receiver goes on accepting the one before.
        pub(crate) fn put(&self, secret: &Secret) -> Result<()> {
            let request = self.client.put_secret_value().secret_id(&self.arn).secret_string(secret.expose());
            let put = self.runtime.block_on(request.send()).map_err(aws_sdk_secretsmanager::Error::from);
            put.map(drop).map_err(|error| chain(&error).into())
        }
    }
}

#[cfg(not(feature = "aws"))]
mod without_aws {
    use duffel_webhook_receiver::secret::Secret;

    use crate::Result;

    /// There is none.
    pub(crate) enum Store {}

    impl Store {
        pub(crate) fn open(_arn: &str) -> Result<Self> {
            Err("this build knows no AWS: build without --no-default-features to use --store".into())
        }

        pub(crate) fn put(&self, _secret: &Secret) -> Result<()> {
            match *self {}
        }
    }
}
