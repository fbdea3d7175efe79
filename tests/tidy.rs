//! The rules of the house, read from the sources themselves.
//!
//! The table in `docs/architecture.md` is the one place that says who may know whom; this test compares the crates
//! with it, so neither can drift. The other rules are short enough to be their own documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest a source file may be before it holds more than one idea.
const LINES_MAX: usize = 600;
/// Names that say nothing, for files, folders and modules.
const EMPTY_NAMES: [&str; 7] = ["mod", "util", "utils", "helper", "helpers", "common", "misc"];
/// Words of other projects, or of nobody; ours are in the glossary of `docs/architecture.md`.
const FOREIGN_WORDS: [&str; 14] = [
    "manager",
    "helper",
    "utils",
    "misc",
    "coin",
    "token_amount",
    "torrent",
    "infohash",
    "seeder",
    "leecher",
    "voucher",
    "invoice",
    "piece",
    "tracker",
];
/// What must not stay behind, in two halves so that this file does not contain it.
const LEFTOVERS: [(&str, &str); 7] = [
    ("TO", "DO"),
    ("FIX", "ME"),
    ("XX", "X"),
    ("dbg", "!("),
    ("todo", "!("),
    ("unimplemented", "!("),
    ("#[ig", "nore"),
];
/// Kinds of file that people read and search.
const TEXT: [&str; 11] = ["rs", "toml", "md", "html", "css", "js", "json", "yml", "sh", "webmanifest", "svg"];

#[test]
fn arrows_between_crates_are_those_of_the_table() {
    let table = Table::read();
    let mut wrong = Vec::new();
    for package in packages() {
        let Some(row) = table.rows.get(&package.name) else {
            wrong.push(format!("{} is not in the table of docs/architecture.md", package.name));
            continue;
        };
        let ours: BTreeSet<_> = package.dependencies.iter().filter(|name| table.rows.contains_key(*name)).collect();
        for name in &ours {
            if !row.ours.contains(*name) {
                wrong.push(format!("{} depends on {name}, which the table does not allow", package.name));
            }
        }
        for name in &row.ours {
            if !ours.contains(name) {
                wrong.push(format!("the table says that {} knows {name}, but it does not", package.name));
            }
        }
        for name in &package.dependencies {
            if row.never.iter().any(|never| name.starts_with(never.as_str())) {
                wrong.push(format!("{} depends on {name}, which the table forbids", package.name));
            }
        }
    }
    report("arrows", &wrong);
}

#[test]
fn page_contains_no_native_crate_and_the_relay_no_browser() {
    let page = linked("app", "wasm32-unknown-unknown");
    let native: Vec<_> =
        page.iter().filter(|line| names_one_of(line, &["tokio", "mio", "socket2", "ring", "openssl"])).collect();
    assert!(native.is_empty(), "in the page: {native:?}");
    let bindings: Vec<_> = page.iter().filter(|line| names_one_of(line, &["wasm-bindgen"])).collect();
    assert_eq!(bindings.len(), 1, "one wasm-bindgen, or the page cannot be bound: {bindings:?}");
    let tables: Vec<_> = page.iter().filter(|line| names_one_of(line, &["icu_normalizer", "icu_properties"])).collect();
    assert!(tables.is_empty(), "the browser has these tables (docs/decisions/0002-profiles.md): {tables:?}");
    let signatures: Vec<_> = page.iter().filter(|line| names_one_of(line, &["ed25519-dalek"])).collect();
    assert_eq!(signatures.len(), 1, "one Ed25519, and libp2p's is there anyway: {signatures:?}");
    let relay = linked("relay", "x86_64-unknown-linux-gnu");
    let browser: Vec<_> = relay.iter().filter(|line| names_one_of(line, &["web-sys", "js-sys", "leptos"])).collect();
    assert!(browser.is_empty(), "in the relay: {browser:?}");
}

#[test]
fn every_crate_of_the_table_exists() {
    let there: BTreeSet<_> = packages().into_iter().map(|package| package.name).collect();
    let missing: Vec<_> = Table::read().rows.into_keys().filter(|name| !there.contains(name)).collect();
    report("crates in the table that are not there", &missing);
}

#[test]
fn versions_lints_and_licence_are_said_once() {
    let mut wrong = Vec::new();
    for file in tracked().iter().filter(|file| is_member_manifest(file)) {
        let text = read(file);
        if !text.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{file} does not take the workspace's lints"));
        }
        if !text.contains("license.workspace = true") {
            wrong.push(format!("{file} does not take the workspace's licence"));
        }
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.contains("dependencies") && has_own_version(line) {
                wrong.push(format!("{file} chooses a version by itself: {line}"));
            }
        }
    }
    report("manifests", &wrong);
}

#[test]
fn every_module_opens_with_its_idea() {
    let silent = sources().into_iter().filter(|file| {
        let text = read(file);
        let head = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        !head.is_some_and(|line| line.starts_with("//! ") && line.len() > 8)
    });
    report("sources without a head (`//! ...`)", &silent.collect::<Vec<_>>());
}

#[test]
fn no_source_is_longer_than_one_idea() {
    let long = sources().into_iter().filter_map(|file| {
        let lines = read(&file).lines().count();
        (lines > LINES_MAX).then(|| format!("{file}: {lines} lines"))
    });
    report("sources that are too long", &long.collect::<Vec<_>>());
}

#[test]
fn no_name_is_empty() {
    let empty = sources().into_iter().filter(|file| {
        let names = Path::new(file).with_extension("");
        names.components().any(|part| EMPTY_NAMES.contains(&part.as_os_str().to_string_lossy().as_ref()))
    });
    report("names that say nothing", &empty.collect::<Vec<_>>());
}

#[test]
fn names_are_words_of_the_glossary() {
    let mut foreign = Vec::new();
    for file in sources() {
        for name in read(&file).lines().filter_map(defined_name) {
            let lower = name.to_lowercase();
            if FOREIGN_WORDS.iter().any(|word| lower.contains(word)) {
                foreign.push(format!("{file}: {name}"));
            }
        }
    }
    report("names that are not ours", &foreign);
}

#[test]
fn nothing_is_left_over() {
    let leftovers: Vec<String> = LEFTOVERS.iter().map(|(first, second)| format!("{first}{second}")).collect();
    let mut found = Vec::new();
    for file in sources() {
        for (index, line) in read(&file).lines().enumerate() {
            if let Some(word) = leftovers.iter().find(|word| line.contains(word.as_str())) {
                found.push(format!("{file}:{}: {word}", index + 1));
            }
        }
    }
    report("leftovers", &found);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let roots: Vec<String> = ["work", "root", "home", "tmp", "Users"].iter().map(|name| format!("/{name}/")).collect();
    let mut found = Vec::new();
    for file in tracked().into_iter().filter(|file| is_text(file)) {
        for (index, line) in read(&file).lines().enumerate() {
            let place = roots.iter().find_map(|root| line.split_once(root.as_str()));
            // A path begins a word; a URL or a regular folder of ours has something before it.
            let is_path = place.is_some_and(|(before, after)| {
                !before.ends_with(|c: char| c.is_alphanumeric() || ".-_}*".contains(c))
                    && after.starts_with(|c: char| c.is_ascii_lowercase())
            });
            if is_path {
                found.push(format!("{file}:{}", index + 1));
            }
        }
    }
    report("places on a machine", &found);
}

#[test]
fn platforms_differ_only_where_they_may() {
    let elsewhere = sources().into_iter().filter(|file| {
        file.starts_with("crates/node/src/")
            && !file.contains("/platform")
            && !file.contains("/store")
            // Names that only a browser's node has are passed on by the crate's root.
            && file != "crates/node/src/lib.rs"
            && read(file).contains("target_arch")
    });
    report("cfg(target_arch) in node outside platform and store", &elsewhere.collect::<Vec<_>>());
}

#[test]
fn every_code_on_screen_is_explained() {
    let explained = read("docs/protocol.md");
    let codes = read("crates/protocol/src/code.rs");
    let codes = codes.lines().filter_map(|line| line.split_once("=> \"")?.1.split('"').next());
    let mut found = 0;
    let missing: Vec<_> = codes
        .inspect(|_| found += 1)
        .filter(|code| !explained.contains(&format!("`{code}`")))
        .map(str::to_owned)
        .collect();
    assert!(found > 10, "only {found} codes were read from code.rs");
    report("codes that docs/protocol.md does not explain", &missing);
}

/// One row of the table: whom a crate knows among ours, and what it must never use.
struct Row {
    ours: BTreeSet<String>,
    never: Vec<String>,
}

/// `docs/architecture.md`, "Who may know whom".
struct Table {
    rows: BTreeMap<String, Row>,
}

impl Table {
    fn read() -> Self {
        let text = read("docs/architecture.md");
        let section = text.split("## Who may know whom").nth(1).expect("docs/architecture.md has the section");
        let section = section.split("\n## ").next().expect("a split has a first part");
        let mut rows = BTreeMap::new();
        for line in section.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let [name, ours, never] = cells.as_slice() else { panic!("a row needs three cells: {line}") };
            let row = Row { ours: quoted(ours).collect(), never: quoted(never).collect() };
            rows.insert(quoted(name).next().expect("a row names a crate"), row);
        }
        assert!(rows.len() > 10, "only {} crates were read from the table", rows.len());
        Self { rows }
    }
}

/// The words between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

struct Package {
    name: String,
    /// What it is built with, for any target; not what only its tests use.
    dependencies: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(tests::root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let list = |value: &serde_json::Value| value.as_array().expect("a list").clone();
    list(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: package["name"].as_str().expect("a name").to_owned(),
            dependencies: list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().expect("a name").to_owned())
                .collect(),
        })
        .collect()
}

/// The packages that end up in a build, as `name vVERSION`.
fn linked(package: &str, target: &str) -> BTreeSet<String> {
    let arguments =
        ["tree", "--locked", "--package", package, "--target", target, "--edges", "normal", "--prefix", "none"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(tests::root()).output().expect("cargo runs");
    let text = String::from_utf8(output.stdout).expect("package names are text");
    let words = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let linked: BTreeSet<_> = text.lines().map(words).collect();
    assert!(linked.len() > 50, "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    linked
}

fn names_one_of(line: &str, names: &[&str]) -> bool {
    line.split(' ').next().is_some_and(|name| names.contains(&name))
}

fn is_member_manifest(file: &str) -> bool {
    file.ends_with("/Cargo.toml") && !file.starts_with("tests/fuzz/")
}

fn has_own_version(line: &str) -> bool {
    let Some((_, value)) = line.split_once(" = ") else { return false };
    value.starts_with('"') || value.contains("version = ")
}

/// The name a line defines, if it defines one.
fn defined_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
    let line =
        line.strip_prefix("async ").or_else(|| line.strip_prefix("const fn").map(|_| &line[6..])).unwrap_or(line);
    let rest =
        ["struct ", "enum ", "trait ", "type ", "fn ", "mod "].iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// Rust sources under version control.
fn sources() -> Vec<String> {
    tracked().into_iter().filter(|file| file.ends_with(".rs")).collect()
}

fn is_text(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|kind| TEXT.contains(&kind.to_string_lossy().as_ref()))
}

fn tracked() -> Vec<String> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(tests::root()).output().expect("git runs");
    let names = String::from_utf8(output.stdout).expect("our names are text");
    let names: Vec<String> = names.split('\0').filter(|name| path(name).is_file()).map(str::to_owned).collect();
    assert!(names.len() > 20, "only {} files were found", names.len());
    names
}

fn path(file: &str) -> PathBuf {
    tests::root().join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn report(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}
