//! `docs/performance.md` agrees with what was measured and with the prices.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::setup;

const WRITTEN: [&str; 2] = ["performance.md", "performance.svg"];

fn page() -> String {
    fs::read_to_string("docs/performance.md").unwrap()
}

/// The rows of a table of figures, without its head.
fn rows<'a>(page: &'a str, figures: &str) -> Vec<Vec<&'a str>> {
    let start = format!("<!-- figures: {figures} -->");
    let (_, table) = page.split_once(&start).unwrap_or_else(|| panic!("the page has no {start}"));
    let table = table.split("<!-- end -->").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1).map(|row| row.split(" | ").collect()).collect()
}

/// The value of a cell in thousandths, so that sums are exact.
fn thousandths(cell: &str) -> i64 {
    let text = cell.trim_matches('*').replace(',', "");
    let (whole, fraction) = text.split_once('.').unwrap();
    let number = format!("{whole}{fraction:0<3}");
    number.parse().unwrap_or_else(|_| panic!("not an amount: {cell}"))
}

#[test]
fn the_page_and_the_plot_are_those_of_the_measurement() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["performance.json", "endpoint.json", "cost.json"].iter().chain(&WRITTEN) {
        fs::copy(Path::new("docs").join(name), folder.path().join(name)).unwrap();
    }
    let mut command = Command::new("python3");
    setup::run(command.arg("benches/compare_plot.py").arg(folder.path()).stdin(Stdio::null()));
    for name in WRITTEN {
        let [written, kept] =
            [folder.path(), Path::new("docs")].map(|folder| fs::read_to_string(folder.join(name)).unwrap());
        assert!(written == kept, "docs/{name} is old: run python3 benches/compare_plot.py");
    }
}

#[test]
fn the_totals_of_the_cost_are_the_sums_of_their_rows() {
    let page = page();
    for figures in ["cost", "fixed"] {
        let rows = rows(&page, figures);
        let (total, parts) = rows.split_last().unwrap();
        assert_eq!(total[0], "**total**", "{figures}");
        assert!(parts.len() > 2, "{figures}");
        for column in 1..total.len() {
            let sum: i64 = parts.iter().map(|row| thousandths(row[column])).sum();
            assert_eq!(thousandths(total[column]), sum, "{figures}, column {column}");
        }
    }
}

#[test]
fn every_price_has_a_source_with_a_date_or_is_marked() {
    let cost: Value = serde_json::from_str(&fs::read_to_string("docs/cost.json").unwrap()).unwrap();
    let page = page();
    let marked = rows(&page, "prices").iter().filter(|row| row[2] == "not verified").count();
    let prices = cost["prices"].as_object().unwrap();
    assert_eq!(rows(&page, "prices").len(), prices.len());
    assert_eq!(prices.values().filter(|price| price["source"].is_null()).count(), marked);
    for (name, price) in prices.iter().filter(|(_, price)| !price["source"].is_null()) {
        assert!(price["source"].as_str().unwrap().starts_with("https://"), "{name}");
        assert!(price["date"].as_str().unwrap().contains("20"), "{name}");
    }
}

/// What one million deliveries make AWS bill, counted from the calls of the subjects and not from the page.
#[test]
fn the_rows_of_the_cost_are_the_calls_at_their_prices() {
    let cost: Value = serde_json::from_str(&fs::read_to_string("docs/cost.json").unwrap()).unwrap();
    let usd = |price: &str| thousandths(&format!("{:.3}", cost["prices"][price]["usd"].as_f64().unwrap()));
    let page = page();
    let ours: BTreeMap<_, _> =
        rows(&page, "cost").into_iter().map(|row| (row[0], thousandths(row[1]))).collect();
    for (row, price) in [
        ("HTTP API", "http_api"),
        ("DynamoDB: consistent read", "read_unit"),
        ("DynamoDB: write", "write_unit"),
        ("SQS FIFO: send", "sqs_fifo"),
        ("Lambda: requests", "lambda_request"),
    ] {
        assert_eq!(ours[row], usd(price), "{row}");
    }
}

#[test]
fn the_machine_is_named_in_general_terms() {
    let results: Value = serde_json::from_str(&fs::read_to_string("docs/performance.json").unwrap()).unwrap();
    let fields: Vec<_> = results["machine"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["architecture", "cgroup", "cores", "kernel", "processor"]);
}
