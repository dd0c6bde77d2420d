//! containerd's hosts.toml (docs/hosts.md there): what stands in the folder of a registry below `certs.d`. Written after that manual and
//! the source (core/remotes/docker/config/hosts.go), with these differences:
//!
//! - A file that is broken is an error, for the names that it is for: the administrator learns of it at once; there it counts as not
//!   there.
//! - `[host]` tables in other forms (dotted keys, inline tables) count too; there only headers `[host."…"]` do.
//! - An `http://` host with `ca`, `client` or `skip_verify = false` is asked by http, as it says; there by https first. With
//!   `skip_verify = true` it is so here too.
//! - A host's URL has no query and no fragment: what would be asked is not what is written; there they are dropped.
//! - A pair of `client` whose second path is empty is one file with both, as the manual has it; there it cannot be read.
//! - `ca`, `client` and the values of headers may also be lists in a list; there such a file is broken.
//! - A host that may be pulled from and resolve is asked for referrers also without the capability `referrers`, after those that have it; there it
//!   is not asked, or by the referrers tag only.
//! - `https://docker.io` and `https://index.docker.io` are Docker Hub's registry; there hosts of that name, which serve no images.
//! - Of several client certificates the first counts.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::config_text::ConfigText;
use super::endpoint::{Abilities, EndpointBase, EndpointTls, RegistryEndpoint, MOST_ENDPOINTS};
use super::host_path::HostPath;
use super::rules::{NameScope, Rule};
use super::toml_tables::{self, TomlTable, WithLine};
use crate::docker_hub;
use crate::error::{Error, Result};
use crate::reference::index::host;
use crate::reference::{Scheme, DEFAULT_INDEX};
use crate::text::shorten;

/// The names of Docker Hub's registry.
const HUB: [&str; 3] = [docker_hub::REGISTRY, docker_hub::DEFAULT_INDEX, docker_hub::INDEX];

/// A folder below `certs.d`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostFolder<'a> {
    /// Its path, from which relative paths in it are meant.
    pub(crate) path: &'a str,
    /// The names that it is for.
    pub(crate) scope: &'a NameScope,
}

/// The names that a folder is for, by its name: `HOST`, `HOST:PORT`, `HOST_PORT_` or `_default`; None: none.
pub(crate) fn scope_of(folder: &str) -> Option<NameScope> {
    if folder == "_default" {
        return Some(NameScope::Everything);
    }
    let with_port = folder.strip_suffix('_').and_then(|rest| rest.rsplit_once('_'));
    let name = match with_port {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{name}:{port}")
        }
        _ => folder.to_owned(),
    };
    host(&name).ok().map(NameScope::Prefix)
}

/// What a folder's hosts.toml says.
pub(crate) fn parse(folder: HostFolder<'_>, path: &str, text: &str) -> Result<Rule> {
    let file = ConfigText::new(path, text);
    let parsed = toml_tables::parse(&file)?;
    let top = TomlTable::top(&file, &parsed);
    let reader = HostsToml { folder };
    let mut endpoints = Vec::new();
    if let Some(hosts) = top.table("host")? {
        let listed = hosts.named_tables()?;
        if let Some((_, first)) = listed.get(MOST_ENDPOINTS) {
            return Err(file.too_many(first.line, format!("more than {MOST_ENDPOINTS} hosts")));
        }
        for (url, table) in listed {
            endpoints.push(reader.endpoint(&table, Some(&WithLine { line: table.line, value: url }))?);
        }
    }
    let server = top.text("server")?.filter(|at| !at.value.is_empty());
    endpoints.push(reader.endpoint(&top, server.as_ref())?);
    Ok(Rule::new(folder.scope.clone(), endpoints, file.source(top.line)))
}

/// What a folder without hosts.toml says: certificates as Docker has them, by the names of the files in it. The registry itself is asked.
pub(crate) fn of_certificates(folder: HostFolder<'_>, files: &[String]) -> Rule {
    let path = |name: &str| within(folder.path, name);
    let mut tls = EndpointTls::default();
    for name in files {
        if name.ends_with(".crt") {
            tls.ca_files.push(path(name));
        } else if let Some(stem) = name.strip_suffix(".cert") {
            let key = format!("{stem}.key");
            tls.client_certificates.push((path(name), files.contains(&key).then(|| path(&key))));
        }
    }
    let source = super::RuleSource::File { path: folder.path.to_owned(), line: 0 };
    let endpoint = RegistryEndpoint { tls, ..RegistryEndpoint::origin(source.clone()) };
    Rule::new(folder.scope.clone(), vec![endpoint], source)
}

/// What a folder says in which something is wrong.
pub(crate) fn broken(folder: HostFolder<'_>, error: Error) -> Rule {
    let source = super::RuleSource::File { path: folder.path.to_owned(), line: 0 };
    Rule { wrong: Some(Arc::new(error)), ..Rule::new(folder.scope.clone(), Vec::new(), source) }
}

fn within(folder: &str, path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{}/{path}", folder.trim_end_matches('/')),
    }
}

struct HostsToml<'a> {
    folder: HostFolder<'a>,
}

impl HostsToml<'_> {
    /// The host that a table is for; without a URL the registry itself, which may be asked everything.
    fn endpoint(&self, table: &TomlTable<'_>, url: Option<&WithLine<String>>) -> Result<RegistryEndpoint> {
        let skip_verify = table.flag("skip_verify")?.unwrap_or(false);
        let override_path = table.flag("override_path")?.unwrap_or(false);
        let may = capabilities(table)?;
        let (base, may) = match url {
            Some(url) => (self.base(table, url, override_path)?, may),
            None => (EndpointBase::Origin, Abilities::ALL),
        };
        let path = |path: String| within(self.folder.path, &path);
        let ca = table.lists("ca", "a path or a list of paths")?.unwrap_or_default();
        let source = table.file.source(url.map_or(table.line, |at| at.line));
        Ok(RegistryEndpoint {
            may,
            tls: EndpointTls {
                insecure: skip_verify,
                or_plain_http: false,
                ca_files: ca.into_iter().flatten().map(path).collect(),
                client_certificates: self.client(table)?,
            },
            headers: headers(table)?,
            connect_timeout_ms: dial_timeout(table)?,
            ..RegistryEndpoint::new(base, source)
        }
        .https_first())
    }

    fn base(&self, table: &TomlTable<'_>, url: &WithLine<String>, override_path: bool) -> Result<EndpointBase> {
        let text = match url.value.contains("://") {
            true => url.value.clone(),
            false => format!("https://{}", url.value),
        };
        let (scheme, HostPath { host, mut path }) =
            HostPath::of_url(&text).map_err(|why| table.file.wrong(url.line, format!("the host's URL: {why}")))?;
        if !override_path {
            path = path
                .strip_suffix("v2")
                .filter(|rest| rest.is_empty() || rest.ends_with('/'))
                .unwrap_or(&path)
                .to_owned();
            path.truncate(path.trim_end_matches('/').len());
        }
        let own = match self.folder.scope {
            NameScope::Prefix(name) if name == DEFAULT_INDEX => HUB.contains(&host.as_str()),
            NameScope::Prefix(name) => *name == host,
            _ => false,
        };
        if own && scheme == Scheme::Https && path.is_empty() && !override_path {
            return Ok(EndpointBase::Origin);
        }
        Ok(EndpointBase::At { scheme: Some(scheme), host, path, whole_path: override_path, names_registry: true })
    }

    fn client(&self, table: &TomlTable<'_>) -> Result<Vec<(String, Option<String>)>> {
        const WHAT: &str = "a path, or a list of paths or of pairs of paths";
        let mut pairs = Vec::new();
        for list in table.lists("client", WHAT)?.unwrap_or_default() {
            match list.as_slice() {
                [both] => pairs.push((within(self.folder.path, both), None)),
                [cert, key] => {
                    let key = (!key.is_empty()).then(|| within(self.folder.path, key));
                    pairs.push((within(self.folder.path, cert), key));
                }
                _ => return Err(table.file.wrong(table.line, format!("'client' must be {WHAT}"))),
            }
        }
        Ok(pairs)
    }
}

fn capabilities(table: &TomlTable<'_>) -> Result<Abilities> {
    let listed = table.texts("capabilities")?.unwrap_or_default();
    if listed.is_empty() {
        return Ok(Abilities::ALL);
    }
    let mut may = Abilities::NOTHING;
    for WithLine { line, value } in listed {
        match value.to_ascii_lowercase().as_str() {
            "pull" => may.by_digest = true,
            "resolve" => may.by_tag = true,
            "push" => may.push = true,
            "referrers" => may.referrers = true,
            _ => return Err(table.file.wrong(line, "'capabilities' may be pull, resolve, push and referrers")),
        }
    }
    Ok(may)
}

/// Names and values of headers; a value may be a secret.
fn headers(table: &TomlTable<'_>) -> Result<Vec<(String, Zeroizing<String>)>> {
    let Some(headers) = table.table("header")? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (name, line) in headers.keys() {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(table.file.wrong(line, format!("'{}' is not a header's name", shorten(name))));
        }
        for value in headers.lists(name, "a string or a list of strings")?.unwrap_or_default().into_iter().flatten() {
            if value.chars().any(|c| c.is_control() && c != '\t') {
                return Err(table
                    .file
                    .wrong(line, format!("the value of the header '{name}' has a control character")));
            }
            all.push((name.to_owned(), Zeroizing::new(value)));
        }
    }
    Ok(all)
}

fn dial_timeout(table: &TomlTable<'_>) -> Result<Option<u64>> {
    let Some(WithLine { line, value }) = table.text("dial_timeout")?.filter(|at| !at.value.is_empty()) else {
        return Ok(None);
    };
    match milliseconds(&value) {
        // Without a limit: there nothing ends it but the system.
        Some(0) => Ok(None),
        Some(limit) => Ok(Some(limit)),
        None => Err(table.file.wrong(line, "'dial_timeout' must be a duration, such as \"1s\" or \"500ms\"")),
    }
}

/// A duration as Go writes it: "1m30s", "1.5s", "300ms".
fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let one = match &rest[..unit] {
            "ns" => 1e-6,
            "us" | "µs" | "μs" => 1e-3,
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 6e4,
            "h" => 3.6e6,
            _ => return None,
        };
        sum += amount * one;
        rest = &rest[unit..];
    }
    // A limit below one is one: nothing connects faster.
    (!text.is_empty() && sum < 1e12).then_some(if sum > 0.0 { (sum as u64).max(1) } else { 0 })
}

#[cfg(test)]
mod tests;
