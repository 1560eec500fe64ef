//! `stack-names`: the names that the script of `completions` offers for `--stack`.

use std::io::{self, Write};

use clap::Args;

use crate::shared::{Result, stack::names};

/// Prints the names of stacks, one per line
#[derive(Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<()> {
    let mut out = io::stdout();
    for name in names::find()? {
        writeln!(out, "{name}")?;
    }
    Ok(())
}
