//! A registry of which only the mirrors may be asked: nothing else leads there either.

use ocireg::error::Code;
use ocireg::reference::Reference;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

/// A mirror of another name is on its host.
#[test]
fn no_mirror_of_another_name_is_asked_there() {
    let house = House::new(&[("m1", Healthy), ("b", Healthy), ("c", Status(500)), ("origin", Healthy)]);
    let client = house.client_with(json!({"mirrors": [house.host("m1")], "mirrors_only": true}));
    let call = house.call(&client);
    for name in ["b", "c"] {
        let mirrors = json!({"mirrors": [house.host("origin"), format!("{}/proxy", house.host("origin"))]});
        client.set_host(house.host(name), host_options(mirrors)).unwrap();
        let outcome = client.get_manifest(&call, &tag(house.host(name)), &GetOptions::default());
        assert_eq!(outcome.is_ok(), name == "b");
        assert_eq!(house.asked(), [name]);
        let shown = client.explain(&call, &tag(house.host(name))).unwrap();
        assert!(shown["endpoints"][0].to_string().contains("mirrors_only"), "{shown:#}");
    }
    // No other endpoint is left.
    let alone = json!({"mirrors": [house.host("origin")], "mirrors_only": true});
    client.set_host(house.host("b"), host_options(alone)).unwrap();
    let error = client.get_manifest(&call, &tag(house.host("b")), &GetOptions::default());
    fails(error, Code::Forbidden, "the option mirrors_only");
    assert!(house.server("origin").seen().is_empty());
}

/// Another registry redirects there, or says that its tokens come from there.
#[test]
fn no_other_registry_leads_there() {
    let mut house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let origin = house.server("origin").url("");
    let to = origin.clone();
    house.add("leads", move |seen| reply(307).header("Location", format!("{to}{}", seen.target)));
    let to = origin.clone();
    house.add("asks", move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{to}/token\"")));
    let client = house.client_with(json!({"mirrors": [house.host("m1")], "mirrors_only": true}));
    let call = house.call(&client);
    for name in ["leads", "asks"] {
        let error = client.get_manifest(&call, &tag(house.host(name)), &GetOptions::default()).err().unwrap();
        assert!(error.message().contains("allows only its mirrors"), "{error}");
    }
    assert!(house.server("origin").seen().is_empty());
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    // Once it may be asked again, it is.
    client.set_host(house.host("origin"), host_options(json!({}))).unwrap();
    client.get_manifest(&call, &tag(house.host("leads")), &GetOptions::default()).unwrap();
}

/// By the port of http it is the same host: it is refused by name, and shown so.
#[test]
fn no_usual_port_leads_there() {
    let house = House::new(&[("m1", Healthy)]);
    let client = client();
    let only = host_options(json!({"mirrors": [house.host("m1")], "mirrors_only": true}));
    client.set_host("reg.example", only).unwrap();
    for name in ["reg.example:80", "http://reg.example:80"] {
        let reference = Reference::parse(&format!("{name}/a/b:t"), None).unwrap();
        let found = client.get_manifest(&call(&client), &reference, &GetOptions::default());
        fails(found, Code::Forbidden, "blocked by the option mirrors_only");
        let shown = client.explain(&call(&client), &reference).unwrap();
        assert!(shown["endpoints"][0]["blocked"].is_string(), "{shown:#}");
    }
}

/// An address has many spellings too: in a redirect, in a challenge, in a name, in what is said of it.
#[test]
fn no_spelling_of_an_address_leads_there() {
    let mut house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let port = house.host("origin").rsplit(':').next().unwrap().to_owned();
    let spelled: Vec<String> =
        ["[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]"].iter().map(|host| format!("{host}:{port}")).collect();
    let to = spelled[0].clone();
    house.add("leads", move |seen| reply(307).header("Location", format!("http://{to}{}", seen.target)));
    let to = spelled[0].clone();
    house.add("asks", move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"http://{to}/token\"")));
    let only = || host_options(json!({"mirrors": [house.host("m1")], "mirrors_only": true}));
    for said in [house.host("origin"), &spelled[1]] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("[[registry]]\nlocation = \"{said}\"\nblocked = true\n")).unwrap();
        let path = file.path().to_string_lossy().into_owned();
        let by_file = Client::new(changed(options(), |options| options.machine.registries_conf = Some(path))).unwrap();
        let by_option = client();
        by_option.set_host(said, only()).unwrap();
        for client in [&by_option, &by_file] {
            for name in ["leads", "asks"] {
                let error = client.get_manifest(&call(client), &tag(house.host(name)), &GetOptions::default()).err();
                assert_eq!(error.unwrap().code(), Code::Redirect, "{said} {name}");
            }
        }
        for name in spelled.iter().map(String::as_str).chain([house.host("origin")]) {
            let get = |client: &Client| client.get_manifest(&call(client), &tag(name), &GetOptions::default());
            assert_eq!(get(&by_option).unwrap().served_by.as_deref(), Some(house.host("m1")), "{said} {name}");
            fails(get(&by_file), Code::Forbidden, "is blocked by");
        }
    }
    assert!(house.server("origin").seen().is_empty());
}

/// DNS knows a name with a dot at its end as the same.
#[test]
fn no_spelling_leads_there() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let client = client();
    for (host, names) in [
        ("reg.example", ["reg.example", "reg.example.", "REG.example.:443"].as_slice()),
        ("other.example.:5000", &["other.example:5000", "other.example.:5000"]),
        ("docker.io", &["docker.io", "registry-1.docker.io.", "index.docker.io."]),
    ] {
        client.set_host(host, host_options(json!({"mirrors": [house.host("m1")], "mirrors_only": true}))).unwrap();
        for name in names {
            let reference = Reference::parse(&format!("{name}/a/b:t"), None).unwrap();
            let found = client.get_manifest(&house.call(&client), &reference, &GetOptions::default()).unwrap();
            assert_eq!(found.served_by.as_deref(), Some(house.host("m1")), "{name}");
        }
    }
}

/// An answer is not taken for the registry's, which is not asked, and it is said why.
#[test]
fn an_error_says_who_answered_and_what_forbids_the_rest() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let (origin, mirror) = (house.host("origin"), house.host("m1"));
    let text = format!(
        "[[registry]]\nlocation = \"{origin}\"\nblocked = true\n[[registry.mirror]]\nlocation = \"{mirror}\"\ninsecure = true\n"
    );
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_string_lossy().into_owned();
    let by_file = Client::new(changed(options(), |options| options.machine.registries_conf = Some(path))).unwrap();
    let by_option = house.client_with(json!({"mirrors": [mirror], "mirrors_only": true}));
    for (client, why) in [(by_file, "is blocked by"), (by_option, "mirrors_only allows only the mirrors")] {
        let none = house.repository().with_tag("none").unwrap();
        let error = client.get_manifest(&call(&client), &none, &GetOptions::default()).err().unwrap();
        let hint = error.hint().unwrap();
        assert!(error.code() == Code::NotFound && hint.contains(&format!("it is {mirror} that")), "{error:?}");
        assert!(hint.contains(why) && hint.contains(origin), "{hint}");
    }
}
