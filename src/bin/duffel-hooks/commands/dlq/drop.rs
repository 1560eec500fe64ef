//! `dlq drop`: deletes selected dead letters.

use clap::Args;

use super::{Which, selection::Selection, show};
use crate::shared::{
    Result, WrongUsage,
    confirm::Confirmation,
    output::{count, remark},
    printout::Printout,
};

/// Deletes selected dead letters, which cannot be undone
///
/// First it prints them, and asks. `dlq export --delete` keeps them in a file instead.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Prints what would be deleted, and deletes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.selection.is_all() {
        return Err(WrongUsage("give --id or --type: see dlq show".to_owned()).into());
    }
    let (queue, _) = arguments.which.find().await?;
    queue.depth().await?;
    let (selected, seen) = arguments.selection.find(&queue).await?;
    if selected.is_empty() {
        return Err(none_of(seen).into());
    }
    let mut printout = Printout::default();
    printout.text(&show::table(&selected));
    let letters = count(selected.len(), "dead letter");
    if arguments.dry_run {
        printout.line(format_args!("Would delete {letters}. Nothing was changed."));
        return printout.finish();
    }
    arguments.confirmation.ask(&format!("delete {letters}"))?;
    // Only what was printed: others may have arrived meanwhile.
    let ids: Vec<_> = selected.iter().filter_map(|letter| letter.message_id().map(str::to_owned)).collect();
    let (done, ended) = Selection::of_ids(ids).take(&queue, async |_| Ok(())).await;
    remark(&format!("{done} of {letters} deleted"));
    ended?;
    if done < selected.len() {
        return Err("the others were not received again: they are in flight, or deleted already".into());
    }
    printout.finish()
}

/// Says that nothing is selected.
pub(super) fn none_of(seen: usize) -> String {
    format!(
        "none of the {} that SQS returns is selected: it returns only the first ten of each object",
        count(seen, "dead letter")
    )
}
