//! The operator's tool: runs the receiver without AWS, signs, sends and checks deliveries, and speaks with Duffel.

mod api;
mod completions;
mod deliveries;
#[cfg(feature = "operate")]
mod dlq;
#[cfg(feature = "operate")]
mod doctor;
mod event;
mod events;
#[cfg(feature = "operate")]
mod replay;
#[cfg(feature = "operate")]
mod rotate;
mod send;
mod serve;
mod sign;
mod store;
mod table;
#[cfg(feature = "operate")]
mod undelivered;
mod webhooks;

use std::{
    error::Error,
    fs,
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Receives, signs, sends and checks Duffel's webhooks, and manages them at Duffel.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

// The order is that of the help.
#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Send(send::Arguments),
    Sign(sign::SignArguments),
    Verify(sign::VerifyArguments),
    Event(event::Arguments),
    Webhooks(webhooks::Arguments),
    Events(events::Arguments),
    Deliveries(deliveries::Arguments),
    #[cfg(feature = "operate")]
    Rotate(rotate::Arguments),
    #[cfg(feature = "operate")]
    Replay(replay::Arguments),
    #[cfg(feature = "operate")]
    Dlq(dlq::Arguments),
    #[cfg(feature = "operate")]
    Doctor(doctor::Arguments),
    Completions(completions::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Send(arguments) => send::run(&arguments),
        Command::Sign(arguments) => sign::sign(&arguments),
        Command::Verify(arguments) => sign::verify(&arguments),
        Command::Event(arguments) => event::run(&arguments),
        Command::Webhooks(arguments) => webhooks::run(&arguments),
        Command::Events(arguments) => events::run(&arguments),
        Command::Deliveries(arguments) => deliveries::run(&arguments),
        #[cfg(feature = "operate")]
        Command::Rotate(arguments) => rotate::run(&arguments),
        #[cfg(feature = "operate")]
        Command::Replay(arguments) => replay::run(&arguments),
        #[cfg(feature = "operate")]
        Command::Dlq(arguments) => dlq::run(&arguments),
        #[cfg(feature = "operate")]
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has read enough.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("duffel-hooks: {}", duffel_webhook_receiver::log::chain(error.as_ref()));
            if let Some(hint) = api::hint(error.as_ref()) {
                eprintln!("{hint}");
            }
            ExitCode::from(api::exit_code(error.as_ref()))
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The exact bytes of a body: of a file, or of the standard input for `-`.
fn read_body(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body)?;
        return Ok(body);
    }
    fs::read(path).map_err(|error| format!("cannot read the body from {}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
