//! What the library is made of: .deny.toml compared with Cargo.lock, and the list that `make dist` writes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{root, run};

/// What cargo knows of everything in Cargo.lock.
fn packages() -> Vec<Value> {
    let all = run("cargo", &["metadata", "--locked", "--format-version", "1"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    let own = |package: &Value| package["name"] == "ocireg";
    all["packages"].as_array().unwrap().iter().filter(|package| !own(package)).cloned().collect()
}

fn policy() -> Value {
    let read = "import json, tomllib; print(json.dumps(tomllib.load(open('.deny.toml', 'rb'))))";
    serde_json::from_str(&run("python3", &["-c", read])).unwrap()
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Whether a licence, `A OR B`, `A AND B`, `A/B` with brackets, can be met by those that are allowed.
fn is_met(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let licence = licence.replace('/', " OR ");
    licence.split(" AND ").all(|part| {
        let part = part.trim_matches(['(', ')', ' ']);
        part.split(" OR ").any(|one| allowed.contains(one.trim_matches(['(', ')', ' '])))
    })
}

#[test]
fn licences_are_read_as_they_are_meant() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for (licence, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND ISC", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("(GPL-3.0 OR AGPL-3.0) AND ISC", false),
    ] {
        assert_eq!(is_met(licence, &allowed), met, "{licence}");
    }
}

#[test]
fn every_licence_and_source_is_allowed() {
    let (policy, packages) = (policy(), packages());
    let allowed = texts(&policy["licenses"]["allow"]);
    let exceptions = policy["licenses"]["exceptions"].as_array().unwrap();
    let registries = texts(&policy["sources"]["allow-registry"]);
    assert!(packages.len() > 100, "{}", packages.len());
    for package in &packages {
        let (name, licence) = (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or_default());
        let exception = exceptions.iter().find(|one| one["crate"].as_str() == Some(name));
        let own = exception.is_some_and(|one| is_met(licence, &texts(&one["allow"])));
        assert!(own || is_met(licence, &allowed), "{name} has the licence '{licence}'");
        let source = package["source"].as_str().unwrap_or_default().trim_start_matches("registry+");
        assert!(registries.contains(source), "{name} comes from '{source}'");
    }
    for exception in exceptions {
        let name = exception["crate"].as_str().unwrap();
        assert!(packages.iter().any(|package| package["name"] == name), "nothing is called {name} any more");
    }
}

#[test]
fn nothing_is_there_in_two_versions_without_a_reason() {
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for package in packages() {
        let text = |key: &str| package[key].as_str().unwrap().to_owned();
        versions.entry(text("name")).or_default().insert(text("version"));
    }
    versions.retain(|_, versions| versions.len() > 1);
    let policy = policy();
    let skipped = policy["bans"]["skip"].as_array().unwrap().iter().map(|one| one["crate"].as_str().unwrap());
    for entry in skipped {
        let (name, wanted) = entry.split_once('@').unwrap_or((entry, ""));
        let found = versions.get_mut(name).unwrap_or_else(|| panic!("{name} has one version: it is not to be skipped"));
        let before = found.len();
        found
            .retain(|version| !(wanted.is_empty() || *version == wanted || version.starts_with(&format!("{wanted}."))));
        assert!(found.len() < before, "nothing is {entry} any more");
    }
    // cargo-deny counts those that are not skipped.
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "{versions:?}");
}

/// What is linked into the library, by its name and version.
fn linked() -> BTreeSet<String> {
    let tree = run("cargo", &["tree", "--locked", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    let name = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ").replace(" v", " ");
    tree.lines().map(name).filter(|name| !name.starts_with("ocireg ") && !name.is_empty()).collect()
}

/// The list of parts (CycloneDX) has exactly those, each with its licence and the checksum of Cargo.lock, and is always the same.
#[test]
fn the_list_of_parts_is_that_of_the_library() {
    let text = run("python3", &["bindings/packaging/sbom.py"]);
    assert_eq!(text, run("python3", &["bindings/packaging/sbom.py"]));
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list["bomFormat"], &list["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert_eq!(list["metadata"]["component"]["version"], env!("CARGO_PKG_VERSION"));
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut named = BTreeSet::new();
    for part in list["components"].as_array().unwrap() {
        let (name, version) = (part["name"].as_str().unwrap(), part["version"].as_str().unwrap());
        assert!(named.insert(format!("{name} {version}")), "{name} twice");
        assert_eq!(part["purl"].as_str().unwrap(), format!("pkg:cargo/{name}@{version}"));
        let sum = part["hashes"][0]["content"].as_str().unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")) && lock.contains(sum), "{name}");
        assert!(!part["licenses"][0]["expression"].as_str().unwrap().is_empty(), "{name}");
    }
    assert_eq!(named, linked());
}
