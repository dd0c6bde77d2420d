//! What a place takes, gives and takes away is what the caller named, and nothing else there is touched.

use super::*;
use ocireg::layout::oci::OciLayout;
use ocireg::place::BlobCopyOptions;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const IMAGE_NAME: &str = "io.containerd.image.name";

impl Held {
    fn at(&self, text: &str) -> Place {
        Place::named(&self.client, text).unwrap()
    }

    fn put_at(&self, place: &Place, manifest: &str, options: Value) -> Result<Digest, Error> {
        let options: PutOptions = serde_json::from_value(options).unwrap();
        place::put_manifest(&self.client, &call(&self.client), place, manifest.as_bytes(), &options)
            .map(|put| put.digest)
    }

    fn untag(&self, rest: &str) -> Result<DeletedTag, Error> {
        let options: DeleteTagOptions = serde_json::from_value(json!({"list_others": true})).unwrap();
        place::delete_tag(&self.client, &call(&self.client), &self.place(rest), &options)
    }

    fn layout(&self) -> OciLayout {
        OciLayout::open(Path::new(&self.path("l")), None).unwrap()
    }

    /// Another program's index.json.
    fn write_index(&self, entries: &[Value]) {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries});
        std::fs::write(self.path("l/index.json"), index.to_string()).unwrap();
    }
}

/// Another manifest with the config of [`MANIFEST`].
fn image(number: usize) -> String {
    MANIFEST.replace("\"layers\":[]", &format!("\"layers\":[],\"annotations\":{{\"number\":\"{number}\"}}"))
}

fn entry(manifest: &str) -> Value {
    json!({"mediaType": MANIFEST_TYPE, "digest": digest(manifest.as_bytes()), "size": manifest.len()})
}

fn named(manifest: &str, annotations: Value) -> Value {
    let mut entry = entry(manifest);
    entry["annotations"] = annotations;
    entry
}

fn index(manifests: &[&str]) -> String {
    let entries: Vec<Value> = manifests.iter().map(|manifest| entry(manifest)).collect();
    json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string()
}

fn pin(manifest: &str) -> String {
    format!("@{}", digest(manifest.as_bytes()))
}

#[test]
fn a_name_with_a_digest_is_the_name_of_those_bytes_only() {
    let held = Held::filled();
    let (one, wanted) = (image(1), digest(image(1).as_bytes()));
    let wrong = format!(":v1@{}", digest(b"other"));
    fails(held.put(&wrong, &one, json!({})), Code::DigestMismatch, digest(b"other").as_str());
    assert_eq!((held.names(), held.digest(":v1").unwrap()), (vec!["v1".to_owned()], digest(MANIFEST.as_bytes())));
    assert_eq!(held.put(&format!(":v1@{wanted}"), &one, json!({"tags": ["v2"]})).unwrap(), ["v1", "v2"]);
    assert_eq!((held.names(), held.digest(":v1").unwrap()), (vec!["v1".to_owned(), "v2".to_owned()], wanted.clone()));
    let sha512 = Algorithm::Sha512.digest(one.as_bytes());
    assert_eq!(held.put_at(&held.place(&format!(":v3@{sha512}")), &one, json!({})).unwrap(), sha512);
    assert_eq!(held.digest(":v3").unwrap(), sha512);
    // What reads as the image of a digest cannot be the name of another.
    for name in [format!("v4@{wanted}"), wanted.to_string()] {
        fails(
            held.put(":v4", &one, json!({"tags": [name]})),
            Code::InvalidReference,
            "not a valid name for a new image",
        );
        fails(held.tag(":v1", &name), Code::InvalidReference, "not a valid name for a new image");
        let to = held.at(&format!("oci:{}:{name}", held.path("new")));
        let copied = place::copy(&held.client, &call(&held.client), &held.place(":v1"), &to, &CopyOptions::default());
        fails(copied, Code::InvalidReference, "not a valid name for a new image");
    }
    fails(held.put(&format!(":{wanted}"), &one, json!({})), Code::InvalidReference, "");
    assert_eq!(held.names(), ["v1", "v2", "v3"]);
}

#[test]
fn bytes_are_those_that_were_promised_though_the_place_has_them() {
    let held = Held::filled();
    let folder = format!("dir:{}", held.path("d"));
    let (client, call) = (&held.client, call(&held.client));
    for place in [held.place(""), held.at(&folder)] {
        let there = BlobPutOptions { digest: Some(digest(b"bytes")), ..BlobPutOptions::default() };
        assert!(place::put_blob(client, &call, &place, b"bytes", &there).unwrap().uploaded);
        assert!(!place::put_blob(client, &call, &place, b"bytes", &there).unwrap().uploaded);
        for bytes in [&b"junk!"[..], b"junk", b""] {
            let wrong = digest(bytes);
            let put = place::put_blob(client, &call, &place, bytes, &there);
            fails(put, Code::DigestMismatch, wrong.as_str());
            let file = held.path("file");
            std::fs::write(&file, bytes).unwrap();
            let put = place::put_blob_file(client, &call, &place, Path::new(&file), &there);
            fails(put, Code::DigestMismatch, wrong.as_str());
            let put = place::put_blob_stream(client, &call, &place, &mut &bytes[..], &there);
            fails(put, Code::DigestMismatch, wrong.as_str());
        }
        let sized = BlobPutOptions { size: Some(5), ..there };
        fails(place::put_blob(client, &call, &place, b"junk", &sized), Code::SizeMismatch, "4 bytes");
        assert!(!place::put_blob_stream(client, &call, &place, &mut &b"bytes"[..], &sized).unwrap().uploaded);
    }
}

#[test]
fn a_digest_is_no_name_that_is_taken_away() {
    let held = Held::filled();
    held.tag(":v1", "v2").unwrap();
    let bare = format!(":{}", digest(MANIFEST.as_bytes()));
    fails(held.untag(&bare), Code::InvalidReference, "does not name a tag");
    let deleted =
        place::delete_manifest(&held.client, &call(&held.client), &held.place(&bare), &DeleteOptions::default());
    fails(deleted, Code::InvalidReference, "does not name a tag");
    assert_eq!(held.names(), ["v1", "v2"]);
}

#[test]
fn the_name_that_is_taken_away_is_the_one_that_a_put_would_set() {
    let held = Held::filled();
    let both = json!({IMAGE_NAME: "docker.io/library/alpine:latest", REF_NAME: "latest"});
    let odd = format!("v1{}", pin(MANIFEST));
    held.write_index(&[named(MANIFEST, both), named(MANIFEST, json!({ REF_NAME: odd }))]);
    let error = fails(held.untag(":latest"), Code::NotFound, "'latest'");
    assert!(error.message().contains("docker.io/library/alpine:latest"), "{error}");
    assert_eq!(held.layout().entries().unwrap().len(), 2);
    // As another program wrote it.
    assert_eq!(held.untag(&format!(":{odd}")).unwrap().tag, odd);
    let gone = held.untag(":alpine:latest").unwrap();
    assert_eq!((gone.tag.as_str(), gone.other_tags), ("alpine:latest", Some(Vec::new())));
    assert!(held.layout().entries().unwrap().is_empty());
}

#[test]
fn a_name_of_several_images_is_taken_from_all_of_them() {
    let held = Held::filled();
    let (one, two) = (image(1), image(2));
    let name = || json!({REF_NAME: "v1"});
    held.write_index(&[named(&one, name()), named(&two, name()), named(&one, json!({REF_NAME: "v2"}))]);
    fails(held.untag(&format!(":v1{}", pin(&one))), Code::DigestMismatch, digest(two.as_bytes()).as_str());
    assert_eq!(held.layout().entries().unwrap().len(), 3);
    let gone = held.untag(":v1").unwrap();
    assert_eq!((gone.digest, gone.other_tags), (digest(one.as_bytes()), Some(vec!["v2".to_owned()])));
    assert_eq!(held.names(), ["v2"]);
}

#[test]
fn the_other_names_are_those_that_are_left() {
    let held = Held::filled();
    held.tag(":v1", "x/y:1").unwrap();
    assert_eq!(held.untag(":x/y:1").unwrap().other_tags, Some(vec!["v1".to_owned()]));
    assert_eq!(held.untag(":v1").unwrap().other_tags, Some(Vec::new()));
}

#[test]
fn a_folder_that_is_something_else_does_not_become_an_image() {
    let held = Held::filled();
    let (client, call) = (&held.client, call(&held.client));
    for (name, content) in
        [("version", "1.2.3\n"), ("version", "Directory Transport Version: 2.0\n"), ("a.c", "int a;")]
    {
        let folder = held.path(&format!("{name}-{}", content.len()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(format!("{folder}/{name}"), content).unwrap();
        std::fs::write(format!("{folder}/manifest.json"), "{\"name\": \"a web page\"}").unwrap();
        let place = held.at(&format!("dir:{folder}"));
        fails(place::put_blob(client, &call, &place, b"{}", &Default::default()), Code::Io, "is not a directory");
        fails(held.put_at(&place, MANIFEST, json!({"allow_missing": true})), Code::Io, "is not a directory");
        fails(held.put_at(&place, MANIFEST, json!({})), Code::Io, "is not a directory");
        let copied = place::copy(client, &call, &held.place(":v1"), &place, &CopyOptions::default());
        fails(copied, Code::Io, "is not a directory");
        assert_eq!(std::fs::read_to_string(format!("{folder}/{name}")).unwrap(), content);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing is added");
    }
    let old = held.path("old");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(format!("{old}/.hidden"), "").unwrap();
    std::fs::write(format!("{old}/version"), "Directory Transport Version: 1.0\n").unwrap();
    place::copy(client, &call, &held.place(":v1"), &held.at(&format!("dir:{old}")), &CopyOptions::default()).unwrap();
    let version = std::fs::read_to_string(format!("{old}/version")).unwrap();
    assert_eq!(version, "Directory Transport Version: 1.0\n", "it stays what it is");
}

#[test]
fn an_index_is_put_into_a_folder_as_into_a_layout() {
    let held = Held::filled();
    let (client, call, place) = (&held.client, call(&held.client), held.at(&format!("dir:{}", held.path("d"))));
    place::put_blob(client, &call, &place, b"{}", &Default::default()).unwrap();
    let (one, two) = (image(1), image(2));
    let both = index(&[&one, &two]);
    fails(held.put_at(&place, &both, json!({})), Code::MissingBlob, digest(one.as_bytes()).as_str());
    for manifest in [&one, &two, &both] {
        held.put_at(&place, manifest, json!({})).unwrap();
    }
    let to = held.at(&format!("oci:{}:v1", held.path("copied")));
    let copied = place::copy(client, &call, &place, &to, &CopyOptions::default()).unwrap();
    assert_eq!(copied.digest, digest(both.as_bytes()));
    for manifest in [&one, &two] {
        let place = held.at(&format!("oci:{}{}", held.path("copied"), pin(manifest)));
        let found = place::manifest_digest(client, &call, &place, &GetOptions::default()).unwrap();
        assert_eq!(found, digest(manifest.as_bytes()));
    }
}

#[test]
fn what_an_index_lists_is_no_image_of_its_own() {
    let held = Held::filled();
    held.untag(":v1").unwrap();
    let (one, two) = (image(1), image(2));
    let signature = referrer(&digest(one.as_bytes()), 0);
    for manifest in [&one, &two, &signature] {
        held.put(&pin(manifest), manifest, json!({})).unwrap();
    }
    held.tag(&pin(&two), "two").unwrap();
    let all = index(&[&one, &two, &signature]);
    held.put(":v1", &all, json!({})).unwrap();
    let entries = held.layout().entries().unwrap();
    let left: Vec<_> = entries.iter().map(|entry| entry.digest.clone()).collect();
    let wanted = [&signature, &two, &all].map(|manifest| digest(manifest.as_bytes()));
    assert_eq!(left, wanted, "a name stays, and so does what refers to one");
    assert_eq!(held.digest(&pin(&one)).unwrap(), digest(one.as_bytes()));
    held.untag(":two").unwrap();
    assert_eq!(held.digest("").unwrap(), digest(all.as_bytes()), "it is the only image");
    let listed = place::referrers(&held.client, &call(&held.client), &held.place(&pin(&one)), &Default::default());
    assert_eq!(listed.unwrap().referrers.len(), 1);
}

#[test]
fn a_damaged_child_is_damaged_and_not_missing() {
    let held = Held::filled();
    let (one, nested) = (image(1), index(&[&image(1)]));
    held.put(&pin(&one), &one, json!({})).unwrap();
    held.put(&pin(&nested), &nested, json!({})).unwrap();
    let outer = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
        {"mediaType": INDEX_TYPE, "digest": digest(nested.as_bytes()), "size": nested.len()}]});
    let outer = outer.to_string();
    held.put(":outer", &outer, json!({})).unwrap();
    let listed = json!({"mediaType": INDEX_TYPE, "digest": digest(outer.as_bytes()), "size": outer.len()});
    held.write_index(&[listed, entry(MANIFEST)]);
    assert_eq!(held.digest(&pin(&one)).unwrap(), digest(one.as_bytes()));
    let path = held.path(&format!("l/blobs/sha256/{}", digest(one.as_bytes()).hex()));
    std::fs::write(&path, image(2)).unwrap();
    fails(held.digest(&pin(&one)), Code::DigestMismatch, digest(one.as_bytes()).as_str());
    std::fs::write(&path, "no JSON").unwrap();
    fails(held.digest(&pin(&one)), Code::DigestMismatch, digest(one.as_bytes()).as_str());
    // What no index lists but something else names is damaged too.
    let config = held.path(&format!("l/blobs/sha256/{}", digest(b"{}").hex()));
    std::fs::write(&config, MANIFEST).unwrap();
    fails(held.digest(&format!("@{}", digest(b"{}"))), Code::DigestMismatch, digest(b"{}").as_str());
    fails(held.digest(&format!("@{}", digest(b"none"))), Code::NotFound, "no image");
}

#[test]
fn a_referrer_with_several_names_is_listed_once() {
    let held = Held::filled();
    let subject = digest(MANIFEST.as_bytes());
    let (one, two) = (referrer(&subject, 1), referrer(&subject, 2));
    held.put(":one", &one, json!({"tags": ["uno"]})).unwrap();
    held.put(":two", &two, json!({})).unwrap();
    let mut next: Option<String> = None;
    for (wanted, is_last) in [(&one, false), (&two, true)] {
        let options: ReferrersOptions = serde_json::from_value(json!({"max": 1, "next": next})).unwrap();
        let found = place::referrers(&held.client, &call(&held.client), &held.place(":v1"), &options).unwrap();
        let listed: Vec<&Digest> = found.referrers.iter().map(|entry| &entry.digest).collect();
        assert_eq!(listed, [&digest(wanted.as_bytes())]);
        assert_eq!((found.truncated, found.next.is_none()), (!is_last, is_last));
        next = found.next;
    }
}

#[test]
fn a_blob_of_another_size_is_refused_before_anything_is_made() {
    let held = Held::filled();
    let (client, call) = (&held.client, call(&held.client));
    let from = held.blob(&format!("oci:{}", held.path("l")), &digest(b"{}"));
    let to = held.at(&format!("oci:{}", held.path("new")));
    let copy = |size| place::copy_blob(client, &call, &from, &to, &BlobCopyOptions { size: Some(size) });
    let error = fails(copy(3), Code::SizeMismatch, "2 bytes");
    assert_eq!(error.to_json()["side"], "source");
    let missing = held.blob(&format!("oci:{}", held.path("l")), &digest(b"none"));
    let copied = place::copy_blob(client, &call, &missing, &to, &BlobCopyOptions { size: Some(1) });
    fails(copied, Code::MissingBlob, "no blob");
    assert!(!Path::new(&held.path("new")).exists());
    assert!(copy(2).unwrap().uploaded);
}

#[test]
fn a_place_is_held_to_the_largest_blob_that_a_client_takes() {
    let held = Held::filled();
    held.put_blob(b"eleven byte");
    let options = json!({"max_blob_bytes": 10});
    let client = Client::new(serde_json::from_value(options).unwrap()).unwrap();
    let call = call(&client);
    let name = held.blob(&format!("oci:{}", held.path("l")), &digest(b"eleven byte"));
    let read = place::get_blob(&client, &call, &name, &ReadOptions::default());
    fails(read, Code::LimitExceeded, "max_blob_bytes");
    let to = held.at(&format!("oci:{}", held.path("new")));
    for size in [None, Some(11)] {
        let copied = place::copy_blob(&client, &call, &name, &to, &BlobCopyOptions { size });
        fails(copied, Code::LimitExceeded, "max_blob_bytes");
    }
    assert_eq!(place::head_blob(&client, &call, &name).unwrap().size, Some(11), "nothing is read for that");
}

#[test]
fn what_a_place_cannot_do_is_said_before_it_is_read() {
    let held = Held::new();
    let (client, call) = (&held.client, call(&held.client));
    std::fs::create_dir(held.path("d")).unwrap();
    let archive = "docker-archive:/no/such.tar:a:1".to_owned();
    for (place, code) in [
        ("oci-archive:/no/such.tar".to_owned(), Code::InvalidReference),
        ("docker-archive:/no/such.tar".to_owned(), Code::InvalidReference),
        (archive, Code::Io),
        ("docker-archive:-:a:1".to_owned(), Code::Unsupported),
        (format!("dir:{}", held.path("d")), Code::Unsupported),
        ("docker-v1://h/a:t".to_owned(), Code::Unsupported),
    ] {
        let place = held.at(&place);
        let deleted = place::delete_manifest(client, &call, &place, &DeleteOptions::default());
        fails(deleted, code, "");
        fails(place::delete_tag(client, &call, &place, &DeleteTagOptions::default()), code, "");
    }
}

#[test]
fn a_layout_that_cannot_be_used_does_not_lack_what_a_manifest_names() {
    let held = Held::filled();
    std::fs::write(held.path("l/oci-layout"), "{\"imageLayoutVersion\": \"2.0.0\"}").unwrap();
    fails(held.put(":v2", &index(&[MANIFEST]), json!({})), Code::InvalidManifest, "layout version '2.0.0'");
}

#[test]
fn what_would_break_a_list_is_no_name() {
    let held = Held::filled();
    let names = ["v1\nlatest", "\u{1b}[2J", "", "v2"];
    held.write_index(&names.map(|name| named(MANIFEST, json!({ REF_NAME: name }))));
    let (context, call) = with_context(&held.client);
    let tags = place::tags(&held.client, &call, &held.place(""), &TagsOptions::default()).unwrap();
    assert_eq!(tags.tags.to_vec(), ["v2"]);
    assert!(context.warnings().iter().any(|warning| warning.text.contains("3 names")), "{:?}", context.warnings());
}

#[test]
fn a_layout_that_was_made_for_a_blob_that_failed_is_empty() {
    let held = Held::filled();
    let wrong = BlobPutOptions { digest: Some(digest(b"other")), ..BlobPutOptions::default() };
    let (client, call, new) = (&held.client, call(&held.client), held.at(&format!("oci:{}", held.path("new"))));
    fails(place::put_blob(client, &call, &new, b"bytes", &wrong), Code::DigestMismatch, digest(b"other").as_str());
    assert!(Path::new(&held.path("new/index.json")).exists());
    // Of a damaged source.
    std::fs::write(held.path(&format!("l/blobs/sha256/{}", digest(b"{}").hex())), "[]").unwrap();
    let from = held.blob(&format!("oci:{}", held.path("l")), &digest(b"{}"));
    let copied = held.at(&format!("oci:{}", held.path("copied")));
    let copied = place::copy_blob(client, &call, &from, &copied, &Default::default());
    fails(copied, Code::DigestMismatch, digest(b"{}").as_str());
    assert!(Path::new(&held.path("copied/index.json")).exists());
}

#[test]
fn a_new_name_is_one_in_the_same_place() {
    let held = Held::filled();
    for other in ["oci:other:v2", "dir:other", "oci-archive:a.tar:v2", "docker-archive:a.tar:a/b:1"] {
        fails(held.tag(":v1", other), Code::InvalidReference, "is a place");
    }
    held.tag(":v1", "docker:27").unwrap();
    assert_eq!(held.names().len(), 3, "as Docker calls it too: {:?}", held.names());
}

#[test]
fn a_digest_is_not_where_blobs_are_put() {
    let held = Held::filled();
    for rest in [pin(MANIFEST), format!(":v1{}", pin(MANIFEST))] {
        for transport in ["oci", "oci-archive"] {
            let holder = Place::holder(&held.client, &format!("{transport}:{}{rest}", held.path("l")));
            fails(holder, Code::InvalidReference, "by its digest");
        }
    }
    assert!(Place::holder(&held.client, &format!("oci:{}:v1", held.path("l"))).is_ok());
}

#[test]
fn no_other_file_is_in_the_way_of_a_blob() {
    let held = Held::filled();
    let (client, call, folder) = (&held.client, call(&held.client), held.path("d"));
    let place = held.at(&format!("dir:{folder}"));
    place::put_blob(client, &call, &place, b"one", &Default::default()).unwrap();
    for folder in [folder, held.path("l/blobs/sha256")] {
        std::fs::create_dir(format!("{folder}/blob")).unwrap();
    }
    assert!(place::put_blob(client, &call, &place, b"two", &Default::default()).unwrap().uploaded);
    assert!(held.put_blob(b"two"));
}
