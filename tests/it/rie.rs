//! The function under AWS's own Lambda Runtime Interface Emulator, which the SAM CLI ships:
//! <https://github.com/aws/aws-lambda-runtime-interface-emulator>.

use std::{
    env::consts::ARCH,
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use duffel_webhook_receiver::gateway::GatewayRequest;
use serde_json::Value;

use crate::{
    events::{SAMPLES, sample},
    support::{
        ministack::Backend,
        setup,
        test_receiver::{SECRET, TestReceiver, noon},
    },
};

/// The emulator with the function.
struct Emulator {
    process: Child,
    url: String,
}

impl Emulator {
    fn start(backend: &Backend) -> Self {
        let (invocations, runtime) = (free_address(), free_address());
        let process = Command::new(emulator())
            .args(["--runtime-interface-emulator-address", &invocations, "--runtime-api-address", &runtime])
            .arg(env!("CARGO_BIN_EXE_receiver"))
            .env_clear()
            .envs(backend.variables())
            // The signatures of the samples never expire.
            .envs([("WEBHOOK_SECRET", SECRET), ("DEDUP_WINDOW", "3650d")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, url: format!("http://{invocations}/2015-03-31/functions/function/invocations") }
    }

    /// Invokes the function. The emulator accepts one invocation at a time.
    fn invoke(&self, payload: &str) -> Value {
        let started = Instant::now();
        loop {
            match ureq::post(&self.url).send(payload) {
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

/// Another process may take the port first, but no test here asks for a port by number.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
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
