//! Credentials that the machine's files have for a mirror: when it gets them, and that nobody else does.

use std::sync::Arc;

use ocireg::call::context::Context;
use ocireg::credentials::Credentials;
use ocireg::reference::Reference;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::{Client, ClientOptions};
use serde_json::json;
use tempfile::TempDir;

use super::house::Manner::*;
use super::house::*;
use super::secrets::{asks_basic, basic, got};
use crate::common::*;
use crate::server::*;
use crate::stored::Folder;

/// A client with a hosts.toml that has an Authorization for the mirror.
fn with_hosts_toml(house: &House) -> (Client, TempDir) {
    with_hosts_toml_and(house, options())
}

/// Another registry, at the same server.
fn other_name(house: &House) -> String {
    house.host("origin").replace("127.0.0.1", "localhost")
}

/// The same with other options; the other registry has the mirror too, without an Authorization.
fn with_hosts_toml_and(house: &House, options: ClientOptions) -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (mirror, value) = (format!("http://{}", house.host("m1")), basic("file"));
    let header = format!("[host.\"{mirror}\".header]\nAuthorization = \"{value}\"\n");
    for (registry, header) in [(house.host("origin"), header.as_str()), (&other_name(house), "")] {
        let host = folder.path().join(registry);
        std::fs::create_dir(&host).unwrap();
        std::fs::write(host.join("hosts.toml"), format!("[host.\"{mirror}\"]\n{header}")).unwrap();
    }
    let certs = folder.path().to_string_lossy().into_owned();
    let all = changed(options, |options| options.machine.containerd_certs_dir.0 = vec![certs]);
    (Client::new(all).unwrap(), folder)
}

fn with_k3s(house: &House) -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (origin, mirror) = (house.host("origin"), house.host("m1"));
    let text = format!(
        "mirrors:\n  \"{origin}\":\n    endpoint: [\"http://{mirror}\"]\n\
         configs:\n  \"{mirror}\":\n    auth: {{username: file, password: s3cret}}\n"
    );
    let path = folder.path().join("registries.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_string_lossy().into_owned();
    (Client::new(changed(options(), |options| options.machine.k3s_registries = Some(path))).unwrap(), folder)
}

/// A registry that says nothing of what a stranger may not see.
fn hides(seen: &Seen) -> Reply {
    match seen.header("authorization") {
        Some(value) if value == basic("file") => healthy(seen),
        _ => reply(404),
    }
}

/// A mirror that sends blobs on to another host.
#[test]
fn a_header_goes_with_each_request_to_its_host_and_nowhere_else() {
    let mut house = House::new(&[("origin", Healthy), ("store", Healthy)]);
    let store = house.server("store").url("");
    house.add("m1", move |seen| match seen.path().contains("/blobs/") && seen.header("authorization").is_some() {
        true => reply(307).header("Location", format!("{store}{}", seen.target)),
        false => hides(seen),
    });
    let (client, _folder) = with_hosts_toml(&house);
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default()).unwrap();
    let found = client.locate_manifest(&call, &house.tagged(), &Default::default()).unwrap();
    assert_eq!(house.asked(), ["m1", "store", "m1"]);
    assert!(house.server("m1").seen().iter().all(|seen| seen.header("authorization") == Some(&basic("file"))));
    assert!(got(&house, "store", "authorization").is_empty() && house.server("origin").seen().is_empty());
    let found = serde_json::to_value(found).unwrap();
    assert_eq!(found["locations"][0]["headers"]["Authorization"], basic("file"));
    // Without asking.
    let unasked = json!({"follow": false});
    let found = client.locate_manifest(&call, &house.tagged(), &serde_json::from_value(unasked).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(found).unwrap()["locations"][0]["headers"]["Authorization"], basic("file"));
}

/// The mirror refuses the file's.
#[test]
fn those_of_the_caller_come_instead_when_it_asks() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.header("authorization") {
        Some(value) if value == basic("hook") => healthy(seen),
        _ => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    let (client, _folder) = with_hosts_toml(&house);
    client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.server("m1").count("GET", "/manifests/t"), 1, "the same again is of no use");
    let context = Arc::new(Context::new());
    context.set_credentials(Some(Arc::new(|_, _| {
        Ok(Credentials::Password { username: "hook".into(), password: "s3cret".to_owned().into() })
    })));
    let (client, _folder) = with_hosts_toml(&house);
    let call = client.call(Some(context)).unwrap();
    let found = client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(found.served_by.as_deref(), Some(house.host("m1")));
    assert!(got(&house, "origin", "authorization").is_empty());
}

/// Even where what the file has would be accepted, but not for this: who may read only, or may not see the repository.
#[test]
fn the_stored_ones_are_sent_instead_of_those_of_the_file() {
    for status in [401, 403, 404] {
        let mut house = House::new(&[("origin", Healthy)]);
        house.add("m1", move |seen| match seen.header("authorization") {
            Some(value) if value == basic("stored") => healthy(seen),
            Some(_) => reply(status),
            None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        let auth = basic("stored").split_off("Basic ".len());
        std::fs::write(file.path(), json!({"auths": {house.host("m1"): {"auth": auth}}}).to_string()).unwrap();
        let path = file.path().to_string_lossy().into_owned();
        let all = changed(options(), |options| options.credentials.credentials_file = Some(path));
        let (client, _folder) = with_hosts_toml_and(&house, all);
        let call = house.call(&client);
        client.put_blob(&call, &house.repository(), b"x", &Default::default()).unwrap();
        client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
        assert_eq!(got(&house, "m1", "authorization"), [basic("stored")], "{status}");
        assert!(house.server("origin").seen().is_empty(), "{status}");
    }
}

/// A helper that fails, or hangs, is a warning where the file has something to send.
#[test]
fn without_the_stored_ones_those_of_the_file_are_sent() {
    for script in ["echo 'it is locked' >&2; exit 7", "exec sleep 30"] {
        let mut house = House::new(&[("origin", Healthy)]);
        house.add("m1", hides);
        let stored = Folder::new(&json!({"credsStore": "bad"}));
        stored.helper("bad", script);
        let all = changed(stored.client_options(), |options| options.credentials.helper_timeout_ms = 300);
        let (client, _folder) = with_hosts_toml_and(&house, all);
        let context = Arc::new(Context::new());
        let call = client.call(Some(context.clone())).unwrap();
        let found = client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
        assert_eq!(found.served_by.as_deref(), Some(house.host("m1")));
        client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default()).unwrap();
        assert_eq!(stored.calls().len(), 1, "once in a call");
        let warnings = serde_json::to_string(&context.warnings()).unwrap();
        assert!(warnings.contains("docker-credential-bad") && warnings.contains(house.host("m1")), "{warnings}");
        assert!(!warnings.contains("s3cret"));
    }
}

/// Whoever is waiting for it then, in one call or in several, and whatever else of the host the call wants later.
#[test]
fn a_helper_that_hangs_is_waited_for_once() {
    for is_one in [true, false] {
        let mut house = House::new(&[("origin", Healthy)]);
        house.add("m1", hides);
        let stored = Folder::new(&json!({"credsStore": "bad"}));
        stored.helper("bad", "exec sleep 30");
        let all = changed(stored.client_options(), |options| options.credentials.helper_timeout_ms = 2000);
        let (client, _folder) = with_hosts_toml_and(&house, all);
        let (first, reference) = (house.call(&client), house.tagged());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let other = house.call(&client);
                let call = if is_one { first.clone() } else { other };
                let (client, reference) = (&client, &reference);
                scope.spawn(move || client.get_manifest(&call, reference, &GetOptions::default()).unwrap());
            }
        });
        if is_one {
            let other = format!("{}/a/c:t", house.host("origin"));
            client.get_manifest(&first, &Reference::parse(&other, None).unwrap(), &GetOptions::default()).unwrap();
        }
        assert_eq!(stored.calls().len(), 1, "one call: {is_one}");
    }
}

/// What cannot be used of one repository does not send the file's to another one, which has its own.
#[test]
fn a_broken_entry_is_that_of_its_own_repository() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| {
        let user = if seen.path().starts_with("/v2/a/c/") { "stored" } else { "file" };
        match seen.header("authorization") {
            Some(value) if value == basic(user) => healthy(seen),
            _ => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        }
    });
    let (mirror, auth) = (house.host("m1"), basic("stored").split_off("Basic ".len()));
    let stored = Folder::new(&json!({"auths": {
        format!("{mirror}/a/b"): {"auth": "!"},
        format!("{mirror}/a/c"): {"auth": auth},
    }}));
    let (client, _folder) = with_hosts_toml_and(&house, stored.client_options());
    let call = house.call(&client);
    for name in ["a/b", "a/c"] {
        let reference = Reference::parse(&format!("{}/{name}:t", house.host("origin")), None).unwrap();
        let found = client.get_manifest(&call, &reference, &GetOptions::default()).unwrap();
        assert_eq!(found.served_by.as_deref(), Some(mirror), "{name}");
    }
}

/// How the library calls itself may be said by a file, as containerd lets it.
#[test]
fn a_file_says_how_a_client_calls_itself() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.header("user-agent") {
        Some("of-the-file/1 (first)") => healthy(seen),
        _ => reply(403),
    });
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join(house.host("origin"));
    std::fs::create_dir(&host).unwrap();
    let mirror = format!("http://{}", house.host("m1"));
    let text = format!(
        "[host.\"{mirror}\"]\n[host.\"{mirror}\".header]\nuser-agent = [\"\", \"of-the-file/1 (first)\", \"second\"]\n"
    );
    std::fs::write(host.join("hosts.toml"), text).unwrap();
    let certs = folder.path().to_string_lossy().into_owned();
    let all = changed(options(), |options| options.machine.containerd_certs_dir.0 = vec![certs]);
    let client = Client::new(all).unwrap();
    let found = client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(found.served_by.as_deref(), Some(house.host("m1")));
    let missing = house.repository().with_tag("missing").unwrap();
    assert!(client.get_manifest(&house.call(&client), &missing, &GetOptions::default()).is_err());
    let agents = got(&house, "origin", "user-agent");
    assert!(!agents.is_empty() && agents.iter().all(|agent| agent.starts_with("ocireg/")), "of that host only");
}

/// The mirror asks whoever has none of the file for a token, which the file's credentials are not good for.
#[test]
fn what_others_are_asked_for_takes_nothing_away() {
    for order in ["another name", "ping"] {
        let mut house = House::new(&[("origin", Status(404))]);
        house.add("tokens", |_| reply(200).json(r#"{"token":"anonymous"}"#));
        let realm = house.server("tokens").url("/token");
        house.add("m1", move |seen| match seen.header("authorization") {
            Some(value) if value == basic("file") => healthy(seen),
            _ => reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"s\"")),
        });
        let (client, _folder) = with_hosts_toml(&house);
        let call = house.call(&client);
        match order {
            "another name" => {
                let other = tag(&other_name(&house));
                assert!(client.get_manifest(&call, &other, &GetOptions::default()).is_err());
            }
            _ => drop(client.ping(&call, house.host("m1")).unwrap()),
        }
        let before = house.server("m1").seen().len();
        assert!(before > 0, "{order}");
        for _ in 0..2 {
            let found = client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
            assert_eq!(found.served_by.as_deref(), Some(house.host("m1")), "{order}");
        }
        let seen = house.server("m1").seen().split_off(before);
        assert!(seen.iter().all(|seen| seen.header("authorization") == Some(&basic("file"))), "{order}");
        assert_eq!(seen.len(), 2, "{order}");
    }
}

/// What other programs are told to send is what this client would send itself.
#[test]
fn the_header_for_other_programs_is_that_of_the_file_until_it_is_refused() {
    for is_good in [true, false] {
        let mut house = House::empty();
        house.add("tokens", |_| reply(200).json(r#"{"token":"anonymous"}"#));
        let realm = house.server("tokens").url("/token");
        house.add("origin", move |seen| match seen.header("authorization") {
            Some(value) if is_good && value == basic("file") => healthy(seen),
            _ => reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"s\"")),
        });
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join(house.host("origin"));
        std::fs::create_dir(&host).unwrap();
        let (url, value) = (format!("https://{}", house.host("origin")), basic("file"));
        let text = format!("[host.\"{url}\"]\n[host.\"{url}\".header]\nAuthorization = \"{value}\"\n");
        std::fs::write(host.join("hosts.toml"), text).unwrap();
        let certs = folder.path().to_string_lossy().into_owned();
        let all = changed(options(), |options| options.machine.containerd_certs_dir.0 = vec![certs]);
        let client = Client::new(all).unwrap();
        client.set_host(house.host("origin"), host_options(json!({"plain_http": true}))).unwrap();
        let call = house.call(&client);
        client.ping(&call, house.host("origin")).unwrap();
        let header = |refused: Option<String>| {
            let wish = serde_json::from_value(json!({"refused": refused})).unwrap();
            client.token(&call, &house.repository(), &wish).map(|found| found.header.unwrap().value.to_string())
        };
        let wanted = if is_good { basic("file") } else { "Bearer anonymous".to_owned() };
        assert_eq!(header(None).unwrap(), wanted);
        // The caller may know better.
        assert_eq!(header(Some(basic("file"))).unwrap(), "Bearer anonymous");
    }
}

#[test]
fn who_is_anonymous_sends_none_of_files() {
    for with in [with_hosts_toml, with_k3s] {
        for anonymous in [false, true] {
            let mut house = House::new(&[("origin", Healthy)]);
            house.add("m1", asks_basic);
            let (client, _folder) = with(&house);
            client.set_host(house.host("origin"), host_options(json!({"anonymous": anonymous}))).unwrap();
            client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
            let sent = if anonymous { Vec::new() } else { vec![basic("file")] };
            assert_eq!(got(&house, "m1", "authorization"), sent);
            assert_eq!(house.asked().last().unwrap() == "origin", anonymous);
        }
    }
}
