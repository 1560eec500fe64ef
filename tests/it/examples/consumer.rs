//! The consumers of `examples/`, installed and running.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use super::event_source::EventSource;
use crate::support::setup;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    PythonLambda,
    PythonPoller,
    NodeLambda,
    RustLambda,
}

/// A running consumer, killed at the end of its test.
pub enum Running {
    Poller(Vec<Child>),
    Lambda { source: EventSource, _bootstrap: TempDir },
}

impl Running {
    /// Kills its processes, and returns when they have ended.
    pub async fn kill(mut self) {
        if let Self::Lambda { source, .. } = &mut self {
            source.end().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Poller(pollers) = self {
            for poller in pollers {
                let _ = poller.kill();
                let _ = poller.wait();
            }
        }
    }
}

impl Consumer {
    /// Starts several instances with only these variables in the environment.
    pub async fn start(
        self,
        sqs: &aws_sdk_sqs::Client,
        variables: &[(&str, &str)],
        instances: usize,
    ) -> Running {
        if self == Self::PythonPoller {
            let start = |_| {
                let mut poller = Command::new(python());
                poller.arg(Path::new(ROOT).join("examples/python-poller/poller.py")).env_clear();
                poller.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
                poller.spawn().unwrap()
            };
            return Running::Poller((0..instances).map(start).collect());
        }
        let folder = self.folder();
        let bootstrap = self.bootstrap(folder.path());
        let (_, queue) = variables.iter().find(|(name, _)| *name == "QUEUE_URL").unwrap();
        let source = EventSource::start(sqs, queue, &bootstrap, variables, instances).await;
        Running::Lambda { source, _bootstrap: folder }
    }

    /// A folder for [`Self::bootstrap`]. Node finds packages in the folders above the module.
    pub fn folder(self) -> TempDir {
        let above = match self {
            Self::NodeLambda => setup::node_lock(Path::new("examples/node-lambda")),
            _ => env!("CARGO_TARGET_TMPDIR").into(),
        };
        tempfile::tempdir_in(above).unwrap()
    }

    /// The program that Lambda would start.
    pub fn bootstrap(self, folder: &Path) -> PathBuf {
        match self {
            Self::PythonLambda | Self::NodeLambda => self.changed(folder, "", ""),
            Self::RustLambda => rust(),
            Self::PythonPoller => unreachable!("it is not a function"),
        }
    }

    /// The same with a change to the text of the function.
    pub fn changed(self, folder: &Path, before: &str, after: &str) -> PathBuf {
        let (example, file, bootstrap, program) = match self {
            Self::PythonLambda => ("python-lambda", "app.py", "bootstrap.py", python()),
            Self::NodeLambda => ("node-lambda", "app.mjs", "bootstrap.mjs", node()),
            Self::PythonPoller | Self::RustLambda => unreachable!("it is not a text that Lambda runs"),
        };
        let mut text = fs::read_to_string(format!("examples/{example}/{file}")).unwrap();
        if !before.is_empty() {
            assert_eq!(text.matches(before).count(), 1, "{before}");
            text = text.replace(before, after);
        }
        let app = folder.join(file);
        fs::write(&app, text).unwrap();
        let script = folder.join("bootstrap");
        let (program, app) = (program.display(), app.display());
        fs::write(&script, format!("#!/bin/sh\nexec {program} {ROOT}/tests/examples/{bootstrap} {app}\n"))
            .unwrap();
        fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        script
    }
}

/// A Python with the packages of both examples.
pub fn python() -> PathBuf {
    let packages = |name: &str| fs::read_to_string(format!("examples/{name}/requirements.txt")).unwrap();
    let packages = packages("python-lambda") + &packages("python-poller");
    setup::python("examples", &packages.lines().collect::<Vec<_>>())
}

fn node() -> PathBuf {
    let path = setup::run(Command::new("node").args(["-p", "process.execPath"]));
    String::from_utf8(path).unwrap().trim().into()
}

fn rust() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("rust-lambda")).clone()
}

/// Builds an example. `cargo test` with a filter does not.
pub fn built(example: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--quiet", "--example", example]).current_dir(ROOT);
    // Variables of the tests' package, for which a build script of a dependency would run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&name);
        }
    }
    setup::run(build.env("CARGO_TARGET_DIR", target));
    target.join("debug/examples").join(example)
}
