//! The text that `serve` prints when it starts: where to deliver, and how.

use std::{
    env,
    io::{self, Write},
    time::SystemTime,
};

use duffel_webhook_receiver::{
    config::Config,
    signature::{
        secret::Secret,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};

use crate::{
    NAME,
    shared::{Result, output::quoted, samples},
};

/// What the greeting says.
pub(super) struct Greeting<'a> {
    /// The address of the sources, without their names.
    pub(super) address: String,
    /// The address of the inspector.
    pub(super) inspector: &'a str,
    /// The URL of the consumer that is invoked.
    pub(super) consumer: Option<&'a str>,
    pub(super) config: &'a Config,
    pub(super) generated: Option<&'a str>,
    /// Whether `SOURCES` is not set.
    pub(super) no_sources: bool,
    /// Whether the messages go to the standard output.
    pub(super) messages: bool,
}

/// Prints where to deliver, and how. A signed example is printed for a generated secret only: with another secret, it
/// would be a valid delivery for anybody who reads the terminal.
pub(super) fn greet(greeting: &Greeting<'_>) -> Result<()> {
    let Greeting { address, inspector, consumer, config, generated, no_sources, messages } = greeting;
    let out = &mut io::stderr();
    for source in &config.sources {
        writeln!(out, "Receiving on {address}/{}", source.name)?;
    }
    writeln!(out, "Inspector    {inspector}/")?;
    if let Some(url) = consumer {
        writeln!(out, "Consumer     {url}")?;
    }
    let [source] = &config.sources[..] else { return Ok(()) };
    let url = format!("{address}/{}", source.name);
    let send = format!("{} send --to {url} {}", program(), samples::FIRST);
    let Some(secret) = generated else {
        if *no_sources {
            writeln!(
                out,
                "\nSend a delivery from another terminal, with the same WEBHOOK_SECRET:\n\n  {send}\n"
            )?;
        }
        return Ok(());
    };
    let body = samples::find(samples::FIRST).unwrap_or_default();
    let signing = Signing { seconds: unix_seconds(SystemTime::now()), ..Signing::default() };
    let key = Secret::new(secret)?.key(source.scheme.key)?;
    let headers = sign(&source.scheme, &key, signing, body.as_bytes())?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("-H '{name}: {value}'")).collect();
    let headers = headers.join(" \\\n    ");
    let printed = if *messages {
        "Messages are printed to the standard output as a consumer receives them."
    } else {
        "Each delivery is printed as a line. With --verbose, messages are printed as a consumer receives them."
    };
    writeln!(
        out,
        "Secret       {secret}

Send a delivery from another terminal:

  WEBHOOK_SECRET='{secret}' {send}

or with curl only:

  curl -i {url} \\
    -H 'Content-Type: application/json' \\
    {headers} \\
    --data-raw '{body}'

{printed}
"
    )?;
    Ok(())
}

/// The command that runs this program from any folder.
fn program() -> String {
    let called = env::args().next().filter(|name| !name.contains(['/', '\\']));
    let path = || env::current_exe().map(|path| path.display().to_string());
    let program = called.or_else(|| path().ok()).unwrap_or_else(|| NAME.to_owned());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~".contains(c);
    if program.chars().all(is_plain) { program } else { quoted(&program) }
}
