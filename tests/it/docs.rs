//! The pages agree with the product: commands, links, paths, variables, parameters, outputs, and the causes of the log.
//!
//! `UPDATE_DOCS=1 cargo test --test it docs` writes `docs/cli.md` again.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use duffel_webhook_receiver::{config, http::Cause, reconcile};

use crate::support::cloudformation::Template;

const COMMAND_PAGE: &str = "docs/cli.md";

const COMMAND_PAGE_START: &str = "\
# Command line

`duffel-hooks` runs the receiver without AWS, signs and checks deliveries, manages the webhook at Duffel, and operates a
deployment. Install it with `cargo install --locked --path . --bin duffel-hooks`, or run it from a clone with
`cargo run --`.

Secrets come from the environment, never from an argument: the webhook's from `WEBHOOK_SECRET`, the access token for
Duffel's API from `DUFFEL_ACCESS_TOKEN` (`DUFFEL_API_URL` is another address of the API). Lists are printed as tables, or
with `--json` as one JSON object per line. Exit codes are 0 (done), 1 (failed) and 2 (the command line is not valid); the
commands that call Duffel's API have more, see [webhooks](#duffel-hooks-webhooks).

This page is generated: it is what `--help` prints for each command.
";

/// The folders of the repository that a path on a page may begin with.
const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "events/", "fuzz/", "benches/", ".ci/"];

/// A Markdown file of the repository, without its blocks of code.
struct Page {
    path: PathBuf,
    /// Its text, with `code` in the place of each code span.
    prose: String,
    code_spans: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let (mut prose, mut anchors, mut is_code) = (String::new(), BTreeSet::new(), false);
        let mut seen = BTreeMap::<String, usize>::new();
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                if let Some(title) = line.starts_with('#').then(|| line.trim_start_matches('#').trim()) {
                    let slug = slug(title);
                    let number = seen.entry(slug.clone()).and_modify(|number| *number += 1).or_default();
                    anchors.insert(if *number == 0 { slug } else { format!("{slug}-{number}") });
                }
                prose.push_str(line);
                prose.push('\n');
            }
        }
        assert!(!is_code, "{}: a code block does not end", path.display());
        // A code span may contain brackets; as the text of a link, it does not matter.
        let code_spans = prose.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let prose = prose.split('`').step_by(2).collect::<Vec<_>>().join("code");
        Self { path, prose, code_spans, anchors }
    }

    /// The paths in its code spans that name no file of the repository.
    fn missing_paths(&self) -> impl Iterator<Item = &str> {
        let paths = self.code_spans.iter().filter_map(|code| code.split_whitespace().next());
        let paths = paths.filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)));
        paths.filter(|path| !Path::new(path).exists())
    }

    /// The targets of its links and images: `[text](target)`.
    fn links(&self) -> impl Iterator<Item = &str> {
        self.prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap())
    }
}

/// A heading's anchor, as GitHub makes it.
fn slug(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn pages() -> Vec<Page> {
    let mut folders = vec![PathBuf::from(".")];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let is_generated = [".git", ".aws-sam", "target"].contains(&name.as_str());
            if entry.file_type().unwrap().is_dir() {
                folders.extend((!is_generated).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(Page::read(path.strip_prefix(".").unwrap().to_owned()));
            }
        }
    }
    pages
}

/// Finds what is wrong with a link; one to another site is not followed.
fn broken(page: &Page, pages: &[Page], link: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { page.path.clone() } else { normal(&page.path, path) };
    let problem = match (anchor, pages.iter().find(|page| page.path == target)) {
        _ if !target.exists() => "there is no such file",
        (Some(anchor), Some(page)) if !page.anchors.contains(anchor) => "there is no such heading",
        (Some(_), None) => "only a Markdown page has headings",
        _ => return None,
    };
    Some(format!("{}: {link}: {problem}", page.path.display()))
}

/// The path of a link, from the root of the repository.
fn normal(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap().to_owned();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => assert!(path.pop(), "{}: {link} leads out of the repository", page.display()),
            part => path.push(part),
        }
    }
    path
}

/// The help of a command and of its subcommands, each under a heading of its own.
fn describe(command: &[&str], page: &mut String) {
    let output = Command::new(crate::support::tool::TOOL)
        .args(command)
        .arg("--help")
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}");
    let help = String::from_utf8(output.stdout).unwrap();
    let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let title = [&["duffel-hooks"], command].concat().join(" ");
    write!(page, "\n## {title}\n\n```text\n{}\n```\n", help.trim_end()).unwrap();
    for name in subcommands(&help) {
        describe(&[command, &[name]].concat(), page);
    }
}

/// The names in the help's list of commands; what a name does may take several lines.
fn subcommands(help: &str) -> impl Iterator<Item = &str> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let names = names.filter(|line| !line.starts_with(' ')).map(|line| line.split(' ').next().unwrap());
    names.filter(|name| *name != "help")
}

#[test]
fn the_command_page_is_the_help_of_every_command() {
    let mut page = COMMAND_PAGE_START.to_owned();
    describe(&[], &mut page);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(COMMAND_PAGE, &page).unwrap();
    }
    let written = fs::read_to_string(COMMAND_PAGE).unwrap_or_default();
    let differing = page.lines().zip(written.lines()).find(|(line, written)| line != written);
    assert!(
        page == written,
        "{COMMAND_PAGE} is not what the commands print, first at {differing:?}: UPDATE_DOCS=1 cargo test --test it docs"
    );
}

const PROVIDERS_PAGE: &str = "docs/providers.md";

/// The table of all presets, of what the tool prints about them.
fn table_of_presets() -> String {
    let output =
        Command::new(crate::support::tool::TOOL).args(["schemes", "--json"]).env_clear().output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut table = "| scheme | provider | signature covers | does not cover | type, id and key |\n|---|---|---|---|---|\n".to_owned();
    for line in lines.lines() {
        let scheme: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| scheme[name].as_str().unwrap_or_default().replace('|', "\\|");
        let list = |name: &str| {
            let words = scheme[name].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
            words.collect::<Vec<_>>().join(", ")
        };
        let weakness = text("weakness");
        let open = match (list("not_covered").as_str(), weakness.as_str()) {
            ("", "") => "–".to_owned(),
            ("", weakness) => weakness.to_owned(),
            (open, "") => open.to_owned(),
            (open, weakness) => format!("{open}. {weakness}"),
        };
        writeln!(
            table,
            "| `{}` | [{}]({}) | {} | {open} | type: {}. id: {}. key: {} |",
            text("name"),
            text("provider"),
            text("documentation"),
            list("signature_covers"),
            text("type"),
            text("id"),
            text("key"),
        )
        .unwrap();
    }
    table
}

#[test]
fn the_table_of_providers_is_that_of_the_presets() {
    let page = page(PROVIDERS_PAGE);
    let (start, rest) = page.split_once("cargo test --test it docs -->\n").unwrap();
    let (written, end) = rest.split_once("<!-- end of the table -->").unwrap();
    let table = format!("\n{}\n", table_of_presets());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(
            PROVIDERS_PAGE,
            format!("{start}cargo test --test it docs -->\n{table}<!-- end of the table -->{end}"),
        )
        .unwrap();
        return;
    }
    let differing = table.lines().zip(written.lines()).find(|(line, written)| line != written);
    assert!(table == written, "first at {differing:?}: UPDATE_DOCS=1 cargo test --test it docs");
}

/// Each example of a field, and each source.
#[test]
fn every_description_on_the_page_of_providers_is_valid() {
    let text = page(PROVIDERS_PAGE);
    let mut count = 0;
    for example in text.split('`').filter(|code| code.starts_with("{\"scheme\": \"hmac-sha256\"")) {
        assert!(
            config::sources::read_scheme(example).is_ok_and(|scheme| !scheme.signed.needs_url()),
            "{example}"
        );
        count += 1;
    }
    assert!(count >= 16, "{count}");
    for block in text.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap()) {
        // An ellipsis stands for the rest of an ARN.
        let sources: serde_json::Map<_, _> = serde_json::from_str(&block.replace('…', "x")).unwrap();
        let variables = [
            ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/q.fifo".to_owned()),
            ("SOURCES", serde_json::Value::from(with_own_arns(sources)).to_string()),
        ];
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let read = config::Config::read(|name| find(name).map(|(_, value)| value.clone()));
        assert!(read.is_ok(), "{block}: {:?}", read.err());
    }
}

/// Gives each source an ARN of its own.
fn with_own_arns(
    mut sources: serde_json::Map<String, serde_json::Value>,
) -> serde_json::Map<String, serde_json::Value> {
    for (name, source) in &mut sources {
        if source.get("secret_arn").is_some() {
            source["secret_arn"] = format!("arn:aws:{name}").into();
        }
    }
    sources
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    let broken = pages.iter().flat_map(|page| page.links().filter_map(|link| broken(page, &pages, link)));
    assert_eq!(broken.collect::<Vec<_>>(), Vec::<String>::new());
    let links = pages.iter().map(|page| page.links().count()).sum::<usize>();
    assert!(links > 50, "only {links} links were found");
}

#[test]
fn every_path_names_a_file() {
    let pages = pages();
    let missing = pages.iter().flat_map(|page| {
        page.missing_paths().map(|path| format!("{}: {path}: there is no such file", page.path.display()))
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn the_architecture_page_lists_every_top_level_file() {
    let page = page("docs/architecture.md");
    let listed = page.lines().filter_map(|line| line.split_whitespace().next()).map(PathBuf::from);
    let is_file = |path: &PathBuf| path.starts_with("src") && path.extension().is_some_and(|it| it == "rs");
    let listed: BTreeSet<_> = listed.filter(is_file).collect();
    let files = fs::read_dir("src").unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<_> = files.filter(|path| path.is_file()).collect();
    assert_eq!(listed, files);
}

#[test]
fn the_readme_is_short_and_links_to_every_page() {
    let readme = page("README.md");
    assert!(readme.lines().count() <= 160, "{} lines", readme.lines().count());
    let pages = pages().into_iter().map(|page| page.path.to_str().unwrap().to_owned());
    let missing = pages.filter(|path| path != "README.md" && !readme.contains(&format!("({path})")));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn broken_links_and_paths_are_found() {
    let text = "# A title, with `code`\n## Twice\n## Twice\n[one](#twice-1) [two](other.md) [three](#twice-2)\n\
                `src/lib.rs` `src/other.rs x`\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.md");
    fs::write(&path, text).unwrap();
    let pages = [Page::read(path)];
    assert_eq!(pages[0].anchors.iter().collect::<Vec<_>>(), ["a-title-with-code", "twice", "twice-1"]);
    let broken = pages[0].links().filter(|link| broken(&pages[0], &pages, link).is_some());
    assert_eq!(broken.collect::<Vec<_>>(), ["other.md", "#twice-2"]);
    assert_eq!(pages[0].missing_paths().collect::<Vec<_>>(), ["src/other.rs"]);
}

/// What the page shows is what the program printed.
#[test]
fn the_pages_quote_the_snapshots() {
    let page = page("docs/operating.md");
    for name in ["tail", "queue-not-consumed", "trace-dead-letter"] {
        assert_quotes(&page, name);
    }
    assert_quotes(&self::page("docs/local.md"), "serve-to");
}

fn assert_quotes(page: &str, name: &str) {
    let snapshot = fs::read_to_string(format!("tests/it/snapshots/{name}.snap")).unwrap();
    let text = snapshot.splitn(3, "---\n").nth(2).unwrap().trim_end();
    assert!(page.contains(&format!("```text\n{text}\n```")), "{name}: {text}");
}

#[test]
fn every_variable_is_documented() {
    let [reference, reconciler] = ["docs/reference.md", "docs/reconciler.md"].map(page);
    let missing = |page: &str, variables: &[&str]| {
        let is_missing = |name: &&str| !page.contains(&format!("| `{name}`"));
        variables.iter().copied().filter(is_missing).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(missing(&reference, &config::VARIABLES), Vec::<String>::new());
    assert_eq!(missing(&reconciler, &reconcile::VARIABLES), Vec::<String>::new());
}

#[test]
fn every_parameter_and_output_of_the_stack_is_documented() {
    let (template, page) = (Template::read(), page("docs/deploying.md"));
    for section in ["Parameters", "Outputs"] {
        let names = template.section(section).as_mapping().unwrap().keys();
        let names = names.map(|name| name.as_str().unwrap());
        let missing = names.filter(|name| !page.contains(&format!("`{name}`")));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&str>::new(), "{section}");
    }
}

#[test]
fn every_cause_is_explained_in_the_order_of_the_code() {
    let page = page("docs/reference.md");
    let section = page.split("### Causes").nth(1).unwrap().split("\n#").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")).skip(1);
    let explained: Vec<_> = rows.map(|row| row.split('`').next().unwrap()).collect();
    let causes: Vec<_> = Cause::ALL.iter().map(|cause| cause.word()).collect();
    assert_eq!(explained, causes);
}

fn page(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}
