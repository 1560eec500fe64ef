//! `schemes`: the providers whose signatures are known, and what each signature protects.

mod description;
mod example;
mod words;

use std::io::{self, Write};

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use duffel_webhook_receiver::signature::scheme::Preset;

use self::{description::Description, example::Example};
use crate::shared::{Result, output::Table};

/// Lists the providers' signature schemes, and explains each of them
///
/// Each name may be the `scheme` of a source and the value of --scheme. A provider that is not listed may have one of
/// these schemes with other names of headers: see docs/providers.md.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Prints one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    Show(Show),
}

/// Explains a scheme: headers, signed text, secret, what is protected and what is not, with an example
///
/// The example has a made-up secret, which is another one each time.
#[derive(Args)]
struct Show {
    /// The name of the scheme, such as slack
    #[arg(
        value_parser = PossibleValuesParser::new(Preset::all().map(|preset| preset.name)),
        hide_possible_values = true
    )]
    name: String,
    /// Prints a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        None if arguments.json => {
            for preset in Preset::all() {
                writeln!(io::stdout(), "{}", serde_json::to_string(&Description::of(preset))?)?;
            }
        }
        None => table().print(&mut io::stdout().lock())?,
        Some(Command::Show(show)) => {
            let preset = Preset::named(&show.name).ok_or("the scheme is not known")?;
            let (description, example) = (Description::of(preset), Example::new(preset)?);
            if show.json {
                let mut object = serde_json::to_value(&description)?;
                object["example"] = serde_json::to_value(&example)?;
                writeln!(io::stdout(), "{object}")?;
            } else {
                write!(io::stdout(), "{description}\n{example}")?;
            }
        }
    }
    Ok(())
}

fn table() -> Table<4> {
    let mut table = Table::new(["NAME", "PROVIDER", "SIGNATURE COVERS", "WEAKNESS"]);
    for preset in Preset::all() {
        let description = Description::of(preset);
        let weakness = preset.weakness.unwrap_or_default().to_owned();
        let covers = words::list(&description.signature_covers, "and");
        table.push([preset.name.to_owned(), preset.title.to_owned(), covers, weakness]);
    }
    table
}
