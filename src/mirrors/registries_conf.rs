//! containers-registries.conf(5), version 2: what podman, skopeo, buildah and CRI-O read. Written after that manual and the source of
//! containers/image (pkg/sysregistriesv2), with these differences:
//!
//! - A prefix `example.com` is not for `example.com:5000` (there it is, by mistake).
//! - What lists tags, referrers and repositories asks mirrors too; there only images are pulled from them.
//! - An image that is named by a tag may come from several places: the tag from where tags may be asked, and what has a digest from any
//!   place that may be asked for digests. There one place gives all of an image.
//! - A loopback host that is not insecure is asked by http if it does not speak TLS, as any; there it must.
//! - A registry that is blocked is blocked wherever its location leads; there only if the location is blocked by a prefix as well.
//! - A location that is not a registry's name is an error of the file; there each pull of its prefix fails.
//! - Version 1 is refused, as the current versions do.

use std::collections::{BTreeMap, HashMap};

use super::endpoint::{Abilities, EndpointBase, EndpointTls, RegistryEndpoint, HUB};
use super::place::HostPath;
use super::rename::Rename;
use super::rules::{longest, NameScope, Rule};
use super::short_names::ShortNames;
use super::source::RuleSource;
use super::tables::{self, At, TomlTable};
use super::text::ConfigText;
use crate::error::Result;
use crate::reference::index::host;
use crate::reference::quoted;
use crate::reference::{Scheme, DEFAULT_INDEX};

/// One file, or several merged.
#[derive(Debug, Default)]
pub(crate) struct RegistriesConf {
    /// By prefix.
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
}

#[derive(Debug)]
struct Mirror {
    location: HostPath,
    insecure: bool,
    may: Abilities,
    source: RuleSource,
}

impl RegistriesConf {
    /// Parses a file.
    pub(crate) fn parse(path: &str, text: &str) -> Result<RegistriesConf> {
        let file = ConfigText::new(path, text);
        let parsed = tables::parse(&file)?;
        let top = TomlTable::top(&file, &parsed);
        refuse_version_1(&top)?;
        let mut found = RegistriesConf { short_names: ShortNames::of(&top)?, ..RegistriesConf::default() };
        let mut known = HashMap::new();
        for table in top.tables("registry")? {
            let (prefix, registry) = registry(&table)?;
            refuse_conflict(&table, &mut known, &prefix, &registry)?;
            // The first of the same prefix counts.
            found.registries.entry(prefix).or_insert(registry);
        }
        Ok(found)
    }

    /// Takes what a later file says instead.
    pub(crate) fn merge(&mut self, over: RegistriesConf) {
        self.registries.extend(over.registries);
        self.short_names.merge(over.short_names);
    }

    /// What all of it means. A place that another rule blocks is not asked, be it a mirror or where a registry is said to be.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let all = self.rules_without(&|_| false);
        self.rules_without(&|place| longest(&all, &place.name()).is_some_and(|rule| rule.blocked))
    }

    fn rules_without(&self, is_blocked: &dyn Fn(&HostPath) -> bool) -> Vec<Rule> {
        let rule = |registry: &ConfiguredRegistry| Some(rule(registry, registry.scope.as_ref()?, is_blocked));
        self.registries.values().filter_map(rule).collect()
    }
}

fn rule(
    registry: &ConfiguredRegistry,
    (scope, prefix): &(NameScope, HostPath),
    is_blocked: &dyn Fn(&HostPath) -> bool,
) -> Rule {
    let subdomains = matches!(scope, NameScope::Subdomains(_));
    let rename = |to: &HostPath| Rename::Prefix { from: prefix.path.clone(), to: to.path.clone() };
    let at = |place: &HostPath, insecure: bool, may: Abilities, source: &RuleSource| {
        let own = !subdomains && place.host == prefix.host;
        let endpoint = RegistryEndpoint::new(if own { EndpointBase::Origin } else { elsewhere(place) }, source.clone());
        let rename = if own && place.path == prefix.path { Rename::Keep } else { rename(place) };
        RegistryEndpoint { rename, may, tls: tls(insecure), ..endpoint }
    };
    let mut endpoints: Vec<RegistryEndpoint> = registry
        .mirrors
        .iter()
        .filter(|mirror| !is_blocked(&mirror.location))
        .map(|mirror| at(&mirror.location, mirror.insecure, mirror.may, &mirror.source))
        .collect();
    if !registry.blocked {
        let origin = RegistryEndpoint {
            tls: tls(registry.insecure),
            may: Abilities::ALL,
            ..RegistryEndpoint::new(EndpointBase::Origin, registry.source.clone())
        };
        match &registry.location {
            Some(place) if subdomains || place != prefix => {
                if !is_blocked(place) {
                    endpoints.push(at(place, registry.insecure, Abilities::PULL, &registry.source));
                }
                // What is pushed goes where the name says.
                endpoints.push(RegistryEndpoint { may: Abilities::PUSH, ..origin });
            }
            _ => endpoints.push(origin),
        }
    }
    Rule { scope: scope.clone(), endpoints, blocked: registry.blocked, source: registry.source.clone() }
}

fn elsewhere(place: &HostPath) -> EndpointBase {
    let (scheme, host) = match place.host.as_str() {
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
    let found = ConfiguredRegistry {
        location: match (&scope, location) {
            (Some(_), Some(at)) => Some(place(table, "location", &at)?),
            _ => None,
        },
        mirrors: table
            .tables("mirror")?
            .iter()
            .map(|mirror| self::mirror(mirror, digest_only))
            .collect::<Result<_>>()?,
        insecure: table.flag("insecure")?.unwrap_or(false),
        blocked: table.flag("blocked")?.unwrap_or(false),
        source: table.file.source(table.line),
        scope,
    };
    Ok((prefix.value.trim_end_matches('/').to_owned(), found))
}

fn mirror(table: &TomlTable<'_>, digest_only: bool) -> Result<Mirror> {
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
    Ok(Mirror {
        location: place(table, "location", &location)?,
        insecure: table.flag("insecure")?.unwrap_or(false),
        may,
        source: table.file.source(table.line),
    })
}

/// The names that a prefix is for. One that ends in a tag or digest, or is not a name at all, is for none.
fn scope(table: &TomlTable<'_>, prefix: &At<String>) -> Result<Option<(NameScope, HostPath)>> {
    if let Some(domain) = prefix.value.trim_end_matches('/').strip_prefix("*.") {
        let domain = host(domain).ok().filter(|domain| !domain.contains(':'));
        let domain =
            domain.ok_or_else(|| table.file.wrong(prefix.line, "a 'prefix' with '*' must be like *.example.com"))?;
        return Ok(Some((NameScope::Subdomains(domain), HostPath { host: String::new(), path: String::new() })));
    }
    if prefix.value.contains("://") {
        place(table, "prefix", prefix)?;
    }
    Ok(HostPath::of_names(&prefix.value).ok().map(|place| {
        let path = if place.path.is_empty() { String::new() } else { format!("/{}", place.path) };
        (NameScope::Prefix(format!("{}{path}", place.host)), place)
    }))
}

fn place(table: &TomlTable<'_>, key: &str, at: &At<String>) -> Result<HostPath> {
    HostPath::of_names(&at.value).map_err(|why| table.file.wrong(at.line, format!("'{key}': {why}")))
}

/// Two entries for one location must agree about how it is reached: by location, or by prefix without one.
fn refuse_conflict(
    table: &TomlTable<'_>,
    known: &mut HashMap<String, (bool, bool)>,
    prefix: &str,
    registry: &ConfiguredRegistry,
) -> Result<()> {
    let location = table.text("location")?.map(|at| at.value.trim_end_matches('/').to_owned());
    let place = location.filter(|text| !text.is_empty()).unwrap_or_else(|| prefix.to_owned());
    let here = (registry.insecure, registry.blocked);
    let first = *known.entry(place.clone()).or_insert(here);
    let key = match (first.0 == here.0, first.1 == here.1) {
        (true, true) => return Ok(()),
        (false, _) => "insecure",
        _ => "blocked",
    };
    Err(table.file.wrong(table.line, format!("'{}' is there twice with a different '{key}'", quoted(&place))))
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
mod tests {
    use super::super::rules::Rules;
    use super::*;
    use crate::reference::Repository;

    fn parse(text: &str) -> Result<RegistriesConf> {
        RegistriesConf::parse("/r.conf", text)
    }

    /// What is asked for a name, in order: host, repository there, what it may be asked.
    fn asked(conf: &RegistriesConf, name: &str) -> Option<Vec<String>> {
        let repository = Repository::parse(name, None).unwrap();
        let rules = Rules(vec![conf.rules()]);
        let list = rules.of(&repository)?.endpoints.iter().map(|endpoint| {
            let host = match &endpoint.base {
                EndpointBase::Origin => "origin",
                EndpointBase::At { host, .. } => host,
            };
            let may = [(endpoint.may.by_digest, "d"), (endpoint.may.by_tag, "t"), (endpoint.may.push, "p")];
            let may: String = may.iter().filter(|(yes, _)| *yes).map(|(_, letter)| *letter).collect();
            let insecure = if endpoint.tls.insecure { " insecure" } else { "" };
            format!("{host}/{} {may}{insecure}", endpoint.rename.apply(repository.remote_name()).unwrap_or_default())
        });
        Some(list.collect())
    }

    #[test]
    fn mirrors_are_asked_in_order_and_the_location_last() {
        let conf = parse(
            "[[registry]]\nprefix = \"example.com/foo\"\nlocation = \"internal.example.com/bar/\"\ninsecure = true\n\
             [[registry.mirror]]\nlocation = \"m1.example.com:5000/x\"\npull-from-mirror = \"digest-only\"\n\
             [[registry.mirror]]\nlocation = \"m2.example.com\"\npull-from-mirror = \"tag-only\"\ninsecure = true\n\
             [[registry]]\nlocation = \"docker.io\"\nmirror-by-digest-only = true\n\
             [[registry.mirror]]\nlocation = \"docker.io/mirrored\"\n",
        );
        let conf = conf.unwrap();
        let wanted = [
            "m1.example.com:5000/x/a d",
            "m2.example.com/a t insecure",
            "internal.example.com/bar/a dt insecure",
            "origin/foo/a p insecure",
        ];
        assert_eq!(asked(&conf, "example.com/foo/a").unwrap(), wanted);
        assert_eq!(asked(&conf, "example.com/other/a"), None);
        assert_eq!(asked(&conf, "mongo").unwrap(), ["origin/mirrored/library/mongo d", "origin/library/mongo dtp"]);
    }

    #[test]
    fn subdomains_keep_the_whole_name() {
        let conf = parse(
            "[[registry]]\nprefix = \"*.example.com\"\n[[registry.mirror]]\nlocation = \"m.io/all\"\n\
             [[registry]]\nprefix = \"*.b.io\"\nlocation = \"docker.io/b\"",
        );
        let conf = conf.unwrap();
        assert_eq!(asked(&conf, "a.example.com/x/y").unwrap(), ["m.io/all/x/y dt", "origin/x/y dtp"]);
        assert_eq!(asked(&conf, "a.b.io/x").unwrap(), ["registry-1.docker.io/b/x dt", "origin/x p"]);
        assert_eq!(asked(&conf, "example.com/x"), None);
    }

    #[test]
    fn what_is_blocked_is_not_asked_as_a_mirror_either() {
        let conf = parse(
            "[[registry]]\nlocation = \"quay.io\"\nblocked = true\n[[registry.mirror]]\nlocation = \"m.io/quay\"\n\
             [[registry]]\nlocation = \"evil.io\"\nblocked = true\n\
             [[registry]]\nlocation = \"good.io\"\n[[registry.mirror]]\nlocation = \"evil.io/good\"\n",
        );
        let conf = conf.unwrap();
        assert_eq!(asked(&conf, "quay.io/a").unwrap(), ["m.io/quay/a dt"]);
        assert!(asked(&conf, "evil.io/a").unwrap().is_empty());
        assert_eq!(asked(&conf, "good.io/a").unwrap(), ["origin/a dtp"]);
        assert_eq!(conf.rules().iter().map(|rule| rule.blocked).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn later_files_replace_prefixes_searches_and_aliases() {
        let mut conf = parse(
            "unqualified-search-registries = [\"a.io\", \"b.io\"]\nshort-name-mode = \"enforcing\"\n\
             [aliases]\nfedora = \"registry.fedoraproject.org/fedora\"\ngone = \"x.io/gone\"\n\
             [[registry]]\nlocation = \"a.io\"\ninsecure = true\n[[registry]]\nlocation = \"b.io\"\n",
        );
        let later = "unqualified-search-registries = [\"c.io\"]\n[aliases]\ngone = \"\"\nmongo = \"docker.io/mongo\"\n\
                     [[registry]]\nlocation = \"a.io\"\n";
        let conf = conf.as_mut().unwrap();
        let several = conf.short_names.resolve("x/y").unwrap_err();
        assert!(several.message().contains("a.io, b.io") && several.hint().is_some(), "{several}");
        conf.merge(RegistriesConf::parse("/later.conf", later).unwrap());
        assert_eq!(asked(conf, "a.io/x").unwrap(), ["origin/x dtp"]);
        assert_eq!(asked(conf, "b.io/x").unwrap(), ["origin/x dtp"]);
        let resolved = |name: &str| {
            let (repository, source) = conf.short_names.resolve(name).unwrap();
            let RuleSource::File { path, line } = source else { panic!() };
            format!("{} {path}:{line}", repository.canonical_name())
        };
        assert_eq!(resolved("fedora"), "registry.fedoraproject.org/fedora /r.conf:4");
        assert_eq!(resolved("mongo"), "docker.io/mongo /later.conf:4");
        assert_eq!(resolved("gone"), "c.io/gone /later.conf:1");
        assert_eq!(conf.short_names.mode().as_str(), "enforcing");
        assert!(ShortNames::default().resolve("a").unwrap_err().message().contains("no registries to search"));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let registry = |rest: &str| format!("[[registry]]\nlocation = \"a.io\"\n{rest}");
        let mirror = |rest: &str| registry(&format!("[[registry.mirror]]\n{rest}"));
        for (text, line, what) in [
            (registry("insecure = \"yes\""), 3, "'insecure' must be true or false"),
            (registry("pull-from-mirror = \"all\""), 1, "belongs to mirrors"),
            (mirror("insecure = true"), 3, "no 'location'"),
            (mirror("location = \"https://m.io\""), 4, "URL"),
            (mirror("location = \"user:secret@m.io\""), 4, "'@'"),
            (mirror("location = \"m.io/../x\""), 4, "not a repository's name"),
            (mirror("location = \"m.io\"\npull-from-mirror = \"never\""), 5, "all, digest-only or tag-only"),
            (registry("mirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.io\"\npull-from-mirror = \"all\""), 6, "exclude"),
            (registry("[[registry]]\nlocation = \"a.io\"\nprefix = \"b.io\"\nblocked = true"), 3, "twice"),
            ("[[registry]]\nprefix = \"a.io\"".into(), 2, "must begin with '*.'"),
            ("[[registry]]\nprefix = \"*.a.io/x\"".into(), 2, "like *.example.com"),
            ("[[registry]]\nprefix = \"*.\"".into(), 2, "like *.example.com"),
            ("[[registry]]\ninsecure = true".into(), 1, "neither"),
            ("\n[registry]\nlocation = \"a.io\"".into(), 2, "[[registry]]"),
            ("[registries.search]\nregistries = [\"a.io\"]".into(), 1, "version 1"),
            ("short-name-mode = \"maybe\"".into(), 1, "short-name-mode"),
            ("unqualified-search-registries = [\"a.io/x\"]".into(), 1, "unqualified-search-registries"),
            ("[aliases]\n\"a.io/x\" = \"b.io/x\"".into(), 2, "without registry"),
            ("[aliases]\nx = \"b\"".into(), 2, "REGISTRY/NAME"),
            ("[aliases]\nx = \"b.io/x:tag\"".into(), 2, "REGISTRY/NAME"),
        ] {
            let said = parse(&text).unwrap_err().to_string();
            assert!(said.starts_with(&format!("/r.conf, line {line}: ")) && said.contains(what), "{text}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn what_no_name_has_and_what_nobody_knows_is_left_out() {
        let conf = parse(
            "credential-helpers = [\"pass\"]\nfuture = 1\n[[registry]]\nlocation = \"a.io/x:tag\"\n\
             [[registry]]\nlocation = \"word\"\n[[registry]]\nPrefix = \"b.io\"\nLocation = \"c.io\"\nodd = {}\n",
        );
        assert_eq!(conf.unwrap().rules().len(), 1);
        assert!(parse("").unwrap().rules().is_empty());
    }
}
