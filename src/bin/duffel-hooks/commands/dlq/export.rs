//! `dlq export`: the dead letters in a file.

#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use duffel_webhook_receiver::deployment::in_flight::DeadLetter;

use super::{Which, count, with_in_flight};
use crate::shared::Result;

/// Writes the dead letters down, one JSON object a line
///
/// Each has MessageId, Body, Attributes (of SQS) and MessageAttributes (of the receiver). Without
/// --delete they stay in the queue; then, of events of one object, only the first ten come out,
/// and the exit code tells whether any stayed behind.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The file to write, which must not exist yet, for its owner's eyes only [default: the standard output]
    #[arg(long, value_name = "FILE")]
    pub(super) to: Option<PathBuf>,
    /// Deletes from the queue what is safely in the file
    #[arg(long, requires = "to")]
    delete: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (queue, _) = arguments.which.find().await?;
    let (_, before) = queue.depth().await?;
    let mut writer = Writer::open(arguments.to.as_deref())?;
    let (mut written, mut deleted) = (0, 0);
    let done = with_in_flight(&queue, async |hand| {
        loop {
            let letters = hand.receive(usize::MAX).await?;
            if letters.is_empty() {
                return Ok(());
            }
            writer.write(&letters)?;
            written += letters.len();
            if arguments.delete {
                writer.keep()?;
                deleted += hand.delete().await?;
            }
        }
    })
    .await;
    let kept = writer.keep();
    let place =
        arguments.to.as_ref().map_or_else(|| "out".to_owned(), |path| format!("to {}", path.display()));
    let fate =
        if arguments.delete { format!("{deleted} deleted") } else { "all still in the queue".to_owned() };
    eprintln!("{} written {place}, {fate}", count(written, "dead letter"));
    done?;
    kept?;
    if arguments.delete && deleted < written {
        return Err(
            format!("{} not deleted: they are in the file and in the queue", written - deleted).into()
        );
    }
    match before.all().checked_sub(written) {
        None | Some(0) => Ok(()),
        Some(left) => Err(format!(
            "{left} of {} were not to be had: held by somebody, or behind others of their group",
            before.all()
        )
        .into()),
    }
}

/// Where the lines go.
enum Writer {
    File(BufWriter<File>),
    Out,
}

impl Writer {
    fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Out) };
        let explain = |error| format!("cannot write to {}: {error}", path.display());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // It holds travellers' data.
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(path).map_err(explain)?;
        // Its name must outlast a crash as well as its lines.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(explain)?;
        Ok(Self::File(BufWriter::new(file)))
    }

    fn write(&mut self, letters: &[DeadLetter]) -> io::Result<()> {
        let mut stdout = io::stdout();
        let out: &mut dyn Write = match self {
            Self::File(file) => file,
            Self::Out => &mut stdout,
        };
        letters.iter().try_for_each(|letter| writeln!(out, "{}", letter.json()))
    }

    /// Returns when what was written is there to stay.
    fn keep(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => {
                file.flush()?;
                file.get_ref().sync_all()
            }
            Self::Out => io::stdout().flush(),
        }
    }
}
