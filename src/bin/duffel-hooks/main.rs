//! The tool: runs the receiver without AWS, signs, sends and checks deliveries, and operates a deployment.

mod commands;
mod shared;

use std::{error::Error, io, process::ExitCode};

use clap::{Parser, Subcommand};

use self::commands::{
    completions, deliveries, events, gateway_event, listen, man, schemes, send, serve, sign, trigger, verify,
    webhooks,
};
#[cfg(feature = "operate")]
use self::commands::{dlq, doctor, queue, replay, rotate, stack_names, subscribers, tail, trace};
use self::shared::{duffel, output::remark};
use duffel_webhook_receiver::log::chain;

/// The name of the program, which is not that of the package.
const NAME: &str = "duffel-hooks";

/// Receives, signs, sends and checks webhook deliveries, and manages webhooks at Duffel.
#[derive(Parser)]
#[command(name = NAME, version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

// The order is that of the help.
#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Send(send::Arguments),
    Trigger(trigger::Arguments),
    Listen(listen::Arguments),
    Sign(sign::SignArguments),
    Verify(verify::Arguments),
    #[command(alias = "event")]
    GatewayEvent(gateway_event::Arguments),
    Schemes(schemes::Arguments),
    Webhooks(webhooks::Arguments),
    Events(events::Arguments),
    Deliveries(deliveries::Arguments),
    #[cfg(feature = "operate")]
    Rotate(rotate::Arguments),
    #[cfg(feature = "operate")]
    Replay(replay::Arguments),
    #[cfg(feature = "operate")]
    Tail(tail::Arguments),
    #[cfg(feature = "operate")]
    Trace(trace::Arguments),
    #[cfg(feature = "operate")]
    Queue(queue::Arguments),
    #[cfg(feature = "operate")]
    Dlq(dlq::Arguments),
    #[cfg(feature = "operate")]
    Subscribers(subscribers::Arguments),
    #[cfg(feature = "operate")]
    Doctor(doctor::Arguments),
    Completions(completions::Arguments),
    #[command(hide = true)]
    Man(man::Arguments),
    #[cfg(feature = "operate")]
    #[command(hide = true)]
    StackNames(stack_names::Arguments),
}

impl Command {
    /// Whether the command only prints, so that a closed standard output ends it successfully.
    fn only_prints(&self) -> bool {
        match self {
            Self::Sign(_)
            | Self::Verify(_)
            | Self::GatewayEvent(_)
            | Self::Deliveries(_)
            | Self::Schemes(_)
            | Self::Completions(_)
            | Self::Man(_) => true,
            Self::Webhooks(arguments) => arguments.only_prints(),
            Self::Events(arguments) => arguments.only_prints(),
            #[cfg(feature = "operate")]
            Self::Doctor(_)
            | Self::Queue(_)
            | Self::StackNames(_)
            | Self::Subscribers(_)
            | Self::Tail(_)
            | Self::Trace(_) => true,
            #[cfg(feature = "operate")]
            Self::Dlq(arguments) => arguments.only_prints(),
            #[cfg(feature = "operate")]
            Self::Rotate(arguments) => arguments.only_prints(),
            #[cfg(feature = "operate")]
            Self::Replay(arguments) => arguments.only_prints(),
            Self::Trigger(arguments) => arguments.only_prints(),
            Self::Serve(_) | Self::Send(_) | Self::Listen(_) => false,
        }
    }

    fn run(&self) -> shared::Result<()> {
        match self {
            Self::Serve(arguments) => serve::run(arguments),
            Self::Send(arguments) => send::run(arguments),
            Self::Trigger(arguments) => trigger::run(arguments),
            Self::Listen(arguments) => listen::run(arguments),
            Self::Sign(arguments) => sign::sign(arguments),
            Self::Verify(arguments) => verify::run(arguments),
            Self::GatewayEvent(arguments) => gateway_event::run(arguments),
            Self::Schemes(arguments) => schemes::run(arguments),
            Self::Webhooks(arguments) => webhooks::run(arguments),
            Self::Events(arguments) => events::run(arguments),
            Self::Deliveries(arguments) => deliveries::run(arguments),
            #[cfg(feature = "operate")]
            Self::Rotate(arguments) => rotate::run(arguments),
            #[cfg(feature = "operate")]
            Self::Replay(arguments) => replay::run(arguments),
            #[cfg(feature = "operate")]
            Self::Tail(arguments) => tail::run(arguments),
            #[cfg(feature = "operate")]
            Self::Trace(arguments) => trace::run(arguments),
            #[cfg(feature = "operate")]
            Self::Queue(arguments) => queue::run(arguments),
            #[cfg(feature = "operate")]
            Self::Dlq(arguments) => dlq::run(arguments),
            #[cfg(feature = "operate")]
            Self::Subscribers(arguments) => subscribers::run(arguments),
            #[cfg(feature = "operate")]
            Self::Doctor(arguments) => doctor::run(arguments),
            Self::Completions(arguments) => completions::run(arguments),
            Self::Man(arguments) => man::run(arguments),
            #[cfg(feature = "operate")]
            Self::StackNames(arguments) => stack_names::run(arguments),
        }
    }
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if command.only_prints() && is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            remark(&format!("{NAME}: {}", chain(error.as_ref())));
            if let Some(hint) = duffel::hint(error.as_ref()) {
                remark(hint);
            }
            let own = error.is::<shared::WrongUsage>().then_some(2);
            #[cfg(feature = "operate")]
            let own = own.or_else(|| error.is::<shared::NeedsAction>().then_some(6));
            ExitCode::from(own.unwrap_or_else(|| duffel::exit_code(error.as_ref())))
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_valid() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn old_names_are_accepted_and_hidden() {
        assert!(super::Arguments::try_parse_from(["duffel-hooks", "event", "-"]).is_ok());
        let rotate = ["duffel-hooks", "rotate", "--stack", "x", "--forget-old", "--only"];
        assert_eq!(super::Arguments::try_parse_from(rotate).is_ok(), cfg!(feature = "operate"));
        let help = super::Arguments::command().render_help().to_string();
        assert!(!help.contains("  event "), "{help}");
    }
}
