//! Which lines of the log are shown.

use clap::Args;
use duffel_webhook_receiver::deployment::log_group::LogEvent;
use wildmatch::WildMatch;

use super::row::Row;
use crate::shared::{offer::offering_types, values::parse_type};

/// Which deliveries
#[derive(Args)]
pub(super) struct Selection {
    /// Only what was refused, has failed or has a warning: the lines of level WARN and ERROR
    #[arg(long)]
    failed: bool,
    /// Only events of this type, such as order.created or air.payment.*; may be repeated, or a list
    /// with commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = offering_types(parse_type), hide_possible_values = true)]
    types: Vec<String>,
    /// Only deliveries to this source; may be repeated, or a list with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    source: Vec<String>,
}

impl Selection {
    /// Returns the row of a line, if it is selected.
    pub(super) fn row(&self, line: &LogEvent) -> Option<Row> {
        let row = Row::read(line);
        let is_selected = match &row {
            Row::Delivery(line) => {
                let kind = line.event_type.as_deref();
                let is_type = |wanted: &String| kind.is_some_and(|kind| WildMatch::new(wanted).matches(kind));
                let is_source = |wanted: &String| line.source.as_ref() == Some(wanted);
                (self.types.is_empty() || self.types.iter().any(is_type))
                    && (self.source.is_empty() || self.source.iter().any(is_source))
                    && (!self.failed || row.is_problem())
            }
            Row::Other { .. } => self.types.is_empty() && self.source.is_empty() && row.is_problem(),
        };
        is_selected.then_some(row)
    }
}
