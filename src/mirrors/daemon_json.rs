//! Docker's daemon.json: `registry-mirrors`, which are for Docker Hub only, and `insecure-registries`. Written after dockerd(8) and the
//! source of moby (registry/config.go), with this difference: an insecure network (`10.0.0.0/8`) is for hosts that are written as
//! addresses, and for `localhost`; dockerd also looks up the addresses of other names.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::config_text::ConfigText;
use super::endpoint::{EndpointBase, EndpointTls, RegistryEndpoint};
use super::host_path::HostPath;
use super::rules::{NameScope, Rule};
use crate::error::Result;
use crate::reference::index::host;
use crate::reference::{quoted, DEFAULT_INDEX};

/// Networks that are insecure anyway.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// How many entries a list may have.
const MOST_ENTRIES: usize = 1000;

/// The rules of a file.
pub(crate) fn parse(path: &str, text: &str) -> Result<Vec<Rule>> {
    let file = ConfigText::new(path, text);
    // An empty file is as good as none.
    let json = if text.trim().is_empty() { "{}" } else { text };
    let parsed: Map<String, Value> = serde_json::from_str(json).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(0);
        file.wrong(line, if error.is_data() { "it must be a JSON object" } else { "it is not JSON" })
    })?;
    let mut insecure = insecure(&file, &texts(&file, &parsed, "insecure-registries")?)?;
    // As dockerd does, whatever the file says.
    insecure.extend(LOOPBACK.iter().filter_map(|network| Some((NameScope::Network(network.parse().ok()?), 0))));
    let mut rules: Vec<Rule> = insecure
        .iter()
        // dockerd makes Docker Hub secure again, whatever is listed.
        .filter(|(scope, _)| *scope != NameScope::Prefix(DEFAULT_INDEX.into()))
        .map(|(scope, line)| {
            let source = file.source(*line);
            let tls = EndpointTls { insecure: true, or_plain_http: true, ..EndpointTls::default() };
            let origin = RegistryEndpoint { tls, ..RegistryEndpoint::origin(source.clone()) };
            Rule::new(scope.clone(), vec![origin], source)
        })
        .collect();
    let mirrors = texts(&file, &parsed, "registry-mirrors")?;
    if let Some((_, line)) = mirrors.first() {
        let source = file.source(*line);
        let mut seen = BTreeSet::new();
        let unseen = mirrors.iter().filter(|(url, _)| seen.insert(url.trim_end_matches('/').to_owned()));
        let mut endpoints =
            unseen.map(|(url, line)| mirror(&file, url, *line, &insecure)).collect::<Result<Vec<_>>>()?;
        endpoints.push(RegistryEndpoint::origin(source.clone()));
        rules.insert(0, Rule::new(NameScope::Prefix(DEFAULT_INDEX.into()), endpoints, source));
    }
    Ok(rules)
}

fn mirror(file: &ConfigText<'_>, url: &str, line: u32, insecure: &[(NameScope, u32)]) -> Result<RegistryEndpoint> {
    let (scheme, HostPath { host, path }) =
        HostPath::of_url(url).map_err(|why| file.wrong(line, format!("'registry-mirrors': {why}")))?;
    let insecure = insecure.iter().any(|(scope, _)| scope.length_in(&host).is_some());
    let base = EndpointBase::At { scheme: Some(scheme), host, path, whole_path: false, names_registry: false };
    Ok(RegistryEndpoint {
        tls: EndpointTls { insecure, ..EndpointTls::default() },
        ..RegistryEndpoint::new(base, file.source(line))
    })
}

/// The strings of a list with their lines.
fn texts(file: &ConfigText<'_>, parsed: &Map<String, Value>, key: &str) -> Result<Vec<(String, u32)>> {
    let listed = match parsed.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(file.wrong(line_of(file, key), format!("'{key}' must be a list of strings"))),
    };
    if listed.len() > MOST_ENTRIES {
        return Err(file.too_many(line_of(file, key), format!("more than {MOST_ENTRIES} entries in '{key}'")));
    }
    // Each stands behind the one before: so the file is gone through once.
    let mut from = offset_of(file, key, 0).unwrap_or(0);
    let text = |value: &Value| match value {
        Value::String(text) => {
            let found = offset_of(file, text, from);
            from = found.unwrap_or(from);
            Ok((text.clone(), found.map_or(0, |at| file.line(at))))
        }
        _ => Err(file.wrong(line_of(file, key), format!("'{key}' must be a list of strings"))),
    };
    listed.iter().map(text).collect()
}

/// Where a string stands, from an offset on; None when it is written in another way.
fn offset_of(file: &ConfigText<'_>, text: &str, from: usize) -> Option<usize> {
    file.text.get(from..)?.find(&format!("\"{text}\"")).map(|at| from + at)
}

/// The line of a string; 0 when it is written in another way.
fn line_of(file: &ConfigText<'_>, text: &str) -> u32 {
    offset_of(file, text, 0).map_or(0, |at| file.line(at))
}

fn insecure(file: &ConfigText<'_>, listed: &[(String, u32)]) -> Result<Vec<(NameScope, u32)>> {
    let scope = |(text, line): &(String, u32)| {
        let lower = text.to_ascii_lowercase();
        let name = ["http://", "https://"].iter().find_map(|scheme| lower.strip_prefix(scheme)).unwrap_or(&lower);
        let name = name.trim_end_matches('/');
        let scope = match (name.parse::<IpNet>(), name.parse::<Ipv6Addr>()) {
            (Ok(network), _) => Some(NameScope::Network(network)),
            (_, Ok(address)) => Some(NameScope::Prefix(format!("[{address}]"))),
            _ => host(name).ok().map(NameScope::Prefix),
        };
        let what = || {
            file.wrong(*line, format!("'insecure-registries': '{}' is neither HOST[:PORT] nor a network", quoted(text)))
        };
        Ok((scope.ok_or_else(what)?, *line))
    };
    listed.iter().map(scope).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rule_source::RuleSource;
    use super::super::rules::Rules;
    use super::*;
    use crate::mirrors::Abilities;
    use crate::reference::{Repository, Scheme};

    #[test]
    fn mirrors_are_for_docker_hub_only() {
        let text =
            "{\n \"registry-mirrors\": [\"https://m.io/\", \"http://10.1.2.3:5000/proxy\",\n \"https://m.io\"],\n\
                    \"insecure-registries\": [\"10.0.0.0/8\", \"http://h:5000\"], \"debug\": true}";
        let rules = Rules(vec![parse("/d.json", text).unwrap()]);
        let of = |name: &str| rules.of(&Repository::parse(name, None).unwrap());
        let hub = of("mongo").unwrap();
        assert_eq!(hub.endpoints.len(), 3);
        let base = |index: usize| match &hub.endpoints[index].base {
            EndpointBase::Origin => None,
            EndpointBase::At { scheme, host, path, .. } => Some((scheme.unwrap(), host.as_str(), path.as_str())),
        };
        assert_eq!(base(0), Some((Scheme::Https, "m.io", "")));
        assert_eq!(base(1), Some((Scheme::Http, "10.1.2.3:5000", "proxy")));
        assert_eq!(base(2), None);
        let insecure: Vec<bool> = hub.endpoints.iter().map(|endpoint| endpoint.tls.insecure).collect();
        assert_eq!(insecure, [false, true, false]);
        assert_eq!(hub.endpoints[1].source, RuleSource::File { path: "/d.json".into(), line: 2 });
        for insecure in ["10.9.9.9:5000/a", "h:5000/a"] {
            let [origin] = of(insecure).unwrap().endpoints.as_slice() else { panic!() };
            assert!(origin.tls.insecure && origin.tls.or_plain_http && origin.may == Abilities::ALL);
        }
        for loopback in ["127.0.0.1:5000/a", "[::1]:5000/a", "localhost:5000/a", "localhost/a"] {
            assert!(of(loopback).unwrap().endpoints[0].tls.insecure, "{loopback}");
        }
        for other in ["quay.io/a", "h:5001/a", "11.0.0.1/a"] {
            assert!(of(other).is_none(), "{other}");
        }
    }

    #[test]
    fn docker_hub_is_never_insecure() {
        let listed = r#"{"insecure-registries": ["docker.io", "HTTP://Lab.example:5000", "FD00::1"]}"#;
        let rules = parse("/d.json", listed).unwrap();
        let scopes: Vec<_> = rules.iter().map(|rule| rule.scope.clone()).collect();
        assert_eq!(scopes[..2], ["lab.example:5000", "[fd00::1]"].map(|host| NameScope::Prefix(host.into())));
        assert_eq!(scopes.len(), 2 + LOOPBACK.len());
    }

    #[test]
    fn what_is_wrong_has_its_line_and_no_secret() {
        for (text, at, what) in [
            ("[1]", "/d.json, line 1", "object"),
            ("{\n\"a\": secret}", "/d.json, line 2", "not JSON"),
            ("{\n\"registry-mirrors\": \"https://m.io\"}", "/d.json, line 2", "list of strings"),
            ("{\"registry-mirrors\": [1]}", "/d.json, line 1", "list of strings"),
            ("{\"registry-mirrors\":\n[\"m.io\"]}", "/d.json, line 2", "URL"),
            ("{\"registry-mirrors\":\n[\"https://u:secret@m.io\"]}", "/d.json, line 2", "'@'"),
            ("{\"registry-mirrors\": [\"https://m.io/?x\"]}", "/d.json, line 1", "query"),
            (&format!("{{\"registry-mirrors\":\n[{}1]}}", "\"a\",".repeat(1000)), "/d.json, line 1", "more than 1000"),
            ("{\"insecure-registries\": [\"h/x\"]}", "/d.json, line 1", "neither"),
            ("{\"insecure-registries\": [\"u:secret@h\"]}", "/d.json, line 1", "neither"),
        ] {
            let said = parse("/d.json", text).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{at}: ")) && said.contains(what), "{text}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
        for nothing in ["", " \n", "{}", "{\"registry-mirrors\": null}", "{\"registry-mirrors\": []}"] {
            assert_eq!(parse("/d.json", nothing).unwrap().len(), LOOPBACK.len(), "{nothing}");
        }
    }
}
