//! `send`: a signed delivery, as Duffel would make it.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;

use crate::{
    Result, read_body,
    sign::{SECRET_HELP, Signer},
};

/// Signs a body and posts it, as Duffel does
#[derive(Args)]
#[command(after_help = SECRET_HELP)]
pub(crate) struct Arguments {
    /// The file with the exact bytes to send; - for the standard input
    body: PathBuf,
    /// Where the receiver listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4567/webhooks/duffel")]
    to: String,
    #[command(flatten)]
    signer: Signer,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if !arguments.to.contains("://") {
        return Err(format!("--to must be a URL: did you mean http://{}?", arguments.to).into());
    }
    if !cfg!(feature = "https") && arguments.to.starts_with("https:") {
        return Err("this build knows no https: build without --no-default-features".into());
    }
    let body = read_body(&arguments.body)?;
    let headers = arguments.signer.headers(&body)?;
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = agent.post(&arguments.to).header("Content-Type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let mut response = request.send(&body[..]).map_err(|error| {
        format!("no answer from {} ({error}): is the receiver running there?", arguments.to)
    })?;
    let status = response.status();
    writeln!(io::stdout(), "{status} {}", response.body_mut().read_to_string()?)?;
    if status.is_success() { Ok(()) } else { Err(format!("the delivery was refused with {status}").into()) }
}
