//! What is written to a registry by one of its tags: what the tag names there, not at a mirror, whose word for it nothing checks.

use std::sync::Mutex;

use ocireg::artifact::Artifact;
use ocireg::error::Error;
use ocireg::place::{self, Place};
use ocireg::reference::Reference;
use ocireg::registry::Client;
use serde_json::{json, Value};

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;
use crate::synced::synced_by;

/// One that has the tag of yesterday, and all that has a digest.
pub fn stale(seen: &Seen) -> Reply {
    match seen.path().ends_with("/manifests/t") || seen.path().ends_with(digest(MANIFEST.as_bytes()).as_str()) {
        true => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
            .body(MANIFEST),
        false => healthy(seen),
    }
}

fn options<T: serde::de::DeserializeOwned>(with: Value) -> T {
    serde_json::from_value(with).unwrap()
}

fn place(text: &str) -> Place {
    Place::parse(text).unwrap()
}

pub type Write = fn(&Client, &str) -> Result<(), Error>;

/// What writes something of the tag `t` of a repository.
pub const WRITES: [(&str, Write); 10] = [
    ("tag", |client, name| {
        place::tag(client, &call(client), &place(&format!("{name}:t")), "new", &options(json!({}))).map(drop)
    }),
    ("tag elsewhere", |client, name| {
        let to = format!("{}c:new", name.strip_suffix('b').unwrap());
        place::tag(client, &call(client), &place(&format!("{name}:t")), &to, &options(json!({}))).map(drop)
    }),
    ("copy", |client, name| {
        let (from, to) = (place(&format!("{name}:t")), place(&format!("{name}:new")));
        place::copy(client, &call(client), &from, &to, &options(json!({}))).map(drop)
    }),
    ("copy elsewhere", |client, name| {
        let to = place(&format!("{}c:new", name.strip_suffix('b').unwrap()));
        place::copy(client, &call(client), &place(&format!("{name}:t")), &to, &options(json!({}))).map(drop)
    }),
    ("attach", |client, name| {
        let mut artifact = Artifact::default();
        artifact.add_bytes(b"x".to_vec().into(), Default::default()).unwrap();
        place::attach_artifact(client, &call(client), &artifact, &place(&format!("{name}:t")), &options(json!({})))
            .map(drop)
    }),
    ("push with a subject", |client, name| {
        let (artifact, with) = (Artifact::default(), json!({"subject": format!("{name}:t")}));
        place::push_artifact(client, &call(client), &artifact, &place(&format!("{name}:new")), &options(with)).map(drop)
    }),
    ("index", |client, name| {
        let with = json!({"references": [format!("{name}:t")]});
        place::create_index(client, &call(client), &place(&format!("{name}:new")), &options(with)).map(drop)
    }),
    ("index with a subject", |client, name| {
        let content = format!("{name}@{}", digest(manifest().as_bytes()));
        let with = json!({"references": [content], "subject": format!("{name}:t")});
        place::create_index(client, &call(client), &place(&format!("{name}:new")), &options(with)).map(drop)
    }),
    ("append to an index", |client, name| {
        let with = json!({"references": [format!("{name}:t")], "create": true});
        place::append_to_index(client, &call(client), &place(&format!("{name}:new")), &options(with)).map(drop)
    }),
    ("sync", |client, name| {
        let to = format!("{}c", name.strip_suffix('b').unwrap());
        let done = synced_by(client, name, &to, json!({}))?;
        assert_eq!(done["tags"]["failed"], 0, "{done:#}");
        Ok(())
    }),
];

#[test]
fn what_is_written_by_a_tag_is_what_the_registry_says_of_it() {
    for (what, write) in WRITES {
        let mut house = House::empty();
        house.add("m1", stale);
        house.add("origin", |seen| match seen.method.as_str() {
            "PUT" => created(seen).header("OCI-Subject", digest(manifest().as_bytes())),
            "GET" | "HEAD" if seen.path().starts_with("/v2/a/c/") => reply(404),
            _ => healthy(seen),
        });
        let client = house.client(&["m1"]);
        write(&client, &house.repository().full_name()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!house.server("m1").seen().iter().any(|seen| seen.path().ends_with("/manifests/t")), "{what}");
        let put: Vec<String> = house
            .server("origin")
            .seen()
            .iter()
            .map(|seen| {
                assert!(!seen.path().contains(digest(MANIFEST.as_bytes()).as_str()), "{what}");
                String::from_utf8_lossy(&seen.body).into_owned()
            })
            .collect();
        let (right, wrong) = (digest(manifest().as_bytes()), digest(MANIFEST.as_bytes()));
        assert!(put.iter().any(|body| *body == manifest() || body.contains(right.as_str())), "{what}: {put:?}");
        assert!(!put.iter().any(|body| *body == MANIFEST || body.contains(wrong.as_str())), "{what}: {put:?}");
    }
}

/// To another registry the tag is what the first endpoint says, as everything that is read.
#[test]
fn a_copy_to_another_registry_is_of_what_a_mirror_says() {
    let mut house = House::new(&[("origin", Healthy), ("other", Healthy)]);
    house.add("m1", stale);
    let client = house.client(&["m1"]);
    let (from, to) = (house.tagged().to_string(), format!("{}/a/b:new", house.host("other")));
    place::copy(&client, &call(&client), &place(&from), &place(&to), &options(json!({}))).unwrap();
    assert!(house.server("other").seen().iter().any(|seen| seen.body == MANIFEST.as_bytes()));
}

/// One whose lists have what its owner wants to be taken for a signature; of the registry nothing refers to the image.
#[test]
fn what_refers_to_an_image_is_what_the_registry_says() {
    let forged = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/forged",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2}, "layers": [],
        "subject": {"mediaType": MANIFEST_TYPE, "digest": digest(manifest().as_bytes()), "size": manifest().len()}})
    .to_string();
    let named = digest(forged.as_bytes());
    let list = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
        {"mediaType": MANIFEST_TYPE, "digest": named, "size": forged.len(), "artifactType": "a/forged"}]})
    .to_string();
    for has_api in [true, false] {
        let (forged, named, list) = (forged.clone(), named.clone(), list.clone());
        let mut house = House::empty();
        house.add("m1", move |seen| match seen.path() {
            path if path.contains("/referrers/") && !has_api => reply(404),
            path if path.contains("/referrers/")
                || path.ends_with(&format!("/sha256-{}", digest(manifest().as_bytes()).hex())) =>
            {
                reply(200).header("Content-Type", INDEX_TYPE).body(&list)
            }
            path if path.ends_with(named.as_str()) => reply(200).header("Content-Type", MANIFEST_TYPE).body(&forged),
            _ => healthy(seen),
        });
        house.add("origin", move |seen| match seen.path() {
            _ if seen.method == "PUT" => created(seen).header("OCI-Subject", digest(manifest().as_bytes())),
            path if path.contains("/referrers/") && has_api => reply(200)
                .header("Content-Type", INDEX_TYPE)
                .body(json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).to_string()),
            path if path.contains("/referrers/") || path.contains("/manifests/sha256-") => reply(404),
            path if seen.method == "GET" && path.starts_with("/v2/a/c/") => reply(404),
            _ => healthy(seen),
        });
        // A client believes a registry of what it has itself written there.
        let (client, name) = (|| house.client(&["m1"]), house.repository().full_name());
        let (other, referrers) = (format!("{}c", name.strip_suffix('b').unwrap()), json!({"referrers": true}));
        let copy = |from: &str, to: String| {
            let client = client();
            place::copy(&client, &call(&client), &place(from), &place(&to), &options(referrers.clone())).unwrap()
        };
        copy(&format!("{name}:t"), format!("{name}:new"));
        copy(&format!("{name}:t"), format!("{other}:new"));
        copy(&format!("{name}@{}", digest(manifest().as_bytes())), format!("{other}:digest"));
        let (tags, to) = (client(), format!("{other}:tagged"));
        place::tag(&tags, &call(&tags), &place(&format!("{name}:t")), &to, &options(referrers.clone())).unwrap();
        synced_by(&client(), &name, &other, referrers.clone()).unwrap();
        for seen in house.server("origin").seen().iter().filter(|seen| seen.method == "PUT") {
            assert!(!String::from_utf8_lossy(&seen.body).contains("a/forged"), "{}", seen.target);
        }
        // A copy to elsewhere is of what the mirror says.
        let folder = tempfile::tempdir().unwrap();
        let away = copy(&format!("{name}:t"), format!("oci:{}:t", folder.path().join("l").display()));
        assert_eq!(away.manifests["referrers"], 1);
    }
}

/// A copy that was killed has put a signature, but not on its subject's list: whether it is there, the registry says, and no mirror.
#[test]
fn a_list_that_lacks_a_referrer_gets_it_whatever_a_mirror_lists() {
    let image = digest(manifest().as_bytes());
    let signature = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/signature",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2}, "layers": [],
        "subject": {"mediaType": MANIFEST_TYPE, "digest": image, "size": manifest().len()}})
    .to_string();
    let named = digest(signature.as_bytes());
    let list = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
        {"mediaType": MANIFEST_TYPE, "digest": named, "size": signature.len(), "artifactType": "a/signature"}]})
    .to_string();
    let tag = format!("/manifests/sha256-{}", image.hex());
    let mut house = House::empty();
    house.add("m1", move |seen| match seen.path().contains("/referrers/") {
        true => reply(200).header("Content-Type", INDEX_TYPE).body(&list),
        false => healthy(seen),
    });
    for name in ["origin", "other"] {
        let (signature, named, tag, listed) = (signature.clone(), named.clone(), tag.clone(), Mutex::new(None));
        house.add(name, move |seen| match seen.path() {
            path if seen.method == "PUT" => {
                *listed.lock().unwrap() = path.ends_with(&tag).then(|| seen.body.clone());
                created(seen)
            }
            path if path.ends_with(&tag) => match &*listed.lock().unwrap() {
                Some(list) => reply(200).header("Content-Type", INDEX_TYPE).body(list.as_slice()),
                None => reply(404),
            },
            path if path.contains("/referrers/") => reply(404),
            path if path.ends_with("/manifests/sig") || path.ends_with(named.as_str()) => reply(200)
                .header("Content-Type", MANIFEST_TYPE)
                .header("Docker-Content-Digest", &named)
                .body(&signature),
            _ => healthy(seen),
        });
    }
    let (client, from) = (house.client(&["m1"]), format!("{}/a/b:sig", house.host("other")));
    let to = format!("{}:sig", house.repository().full_name());
    place::copy(&client, &call(&client), &place(&from), &place(&to), &options(json!({}))).unwrap();
    let seen = house.server("origin").seen();
    let put = seen.iter().find(|seen| seen.method == "PUT" && seen.path().ends_with(&tag)).expect("it is not listed");
    assert!(String::from_utf8_lossy(&put.body).contains(named.as_str()));
}

/// Under whichever spelling of its registry a tag was set.
#[test]
fn a_tag_that_was_set_is_known_by_all_spellings() {
    let mut house = House::empty();
    house.add("m1", healthy);
    house.add("origin", healthy);
    let client = house.client(&["m1"]);
    let port = house.host("origin").rsplit_once(':').unwrap().1;
    let other = format!("http://[::ffff:127.0.0.1]:{port}/a/b");
    place::tag(
        &client,
        &call(&client),
        &place(&format!("{}:t", house.repository().full_name())),
        "t",
        &options(json!({})),
    )
    .unwrap();
    let found = client.get_manifest(
        &call(&client),
        &Reference::parse(&format!("{other}:t"), None).unwrap(),
        &Default::default(),
    );
    assert_eq!(found.unwrap().bytes, manifest().as_bytes());
    assert_eq!(house.server("m1").count("GET", "/manifests/t"), 0);
    // And one spelling can be tagged as another.
    let to = format!("{other}:u");
    place::tag(
        &client,
        &call(&client),
        &place(&format!("{}:t", house.repository().full_name())),
        &to,
        &options(json!({})),
    )
    .unwrap();
    assert_eq!(house.server("origin").count("PUT", "/manifests/u"), 1);
}
