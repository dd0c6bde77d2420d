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
    let mirror = |at: &str| format!("[[registry]]\nlocation = \"a.io\"\n[[registry.mirror]]\nlocation = \"{at}\"\n");
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
            Ok(Some(asked)) => asked.endpoints.iter().map(|one| one.host(name.index())).collect::<Vec<_>>().join(" "),
            Ok(None) => "none".to_owned(),
            Err(error) if error.code() == Code::Forbidden && error.message().contains("blocked by r.conf:") => {
                "refused".to_owned()
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, wanted, "{}", name.full_name());
    }
}
