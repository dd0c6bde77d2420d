//! Places on this machine as stores: the calls that a registry answers, of layouts, archives and directories.

mod archives;
#[path = "held_exact.rs"]
mod exact;
mod referrers;
mod together;

use std::path::Path;

use ocireg::digest::{Algorithm, Digest};
use ocireg::error::{Code, Error};
use ocireg::image::tag::TagOptions;
use ocireg::place::{self, BlobName, Place};
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::delete_tag::{DeleteTagOptions, DeletedTag, ManifestFate};
use ocireg::registry::manifest::{DeleteOptions, GetOptions, HeadOptions, PutOptions};
use ocireg::registry::referrers::{ReferrersOptions, ReferrersSource};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::server::*;

/// A folder with a layout in it.
struct Held {
    folder: tempfile::TempDir,
    client: Client,
}

impl Held {
    fn new() -> Held {
        Held { folder: tempfile::tempdir().unwrap(), client: client() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn place(&self, rest: &str) -> Place {
        Place::named(&self.client, &format!("oci:{}{rest}", self.path("l"))).unwrap()
    }

    fn blob(&self, place: &str, digest: &Digest) -> BlobName {
        BlobName::named(&self.client, &format!("{place}@{digest}")).unwrap()
    }

    fn put_blob(&self, bytes: &[u8]) -> bool {
        let put = place::put_blob(&self.client, &call(&self.client), &self.place(""), bytes, &Default::default());
        let put = put.unwrap();
        assert_eq!((put.digest, put.size, put.mounted), (digest(bytes), bytes.len() as u64, false));
        put.uploaded
    }

    fn put(&self, rest: &str, manifest: &str, options: Value) -> Result<Vec<String>, Error> {
        let options: PutOptions = serde_json::from_value(options).unwrap();
        let (place, call) = (self.place(rest), call(&self.client));
        place::put_manifest(&self.client, &call, &place, manifest.as_bytes(), &options).map(|put| {
            assert_eq!(put.digest, digest(manifest.as_bytes()));
            put.tags
        })
    }

    fn tag(&self, rest: &str, to: &str) -> Result<Digest, Error> {
        let tagged = place::tag(&self.client, &call(&self.client), &self.place(rest), to, &TagOptions::default());
        tagged.map(|tagged| tagged.digest)
    }

    fn digest(&self, rest: &str) -> Result<Digest, Error> {
        place::manifest_digest(&self.client, &call(&self.client), &self.place(rest), &GetOptions::default())
    }

    fn names(&self) -> Vec<String> {
        let tags = place::tags(&self.client, &call(&self.client), &self.place(""), &TagsOptions::default());
        tags.unwrap().tags.to_vec()
    }

    /// With the blobs that [`MANIFEST`] names, under v1.
    fn filled() -> Held {
        let held = Held::new();
        assert!(held.put_blob(b"{}"));
        assert_eq!(held.put(":v1", MANIFEST, json!({})).unwrap(), ["v1"]);
        held
    }
}

/// A config, and an image of it that has no layers.
fn small_image() -> (&'static [u8], String) {
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let image = MANIFEST.replace(digest(b"{}").as_str(), digest(config).as_str());
    (config, image.replace("\"size\":2", &format!("\"size\":{}", config.len())))
}

fn is_clean(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().all(|name| !name.starts_with('.'))
}

#[test]
fn a_layout_takes_blobs_and_manifests_one_by_one() {
    let held = Held::new();
    fails(held.put(":v1", MANIFEST, json!({})), Code::MissingBlob, "refers to what is missing");
    assert!(!Path::new(&held.path("l")).exists(), "nothing is made for what cannot be put");
    assert!(held.put_blob(b"{}"));
    assert!(!held.put_blob(b"{}"), "it is there");
    assert_eq!(held.put(":v1", MANIFEST, json!({"tags": ["v2", "v1"]})).unwrap(), ["v1", "v2"]);
    let wanted = digest(MANIFEST.as_bytes());
    for name in [":v1", ":v2", "", &format!("@{wanted}")] {
        let found =
            place::get_manifest(&held.client, &call(&held.client), &held.place(name), &GetOptions::default()).unwrap();
        assert_eq!(found.bytes, MANIFEST.as_bytes());
        let json = found.to_json();
        assert_eq!(json["reference"], format!("oci:{}@{wanted}", held.path("l")));
        assert_eq!(
            (&json["served_by"], &json["repository"], &json["headers"]),
            (&Value::Null, &Value::Null, &json!({}))
        );
    }
    let head = place::head_manifest(&held.client, &call(&held.client), &held.place(":v1"), &HeadOptions::default());
    let head = head.unwrap();
    assert_eq!((head.digest, head.size, head.served_by), (wanted, MANIFEST.len() as u64, None));
    assert!(is_clean(Path::new(&held.path("l/blobs/sha256"))));
}

#[test]
fn what_a_manifest_names_has_to_be_there_unless_the_caller_says_otherwise() {
    let held = Held::filled();
    let child = json!({"mediaType": MANIFEST_TYPE, "digest": digest(b"no"), "size": 2});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [child]}).to_string();
    let error = fails(held.put(":i", &index, json!({})), Code::MissingBlob, digest(b"no").as_str());
    assert!(error.to_json()["hint"].as_str().unwrap().contains("allow_missing"), "{error}");
    assert_eq!(held.names(), ["v1"]);
    assert_eq!(held.put(":i", &index, json!({"allow_missing": true})).unwrap(), ["i"]);
    let child = json!({"mediaType": MANIFEST_TYPE, "digest": digest(MANIFEST.as_bytes()), "size": MANIFEST.len()});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [child]}).to_string();
    assert_eq!(held.put(":i", &index, json!({})).unwrap(), ["i"]);
    // A blob of another size is another blob, and a pipe is none.
    let config = json!({"mediaType": "a/b", "digest": digest(b"{}"), "size": 3});
    let wrong = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []}).to_string();
    fails(held.put(":w", &wrong, json!({})), Code::MissingBlob, digest(b"{}").as_str());
    let path = held.path(&format!("l/blobs/sha256/{}", digest(b"{}").hex()));
    std::fs::write(&path, "[]").unwrap();
    fails(held.put(":d", MANIFEST, json!({})), Code::MissingBlob, digest(b"{}").as_str());
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    fails(held.put(":p", MANIFEST, json!({})), Code::MissingBlob, digest(b"{}").as_str());
    let blob = held.blob(&format!("oci:{}", held.path("l")), &digest(b"{}"));
    assert!(!place::head_blob(&held.client, &call(&held.client), &blob).unwrap().exists);
    let put = place::put_blob(&held.client, &call(&held.client), &held.place(""), b"{}", &Default::default());
    fails(put, Code::Io, "not a regular file");
}

#[test]
fn a_manifest_under_its_digest_has_no_name() {
    let held = Held::filled();
    let wanted = digest(MANIFEST.as_bytes());
    assert_eq!(held.put(&format!("@{wanted}"), MANIFEST, json!({})).unwrap(), Vec::<String>::new());
    assert_eq!(held.names(), ["v1"], "it has one already");
    let other = format!("@{}", digest(b"other"));
    fails(held.put(&other, MANIFEST, json!({})), Code::DigestMismatch, "not sha256:");
    fails(held.put(":@3", MANIFEST, json!({})), Code::InvalidReference, "");
    let sha512 = Algorithm::Sha512.digest(MANIFEST.as_bytes());
    let put = place::put_manifest(
        &held.client,
        &call(&held.client),
        &held.place(&format!("@{sha512}")),
        MANIFEST.as_bytes(),
        &PutOptions::default(),
    );
    assert_eq!(put.unwrap().digest, sha512);
    assert_eq!(held.digest(&format!("@{sha512}")).unwrap(), sha512);
}

#[test]
fn conditions_hold_in_a_layout() {
    let held = Held::filled();
    let other = MANIFEST.replace("\"layers\":[]", "\"layers\":[],\"annotations\":{\"a\":\"b\"}");
    let error = fails(held.put(":v1", &other, json!({"if_exists": "fail"})), Code::DigestMismatch, "if_exists");
    assert_eq!(error.to_json()["conflict"]["digest"], digest(MANIFEST.as_bytes()).as_str());
    assert_eq!(held.put(":v1", &other, json!({"if_exists": "skip"})).unwrap(), Vec::<String>::new());
    let was = json!({"if_digest": digest(other.as_bytes())});
    fails(held.put(":v1", &other, was), Code::DigestMismatch, "if_digest");
    assert_eq!(held.digest(":v1").unwrap(), digest(MANIFEST.as_bytes()));
    let (options, call) = (json!({"if_digest": digest(MANIFEST.as_bytes())}), call(&held.client));
    let options: PutOptions = serde_json::from_value(options).unwrap();
    let put = place::put_manifest(&held.client, &call, &held.place(":v1"), other.as_bytes(), &options).unwrap();
    assert_eq!(serde_json::to_value(&put).unwrap()["condition"], "locked");
    // One of several: nothing is written.
    let fail = json!({"tags": ["v1", "v3"], "if_exists": "fail"});
    fails(held.put(":v2", MANIFEST, fail), Code::DigestMismatch, "'v1'");
    assert_eq!(held.names(), ["v1"]);
    let options: TagOptions = serde_json::from_value(json!({"if_exists": "fail"})).unwrap();
    held.tag(":v1", "v2").unwrap();
    fails(place::tag(&held.client, &call, &held.place(":v1"), "v2", &options), Code::DigestMismatch, "'v2'");
    let bare = json!({"if_exists": "fail"});
    fails(held.put("", MANIFEST, bare), Code::InvalidArgument, "has no name");
}

#[test]
fn names_come_and_go_and_the_manifest_stays_until_the_layout_is_cleaned() {
    let held = Held::filled();
    let wanted = digest(MANIFEST.as_bytes());
    assert_eq!(held.tag(":v1", "v2").unwrap(), wanted);
    assert_eq!(held.tag(&format!("@{wanted}"), "h:5000/a/b:1").unwrap(), wanted);
    assert_eq!(held.names(), ["h:5000/a/b:1", "v1", "v2"]);
    let untag = |rest: &str, options: Value| {
        let options: DeleteTagOptions = serde_json::from_value(options).unwrap();
        place::delete_tag(&held.client, &call(&held.client), &held.place(rest), &options)
    };
    fails(untag(&format!(":v1@{}", digest(b"other")), json!({})), Code::DigestMismatch, "refers to");
    let gone = untag(&format!(":v1@{wanted}"), json!({"list_others": true})).unwrap();
    assert_eq!(
        (gone.tag.as_str(), &gone.digest, gone.manifest, gone.status),
        ("v1", &wanted, ManifestFate::Kept, None)
    );
    assert_eq!(gone.other_tags.unwrap(), ["v2", "h:5000/a/b:1"]);
    fails(untag(":v1", json!({})), Code::NotFound, "no image 'v1'");
    for bare in ["", &format!("@{wanted}"), ":@0"] {
        fails(untag(bare, json!({})), Code::InvalidReference, "does not name a tag");
    }
    untag(":h:5000/a/b:1", json!({})).unwrap();
    let delete = |rest: &str| {
        place::delete_manifest(&held.client, &call(&held.client), &held.place(rest), &DeleteOptions::default())
    };
    delete(":v2").unwrap();
    assert!(held.names().is_empty());
    assert!(Path::new(&held.path(&format!("l/blobs/sha256/{}", wanted.hex()))).exists());
    let layout = ocireg::layout::oci::OciLayout::open(Path::new(&held.path("l")), None).unwrap();
    let cleaned = ocireg::layout::check::clean(&call(&held.client), &layout, &Default::default()).unwrap();
    assert_eq!(cleaned.removed.len(), 2, "the manifest and its config");
}

#[test]
fn a_manifest_is_deleted_with_all_its_names() {
    let held = Held::filled();
    held.tag(":v1", "v2").unwrap();
    let wanted = digest(MANIFEST.as_bytes());
    let child = json!({"mediaType": MANIFEST_TYPE, "digest": wanted, "size": MANIFEST.len()});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [child]}).to_string();
    held.put(":i", &index, json!({})).unwrap();
    let delete = |rest: &str| {
        place::delete_manifest(&held.client, &call(&held.client), &held.place(rest), &DeleteOptions::default())
    };
    let named = format!("@{wanted}");
    delete(&named).unwrap();
    assert_eq!(held.names(), ["i"]);
    assert_eq!(held.digest(&named).unwrap(), wanted, "the index names it");
    let error = fails(delete(&named), Code::Unsupported, "does not list");
    assert!(error.to_json()["hint"].as_str().unwrap().contains("delete the index"), "{error}");
    fails(delete(&format!("@{}", digest(b"other"))), Code::NotFound, "no manifest");
    fails(delete(""), Code::InvalidReference, "does not name a tag");
    delete(&format!("@{}", digest(index.as_bytes()))).unwrap();
    fails(held.digest(&named), Code::NotFound, "no image");
    let gone = Place::parse(&format!("oci:{}:v1", held.path("nothing"))).unwrap();
    let deleted = place::delete_manifest(&held.client, &call(&held.client), &gone, &DeleteOptions::default());
    fails(deleted, Code::NotFound, "not an OCI layout");
    assert!(!Path::new(&held.path("nothing")).exists());
}

#[test]
fn referrers_of_a_layout_are_those_of_a_registry() {
    let held = Held::filled();
    let subject = digest(MANIFEST.as_bytes());
    let all: Vec<String> = (0..3).map(|number| referrer(&subject, number)).collect();
    for one in &all {
        held.put(&format!("@{}", digest(one.as_bytes())), one, json!({})).unwrap();
    }
    assert_eq!(held.digest("").unwrap(), subject, "what refers to an image is none that a bare name means");
    let list = |options: Value| {
        let options: ReferrersOptions = serde_json::from_value(options).unwrap();
        place::referrers(&held.client, &call(&held.client), &held.place(":v1"), &options)
    };
    let found = list(json!({})).unwrap();
    assert_eq!((&found.subject, found.source, found.truncated), (&subject, ReferrersSource::Index, false));
    assert_eq!(found.referrers[0].artifact_type.as_deref(), Some("application/x.signature"));
    let mut paged = Vec::new();
    let mut next: Option<String> = None;
    for round in 0..3 {
        let found = list(json!({"max": 1, "next": next})).unwrap();
        assert_eq!((found.referrers.len(), found.truncated), (1, round < 2));
        paged.push(found.referrers[0].digest.clone());
        next = found.next;
    }
    assert_eq!(next, None);
    assert_eq!(paged, all.iter().map(|one| digest(one.as_bytes())).collect::<Vec<_>>());
    let only = list(json!({"annotations": ["number=1"]})).unwrap();
    assert_eq!(only.referrers.iter().map(|entry| &entry.digest).collect::<Vec<_>>(), [&digest(all[1].as_bytes())]);
    assert!(list(json!({"artifact_type": "a/b"})).unwrap().referrers.is_empty());
    fails(list(json!({"next": "nonsense"})), Code::InvalidArgument, "next");
    fails(list(json!({"max": 0})), Code::InvalidArgument, "max");
}

#[test]
fn the_names_of_a_layout_are_listed_page_by_page() {
    let held = Held::filled();
    for name in ["b", "a", "c", &format!("sha256-{}.sig", "0".repeat(64))] {
        held.tag(":v1", name).unwrap();
    }
    let list = |options: Value| {
        let options: TagsOptions = serde_json::from_value(options).unwrap();
        place::tags(&held.client, &call(&held.client), &held.place(""), &options).unwrap()
    };
    assert_eq!(list(json!({"digest_tags": false})).tags.to_vec(), ["a", "b", "c", "v1"]);
    let first = list(json!({"n": 2}));
    assert_eq!((first.tags.to_vec(), first.last.as_deref()), (vec!["a".to_owned(), "b".to_owned()], Some("b")));
    let rest = list(json!({"n": 2, "next": first.next, "digest_tags": false, "digests": true}));
    assert_eq!((rest.tags.to_vec(), rest.next), (vec!["c".to_owned(), "v1".to_owned()], None));
    assert_eq!(rest.digests.unwrap()["c"], digest(MANIFEST.as_bytes()).as_str());
    assert_eq!(list(json!({"n": 1, "all": true})).tags.len(), 5);
    assert_eq!(list(json!({"last": "b", "digest_tags": false})).tags.to_vec(), ["c", "v1"]);
}

#[test]
fn blobs_are_read_from_every_place_as_from_a_registry() {
    let held = Held::filled();
    let layer = noise(600_000);
    held.put_blob(&layer);
    let entry = |bytes: &[u8], kind: &str| json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()});
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                       "config": entry(b"{}", "application/vnd.oci.empty.v1+json"), "artifactType": "a/b",
                       "layers": [entry(&layer, "application/octet-stream")]});
    held.put(":v2", &image.to_string(), json!({})).unwrap();
    let (client, call) = (&held.client, call(&held.client));
    let (archive, folder) = (format!("oci-archive:{}", held.path("a.tar")), format!("dir:{}", held.path("d")));
    for to in [format!("{archive}:v2"), folder.clone()] {
        let to = Place::parse(&to).unwrap();
        place::copy(client, &call, &held.place(":v2"), &to, &CopyOptions::default()).unwrap();
    }
    for place in [&format!("oci:{}", held.path("l")), &archive, &folder] {
        let name = held.blob(place, &digest(&layer));
        let head = place::head_blob(client, &call, &name).unwrap();
        assert_eq!((head.exists, head.size, head.served_by), (true, Some(600_000), None), "{place}");
        let missing = held.blob(place, &digest(b"missing"));
        assert!(!place::head_blob(client, &call, &missing).unwrap().exists);
        fails(place::get_blob(client, &call, &missing, &ReadOptions::default()), Code::MissingBlob, "no ");
        let (got, bytes) = place::get_blob(client, &call, &name, &ReadOptions::default()).unwrap();
        assert_eq!((got.size, got.length, got.verified, got.served_by), (Some(600_000), 600_000, true, None));
        assert_eq!(bytes, layer);
        for (offset, length) in [(0, Some(10)), (300_000, Some(7)), (599_999, None), (600_000, None), (5, Some(0))] {
            let options = ReadOptions { offset, length, ..ReadOptions::default() };
            let (got, bytes) = place::get_blob(client, &call, &name, &options).unwrap();
            let end = length.map_or(layer.len(), |length| (offset + length) as usize);
            assert_eq!(bytes, &layer[offset as usize..end], "{place} {offset} {length:?}");
            assert_eq!((got.offset, got.verified), (offset, false));
        }
        let outside = ReadOptions { offset: 600_001, ..ReadOptions::default() };
        fails(place::get_blob(client, &call, &name, &outside), Code::InvalidArgument, "outside");
        let small = ReadOptions { limit: Some(10), ..ReadOptions::default() };
        fails(place::get_blob(client, &call, &name, &small), Code::LimitExceeded, "limit of 10");
        let wrong = ReadOptions { size: Some(10), ..ReadOptions::default() };
        fails(place::get_blob(client, &call, &name, &wrong), Code::SizeMismatch, "600000");
        let path = Path::new(&held.path("blob")).to_owned();
        let got = place::get_blob_file(client, &call, &name, &path, &SaveOptions::default()).unwrap();
        assert_eq!((got.length, got.skipped, std::fs::read(&path).unwrap() == layer), (600_000, Some(false), true));
        let skip: SaveOptions = serde_json::from_value(json!({"if_exists": "skip"})).unwrap();
        assert_eq!(place::get_blob_file(client, &call, &name, &path, &skip).unwrap().skipped, Some(true));
        std::fs::remove_file(&path).unwrap();
        let mut out = Vec::new();
        place::get_blob_to(client, &call, &name, &mut out, &ReadOptions::default()).unwrap();
        assert_eq!(out, layer);
    }
}

#[test]
fn damaged_blobs_are_never_delivered() {
    let held = Held::filled();
    let layer = noise(600_000);
    held.put_blob(&layer);
    let path = held.path(&format!("l/blobs/sha256/{}", digest(&layer).hex()));
    let mut damaged = layer.clone();
    damaged[300_000] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let name = held.blob(&format!("oci:{}", held.path("l")), &digest(&layer));
    let (client, call) = (&held.client, call(&held.client));
    fails(place::get_blob(client, &call, &name, &ReadOptions::default()), Code::DigestMismatch, "holds a blob");
    let target = Path::new(&held.path("out/blob")).to_owned();
    std::fs::create_dir(target.parent().unwrap()).unwrap();
    let got = place::get_blob_file(client, &call, &name, &target, &SaveOptions::default());
    fails(got, Code::DigestMismatch, "holds a blob");
    assert!(std::fs::read_dir(target.parent().unwrap()).unwrap().next().is_none(), "nothing is left");
}

#[test]
fn a_blob_that_is_not_what_was_promised_leaves_nothing() {
    let held = Held::filled();
    let before = std::fs::read_dir(held.path("l/blobs/sha256")).unwrap().count();
    let put = |bytes: &[u8], options: Value| {
        let options: BlobPutOptions = serde_json::from_value(options).unwrap();
        place::put_blob(&held.client, &call(&held.client), &held.place(""), bytes, &options)
    };
    fails(put(b"x", json!({"digest": digest(b"y")})), Code::DigestMismatch, digest(b"x").as_str());
    fails(put(b"xyz", json!({"size": 2})), Code::SizeMismatch, "more than 2");
    fails(put(b"x", json!({"size": 2})), Code::SizeMismatch, "1 bytes");
    fails(put(b"x", json!({"chunk_size": 0})), Code::InvalidArgument, "chunk_size");
    assert_eq!(std::fs::read_dir(held.path("l/blobs/sha256")).unwrap().count(), before);
    let sha512 = Algorithm::Sha512.digest(b"x");
    assert_eq!(put(b"x", json!({"digest": sha512, "size": 1})).unwrap().digest, sha512);
    assert!(!put(b"x", json!({"digest": sha512})).unwrap().uploaded, "it is there");
    fails(put(b"other", json!({"digest": sha512})), Code::DigestMismatch, sha512.as_str());
    let file = held.path("file");
    std::fs::write(&file, "abc").unwrap();
    let put = |options| {
        let place = held.place("");
        place::put_blob_file(&held.client, &call(&held.client), &place, Path::new(&file), &options)
    };
    assert_eq!(put(BlobPutOptions::default()).unwrap().digest, digest(b"abc"));
    let size = BlobPutOptions { size: Some(4), ..BlobPutOptions::default() };
    fails(put(size), Code::SizeMismatch, "3 bytes");
}

#[test]
fn a_directory_has_blobs_and_one_manifest_without_a_name() {
    let held = Held::filled();
    let (client, call) = (&held.client, call(&held.client));
    let (config, image) = small_image();
    let directory = Place::parse(&format!("dir:{}", held.path("d"))).unwrap();
    fails(place::put_manifest(client, &call, &directory, image.as_bytes(), &Default::default()), Code::MissingBlob, "");
    place::put_blob(client, &call, &directory, config, &BlobPutOptions::default()).unwrap();
    place::put_manifest(client, &call, &directory, image.as_bytes(), &PutOptions::default()).unwrap();
    let found = place::get_manifest(client, &call, &directory, &GetOptions::default()).unwrap();
    assert_eq!(found.bytes, image.as_bytes());
    fails(place::tag(client, &call, &directory, "v1", &TagOptions::default()), Code::Unsupported, "no names");
    let deleted = place::delete_manifest(client, &call, &directory, &DeleteOptions::default());
    fails(deleted, Code::Unsupported, "cannot be changed");
}

/// A blob and a manifest of a registry into a layout, without the rest of the image.
#[test]
fn one_blob_is_copied_by_itself() {
    let layer = noise(3 << 20);
    let sent = layer.clone();
    let server = Server::start(move |seen| match seen.path() {
        path if path.contains("/blobs/") => reply(200).body(&sent),
        _ => reply(404),
    });
    let held = Held::filled();
    let from = held.blob(&format!("{}/a/b", server.host), &digest(&layer));
    let copied = place::copy_blob(&held.client, &call(&held.client), &from, &held.place(""), &Default::default());
    let copied = copied.unwrap();
    assert_eq!((copied.uploaded, copied.mounted, copied.size), (true, false, 3 << 20));
    assert_eq!(std::fs::read(held.path(&format!("l/blobs/sha256/{}", digest(&layer).hex()))).unwrap(), layer);
    let again = place::copy_blob(&held.client, &call(&held.client), &from, &held.place(":v1"), &Default::default());
    assert!(!again.unwrap().uploaded);
    let gets = server.count("GET", "/blobs/");
    assert_eq!(gets, 1, "what is there is not fetched");
    let wrong = held.blob(&format!("{}/a/b", server.host), &digest(b"other"));
    let error = place::copy_blob(&held.client, &call(&held.client), &wrong, &held.place(""), &Default::default());
    let error = fails(error, Code::DigestMismatch, "");
    assert_eq!(error.to_json()["side"], "source");
}

/// Processes that change the names of a layout at the same time lose nothing of what the others do.
#[test]
fn names_that_are_set_and_taken_at_once_are_all_as_they_were_left() {
    let held = Held::filled();
    std::thread::scope(|threads| {
        for worker in 0..4 {
            let held = &held;
            threads.spawn(move || {
                for round in 0..20 {
                    held.tag(":v1", &format!("w{worker}-{round}")).unwrap();
                    if round % 2 == 0 {
                        let (place, call) = (held.place(&format!(":w{worker}-{round}")), call(&held.client));
                        place::delete_tag(&held.client, &call, &place, &DeleteTagOptions::default()).unwrap();
                    }
                }
            });
        }
    });
    let mut wanted: Vec<String> =
        (0..4).flat_map(|worker| (0..10).map(move |odd| format!("w{worker}-{}", 2 * odd + 1))).collect();
    wanted.push("v1".to_owned());
    wanted.sort();
    assert_eq!(held.names(), wanted);
}

/// Only one of those that want a name while it is free gets it.
#[test]
fn a_name_that_is_free_is_given_once() {
    let held = Held::filled();
    for round in 0..10 {
        let got = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    let options: TagOptions = serde_json::from_value(json!({"if_exists": "fail"})).unwrap();
                    let name = format!("free-{round}");
                    match place::tag(&held.client, &call(&held.client), &held.place(":v1"), &name, &options) {
                        Ok(_) => drop(got.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
                        Err(error) => assert_eq!(error.code(), Code::DigestMismatch, "{error}"),
                    }
                });
            }
        });
        assert_eq!(got.into_inner(), 1);
    }
}

/// What a clean-up takes away before a manifest names it is missed by the put, and never by a reader.
#[test]
fn a_manifest_that_was_put_is_whole_though_somebody_cleans() {
    let held = Held::filled();
    let over = std::sync::atomic::AtomicBool::new(false);
    let path = Path::new(&held.path("l")).to_owned();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let layout = ocireg::layout::oci::OciLayout::open(&path, None).unwrap();
                ocireg::layout::check::clean(&call(&held.client), &layout, &Default::default()).unwrap();
            }
        });
        let mut put = 0;
        for round in 0..40 {
            let config = format!("{{\"round\":{round}}}");
            held.put_blob(config.as_bytes());
            let manifest = MANIFEST.replace(digest(b"{}").as_str(), digest(config.as_bytes()).as_str());
            let manifest = manifest.replace("\"size\":2", &format!("\"size\":{}", config.len()));
            match held.put(":new", &manifest, json!({})) {
                Ok(_) => put += 1,
                Err(error) => assert_eq!(error.code(), Code::MissingBlob, "{error}"),
            }
            let layout = ocireg::layout::oci::OciLayout::open(&path, None).unwrap();
            let found = ocireg::layout::check::check(&call(&held.client), &layout).unwrap();
            assert!(found.ok, "{:?}", found.problems);
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(put > 0, "some must have come through");
    });
}
