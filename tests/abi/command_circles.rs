//! The command's files use one another in one direction only, so that one can be read after another.

use std::collections::{BTreeMap, BTreeSet};

use crate::{root, run};

/// What an object file takes from others, and what others may take from it.
#[derive(Default)]
struct Symbols {
    undefined: BTreeSet<String>,
    defined: BTreeSet<String>,
}

fn symbols(object: &str) -> Symbols {
    let mut symbols = Symbols::default();
    for line in run("nm", &["-g", object]).lines() {
        let words: Vec<&str> = line.split_whitespace().rev().collect();
        match words.as_slice() {
            [name, "U", ..] => symbols.undefined.insert((*name).to_owned()),
            [name, _, ..] => symbols.defined.insert((*name).to_owned()),
            _ => continue,
        };
    }
    symbols
}

/// Which file of the command uses which.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let (folder, source) = (tempfile::tempdir().unwrap(), root().join("bindings/c"));
    let mut files = BTreeMap::new();
    for path in std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "c") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let object = folder.path().join(&name);
            let (include, object) = (format!("-I{}", root().join("include").display()), object.to_str().unwrap());
            let common = ["-std=c11", "-D_GNU_SOURCE", "-pthread", &include, "-c", "-o", object];
            run("cc", &[&common[..], &[path.to_str().unwrap()]].concat());
            files.insert(name, symbols(object));
        }
    }
    let uses = |own: &Symbols| {
        let others = files.iter().filter(|(_, other)| !own.undefined.is_disjoint(&other.defined));
        others.map(|(name, _)| name.clone()).collect()
    };
    files.iter().map(|(name, own)| (name.clone(), uses(own))).collect()
}

#[test]
fn the_commands_files_use_one_another_in_one_direction() {
    let mut left = uses();
    assert!(left.len() > 40 && left["main"].contains("find_command") && left["commands"].contains("names"));
    // What uses no other of those that are left is on no circle.
    while let Some(name) = left.iter().find(|(_, used)| used.is_empty()).map(|(name, _)| name.clone()) {
        left.remove(&name);
        left.values_mut().for_each(|used| used.retain(|other| *other != name));
    }
    assert!(left.is_empty(), "on circles, or above them: {left:#?}");
}
