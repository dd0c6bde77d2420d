//! HOST:443 and http://HOST are two registries: what is said of one does not reach the other, and what is one of the two is one for all calls.

use ocireg::error::Code;
use ocireg::place::{self, Place};
use ocireg::reference::Reference;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::Abilities;
use crate::server::*;
use crate::shelf::Shelf;
use crate::stored::{auth, encoded, Folder};

/// A registry at both ports that wants credentials.
fn asking() -> Server {
    Server::start(|seen| match seen.header("authorization") {
        Some(_) => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    })
}

const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;

fn login(user: &str, address: &str) -> Value {
    json!({"username": user, "password": "p", "address": address})
}

/// Whose password a registry got that is asked for an image by a name.
fn sent(client: &Client, server: &Server, name: &str) -> Option<String> {
    let before = server.seen().len();
    let reference = Reference::parse(&format!("{name}/a/b:t"), None).unwrap();
    let _ = client.get_manifest(&call(client), &reference, &GetOptions::default());
    let seen = server.seen();
    assert!(seen.len() > before, "{name} is not asked");
    seen[before..].iter().find_map(|seen| seen.header("authorization").map(str::to_owned))
}

fn as_basic(user: Option<&str>) -> Option<String> {
    user.map(|user| format!("Basic {}", encoded(user, "p")))
}

#[test]
fn credentials_for_the_port_of_https_are_not_sent_to_that_of_http() {
    let server = asking();
    for (told, at_80, at_443) in [
        (&["reg.test"][..], Some("0"), Some("0")),
        (&["reg.test:443"], None, Some("0")),
        (&["https://reg.test"], None, Some("0")),
        (&["reg.test:80"], Some("0"), None),
        (&["http://reg.test"], Some("0"), None),
        (&["reg.test:443", "reg.test:80"], Some("1"), Some("0")),
        (&["reg.test:80", "reg.test:443"], Some("0"), Some("1")),
        (&["reg.test", "reg.test:80"], Some("1"), Some("0")),
        (&["reg.test", "https://reg.test:443"], Some("0"), Some("1")),
        (&["reg.test:443", "reg.test"], Some("1"), Some("1")),
    ] {
        let client = client();
        client.set_host("reg.test", host_options(json!({"address": server.host}))).unwrap();
        for (user, name) in told.iter().enumerate() {
            client.set_host(name, host_options(login(&user.to_string(), &server.host))).unwrap();
        }
        for name in ["http://reg.test", "reg.test"] {
            assert_eq!(sent(&client, &server, name), as_basic(at_80), "{told:?} for {name}");
        }
        assert_eq!(sent(&client, &server, "reg.test:443"), as_basic(at_443), "{told:?} for reg.test:443");
    }
}

#[test]
fn stored_credentials_too() {
    let server = asking();
    for (entries, at_80, at_443) in [
        (&["reg.test"][..], Some("0"), Some("0")),
        (&["reg.test:443"], None, Some("0")),
        (&["https://reg.test"], None, Some("0")),
        (&["reg.test:80"], Some("0"), None),
        (&["https://reg.test/v2/", "reg.test:80"], Some("1"), Some("0")),
        (&["reg.test", "reg.test:80"], Some("1"), Some("0")),
    ] {
        let auths: serde_json::Map<String, Value> =
            entries.iter().enumerate().map(|(user, name)| ((*name).to_owned(), auth(&user.to_string(), "p"))).collect();
        let folder = Folder::new(&json!({ "auths": auths }));
        let client = folder.client();
        client.set_host("reg.test", host_options(json!({"address": server.host, "plain_http": true}))).unwrap();
        for name in ["http://reg.test", "reg.test"] {
            assert_eq!(sent(&client, &server, name), as_basic(at_80), "{entries:?} for {name}");
        }
        assert_eq!(sent(&client, &server, "reg.test:443"), as_basic(at_443), "{entries:?} for reg.test:443");
    }
}

/// A login is for the port that it says, and after it the one that was there before is not found; a logout of one name is one of all.
#[test]
fn a_login_is_for_the_port_that_it_says() {
    let server = asking();
    for (names, at_80, at_443) in [
        (&["reg.test"][..], Some("0"), Some("0")),
        (&["reg.test:443"], None, Some("0")),
        (&["https://reg.test"], None, Some("0")),
        (&["reg.test:80"], Some("0"), None),
        (&["http://reg.test"], Some("0"), None),
        (&["reg.test", "reg.test:443"], Some("0"), Some("1")),
        (&["reg.test", "https://reg.test"], Some("0"), Some("1")),
        (&["reg.test:443", "reg.test"], Some("1"), Some("1")),
        (&["https://reg.test", "reg.test:443"], None, Some("1")),
        (&["reg.test:443", "http://reg.test"], Some("1"), Some("0")),
        (&["reg.test:80", "http://reg.test"], Some("1"), None),
        (&["reg.test:80", "reg.test"], Some("1"), Some("1")),
        (&["http://reg.test", "reg.test:443", "reg.test"], Some("2"), Some("2")),
    ] {
        for out in ["reg.test", "reg.test:443", "https://reg.test"] {
            let folder = Folder::new(&json!({}));
            let client = folder.client();
            client.set_host("reg.test", host_options(json!({"address": server.host}))).unwrap();
            for (user, name) in names.iter().enumerate() {
                let options = json!({"username": user.to_string(), "password": "p"});
                client.set_host(name, host_options(json!({"address": server.host, "plain_http": true}))).unwrap();
                client.login(&call(&client), name, &serde_json::from_value(options).unwrap()).unwrap();
            }
            client.set_host("reg.test", host_options(json!({"address": server.host, "plain_http": true}))).unwrap();
            for (name, user) in [("http://reg.test", at_80), ("reg.test:443", at_443)] {
                assert_eq!(sent(&client, &server, name), as_basic(user), "{names:?} for {name}");
            }
            client.logout(&call(&client), out, &Default::default()).unwrap();
            assert_eq!(sent(&client, &server, "reg.test:443"), None, "{names:?} {out}");
            if out == "reg.test" {
                assert_eq!(sent(&client, &server, "http://reg.test"), None, "{names:?} {out}");
            }
        }
    }
}

fn place(text: &str) -> Place {
    Place::parse(text).unwrap()
}

/// A registry with an image, and a client that reaches it at both ports.
fn shelf(plain: bool) -> (Shelf, Client) {
    let shelf = Shelf::start(Abilities::default());
    let image = shelf.image("x");
    shelf.registry.manifests.lock().unwrap().tags.insert("t".to_owned(), image["digest"].as_str().unwrap().to_owned());
    let client = Client::new(changed(options(), |options| options.http.plain_http = plain)).unwrap();
    for name in ["reg.test", "reg.test:80"] {
        client.set_host(name, host_options(json!({"address": shelf.host()}))).unwrap();
    }
    (shelf, client)
}

#[test]
fn a_tag_is_set_in_the_registry_where_it_is_read() {
    for (plain, from, to, is_one) in [
        (true, "http://reg.test", "reg.test", true),
        (true, "reg.test", "http://reg.test", true),
        (true, "reg.test", "reg.test:80", true),
        (true, "http://reg.test", "reg.test:80", true),
        (true, "reg.test", "reg.test:443", false),
        (true, "http://reg.test:443", "reg.test", false),
        (true, "http://reg.test", "reg.test:443", false),
        (false, "http://reg.test", "reg.test", false),
        (false, "https://reg.test", "reg.test:80", false),
    ] {
        let (shelf, client) = shelf(plain);
        let to = format!("{to}/a/c:new");
        let from = place(&format!("{from}/a/b:t"));
        let outcome = place::tag(&client, &call(&client), &from, &to, &serde_json::from_value(json!({})).unwrap());
        match is_one {
            true => assert!(outcome.is_ok(), "{plain} {from:?} {to}: {:?}", outcome.err()),
            false => {
                let error = fails(outcome, Code::InvalidArgument, &format!("'{to}' is not in the registry"));
                assert_eq!(shelf.registry.server.seen().len(), 0, "{error}");
            }
        }
    }
}

#[test]
fn what_a_mirror_says_is_not_written_to_its_registry_by_another_name() {
    for (from, to) in
        [("http://reg.test", "reg.test:80"), ("reg.test", "reg.test:80"), ("reg.test:80", "http://reg.test")]
    {
        let (_shelf, client) = shelf(true);
        let mirror = Server::start(|_| reply(404));
        for name in ["reg.test", "reg.test:80"] {
            let options = json!({"address": _shelf.host(), "mirrors": [format!("http://{}", mirror.host)]});
            client.set_host(name, host_options(options)).unwrap();
        }
        let (from, to) = (place(&format!("{from}/a/b:t")), place(&format!("{to}/a/c:new")));
        place::copy(&client, &call(&client), &from, &to, &serde_json::from_value(json!({})).unwrap()).unwrap();
        assert_eq!(mirror.count("GET", "manifests/t") + mirror.count("HEAD", "manifests/t"), 0, "{from:?} {to:?}");
    }
}

#[test]
fn a_blob_is_mounted_within_one_registry() {
    for (from, to, is_one) in [
        ("http://reg.test", "reg.test:80", true),
        ("http://reg.test", "reg.test:443", false),
        ("reg.test:443", "http://reg.test", false),
        ("reg.test", "http://reg.test", true),
        ("reg.test", "reg.test:443", false),
    ] {
        let (shelf, client) = shelf(true);
        let blob = digest(b"x");
        let from = Reference::parse(&format!("{from}/a/b"), None).unwrap();
        let to = Reference::parse(&format!("{to}/a/c@{blob}"), None).unwrap();
        let from = from.repository();
        let outcome = client.mount_blob(&call(&client), &to, Some(from), &serde_json::from_value(json!({})).unwrap());
        let is_asked = !shelf.registry.server.seen().is_empty();
        assert_eq!(is_asked, is_one, "{from:?} {to}: {:?}", outcome.as_ref().err());
        if !is_one {
            fails(outcome, Code::InvalidArgument, "that is another registry");
        }
    }
}
