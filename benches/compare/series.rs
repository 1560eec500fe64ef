//! Figures that were measured several times.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Values by name.
#[derive(Default)]
pub struct Figures(BTreeMap<&'static str, Vec<f64>>);

impl Figures {
    pub fn add(&mut self, name: &'static str, value: f64) {
        self.0.entry(name).or_default().push(value);
    }

    /// Median, least and greatest of each.
    pub fn json(self) -> Map<String, Value> {
        self.0.into_iter().map(|(name, values)| (name.to_owned(), summary(values))).collect()
    }
}

fn summary(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    json!({
        "median": short(median(&values)),
        "min": short(values[0]),
        "max": short(values[values.len() - 1]),
    })
}

/// Of values in their order.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The value at a share of 0 to 1.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * share) as usize).min(values.len() - 1)]
}

/// With three decimals.
pub fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
