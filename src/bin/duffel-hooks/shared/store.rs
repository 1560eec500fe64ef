//! `--store`: puts a webhook's secret into AWS Secrets Manager, where the secrets that are active stay active.

#[cfg(feature = "aws")]
pub(crate) use with_aws::Store;
#[cfg(not(feature = "aws"))]
pub(crate) use without_aws::Store;

/// The shell command that stores a secret manually. It does not leave the secret in the shell's history.
pub(crate) fn put_secret_command(arn: &str, version: Option<&str>) -> String {
    let token = version.map(|version| format!(" --client-request-token {version}")).unwrap_or_default();
    format!(
        "read -rs SECRET && aws secretsmanager put-secret-value --secret-id {arn}{token} --secret-string \"$SECRET\""
    )
}

#[cfg(feature = "aws")]
mod with_aws {
    use std::{error::Error, fmt::Write};

    use duffel_webhook_receiver::{
        deployment::{
            self,
            stored_secret::{Active, KEPT, StoredSecret, StoredSecretError},
        },
        log::chain,
        signature::secret::ActiveSecret,
    };
    use tokio::runtime::{self, Runtime};

    use crate::shared::Result;

    /// A stored secret, and the secrets that are active in it.
    pub(crate) struct Store {
        runtime: Runtime,
        secret: StoredSecret,
        /// `None` if they cannot be read, and may be replaced.
        active: Option<Active>,
        replace: bool,
    }

    impl Store {
        /// Does everything that may fail before the webhook exists, as there is no secret to lose yet.
        pub(crate) fn open(arn: &str, region: Option<&str>, replace: bool) -> Result<Self> {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let (secret, active) = runtime.block_on(async {
                let secret = StoredSecret::new(&deployment::sdk_config_in(region).await?, arn);
                let active = match secret.read().await {
                    Ok(active) => active,
                    Err(error) if error.is_unreadable() && replace => return Ok((secret, None)),
                    Err(error) if error.is_unreadable() => return Err(unreadable(arn, &error).into()),
                    Err(error) => return Err(error.into()),
                };
                secret.try_put(&active).await?;
                Ok::<_, Box<dyn Error + Send + Sync>>((secret, Some(active)))
            })?;
            Ok(Self { runtime, secret, active, replace })
        }

        /// Stores the secret of a webhook that was just created. Returns a remark about the other secrets.
        pub(crate) fn put(&self, webhook: &str, new: &ActiveSecret) -> Result<String> {
            let Self { runtime, secret, active, replace } = self;
            let old = match active {
                Some(active) if !replace => runtime.block_on(secret.keep_old(webhook, new, active))?,
                _ => {
                    runtime.block_on(secret.replace(webhook, new))?;
                    let Some(active) = active else {
                        return Ok(
                            "Secrets of the version before stay active until the next change, older ones do \
                                   not: how many those are is not known."
                                .to_owned(),
                        );
                    };
                    active.replace(&new.secret)
                }
            };
            let (kept, dropped) = (old.kept(), old.dropped());
            let mut text = format!("Other active secrets: {kept}.");
            if *replace && kept.total() > 0 {
                text.push_str(" They are from the version before, and stay active until the next change.");
            }
            match dropped.total() {
                0 => {}
                _ if *replace => write!(text, " Replaced, and not active any more: {dropped}.")?,
                _ => write!(
                    text,
                    " Left out, as {KEPT} are kept, and active until the next change at most: {dropped}."
                )?,
            }
            Ok(text)
        }
    }

    fn unreadable(arn: &str, error: &StoredSecretError) -> String {
        format!(
            "no webhook was created, because the secrets that are active in {arn} cannot be read ({}): storing the \
             new one in their place would drop them, and deliveries signed with them would be refused, such as those \
             of the other mode's webhook. If none of them is needed, use --replace: the current version stays active \
             until the next change, the one before it does not",
            chain(error)
        )
    }
}

#[cfg(not(feature = "aws"))]
mod without_aws {
    use duffel_webhook_receiver::signature::secret::ActiveSecret;

    use crate::shared::Result;

    /// A store that cannot be opened.
    pub(crate) enum Store {}

    impl Store {
        pub(crate) fn open(_arn: &str, _region: Option<&str>, _replace: bool) -> Result<Self> {
            Err("this build has no AWS support: build without --no-default-features to use --store".into())
        }

        pub(crate) fn put(&self, _webhook: &str, _new: &ActiveSecret) -> Result<String> {
            match *self {}
        }
    }
}
