//! What a name without a registry means on this machine: containers' short-name aliases and the registries that are searched
//! (containers-registries.conf(5), "Short-Name Aliasing").

use std::collections::BTreeMap;

use super::rule_source::RuleSource;
use super::toml_tables::{TomlTable, WithLine};
use crate::error::{Code, Error, Result};
use crate::reference::index::looks_like_host;
use crate::reference::quoted;
use crate::reference::{is_repository, Index, Repository};
use crate::text::shorten;

/// The aliases and the search of all files.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShortNames {
    /// None: a file takes back what those before it say.
    aliases: BTreeMap<String, Option<Alias>>,
    search: Option<Search>,
    mode: Option<ShortNameMode>,
}

/// What a short name stands for.
#[derive(Debug, Clone)]
struct Alias {
    repository: Repository,
    source: RuleSource,
}

/// The registries that are searched, in order.
#[derive(Debug, Clone)]
struct Search {
    registries: Vec<Index>,
    source: RuleSource,
}

/// What podman does when several registries are to be searched. The user cannot be asked here, so several are not searched in any mode: a
/// stranger may own the name in the first, and podman goes on to the next after any failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShortNameMode {
    Disabled,
    Permissive,
    Enforcing,
}

impl ShortNameMode {
    /// As registries.conf writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ShortNameMode::Disabled => "disabled",
            ShortNameMode::Permissive => "permissive",
            ShortNameMode::Enforcing => "enforcing",
        }
    }
}

impl ShortNames {
    /// What a file says: `[aliases]`, `unqualified-search-registries`, `short-name-mode`.
    pub(crate) fn of(top: &TomlTable<'_>) -> Result<ShortNames> {
        let mut names = ShortNames { mode: mode(top)?, search: search(top)?, aliases: BTreeMap::new() };
        let Some(table) = top.table("aliases")? else { return Ok(names) };
        for (name, WithLine { line, value }) in table.named_texts()? {
            let said = |what: &str| top.file.wrong(line, format!("the alias '{}' {what}", quoted(&name)));
            if !is_repository(&name) || name.split_once('/').is_some_and(|(first, _)| looks_like_host(first)) {
                return Err(said("must be a name without registry, tag and digest"));
            }
            let alias = match value.as_str() {
                "" => None,
                full => {
                    let repository =
                        full_name(full).ok_or_else(|| said("must stand for REGISTRY/NAME, without tag and digest"))?;
                    Some(Alias { repository, source: top.file.source(line) })
                }
            };
            names.aliases.insert(name, alias);
        }
        Ok(names)
    }

    /// Takes what a later file says instead.
    pub(crate) fn merge(&mut self, over: ShortNames) {
        self.aliases.extend(over.aliases);
        self.search = over.search.or(self.search.take());
        self.mode = over.mode.or(self.mode);
    }

    /// Whether no file says anything of them.
    pub(crate) fn is_empty(&self) -> bool {
        self.aliases.is_empty() && self.search.is_none()
    }

    /// The registries that are searched for a name without an alias, in order.
    pub(crate) fn registries(&self) -> Vec<&str> {
        self.search.iter().flat_map(|search| &search.registries).map(|index| index.name.as_str()).collect()
    }

    /// What a name without an alias may be, in order.
    pub(crate) fn candidates(&self, name: &str) -> Vec<String> {
        self.registries().iter().map(|registry| format!("{registry}/{name}")).collect()
    }

    /// The mode; the default is permissive.
    pub(crate) fn mode(&self) -> ShortNameMode {
        self.mode.unwrap_or(ShortNameMode::Permissive)
    }

    /// What a name without registry, tag and digest stands for, and where that is said.
    pub(crate) fn resolve(&self, name: &str) -> Result<(Repository, &RuleSource)> {
        if let Some(Some(alias)) = self.aliases.get(name) {
            return Ok((alias.repository.clone(), &alias.source));
        }
        let refused =
            |why: String| Error::new(Code::InvalidReference, format!("the short name '{}' {why}", shorten(name)));
        let none = || refused("has no alias, and no registries to search are configured".into());
        let search = self.search.as_ref().ok_or_else(none)?;
        match search.registries.as_slice() {
            [] => Err(none()),
            [one] => Ok((Repository::parse(name, Some(one))?, &search.source)),
            _ => {
                let error = refused(format!("may be any of {}", self.candidates(name).join(", ")));
                Err(error.with_hint("name the registry, or write an alias for it in registries.conf"))
            }
        }
    }
}

fn full_name(text: &str) -> Option<Repository> {
    let (first, _) = text.split_once('/')?;
    looks_like_host(first).then(|| Repository::parse(text, None).ok()).flatten()
}

fn search(top: &TomlTable<'_>) -> Result<Option<Search>> {
    const KEY: &str = "unqualified-search-registries";
    let Some(texts) = top.texts(KEY)? else { return Ok(None) };
    let line = texts.first().map_or(0, |at| at.line);
    let index = |WithLine { line, value }: WithLine<String>| {
        let host = value.trim_end_matches('/');
        // Index::parse would take them for Docker Hub, or for plain http.
        if host.is_empty() || host.contains("://") {
            return Err(top.file.wrong(line, format!("'{KEY}' has an entry that is not HOST[:PORT]")));
        }
        Index::parse(host).map_err(|error| top.file.wrong(line, format!("'{KEY}': {}", error.message())))
    };
    let registries = texts.into_iter().map(index).collect::<Result<_>>()?;
    Ok(Some(Search { registries, source: top.file.source(line) }))
}

fn mode(top: &TomlTable<'_>) -> Result<Option<ShortNameMode>> {
    let Some(WithLine { line, value }) = top.text("short-name-mode")? else { return Ok(None) };
    match value.as_str() {
        "" => Ok(None),
        "disabled" => Ok(Some(ShortNameMode::Disabled)),
        "permissive" => Ok(Some(ShortNameMode::Permissive)),
        "enforcing" => Ok(Some(ShortNameMode::Enforcing)),
        _ => Err(top.file.wrong(line, "'short-name-mode' must be enforcing, permissive or disabled")),
    }
}
