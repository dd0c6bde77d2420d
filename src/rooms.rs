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

/// The rooms on each floor of the drawing in `src/lib.rs`, from the top.
fn floors() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let drawing = text.lines().skip_while(|line| *line != "//! ```text").skip(1).take_while(|line| *line != "//! ```");
    let rooms = drawing.map(|line| line["//! ".len()..].split("  ").next().unwrap_or_default());
    rooms.map(|floor| floor.split(" · ").map(str::to_owned).collect()).collect()
}

#[test]
fn the_drawing_shows_each_room_and_arrows_only_downward() {
    let (table, floors) = (Table::read(), floors());
    let floor = |room: &str| floors.iter().position(|rooms| rooms.iter().any(|drawn| drawn == room));
    let (pure, rooms) = floors.split_last().unwrap();
    let drawn: Vec<&String> = rooms.iter().flatten().collect();
    assert_eq!(drawn.len(), table.rooms.len(), "each once: {drawn:?}");
    for room in table.rooms.keys() {
        assert!(drawn.contains(&room), "src/lib.rs does not show {room}");
        for other in table.rooms.keys().filter(|other| *other != room && table.allows(room, other)) {
            assert!(floor(room) < floor(other), "{other} is not on a floor below {room}");
        }
    }
    let folders = table.pure.iter().filter(|name| root().join("src").join(name).is_dir());
    assert!(folders.clone().count() > 3 && folders.clone().all(|name| pure.contains(name)), "{pure:?}");
}

/// Methods whose names the standard library or a crate has too: a call of one of these need not be a call of the room's.
pub(crate) const COMMON_NAMES: [&str; 23] = [
    "as_ptr",
    "chunk",
    "contains",
    "exists",
    "first",
    "handle",
    "is_file",
    "is_some",
    "keys",
    "kind",
    "last",
    "line",
    "map",
    "offset",
    "padding",
    "parent",
    "permissions",
    "pointer",
    "repeat",
    "spawn",
    "store",
    "to_vec",
    "union",
];

/// A method, with its name.
pub(crate) const METHOD: &str = r"\bfn (\w+)(<[^(]*>)?\(\s*(&('\w+ )?)?(mut )?self\b";

/// A room can hang a method on the type of a room below it, which that one must not call: its name says nothing of where it is.
#[test]
fn methods_are_of_rooms_that_may_be_used() {
    let (table, source) = (Table::read(), root().join("src"));
    let mut all = Vec::new();
    lines(&source, &mut all);
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (file, line) in all.iter().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        let text = files.entry(file.strip_prefix(&source).unwrap().to_owned()).or_default();
        *text = format!("{text}{line}\n");
    }
    let room_of = |file: &Path| file.iter().next().unwrap().to_str().unwrap().to_owned();
    let defined = regex_lite::Regex::new(METHOD).unwrap();
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in &files {
        for found in defined.captures_iter(text) {
            rooms.entry(found[1].to_owned()).or_default().insert(room_of(file));
        }
    }
    rooms.retain(|name, rooms| rooms.len() == 1 && !COMMON_NAMES.contains(&name.as_str()));
    assert!(rooms.len() > 500, "{}", rooms.len());

    let called = regex_lite::Regex::new(r"\.(\w+)\(").unwrap();
    let mut wrong = BTreeSet::new();
    for (file, text) in &files {
        let room = room_of(file);
        for name in called.captures_iter(text).map(|found| found[1].to_owned()) {
            let Some(other) = rooms.get(&name).and_then(|rooms| rooms.first()) else { continue };
            if *other != room && !room.ends_with(".rs") && !table.allows(&room, other) {
                wrong.insert(format!("{}: .{name}() of {other}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "the table of rooms in CONTRIBUTING.md does not allow\n{wrong:#?}");
}

/// What only some rooms may name: a part of a line, the rooms and files that may have it, and why no other.
const RESERVED: [(&str, &[&str], &str); 5] = [
    (
        r"StatusCode as\b|\[(StatusCode|S)::[A-Z_]+, StatusCode::(CREATED|ACCEPTED|NO_CONTENT)|\[StatusCode::[^\]]*\]\.contains|\.is_(success|(client|server)_error)\(|Some\([1-5]\d\d\)|\b[1-5]\d\d \| [1-5]\d\d\b",
        &["http/", "statuses.rs"],
        "what a status means where registries differ is said in src/statuses.rs",
    ),
    (
        // Error::with_url cuts what it shows, a token server's URL has rules of its own, and where signatures are is only shown.
        r"\burl::|\bUrl::parse|form_urlencoded|\burl\.set_|query_pairs",
        &["http/", "auth/realm.rs", "error/mod.rs", "mirrors/registries_d.rs"],
        "URLs are made and changed in src/http, where it is decided how far they are trusted",
    ),
    (
        // A realm has rules of its own; files of the machine name hosts, which are not URLs yet; the rest are names to show and to compare.
        r#""[a-z{}]*[^0-9"]\{?\}?://\{"#,
        &[
            "http/",
            "auth/realm.rs",
            "mirrors/hosts_toml.rs",
            "mirrors/registries_yaml.rs",
            "reference/one_registry.rs",
            "registry/store.rs",
            "registry/upload/session.rs",
            "convert/",
            "place/",
        ],
        "URLs are put together in src/http",
    ),
    (r"\btempfile::|\.sync_(all|data)\(", &["os/"], "temporary files and flushing belong in src/os"),
    (
        r"\benv::(var|vars|var_os|split_paths|temp_dir|current_dir|home_dir|current_exe)\b",
        &["os/"],
        "the environment is read in src/os",
    ),
];

#[test]
fn some_words_belong_to_one_room() {
    let source = root().join("src");
    let mut all = Vec::new();
    lines(&source, &mut all);
    let mut wrong = BTreeSet::new();
    for (words, rooms, why) in RESERVED {
        let words = regex_lite::Regex::new(words).unwrap();
        let mut seen = 0;
        for (file, line) in all.iter().filter(|(_, line)| !line.trim_start().starts_with("//") && words.is_match(line))
        {
            let file = file.strip_prefix(&source).unwrap().to_str().unwrap();
            if file == "rooms.rs" {
                continue;
            }
            match rooms.iter().any(|room| file.starts_with(room)) {
                true => seen += 1,
                false => drop(wrong.insert(format!("{file}: {} ({why})", line.trim()))),
            }
        }
        assert!(seen > 0, "nobody has {words:?} any more");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// How many lines each function's body has, as rustfmt lays them out, with the function's first line.
fn bodies(code: &[&str]) -> Vec<(usize, String)> {
    let begins = regex_lite::Regex::new(r#"^( *)(pub(\([a-z]+\))? )?(const )?(unsafe )?(extern "C" )?fn \w"#).unwrap();
    let mut found = Vec::new();
    for (at, line) in code.iter().enumerate() {
        let Some(indent) = begins.captures(line).map(|found| found[1].to_owned()) else { continue };
        let rest = || code[at..].iter().enumerate();
        let open = rest().find(|(_, line)| line.ends_with(['{', ';', '}'])).map_or(0, |(count, _)| count);
        if code[at + open].ends_with('{') {
            let (end, _) = rest().find(|(_, line)| **line == format!("{indent}}}")).expect("each body has an end");
            found.push((end.saturating_sub(open + 1), (*line).to_owned()));
        }
    }
    found
}

/// It turns arguments, makes one call, and hands over what came of it: what needs more lines is the work of another room.
#[test]
fn functions_of_the_c_api_are_short() {
    let (mut all, mut files) = (Vec::new(), BTreeMap::<&Path, Vec<&str>>::new());
    lines(&root().join("src/ffi"), &mut all);
    for (file, line) in &all {
        files.entry(file).or_default().push(line);
    }
    let counts: Vec<_> = files.values().flat_map(|code| bodies(code)).collect();
    assert!(counts.len() > 300, "{}", counts.len());
    let long: Vec<_> = counts.iter().filter(|(count, _)| *count > 15).collect();
    assert!(long.is_empty(), "more than 15 lines: {long:#?}");
    assert!(files.values().all(|code| code.len() <= 400), "a file of src/ffi has more than 400 lines");
}

/// A name that two rooms give to different things has to be explained each time it is said.
#[test]
fn no_two_types_have_one_name() {
    let source = root().join("src");
    let mut all = Vec::new();
    lines(&source, &mut all);
    let defined =
        regex_lite::Regex::new(r"^\s*(pub(\([a-z: ]+\))? )?(struct|enum|trait|union|type) ([A-Z]\w*)").unwrap();
    let mut places: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for (file, line) in &all {
        for found in defined.captures_iter(line).filter(|found| &found[3] != "type" || !line.starts_with(' ')) {
            places.entry(found[4].to_owned()).or_default().insert(file.clone());
        }
    }
    assert!(places.len() > 500);
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}
