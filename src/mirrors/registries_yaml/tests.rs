use super::*;
use crate::mirrors::rules::Rules;
use crate::reference::Repository;

fn asked(text: &str, name: &str) -> Option<Vec<String>> {
    let rules = Rules(vec![parse("/r.yaml", text).unwrap()]);
    let repository = Repository::parse(name, None).unwrap();
    let shown = |endpoint: &RegistryEndpoint| {
        let base = match &endpoint.base {
            EndpointBase::Origin => "origin".to_owned(),
            EndpointBase::At { scheme, host, path, whole_path, .. } => {
                let scheme = scheme.map_or("?", |scheme| scheme.as_str());
                format!("{scheme}://{host}/{path}{}", if *whole_path { "!" } else { "" })
            }
        };
        let push = if endpoint.may.push { " push" } else { "" };
        let auth = if endpoint.credentials.is_some() { " auth" } else { "" };
        let insecure = if endpoint.tls.insecure { " insecure" } else { "" };
        format!("{base} {}{push}{auth}{insecure}", endpoint.rename.apply(repository.remote_name()).unwrap())
    };
    Some(rules.of(&repository)?.endpoints.iter().map(shown).collect())
}

#[test]
fn endpoints_come_before_the_registry() {
    let text = "mirrors:\n  docker.io:\n    endpoint:\n      - \"https://m.io:5000\"\n      - https://m.io:5000\n      - localhost:6000\n\
                \x20   rewrite:\n      \"^rancher/(.*)\": \"proj/$1\"\n  \"*\":\n    endpoint: [\"http://h.io/v2/all\"]\n\
                configs:\n  m.io:5000:\n    auth: {username: u, password: p}\n    tls:\n      insecure_skip_verify: true\n\
                \x20 quay.io:\n    auth: {auth: \"dTpw\"}\n  nothing.io:\n";
    let wanted =
        ["https://m.io:5000/ proj/pause auth insecure", "?://localhost:6000/ proj/pause", "origin rancher/pause push"];
    assert_eq!(asked(text, "rancher/pause").unwrap(), wanted);
    assert_eq!(asked(text, "quay.io/a").unwrap(), ["origin a push auth"]);
    assert_eq!(asked(text, "nothing.io/a").unwrap(), ["http://h.io/v2/all! a", "origin a push"]);
}

#[test]
fn the_registry_itself_may_be_the_last_endpoint() {
    let text =
        "mirrors:\n  docker.io:\n    endpoint: [https://m.io, https://registry-1.docker.io]\n    rewrite: {^: x/}\n";
    assert_eq!(asked(text, "a/b").unwrap(), ["https://m.io/ x/a/b", "origin x/a/b", "origin a/b push"]);
    let text = "mirrors:\n  quay.io:\n    endpoint: [https://m.io, quay.io]\n  empty.io:\n";
    assert_eq!(asked(text, "quay.io/a").unwrap(), ["https://m.io/ a", "origin a push"]);
    assert_eq!(asked(text, "empty.io/a"), None);
}

#[test]
fn hosts_have_tls_and_credentials() {
    let text = "configs:\n  registry-1.docker.io:\n    tls:\n      ca_file: /ca\n      cert_file: /c\n      key_file: /k\n    auth:\n      identity_token: t\n";
    let rules = parse("/r.yaml", text).unwrap();
    assert_eq!(rules[0].scope, NameScope::Prefix("docker.io".into()));
    let origin = &rules[0].endpoints[0];
    assert_eq!((origin.tls.ca_files.as_slice(), origin.tls.client_certificates.len()), (&["/ca".to_owned()][..], 1));
    assert!(matches!(origin.credentials, Some(Credentials::IdentityToken { .. })));
}

#[test]
fn http_without_verification_is_https_first_and_hosts_have_no_case() {
    let text =
        "mirrors:\n  docker.io:\n    endpoint: [\"http://M.io:5000\", \"http://n.io:80\", \"http://o.io\"]\nconfigs:\n";
    let configs = ["m.IO:5000", "N.io:80"].map(|host| format!("  {host}: {{tls: {{insecure_skip_verify: true}}}}\n"));
    let rules = parse("/r.yaml", &format!("{text}{}", configs.concat())).unwrap();
    let shown = |endpoint: &RegistryEndpoint| match &endpoint.base {
        EndpointBase::At { scheme, host, .. } => {
            format!("{}://{host} {}", scheme.map_or("?", |scheme| scheme.as_str()), endpoint.tls.or_plain_http)
        }
        _ => "origin".to_owned(),
    };
    let found: Vec<_> = rules[0].endpoints.iter().map(shown).collect();
    assert_eq!(found, ["?://m.io:5000 true", "http://n.io:80 false", "http://o.io false", "origin"]);
}

#[test]
fn what_is_too_much_is_refused() {
    let rewrite = |text: &str| format!("mirrors:\n  docker.io:\n    rewrite: {{{text}}}\n");
    let many: String = (0..51).map(|number| format!("a{number}: b, ")).collect();
    let endpoints = format!("mirrors: {{docker.io: {{endpoint: [{}]}}}}", "https://m.io, ".repeat(101));
    for (text, what) in [
        (rewrite(&many), "more than 50 expressions"),
        (rewrite(&format!("{}: b", "a".repeat(1001))), "longer than 1000"),
        (rewrite(&format!("a: {}", "b".repeat(1001))), "longer than 1000"),
        (rewrite("'(a{100}){100}': b"), "is not valid"),
        (endpoints, "more than 100 endpoints"),
    ] {
        let error = parse("/r.yaml", &text).unwrap_err();
        assert!(error.message().contains(what), "{error}");
    }
}

#[test]
fn a_login_for_all_registries_reaches_none() {
    let text = "configs:\n  \"*\":\n    auth: {username: u, password: p}\n    tls: {insecure_skip_verify: true}\n";
    assert!(parse("/r.yaml", text).unwrap().is_empty());
    let rules = parse("/r.yaml", &format!("mirrors:\n  \"*\":\n    endpoint: [https://m.io]\n{text}")).unwrap();
    assert!(rules[0].endpoints.iter().all(|one| one.credentials.is_none() && !one.tls.insecure));
}

#[test]
fn what_is_wrong_has_its_line_and_no_secret() {
    for (text, line, what) in [
        ("- a", 1, "map"),
        ("mirrors:\n  docker.io: [a]", 2, "map"),
        ("mirrors:\n  docker.io:\n    endpoint: https://m.io", 3, "list"),
        ("mirrors:\n  docker.io:\n    endpoint:\n    - https://u:secret@m.io", 4, "'@'"),
        ("mirrors:\n  docker.io:\n    endpoint:\n    - https://m.io/../x", 4, "refused"),
        ("mirrors:\n  docker.io:\n    rewrite:\n      \"(\": x", 4, "is not valid"),
        ("mirrors:\n  \"a b\":\n    endpoint: [https://m.io]", 2, "host name"),
        ("configs:\n  m.io:\n    auth: {auth: \"secret!\"}", 3, "base64"),
        ("configs:\n  m.io:\n    auth:\n      password: [secret]", 4, "'password' must be a string"),
        ("configs:\n  m.io:\n    tls:\n      insecure_skip_verify: secret", 4, "true or false"),
        ("configs:\n  m.io:\n    tls:\n      key_file: /k", 3, "cert_file"),
        ("configs: {m.io: {auth: {password: secret", 2, "not YAML"),
    ] {
        let said = parse("/r.yaml", text).unwrap_err().to_string();
        assert!(said.starts_with(&format!("/r.yaml, line {line}: ")) && said.contains(what), "{text}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
    assert!(parse("/r.yaml", "").unwrap().is_empty());
}
