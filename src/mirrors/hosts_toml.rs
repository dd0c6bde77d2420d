//! containerd's hosts.toml (docs/hosts.md there): what stands in the folder of a registry below `certs.d`. Written after that manual and
//! the source (core/remotes/docker/config/hosts.go), with these differences:
//!
//! - A file that is broken is an error, for every name: who set the folder up learns of it at once; there it counts as not there.
//! - `[host]` tables in other forms (dotted keys, inline tables) count too; there only headers `[host."…"]` do.
//! - An `http://` host with `ca` or `client` is asked by http; there by https first. With `skip_verify = true` it is so here too.
//! - What may be pulled by digest may also be asked for referrers; there it is a capability of its own.
//! - `https://docker.io` is Docker Hub's registry; there a host of that name.
//! - Of several client certificates the first counts.

use super::endpoint::{Abilities, EndpointBase, EndpointTls, RegistryEndpoint};
use super::place::HostPath;
use super::rules::{NameScope, Rule};
use super::tables::{self, At, TomlTable};
use super::text::ConfigText;
use crate::docker_hub;
use crate::error::Result;
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
    let parsed = tables::parse(&file)?;
    let top = TomlTable::top(&file, &parsed);
    let reader = HostsToml { folder };
    let mut endpoints = Vec::new();
    if let Some(hosts) = top.table("host")? {
        for (url, table) in hosts.named_tables()? {
            endpoints.push(reader.endpoint(&table, Some(&At { line: table.line, value: url }))?);
        }
    }
    let server = top.text("server")?.filter(|at| !at.value.is_empty());
    endpoints.push(reader.endpoint(&top, server.as_ref())?);
    Ok(Rule { scope: folder.scope.clone(), endpoints, blocked: false, source: file.source(top.line) })
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
    let endpoint =
        RegistryEndpoint { tls, may: Abilities::ALL, ..RegistryEndpoint::new(EndpointBase::Origin, source.clone()) };
    Rule { scope: folder.scope.clone(), endpoints: vec![endpoint], blocked: false, source }
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
    fn endpoint(&self, table: &TomlTable<'_>, url: Option<&At<String>>) -> Result<RegistryEndpoint> {
        let skip_verify = table.flag("skip_verify")?.unwrap_or(false);
        let override_path = table.flag("override_path")?.unwrap_or(false);
        let may = capabilities(table)?;
        let (base, may) = match url {
            Some(url) => (self.base(table, url, override_path, skip_verify)?, may),
            None => (EndpointBase::Origin, Abilities::ALL),
        };
        let path = |path: String| within(self.folder.path, &path);
        let ca = table.lists("ca", "a path or a list of paths")?.unwrap_or_default();
        let source = table.file.source(url.map_or(table.line, |at| at.line));
        Ok(RegistryEndpoint {
            may,
            tls: EndpointTls {
                insecure: skip_verify,
                or_plain_http: skip_verify
                    && url.is_some_and(|url| url.value.to_ascii_lowercase().starts_with("http://")),
                ca_files: ca.into_iter().flatten().map(path).collect(),
                client_certificates: self.client(table)?,
            },
            headers: headers(table)?,
            connect_timeout_ms: dial_timeout(table)?,
            ..RegistryEndpoint::new(base, source)
        })
    }

    fn base(
        &self,
        table: &TomlTable<'_>,
        url: &At<String>,
        override_path: bool,
        skip_verify: bool,
    ) -> Result<EndpointBase> {
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
        // https is tried first, as there: see above.
        let scheme =
            if scheme == Scheme::Http && skip_verify && !host.ends_with(":80") { Scheme::Https } else { scheme };
        Ok(EndpointBase::At { scheme: Some(scheme), host, path, whole_path: override_path, names_registry: !own })
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
    let mut may = Abilities { by_digest: false, by_tag: false, push: false };
    for At { line, value } in listed {
        match value.to_ascii_lowercase().as_str() {
            "pull" => may.by_digest = true,
            "resolve" => may.by_tag = true,
            "push" => may.push = true,
            "referrers" => {}
            _ => return Err(table.file.wrong(line, "'capabilities' may be pull, resolve, push and referrers")),
        }
    }
    Ok(may)
}

/// Names and values of headers; a value may be a secret.
fn headers(table: &TomlTable<'_>) -> Result<Vec<(String, String)>> {
    let Some(headers) = table.table("header")? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (name, line) in headers.keys() {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(table.file.wrong(line, format!("'{}' is no header's name", shorten(name))));
        }
        for value in headers.lists(name, "a string or a list of strings")?.unwrap_or_default().into_iter().flatten() {
            if value.chars().any(|c| c.is_control() && c != '\t') {
                return Err(table
                    .file
                    .wrong(line, format!("the value of the header '{name}' has a control character")));
            }
            all.push((name.to_owned(), value));
        }
    }
    Ok(all)
}

fn dial_timeout(table: &TomlTable<'_>) -> Result<Option<u64>> {
    let Some(At { line, value }) = table.text("dial_timeout")?.filter(|at| !at.value.is_empty()) else {
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
mod tests {
    use super::super::source::RuleSource;
    use super::*;

    fn rule(folder: &str, text: &str) -> Result<Rule> {
        let scope = scope_of(folder).unwrap();
        parse(HostFolder { path: "/certs.d/x", scope: &scope }, "/certs.d/x/hosts.toml", text)
    }

    fn endpoint(table: &str) -> RegistryEndpoint {
        rule("docker.io", &format!("[host.\"https://m.io\"]\n{table}")).unwrap().endpoints.remove(0)
    }

    #[test]
    fn folders_are_named_after_registries() {
        let prefix = |name: &str| Some(NameScope::Prefix(name.into()));
        for (folder, scope) in [
            ("docker.io", prefix("docker.io")),
            ("h:5000", prefix("h:5000")),
            ("h_5000_", prefix("h:5000")),
            ("192.168.1.2_5000_", prefix("192.168.1.2:5000")),
            ("[::1]_5000_", prefix("[::1]:5000")),
            ("_default", Some(NameScope::Everything)),
            ("..", None),
            (".hidden", None),
            ("a b", None),
        ] {
            assert_eq!(scope_of(folder), scope, "{folder}");
        }
    }

    #[test]
    fn hosts_are_asked_in_the_order_of_the_file_and_the_server_last() {
        let text =
            "server = \"https://registry-1.docker.io\"\n[host.\"https://z.io/v2\"]\n[host.\"http://a:5000/x\"]\n\
                    capabilities = [\"pull\", \"Resolve\"]\n[host.\"https://z.io/v2\".header]\nx = \"y\"\n\
                    [host.\"https://p.io/v2/proj\"]\noverride_path = true\ncapabilities = [\"pull\"]\n";
        let found = rule("docker.io", text).unwrap();
        let at = |scheme, host: &str, path: &str, whole_path| EndpointBase::At {
            scheme: Some(scheme),
            host: host.into(),
            path: path.into(),
            whole_path,
            names_registry: true,
        };
        let bases: Vec<_> = found.endpoints.iter().map(|endpoint| endpoint.base.clone()).collect();
        let wanted = [
            at(Scheme::Https, "z.io", "", false),
            at(Scheme::Http, "a:5000", "x", false),
            at(Scheme::Https, "p.io", "v2/proj", true),
            EndpointBase::Origin,
        ];
        assert_eq!(bases, wanted);
        let may: Vec<_> = found.endpoints.iter().map(|endpoint| endpoint.may).collect();
        assert_eq!(may, [Abilities::ALL, Abilities::PULL, Abilities::BY_DIGEST, Abilities::ALL]);
        let lines: Vec<_> = found.endpoints.iter().map(|endpoint| endpoint.source.clone()).collect();
        let line = |line| RuleSource::File { path: "/certs.d/x/hosts.toml".into(), line };
        assert_eq!(lines, [line(2), line(3), line(7), line(1)]);
    }

    #[test]
    fn a_server_that_is_another_leaves_the_registry_out() {
        let bases = |folder: &str, text: &str| -> Vec<bool> {
            let rule = rule(folder, text).unwrap();
            rule.endpoints.iter().map(|endpoint| endpoint.base == EndpointBase::Origin).collect()
        };
        assert_eq!(bases("_default", "server = \"https://m.io\""), [false]);
        assert_eq!(bases("_default", "[host.\"m.io\"]"), [false, true]);
        assert_eq!(bases("quay.io", "server = \"quay.io\""), [true]);
        assert_eq!(bases("quay.io", "server = \"http://quay.io\""), [false]);
        assert_eq!(bases("h:5000", "capabilities = [\"pull\"]"), [true]);
        // Without a server its capabilities are all.
        assert_eq!(rule("h:5000", "capabilities = [\"pull\"]").unwrap().endpoints[0].may, Abilities::ALL);
    }

    #[test]
    fn a_host_has_its_own_tls_headers_and_limit() {
        let found = endpoint(
            "ca = \"a.pem\"\nclient = [[\"c.cert\", \"/k.key\"], [\"both.pem\", \"\"]]\nskip_verify = true\ndial_timeout = \"1.5s\"\n\
             [host.\"https://m.io\".header]\nx-b = [\"1\", \"2\"]\nAuthorization = \"Basic c2VjcmV0\"\n",
        );
        assert_eq!(found.tls.ca_files, ["/certs.d/x/a.pem"]);
        let client = [("/certs.d/x/c.cert".into(), Some("/k.key".into())), ("/certs.d/x/both.pem".into(), None)];
        assert_eq!(found.tls.client_certificates, client);
        assert!(found.tls.insecure && !found.tls.or_plain_http);
        assert_eq!(found.connect_timeout_ms, Some(1500));
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found.headers, [header("x-b", "1"), header("x-b", "2"), header("Authorization", "Basic c2VjcmV0")]);
        assert!(!format!("{found:?}").contains("c2VjcmV0"));
        assert_eq!(endpoint("ca = [\"/a\", \"b\"]\nclient = \"c\"").tls.ca_files, ["/a", "/certs.d/x/b"]);
        let http = rule("h:5000", "[host.\"http://h:5000\"]\nskip_verify = true").unwrap();
        assert!(http.endpoints[0].tls.or_plain_http);
        assert!(matches!(
            http.endpoints[0].base,
            EndpointBase::At { scheme: Some(Scheme::Https), names_registry: false, .. }
        ));
    }

    #[test]
    fn durations_are_gos() {
        for (text, limit) in [
            ("1s", Some(1000)),
            ("1m30s", Some(90_000)),
            ("300ms", Some(300)),
            ("1.5h", Some(5_400_000)),
            (".5s", Some(500)),
            ("5us", Some(1)),
            ("0", Some(0)),
            ("", None),
            ("5", None),
            ("-1s", None),
            ("s", None),
            ("1 s", None),
            ("1.1.1s", None),
            ("1e9s", None),
            ("99999999999999h", None),
        ] {
            assert_eq!(milliseconds(text), limit, "{text}");
        }
    }

    #[test]
    fn certificates_alone_belong_to_the_registry() {
        let scope = scope_of("quay.io").unwrap();
        let files = ["a.crt", "b.cert", "b.key", "c.cert", "hosts.txt"].map(str::to_owned);
        let found = of_certificates(HostFolder { path: "/c/quay.io", scope: &scope }, &files).endpoints.remove(0);
        assert_eq!((found.base, found.may), (EndpointBase::Origin, Abilities::ALL));
        assert_eq!(found.tls.ca_files, ["/c/quay.io/a.crt"]);
        let client =
            [("/c/quay.io/b.cert".into(), Some("/c/quay.io/b.key".into())), ("/c/quay.io/c.cert".into(), None)];
        assert_eq!(found.tls.client_certificates, client);
    }

    #[test]
    fn what_is_wrong_has_its_line_and_no_secret() {
        for (text, line, what) in [
            ("[host.\"https://user:secret@m.io\"]", 1, "'@'"),
            ("\n[host.\"https://m.io/../x\"]", 2, "refused"),
            ("[host.\"ftp://m.io\"]", 1, "scheme"),
            ("[host.\"https://m.io\"]\ncapabilities = [\"pull\",\n\"everything\"]", 3, "capabilities"),
            ("[host.\"https://m.io\"]\nskip_verify = \"true\"", 2, "skip_verify"),
            ("[host.\"https://m.io\"]\nca = 1", 2, "'ca'"),
            ("[host.\"https://m.io\"]\nclient = [[\"a\", \"b\", \"c\"]]", 1, "'client'"),
            ("[host.\"https://m.io\"]\ndial_timeout = \"soon\"", 2, "dial_timeout"),
            ("[host.\"https://m.io\".header]\n\"a b\" = \"secret\"", 2, "header's name"),
            ("[host.\"https://m.io\".header]\na = \"secret\\r\\nb: c\"", 2, "control character"),
            ("[host.\"https://m.io\".header]\na = 1", 2, "'a' must be"),
            ("host = \"https://m.io\"", 1, "'host' must be a table"),
            ("server = 1", 1, "'server'"),
            ("[header]\na = \"secret", 2, ""),
        ] {
            let said = rule("docker.io", text).unwrap_err().to_string();
            assert!(said.starts_with(&format!("/certs.d/x/hosts.toml, line {line}: ")), "{text}: {said}");
            assert!(said.contains(what) && !said.contains("secret"), "{text}: {said}");
        }
    }
}
