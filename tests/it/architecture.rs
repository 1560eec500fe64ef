//! The rules of `docs/architecture.md` about who may import whom, checked on the `use` lines of `src`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    slice,
};

/// A module, by its path below the crate's root, such as `["receive", "filter"]`.
type Module = Vec<String>;

/// The imports of each module, without those of its unit tests.
struct Imports(BTreeMap<Module, BTreeSet<Vec<String>>>);

/// The stages of the pipeline, and the modules that they need.
const CORE: [&str; 10] =
    ["event", "identity", "in_memory", "json", "ledger", "queue", "receive", "signature", "time", "trace"];

/// The stages in the order in which they may import each other. The endpoint is last, because it calls the pipeline.
const STAGES: [&str; 8] = ["signature", "identity", "event", "ledger", "queue", "receive", "http", "gateway"];

impl Imports {
    /// Reads a crate from the folder of its root file.
    fn read(root: &str, root_file: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        let mut imports = BTreeMap::new();
        let mut folders = vec![(folder.clone(), Module::new())];
        while let Some((folder, module)) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let name = entry.file_name().into_string().unwrap();
                let path = entry.path();
                if path.is_dir() {
                    if name != "bin" {
                        folders.push((path, [&module[..], &[name]].concat()));
                    }
                } else if let Some(stem) = name.strip_suffix(".rs") {
                    let is_root = module.is_empty() && name == root_file;
                    let this =
                        if is_root { Module::new() } else { [&module[..], &[stem.to_owned()]].concat() };
                    let text = fs::read_to_string(&path).unwrap();
                    let used = used(&text, &this);
                    imports.insert(this, used);
                }
            }
        }
        Self(imports)
    }

    /// Returns the module that a path names, or that contains what it names.
    fn module<'a>(&self, path: &'a [String]) -> Option<&'a [String]> {
        (1..=path.len()).rev().map(|length| &path[..length]).find(|path| self.0.contains_key(*path))
    }

    /// Returns the modules that a module imports. A parent and its children count as one, so they are left out.
    fn of(&self, module: &Module) -> BTreeSet<Module> {
        let paths = self.0[module].iter().filter_map(|path| self.module(path)).map(<[String]>::to_vec);
        paths.filter(|path| !path.starts_with(module) && !module.starts_with(path)).collect()
    }

    /// Returns the imports between top-level modules.
    fn top(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut top = BTreeMap::<_, BTreeSet<_>>::new();
        for module in self.0.keys().filter(|module| !module.is_empty()) {
            let imported = self.of(module).into_iter().map(|other| other[..1].to_vec());
            let this = module[..1].to_vec();
            top.entry(this.clone()).or_default().extend(imported.filter(|other| *other != this));
        }
        top
    }

    fn all(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        self.0.keys().filter(|module| !module.is_empty()).map(|it| (it.clone(), self.of(it))).collect()
    }
}

/// Finds a path from a module back to itself.
fn circle(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    graph.keys().find_map(|start| {
        let mut paths = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(path) = paths.pop() {
            for next in graph.get(&path[path.len() - 1]).into_iter().flatten() {
                if next == start {
                    return Some([&path[..], slice::from_ref(next)].concat());
                }
                if seen.insert(next.clone()) {
                    paths.push([&path[..], slice::from_ref(next)].concat());
                }
            }
        }
        None
    })
}

/// Returns every module that a top-level module imports, directly or through others.
fn reached(graph: &BTreeMap<Module, BTreeSet<Module>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![vec![from.to_owned()]];
    while let Some(module) = next.pop() {
        for other in graph.get(&module).into_iter().flatten() {
            if reached.insert(other[0].clone()) {
                next.push(other.clone());
            }
        }
    }
    reached
}

/// Returns the paths in a module's code: below the crate's root, or beginning with the name of another crate.
fn used(text: &str, module: &Module) -> BTreeSet<Vec<String>> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = lines.join("\n");
    let mut paths = BTreeSet::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("use ") {
        let is_word = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        rest = &rest[at + 4..];
        let Some(end) = rest.find(';').filter(|_| !is_word) else { continue };
        expand(&rest[..end], &mut Vec::new(), &mut paths);
    }
    for (at, _) in code.match_indices("crate::") {
        let path: String =
            code[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
        paths.insert(path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect());
    }
    paths.into_iter().filter(|path| path.len() > 1).map(|path| absolute(&path, module)).collect()
}

/// Adds every path of a `use` tree.
fn expand(tree: &str, prefix: &mut Vec<String>, paths: &mut BTreeSet<Vec<String>>) {
    let tree = tree.trim();
    let Some((before, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap().split("::").map(|name| name.trim().to_owned());
        paths.insert(prefix.iter().cloned().chain(path).filter(|name| !name.is_empty()).collect());
        return;
    };
    let length = prefix.len();
    prefix.extend(before.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[start..at].trim().is_empty() {
                    expand(&group[start..at], prefix, paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    prefix.truncate(length);
}

fn absolute(path: &[String], module: &Module) -> Vec<String> {
    match path[0].as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [&module[..], &path[1..]].concat(),
        "super" => {
            let up = path.iter().take_while(|name| *name == "super").count();
            [&module[..module.len() - up], &path[up..]].concat()
        }
        _ => [&[String::new()], path].concat(),
    }
}

fn library() -> Imports {
    Imports::read("src", "lib.rs")
}

#[test]
fn imports_have_no_circles() {
    for imports in [library(), Imports::read("src/bin/duffel-hooks", "main.rs")] {
        assert_eq!(circle(&imports.all()), None);
    }
    assert_eq!(circle(&library().top()), None);
}

#[test]
fn the_pipeline_reaches_neither_aws_nor_http_nor_the_environment() {
    let graph = library().top();
    for stage in CORE {
        let reached = reached(&graph, stage);
        for outer in ["aws", "config", "deployment", "duffel", "gateway", "http", "log", "reconcile"] {
            // Writing to the log has no effect on a delivery.
            assert!(outer == "log" || !reached.contains(outer), "{stage} reaches {outer}");
        }
    }
}

#[test]
fn the_pipeline_uses_no_crate_for_input_or_output() {
    for (module, paths) in &library().0 {
        let Some(top) = module.first().filter(|top| CORE.contains(&top.as_str())) else { continue };
        for path in paths.iter().filter(|path| path[0].is_empty()) {
            let names = (path[1].as_str(), path.get(2).map(String::as_str));
            let is_outside = path[1].starts_with("aws_")
                || path[1].starts_with("lambda_")
                || matches!(
                    names,
                    ("http" | "hyper" | "ureq" | "clap", _) | ("std", Some("env" | "net" | "fs"))
                );
            assert!(!is_outside, "{top} uses {path:?}");
        }
    }
}

#[test]
fn endpoint_and_reconciler_reach_no_aws() {
    let graph = library().top();
    for (module, outer) in [
        ("http", &["aws", "config", "deployment", "duffel", "gateway", "reconcile"][..]),
        ("gateway", &["aws", "config", "deployment", "duffel", "reconcile"]),
        ("reconcile", &["aws", "deployment", "gateway", "http"]),
        ("duffel", &["aws", "config", "deployment", "gateway", "http", "receive", "reconcile"]),
        ("config", &["aws", "deployment", "duffel", "gateway", "http"]),
    ] {
        let reached = reached(&graph, module);
        for outer in outer {
            assert!(!reached.contains(*outer), "{module} reaches {outer}");
        }
    }
}

#[test]
fn consumers_reach_the_pipeline_only_and_nothing_reaches_them() {
    let graph = library().top();
    let reachable = reached(&graph, "consume");
    for outer in ["aws", "config", "deployment", "duffel", "gateway", "http", "reconcile", "route"] {
        assert!(!reachable.contains(outer), "consume reaches {outer}");
    }
    assert!(reachable.contains("queue"), "the kit makes messages through the pipeline");
    for module in graph.keys() {
        assert!(!reached(&graph, &module[0]).contains("consume"), "{module:?}");
    }
}

#[test]
fn the_sdk_is_used_where_the_calls_to_aws_are() {
    for (module, paths) in &library().0 {
        let may = ["aws", "deployment"].contains(&module.first().map_or("", String::as_str))
            || module.join("/") == "consume/guard/dynamo";
        let is_used = paths.iter().any(|path| path[0].is_empty() && path[1].starts_with("aws_"));
        assert!(may || !is_used, "{module:?}");
    }
}

#[test]
fn an_earlier_stage_reaches_no_later_one() {
    let graph = library().top();
    for (at, stage) in STAGES.iter().enumerate() {
        let reached = reached(&graph, stage);
        for later in &STAGES[at + 1..] {
            assert!(!reached.contains(*later), "{stage} reaches {later}");
        }
    }
}

#[test]
fn only_the_tool_reaches_the_deployment() {
    let graph = library().top();
    for module in graph.keys() {
        assert!(!reached(&graph, &module[0]).contains("deployment"), "{module:?}");
    }
}

#[test]
fn the_rules_name_modules_that_exist() {
    let graph = library().top();
    for module in CORE.into_iter().chain(STAGES) {
        assert!(graph.contains_key(&vec![module.to_owned()]), "{module}");
    }
}

#[test]
fn imports_are_read_in_every_form() {
    let text = "use std::{env, fs::{self, File}};\nuse crate::{a::{self, B}, c as d};\npub(crate) use self::e::F;\n\
                fn f() { crate::g::h(); }\n// use crate::no::no;\n#[cfg(test)]\nmod tests { use crate::no; }";
    let used = used(text, &vec!["m".to_owned()]);
    let paths: Vec<_> = used.iter().map(|path| path.join("/")).collect();
    let expected = ["/std/env", "/std/fs/File", "/std/fs/self", "a/B", "a/self", "c", "g/h", "m/e/F"];
    assert_eq!(paths, expected);
}
