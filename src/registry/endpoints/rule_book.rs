//! All rules of a client: those of its hosts' options, and those of the machine's files.

use std::collections::HashMap;

use crate::error::{Code, Error, Result};
use crate::mirrors::{Abilities, Endpoint, EndpointBase, Rule, RuleSource, Rules};
use crate::reference::Index;
use crate::registry::host::{self, HostOptions};

/// What options say of one host.
#[derive(Clone)]
struct HostRule {
    mirrors: Vec<Endpoint>,
    only: bool,
}

/// The rules of a client. Options win over files, except over a prohibition.
#[derive(Clone, Default)]
pub(crate) struct RuleBook {
    options: HashMap<String, HostRule>,
    files: Rules,
}

/// Who is asked for a name.
#[derive(Debug)]
pub(crate) struct AskedEndpoints {
    pub(crate) endpoints: Vec<Endpoint>,
    /// Nothing may lead to the registry itself.
    pub(crate) shuns_origin: bool,
    /// Who forbids what none of these may be asked.
    pub(crate) blocked: Option<RuleSource>,
    pub(crate) source: RuleSource,
}

impl RuleBook {
    /// With the rules of more files, behind those that are there.
    pub(crate) fn add(&mut self, more: Rules) {
        self.files.0.extend(more.0);
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

    /// Who is asked for a repository of a registry, or for the registry (`name` is empty); None without a rule.
    pub(crate) fn of(&self, index: &Index, name: &str) -> Result<Option<AskedEndpoints>> {
        if self.options.is_empty() && self.files.0.is_empty() {
            return Ok(None);
        }
        let by_file = self.files.of_name(&join(&index.name, name));
        let blocked = by_file.filter(|rule| rule.blocked).map(|rule| rule.source.clone());
        if let (Some(source), true) = (&blocked, by_file.is_some_and(|rule| rule.endpoints.is_empty())) {
            return Err(blocked_by(&join(&index.name, name), source));
        }
        let Some(by_option) = self.options.get(&host::key(&index.name)) else {
            return Ok(by_file.map(|rule| AskedEndpoints {
                endpoints: rule.endpoints.clone(),
                shuns_origin: false,
                blocked,
                source: rule.source.clone(),
            }));
        };
        Ok(Some(AskedEndpoints { blocked, ..by_option.joined(index, by_file) }))
    }
}

impl HostRule {
    /// The mirrors of the options, else those of the file's rule; and then the registry itself, as that rule reaches it.
    fn joined(&self, index: &Index, by_file: Option<&Rule>) -> AskedEndpoints {
        let filed = || by_file.into_iter().flat_map(|rule| rule.endpoints.iter().cloned());
        let mut endpoints: Vec<Endpoint> = match self.mirrors.is_empty() {
            true if by_file.is_some() => filed().collect(),
            true => vec![origin()],
            false => {
                let itself = filed().find(|endpoint| endpoint.base == EndpointBase::Origin).unwrap_or_else(origin);
                self.mirrors.iter().cloned().chain([itself]).collect()
            }
        };
        if self.only || by_file.is_some_and(|rule| rule.blocked) {
            endpoints.retain(|endpoint| !leads_to(endpoint, index));
        }
        let option = if self.mirrors.is_empty() { "mirrors_only" } else { "mirrors" };
        AskedEndpoints { endpoints, shuns_origin: self.only, blocked: None, source: RuleSource::Option(option) }
    }
}

/// The error for what the machine's owner forbids.
pub(super) fn blocked_by(name: &str, source: &RuleSource) -> Error {
    Error::new(Code::Forbidden, format!("{name} is blocked by {source}"))
}

/// The registry itself.
pub(super) fn origin() -> Endpoint {
    Endpoint { may: Abilities::ALL, ..Endpoint::new(EndpointBase::Origin, RuleSource::Option("mirrors")) }
}

fn leads_to(endpoint: &Endpoint, index: &Index) -> bool {
    match &endpoint.base {
        EndpointBase::Origin => true,
        EndpointBase::At { host, .. } => host::key(host) == host::key(&index.name),
    }
}

fn join(host: &str, name: &str) -> String {
    match name {
        "" => host.to_owned(),
        name => format!("{host}/{name}"),
    }
}
