//! All rules of a client: those of its hosts' options, and those of the machine's files.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use crate::error::{Code, Error, Result};
use crate::machine::Machine;
use crate::mirrors::{Abilities, EndpointBase, RegistryEndpoint, Rule, RuleSource, Rules, ShortNames, Unreadable};
use crate::reference::Index;
use crate::registry::host::{self, HostOptions};

/// What options say of one host.
#[derive(Clone)]
struct HostRule {
    mirrors: Vec<RegistryEndpoint>,
    only: bool,
}

/// The rules of a client. Options win over files, except over a prohibition.
#[derive(Clone, Default)]
pub(crate) struct RuleBook {
    options: HashMap<String, HostRule>,
    /// What the machine's files say, all of them read at one time; None: they were not needed yet.
    files: Option<Arc<Machine>>,
    /// A name was asked for whose file is broken: it may be right by the next call.
    was_wrong: Arc<AtomicBool>,
}

/// The endpoints that are asked for a name.
#[derive(Debug)]
pub(crate) struct AskedEndpoints {
    pub(crate) endpoints: Vec<RegistryEndpoint>,
    /// Nothing may lead to the registry itself.
    pub(crate) blocks_origin: bool,
    /// The rule that forbids what none of these may be asked.
    pub(crate) blocked: Option<RuleSource>,
    /// Why what none of these may be asked is not read.
    pub(crate) unreadable: Option<Unreadable>,
    pub(crate) source: RuleSource,
}

/// An endpoint for display.
pub(super) struct ShownEndpoint {
    pub(super) endpoint: RegistryEndpoint,
    /// The rule that forbids to ask it.
    pub(super) blocked: Option<RuleSource>,
    /// Whether a rule names it.
    pub(super) is_ruled: bool,
}

impl RuleBook {
    /// Whether the files are to be read, or to be read again.
    pub(crate) fn is_outdated(&self) -> bool {
        self.files.is_none() || self.was_wrong.load(Ordering::Relaxed)
    }

    /// With what the files say now.
    pub(crate) fn renew(&mut self, files: Machine) {
        (self.files, self.was_wrong) = (Some(Arc::new(files)), Arc::default());
    }

    /// What short names are by the files.
    pub(crate) fn short_names(&self) -> &ShortNames {
        static NONE: LazyLock<ShortNames> = LazyLock::new(ShortNames::default);
        self.files.as_ref().map_or(&NONE, |files| &files.short_names)
    }

    fn filed(&self) -> &Rules {
        static NONE: Rules = Rules(Vec::new());
        self.files.as_ref().map_or(&NONE, |files| &files.rules)
    }

    /// With the options of a host, which replace those that it had.
    pub(crate) fn set(&mut self, key: String, options: &HostOptions) {
        match options.has_rule() {
            true => {
                let rule = HostRule { mirrors: options.mirrors.0.clone(), only: options.mirrors_only };
                self.options.insert(key, rule);
            }
            false => drop(self.options.remove(&key)),
        }
    }

    /// The endpoints that are asked for a repository of a registry, or for the registry (`name` is empty); None without a rule.
    pub(crate) fn of(&self, index: &Index, name: &str) -> Result<Option<AskedEndpoints>> {
        match self.said(index, name)? {
            Some(AskedEndpoints { blocked: Some(source), endpoints, .. }) if endpoints.is_empty() => {
                Err(blocked_by(&join(&index.name, name), &source))
            }
            Some(asked) => self.without_blocked(asked, index, name).map(Some),
            // Its host may have another name that is blocked.
            None => match self.block(&origin(), index, name) {
                Some(source) => Err(blocked_by(&join(&index.name, name), source)),
                None => Ok(None),
            },
        }
    }

    /// The endpoints that would be asked, and those that are blocked with the rule that says so; for display. Whether nothing may lead to the registry itself.
    pub(super) fn shown(&self, index: &Index, name: &str) -> Result<(Vec<ShownEndpoint>, bool)> {
        let Some(asked) = self.said(index, name)? else {
            let blocked = self.block(&origin(), index, name).cloned();
            return Ok((vec![ShownEndpoint { endpoint: origin(), blocked, is_ruled: false }], false));
        };
        let shown = |endpoint: RegistryEndpoint| {
            let blocked = self.block(&endpoint, index, name).cloned();
            ShownEndpoint { endpoint, blocked, is_ruled: true }
        };
        let has_registry = asked.registry().is_some();
        let mut all: Vec<ShownEndpoint> = asked.endpoints.into_iter().map(shown).collect();
        if let Some(source) = asked.blocked.filter(|_| !has_registry) {
            let endpoint = RegistryEndpoint::origin(source.clone());
            all.push(ShownEndpoint { endpoint, blocked: Some(source), is_ruled: true });
        }
        Ok((all, asked.blocks_origin))
    }

    /// The rule that forbids to ask an endpoint for a repository: a file that blocks the name that it has there, or the options of the host that the
    /// endpoint is on, whatever leads there.
    fn block(&self, endpoint: &RegistryEndpoint, index: &Index, name: &str) -> Option<&RuleSource> {
        static ONLY: RuleSource = RuleSource::Option("mirrors_only");
        self.filed()
            .block(endpoint, index, name)
            .or_else(|| self.is_only_by_mirrors(endpoint.host(index)).then_some(&ONLY))
    }

    /// Whether options say that a host is not asked, at one of its usual ports too.
    fn is_only_by_mirrors(&self, host: &str) -> bool {
        let key = host::key(host);
        let only = |key: &str| self.options.get(key).is_some_and(|rule| rule.only);
        only(&key) || key.strip_suffix(":80").is_some_and(only)
    }

    /// Without those that a rule forbids.
    fn without_blocked(&self, mut asked: AskedEndpoints, index: &Index, name: &str) -> Result<AskedEndpoints> {
        let mut by = None;
        asked.endpoints.retain(|endpoint| {
            let block = self.block(endpoint, index, name);
            by = by.or(block);
            block.is_none()
        });
        match by {
            Some(source) if asked.endpoints.is_empty() => Err(blocked_by(&join(&index.name, name), source)),
            _ => Ok(asked),
        }
    }

    fn option_of(&self, index: &Index) -> Option<&HostRule> {
        index.keys_asked().iter().find_map(|key| self.options.get(key))
    }

    /// What the rules say, whatever is blocked elsewhere.
    fn said(&self, index: &Index, name: &str) -> Result<Option<AskedEndpoints>> {
        if self.options.is_empty() && self.filed().0.is_empty() {
            return Ok(None);
        }
        let by_file = self.filed().of_name(&join(&index.name, name));
        if let Some(error) = by_file.and_then(|rule| rule.wrong.as_ref()) {
            self.was_wrong.store(true, Ordering::Relaxed);
            return Err(Error::new(error.code(), error.message()));
        }
        let blocked = by_file.filter(|rule| rule.blocked).map(|rule| rule.source.clone());
        // Then options do not matter either.
        let is_blocked_for_all = blocked.is_some() && by_file.is_some_and(|rule| rule.endpoints.is_empty());
        let Some(by_option) = self.option_of(index).filter(|_| !is_blocked_for_all) else {
            return Ok(by_file.map(|rule| AskedEndpoints {
                endpoints: rule.endpoints.clone(),
                blocks_origin: rule.blocked && !rule.endpoints.iter().any(|endpoint| leads_to(endpoint, index)),
                blocked,
                unreadable: rule.unreadable.clone(),
                source: rule.source.clone(),
            }));
        };
        Ok(Some(AskedEndpoints { blocked, ..by_option.joined(index, by_file) }))
    }
}

impl AskedEndpoints {
    /// The registry itself, as it takes the most.
    pub(super) fn registry(&self) -> Option<&RegistryEndpoint> {
        let itself = || self.endpoints.iter().filter(|endpoint| endpoint.is_registry());
        itself().find(|endpoint| endpoint.may.push).or(itself().next())
    }

    /// Why the registry itself is not asked, if a rule forbids it.
    pub(super) fn forbidden(&self, registry: &str) -> Option<String> {
        match &self.blocked {
            _ if self.registry().is_some() => None,
            Some(source) => Some(format!("{registry} itself is blocked by {source}")),
            None => {
                self.blocks_origin.then(|| format!("{} allows only the mirrors of {registry} to be asked", self.source))
            }
        }
    }

    /// Where is written: the first that takes it, else the registry itself.
    pub(super) fn writer(&self) -> Option<&RegistryEndpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.may.push).or(self.registry())
    }
}

impl HostRule {
    /// The mirrors of the options, else those of the file's rule; and then the registry itself, or what that rule has in its place.
    fn joined(&self, index: &Index, by_file: Option<&Rule>) -> AskedEndpoints {
        let blocked = by_file.is_some_and(|rule| rule.blocked);
        let filed = match (by_file, self.mirrors.is_empty()) {
            (Some(rule), true) => rule.endpoints.clone(),
            (Some(rule), false) if rule.blocked => Vec::new(),
            (Some(rule), false) if rule.unreadable.as_ref().is_some_and(|it| it.is_by_mirrors) => {
                let itself = |endpoint: &RegistryEndpoint| RegistryEndpoint { may: Abilities::ALL, ..endpoint.clone() };
                rule.endpoints.iter().map(itself).collect()
            }
            (Some(rule), false) => without_mirrors(&rule.endpoints).to_vec(),
            (None, _) => vec![origin()],
        };
        let mut endpoints: Vec<RegistryEndpoint> = self.mirrors.iter().cloned().chain(filed).collect();
        if self.only || blocked {
            endpoints.retain(|endpoint| !leads_to(endpoint, index));
        }
        let unreadable = by_file.and_then(|rule| rule.unreadable.clone());
        let unreadable = unreadable.filter(|it| self.mirrors.is_empty() || !it.is_by_mirrors);
        let option = if self.only || self.mirrors.is_empty() { "mirrors_only" } else { "mirrors" };
        let source = RuleSource::Option(option);
        AskedEndpoints { endpoints, blocks_origin: self.only || blocked, blocked: None, unreadable, source }
    }
}

/// What a rule has last: the registry, or what it has in its place to read from and to write to.
fn without_mirrors(endpoints: &[RegistryEndpoint]) -> &[RegistryEndpoint] {
    let takes_only = endpoints.last().is_some_and(|last| last.may == Abilities::PUSH);
    &endpoints[endpoints.len().saturating_sub(if takes_only { 2 } else { 1 })..]
}

/// The error for what the machine's owner forbids.
pub(super) fn blocked_by(name: &str, source: &RuleSource) -> Error {
    Error::new(Code::Forbidden, format!("{name} is blocked by {source}"))
}

/// The registry itself.
pub(super) fn origin() -> RegistryEndpoint {
    RegistryEndpoint::origin(RuleSource::Option("mirrors"))
}

fn leads_to(endpoint: &RegistryEndpoint, index: &Index) -> bool {
    match &endpoint.base {
        EndpointBase::Origin => true,
        EndpointBase::At { host, .. } => {
            host::key(host) == host::key(&index.name) || endpoint.registry_there(index).key() == index.key()
        }
    }
}

fn join(host: &str, name: &str) -> String {
    match name {
        "" => host.to_owned(),
        name => format!("{host}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirrors::hosts_toml::{self, HostFolder};
    use crate::mirrors::{registries_yaml, EndpointKey, NameScope, RegistriesConf};
    use crate::reference::Repository;
    use serde_json::json;
    use std::collections::HashSet;

    fn filed(rules: Vec<Vec<Rule>>) -> Machine {
        Machine { rules: Rules(rules), ..Machine::default() }
    }

    /// The endpoints of reg.example/a, with a registries.conf and with options.
    fn asked(text: &str, options: serde_json::Value) -> AskedEndpoints {
        let mut book = RuleBook::default();
        book.renew(filed(vec![RegistriesConf::parse("f", text).unwrap().rules()]));
        let options: HostOptions = serde_json::from_value(options).unwrap();
        book.set("reg.example".to_owned(), &options);
        book.of(&Index::parse("reg.example").unwrap(), "a").unwrap().unwrap()
    }

    fn keys(asked: &AskedEndpoints) -> Vec<EndpointKey> {
        let index = Index::parse("reg.example").unwrap();
        asked.endpoints.iter().map(|endpoint| endpoint.key(&index)).collect()
    }

    const CACHE: &str = "[[registry]]\nlocation = \"reg.example\"\n[[registry.mirror]]\nlocation = \"reg.example/cache\"\ninsecure = true\n";

    #[test]
    fn a_mirror_on_the_same_host_is_not_the_registry() {
        let asked = asked(CACHE, json!({}));
        let itself = asked.registry().unwrap();
        assert!(itself.may.push && !itself.tls.insecure && std::ptr::eq(itself, asked.writer().unwrap()));
        let keys = keys(&asked);
        assert!(keys.len() == 2 && keys[0] != keys[1]);
        // The same endpoint, first as its own mirror.
        let twice = CACHE.replace("/cache", "");
        assert!(!self::asked(&twice, json!({})).registry().unwrap().tls.insecure);
    }

    #[test]
    fn places_on_one_host_have_names_of_their_own() {
        let mirrors = json!(["reg.example/proxy", "m.example/a", "m.example/b", "http://m.example/a", "m.example"]);
        let keys = keys(&asked(CACHE, json!({"mirrors": mirrors})));
        assert!(keys.iter().all(|key| matches!(key.host(), "reg.example" | "m.example")));
        assert_eq!((keys.len(), keys.iter().collect::<HashSet<_>>().len()), (6, 6));
    }

    #[test]
    fn the_mirrors_of_options_come_instead_of_a_files_and_nothing_else_does() {
        let option = json!({"mirrors": ["m.example"]});
        let hosts =
            |asked: &AskedEndpoints| -> Vec<String> { keys(asked).iter().map(|key| key.host().to_owned()).collect() };
        assert_eq!(hosts(&asked(CACHE, option.clone())), ["m.example", "reg.example"]);
        // It is elsewhere, and what is pushed goes where its name says.
        let elsewhere = "[[registry]]\nprefix = \"reg.example\"\nlocation = \"new.example\"\n[[registry.mirror]]\nlocation = \"n.example\"\n";
        let all = asked(elsewhere, option.clone());
        assert_eq!(hosts(&all), ["m.example", "new.example", "reg.example"]);
        assert_eq!(all.writer().unwrap().may, Abilities::PUSH);
        assert_eq!(hosts(&asked(elsewhere, json!({}))), ["n.example", "new.example", "reg.example"]);
        let blocked =
            "[[registry]]\nlocation = \"reg.example\"\nblocked = true\n[[registry.mirror]]\nlocation = \"n.example\"\n";
        assert_eq!(hosts(&asked(blocked, option)), ["m.example"]);
    }

    /// What stands in the way of a name with a port is the file's mirrors, not those of the options.
    #[test]
    fn the_mirrors_of_options_are_for_a_name_with_a_port_too() {
        let of = |more: &str, options: serde_json::Value| {
            let text = format!("[[registry]]\nprefix = \"*.example\"\n{more}");
            let mut book = RuleBook::default();
            book.renew(filed(vec![RegistriesConf::parse("f", &text).unwrap().rules()]));
            book.set("reg.example:5000".to_owned(), &serde_json::from_value(options).unwrap());
            let asked = book.of(&Index::parse("reg.example:5000").unwrap(), "a").unwrap().unwrap();
            let reads: Vec<bool> = asked.endpoints.iter().map(|endpoint| endpoint.may.by_digest).collect();
            (reads, asked.unreadable.is_some(), asked.writer().is_some_and(RegistryEndpoint::is_registry))
        };
        let (mirror, location) = ("[[registry.mirror]]\nlocation = \"m.io\"\n", "location = \"n.io\"\n");
        let option = json!({"mirrors": ["m.example"]});
        assert_eq!(of(mirror, json!({})), (vec![false], true, true));
        assert_eq!(of(mirror, option.clone()), (vec![true, true], false, true));
        assert_eq!(of(location, option), (vec![true, false], true, true));
    }

    #[test]
    fn nothing_leads_to_what_is_blocked() {
        let text =
            "[[registry]]\nlocation = \"reg.example\"\nblocked = true\n[[registry.mirror]]\nlocation = \"m.example\"\n";
        let asked = asked(text, json!({}));
        assert!(asked.blocks_origin && asked.registry().is_none() && asked.writer().is_none());
    }
    /// Where each name leads according to files in the formats that have rules; what is blocked there.
    #[test]
    fn what_another_name_leads_to_is_no_less_blocked() {
        let conf = |text: &str| RegistriesConf::parse("r.conf", text).unwrap().rules();
        let blocks = ["b.io/team/secret", "evil.io", "docker.io/library", "harbor.io/proxy"]
            .map(|location| format!("[[registry]]\nlocation = \"{location}\"\nblocked = true\n"));
        let moved = "[[registry]]\nprefix = \"a.io\"\nlocation = \"b.io/team\"\n";
        let mirror =
            |at: &str| format!("[[registry]]\nlocation = \"a.io\"\n[[registry.mirror]]\nlocation = \"{at}\"\n");
        let k3s = |text: &str| registries_yaml::parse("r.yaml", &format!("mirrors: {{a.io: {text}}}")).unwrap();
        let scope = NameScope::Prefix("a.io".into());
        let containerd =
            |text: &str| vec![hosts_toml::parse(HostFolder { path: "/c", scope: &scope }, "h.toml", text).unwrap()];
        for (rules, options, name, wanted) in [
            (conf(moved), json!({}), "a.io/x", "b.io a.io"),
            // Only where it is written to it is not blocked.
            (conf(moved), json!({}), "a.io/secret/x", "a.io"),
            (conf(&mirror("b.io")), json!({}), "a.io/team/secret/x", "a.io"),
            (conf(&mirror("b.io/team")), json!({}), "a.io/secret", "a.io"),
            (conf(&mirror("b.io/team/secret")), json!({}), "a.io/x", "a.io"),
            (conf(&mirror("evil.io:443")), json!({}), "a.io/x", "a.io"),
            (conf(&mirror("registry-1.docker.io")), json!({}), "a.io/library/x", "a.io"),
            (k3s("{endpoint: [https://b.io], rewrite: {'^x/': team/secret/}}"), json!({}), "a.io/x/y", "a.io"),
            (k3s("{endpoint: [https://b.io], rewrite: {'^x/': team/secret/}}"), json!({}), "a.io/y", "b.io a.io"),
            (containerd("[host.'https://registry-1.docker.io']\n"), json!({}), "a.io/library/x", "a.io"),
            (containerd("[host.'https://harbor.io/v2/proxy']\noverride_path = true\n"), json!({}), "a.io/x", "a.io"),
            (Vec::new(), json!({"mirrors": ["evil.io", "b.io/team"]}), "a.io/x", "b.io a.io"),
            (Vec::new(), json!({"mirrors": ["evil.io", "b.io/team"]}), "a.io/secret/x", "a.io"),
            (Vec::new(), json!({"mirrors": ["evil.io"], "mirrors_only": true}), "a.io/x", "refused"),
            (Vec::new(), json!({}), "registry-1.docker.io/library/x", "refused"),
            (Vec::new(), json!({}), "registry-1.docker.io/x", "none"),
        ] {
            let mut book = RuleBook::default();
            book.renew(filed(vec![conf(&blocks.concat()), rules]));
            let name = Repository::parse(name, None).unwrap();
            if options != json!({}) {
                book.set("a.io".to_owned(), &serde_json::from_value(options).unwrap());
            }
            let found = match book.of(name.index(), name.remote_name()) {
                Ok(Some(asked)) => {
                    asked.endpoints.iter().map(|one| one.host(name.index())).collect::<Vec<_>>().join(" ")
                }
                Ok(None) => "none".to_owned(),
                Err(error) if error.code() == Code::Forbidden && error.message().contains("blocked by r.conf:") => {
                    "refused".to_owned()
                }
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found, wanted, "{}", name.full_name());
        }
    }
}
