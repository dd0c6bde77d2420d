//! k3s's registries.yaml (RKE2 has the same): mirrors with endpoints and rewrites, and how hosts are reached. k3s writes containerd's
//! hosts.toml from it; this follows its manual ("Private Registry Configuration") and what it writes, with these differences:
//!
//! - An endpoint that is not a URL is an error of the file, and so is a `rewrite` that is not an expression; there they are left out.
//! - Of several `rewrite` expressions that change a name, the first in the file counts; there any.
//! - `registry-1.docker.io` is Docker Hub, also as a name of `mirrors`; there another registry.
//! - `tls: {}` says nothing; there it makes a host that the mirrors of `*` are not for.
//! - `configs` of `*` are ignored: its login would be sent to any host that is named.
//! - An endpoint of a loopback host without a scheme is asked in what it speaks; there by http unless its port is 443.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use regex_lite::RegexBuilder;
use zeroize::Zeroizing;

use super::config_text::ConfigText;
use super::endpoint::{Abilities, EndpointBase, EndpointTls, RegistryEndpoint, HUB, MOST_ENDPOINTS};
use super::host_path::HostPath;
use super::rename::Rename;
use super::rule_source::RuleSource;
use super::rules::{NameScope, Rule};
use super::yaml::{self, YamlNode};
use crate::credentials::{decode_pair, Credentials};
use crate::error::Result;
use crate::reference::index::host;
use crate::reference::{Scheme, DEFAULT_INDEX};
use crate::text::shorten;

/// The longest expression, and the longest text instead of what it finds.
const LONGEST: usize = 1000;

/// How much memory an expression may take, compiled: each request runs through all of it.
const LARGEST: usize = 32 << 10;

/// How many expressions a registry may have.
const MOST_EXPRESSIONS: usize = 50;

/// The rules of a file.
pub(crate) fn parse(path: &str, text: &str) -> Result<Vec<Rule>> {
    let file = ConfigText::new(path, text);
    let Some(top) = yaml::parse(&file)? else { return Ok(Vec::new()) };
    let mut reader = RegistriesYaml { file: &file, configs: BTreeMap::new() };
    let find = |key: &str| -> Result<Option<&Rc<YamlNode>>> {
        Ok(top.entries(&file, "the file")?.iter().find(|(name, _)| name == key).map(|(_, node)| node))
    };
    if let Some(configs) = find("configs")? {
        for (name, node) in configs.entries(&file, "configs")? {
            let config = reader.config(node)?;
            // Hosts are the same in any case.
            reader.configs.insert(name.to_ascii_lowercase(), config);
        }
    }
    let mut rules = Vec::new();
    if let Some(mirrors) = find("mirrors")? {
        for (name, node) in mirrors.entries(&file, "mirrors")? {
            rules.push(reader.mirrors(name, node)?);
        }
    }
    let named: BTreeSet<NameScope> = rules.iter().map(|rule: &Rule| rule.scope.clone()).collect();
    for (name, config) in &reader.configs {
        let scope = reader.scope(name, config.source_line)?;
        if !named.contains(&scope) {
            let source = file.source(config.source_line);
            rules.push(Rule::new(scope, vec![reader.origin(name, &source)], source));
        }
    }
    // What says nothing is not a rule: it would hide the one for all registries.
    rules.retain(|rule| rule.endpoints.len() > 1 || rule.endpoints.iter().any(says_something));
    Ok(rules)
}

fn says_something(endpoint: &RegistryEndpoint) -> bool {
    endpoint.base != EndpointBase::Origin
        || endpoint.tls != EndpointTls::default()
        || endpoint.credentials.is_some()
        || !matches!(endpoint.rename, Rename::Keep)
}

/// How a host is reached.
#[derive(Default)]
struct HostConfig {
    tls: EndpointTls,
    credentials: Option<Credentials>,
    source_line: u32,
}

struct RegistriesYaml<'a> {
    file: &'a ConfigText<'a>,
    configs: BTreeMap<String, HostConfig>,
}

impl RegistriesYaml<'_> {
    fn scope(&self, name: &str, line: u32) -> Result<NameScope> {
        match name {
            "*" => Ok(NameScope::Everything),
            HUB => Ok(NameScope::Prefix(DEFAULT_INDEX.into())),
            name => host(name).map(NameScope::Prefix).map_err(|error| self.file.wrong(line, error.message())),
        }
    }

    /// The registry itself, which comes last.
    fn origin(&self, name: &str, source: &RuleSource) -> RegistryEndpoint {
        self.configured(RegistryEndpoint::origin(source.clone()), name)
    }

    fn configured(&self, endpoint: RegistryEndpoint, host: &str) -> RegistryEndpoint {
        let hub = [HUB, DEFAULT_INDEX];
        let names: &[&str] = if hub.contains(&host) { &hub } else { &[host] };
        match names.iter().filter(|name| **name != "*").find_map(|name| self.configs.get(*name)) {
            Some(config) => {
                RegistryEndpoint { tls: config.tls.clone(), credentials: config.credentials.clone(), ..endpoint }
            }
            None => endpoint,
        }
    }

    fn mirrors(&self, name: &str, node: &YamlNode) -> Result<Rule> {
        let source = self.file.source(node.line);
        let scope = self.scope(name, node.line)?;
        let (mut listed, mut rename) = (&[][..], Rename::Keep);
        for (key, node) in node.entries(self.file, name)? {
            match key.as_str() {
                "endpoint" => listed = node.values(self.file, key)?,
                "rewrite" => rename = self.rewrite(node)?,
                _ => {}
            }
        }
        let mut endpoints: Vec<RegistryEndpoint> = Vec::new();
        let mut own = None;
        if let Some(first) = listed.get(MOST_ENDPOINTS) {
            return Err(self
                .file
                .too_many(first.line, format!("more than {MOST_ENDPOINTS} endpoints of one registry")));
        }
        for (position, node) in listed.iter().enumerate() {
            let (base, host) = self.endpoint(node, &scope)?;
            let endpoint =
                RegistryEndpoint { rename: rename.clone(), ..RegistryEndpoint::new(base, self.file.source(node.line)) };
            let endpoint = self.configured(endpoint, &host).https_first();
            if endpoint.base == EndpointBase::Origin && position + 1 == listed.len() {
                own = Some(endpoint);
            } else if endpoints.iter().all(|known| known.base != endpoint.base) {
                endpoints.push(endpoint);
            }
        }
        match own {
            // It is listed last, and so also renamed.
            Some(last) => {
                let push = RegistryEndpoint { may: Abilities::PUSH, rename: Rename::Keep, ..last.clone() };
                match last.rename {
                    Rename::Keep => endpoints.push(RegistryEndpoint { may: Abilities::ALL, ..last }),
                    _ => endpoints.extend([last, push]),
                }
            }
            None => endpoints.push(self.origin(name, &source)),
        }
        Ok(Rule::new(scope, endpoints, source))
    }

    /// Where an endpoint is, and the host that `configs` may have something about.
    fn endpoint(&self, node: &YamlNode, scope: &NameScope) -> Result<(EndpointBase, String)> {
        let text = node.text(self.file, "endpoint")?;
        let (scheme, url) = match text.contains("://") {
            true => (None, text.to_owned()),
            false => (Some(()), format!("https://{text}")),
        };
        let wrong = |why: String| self.file.wrong(node.line, format!("the endpoint: {why}"));
        let (parsed, HostPath { host, path }) = HostPath::of_url(&url).map_err(wrong)?;
        let host = if host == DEFAULT_INDEX { HUB.to_owned() } else { host };
        let scheme = match scheme {
            Some(()) if is_loopback(&host) => None,
            _ => Some(parsed),
        };
        let whole_path = !matches!(path.as_str(), "" | "v2");
        let own = match scope {
            NameScope::Prefix(name) if name == DEFAULT_INDEX => host == HUB,
            NameScope::Prefix(name) => *name == host,
            _ => false,
        };
        if own && scheme == Some(Scheme::Https) && !whole_path {
            return Ok((EndpointBase::Origin, host));
        }
        let path = if whole_path { path } else { String::new() };
        Ok((EndpointBase::At { scheme, host: host.clone(), path, whole_path, names_registry: !own }, host))
    }

    fn rewrite(&self, node: &YamlNode) -> Result<Rename> {
        let listed = node.entries(self.file, "rewrite")?;
        if let Some((_, first)) = listed.get(MOST_EXPRESSIONS) {
            return Err(self
                .file
                .too_many(first.line, format!("more than {MOST_EXPRESSIONS} expressions of one registry")));
        }
        let mut expressions = Vec::new();
        for (from, node) in listed {
            let wrong = |why: String| self.file.wrong(node.line, format!("the expression '{}' {why}", shorten(from)));
            let to = node.text(self.file, "rewrite")?;
            if from.len().max(to.len()) > LONGEST {
                return Err(wrong(format!("or its replacement is longer than {LONGEST} bytes")));
            }
            let expression = RegexBuilder::new(from).size_limit(LARGEST).build();
            expressions.push((expression.map_err(|error| wrong(format!("is not valid: {error}")))?, to.to_owned()));
        }
        Ok(if expressions.is_empty() { Rename::Keep } else { Rename::Expressions(expressions) })
    }

    fn config(&self, node: &YamlNode) -> Result<HostConfig> {
        let mut found = HostConfig { source_line: node.line, ..HostConfig::default() };
        for (key, node) in node.entries(self.file, "configs")? {
            match key.as_str() {
                "tls" => found.tls = self.tls(node)?,
                "auth" => found.credentials = self.credentials(node)?,
                _ => {}
            }
        }
        Ok(found)
    }

    fn tls(&self, node: &YamlNode) -> Result<EndpointTls> {
        let mut tls = EndpointTls::default();
        let (mut cert, mut key_file) = (None, None);
        for (key, node) in node.entries(self.file, "tls")? {
            let text = || node.text(self.file, key).map(|text| (!text.is_empty()).then(|| text.to_owned()));
            match key.as_str() {
                "ca_file" => tls.ca_files.extend(text()?),
                "cert_file" => cert = text()?,
                "key_file" => key_file = text()?,
                "insecure_skip_verify" => tls.insecure = node.flag(self.file, key)?,
                _ => {}
            }
        }
        match (cert, key_file) {
            (Some(cert), key) => tls.client_certificates.push((cert, key)),
            (None, Some(_)) => return Err(self.file.wrong(node.line, "there is a 'key_file' without 'cert_file'")),
            (None, None) => {}
        }
        Ok(tls)
    }

    fn credentials(&self, node: &YamlNode) -> Result<Option<Credentials>> {
        let mut said = BTreeMap::new();
        for (key, node) in node.entries(self.file, "auth")? {
            if matches!(key.as_str(), "username" | "password" | "auth" | "identity_token") {
                said.insert(key.as_str(), Zeroizing::new(node.text(self.file, key)?.to_owned()));
            }
        }
        said.retain(|_, text| !text.is_empty());
        let password = |username: &str, password: &str| {
            let (username, password) = (username.to_owned(), Zeroizing::new(password.to_owned()));
            Some(Credentials::Password { username, password })
        };
        // containerd's order.
        match (said.get("username"), said.get("identity_token"), said.get("auth")) {
            (Some(name), _, _) => Ok(password(name, said.get("password").map_or("", |text| text.as_str()))),
            (None, Some(token), _) => Ok(Some(Credentials::IdentityToken { username: None, token: token.clone() })),
            (None, None, Some(auth)) => {
                let wrong = || self.file.wrong(node.line, "'auth' must be the base64 of USER:PASSWORD");
                let (name, secret) = decode_pair(auth).ok_or_else(wrong)?;
                Ok(password(&name, secret.trim_matches('\0')))
            }
            (None, None, None) => Ok(None),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host
        .strip_suffix(|c: char| c.is_ascii_digit())
        .map_or(host, |_| host.rsplit_once(':').map_or(host, |(name, _)| name));
    name == "localhost"
        || name == "[::1]"
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
