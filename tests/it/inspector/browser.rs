//! The page of `serve` in a real Chromium without a window. The cases are in `tests/inspector/`.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{setup, tool};

const PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Finds the browser: the one of the variable `CHROMIUM`, or one of the usual names.
fn browser() -> Option<PathBuf> {
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    let is_one = |path: &PathBuf| path.is_file();
    let mut found =
        BROWSERS.iter().flat_map(|name| env::split_paths(&paths).map(move |folder| folder.join(name)));
    named.or_else(|| found.find(is_one))
}

/// Runs a case, `file.function`, and returns what it printed. Without a browser nothing is run, except on a CI server,
/// where this is a failure.
fn run(case: &str, variables: &[(&str, OsString)]) -> Option<String> {
    let Some(browser) = browser() else {
        assert!(env::var_os("CI").is_none(), "there is no Chromium: install the package `chromium`");
        eprintln!(
            "SKIPPED: there is no Chromium. Install the package `chromium`, or set CHROMIUM to its path."
        );
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inspector/run.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(case).env("TOOL", tool::TOOL).env("CHROMIUM", browser);
    command.env("PACKAGES", setup::node("inspector", &PACKAGES)).envs(variables.iter().cloned());
    let printed = String::from_utf8(setup::run(&mut command)).unwrap();
    print!("{printed}");
    Some(printed)
}

macro_rules! cases {
    ($($test:ident: $case:literal),* $(,)?) => { $(
        #[test]
        fn $test() {
            run($case, &[]);
        }
    )* };
}

cases! {
    deliveries_appear_with_reason_body_message_and_record: "deliveries.arrival",
    every_refusal_has_its_reason_in_words: "deliveries.reasons",
    deliveries_are_filtered_by_source: "deliveries.other_sources",
    what_became_of_messages_at_a_consumer_is_counted: "deliveries.consumer",
    a_restart_of_the_server_is_shown: "deliveries.restart",
    nothing_is_missing_after_an_interruption: "deliveries.interruption",
    samples_can_be_sent: "sending.samples",
    a_delivery_can_be_sent_again_in_five_ways: "sending.again",
    a_delivery_can_be_copied_as_curl_and_as_gateway_event: "sending.copying",
    a_given_secret_is_used_and_not_shown: "sending.given_secret",
    filters_and_search_find_deliveries: "finding.filters",
    the_view_can_be_paused_and_cleared: "finding.pausing",
    arrivals_do_not_move_what_is_read: "finding.reading",
    ten_thousand_deliveries_are_quick: "finding.ten_thousand",
    the_keyboard_reaches_everything: "using.keyboard",
    the_focus_is_visible: "using.focus_is_visible",
    refused_deliveries_are_announced: "using.announcements",
    axe_finds_nothing_in_light_colours: "using.accessible_light",
    axe_finds_nothing_in_dark_colours: "using.accessible_dark",
    axe_finds_nothing_on_a_narrow_screen: "using.accessible_narrow",
    the_choice_of_colours_is_kept: "using.colours",
    motion_can_be_reduced: "using.less_motion",
    pages_of_other_origins_are_refused: "safety.other_origin",
    hostile_content_is_text: "safety.hostile",
    bodies_are_shown_as_they_were_sent: "deliveries.exact_bodies",
}

/// `UPDATE_PICTURES=1 cargo test --test it inspector::browser::the_pictures` makes the pictures of the documentation again.
#[test]
fn the_pictures_of_the_documentation_are_there_and_small() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    if env::var_os("UPDATE_PICTURES").is_some() {
        let packages = setup::node("pictures", &[&PACKAGES[..], &["sharp@0.35.5"]].concat());
        run("pictures.take", &[("PICTURES", docs.clone().into()), ("PACKAGES", packages.into())]).unwrap();
    }
    for name in ["light", "dark"] {
        let size = fs::metadata(docs.join(format!("inspector-{name}.png"))).unwrap().len();
        assert!((10_000..=200_000).contains(&size), "{name}: {size} bytes");
    }
}
