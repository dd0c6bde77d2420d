//! containers-registries.conf(5), version 2: what podman, skopeo, buildah and CRI-O read. Written after that manual and the source of
//! containers/image (pkg/sysregistriesv2), with these differences:
//!
//! - A prefix `example.com` is not for `example.com:5000`, unless it is blocked (there it always is, by mistake). A prefix
//!   `*.example.com` is for each port, as there; but what of a name with a port (other than 443) would be read at its mirrors or its location
//!   is refused. There the port stays behind the mirror's name: after a path that is refused as no name, as here, and after a host it is
//!   another port of the mirror. What is written, and what is about the registry itself, goes there, as there.
//! - What lists tags, referrers and repositories asks mirrors too; there only images are pulled from them.
//! - An image that is named by a tag may come from several endpoints: the tag from one that may be asked for tags, and what has a digest from
//!   any that may be asked for digests. There one endpoint gives all of an image.
//! - A loopback host that is not insecure is asked by http if it does not speak TLS, as any; there it must.
//! - A registry that is blocked is blocked wherever its location leads; there only if the location is blocked by a prefix as well.
//! - Version 1 is refused, as the current versions do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::config_text::ConfigText;
use super::endpoint::{Abilities, EndpointBase, EndpointTls, RegistryEndpoint, HUB, MOST_ENDPOINTS};
use super::host_path::HostPath;
use super::rename::Rename;
use super::rule_source::RuleSource;
use super::rules::{NameScope, Rule, Unreadable};
use super::short_names::ShortNames;
use super::toml_tables::{self, TomlTable, WithLine};
use crate::error::{Code, Error, Result};
use crate::reference::index::host;
use crate::reference::quoted;
use crate::reference::{Scheme, DEFAULT_INDEX};

/// How many registries there may be: each request looks through all of them.
const MOST_REGISTRIES: usize = 5000;

/// One file, or several merged.
#[derive(Debug, Default)]
pub(crate) struct RegistriesConf {
    /// The tables `[[registry]]` by their `prefix`.
    registries: BTreeMap<String, ConfiguredRegistry>,
    pub(crate) short_names: ShortNames,
}

#[derive(Debug)]
struct ConfiguredRegistry {
    /// None: a prefix that no repository's name has.
    scope: Option<(NameScope, HostPath)>,
    /// None: where the name says, only for subdomains.
    location: Option<HostPath>,
    mirrors: Vec<Mirror>,
    insecure: bool,
    blocked: bool,
    source: RuleSource,
    /// A location that cannot be asked: an error for the names of the prefix only.
    wrong: Option<Arc<Error>>,
}

#[derive(Debug)]
struct Mirror {
    location: HostPath,
    insecure: bool,
    may: Abilities,
    source: RuleSource,
}

impl RegistriesConf {
    pub(crate) fn parse(path: &str, text: &str) -> Result<RegistriesConf> {
        let file = ConfigText::new(path, text);
        let parsed = toml_tables::parse(&file)?;
        let top = TomlTable::top(&file, &parsed);
        refuse_version_1(&top)?;
        let mut found = RegistriesConf { short_names: ShortNames::of(&top)?, ..RegistriesConf::default() };
        let mut known = HashMap::new();
        let tables = top.tables("registry")?;
        if let Some(first) = tables.get(MOST_REGISTRIES) {
            return Err(file.too_many(first.line, format!("more than {MOST_REGISTRIES} registries")));
        }
        for table in tables {
            let (prefix, registry) = registry(&table)?;
            refuse_conflict(&table, &mut known, &prefix, &registry)?;
            // The first of the same prefix counts.
            found.registries.entry(prefix).or_insert(registry);
        }
        Ok(found)
    }

    /// Takes what a later file says instead.
    pub(crate) fn merge(&mut self, path: &str, text: &str) -> Result<()> {
        let over = RegistriesConf::parse(path, text)?;
        self.registries.extend(over.registries);
        self.short_names.merge(over.short_names);
        match self.registries.len() > MOST_REGISTRIES {
            true => Err(ConfigText::new(path, "")
                .too_many(0, format!("more than {MOST_REGISTRIES} registries with those of the other files"))),
            false => Ok(()),
        }
    }

    pub(crate) fn rules(&self) -> Vec<Rule> {
        let both = |registry: &ConfiguredRegistry| {
            let scope = registry.scope.as_ref();
            let itself = scope.map(|scope| rule(registry, scope));
            // Of those that fit as well the first counts.
            scope.and_then(|(scope, _)| rule_for_ports(registry, scope)).into_iter().chain(itself)
        };
        self.registries.values().flat_map(both).collect()
    }
}

/// What has a port is another registry than what has none, and a mirror of both would give the one's images for the other's: only what no
/// other endpoint is for is asked, at the registry itself.
fn rule_for_ports(registry: &ConfiguredRegistry, scope: &NameScope) -> Option<Rule> {
    let NameScope::Subdomains(domain) = scope else { return None };
    if registry.wrong.is_some() || registry.location.is_none() && registry.mirrors.is_empty() {
        return None;
    }
    let source = &registry.source;
    let rule = Rule::new(NameScope::PortsOfSubdomains(domain.clone()), Vec::new(), source.clone());
    if registry.blocked {
        return Some(Rule { blocked: true, ..rule });
    }
    let message = format!("{source}: the mirrors and the location of '*.{domain}' are for names without a port");
    let hint = "a [[registry]] of its own, whose prefix is the name with the port, says where that is read";
    let why = Arc::new(Error::new(Code::InvalidReference, message).with_hint(hint));
    let unreadable = Some(Unreadable { why, is_by_mirrors: registry.location.is_none() });
    let may = match registry.location {
        Some(_) => Abilities::PUSH,
        None => registry.mirrors.iter().fold(Abilities::ALL, |left, mirror| left.without(mirror.may)),
    };
    let itself = RegistryEndpoint { may, tls: tls(registry.insecure), ..RegistryEndpoint::origin(source.clone()) };
    Some(Rule { endpoints: vec![itself], unreadable, ..rule })
}

fn rule(registry: &ConfiguredRegistry, (scope, prefix): &(NameScope, HostPath)) -> Rule {
    if registry.wrong.is_some() {
        let rule = Rule::new(scope.clone(), Vec::new(), registry.source.clone());
        return Rule { blocked: registry.blocked, wrong: registry.wrong.clone(), ..rule };
    }
    let subdomains = matches!(scope, NameScope::Subdomains(_));
    let rename = |to: &HostPath| Rename::Prefix { from: prefix.path.clone(), to: to.path.clone() };
    let at = |location: &HostPath, insecure: bool, may: Abilities, source: &RuleSource| {
        let own = !subdomains && location.host == prefix.host;
        let endpoint =
            RegistryEndpoint::new(if own { EndpointBase::Origin } else { elsewhere(location) }, source.clone());
        let rename = if own && location.path == prefix.path { Rename::Keep } else { rename(location) };
        RegistryEndpoint { rename, may, tls: tls(insecure), ..endpoint }
    };
    let mut endpoints: Vec<RegistryEndpoint> = registry
        .mirrors
        .iter()
        .map(|mirror| at(&mirror.location, mirror.insecure, mirror.may, &mirror.source))
        .collect();
    if !registry.blocked {
        let origin =
            RegistryEndpoint { tls: tls(registry.insecure), ..RegistryEndpoint::origin(registry.source.clone()) };
        match &registry.location {
            Some(location) if subdomains || location != prefix => {
                endpoints.push(at(location, registry.insecure, Abilities::PULL, &registry.source));
                // What is pushed goes where the name says.
                endpoints.push(RegistryEndpoint { may: Abilities::PUSH, ..origin });
            }
            _ => endpoints.push(origin),
        }
    }
    Rule { blocked: registry.blocked, ..Rule::new(scope.clone(), endpoints, registry.source.clone()) }
}

fn elsewhere(location: &HostPath) -> EndpointBase {
    let (scheme, host) = match location.host.as_str() {
        DEFAULT_INDEX => (Some(Scheme::Https), HUB),
        host => (None, host),
    };
    EndpointBase::At { scheme, host: host.to_owned(), path: String::new(), whole_path: false, names_registry: false }
}

fn tls(insecure: bool) -> EndpointTls {
    EndpointTls { insecure, or_plain_http: insecure, ..EndpointTls::default() }
}

fn registry(table: &TomlTable<'_>) -> Result<(String, ConfiguredRegistry)> {
    let text = |key: &str| Ok::<_, crate::error::Error>(table.text(key)?.filter(|at| !at.value.is_empty()));
    let location = text("location")?;
    let prefix = match (text("prefix")?, &location) {
        (Some(prefix), Some(_)) => prefix,
        (Some(prefix), None) if prefix.value.starts_with("*.") => prefix,
        (Some(prefix), None) => {
            return Err(table.file.wrong(prefix.line, "a 'prefix' without 'location' must begin with '*.'"))
        }
        (None, Some(location)) => location.clone(),
        (None, None) => return Err(table.file.wrong(table.line, "the registry has neither 'prefix' nor 'location'")),
    };
    if table.has("pull-from-mirror") {
        return Err(table.file.wrong(table.line, "'pull-from-mirror' belongs to mirrors"));
    }
    let scope = scope(table, &prefix)?;
    let digest_only = table.flag("mirror-by-digest-only")?.unwrap_or(false);
    let mut wrong = None;
    let found = ConfiguredRegistry {
        location: match (&scope, location) {
            (Some(_), Some(at)) => host_path(table, "location", &at, &mut wrong)?,
            _ => None,
        },
        mirrors: mirrors(table, digest_only, &mut wrong)?,
        insecure: table.flag("insecure")?.unwrap_or(false),
        blocked: table.flag("blocked")?.unwrap_or(false),
        source: table.file.source(table.line),
        scope,
        wrong: wrong.map(Arc::new),
    };
    Ok((prefix.value.trim_end_matches('/').to_owned(), found))
}

fn mirrors(table: &TomlTable<'_>, digest_only: bool, wrong: &mut Option<Error>) -> Result<Vec<Mirror>> {
    let listed = table.tables("mirror")?;
    if let Some(first) = listed.get(MOST_ENDPOINTS) {
        return Err(table.file.too_many(first.line, format!("more than {MOST_ENDPOINTS} mirrors of one registry")));
    }
    listed.iter().filter_map(|table| mirror(table, digest_only, wrong).transpose()).collect()
}

fn mirror(table: &TomlTable<'_>, digest_only: bool, wrong: &mut Option<Error>) -> Result<Option<Mirror>> {
    let location = table.text("location")?.filter(|at| !at.value.is_empty());
    let location = location.ok_or_else(|| table.file.wrong(table.line, "the mirror has no 'location'"))?;
    let pull = table.text("pull-from-mirror")?.filter(|at| !at.value.is_empty());
    let may = match pull.as_ref().map(|at| (at.line, at.value.as_str())) {
        Some((line, _)) if digest_only => {
            let what = "'pull-from-mirror' and the registry's 'mirror-by-digest-only' exclude each other";
            return Err(table.file.wrong(line, what));
        }
        None if digest_only => Abilities::BY_DIGEST,
        None | Some((_, "all")) => Abilities::PULL,
        Some((_, "digest-only")) => Abilities::BY_DIGEST,
        Some((_, "tag-only")) => Abilities::BY_TAG,
        Some((line, _)) => {
            return Err(table.file.wrong(line, "'pull-from-mirror' must be all, digest-only or tag-only"))
        }
    };
    let (insecure, source) = (table.flag("insecure")?.unwrap_or(false), table.file.source(table.line));
    let location = host_path(table, "location", &location, wrong)?;
    Ok(location.map(|location| Mirror { location, insecure, may, source }))
}

/// The names that a prefix is for. One that ends in a tag or digest, or is not a name at all, is for none.
fn scope(table: &TomlTable<'_>, prefix: &WithLine<String>) -> Result<Option<(NameScope, HostPath)>> {
    if let Some(domain) = prefix.value.trim_end_matches('/').strip_prefix("*.") {
        let domain = host(domain).ok().filter(|domain| !domain.contains(':'));
        let domain =
            domain.ok_or_else(|| table.file.wrong(prefix.line, "a 'prefix' with '*' must be like *.example.com"))?;
        return Ok(Some((NameScope::Subdomains(domain), HostPath { host: String::new(), path: String::new() })));
    }
    if prefix.value.contains("://") {
        return Err(not_a_name(table, "prefix", prefix, "it is a URL"));
    }
    Ok(HostPath::of_names(&prefix.value).ok().map(|at| {
        let path = if at.path.is_empty() { String::new() } else { format!("/{}", at.path) };
        (NameScope::Prefix(format!("{}{path}", at.host)), at)
    }))
}

/// None: it is wrong in a way that matters only where it is asked for, as with the programs that read such files.
fn host_path(
    table: &TomlTable<'_>,
    key: &str,
    at: &WithLine<String>,
    wrong: &mut Option<Error>,
) -> Result<Option<HostPath>> {
    match HostPath::of_names(&at.value).map_err(|why| not_a_name(table, key, at, &why)) {
        Ok(found) => Ok(Some(found)),
        Err(error) if at.value.contains("://") => Err(error),
        Err(error) => {
            wrong.get_or_insert(error);
            Ok(None)
        }
    }
}

fn not_a_name(table: &TomlTable<'_>, key: &str, at: &WithLine<String>, why: &str) -> Error {
    table.file.wrong(at.line, format!("'{key}': {why}"))
}

/// Two entries for one location must agree about how it is reached: by location, or by prefix without one.
fn refuse_conflict(
    table: &TomlTable<'_>,
    known: &mut HashMap<String, (bool, bool)>,
    prefix: &str,
    registry: &ConfiguredRegistry,
) -> Result<()> {
    let location = table.text("location")?.map(|at| at.value.trim_end_matches('/').to_owned());
    let location = location.filter(|text| !text.is_empty()).unwrap_or_else(|| prefix.to_owned());
    let here = (registry.insecure, registry.blocked);
    let first = *known.entry(location.clone()).or_insert(here);
    let key = match (first.0 == here.0, first.1 == here.1) {
        (true, true) => return Ok(()),
        (false, _) => "insecure",
        _ => "blocked",
    };
    Err(table.file.wrong(table.line, format!("'{}' occurs twice, with a different '{key}'", quoted(&location))))
}

fn refuse_version_1(top: &TomlTable<'_>) -> Result<()> {
    let Some(old) = top.table("registries").ok().flatten() else { return Ok(()) };
    match ["search", "insecure", "block"].iter().any(|key| old.has(key)) {
        true => {
            let what = "this is version 1 of the format, which is no longer read: write [[registry]] tables instead";
            Err(top.file.wrong(old.line, what))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
