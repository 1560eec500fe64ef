//! The stack that `sam deploy` deploys from a directory, by its configuration file.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html>

use std::{fs, io, path::Path};

use serde::Deserialize;
use thiserror::Error;

/// In the order in which they count: the first is the one of the page on deploying.
const FILES: [&str; 2] = ["samconfig.local.toml", "samconfig.toml"];

/// A stack as a file names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deployed {
    pub(super) stack: String,
    pub(super) region: Option<String>,
    pub(super) file: &'static str,
}

#[derive(Debug, Error)]
#[error("{file} cannot be read ({reason}): correct it, or give --stack")]
pub(super) struct Unreadable {
    file: &'static str,
    reason: String,
}

#[derive(Default, Deserialize)]
struct File {
    #[serde(default)]
    default: Environment,
}

#[derive(Default, Deserialize)]
struct Environment {
    #[serde(default)]
    deploy: Command,
    #[serde(default)]
    global: Command,
}

#[derive(Default, Deserialize)]
struct Command {
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    stack_name: Option<String>,
    region: Option<String>,
}

/// Finds the stack by the files of a folder; `None` if they name none.
pub(super) fn find(folder: &Path) -> Result<Option<Deployed>, Unreadable> {
    for file in FILES {
        let text = match fs::read_to_string(folder.join(file)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Unreadable { file, reason: error.to_string() }),
        };
        let read: File =
            basic_toml::from_str(&text).map_err(|error| Unreadable { file, reason: error.to_string() })?;
        // The command's own parameters take precedence over the global ones.
        let Environment { deploy, global } = read.default;
        let (deploy, global) = (deploy.parameters, global.parameters);
        if let Some(stack) = deploy.stack_name.or(global.stack_name) {
            return Ok(Some(Deployed { stack, region: deploy.region.or(global.region), file }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Result<Option<Deployed>, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        find(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_local_file_counts_before_the_other() {
        let other = "[default.deploy.parameters]\nstack_name = \"other\"";
        let local = "version = 0.1\n[default.deploy.parameters]\nstack_name = \"local\" # mine\n\
                     [default.global.parameters]\nregion = \"eu-west-1\"";
        let deployed = |stack: &str, region: Option<&str>, file| {
            Ok(Some(Deployed { stack: stack.to_owned(), region: region.map(str::to_owned), file }))
        };
        assert_eq!(
            found(&[(FILES[0], local), (FILES[1], other)]),
            deployed("local", Some("eu-west-1"), FILES[0])
        );
        // A file without a name does not end the search.
        assert_eq!(
            found(&[(FILES[0], "version = 0.1"), (FILES[1], other)]),
            deployed("other", None, FILES[1])
        );
        assert_eq!(found(&[(FILES[1], "[prod.deploy.parameters]\nstack_name = \"prod\"")]), Ok(None));
        assert_eq!(found(&[]), Ok(None));
    }

    #[test]
    fn a_file_that_is_not_toml_is_an_error() {
        let error = found(&[(FILES[1], "stack_name: hooks")]).unwrap_err();
        assert!(
            error.starts_with("samconfig.toml cannot be read (") && error.ends_with("or give --stack"),
            "{error}"
        );
    }

    #[test]
    fn the_file_of_the_repository_is_read() {
        let deployed = find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().unwrap();
        assert_eq!(deployed.stack, "duffel-webhook-receiver");
    }
}
