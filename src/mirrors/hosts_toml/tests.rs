use super::super::rule_source::RuleSource;
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
    let text = "server = \"https://registry-1.docker.io\"\n[host.\"https://z.io/v2\"]\n[host.\"http://a:5000/x\"]\n\
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
    let reads = Abilities { referrers: false, ..Abilities::PULL };
    assert_eq!(may, [Abilities::ALL, reads, Abilities::BY_DIGEST, Abilities::ALL]);
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
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned().into());
    assert_eq!(found.headers, [header("x-b", "1"), header("x-b", "2"), header("Authorization", "Basic c2VjcmV0")]);
    assert!(!format!("{found:?}").contains("c2VjcmV0"));
    assert_eq!(endpoint("ca = [\"/a\", \"b\"]\nclient = \"c\"").tls.ca_files, ["/a", "/certs.d/x/b"]);
    let http = rule("h:5000", "[host.\"http://h:5000\"]\nskip_verify = true").unwrap();
    assert!(http.endpoints[0].tls.or_plain_http);
    assert!(matches!(http.endpoints[0].base, EndpointBase::At { scheme: None, .. }));
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
    let client = [("/c/quay.io/b.cert".into(), Some("/c/quay.io/b.key".into())), ("/c/quay.io/c.cert".into(), None)];
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
