//! Rules: which endpoints are asked for which names.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::endpoint::RegistryEndpoint;
use super::rule_source::RuleSource;
use crate::docker_hub;
use crate::error::Error;
use crate::reference::host_spelling::compared;
use crate::reference::Index;
#[cfg(test)]
use crate::reference::Repository;

/// The names that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameScope {
    /// `HOST[:PORT][/COMPONENT…]`: this host, or these repositories of it.
    Prefix(String),
    /// All hosts below a domain, with a port or without: `*.example.com`, which is written without `*.`.
    Subdomains(String),
    /// Those of them that have a port other than 443, which is the host without one.
    PortsOfSubdomains(String),
    /// All hosts that are addresses of a network (Docker's insecure-registries).
    Network(ipnet::IpNet),
    /// All registries for which no other rule is.
    Everything,
}

/// Which endpoints are asked for the names of a scope.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) scope: NameScope,
    /// In order. The registry itself is asked only if it is among them.
    pub(crate) endpoints: Vec<RegistryEndpoint>,
    /// The machine's owner forbids the registry itself: what no endpoint may be asked is refused, writes as well.
    pub(crate) blocked: bool,
    /// No endpoint is asked: the configuration cannot be read.
    pub(crate) wrong: Option<Arc<Error>>,
    pub(crate) unreadable: Option<Unreadable>,
    pub(crate) source: RuleSource,
}

/// Why what no endpoint of a rule may be asked is not read.
#[derive(Debug, Clone)]
pub(crate) struct Unreadable {
    pub(crate) why: Arc<Error>,
    /// Only the rule's mirrors stand in the way: not where others come in their place.
    pub(crate) is_by_mirrors: bool,
}

impl Rule {
    /// A rule that says where to ask; others block, or say what is wrong.
    pub(crate) fn new(scope: NameScope, endpoints: Vec<RegistryEndpoint>, source: RuleSource) -> Rule {
        let scope = match scope {
            NameScope::Prefix(name) => NameScope::Prefix(plain(&name).into_owned()),
            scope => scope,
        };
        Rule { scope, endpoints, blocked: false, wrong: None, unreadable: None, source }
    }
}

/// All rules of a client, by where they come from: those of the caller's options, of one file or of one folder. The first that has a rule
/// for a name says everything about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules(pub(crate) Vec<Vec<Rule>>);

impl Rules {
    #[cfg(test)]
    pub(crate) fn of(&self, repository: &Repository) -> Option<&Rule> {
        self.of_name(&format!("{}/{}", repository.index().name, repository.remote_name()))
    }

    /// The rule for a name, `HOST[:PORT]/REPOSITORY` or a registry: of the first group that has one the longest scope, of equal ones
    /// the first.
    pub(crate) fn of_name(&self, name: &str) -> Option<&Rule> {
        let name = &*plain(name);
        self.0.iter().find_map(|group| longest(group, name))
    }

    /// The rule that forbids what a repository of a registry is at an endpoint, if there is one: what another name leads to (a mirror, a
    /// location, a rewritten name) is as forbidden as what is named.
    pub(crate) fn block(&self, endpoint: &RegistryEndpoint, index: &Index, repository: &str) -> Option<&RuleSource> {
        let there = endpoint.full_name(index, repository)?;
        self.of_name(&there).filter(|rule| rule.blocked).map(|rule| &rule.source)
    }
}

impl Rules {
    /// Only what they block, and what of that may be asked all the same: without the endpoints. Nothing where nothing is blocked.
    pub(super) fn of_blocks(&self) -> Rules {
        if !self.0.iter().flatten().any(|rule| rule.blocked) {
            return Rules::default();
        }
        let bare = |rule: &Rule| Rule {
            blocked: rule.blocked,
            ..Rule::new(rule.scope.clone(), Vec::new(), rule.source.clone())
        };
        Rules(self.0.iter().map(|group| group.iter().map(bare).collect()).collect())
    }

    /// The rule that forbids a whole host, `HOST[:PORT]`, if there is one: not where a part of it may be asked.
    pub(super) fn block_of_host(&self, host: &str) -> Option<&RuleSource> {
        let rule = self.of_name(host).filter(|rule| rule.blocked)?;
        let is_open = |rule: &Rule| match &rule.scope {
            NameScope::Prefix(name) if is_below(name, host) => self.of_name(name).is_some_and(|rule| !rule.blocked),
            _ => false,
        };
        (!self.0.iter().flatten().any(is_open)).then_some(&rule.source)
    }
}

/// Whether a name is of a repository, or of some, of a host or of the same one at another port.
fn is_below(name: &str, host: &str) -> bool {
    bare(name).strip_prefix(&bare(host)).is_some_and(|rest| rest.starts_with('/'))
}

/// The rule of a group for a name: the one with the longest scope, of equal ones the first.
fn longest<'a>(group: &'a [Rule], name: &str) -> Option<&'a Rule> {
    let fitting = group.iter().filter_map(|rule| Some((rule.length_in(name)?, rule)));
    // max_by_key gives the last of equal ones.
    fitting.rev().max_by_key(|(length, _)| *length).map(|(_, rule)| rule)
}

/// With the one spelling of the host: what is blocked is not to be had by another.
fn plain(name: &str) -> Cow<'_, str> {
    let (host, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    match compared(host) {
        same if same == host => Cow::Borrowed(name),
        other => Cow::Owned(format!("{other}{rest}")),
    }
}

impl Rule {
    /// How long a part of a name it is for. What is blocked is blocked on each port, as containers' own reader does it, and under each
    /// name of its server.
    fn length_in(&self, name: &str) -> Option<usize> {
        let fits = self.scope.length_in(name);
        match self.blocked {
            true => fits.or_else(|| self.scope.length_in(&bare(name))).or_else(|| {
                let ported = with_usual_port(name)?;
                self.scope.length_in(&ported).map(|length| length.saturating_sub(USUAL_PORT.len() + 1))
            }),
            false => fits,
        }
    }
}

/// The port of https.
const USUAL_PORT: &str = ":443";

/// A name with that port, if it has none: it is the same host then.
fn with_usual_port(name: &str) -> Option<String> {
    let (host, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    (bare(host) == host).then(|| format!("{host}{USUAL_PORT}{rest}"))
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').filter(|_| !host.ends_with(']')).map_or(host, |(host, _)| host)
}

/// A name without the port of its host; Docker Hub's servers have its name.
fn bare(name: &str) -> String {
    let (host, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    let host = without_port(host);
    let host = if docker_hub::HOSTS.contains(&host) { docker_hub::DEFAULT_INDEX } else { host };
    format!("{host}{rest}")
}

impl NameScope {
    /// How long a part of a name it fits; None: it does not.
    pub(super) fn length_in(&self, name: &str) -> Option<usize> {
        let host = name.split('/').next().unwrap_or_default();
        match self {
            NameScope::Prefix(prefix) => {
                let rest = name.strip_prefix(prefix.as_str())?;
                (rest.is_empty() || rest.starts_with('/')).then_some(prefix.len())
            }
            NameScope::Subdomains(domain) => {
                // On each port, as containers' own reader (refMatchingSubdomainPrefix) lets the host end at a colon: unlike a prefix, which
                // names one registry, this is for all that a domain has.
                let host = without_port(host);
                let below = host.strip_suffix(domain.as_str())?;
                // What containers' own reader compares is the length of the rule, not of the host.
                (below.len() > 1 && below.ends_with('.')).then_some(domain.len() + 2)
            }
            NameScope::PortsOfSubdomains(domain) => {
                let fits = NameScope::Subdomains(domain.clone()).length_in(host)?;
                (without_port(host) != host && !host.ends_with(USUAL_PORT)).then_some(fits)
            }
            NameScope::Network(network) => is_within(network, address(host)?).then_some(1),
            NameScope::Everything => Some(0),
        }
    }
}

/// The address that a host `HOST[:PORT]` is, if it is one, or always has (RFC 6761 6.3).
fn address(host: &str) -> Option<IpAddr> {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    match name? {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        name => name.parse().ok(),
    }
}

/// Whether a network has an address; one of IPv4 may be written as that of IPv6 which stands for it.
fn is_within(network: &ipnet::IpNet, address: IpAddr) -> bool {
    match (network, address) {
        (ipnet::IpNet::V6(mapped), IpAddr::V4(address)) if mapped.prefix_len() >= 96 => {
            mapped.contains(&address.to_ipv6_mapped())
        }
        _ => network.contains(&address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(scope: NameScope) -> Rule {
        Rule::new(scope, Vec::new(), RuleSource::Option("mirrors"))
    }

    #[test]
    fn the_longest_scope_says_it() {
        let prefix = |text: &str| rule(NameScope::Prefix(text.into()));
        let rules = Rules(vec![vec![
            rule(NameScope::Everything),
            rule(NameScope::Subdomains("example.com".into())),
            prefix("example.com"),
            prefix("example.com/team"),
            prefix("docker.io/library"),
            rule(NameScope::Network("10.0.0.0/8".parse().unwrap())),
        ]]);
        let found = |name: &str| rules.of(&Repository::parse(name, None).unwrap()).map(|rule| rule.scope.clone());
        assert_eq!(found("example.com/a/b"), Some(NameScope::Prefix("example.com".into())));
        assert_eq!(found("example.com/team/b"), Some(NameScope::Prefix("example.com/team".into())));
        assert_eq!(found("example.com/teams"), Some(NameScope::Prefix("example.com".into())));
        assert_eq!(found("a.example.com/b"), Some(NameScope::Subdomains("example.com".into())));
        assert_eq!(found("badexample.com/b"), Some(NameScope::Everything));
        assert_eq!(found("a.example.com:5000/b"), Some(NameScope::Subdomains("example.com".into())), "on each port");
        assert_eq!(found("example.com:5000/b"), Some(NameScope::Everything), "another port is another registry");
        assert_eq!(found("mongo"), Some(NameScope::Prefix("docker.io/library".into())));
        assert_eq!(found("user/mongo"), Some(NameScope::Everything));
        assert!(matches!(found("10.1.2.3:5000/a"), Some(NameScope::Network(_))));
        assert_eq!(found("11.1.2.3:5000/a"), Some(NameScope::Everything));
    }

    #[test]
    fn a_network_of_mapped_addresses_has_those_that_they_stand_for() {
        let has = |network: &str, host: &str| NameScope::Network(network.parse().unwrap()).length_in(host).is_some();
        for host in ["10.1.2.3:5000", "[::ffff:10.1.2.3]:5000"] {
            assert!(has("::ffff:10.0.0.0/104", plain(host).as_ref()), "{host}");
        }
        assert!(
            !has("::ffff:10.0.0.0/104", "11.1.2.3") && !has("::/0", "10.1.2.3") && has("fd00::/8", "[fd00::1]:5000")
        );
    }

    #[test]
    fn no_spelling_of_a_host_escapes_its_rule() {
        let blocked = |scope: NameScope| Rule { blocked: true, ..rule(scope) };
        let rules = Rules(vec![vec![
            blocked(NameScope::Prefix("evil.io".into())),
            blocked(NameScope::Subdomains("lab.example".into())),
            blocked(NameScope::Prefix("docker.io".into())),
            blocked(NameScope::Prefix("part.io/team/secret".into())),
            blocked(NameScope::Prefix("[0:0:0:0:0:0:0:1]:5000".into())),
            blocked(NameScope::Prefix("10.0.0.1".into())),
            blocked(NameScope::Prefix("ported.io:443".into())),
            blocked(NameScope::Prefix("half.io:443".into())),
            rule(NameScope::Prefix("half.io".into())),
            rule(NameScope::Prefix("quay.io".into())),
        ]]);
        let is_blocked = |name: &str| rules.of_name(name).is_some_and(|rule| rule.blocked);
        for name in [
            "evil.io/a",
            "Evil.IO/a",
            "evil.io./a",
            "evil.io:443/a",
            "EVIL.io.:443/a",
            "a.lab.example:5000/x",
            "evil.io",
            "docker.io/library/a",
            "Registry-1.docker.io/library/a",
            "registry-1.docker.io./a",
            "registry-1.docker.io:443/a",
            "index.docker.io:443/a",
            "part.io:443/team/secret/a",
            "Part.io./team/secret",
            "ported.io/a",
            "ported.io:443/a",
            "[::1]:5000/a",
            "[0:0::1]:05000/a",
            "[::ffff:10.0.0.1]:5000/a",
            "[::ffff:a00:1]/a",
        ] {
            assert!(is_blocked(name), "{name}");
        }
        assert!(!is_blocked("part.io:443/team/secrets") && !is_blocked("part.io/team"));
        assert!(!is_blocked("half.io/a") && is_blocked("half.io:443/a") && !is_blocked("ported.io:5000/a"));
        assert!(!is_blocked("notevil.io/a") && !is_blocked("lab.example/a") && !is_blocked("evil.io.example/a"));
        // Another port is another registry, unless it is about what is forbidden.
        assert!(rules.of_name("Quay.io/a").is_some() && rules.of_name("quay.io:444/a").is_none());
    }

    #[test]
    fn the_first_group_that_has_a_rule_says_it() {
        let prefix = |text: &str| NameScope::Prefix(text.into());
        let rules = Rules(vec![
            vec![rule(prefix("example.com"))],
            vec![rule(prefix("example.com/team")), rule(prefix("b.io"))],
        ]);
        let found = |name: &str| rules.of(&Repository::parse(name, None).unwrap()).map(|rule| rule.scope.clone());
        assert_eq!(found("example.com/team/a"), Some(prefix("example.com")));
        assert_eq!(found("b.io/a"), Some(prefix("b.io")));
        assert_eq!(found("c.io/a"), None);
    }
}
