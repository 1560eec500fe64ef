//! The programs that are compared. Each gets a signed delivery, and looks up, forwards and records its event.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    lab::{Lab, Transport},
    payload::SECRET,
    setup,
};

const BOTO3: &str = "boto3==1.43.106";
const RUNTIME: &str = "awslambdaric==4.2.2";
const POWERTOOLS: &str = "aws-lambda-powertools==3.37.0";
const SDK: [&str; 2] = ["@aws-sdk/client-dynamodb@3.1169.0", "@aws-sdk/client-sqs@3.1169.0"];
const ESBUILD: &str = "esbuild@0.28.2";
const NODE_20: &str = "20.20.2";
const NODE_24: &str = "24.21.0";
/// What boto3 consists of, as files and folders of its environment.
const BOTO3_FILES: [&str; 7] =
    ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"];
const POWERTOOLS_FILES: [&str; 2] = ["aws_lambda_powertools", "typing_extensions.py"];

/// A session token is about as long as that of a role.
const TOKEN_BYTES: usize = 1_000;

pub struct Subject {
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    /// Whether it reads the system's authorities, as it does on Lambda. The receiver's are built in.
    reads_bundle: bool,
    /// What is deployed; for Python without boto3, which the managed runtime has.
    deployed: Vec<PathBuf>,
    /// The pinned boto3.
    boto3: Vec<PathBuf>,
}

impl Subject {
    /// Installs what they need, and makes what is deployed.
    pub fn all(lab: &Lab, floor: Option<&Path>, receiver: &Path) -> Vec<Self> {
        let rust = |name, binary: &Path| Self {
            name,
            program: fs::canonicalize(binary).unwrap_or_else(|error| panic!("{}: {error}", binary.display())),
            arguments: Vec::new(),
            folder: lab.folder.clone(),
            reads_bundle: false,
            deployed: vec![binary.to_owned()],
            boto3: Vec::new(),
        };
        let mut subjects: Vec<_> = floor.map(|binary| rust("floor", binary)).into_iter().collect();
        subjects.push(rust("receiver", receiver));
        subjects.push(Self::python(lab, "python", &[BOTO3, RUNTIME], &[]));
        subjects.push(Self::python(lab, "powertools", &[BOTO3, RUNTIME, POWERTOOLS], &POWERTOOLS_FILES));
        subjects.extend(Self::node(lab));
        subjects
    }

    fn python(lab: &Lab, name: &'static str, packages: &[&str], files: &[&str]) -> Self {
        let python = setup::python(&format!("compare-{name}"), packages);
        let folder = peer(lab, name, &["app.py"]);
        let place = "import boto3, pathlib; print(pathlib.Path(boto3.__file__).parent.parent, end='')";
        let place = setup::run(Command::new(&python).args(["-c", place]));
        let place = PathBuf::from(String::from_utf8(place).unwrap());
        let paths = |files: &[&str]| files.iter().map(|file| place.join(file)).collect::<Vec<_>>();
        let deployed = [vec![folder.join("app.py")], paths(files)].concat();
        Self {
            name,
            program: python,
            arguments: ["-m", "awslambdaric", "app.handler"].map(str::to_owned).to_vec(),
            folder,
            reads_bundle: true,
            deployed,
            boto3: paths(&BOTO3_FILES),
        }
    }

    fn node(lab: &Lab) -> [Self; 2] {
        let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
        let engine = |major, version| format!("node{major}@npm:node-linux-{machine}@{version}");
        let engines = [engine(20, NODE_20), engine(24, NODE_24)];
        let packages = [&SDK[..], &[ESBUILD, &engines[0], &engines[1]]].concat();
        let modules = setup::node("compare", &packages).join("node_modules");
        let folder = peer(lab, "node", &["app.mjs", "index.mjs", "runtime.mjs"]);
        let require =
            "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
        let mut esbuild = Command::new(modules.join(".bin/esbuild"));
        esbuild.current_dir(&folder).env("NODE_PATH", &modules).args(["index.mjs", "--outfile=bundle.mjs"]);
        esbuild.args(["--bundle", "--minify", "--platform=node", "--target=node20", "--format=esm"]);
        esbuild
            .args(["--main-fields=module,main", "--log-level=error"])
            .arg(format!("--banner:js={require}"));
        setup::run(&mut esbuild);
        let bundle = folder.join("bundle.mjs");
        [("node20", 20), ("node24", 24)].map(|(name, major)| Self {
            name,
            program: modules.join(format!("node{major}/bin/node")),
            arguments: ["--use-openssl-ca", "bundle.mjs"].map(str::to_owned).to_vec(),
            folder: folder.clone(),
            reads_bundle: true,
            deployed: vec![bundle.clone()],
            boto3: Vec::new(),
        })
    }

    /// The size of what is deployed as a zip.
    pub fn zip_bytes(&self) -> u64 {
        zip(&self.deployed)
    }

    /// The same with the pinned boto3.
    pub fn full_zip_bytes(&self) -> Option<u64> {
        (!self.boto3.is_empty()).then(|| zip(&[&self.deployed[..], &self.boto3].concat()))
    }

    /// Whether it is the floor, which looks at nothing and calls nothing.
    pub fn does_nothing(&self) -> bool {
        self.name == "floor"
    }

    /// The command with Lambda's variables, and with the backends of a transport.
    pub fn command(&self, lab: &Lab, transport: Transport, runtime_api: SocketAddr) -> Command {
        let scheme = if transport == Transport::Tls { "https" } else { "http" };
        let endpoint = format!("{scheme}://{}", lab.backend(transport).address);
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(&self.folder).args(&self.arguments);
        command.env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string());
        command.envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "receiver"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "receiver"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "receiver"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", &"x".repeat(TOKEN_BYTES)),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("QUEUE_URL", &format!("{endpoint}/000000000000/events.fifo")),
            ("LEDGER_TABLE", "ledger"),
            ("WEBHOOK_SECRET", SECRET),
        ]);
        // The variables of the SDKs, and of OpenSSL in Node.js.
        let bundle = if self.reads_bundle { &lab.authority.bundle } else { &lab.authority.with_amazon };
        if self.reads_bundle || transport == Transport::Tls {
            command.env("AWS_CA_BUNDLE", bundle).env("SSL_CERT_FILE", bundle);
        }
        command
    }
}

/// Copies a handler, so that what its language makes of it is not in the repository.
fn peer(lab: &Lab, name: &str, files: &[&str]) -> PathBuf {
    let folder = lab.folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    for file in files {
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare/peers").join(name).join(file);
        fs::copy(source, folder.join(file)).unwrap();
    }
    folder
}

/// The size of a zip with these files and folders.
fn zip(paths: &[PathBuf]) -> u64 {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare/zip_size.py");
    let size = setup::run(Command::new("python3").arg(script).args(paths));
    String::from_utf8(size).unwrap().trim().parse().unwrap()
}

pub fn versions() -> Value {
    let python = setup::run(Command::new("python3").arg("--version"));
    let packages = [&[BOTO3, RUNTIME, POWERTOOLS][..], &SDK, &[ESBUILD]].concat();
    json!({
        "python": String::from_utf8(python).unwrap().trim().rsplit(' ').next(),
        "node": [NODE_20, NODE_24],
        "packages": packages,
    })
}
