//! Requests by rules of the machine's files: where they go, by which scheme, and with which secrets.

use std::path::Path;

use ocireg::error::Code;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::{Client, ClientOptions};
use serde_json::json;
use tempfile::TempDir;

use super::house::Manner::*;
use super::house::*;
use super::secrets::{asks_basic, basic, got};
use crate::common::*;
use crate::server::*;

/// A folder with a file, and a client that reads it.
fn client_with(name: &str, text: &str, change: impl FnOnce(&mut ClientOptions, String)) -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let path = path.to_string_lossy().into_owned();
    let client = Client::new(changed(options(), |options| {
        // The files say which scheme it is.
        options.http.plain_http = false;
        change(options, path);
    }));
    (client.unwrap(), folder)
}

/// hosts.toml of the registry.
fn containerd(house: &House, text: &str) -> (Client, TempDir) {
    client_with(&format!("{}/hosts.toml", house.host("origin")), text, |options, path| {
        let folder = Path::new(&path).parent().unwrap().parent().unwrap();
        options.machine.containerd_certs_dir.0 = vec![folder.to_string_lossy().into_owned()];
    })
}

fn k3s(text: &str) -> (Client, TempDir) {
    client_with("registries.yaml", text, |options, path| options.machine.k3s_registries = Some(path))
}

fn containers(text: &str) -> (Client, TempDir) {
    client_with("registries.conf", text, |options, path| options.machine.registries_conf = Some(path))
}

fn docker(text: &str) -> (Client, TempDir) {
    client_with("daemon.json", text, |options, path| options.machine.docker_daemon_json = Some(path))
}

fn get(house: &House, client: &Client) {
    client.get_manifest(&house.call(client), &house.tagged(), &GetOptions::default()).unwrap();
}

/// A login of registries.yaml is for its host only, and what the caller says of that comes first.
#[test]
fn a_login_of_a_file_goes_to_its_host() {
    let mut house = House::empty();
    house.add("m1", asks_basic);
    house.add("origin", asks_basic);
    let (m1, origin) = (house.host("m1"), house.host("origin"));
    let text = format!(
        "mirrors:\n  \"{origin}\":\n    endpoint: [\"http://{m1}\"]\n\
         configs:\n  \"{m1}\":\n    auth: {{username: file, password: s3cret}}\n"
    );
    let (client, _folder) = k3s(&text);
    client.set_host(origin, host_options(json!({"plain_http": true}))).unwrap();
    get(&house, &client);
    assert_eq!(house.asked(), ["m1"]);
    assert_eq!(got(&house, "m1", "authorization"), [basic("file")]);
    // As a registry of its own it is another matter, and the registry gets nothing of it.
    let put = client.put_blob(&house.call(&client), &house.repository(), b"x", &Default::default());
    fails(put, Code::Unauthenticated, "");
    assert!(got(&house, "origin", "authorization").is_empty());
    let own = json!({"username": "caller", "password": "s3cret", "plain_http": true});
    client.set_host(m1, host_options(own)).unwrap();
    get(&house, &client);
    assert_eq!(got(&house, "m1", "authorization").last(), Some(&basic("caller")));
}

/// A header with credentials is sent as credentials are: when it is asked for them, and to no host that it leads to.
#[test]
fn an_authorization_of_a_file_stays_at_its_host() {
    let mut house = House::new(&[("storage", Healthy), ("origin", Healthy)]);
    let to = house.server("storage").url("");
    house.add("m1", move |seen| match seen.header("authorization") {
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        Some(_) => reply(307).header("Location", format!("{to}{}", seen.target)),
    });
    let mirror = format!("http://{}", house.host("m1"));
    let text = format!(
        "[host.\"{mirror}\"]\n[host.\"{mirror}\".header]\nAuthorization = \"{}\"\nx-key = \"s3cret\"\n",
        basic("file")
    );
    let (client, _folder) = containerd(&house, &text);
    get(&house, &client);
    assert_eq!(house.asked(), ["m1", "storage"]);
    assert_eq!(
        (got(&house, "m1", "authorization"), got(&house, "m1", "x-key")),
        (vec![basic("file")], vec!["s3cret".to_owned()])
    );
    assert!(got(&house, "storage", "authorization").is_empty() && got(&house, "storage", "x-key").is_empty());
}

#[test]
fn the_path_of_a_host_comes_before_the_name() {
    let mut house = House::new(&[("origin", Down)]);
    house.add("m1", |seen| match seen.path() {
        "/v2/proj/a/b/manifests/t" | "/below/v2/a/b/manifests/t" => healthy(seen),
        _ => reply(404),
    });
    for (path, rest) in [("v2/proj", "override_path = true"), ("below", ""), ("below/v2", "")] {
        let (client, _folder) = containerd(&house, &format!("[host.\"http://{}/{path}\"]\n{rest}", house.host("m1")));
        get(&house, &client);
        let seen = house.server("m1").seen().pop().unwrap();
        assert!(seen.target.contains("?ns=127.0.0.1%3A"), "{}", seen.target);
        assert_eq!(house.asked(), ["m1"], "{path}");
    }
}

/// What a file calls insecure is asked by https, and by http because it does not speak TLS.
#[test]
fn an_insecure_host_may_speak_plain_http() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let (m1, origin) = (house.host("m1"), house.host("origin"));
    let conf = format!(
        "[[registry]]\nlocation = \"{origin}\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"{m1}\"\ninsecure = true\n"
    );
    for (client, _folder) in [
        containers(&conf),
        containerd(&house, &format!("[host.\"http://{m1}\"]\nskip_verify = true\n")),
        docker(&json!({"insecure-registries": [origin]}).to_string()),
        docker(r#"{"insecure-registries": ["127.0.0.0/8"]}"#),
    ] {
        get(&house, &client);
        assert_eq!(house.asked().len(), 1);
    }
    assert_eq!((house.server("m1").seen().len(), house.server("origin").seen().len()), (2, 2));
}

/// What is elsewhere on the registry's own host is read there under its other name, and written to where its name says.
#[test]
fn a_registry_may_have_a_repository_under_another_name() {
    let house = House::new(&[("origin", Healthy)]);
    let origin = house.host("origin");
    let (client, _folder) =
        containers(&format!("[[registry]]\nprefix = \"{origin}/a\"\nlocation = \"{origin}/z/y\"\ninsecure = true\n"));
    get(&house, &client);
    client.put_blob(&house.call(&client), &house.repository(), b"x", &Default::default()).unwrap();
    let seen = house.server("origin").seen();
    let (writes, reads): (Vec<_>, Vec<_>) =
        seen.iter().partition(|seen| matches!(seen.method.as_str(), "POST" | "PUT"));
    assert!(reads.iter().any(|seen| seen.path() == "/v2/z/y/b/manifests/t"));
    assert!(!writes.is_empty() && writes.iter().all(|seen| seen.path().starts_with("/v2/a/b/")));
}
