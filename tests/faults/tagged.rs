//! Under which names the manifests of a copy are put, and in which order: the tag comes last, and only the root gets it.

use std::path::PathBuf;

use ocireg::error::{Code, Error};
use ocireg::image::append::{append, AppendOptions};
use ocireg::image::tag::{tag as tag_image, TagOptions};
use ocireg::inside::tag_of;
use ocireg::place::{self, Place};
use ocireg::reference::Reference;
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::{Client, RegistryStore};
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::convert;
use crate::registry::*;
use crate::server::*;
use crate::shelf::*;

/// What is copied: an index of two images and an index with a third; a signature of the index and one of an image, by
/// subject; a signature of the other image by a digest tag, which is an index with its own image; a schema-1 image.
struct World {
    source: Shelf,
    old: Server,
    names: Vec<(String, &'static str)>,
    folder: tempfile::TempDir,
}

fn world() -> World {
    let source = Shelf::start(Abilities { referrers: true, ..Abilities::default() });
    let index = |name: &str, entries: &[&Value]| {
        source.manifest(name, &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}))
    };
    let digest_of = |entry: &Value| entry["digest"].as_str().unwrap().to_owned();
    let (amd, arm, s390x) = (source.image("amd64"), source.image("arm64"), source.image("s390x"));
    let inner = index("sha256:", &[&s390x]);
    let root = index("v1", &[&amd, &arm, &inner]);
    let signature = |of: &Value, number: usize| {
        source.blob("application/vnd.oci.empty.v1+json", b"{}");
        let text = referrer(&digest_of(of).parse().unwrap(), number);
        source.manifest("sha256:", &serde_json::from_str(&text).unwrap())
    };
    let (first, second) = (signature(&root, 1), signature(&root, 2));
    let third = signature(&amd, 3);
    let inside = source.image("riscv64");
    let tagged = index(&format!("{}.sig", digest_of(&arm).replace(':', "-")), &[&inside]);
    let list = index(&digest_of(&root).replace(':', "-"), &[&first, &second]);
    let layer = source.blob("application/octet-stream", &noise(30_000));
    let schema1 = json!({"schemaVersion": 1, "mediaType": "application/vnd.docker.distribution.manifest.v1+json", "name": "a/b",
        "tag": "s1", "architecture": "amd64", "fsLayers": [{"blobSum": layer["digest"]}],
        "history": [{"v1Compatibility": json!({"id": "0".repeat(64)}).to_string()}]});
    source.manifest("s1", &schema1);
    let folder = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(std::fs::File::create(folder.path().join("layer.tar")).unwrap());
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    tar.append_data(&mut header, "new", &b"new"[..]).unwrap();
    tar.finish().unwrap();
    let names = [
        (&amd, "amd64"),
        (&arm, "arm64"),
        (&s390x, "s390x"),
        (&inner, "inner"),
        (&root, "root"),
        (&first, "first"),
        (&second, "second"),
        (&third, "third"),
        (&inside, "inside"),
        (&tagged, "tagged"),
        (&list, "list"),
    ];
    let names = names.map(|(entry, name)| (digest_of(entry), name)).into();
    World { source, old: convert::registry(convert::chain(), |_| None), names, folder }
}

impl World {
    fn digest(&self, name: &str) -> String {
        self.names.iter().find(|(_, known)| *known == name).unwrap().0.clone()
    }

    /// The names under which manifests were put, in words. Consecutive ones of one kind are sorted by name: the order
    /// among independent manifests does not matter.
    fn shown(&self, names: &[String]) -> String {
        let mut shown: Vec<String> = Vec::new();
        let mut begin = 0;
        for name in names {
            let known = |text: &str| {
                self.names.iter().find(|(digest, _)| digest.replace(':', "-") == text).map(|(_, known)| *known)
            };
            let text = match (name.contains(':'), name.strip_suffix(".sig")) {
                (true, _) => format!("@{}", known(&name.replace(':', "-")).unwrap_or("new")),
                (_, Some(of)) => format!("signature-of-{}", known(of).unwrap()),
                _ if known(name).is_some() => format!("list-of-{}", known(name).unwrap()),
                _ => name.clone(),
            };
            let group = |text: &str| text.split_once("-of-").map_or(&text[..1], |(what, _)| what).to_owned();
            if shown.last().is_some_and(|last| group(last) != group(&text)) {
                begin = shown.len();
            }
            shown.push(text);
            shown[begin..].sort();
        }
        shown.join(" ")
    }

    fn copy(&self, client: &Client, from: &str, to: &str, options: Value) -> Result<(), Error> {
        let options: CopyOptions = serde_json::from_value(options).unwrap();
        let (from, to) = (Place::parse(from)?, Place::parse(to)?);
        place::copy(client, &call(client), &from, &to, &options).map(drop)
    }

    fn from(&self, tag: &str) -> String {
        format!("{}/a/b:{tag}", self.source.host())
    }

    fn append(&self, client: &Client, to: &str, options: Value) -> Result<(), Error> {
        let mut options: AppendOptions = serde_json::from_value(options).unwrap();
        let layer: PathBuf = self.folder.path().join("layer.tar");
        options.layers = vec![layer.display().to_string()];
        let from = RegistryStore::new(client, Reference::parse(&self.from("v1"), None)?);
        let to = RegistryStore::new(client, Reference::parse(to, None)?);
        append(&call(client), &from, &to, &options).map(drop)
    }
}

type Work = fn(&World, &Client, &str) -> Result<(), Error>;

/// Every kind of copy, whether the destination's registry has the referrers API, and the names under which manifests
/// are put.
const KINDS: [(&str, bool, Work, &str); 16] = [
    ("an image", true, |w, c, to| w.copy(c, &w.from("v1"), to, json!({"platform": ["linux/arm64"]})), "v9"),
    ("an index", true, |w, c, to| w.copy(c, &w.from("v1"), to, json!({})), "@amd64 @arm64 @inner @s390x v9"),
    (
        "with referrers",
        true,
        |w, c, to| w.copy(c, &w.from("v1"), to, json!({"referrers": true})),
        "@amd64 @arm64 @first @inner @inside @s390x @second @third signature-of-arm64 v9",
    ),
    (
        "with referrers in lists",
        false,
        |w, c, to| w.copy(c, &w.from("v1"), to, json!({"referrers": true})),
        "@amd64 @arm64 @first @inner @inside @s390x @second @third signature-of-arm64 list-of-amd64 list-of-root v9",
    ),
    (
        "two platforms",
        true,
        |w, c, to| w.copy(c, &w.from("v1"), to, json!({"platform": ["linux/arm64", "linux/amd64"]})),
        "@amd64 @arm64 v9",
    ),
    (
        "an image that refers to another",
        true,
        |w, c, to| w.copy(c, &format!("{}@{}", w.from("v1"), w.digest("third")), to, json!({})),
        "@third v9",
    ),
    (
        "an image that refers to another, listed",
        false,
        |w, c, to| w.copy(c, &format!("{}/a/b@{}", w.source.host(), w.digest("third")), to, json!({})),
        "@third list-of-amd64 v9",
    ),
    (
        "a list of referrers",
        false,
        |w, c, to| w.copy(c, &w.from(&w.digest("root").replace(':', "-")), to, json!({})),
        "@first @second list-of-root v9",
    ),
    (
        "a signature by its tag",
        true,
        |w, c, to| w.copy(c, &w.from(&format!("{}.sig", w.digest("arm64").replace(':', "-"))), to, json!({})),
        "@inside v9",
    ),
    ("schema 1", true, |w, c, to| w.copy(c, &w.from("s1"), to, json!({})), "v9"),
    ("schema 1, converted", true, |w, c, to| w.copy(c, &w.from("s1"), to, json!({"convert_schema1": true})), "v9"),
    ("protocol v1", true, |w, c, to| w.copy(c, &format!("docker-v1://{}/a/b:t", w.old.host), to, json!({})), "v9"),
    (
        "a tag elsewhere",
        true,
        |w, c, to| {
            let (from, to) = (Reference::parse(&w.from("v1"), None)?, Reference::parse(to, None)?);
            let options = TagOptions { referrers: true, ..TagOptions::default() };
            tag_image(&call(c), &RegistryStore::new(c, from), &RegistryStore::new(c, to), false, &options).map(drop)
        },
        "@amd64 @arm64 @first @inner @inside @s390x @second @third signature-of-arm64 v9",
    ),
    ("append", true, |w, c, to| w.append(c, to, json!({"platform": "linux/arm64"})), "v9"),
    ("append to all", true, |w, c, to| w.append(c, to, json!({"all": true})), "@new @new @new @new v9"),
    (
        "tag and digest",
        true,
        |w, c, to| w.copy(c, &w.from("v1"), &format!("{to}@{}", w.digest("root")), json!({})),
        "@amd64 @arm64 @inner @s390x v9",
    ),
];

fn abilities(referrers: bool) -> Abilities {
    Abilities { referrers, ..Abilities::default() }
}

fn place(shelf: &Shelf) -> String {
    format!("{}/c/d:v9", shelf.host())
}

/// Every kind of copy, undisturbed; then with each write refused in turn (start or end of an upload, or a manifest),
/// where the tag must keep its old manifest; then undisturbed again.
#[test]
fn the_tag_comes_last_and_stays_when_anything_is_refused() {
    let world = world();
    for (kind, api, work, wanted) in KINDS {
        let shelf = Shelf::start(abilities(api));
        work(&world, &client(), &place(&shelf)).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let names = shelf.names();
        assert_eq!(world.shown(&names), wanted, "{kind}");
        for refused in 0..shelf.writes().len() {
            let shelf = Shelf::start(abilities(api));
            let before = shelf.image("before");
            let manifest = shelf.registry.json(before["digest"].as_str().unwrap()).unwrap();
            shelf.manifest("v9", &manifest);
            shelf.set_mood(Mood { refused: Some(refused), once: false });
            let error = work(&world, &client(), &place(&shelf)).expect_err(kind);
            assert_eq!(error.code(), Code::Forbidden, "{kind}: {error}");
            assert_eq!(
                shelf.tag("v9").as_deref(),
                before["digest"].as_str(),
                "{kind}, refused: {}",
                shelf.writes()[refused]
            );
            let names = shelf.names();
            shelf.set_mood(Mood::default());
            work(&world, &client(), &place(&shelf)).unwrap_or_else(|error| panic!("{kind}: {error} {names:?}"));
            assert_ne!(shelf.tag("v9").as_deref(), before["digest"].as_str(), "{kind}");
        }
    }
}

/// Where a tag can be written only once: each is, and a second copy writes none.
#[test]
fn no_tag_is_written_twice() {
    let world = world();
    for (kind, api, work, _) in KINDS {
        let shelf = Shelf::start(abilities(api));
        shelf.set_mood(Mood { refused: None, once: true });
        for _ in 0..2 {
            work(&world, &client(), &place(&shelf)).unwrap_or_else(|error| panic!("{kind}: {error}"));
        }
        let names = shelf.names();
        let tags: Vec<&String> = names.iter().filter(|name| !name.contains(':')).collect();
        let each: std::collections::HashSet<&&String> = tags.iter().collect();
        assert_eq!(tags.len(), each.len(), "{kind}: {tags:?}");
    }
}

/// The referrers of one subject are added to its list in one write; existing entries are kept.
#[test]
fn a_list_is_written_once_for_all() {
    let world = world();
    let shelf = Shelf::start(abilities(false));
    let root = world.digest("root").parse().unwrap();
    let other = shelf.image("other");
    shelf.manifest(&tag_of(&root), &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [other]}));
    world.copy(&client(), &world.from("v1"), &place(&shelf), json!({"referrers": true})).unwrap();
    let list = shelf.registry.json(&tag_of(&root)).unwrap();
    let listed: Vec<&str> =
        list["manifests"].as_array().unwrap().iter().map(|one| one["digest"].as_str().unwrap()).collect();
    let mut wanted = vec![world.digest("first"), world.digest("second")];
    wanted.sort();
    wanted.insert(0, other["digest"].as_str().unwrap().to_owned());
    assert_eq!(listed, wanted);
    assert_eq!(shelf.names().iter().filter(|name| **name == tag_of(&root)).count(), 1);
}

/// A referrers list that is copied to its own tag is that list: its entries are not added to it again.
#[test]
fn a_list_of_referrers_keeps_its_name() {
    let world = world();
    let shelf = Shelf::start(abilities(false));
    let name = world.digest("root").replace(':', "-");
    let to = format!("{}/c/d:{name}", shelf.host());
    shelf.set_mood(Mood { refused: None, once: true });
    world.copy(&client(), &world.from(&name), &to, json!({})).unwrap();
    assert_eq!(shelf.tag(&name), Some(world.digest("list")));
    assert_eq!(world.shown(&shelf.names()), "@first @second list-of-root");
}

/// A destination with a tag and a digest: the root must have that digest, and the tag is what is checked and put.
#[test]
fn a_destination_with_tag_and_digest() {
    let world = world();
    let shelf = Shelf::start(abilities(true));
    let both = |digest: &str| format!("{}@{digest}", place(&shelf));
    let outcome = world.copy(&client(), &world.from("v1"), &both(digest(b"").as_str()), json!({}));
    fails(outcome, Code::DigestMismatch, "not that of");
    assert!(shelf.names().is_empty());
    // The digest exists; the tag names another manifest.
    world
        .copy(&client(), &world.from("v1"), &format!("{}/c/d@{}", shelf.host(), world.digest("root")), json!({}))
        .unwrap();
    assert_eq!(world.shown(&shelf.names()), "@amd64 @arm64 @inner @root @s390x");
    shelf.manifest("v9", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}));
    world.copy(&client(), &world.from("v1"), &both(&world.digest("root")), json!({})).unwrap();
    assert_eq!(world.shown(&shelf.names()), "v9");
    assert_eq!(shelf.tag("v9"), Some(world.digest("root")));
}

/// A signature never takes the tag that the copy will get.
#[test]
fn a_signature_does_not_get_the_tag() {
    let world = world();
    let shelf = Shelf::start(abilities(true));
    let name = format!("{}.sig", world.digest("arm64").replace(':', "-"));
    let to = format!("{}/c/d:{name}", shelf.host());
    let outcome = world.copy(&client(), &world.from("v1"), &to, json!({"referrers": true}));
    fails(outcome, Code::InvalidReference, "a digest tag for a signature");
    assert_eq!(shelf.tag(&name), None);
}

/// Within a repository a tag is one write, and a put with several tags sets them last.
#[test]
fn tags_of_one_manifest() {
    let world = world();
    let client = client();
    let reference = |tag: &str| Reference::parse(&world.from(tag), None).unwrap();
    let (from, to) = (RegistryStore::new(&client, reference("v1")), RegistryStore::new(&client, reference("v2")));
    tag_image(&call(&client), &from, &to, true, &TagOptions::default()).unwrap();
    assert_eq!(world.source.names(), ["v2"]);
    let shelf = Shelf::start(abilities(false));
    shelf.blob("", b"{}");
    let subject = digest(b"subject");
    let options = PutOptions { tags: vec!["x".to_owned()], ..PutOptions::default() };
    let to = Reference::parse(&place(&shelf), None).unwrap();
    let text = referrer(&subject, 1);
    client.put_manifest(&call(&client), &to, text.as_bytes(), &options).unwrap();
    let digest = digest(text.as_bytes()).to_string();
    assert_eq!(shelf.names(), [&digest, &tag_of(&subject), &digest, "v9", "x"]);
}
