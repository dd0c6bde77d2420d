//! The public Rust API: what a program can name, compared with a list, so that it does not grow unseen. The compiler refuses the rest:
//! what is public and cannot be reached (`unreachable_pub`), and what can be reached and not named (`unnameable_types`).
//!
//! Fields are not listed: those of options are in the header, and those of results are held to schemas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::circles::paths_of;
use crate::rooms::lines;

/// The code of each module, by its path below the crate.
fn modules() -> BTreeMap<Vec<String>, String> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    lines(&source, &mut all);
    let mut modules = BTreeMap::<_, String>::new();
    for (file, line) in all.iter().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        let code = modules.entry(module_of(file.strip_prefix(&source).unwrap())).or_default();
        code.push_str(line);
        code.push('\n');
    }
    modules
}

fn module_of(file: &Path) -> Vec<String> {
    let mut name: Vec<String> = file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    name.pop_if(|last| *last == "mod" || *last == "lib");
    name
}

/// What a program can name in a module, and the public modules in it. What is public for tests only is not meant.
fn names(code: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let code = code.replace("pub mod inside;\n", "");
    let item = r#"(?m)^(?:    )?pub (?:const |type |struct |enum |union |trait |static |unsafe |async |extern "C" |fn )+(\w+)"#;
    let item = Regex::new(item).unwrap();
    let module = Regex::new(r"(?m)^pub mod (\w+);").unwrap();
    let reexport = Regex::new(r"(?m)^pub use ([^;]+);").unwrap();
    let in_impls = Regex::new(r"(?ms)^(?:impl|pub trait)\b[^{;]*\{\n.*?^\}").unwrap();
    let modules = module.captures_iter(&code).map(|found| found[1].to_owned()).collect();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for found in reexport.captures_iter(&code) {
        let tree = found[1].split_whitespace().collect::<Vec<_>>().join(" ");
        names.extend(paths_of(&tree).iter().filter_map(|path| Some(path.rsplit("::").next()?.to_owned())));
    }
    let traits = Regex::new(r"(?m)^pub trait (\w+)").unwrap();
    names.extend(traits.captures_iter(&code).map(|found| found[1].to_owned()));
    names.extend(item.captures_iter(&in_impls.replace_all(&code, "")).map(|found| found[1].to_owned()));
    (names, modules)
}

/// The public methods of each type, and the methods of each trait, wherever they are written.
fn methods(code: &str) -> Vec<(String, String)> {
    let block = Regex::new(r"(?ms)^(?:impl(?:<[^{]*?>)? (\w+)[^{;]*|pub trait (\w+)[^{;]*)\{\n(.*?)^\}").unwrap();
    let public = Regex::new(r"(?m)^    pub (?:const |async |unsafe )*(?:fn )?(\w+)").unwrap();
    let required = Regex::new(r"(?m)^    fn (\w+)").unwrap();
    let mut found = Vec::new();
    for one in block.captures_iter(code) {
        let (owner, inner) = match one.get(1) {
            Some(owner) => (owner.as_str(), &public),
            None => (&one[2], &required),
        };
        found.extend(inner.captures_iter(&one[3]).map(|name| (owner.to_owned(), name[1].to_owned())));
    }
    found
}

/// The variants of each public enumeration: adding or removing one breaks programs as a function does.
fn variants(code: &str) -> Vec<(String, String)> {
    let block = Regex::new(r"(?ms)^pub enum (\w+)[^{]*\{\n(.*?)^\}").unwrap();
    let variant = Regex::new(r"(?m)^    ([A-Z]\w*)").unwrap();
    let of_one = |found: regex_lite::Captures<'_>| {
        let names: Vec<_> =
            variant.captures_iter(&found[2]).map(|name| (found[1].to_owned(), name[1].to_owned())).collect();
        names
    };
    block.captures_iter(code).flat_map(of_one).collect()
}

fn public_api() -> BTreeSet<String> {
    let modules = modules();
    let (mut api, mut paths) = (BTreeSet::new(), BTreeMap::<String, BTreeSet<String>>::new());
    let mut open = vec![Vec::<String>::new()];
    while let Some(module) = open.pop() {
        let (names, inner) = names(&modules[&module]);
        open.extend(inner.into_iter().map(|name| [module.as_slice(), &[name]].concat()));
        for name in names {
            let path = [module.as_slice(), std::slice::from_ref(&name)].concat().join("::");
            paths.entry(name).or_default().insert(path.clone());
            api.insert(path);
        }
    }
    for (owner, name) in modules.values().flat_map(|code| [methods(code), variants(code)].concat()) {
        api.extend(paths.get(&owner).into_iter().flatten().map(|path| format!("{path}::{name}")));
    }
    api
}

#[test]
fn it_is_what_is_listed() {
    let (api, listed) = (public_api(), include_str!("public_api.txt"));
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    assert!(api.len() > 300, "{}", api.len());
    let (new, gone): (Vec<_>, Vec<_>) = (api.difference(&listed).collect(), listed.difference(&api).collect());
    let (new_lines, gone_lines) = (format!("{new:#?}"), format!("{gone:#?}"));
    assert!(
        new.is_empty() && gone.is_empty(),
        "src/public_api.txt lists what Rust programs may use. Is it meant for them? If not, it is pub(crate).\n\
         not listed: {new_lines}\nlisted, and not there: {gone_lines}"
    );
}

#[test]
fn what_is_public_is_found() {
    let code = "pub mod inner;\nmod own;\npub use own::{Shown, deep::{Other as Told}};\npub(crate) use own::Hidden;\n\
                options! {\n    pub struct Options {\n        pub field: u8,\n    }\n}\n\
                pub trait Reads: Send {\n    fn read(&self);\n}\n\
                impl<'a> Shown<'a> {\n    pub fn new() {}\n    pub(crate) fn hidden() {}\n    pub const ALL: u8 = 1;\n}\n\
                impl Reads for Shown<'_> {\n    fn read(&self) {}\n}\npub fn free() {}\npub mod inside;\n";
    let (found, modules) = names(code);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["Options", "Other", "Reads", "Shown", "free"]);
    assert_eq!(modules.into_iter().collect::<Vec<_>>(), ["inner"]);
    let owned = |owner: &str, name: &str| (owner.to_owned(), name.to_owned());
    let expected = [owned("Reads", "read"), owned("Shown", "new"), owned("Shown", "ALL")];
    assert_eq!(methods(code), expected);
    let code = "/// It.\npub enum Place {\n    /// One.\n    Registry(Reference),\n    Local { path: String },\n}\nenum Own {\n    Hidden,\n}\n";
    assert_eq!(variants(code), [owned("Place", "Registry"), owned("Place", "Local")]);
}
