//! `--stack`: the stack that a command works on, named or found.

pub(crate) mod names;
mod samconfig;

use std::{env, path::Path};

use aws_config::SdkConfig;
use clap::Args;
use duffel_webhook_receiver::deployment::{self, CallError, Stack};
use tokio::runtime;

use self::samconfig::Deployed;
use super::{Result, WrongUsage, output::remark};

const VARIABLE: &str = "DUFFEL_HOOKS_STACK";

/// The option that names a stack. It may be left out where the stack is found without it.
#[derive(Args, Clone)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct StackArgument {
    /// The stack [default: that of DUFFEL_HOOKS_STACK, or the stack_name in samconfig.local.toml or
    /// samconfig.toml of the current directory, in its region]
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    stack: Option<String>,
}

/// The name of a stack, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StackName {
    pub(crate) name: String,
    /// The Region to use instead of the one that AWS's configuration has.
    region: Option<String>,
}

impl StackArgument {
    /// The name, if the command line has it.
    pub(crate) fn given(&self) -> Option<&str> {
        self.stack.as_deref()
    }

    /// Finds the name, and reports where it is from unless the command line has it.
    pub(crate) fn name(&self) -> Result<StackName> {
        if let Some(name) = self.given() {
            return Ok(StackName { name: name.to_owned(), region: None });
        }
        if let Some(name) = env::var(VARIABLE).ok().filter(|name| !name.trim().is_empty()) {
            let name = parse_name(&name).map_err(|reason| WrongUsage(format!("{VARIABLE}: {reason}")))?;
            remark(&format!("Stack {name} ({VARIABLE})"));
            return Ok(StackName { name, region: None });
        }
        let Some(Deployed { stack, region, file }) = samconfig::find(Path::new("."))? else {
            return Err(WrongUsage(format!(
                "give --stack NAME, or set {VARIABLE}: neither samconfig.local.toml nor samconfig.toml of the current \
                 directory has a stack_name"
            ))
            .into());
        };
        let name =
            parse_name(&stack).map_err(|reason| WrongUsage(format!("stack_name in {file}: {reason}")))?;
        let region = unless_in_environment(region);
        let place = region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
        remark(&format!("Stack {name}{place} ({file})"));
        Ok(StackName { name, region })
    }

    /// Finds the stack in AWS.
    pub(crate) async fn find(&self) -> Result<(SdkConfig, Stack)> {
        let name = self.name()?;
        let sdk = name.sdk_config().await?;
        let stack = Stack::find(&sdk, &name.name).await?;
        Ok((sdk, stack))
    }

    /// The same for a command that does not run in a runtime.
    pub(crate) fn find_now(&self) -> Result<(SdkConfig, Stack)> {
        runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.find())
    }
}

impl StackName {
    /// Loads region, credentials and connections for calls about the stack.
    pub(crate) async fn sdk_config(&self) -> std::result::Result<SdkConfig, CallError> {
        deployment::sdk_config_in(self.region.as_deref()).await
    }
}

/// The Region of a file, unless the environment has one.
fn unless_in_environment(region: Option<String>) -> Option<String> {
    let has_region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().any(|name| env::var_os(name).is_some());
    region.filter(|_| !has_region)
}

/// Refuses what is not the name of a stack, or its ARN.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
fn parse_name(text: &str) -> std::result::Result<String, &'static str> {
    let text = text.trim();
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_arn = text.starts_with("arn:") && !text.contains(char::is_whitespace);
    if is_name || is_arn {
        Ok(text.to_owned())
    } else {
        Err("a stack's name has letters, digits and hyphens")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_stack_or_its_arn() {
        let arn = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hooks/1";
        for name in ["hooks", " hooks-2 ", arn] {
            assert_eq!(parse_name(name).as_deref(), Ok(name.trim()));
        }
        for name in ["", " ", "ho oks", "1hooks", "hooks_2", "arn:a b", "--json"] {
            assert!(parse_name(name).is_err(), "{name:?}");
        }
    }
}
