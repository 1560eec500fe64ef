//! The function under AWS's own Lambda Runtime Interface Emulator, which the SAM CLI ships:
//! <https://github.com/aws/aws-lambda-runtime-interface-emulator>.

use std::{
    env::consts::ARCH,
    fs,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use duffel_webhook_receiver::gateway::GatewayRequest;
use serde_json::Value;

use crate::{
    events::{SAMPLES, sample},
    serve_to::consumer::Receiving,
    support::{
        ministack::Backend,
        runtime_api::reserved_address,
        setup,
        test_receiver::{SECRET, TestReceiver, noon},
    },
};

/// The emulator with the function.
struct Emulator {
    process: Child,
    address: String,
}

impl Emulator {
    /// Starts it with the receiver.
    fn start(backend: &Backend) -> Self {
        // The signatures of the samples never expire.
        let variables = [("WEBHOOK_SECRET", SECRET), ("DEDUP_WINDOW", "3650d")];
        Self::run(env!("CARGO_BIN_EXE_receiver"), &[&backend.variables()[..], &variables].concat())
    }

    /// Starts it with any function.
    fn run(bootstrap: &str, variables: &[(&str, &str)]) -> Self {
        let [invocations, runtime] = [(); 2].map(|()| reserved_address().to_string());
        let process = Command::new(emulator())
            .args(["--runtime-interface-emulator-address", &invocations, "--runtime-api-address", &runtime])
            .arg(bootstrap)
            .env_clear()
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, address: format!("http://{invocations}") }
    }

    /// Invokes the function. The emulator accepts one invocation at a time.
    fn invoke(&self, payload: &str) -> Value {
        let url = format!("{}/2015-03-31/functions/function/invocations", self.address);
        let started = Instant::now();
        loop {
            match ureq::post(&url).send(payload) {
                Ok(mut response) => {
                    return serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
                }
                // Not listening yet.
                Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed)
                    if started.elapsed() < Duration::from_secs(20) =>
                {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => panic!("no answer from the emulator: {error}"),
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn emulator() -> String {
    let python = setup::sam();
    let arch = if ARCH == "aarch64" { "arm64" } else { ARCH };
    let code = format!(
        "import pathlib, samcli; print(pathlib.Path(samcli.__file__).parent / 'local/rapid/aws-lambda-rie-{arch}')"
    );
    let found = Command::new(python).args(["-c", &code]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    assert!(fs::exists(&path).unwrap(), "the SAM CLI has no emulator for {arch}");
    path
}

#[tokio::test]
async fn every_sample_has_the_same_result_under_the_emulator_and_in_memory() {
    let backend = Backend::new().await;
    let emulator = Emulator::start(&backend);
    let receiver = TestReceiver::new();
    for (name, ..) in SAMPLES {
        let GatewayRequest { request, context, .. } = GatewayRequest::read(&sample(name));
        let (status, said) = receiver.send_in(request, context, noon());
        let answer = emulator.invoke(&sample(name));
        assert_eq!(answer["statusCode"], status, "{name}: {answer}");
        assert_eq!(answer["body"], format!(r#"{{"status":"{said}"}}"#), "{name}");
    }
    assert_eq!(emulator.invoke("{}")["statusCode"], 404);
    let (here, there) = (receiver.queued(), backend.messages().await);
    assert_eq!(here.len(), there.len());
    let bodies: Vec<_> = here.iter().map(|message| message["Body"].as_str().unwrap()).collect();
    assert!(there.iter().all(|message| bodies.contains(&message.body().unwrap())));
}

/// A function of which the first invocation fails, and the second returns the message `a1`.
const FUNCTION: &str = r#"
results = iter([KeyError("order"), ["a1"], []])


def handler(batch, context):
    result = next(results)
    if isinstance(result, Exception):
        raise result
    ids = {r["messageAttributes"]["event_id"]["stringValue"]: r["messageId"] for r in batch["Records"]}
    return {"batchItemFailures": [{"itemIdentifier": ids[id]} for id in result]}
"#;

#[test]
fn serve_invokes_a_function_under_the_emulator_which_has_no_header_for_errors() {
    let folder = tempfile::tempdir().unwrap();
    let (app, bootstrap) = (folder.path().join("app.py"), folder.path().join("bootstrap"));
    fs::write(&app, FUNCTION).unwrap();
    let runtime = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/bootstrap.py");
    fs::write(&bootstrap, format!("#!/bin/sh\nexec python3 {runtime} {}\n", app.display())).unwrap();
    fs::set_permissions(&bootstrap, PermissionsExt::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let emulator = Emulator::run(bootstrap.to_str().unwrap(), &[("PATH", &path)]);
    let receiving = Receiving::start(&emulator.address, "--function function --visibility-timeout 5s");
    receiving.deliver_all("a1");
    let batches = [(); 3].map(|()| receiving.printed("batch"));
    assert_eq!(batches[0]["reason"], "KeyError: 'order'");
    assert_eq!(batches.each_ref().map(|batch| &batch["status"]), [200, 200, 200]);
    assert_eq!(batches.each_ref().map(|batch| &batch["outcome"]), ["failed", "failed", "handled"]);
    assert_eq!(batches[2]["messages"][0]["receive_count"], 3);
}
