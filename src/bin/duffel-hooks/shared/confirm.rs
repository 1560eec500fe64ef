//! The question before something that cannot be undone.

use std::io::{self, IsTerminal, Write};

use clap::Args;

use super::{Result, WrongUsage};

/// Whether to ask
#[derive(Args)]
pub(crate) struct Confirmation {
    /// Does not ask. Without a terminal there is no question, and this is required
    #[arg(long, short = 'y')]
    yes: bool,
}

impl Confirmation {
    /// Asks whether to do something, and fails unless the answer is yes.
    pub(crate) fn ask(&self, what: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(WrongUsage(format!(
                "nothing was changed: there is no terminal to ask whether to {what}: add --yes"
            ))
            .into());
        }
        let mut out = io::stderr();
        write!(out, "Really {what}? [y/N] ")?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if is_yes(&answer) { Ok(()) } else { Err("nothing was changed".into()) }
    }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("y\n") && is_yes(" YES\n"));
        assert!(!is_yes("") && !is_yes("\n") && !is_yes("n\n") && !is_yes("yes, but\n"));
    }
}
