//! Lists of Duffel's records: the options that select and format them, and their printing.

use std::{
    io::{self, Write},
    time::SystemTime,
};

use clap::Args;
use duffel_webhook_receiver::duffel::ApiError;
use serde_json::Value;

use super::{
    Result,
    offer::offering_types,
    output::{Table, remark},
    progress::Progress,
    values::{parse_kind, parse_since, parse_until},
};

/// How many records are read between two updates of the progress.
const PROGRESS_STEP: u64 = 200;

/// Which events, or deliveries of events
#[derive(Args)]
pub(crate) struct FilterArguments {
    /// Only events of this type, such as order.created
    #[arg(long = "type", value_name = "TYPE", value_parser = offering_types(parse_kind), hide_possible_values = true)]
    pub(crate) kind: Option<String>,
    /// Only those that were not accepted
    #[arg(long, conflicts_with = "delivered")]
    failed: bool,
    /// Only those that were accepted
    #[arg(long)]
    delivered: bool,
    /// Only those created since then: 2h or 3d (ago), 2026-01-31 (its beginning, in UTC) or
    /// 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub(crate) since: Option<SystemTime>,
    /// Only those created until then; a date includes the whole day, in UTC
    #[arg(long, value_name = "WHEN", value_parser = parse_until)]
    pub(crate) until: Option<SystemTime>,
}

impl FilterArguments {
    pub(crate) fn delivery_success(&self) -> Option<bool> {
        (self.failed || self.delivered).then_some(self.delivered)
    }
}

/// How much of a list, and in which format
#[derive(Args)]
pub(crate) struct ListArguments {
    /// The maximum number to list, in Duffel's order
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Lists all, however many
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    format: Format,
}

/// For people or for programs
#[derive(Args)]
pub(crate) struct Format {
    /// Prints Duffel's records unchanged, one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Format {
    /// Prints one record: indented for people, on one line for programs.
    pub(crate) fn print(&self, record: &Value) -> Result<()> {
        let text = if self.json { record.to_string() } else { format!("{record:#}") };
        Ok(writeln!(io::stdout(), "{text}")?)
    }
}

impl ListArguments {
    /// Prints a list: as JSON while it is read, or as a table of `columns` at the end; and reports if there are more.
    pub(crate) fn print<T, const N: usize>(
        &self,
        records: impl Iterator<Item = std::result::Result<T, ApiError>>,
        raw: impl Fn(&T) -> &Value,
        columns: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<()> {
        self.print_with(records, raw, columns, |_| Ok(()), |record, ()| row(record))
    }

    /// The same with what is looked up about the records of a table. If that fails, the table has rows without it.
    pub(crate) fn print_with<T, Context: Default, const N: usize>(
        &self,
        records: impl Iterator<Item = std::result::Result<T, ApiError>>,
        raw: impl Fn(&T) -> &Value,
        columns: [&str; N],
        look_up: impl FnOnce(&[T]) -> std::result::Result<Context, ApiError>,
        row: impl Fn(&T, &Context) -> [String; N],
    ) -> Result<()> {
        let mut listed = Vec::new();
        let mut progress = Progress::of_list();
        let limit = if self.all { u64::MAX } else { self.limit };
        let mut failure = None;
        let mut more = false;
        for (index, record) in (0..).zip(records) {
            match record {
                Ok(_) if index == limit => more = true,
                Ok(record) if self.format.json => writeln!(io::stdout(), "{}", raw(&record))?,
                Ok(record) => listed.push(record),
                Err(error) => failure = Some(error),
            }
            if more || failure.is_some() {
                break;
            }
            let done = index + 1;
            if done.is_multiple_of(PROGRESS_STEP) {
                progress.show(format!("{done} read …"));
            }
        }
        progress.end();
        if !self.format.json && (failure.is_none() || !listed.is_empty()) {
            let mut context = Context::default();
            if failure.is_none() && !listed.is_empty() {
                match look_up(&listed) {
                    Ok(found) => context = found,
                    Err(error) => failure = Some(error),
                }
            }
            let mut table = Table::new(columns);
            for record in &listed {
                table.push(row(record, &context));
            }
            table.print(&mut io::stdout().lock())?;
        }
        if more {
            remark("There are more: see --limit and --all");
        }
        // The records before the failure are printed.
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}
