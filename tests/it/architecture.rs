//! The rules of `docs/architecture.md` about who may import whom, read off the `use` lines of `src`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A module by its path below the crate's root, as in `["receive", "filter"]`.
type Module = Vec<String>;

/// The imports of each module, without those of its unit tests.
struct Imports(BTreeMap<Module, BTreeSet<Vec<String>>>);

/// The stages of the pipeline and their helpers.
const CORE: [&str; 9] =
    ["event", "identity", "in_memory", "json", "ledger", "queue", "receive", "signature", "time"];

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

    /// The module that a path leads to or into.
    fn module<'a>(&self, path: &'a [String]) -> Option<&'a [String]> {
        (1..=path.len()).rev().map(|length| &path[..length]).find(|path| self.0.contains_key(*path))
    }

    /// The modules that a module imports, without its ancestors and descendants: a parent and its children are one unit.
    fn of(&self, module: &Module) -> BTreeSet<Module> {
        let paths = self.0[module].iter().filter_map(|path| self.module(path)).map(<[String]>::to_vec);
        paths.filter(|path| !path.starts_with(module) && !module.starts_with(path)).collect()
    }

    /// The imports between top-level modules.
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

/// A path of imports from a module back to itself.
fn circle(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    graph.keys().find_map(|start| {
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            for next in graph.get(&way[way.len() - 1]).into_iter().flatten() {
                if next == start {
                    return Some([&way[..], std::slice::from_ref(next)].concat());
                }
                if seen.insert(next.clone()) {
                    ways.push([&way[..], std::slice::from_ref(next)].concat());
                }
            }
        }
        None
    })
}

/// All modules that a top-level module imports, directly or through others.
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

/// The paths in the code of a module: below the root of the crate, or beginning with the name of another crate.
fn used(text: &str, module: &Module) -> BTreeSet<Vec<String>> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
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
fn there_are_no_circular_imports() {
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
            // Writing errors to the log is not access to the environment.
            assert!(outer == "log" || !reached.contains(outer), "{stage} reaches {outer}");
        }
    }
}

#[test]
fn the_pipeline_uses_neither_http_nor_aws_crates() {
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
fn the_rules_name_modules_that_exist() {
    let graph = library().top();
    for module in CORE {
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
