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

    /// Whether what is not read would be read at mirrors, and not at another place that stands for the registry.
    pub(super) fn is_unreadable_by_mirrors(&self) -> bool {
        self.unreadable.as_ref().is_some_and(|found| found.is_by_mirrors)
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
mod tests;
