//! The names of stacks that a shell offers to complete.

use std::{collections::HashSet, env, path::Path, time::Duration};

use duffel_webhook_receiver::deployment::{self, Stack};
use tokio::{runtime, time::timeout};

use super::{VARIABLE, samconfig, unless_in_environment};
use crate::shared::Result;

/// The longest time that a shell waits for AWS.
const PATIENCE: Duration = Duration::from_secs(1);

/// Finds the names: that of the variable, that of `samconfig.toml`, and those that AWS reports in time. What fails is left
/// out: a message would be printed into the command line.
pub(crate) fn find() -> Result<Vec<String>> {
    let mut names: Vec<_> = env::var(VARIABLE).ok().map(|name| name.trim().to_owned()).into_iter().collect();
    let deployed = samconfig::find(Path::new(".")).ok().flatten();
    let region = deployed.as_ref().and_then(|deployed| deployed.region.clone());
    names.extend(deployed.map(|deployed| deployed.stack));
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let _ = runtime.block_on(async {
        let ask = async {
            let sdk = deployment::sdk_config_in(unless_in_environment(region).as_deref()).await?;
            Stack::each_name(&sdk, |name| names.push(name)).await
        };
        timeout(PATIENCE, ask).await
    });
    // A look-up of a host name cannot be stopped.
    runtime.shutdown_background();
    let mut seen = HashSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    Ok(names)
}
