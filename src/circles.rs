//! No circles: what is in one folder, files and folders, uses one another in one direction only, by names and by methods. A folder's
//! `mod.rs` is its door, and belongs to none of what is behind it; what it re-exports is where it stands. Some doors hold the type that the
//! room is about (`Client` in registry, `Auth`, `Call`, `Job`): what is behind works on it, and it calls what is behind. That is not a
//! circle between two parts that could do without each other, so such types stay in the door and are not counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::rooms::{COMMON_NAMES, METHOD};

/// A module's path below `crate`.
type ModulePath = Vec<String>;
/// Which module uses which in one folder, and a line of the source that shows it.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Default)]
struct SourceTree {
    code: BTreeMap<ModulePath, String>,
    /// Modules and the folders that they are in.
    modules: BTreeSet<ModulePath>,
    reexports: BTreeMap<ModulePath, ModulePath>,
}

impl SourceTree {
    fn read(root: &Path) -> SourceTree {
        let mut source = SourceTree::default();
        source.add(root, root);
        source.modules = source.code.keys().flat_map(|name| (0..=name.len()).map(|end| name[..end].to_vec())).collect();
        for (module, code) in &source.code {
            for path in source.paths(module, code).into_iter().filter(|(is_public, _)| *is_public).map(|(_, path)| path)
            {
                let name = [module.as_slice(), &path[path.len() - 1..]].concat();
                if !source.modules.contains(&path) {
                    source.reexports.insert(name, path);
                }
            }
        }
        source
    }

    fn add(&mut self, root: &Path, folder: &Path) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let relative: PathBuf = path.strip_prefix(root).unwrap().with_extension("");
            let mut name: ModulePath = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            match name.last().map(String::as_str) {
                Some("tests" | "rooms" | "circles" | "public_api") => {}
                _ if path.is_dir() => self.add(root, &path),
                Some(last) if path.extension().is_some_and(|extension| extension == "rs") => {
                    if matches!(last, "mod" | "lib") {
                        name.pop();
                    }
                    let text = fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                    self.code.insert(name, lines.collect::<Vec<_>>().join("\n"));
                }
                _ => {}
            }
        }
    }

    /// The paths below `crate` that a module's code has, and whether each is re-exported.
    fn paths(&self, module: &ModulePath, code: &str) -> Vec<(bool, ModulePath)> {
        let uses = Regex::new(r"(?m)^\s*(pub(?:\([a-z]+\))? )?use ([^;]+);").unwrap();
        let inline = Regex::new(r"\b(?:crate|super|self)(?:::\w+)+").unwrap();
        let mut found = Vec::new();
        for one in uses.captures_iter(code) {
            let tree: String = one[2].split_whitespace().collect::<Vec<_>>().join(" ");
            found.extend(paths_of(&tree).into_iter().map(|path| (one.get(1).is_some(), path)));
        }
        let rest = uses.replace_all(code, "");
        found.extend(inline.find_iter(&rest).map(|path| (false, path.as_str().to_owned())));
        found.into_iter().filter_map(|(is_public, path)| Some((is_public, self.absolute(module, &path)?))).collect()
    }

    fn absolute(&self, module: &ModulePath, path: &str) -> Option<ModulePath> {
        let parts: ModulePath = path.split("::").map(str::to_owned).collect();
        let ups = parts.iter().take_while(|part| *part == "super").count();
        let base = match parts[0].as_str() {
            "crate" => return Some(parts[1..].to_vec()),
            "super" => &module[..module.len().checked_sub(ups)?],
            "self" => return Some([module, &parts[1..]].concat()),
            first => {
                return self
                    .modules
                    .contains(&[module.as_slice(), &[first.to_owned()]].concat())
                    .then(|| [module.as_slice(), &parts].concat())
            }
        };
        Some([base, &parts[ups..]].concat())
    }

    /// The module in which that stands which a path names.
    fn home(&self, mut path: ModulePath) -> ModulePath {
        for _ in 0..8 {
            let depth = (0..path.len()).take_while(|end| self.modules.contains(&path[..=*end])).count();
            match path.get(..=depth).and_then(|name| self.reexports.get(name)) {
                Some(other) => path = [other.as_slice(), &path[depth + 1..]].concat(),
                None => return path[..depth].to_vec(),
            }
        }
        path
    }

    /// Where each method stands whose name no other has: files can add methods to a type of another.
    fn methods(&self) -> BTreeMap<String, ModulePath> {
        let defined = Regex::new(METHOD).unwrap();
        let mut homes = BTreeMap::<String, BTreeSet<ModulePath>>::new();
        for (module, code) in &self.code {
            for found in defined.captures_iter(code) {
                homes.entry(found[1].to_owned()).or_default().insert(module.clone());
            }
        }
        homes.retain(|name, homes| homes.len() == 1 && !COMMON_NAMES.contains(&name.as_str()));
        homes.into_iter().filter_map(|(name, homes)| Some((name, homes.into_iter().next()?))).collect()
    }

    /// For each folder, which module in it uses which.
    fn folders(&self) -> BTreeMap<ModulePath, Uses> {
        let (mut folders, methods) = (BTreeMap::<ModulePath, Uses>::new(), self.methods());
        assert!(methods.len() > 500, "{}", methods.len());
        let called = Regex::new(r"\.(\w+)\(").unwrap();
        for (module, code) in &self.code {
            let named = self.paths(module, code).into_iter().map(|(_, path)| self.home(path));
            let by_method = called.captures_iter(code).filter_map(|found| methods.get(&found[1]).cloned());
            for used in named.chain(by_method) {
                let common = module.iter().zip(&used).take_while(|(one, other)| one == other).count();
                if let (Some(one), Some(other)) = (module.get(common), used.get(common)) {
                    let uses = folders.entry(module[..common].to_vec()).or_default().entry(one.clone()).or_default();
                    uses.insert(other.clone(), format!("{} -> {}", module.join("/"), used.join("/")));
                }
            }
        }
        folders
    }
}

/// The paths of a tree such as `a::{b, c::{d, e}}`.
pub(crate) fn paths_of(tree: &str) -> Vec<String> {
    let Some((before, inner)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for letter in inner.trim_end().trim_end_matches('}').chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(last) if depth > 0 || letter != ',' => last.push(letter),
            _ => parts.push(String::new()),
        }
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| paths_of(&format!("{}{part}", before.trim()))).collect()
}

/// The modules on a circle: what is left after those that use no other, and those that no other uses, are removed again and again.
fn circle(uses: &Uses) -> Vec<&str> {
    let mut left: BTreeSet<&str> = uses.keys().map(String::as_str).collect();
    loop {
        let goes_on = |name: &&str| uses[*name].keys().any(|other| left.contains(other.as_str()));
        let is_used = |name: &&str| left.iter().any(|other| uses[*other].contains_key(*name));
        let next: BTreeSet<&str> = left.iter().copied().filter(|name| goes_on(name) && is_used(name)).collect();
        if next.len() == left.len() {
            return left.into_iter().collect();
        }
        left = next;
    }
}

#[test]
fn no_circle_in_any_folder() {
    let source = SourceTree::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"));
    let folders = source.folders();
    assert!(folders.len() > 20 && folders[&vec!["registry".to_owned()]].len() > 10);
    for (folder, uses) in folders {
        let circle = circle(&uses);
        let lines =
            circle.iter().flat_map(|one| uses[*one].iter().filter(|(other, _)| circle.contains(&other.as_str())));
        let lines: Vec<&String> = lines.map(|(_, line)| line).collect();
        assert!(circle.is_empty(), "a circle in src/{}: {circle:?}\n{lines:#?}", folder.join("/"));
    }
}

#[test]
fn circles_are_found() {
    let uses = |pairs: &[(&str, &str)]| {
        let mut uses = Uses::new();
        for (one, other) in pairs {
            uses.entry((*one).to_owned()).or_default().insert((*other).to_owned(), String::new());
        }
        uses
    };
    assert!(circle(&uses(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert_eq!(circle(&uses(&[("z", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])), ["a", "b", "c"]);
    assert_eq!(paths_of("a::{b, c::{d, e as f}, self}"), ["a::b", "a::c::d", "a::c::e", "a::self"]);
}
