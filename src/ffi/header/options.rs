//! Of build.rs, not of the library: the options of calls, read from the source text of the rooms that declare them (`options!`,
//! src/options.rs), as the header shows them: a constant for each key, and in the comment of a function a line for each of its
//! options.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{fail, read};

/// No option has a longer line, so that each is one, and what does not fit is told below all of them.
const WIDTH: usize = 150;

/// What the calls have, by the names of the structs.
#[derive(Default)]
pub struct Declarations {
    structs: BTreeMap<String, Struct>,
    pub files: Vec<PathBuf>,
}

#[derive(Default)]
struct Struct {
    keys: Vec<Key>,
    /// Structs whose keys it has too, and their headings.
    groups: Vec<(String, String)>,
}

struct Key {
    name: String,
    kind: String,
    default: Option<String>,
    meaning: String,
    /// What there is to know beyond its line; empty for most.
    more: String,
}

/// The options of a function.
#[derive(Default)]
struct List<'a> {
    /// A line for each.
    lines: String,
    /// What comes below all of them.
    below: String,
    /// One that is not among them, until it has been met.
    without: Option<&'a str>,
}

impl Declarations {
    /// All that are declared below a folder.
    pub fn find(folder: &str) -> Declarations {
        let mut options = Declarations::default();
        options.look_into(Path::new(folder));
        options
    }

    fn look_into(&mut self, folder: &Path) {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| fail(&format!("{}: {error}", folder.display())));
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                self.look_into(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = read(&path);
                if text.contains("\noptions! {\n") {
                    text.split("\noptions! {\n").skip(1).for_each(|block| self.add(block, &path));
                    self.files.push(path);
                }
            }
        }
    }

    /// Reads one declaration.
    fn add(&mut self, block: &str, path: &Path) {
        let (mut name, mut declared, mut about, mut in_groups) = (String::new(), Struct::default(), Vec::new(), false);
        for line in block.lines().take_while(|line| *line != "}").map(str::trim) {
            let field = without_visibility(line).split_once(": ").filter(|_| line.ends_with(','));
            if let Some(text) = line.strip_prefix("///") {
                about.push(text.trim());
                continue;
            } else if let Some(of) = without_visibility(line).strip_prefix("struct ") {
                name = of.split(' ').next().unwrap_or_default().to_owned();
            } else if line == "} and {" {
                in_groups = true;
            } else if let (Some((_, kind)), true) = (field, in_groups) {
                if about.last().is_some_and(|text| text.ends_with('.')) {
                    fail(&format!("{}: the heading '{}' ends with a full stop", path.display(), about.join(" ")));
                }
                let kind = kind.trim_end_matches(',').rsplit("::").next().unwrap_or_default();
                declared.groups.push((kind.to_owned(), about.join(" ")));
            } else if let Some((key, rest)) = field {
                declared.keys.push(Key::new(key, rest.trim_end_matches(','), &about));
            } else if !line.is_empty() && line != "}" && !line.starts_with("#[") {
                fail(&format!(
                    "{}: src/ffi/header/options.rs cannot read the line of options! '{line}'",
                    path.display()
                ));
            }
            if !line.starts_with("#[") {
                about.clear();
            }
        }
        if self.structs.insert(name.clone(), declared).is_some() {
            fail(&format!("{}: other options are called {name} too", path.display()));
        }
    }

    /// A macro for each key.
    pub fn constants(&self) -> String {
        let keys: BTreeSet<&str> =
            self.structs.values().flat_map(|one| &one.keys).map(|key| key.name.as_str()).collect();
        keys.iter().map(|key| format!("#define OCIREG_OPT_{} \"{key}\"\n", key.to_ascii_uppercase())).collect()
    }

    /// The header with what stands in the comments for options, `Options: {GetOptions}`, put out in full; one that a function refuses
    /// is left out by `Options: {GetOptions} without accept`.
    pub fn expand(&self, header: &str) -> String {
        let (mut text, mut used) = (String::new(), BTreeSet::new());
        for line in header.lines() {
            match line.strip_prefix("// Options: {").and_then(|rest| rest.split_once('}')) {
                Some((name, rest)) => {
                    let mut list = List { without: rest.strip_prefix(" without "), ..List::default() };
                    self.write(&mut list, name, &mut used);
                    if list.without.is_some() || !rest.is_empty() && !rest.starts_with(" without ") {
                        fail(&format!("the options {name} are not listed as '{line}' says"));
                    }
                    text += &format!("// Options:\n{}{}", list.lines, list.below);
                }
                None => text += &format!("{line}\n"),
            }
        }
        let all = self.structs.iter().filter(|(_, one)| !one.keys.is_empty()).map(|(name, _)| name.as_str());
        if let Some(name) = all.into_iter().find(|name| !used.contains(*name)) {
            fail(&format!("no function in src/ffi has the options {name}: 'Options: {{{name}}}' in its comment"));
        }
        text
    }

    fn write<'a>(&'a self, list: &mut List<'_>, name: &'a str, used: &mut BTreeSet<String>) {
        let one = self.structs.get(name).unwrap_or_else(|| fail(&format!("no options are called {name}")));
        used.insert(name.to_owned());
        for key in &one.keys {
            if list.without.take_if(|without| *without == key.name).is_none() {
                list.lines += &key.line();
                list.below += &key.below();
            }
        }
        for (group, heading) in &one.groups {
            if !heading.is_empty() {
                list.lines += &format!("// {heading}:\n");
            }
            self.write(list, group, used);
        }
    }
}

fn without_visibility(line: &str) -> &str {
    ["pub ", "pub(crate) ", "pub(super) "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

impl Key {
    /// Of `name: rest`, where the rest is a type and perhaps a default.
    /// Its line in the header is the text before the first empty one, as in any documentation of Rust.
    fn new(name: &str, rest: &str, about: &[&str]) -> Key {
        let (meaning, more) = about.split_at(about.iter().position(|text| text.is_empty()).unwrap_or(about.len()));
        let (kind, default) = rest.split_once(" = ").map_or((rest, None), |(kind, default)| (kind, Some(default)));
        let inner = kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>')).unwrap_or(kind);
        let shown = match inner {
            "bool" => "boolean",
            "i32" | "u32" | "u64" | "usize" => "integer",
            "f64" => "number",
            "Vec<String>" | "Headers" | "Mirrors" => "list of strings",
            "Texts" => "string or list of strings",
            "String" | "Zeroizing<String>" | "Address" | "ProxyChoice" | "Compression" | "Digest" | "KeyFormat"
            | "ImageSpecVersion" | "ShortNameReading" => "string",
            _ => fail(&format!(
                "src/ffi/header/options.rs does not know what {inner}, the type of the option {name}, is in C"
            )),
        };
        let default = match default {
            None if kind == "bool" => Some("false".to_owned()),
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => Some(whole(&number.replace('_', ""))),
            Some("true") => Some("true".to_owned()),
            _ => None,
        };
        if meaning.is_empty() {
            fail(&format!("the option {name} says nowhere what it means"));
        }
        // What is worked out is told by the meaning.
        let meaning = meaning.join(" ");
        let (meaning, default) = match meaning.strip_suffix(')').and_then(|text| text.split_once(" (default: ")) {
            Some((meaning, told)) => (meaning.to_owned(), Some(told.to_owned())),
            None => (meaning, default),
        };
        let key = Key {
            name: name.to_owned(),
            kind: shown.to_owned(),
            default,
            meaning,
            more: more.join(" ").trim().to_owned(),
        };
        if key.line().len() > WIDTH {
            fail(&format!(
                "the option {name} has no line of at most {WIDTH} bytes: what does not fit goes below an empty line"
            ));
        }
        key
    }

    fn line(&self) -> String {
        let default = self.default.as_ref().map_or(String::new(), |default| format!(", default: {default}"));
        format!("//   {} ({}{default}): {}\n", self.name, self.kind, self.meaning)
    }

    /// A paragraph about it, if its line does not say all.
    fn below(&self) -> String {
        if self.more.is_empty() {
            return String::new();
        }
        let (mut text, mut line) = ("//\n".to_owned(), format!("// {}:", self.name));
        for word in self.more.split(' ') {
            if line.len() + 1 + word.len() > WIDTH {
                text += &format!("{line}\n");
                line = "//".to_owned();
            }
            line += &format!(" {word}");
        }
        text + &line + ".\n"
    }
}

/// A number without a fraction of nothing.
fn whole(number: &str) -> String {
    number.strip_suffix(".0").unwrap_or(number).to_owned()
}
