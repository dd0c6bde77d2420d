//! Which hosts served what a call has read.

use ocireg::artifact::pull::{pull, ArtifactPullOptions};
use ocireg::artifact::Artifact;
use ocireg::image::cat::cat;
use ocireg::image::config::ImageConfig;
use ocireg::image::export::export;
use ocireg::image::extract::extract;
use ocireg::image::files::files;
use ocireg::image::size::size;
use ocireg::image::validate::validate;
use ocireg::image::Image;
use ocireg::layout::oci::OciLayout;
use ocireg::place::{self, BlobName, Place};
use ocireg::registry::RegistryStore;
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;
use crate::synced::synced_by;

/// A copy and a pull have several senders: each of whom something was taken is named once, and no liar.
#[test]
fn what_is_pulled_says_who_sent_it() {
    let layer = layer();
    let artifact = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/b",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2},
        "layers": [{"mediaType": "a/c", "digest": digest(&layer), "size": layer.len(),
                    "annotations": {"org.opencontainers.image.title": "f"}}]})
    .to_string();
    let mut house = House::new(&[("m2", Healthy), ("origin", Healthy)]);
    house.add("m1", move |seen| match seen.path() {
        path if path.contains("/manifests/") => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(artifact.as_bytes()))
            .body(artifact.as_str()),
        path if path.ends_with(digest(&layer).as_str()) => serve(&other(), seen),
        _ => healthy(seen),
    });
    let (folder, client) = (tempfile::tempdir().unwrap(), house.client(&["m1", "m2"]));
    let from = RegistryStore::new(&client, house.tagged());
    let pulled = pull(&house.call(&client), &from, folder.path(), &ArtifactPullOptions::default()).unwrap();
    assert_eq!(pulled.served_by, [house.host("m1"), house.host("m2")], "the manifest, and what the other lied about");
    let to = OciLayout::create(&folder.path().join("layout"), Some("t")).unwrap();
    let client = house.client(&["m2", "m1"]);
    let from = RegistryStore::new(&client, house.tagged());
    assert_eq!(copy(&house.call(&client), &from, &to, &CopyOptions::default()).unwrap().served_by, [house.host("m2")]);
    // What is there already is not sent again.
    let again = copy(&house.call(&client), &from, &to, &CopyOptions::default()).unwrap();
    assert_eq!(again.served_by, [house.host("m2")], "the manifest");
    // What a place sends that is not a registry is served by no host.
    let back = OciLayout::create(&folder.path().join("back"), Some("t")).unwrap();
    let from = OciLayout::open(&folder.path().join("layout"), Some("t"));
    assert!(copy(&house.call(&client), &from.unwrap(), &back, &CopyOptions::default()).unwrap().served_by.is_empty());
}

/// What reads an image says so too: a mirror that sent it, and a registry that sent what the mirror has not.
#[test]
fn what_reads_an_image_says_who_sent_it() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "f", b"x".as_slice()).unwrap();
    let packed = tar.into_inner().unwrap();
    let config =
        json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(&packed)]}});
    let config = config.to_string();
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(&packed), "size": packed.len()}]})
    .to_string();
    let mut house = House::empty();
    for (name, has_layer) in [("m1", false), ("origin", true)] {
        let (packed, config, image) = (packed.clone(), config.clone(), image.clone());
        house.add(name, move |seen| match seen.path() {
            path if path.ends_with(digest(config.as_bytes()).as_str()) => reply(200).body(&config),
            path if path.ends_with(digest(&packed).as_str()) && has_layer => serve(&packed, seen),
            path if path.contains("/manifests/") => reply(200)
                .header("Content-Type", MANIFEST_TYPE)
                .header("Docker-Content-Digest", digest(image.as_bytes()))
                .body(&image),
            path if path.ends_with("/v2/") => reply(200),
            _ => reply(404),
        });
    }
    let (client, folder) = (house.client(&["m1"]), tempfile::tempdir().unwrap());
    let from = RegistryStore::new(&client, house.tagged());
    let both = [house.host("m1"), house.host("origin")];
    let call = house.call(&client);
    let found = Image::find(&call, &from, None).unwrap();
    let told = ImageConfig::read(&call, &from, &found).unwrap().to_json(&call, &found);
    assert_eq!(told["served_by"], json!([house.host("m1")]), "it has the config");
    assert_eq!(files(&house.call(&client), &from, &Default::default()).unwrap().served_by, both);
    assert_eq!(export(&house.call(&client), &from, &mut Vec::new(), &Default::default()).unwrap().served_by, both);
    assert_eq!(cat(&house.call(&client), &from, "/f", &mut Vec::new(), &Default::default()).unwrap().served_by, both);
    let some = serde_json::from_value(json!({"verify": false})).unwrap();
    let unread = cat(&house.call(&client), &from, "/f", &mut Vec::new(), &some).unwrap();
    assert!(!unread.verified);
    assert_eq!(unread.served_by, both, "of what nothing verifies too");
    let extracted = extract(&house.call(&client), &from, &folder.path().join("a"), &Default::default()).unwrap();
    assert_eq!(extracted.served_by, both);
    let some = serde_json::from_value(json!({"paths": ["/f"]})).unwrap();
    assert_eq!(extract(&house.call(&client), &from, &folder.path().join("b"), &some).unwrap().served_by, both);
}

/// What only looks, and what writes, says who told it what it knows.
#[test]
fn what_looks_says_who_told_it() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let (client, folder) = (house.client(&["m1"]), tempfile::tempdir().unwrap());
    let (from, mirror) = (RegistryStore::new(&client, house.tagged()), [house.host("m1")]);
    let call = || house.call(&client);
    let single = size(&call(), &from, &Default::default()).unwrap();
    assert_eq!(single["served_by"], json!(mirror));
    let all = serde_json::from_value(json!({"all": true})).unwrap();
    let all = size(&call(), &from, &all).unwrap();
    assert_eq!((&all["served_by"], all["images"][0].get("served_by")), (&json!(mirror), None));
    for quick in [false, true] {
        let with = serde_json::from_value(json!({"quick": quick})).unwrap();
        assert_eq!(validate(&call(), &from, &with).unwrap().served_by, mirror);
    }
    let blob = BlobName::named(&client, &format!("{}@{}", house.repository().full_name(), digest(&layer()))).unwrap();
    let layout = Place::parse(&format!("oci:{}", folder.path().join("l").display())).unwrap();
    let copied = place::copy_blob(&client, &call(), &blob, &layout, &Default::default()).unwrap();
    assert_eq!(copied.served_by, mirror);
    // The size is told by a mirror, whatever is moved.
    let copied = place::copy_blob(&client, &call(), &blob, &layout, &Default::default()).unwrap();
    assert!(!copied.uploaded);
    assert_eq!(copied.served_by, mirror);
    let known = serde_json::from_value(json!({"size": layer().len()})).unwrap();
    let copied = place::copy_blob(&client, &call(), &blob, &layout, &known).unwrap();
    assert!(copied.served_by.is_empty(), "nothing was asked for");
}

/// Of lists of referrers too: here the mirror has the image, and the registry what refers to it.
#[test]
fn lists_of_referrers_have_senders() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.path() {
        path if path.contains("/referrers/") || path.contains("/manifests/sha256-") => reply(404),
        _ => healthy(seen),
    });
    let client = house.client(&["m1"]);
    let with = serde_json::from_value(json!({"referrers": true})).unwrap();
    let found = validate(&house.call(&client), &RegistryStore::new(&client, house.tagged()), &with).unwrap();
    let missing = found.problems.iter().filter(|problem| problem.code == "MISSING_BLOB").count();
    assert_eq!(missing, 1, "the manifest that refers to it is nowhere");
    assert_eq!(found.served_by, [house.host("m1"), house.host("origin")]);
}

/// What writes by what it has read says where that was read.
#[test]
fn what_writes_says_what_it_was_told_by() {
    let mut house = House::new(&[("m1", Healthy)]);
    house.add("origin", |seen| match seen.method.as_str() {
        "PUT" => created(seen).header("OCI-Subject", digest(manifest().as_bytes())),
        _ => healthy(seen),
    });
    let client = house.client(&["m1"]);
    let call = || house.call(&client);
    let (place, origin) = (Place::Registry(house.tagged()), [house.host("origin")]);
    let to = Place::Registry(house.repository().with_tag("v2").unwrap());
    assert_eq!(place::tag(&client, &call(), &place, "v2", &Default::default()).unwrap().served_by, origin);
    let mut artifact = Artifact::default();
    artifact.add_bytes(b"x".to_vec().into(), Default::default()).unwrap();
    let attached = place::attach_artifact(&client, &call(), &artifact, &place, &Default::default()).unwrap();
    assert_eq!(attached.served_by, origin);
    let pushed = place::push_artifact(&client, &call(), &artifact, &to, &Default::default()).unwrap();
    assert!(pushed.served_by.is_empty(), "nothing was read");
}

/// Also a sync that brings nothing, because it believes those who say that all is there: here the registry lists, and the mirror has the image.
#[test]
fn a_sync_that_leaves_all_says_whom_it_believed() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.path().ends_with("/tags/list") {
        true => reply(404),
        false => healthy(seen),
    });
    let (folder, from) = (tempfile::tempdir().unwrap(), house.repository().full_name());
    let to = format!("oci:{}", folder.path().join("l").display());
    for skipped in [0, 1] {
        let done = synced_by(&house.client(&["m1"]), &from, &to, json!({})).unwrap();
        assert_eq!(done["tags"]["skipped"], skipped);
        assert_eq!(done["served_by"], json!([house.host("origin"), house.host("m1")]), "{skipped} skipped");
    }
}

/// What a list of a mirror's names and nobody has is an error of that image, which names the mirror.
#[test]
fn the_error_of_an_image_names_the_mirror_that_listed_it() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.path() {
        path if path.ends_with("/tags/list") => reply(200).json(r#"{"name":"a/b","tags":["ghost","t"]}"#),
        _ => healthy(seen),
    });
    let (folder, from) = (tempfile::tempdir().unwrap(), house.repository().full_name());
    let to = format!("oci:{}", folder.path().join("l").display());
    let done = synced_by(&house.client(&["m1"]), &from, &to, json!({})).unwrap();
    assert_eq!((&done["tags"]["failed"], &done["tags"]["copied"]), (&json!(1), &json!(1)), "{done}");
    let told = format!("{} answered for {}", house.host("m1"), house.host("origin"));
    let error = &done["error"];
    assert!(error["name"] == "NOT_FOUND" && error["hint"].as_str().unwrap().contains(&told), "{error}");
}

/// A registry that has an index under `i`; a mirror may have it too.
fn with_index(house: &mut House, name: &'static str, has_image: bool) -> String {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [{"mediaType": MANIFEST_TYPE,
        "digest": digest(manifest().as_bytes()), "size": manifest().len(), "platform": {"os": "linux", "architecture": "amd64"}}]})
    .to_string();
    let sent = index.clone();
    house.add(name, move |seen| match seen.path() {
        path if path.ends_with("/i") || path.ends_with(digest(sent.as_bytes()).as_str()) => reply(200)
            .header("Content-Type", INDEX_TYPE)
            .header("Docker-Content-Digest", digest(sent.as_bytes()))
            .body(&sent),
        path if path.contains("/manifests/") && !has_image => reply(404),
        _ => healthy(seen),
    });
    index
}

/// Who answered the question that leads to what a result is about is told beside who sent that.
#[test]
fn who_said_what_a_name_refers_to_is_told() {
    let mut house = House::empty();
    with_index(&mut house, "m1", false);
    with_index(&mut house, "origin", true);
    let client = house.client(&["m1"]);
    let (call, index) = (|| house.call(&client), house.repository().with_tag("i").unwrap());
    let amd64 = serde_json::from_value(json!({"platform": "linux/amd64"})).unwrap();
    let got = client.get_manifest(&call(), &index, &amd64).unwrap();
    assert_eq!(
        (got.served_by.as_deref(), &got.resolved_by[..]),
        (Some(house.host("origin")), &[house.host("m1").to_owned()][..])
    );
    assert_eq!(got.to_json()["resolved_by"], json!([house.host("m1")]));
    assert!(
        client.get_manifest(&call(), &index, &Default::default()).unwrap().resolved_by.is_empty(),
        "it is the thing itself"
    );
    // The mirror lists tags, and the registry says what they are.
    let digests = serde_json::from_value(json!({"digests": true})).unwrap();
    let tags = client.tags(&call(), &house.repository().full_name(), &digests).unwrap();
    assert_eq!(
        (tags.served_by.as_deref(), &tags.resolved_by[..]),
        (Some(house.host("m1")), &[house.host("origin").to_owned()][..])
    );
    assert!(client.tags(&call(), &house.repository().full_name(), &Default::default()).unwrap().resolved_by.is_empty());
}

/// A mirror that says what a tag is, and knows nothing that refers to it, is half of the answer.
#[test]
fn who_said_what_a_subject_is_is_told() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.path() {
        path if path.contains("/referrers/") || path.contains("/manifests/sha256-") => reply(404),
        _ => healthy(seen),
    });
    let client = house.client(&["m1"]);
    let place = Place::Registry(house.tagged());
    let found = place::referrers(&client, &house.call(&client), &place, &Default::default()).unwrap();
    assert_eq!(
        (found.served_by.as_deref(), &found.resolved_by[..]),
        (Some(house.host("origin")), &[house.host("m1").to_owned()][..])
    );
    let by_digest = Place::Registry(house.repository().with_digest(&digest(manifest().as_bytes())));
    let found = place::referrers(&client, &house.call(&client), &by_digest, &Default::default()).unwrap();
    assert!(found.resolved_by.is_empty(), "the caller said it");
}

/// A change of an index, or none, rests on what the registry says that the name is, and on the index that a mirror sent.
#[test]
fn a_change_of_an_index_says_whom_it_believed() {
    let mut house = House::empty();
    with_index(&mut house, "m1", true);
    let index = with_index(&mut house, "origin", true);
    let client = house.client(&["m1"]);
    let (call, place) = (|| house.call(&client), Place::Registry(house.repository().with_tag("i").unwrap()));
    let same = serde_json::from_value(
        json!({"references": [format!("{}@{}", house.repository().full_name(), digest(manifest().as_bytes()))]}),
    );
    let both = [house.host("origin"), house.host("m1")];
    let found = place::append_to_index(&client, &call(), &place, &same.unwrap()).unwrap();
    assert_eq!(found.digest, digest(index.as_bytes()), "nothing is new");
    let mut told = found.served_by.clone();
    told.sort_by_key(|host| host != both[0]);
    assert_eq!(told, both);
    let all = serde_json::from_value(json!({"platform": ["linux/amd64"], "dry_run": true})).unwrap();
    assert_eq!(place::remove_from_index(&client, &call(), &place, &all).unwrap().served_by, both);
}

/// What is left as it is because the registry says that it is there, too.
#[test]
fn what_is_left_says_who_said_that_it_is_there() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let (client, origin) = (house.client(&["m1"]), [house.host("origin")]);
    let (from, to) = (RegistryStore::new(&client, house.tagged()), RegistryStore::new(&client, house.tagged()));
    let skip: CopyOptions = serde_json::from_value(json!({"if_exists": "skip"})).unwrap();
    let left = copy(&house.call(&client), &from, &to, &skip).unwrap();
    assert_eq!((left.skipped, left.served_by), (vec!["t".to_owned()], vec![origin[0].to_owned()]));
    let place = Place::Registry(house.tagged());
    let skip = serde_json::from_value(json!({"if_exists": "skip"})).unwrap();
    assert_eq!(place::tag(&client, &house.call(&client), &place, "t", &skip).unwrap().served_by, origin);
}
