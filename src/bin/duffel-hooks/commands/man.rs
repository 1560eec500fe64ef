//! `man`: the manual pages, from the same definition as the help.

use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory};

use crate::shared::Result;

/// Writes the manual pages of this tool and of its commands to a folder
#[derive(Args)]
#[command(after_help = "\
Example:
  duffel-hooks man ~/.local/share/man/man1 && man duffel-hooks-trigger")]
pub(crate) struct Arguments {
    /// The folder, which is made if it does not exist
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = &arguments.folder;
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(crate::Arguments::command(), folder));
    Ok(written.map_err(|error| format!("cannot write to {}: {error}", folder.display()))?)
}
