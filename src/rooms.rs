//! The rooms of the house: what each may use is said in CONTRIBUTING.md, and this holds the source to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The names in backquotes.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

struct Table {
    rooms: BTreeMap<String, String>,
    pure: BTreeSet<String>,
}

impl Table {
    fn read() -> Table {
        let text = fs::read_to_string(root().join(".github/CONTRIBUTING.md")).unwrap();
        let rows = text.lines().skip_while(|line| *line != "| room | what it is | what it may use |").skip(2);
        let mut table = Table { rooms: BTreeMap::new(), pure: BTreeSet::new() };
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let names = quoted(cells[0]);
            match cells[2] {
                "each other" => table.pure = names,
                uses => table.rooms.extend(names.into_iter().map(|name| (name, uses.to_owned()))),
            }
        }
        table
    }

    fn allows(&self, room: &str, other: &str) -> bool {
        if !self.rooms.contains_key(other) {
            return true; // pure
        }
        match self.rooms.get(room).map(String::as_str) {
            None | Some("nothing") => false,
            Some("everything") => true,
            Some(uses) if uses.starts_with("all but") => !quoted(uses).contains(other),
            Some(uses) => quoted(uses).contains(other),
        }
    }
}

/// The lines of a folder's files that are not tests, with the name of their file.
pub(crate) fn lines(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            lines(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "rs") && !entry.ends_with("tests.rs") {
            let text = fs::read_to_string(&entry).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            if !entry.iter().any(|part| part == "tests") {
                into.extend(code.lines().map(|line| (entry.clone(), line.to_owned())));
            }
        }
    }
}

#[test]
fn each_uses_what_it_may() {
    let (table, source) = (Table::read(), root().join("src"));
    let folders: BTreeSet<String> = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let named: BTreeSet<String> = table.rooms.keys().cloned().chain(table.pure.iter().cloned()).collect();
    let unnamed: Vec<_> = folders.difference(&named).collect();
    assert!(unnamed.is_empty(), "CONTRIBUTING.md has no row for {unnamed:?}");
    assert!(table.rooms.len() > 15 && table.pure.contains("schema1"));

    let used = regex_lite::Regex::new(r"\bcrate::([a-z_0-9]+)").unwrap();
    let mut wrong = BTreeSet::new();
    for room in &folders {
        let mut all = Vec::new();
        lines(&source.join(room), &mut all);
        for (file, line) in all.iter().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for other in used.captures_iter(line).map(|found| found[1].to_owned()) {
                if other != *room && folders.contains(&other) && !table.allows(room, &other) {
                    wrong.insert(format!("{}: {room} -> {other}", file.strip_prefix(&source).unwrap().display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the table of rooms in CONTRIBUTING.md does not allow\n{wrong:#?}");
}
