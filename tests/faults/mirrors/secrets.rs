//! What is secret stays where it belongs: nothing of the registry reaches a mirror, and nothing of a mirror the registry.

use std::sync::Arc;

use ocireg::call::context::Context;
use ocireg::credentials::Credentials;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

pub fn asks_basic(seen: &Seen) -> Reply {
    match seen.header("authorization") {
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        Some(_) => healthy(seen),
    }
}

pub fn basic(user: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:s3cret")))
}

/// All that a server got in these headers.
pub fn got(house: &House, name: &str, header: &str) -> Vec<String> {
    let mut all: Vec<String> =
        house.server(name).seen().iter().filter_map(|seen| seen.header(header).map(str::to_owned)).collect();
    all.dedup();
    all
}

#[test]
fn each_gets_its_own_credentials_and_headers() {
    let mut house = House::new(&[("m1", Status(500))]);
    house.add("m2", |seen| match seen.path().contains("/blobs/") {
        true => reply(404),
        false => asks_basic(seen),
    });
    house.add("origin", asks_basic);
    let client = house.client_with(json!({"mirrors": [house.host("m1"), house.host("m2")], "username": "origin",
        "password": "s3cret", "headers": ["X-Key: of origin"]}));
    for (name, user) in [("m1", "one"), ("m2", "two")] {
        let own = json!({"username": user, "password": "s3cret", "headers": [format!("X-Key: of {name}")]});
        client.set_host(house.host(name), host_options(own)).unwrap();
    }
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default()).unwrap();
    assert_eq!(got(&house, "m2", "authorization"), [basic("two")]);
    assert_eq!(got(&house, "origin", "authorization"), [basic("origin")]);
    for (name, key) in [("m1", "of m1"), ("m2", "of m2"), ("origin", "of origin")] {
        assert_eq!(got(&house, name, "x-key"), [key], "{name}");
    }
    assert!(got(&house, "m1", "authorization").is_empty());
}

/// It refused the credentials, or could not be reached as it was asked: now the caller says something else of it.
#[test]
fn new_options_of_a_mirror_are_tried_at_once() {
    let mut house = House::new(&[("m2", Down), ("origin", Healthy)]);
    house.add("m1", asks_basic);
    let client = house.client_with(json!({"mirrors": [house.host("m1"), "cache"]}));
    let at = |name: &str| client.set_host("cache", host_options(json!({"address": house.host(name)}))).unwrap();
    at("m2");
    let call = house.call(&client);
    let served = || client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap().served_by.unwrap();
    assert_eq!((served().as_str(), served().as_str()), (house.host("origin"), house.host("origin")));
    at("origin");
    assert_eq!(served(), "cache");
    let own = json!({"username": "one", "password": "s3cret"});
    client.set_host(house.host("m1"), host_options(own)).unwrap();
    assert_eq!(served(), house.host("m1"));
}

/// A bearer token in the registry's options goes nowhere else; a token that one server granted neither.
#[test]
fn tokens_stay_with_their_registry() {
    let house = House::new(&[("m1", Asks), ("origin", Asks)]);
    let client = house.client_with(json!({"mirrors": [house.host("m1")], "token": "t0ken-of-origin"}));
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    client.put_blob(&call, &house.repository(), b"{}", &Default::default()).unwrap();
    assert_eq!(got(&house, "m1", "authorization"), ["Bearer granted"]);
    assert_eq!(got(&house, "origin", "authorization"), ["Bearer t0ken-of-origin"]);
    // The mirror's token server is asked without the registry's credentials.
    let client = house.client_with(json!({"mirrors": [house.host("m1")], "username": "origin", "password": "s3cret"}));
    client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert!(house
        .server("m1")
        .seen()
        .iter()
        .all(|seen| !seen.headers.iter().any(|(_, value)| *value == basic("origin"))));
}

/// The hook and stored credentials are asked for the mirror's own name.
#[test]
fn the_hook_is_asked_for_the_mirror() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", asks_basic);
    let client = house.client(&["m1"]);
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (context, names) = (Arc::new(Context::new()), asked.clone());
    context.set_credentials(Some(Arc::new(move |_, host| {
        names.lock().unwrap().push(host.to_owned());
        Ok(Credentials::Password { username: "hook".into(), password: "s3cret".to_owned().into() })
    })));
    let call = client.call(Some(context)).unwrap();
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(*asked.lock().unwrap(), [house.host("m1")]);
    assert_eq!(got(&house, "m1", "authorization"), [basic("hook")]);
}

/// A mirror leads to the registry's host: that gets nothing of either.
#[test]
fn a_redirect_to_the_registry_has_no_secrets() {
    let mut house = House::new(&[("origin", Healthy)]);
    let to = house.server("origin").url("");
    house.add("m1", move |seen| match seen.header("authorization") {
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        Some(_) => reply(307).header("Location", format!("{to}{}", seen.target)),
    });
    let client = house.client_with(json!({"mirrors": [house.host("m1")], "username": "origin", "password": "s3cret",
        "headers": ["X-Key: of origin"]}));
    let own = json!({"username": "mirror", "password": "s3cret", "headers": ["X-Key: of mirror"]});
    client.set_host(house.host("m1"), host_options(own)).unwrap();
    client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert!(!house.server("origin").seen().is_empty());
    assert!(got(&house, "origin", "authorization").is_empty() && got(&house, "origin", "x-key").is_empty());
}

/// What a rule says of a mirror holds for its requests as a mirror, and not where the same host is a registry of its own.
#[test]
fn a_mirror_that_is_a_registry_too_has_two_lives() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join(house.host("origin"));
    std::fs::create_dir(&host).unwrap();
    let mirror = format!("http://{}", house.host("m1"));
    let text = format!("[host.\"{mirror}\"]\n[host.\"{mirror}\".header]\nx-key = \"of the rule\"\n");
    std::fs::write(host.join("hosts.toml"), text).unwrap();
    let all = changed(options(), |options| {
        options.machine.containerd_certs_dir.0 = vec![folder.path().to_string_lossy().into_owned()];
    });
    let client = Client::new(all).unwrap();
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!((house.asked(), got(&house, "m1", "x-key")), (vec!["m1".to_owned()], vec!["of the rule".to_owned()]));
    let as_registry = tag(house.host("m1"));
    client.get_manifest(&call, &as_registry, &GetOptions::default()).unwrap();
    let last = house.server("m1").seen().pop().unwrap();
    assert_eq!((last.header("x-key"), last.target.contains("ns=")), (None, false));
}

/// What is for all hosts is for those that the caller names: a mirror of which only a file knows does not get it.
#[test]
fn what_is_for_all_hosts_is_not_for_a_stranger() {
    let mut house = House::new(&[("origin", Healthy), ("asks", Asks)]);
    house.add("m1", healthy);
    let mirrors = [house.host("m1"), house.host("asks")].map(|host| format!("http://{host}"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!("mirrors:\n  \"{}\":\n    endpoint: {mirrors:?}\n", house.host("origin"));
    std::fs::write(file.path(), text).unwrap();
    let with = |mut all: serde_json::Value| {
        all["headers"] = json!(["X-All: s3cret"]);
        all["plain_http"] = json!(true);
        Client::new(serde_json::from_value(all).unwrap()).unwrap()
    };
    let client = with(json!({"k3s_registries": file.path()}));
    let get = || {
        client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
        client.get_manifest(&house.call(&client), &house.repository().with_tag("none").unwrap(), &GetOptions::default())
    };
    assert!(get().is_err());
    // Nor does what it names for its tokens.
    assert_eq!(house.asked(), ["m1", "asks", "origin"]);
    assert!(got(&house, "m1", "x-all").is_empty() && got(&house, "asks", "x-all").is_empty());
    assert_eq!(got(&house, "origin", "x-all"), ["s3cret"]);
    client.set_host(house.host("m1"), host_options(json!({}))).unwrap();
    assert!(get().is_err());
    assert_eq!(got(&house, "m1", "x-all"), ["s3cret"]);
    assert!(got(&house, "asks", "x-all").is_empty());
    // Nor is the registry itself, though a file names it as well.
    let itself = format!("http://{}", house.host("origin"));
    std::fs::write(file.path(), format!("mirrors:\n  \"{}\":\n    endpoint: [\"{itself}\"]\n", house.host("origin")))
        .unwrap();
    let client = with(json!({"k3s_registries": file.path()}));
    client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.server("origin").seen().last().unwrap().header("x-all"), Some("s3cret"));
    // A mirror that the caller names is trusted.
    let client = with(json!({}));
    client.set_host(house.host("origin"), host_options(json!({"mirrors": [house.host("asks")]}))).unwrap();
    client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert!(!got(&house, "asks", "x-all").is_empty());
}
