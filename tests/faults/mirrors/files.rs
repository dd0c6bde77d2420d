//! Rules of the machine's files: a mirror on the registry's own host, and registries that are blocked.

use ocireg::error::Code;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::login::LoginOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::json;
use tempfile::NamedTempFile;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

/// A client with a registries.conf.
fn client_with_file(text: &str) -> (Client, NamedTempFile) {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_string_lossy().into_owned();
    (Client::new(changed(options(), |options| options.machine.registries_conf = Some(path))).unwrap(), file)
}

/// A registry that has mirrors of itself below `cache`.
fn with_cache(host: &str) -> String {
    format!("[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"{host}/cache\"\ninsecure = true\n")
}

fn is_cache(seen: &Seen) -> bool {
    seen.path().starts_with("/v2/cache/")
}

/// A registry, what it has below `cache`, and a mirror that is down.
fn with_a_cache(cache: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> House {
    let mut house = House::new(&[("m1", Down)]);
    house.add("origin", move |seen| if is_cache(seen) { cache(seen) } else { healthy(seen) });
    house
}

#[test]
fn a_mirror_on_the_registrys_host_is_a_mirror() {
    for mirrors in [json!([]), json!(["m1"])] {
        let house = with_a_cache(|_| reply(404));
        let (client, _file) = client_with_file(&with_cache(house.host("origin")));
        if mirrors != json!([]) {
            client.set_host(house.host("origin"), host_options(json!({"mirrors": [house.host("m1")]}))).unwrap();
        }
        let call = house.call(&client);
        // What it does not have is asked of the registry.
        client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
        client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default()).unwrap();
        let reads = house.server("origin").seen();
        assert_eq!(reads.iter().any(is_cache), mirrors == json!([]), "the option's mirrors come instead of it");
        // What is written goes to the registry.
        client.put_blob(&call, &house.repository(), b"x", &Default::default()).unwrap();
        client.put_manifest(&call, &house.tagged(), MANIFEST.as_bytes(), &Default::default()).unwrap();
        client.delete_manifest(&call, &house.tagged(), &Default::default()).unwrap();
        let all = house.server("origin").seen();
        let mut writes = all.iter().filter(|seen| seen.method != "GET" && seen.method != "HEAD").peekable();
        assert!(writes.peek().is_some() && writes.all(|seen| seen.path().starts_with("/v2/a/b/")), "{mirrors}");
    }
}

/// The mirror has the tag as it was before.
#[test]
fn what_was_written_is_read_at_the_registry_and_not_beside_it() {
    let house = with_a_cache(|seen| match seen.path().ends_with("/manifests/t") {
        true => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        false => reply(404),
    });
    let (client, _file) = client_with_file(&with_cache(house.host("origin")));
    let call = house.call(&client);
    let get = || client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap().bytes;
    assert_eq!(get(), MANIFEST.as_bytes());
    client.put_manifest(&call, &house.tagged(), manifest().as_bytes(), &Default::default()).unwrap();
    assert_eq!(get(), manifest().as_bytes());
}

fn blocked(place: &str, mirror: &str) -> String {
    format!("[[registry]]\nlocation = \"{place}\"\nblocked = true\n[[registry.mirror]]\nlocation = \"{mirror}\"\n")
}

/// What has a mirror can be read there, and nothing goes to the registry, whatever is asked and wherever the mirror leads.
#[test]
fn a_blocked_registry_is_not_contacted() {
    let mut house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let (origin, to) = (house.host("origin").to_owned(), house.server("origin").url(""));
    house.add("leads", move |seen| reply(307).header("Location", format!("{to}{}", seen.target)));
    for option in [false, true] {
        for name in ["m1", "leads"] {
            let (client, _file) = client_with_file(&blocked(&origin, house.host(name)));
            if option {
                client.set_host(&origin, host_options(json!({"mirrors": [house.host(name)]}))).unwrap();
            }
            let call = house.call(&client);
            let read = client.get_manifest(&call, &house.tagged(), &GetOptions::default());
            assert_eq!(read.is_ok(), name == "m1", "{:?}", read.err());
            let get = client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default());
            assert_eq!(get.is_ok(), name == "m1");
            fails(client.ping(&call, &origin), Code::Forbidden, "is blocked by");
            fails(client.catalog(&call, &origin, &Default::default()), Code::Forbidden, "is blocked by");
            let login: LoginOptions =
                serde_json::from_value(json!({"username": "u", "password": "s3cret", "store": false})).unwrap();
            fails(client.login(&call, &origin, &login), Code::Forbidden, "is blocked by");
            fails(client.v1_ping(&call, &origin), Code::Forbidden, "is blocked by");
            fails(client.v1(&call, &house.repository()).and_then(|v1| v1.tags()), Code::Forbidden, "is blocked by");
            fails(
                client.put_blob(&call, &house.repository(), b"x", &Default::default()),
                Code::Forbidden,
                "is blocked",
            );
            assert!(house.server("origin").seen().is_empty(), "{name}");
        }
    }
}

/// Another registry redirects there, or says that its tokens come from there; but a host of which only a part is blocked is one as others.
#[test]
fn nothing_leads_to_a_blocked_registry() {
    let mut house = House::new(&[("origin", Healthy)]);
    let origin = house.server("origin").url("");
    let to = origin.clone();
    house.add("leads", move |seen| reply(307).header("Location", format!("{to}{}", seen.target)));
    let to = origin.clone();
    house.add("asks", move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{to}/token\"")));
    let to = origin.clone();
    house.add("sends", move |seen| match seen.method.as_str() {
        "POST" => reply(202).header("Location", format!("{to}/v2/a/b/blobs/uploads/1")),
        _ => healthy(seen),
    });
    let alone = format!("[[registry]]\nlocation = \"{}\"\nblocked = true\n", house.host("origin"));
    let opened = format!("{alone}[[registry]]\nlocation = \"{}/open\"\n", house.host("origin"));
    let part = format!("[[registry]]\nlocation = \"{}/secret\"\nblocked = true\n", house.host("origin"));
    for (text, is_blocked) in [(alone, true), (opened, false), (part, false)] {
        let (client, file) = client_with_file(&text);
        let call = house.call(&client);
        for name in ["leads", "asks"] {
            let outcome = client.get_manifest(&call, &tag(house.host(name)), &GetOptions::default());
            match outcome.err() {
                Some(error) if is_blocked => {
                    let why = format!("is blocked by {}:1", file.path().display());
                    assert!(error.message().contains(&why), "{error}");
                }
                outcome => assert!(name == "asks" || outcome.is_none(), "{outcome:?}"),
            }
        }
        let sent = client.put_blob(&call, &repository(house.host("sends")), b"x", &Default::default());
        assert_eq!(sent.is_ok(), !is_blocked, "{:?}", sent.err());
        assert_eq!(house.server("origin").seen().is_empty(), is_blocked);
    }
}

/// What would be asked is shown, and which rule forbids the rest.
#[test]
fn a_block_is_explained() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let (origin, m1) = (house.host("origin"), house.host("m1"));
    let alone = format!("[[registry]]\nlocation = \"{origin}\"\nblocked = true\n");
    for (text, reference, asked) in [
        (blocked(origin, m1), house.tagged(), vec![(m1, false), (origin, true)]),
        (alone.clone(), house.tagged(), vec![(origin, true)]),
        // As a mirror of another registry it is blocked as well.
        (alone, tag("other.test"), vec![(origin, true), ("other.test", false)]),
    ] {
        let (client, file) = client_with_file(&text);
        client.set_host("other.test", host_options(json!({"mirrors": [origin]}))).unwrap();
        let shown = client.explain(&house.call(&client), &reference).unwrap();
        let source = format!("{}:1", file.path().display());
        let all = shown["endpoints"].as_array().unwrap();
        let found: Vec<(&str, bool)> =
            all.iter().map(|one| (one["host"].as_str().unwrap(), one["blocked"] == source.as_str())).collect();
        assert_eq!(found, asked, "{shown:#}");
        assert!(all.iter().all(|one| one["blocked"].is_null() != (one["asked_for"] == json!([]))), "{shown:#}");
    }
    assert!(house.server("origin").seen().is_empty() && house.server("m1").seen().is_empty());
}

/// Only one repository is blocked: the others are as ever, and protocol v1 knows it too.
#[test]
fn a_blocked_repository_is_blocked_by_each_protocol() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    for text in [
        blocked(&format!("{}/a/b", house.host("origin")), house.host("m1")),
        format!("[[registry]]\nlocation = \"{}/a/b\"\nblocked = true\n", house.host("origin")),
    ] {
        let (client, _file) = client_with_file(&text);
        let call = house.call(&client);
        fails(client.v1(&call, &house.repository()).and_then(|v1| v1.tags()), Code::Forbidden, "is blocked by");
        assert!(house.server("origin").seen().is_empty());
    }
    let (client, _file) = client_with_file(&blocked(&format!("{}/a/b", house.host("origin")), house.host("m1")));
    client.ping(&house.call(&client), house.host("origin")).unwrap();
}
