//! `dlq export`: writes the dead letters to a file.

#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use duffel_webhook_receiver::deployment::in_flight::{HOLD, QueuedMessage};

use super::Which;
use crate::shared::{
    Result,
    in_flight::with_in_flight,
    output::{count, remark},
};

/// Writes the dead letters to a file, one JSON object per line
///
/// Each has MessageId, Body, Attributes (of SQS) and MessageAttributes (of the receiver). Without
/// --delete they stay in the queue. SQS then returns only the first ten events of each object, and
/// the exit code is 1 if there are more.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The file to create, which only its owner may read [default: the standard output]
    #[arg(long, value_name = "FILE")]
    pub(super) to: Option<PathBuf>,
    /// Deletes messages from the queue once they are in the file
    #[arg(long, requires = "to")]
    delete: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (queue, _) = arguments.which.find().await?;
    let (_, before) = queue.depth().await?;
    let mut writer = Writer::open(arguments.to.as_deref())?;
    let (mut written, mut deleted) = (0, 0);
    let done = with_in_flight(queue.in_flight(HOLD), async |in_flight| {
        loop {
            let letters = in_flight.receive(usize::MAX).await?;
            if letters.is_empty() {
                return Ok(());
            }
            writer.write(&letters)?;
            written += letters.len();
            if arguments.delete {
                writer.keep()?;
                deleted += in_flight.delete().await?;
            }
        }
    })
    .await;
    let kept = writer.keep();
    let place =
        arguments.to.as_ref().map_or_else(|| "out".to_owned(), |path| format!("to {}", path.display()));
    let status =
        if arguments.delete { format!("{deleted} deleted") } else { "all still in the queue".to_owned() };
    remark(&format!("{} written {place}, {status}", count(written, "dead letter")));
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
            "{left} of {} could not be received: they are in flight, or behind others of their group",
            before.all()
        )
        .into()),
    }
}

/// The destination of the lines.
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
        // It contains travellers' data.
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(path).map_err(explain)?;
        // The file's name must survive a crash, too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(explain)?;
        Ok(Self::File(BufWriter::new(file)))
    }

    fn write(&mut self, letters: &[QueuedMessage]) -> io::Result<()> {
        let mut stdout = io::stdout();
        let out: &mut dyn Write = match self {
            Self::File(file) => file,
            Self::Out => &mut stdout,
        };
        letters.iter().try_for_each(|letter| writeln!(out, "{}", letter.json()))
    }

    /// Makes the written lines durable.
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
