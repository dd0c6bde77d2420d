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
        let mut declaration = Declaration::in_file(path);
        for line in block.lines().take_while(|line| *line != "}").map(str::trim) {
            declaration.read(line);
        }
        let Declaration { name, options, .. } = declaration;
        if self.structs.insert(name.clone(), options).is_some() {
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
                Some((name, rest)) => text += &self.list(line, (name, rest), &mut used),
                None => text += &format!("{line}\n"),
            }
        }
        let all = self.structs.iter().filter(|(_, one)| !one.keys.is_empty()).map(|(name, _)| name.as_str());
        if let Some(name) = all.into_iter().find(|name| !used.contains(*name)) {
            fail(&format!("no function in src/ffi has the options {name}: 'Options: {{{name}}}' in its comment"));
        }
        text
    }

    /// What takes the place of a line that names options.
    fn list<'a>(&'a self, line: &str, (name, rest): (&str, &str), used: &mut BTreeSet<&'a str>) -> String {
        let mut list = List { without: rest.strip_prefix(" without "), ..List::default() };
        self.write(&mut list, name, used);
        if list.without.is_some() || !rest.is_empty() && !rest.starts_with(" without ") {
            fail(&format!("the options {name} are not listed as '{line}' says"));
        }
        format!("// Options:\n{}{}", list.lines, list.below)
    }

    fn write<'a>(&'a self, list: &mut List<'_>, name: &str, used: &mut BTreeSet<&'a str>) {
        let found = self.structs.get_key_value(name);
        let (name, one) = found.unwrap_or_else(|| fail(&format!("no options are called {name}")));
        used.insert(name);
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

/// A declaration while its lines are read.
struct Declaration<'a> {
    path: &'a Path,
    name: String,
    options: Struct,
    /// The comment above the next line.
    about: Vec<String>,
    in_groups: bool,
}

impl Declaration<'_> {
    fn in_file(path: &Path) -> Declaration<'_> {
        Declaration { path, name: String::new(), options: Struct::default(), about: Vec::new(), in_groups: false }
    }

    fn read(&mut self, line: &str) {
        if let Some(text) = line.strip_prefix("///") {
            return self.about.push(text.trim().to_owned());
        }
        if line.starts_with("#[") {
            return;
        }
        let field = without_visibility(line).split_once(": ").filter(|_| line.ends_with(','));
        match field.map(|(key, rest)| (key, rest.trim_end_matches(','))) {
            Some((_, kind)) if self.in_groups => self.group(kind),
            Some((key, rest)) => self.options.keys.push(Key::new(key, rest, &self.about)),
            None => self.other(line),
        }
        self.about.clear();
    }

    fn group(&mut self, kind: &str) {
        let heading = self.about.join(" ");
        if heading.ends_with('.') {
            fail(&format!("{}: the heading '{heading}' ends with a full stop", self.path.display()));
        }
        self.options.groups.push((kind.rsplit("::").next().unwrap_or_default().to_owned(), heading));
    }

    fn other(&mut self, line: &str) {
        if let Some(of) = without_visibility(line).strip_prefix("struct ") {
            self.name = of.split(' ').next().unwrap_or_default().to_owned();
        } else if line == "} and {" {
            self.in_groups = true;
        } else if !line.is_empty() && line != "}" {
            let file = self.path.display();
            fail(&format!("{file}: src/ffi/header/options.rs cannot read the line of options! '{line}'"));
        }
    }
}

fn without_visibility(line: &str) -> &str {
    ["pub ", "pub(crate) ", "pub(super) "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

impl Key {
    /// Of `name: rest`, where the rest is a type and perhaps a default.
    /// Its line in the header is the text before the first empty one, as in any documentation of Rust.
    fn new(name: &str, rest: &str, about: &[String]) -> Key {
        let (told, more) = about.split_at(about.iter().position(String::is_empty).unwrap_or(about.len()));
        if told.is_empty() {
            fail(&format!("the option {name} says nowhere what it means"));
        }
        let (kind, declared) = rest.split_once(" = ").map_or((rest, None), |(kind, default)| (kind, Some(default)));
        let (meaning, default) = default_of(kind, declared, told.join(" "));
        let (name, more) = (name.to_owned(), more.join(" ").trim().to_owned());
        let key = Key { kind: kind_in_c(kind, &name).to_owned(), name, default, meaning, more };
        if key.line().len() > WIDTH {
            let name = key.name;
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

/// What an option of a type in Rust is in C.
fn kind_in_c(kind: &str, name: &str) -> &'static str {
    match kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>')).unwrap_or(kind) {
        "bool" => "boolean",
        "i32" | "u32" | "u64" | "usize" => "integer",
        "f64" => "number",
        "Vec<String>" | "Headers" | "Mirrors" => "list of strings",
        "Texts" => "string or list of strings",
        "String" | "Zeroizing<String>" | "Address" | "ProxyChoice" | "Compression" | "Digest" | "KeyFormat"
        | "ImageSpecVersion" | "ShortNameReading" => "string",
        other => fail(&format!(
            "src/ffi/header/options.rs does not know what {other}, the type of the option {name}, is in C"
        )),
    }
}

/// The meaning, and the default: what is worked out is told at the end of the meaning.
fn default_of(kind: &str, declared: Option<&str>, told: String) -> (String, Option<String>) {
    if let Some((meaning, default)) = told.strip_suffix(')').and_then(|text| text.split_once(" (default: ")) {
        return (meaning.to_owned(), Some(default.to_owned()));
    }
    let default = match declared {
        None if kind == "bool" => Some("false".to_owned()),
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => Some(whole(&number.replace('_', ""))),
        Some("true") => Some("true".to_owned()),
        _ => None,
    };
    (told, default)
}

/// A number without a fraction of nothing.
fn whole(number: &str) -> String {
    number.strip_suffix(".0").unwrap_or(number).to_owned()
}
