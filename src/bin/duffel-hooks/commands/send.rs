//! `send`: makes a signed delivery, as Duffel does.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use http::{StatusCode, Uri};

use crate::{
    commands::sign::{Signer, body_help},
    shared::{Result, input::read_body, printout::Printout},
};

/// A receiver responds within 10 s, and a gateway within 30 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Signs a body and posts it, as Duffel does
#[derive(Args)]
#[command(after_help = body_help())]
pub(crate) struct Arguments {
    /// The file with the exact bytes to send, a sample, or - for the standard input
    body: PathBuf,
    /// The receiver's URL; it has 30 s to respond
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4567/webhooks/duffel", value_parser = parse_url)]
    to: String,
    #[command(flatten)]
    signer: Signer,
}

pub(crate) fn parse_url(text: &str) -> std::result::Result<String, String> {
    if !text.contains("://") {
        return Err(format!("it is not a valid URL: did you mean http://{text}?"));
    }
    let uri: Uri = text.parse().map_err(|error| format!("it is not a valid URL ({error})"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if cfg!(feature = "https") => {}
        Some("https") => {
            return Err("this build has no HTTPS support: build without --no-default-features".to_owned());
        }
        _ => return Err("it must begin with http:// or https://".to_owned()),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("it has no host".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let body = read_body(&arguments.body)?;
    let headers = arguments.signer.headers(&body)?;
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
    let agent = config.build().new_agent();
    let request = agent.post(&arguments.to).header("Content-Type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let explain = |error| match error {
        ureq::Error::Timeout(_) => {
            format!("no response from {} within {} s", arguments.to, TIMEOUT.as_secs())
        }
        error => format!("no response from {} ({error}): is the receiver running there?", arguments.to),
    };
    let mut response = request.send(&body[..]).map_err(explain)?;
    let status = response.status();
    let text = response.body_mut().read_to_string().map_err(explain)?;
    let mut printout = Printout::default();
    printout.line(format_args!("{status} {text}"));
    if status.is_success() {
        return printout.finish();
    }
    let hint = match status {
        StatusCode::UNAUTHORIZED => ": is WEBHOOK_SECRET the receiver's?",
        StatusCode::NOT_FOUND => ": does the URL end in /webhooks/NAME?",
        _ => "",
    };
    Err(format!("the delivery was refused with {status}{hint}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_with_a_host_are_accepted() {
        assert!(parse_url("http://[::1]:4567/webhooks/duffel").is_ok());
        for (url, reason) in [
            ("localhost:4567/webhooks/duffel", "did you mean http://localhost:4567/webhooks/duffel?"),
            ("http://", "not a valid URL"),
            ("ftp://example.com/", "must begin with http:// or https://"),
            ("http://:4567/", ""),
        ] {
            let error = parse_url(url).unwrap_err();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }
}
