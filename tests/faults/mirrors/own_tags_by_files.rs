//! What is written to a registry by one of its tags, where a machine's file has a rule for it: the tag is read where it is written to only if the
//! file lets that be asked for tags.

use std::sync::Mutex;

use ocireg::place::{self, Place};
use ocireg::registry::Client;
use serde_json::{json, Value};
use tempfile::TempDir;

use super::house::Manner::*;
use super::house::*;
use super::own_tags::{stale, Write, WRITES};
use crate::common::*;
use crate::server::*;

/// One that takes what is written, and gives nothing.
fn only_takes(seen: &Seen) -> Reply {
    match seen.method.as_str() {
        "GET" | "HEAD" if seen.path() != "/v2/" => reply(404),
        "PUT" => created(seen).header("OCI-Subject", digest(manifest().as_bytes())),
        _ => healthy(seen),
    }
}

fn text_in(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

fn with_registries_conf(text: &str) -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = text_in(&folder, "registries.conf", text);
    (Client::new(changed(options(), |options| options.machine.registries_conf = Some(path))).unwrap(), folder)
}

/// Each of these writes, of all or of those to another repository, is of the image that is read.
fn check(house: &House, client: &Client, writer: &str, only_elsewhere: bool) {
    let is_elsewhere = |what: &str| what == "sync" || what.ends_with("elsewhere");
    for (what, write) in WRITES.into_iter().filter(|(what, _)| !only_elsewhere || is_elsewhere(what)) {
        let before = house.server(writer).seen().len();
        write(client, &house.repository().full_name()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let right = digest(manifest().as_bytes());
        let seen = house.server(writer).seen().split_off(before);
        let has = |seen: &Seen| {
            let body = String::from_utf8_lossy(&seen.body);
            seen.method == "PUT" && (body == manifest() || body.contains(right.as_str()))
        };
        assert!(seen.iter().any(has), "{what}");
    }
}

#[test]
fn a_repository_that_is_read_elsewhere_is_read_there_by_its_tags() {
    let mut house = House::new(&[("m1", Healthy)]);
    house.add("origin", only_takes);
    let (origin, m1) = (house.host("origin"), house.host("m1"));
    let (client, _folder) =
        with_registries_conf(&format!("[[registry]]\nprefix = \"{origin}/a/b\"\nlocation = \"{m1}/z\"\n"));
    check(&house, &client, "origin", false);
}

/// Nothing is written to it.
#[test]
fn a_blocked_repository_with_a_mirror_goes_to_another_one_of_its_registry() {
    let mut house = House::new(&[("m1", Healthy)]);
    house.add("origin", only_takes);
    let (origin, m1) = (house.host("origin"), house.host("m1"));
    let (client, _folder) = with_registries_conf(&format!(
        "[[registry]]\nlocation = \"{origin}/a/b\"\nblocked = true\n[[registry.mirror]]\nlocation = \"{m1}/z\"\n"
    ));
    check(&house, &client, "origin", true);
    assert!(!house.server("origin").seen().iter().any(|seen| seen.path().starts_with("/v2/a/b/")));
}

/// What is read and written at the registry is so whatever rules its repositories have.
#[test]
fn a_rule_of_its_own_for_the_destination_is_no_reason_to_believe_a_mirror() {
    let rule = |at: &str, mirror: &str| {
        format!("[[registry]]\nlocation = \"{at}\"\n[[registry.mirror]]\nlocation = \"{mirror}\"\n")
    };
    for has_rule in [true, false] {
        let mut house = House::empty();
        house.add("m1", stale);
        house.add("origin", |seen| match seen.method == "PUT" || seen.path().starts_with("/v2/a/c/") {
            true => only_takes(seen),
            false => healthy(seen),
        });
        let (origin, m1) = (house.host("origin"), house.host("m1"));
        let mut text = rule(&format!("{origin}/a/b"), &format!("{m1}/a/b"));
        if has_rule {
            text += &rule(&format!("{origin}/a/c"), &format!("{m1}/a/c"));
        }
        let (client, _folder) = with_registries_conf(&text);
        check(&house, &client, "origin", true);
        assert_eq!(house.server("m1").count("GET", "/manifests/t"), 0);
    }
}

#[test]
fn a_host_that_only_takes_pushes_is_asked_for_no_tags() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", only_takes);
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[host.\"http://{}\"]\ncapabilities = [\"push\"]\n", house.host("m1"));
    text_in(&folder, &format!("{}/hosts.toml", house.host("origin")), &text);
    let certs = folder.path().to_string_lossy().into_owned();
    let all = changed(options(), |options| options.machine.containerd_certs_dir.0 = vec![certs]);
    check(&house, &Client::new(all).unwrap(), "m1", false);
}

#[test]
fn a_registry_that_is_read_under_other_names_is_read_so_by_its_tags() {
    let mut house = House::empty();
    house.add("origin", |seen| match seen.path().starts_with("/v2/z/") {
        true => healthy(seen),
        false => only_takes(seen),
    });
    let folder = tempfile::tempdir().unwrap();
    let origin = house.host("origin");
    let text = format!(
        "mirrors:\n  \"{origin}\":\n    endpoint: [\"https://{origin}\"]\n    rewrite:\n      \"^a/b$\": \"z/b\"\n"
    );
    let path = text_in(&folder, "registries.yaml", &text);
    let client = Client::new(changed(options(), |options| options.machine.k3s_registries = Some(path))).unwrap();
    check(&house, &client, "origin", false);
}

/// The mirror lists what the registry has deleted, and not yet what it has got.
#[test]
fn tags_are_listed_where_they_are_read() {
    let mut house = House::empty();
    house.add("m1", |seen| match seen.path().ends_with("/tags/list") {
        true => reply(200).json(r#"{"name":"a/b","tags":["old","t"]}"#),
        false => healthy(seen),
    });
    house.add("origin", |seen| match seen.path() {
        "/v2/a/b/tags/list" => reply(200).json(r#"{"name":"a/b","tags":["new","t"]}"#),
        "/v2/a/b/manifests/new" => healthy(&Seen { target: "/v2/a/b/manifests/t".to_owned(), ..seen.clone() }),
        path if path.starts_with("/v2/a/c/") => only_takes(seen),
        _ => healthy(seen),
    });
    let client = house.client(&["m1"]);
    let name = house.repository().full_name();
    let to = format!("{}c", name.strip_suffix('b').unwrap());
    let done = crate::synced::synced_by(&client, &name, &to, json!({})).unwrap();
    assert_eq!((&done["tags"]["copied"], &done["tags"]["failed"]), (&json!(2), &json!(0)), "{done:#}");
    assert_eq!(house.server("m1").count("GET", "/tags/list"), 0);
    for tag in ["new", "t"] {
        assert_eq!(house.server("origin").count("PUT", &format!("/v2/a/c/manifests/{tag}")), 1, "{tag}");
    }
}

/// What the registry itself is asked for is not refused because a file's mirrors are only for names without a port.
#[test]
fn what_no_mirror_is_asked_for_is_written_under_a_name_with_a_port() {
    for more in ["", "mirror-by-digest-only = true\n"] {
        for (what, write) in WRITES {
            let mut house = House::empty();
            house.add("m1", stale);
            house.add("origin", |seen| match seen.method.as_str() {
                "PUT" => created(seen).header("OCI-Subject", digest(manifest().as_bytes())),
                "GET" | "HEAD" if seen.path().starts_with("/v2/a/c/") => reply(404),
                _ => healthy(seen),
            });
            let mirror = format!("[[registry.mirror]]\nlocation = \"{}\"\ninsecure = true\n", house.host("m1"));
            let text = format!("[[registry]]\nprefix = \"*.reg.test\"\n{more}{mirror}");
            let (client, _folder) = with_registries_conf(&text);
            let address = host_options(json!({"address": house.host("origin")}));
            client.set_host("x.reg.test:5000", address).unwrap();
            write(&client, "x.reg.test:5000/a/b").unwrap_or_else(|error| panic!("{more}{what}: {error}"));
            assert_eq!(house.server("m1").seen().len(), 0, "{more}{what}");
        }
    }
}

fn in_place(name: &str) -> Place {
    Place::parse(name).unwrap()
}

/// What changes the index or the image `i` of a repository.
const CHANGES: [(&str, Write); 3] = [
    ("append to an index", |client, name| {
        let options = serde_json::from_value(json!({"references": [format!("{name}:t")]})).unwrap();
        place::append_to_index(client, &call(client), &in_place(&format!("{name}:i")), &options).map(drop)
    }),
    ("remove from an index", |client, name| {
        let options = serde_json::from_value(json!({"digests": [digest(b"gone")]})).unwrap();
        place::remove_from_index(client, &call(client), &in_place(&format!("{name}:i")), &options).map(drop)
    }),
    ("append to an image", |client, name| {
        let folder = tempfile::tempdir().unwrap();
        let tar = text_in(&folder, "layer.tar", &"\0".repeat(1024));
        let options = serde_json::from_value(json!({"layers": [tar]})).unwrap();
        place::append(client, &call(client), &in_place(&format!("{name}:i")), &options).map(drop)
    }),
];

const BARE: &str = r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#;

/// An index or an image that is there is changed as the registry has it, not as the mirror of the same name without the port has it.
#[test]
fn what_is_changed_in_place_under_a_name_with_a_port_is_the_registrys() {
    for (what, change) in CHANGES {
        let before = move |kept: &[u8]| match what {
            "append to an image" => image(kept),
            _ => index(&[kept, b"gone"]),
        };
        let mut house = House::empty();
        house.add("m1", move |seen| if is_i(seen) { before(b"stale") } else { stale(seen) });
        let set = Mutex::new(None);
        house.add("origin", move |seen| match (seen.method.as_str(), &mut *set.lock().unwrap()) {
            ("PUT", set) if is_i(seen) => {
                *set = Some(seen.body.clone());
                created(seen)
            }
            (_, Some(bytes)) if is_i(seen) => reply(200).header("Content-Type", INDEX_TYPE).body(bytes.as_slice()),
            (_, None) if is_i(seen) => before(b"kept"),
            _ if seen.path().ends_with(digest(BARE.as_bytes()).as_str()) => reply(200).body(BARE),
            _ => healthy(seen),
        });
        let mirror = format!("[[registry.mirror]]\nlocation = \"{}\"\ninsecure = true\n", house.host("m1"));
        let (client, _folder) = with_registries_conf(&format!("[[registry]]\nprefix = \"*.reg.test\"\n{mirror}"));
        client.set_host("x.reg.test:5000", host_options(json!({"address": house.host("origin")}))).unwrap();
        change(&client, "x.reg.test:5000/a/b").unwrap_or_else(|error| panic!("{what}: {error}"));
        let seen = house.server("origin").seen();
        let put = seen.iter().rfind(|seen| seen.method == "PUT" && is_i(seen)).unwrap();
        let body = String::from_utf8_lossy(&put.body);
        assert!(body.contains(digest(b"kept").as_str()) && !body.contains(digest(b"stale").as_str()), "{what}: {body}");
        assert_eq!(house.server("m1").seen().len(), 0, "{what}");
    }
}

fn is_i(seen: &Seen) -> bool {
    seen.path().ends_with("/manifests/i")
}

fn image(kept: &[u8]) -> Reply {
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(BARE.as_bytes()), "size": BARE.len()});
    let text = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [],
        "annotations": {"kept": digest(kept)}});
    reply(200).header("Content-Type", MANIFEST_TYPE).body(text.to_string())
}

fn index(entries: &[&[u8]]) -> Reply {
    let entry = |bytes: &&[u8]| json!({"mediaType": MANIFEST_TYPE, "digest": digest(bytes), "size": bytes.len()});
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    let text = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string();
    reply(200).header("Content-Type", INDEX_TYPE).body(text)
}
