//! What `docker save` writes as one side of a sync: many images and names in one file, to it and from it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ocireg::error::Code;
use ocireg::platform::Platform;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::Abilities;
use crate::saved::{bytes, text};
use crate::shelf::Shelf;
use crate::synced::*;

/// The config of an image whose layers are these bytes.
fn config(layers: &[&[u8]]) -> String {
    let ids: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
    let host = Platform::host();
    json!({"os": "linux", "architecture": host.architecture, "rootfs": {"type": "layers", "diff_ids": ids}}).to_string()
}

/// An image that docker could load, with a layer that is its own, and one that all have.
fn save(shelf: &Shelf, tag: &str, content: &str) -> Value {
    let layer = |text: &str| shelf.blob("application/vnd.oci.image.layer.v1.tar", text.as_bytes());
    let config = config(&[b"shared", content.as_bytes()]);
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": shelf.blob("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [layer("shared"), layer(content)]});
    shelf.manifest(tag, &manifest)
}

fn saved_shelf(tags: &[&str]) -> Shelf {
    let shelf = Shelf::start(Abilities { tag_delete: true, ..Abilities::default() });
    tags.iter().for_each(|tag| drop(save(&shelf, tag, tag)));
    shelf
}

fn at(path: &Path) -> String {
    format!("docker-archive:{}", path.display())
}

fn sync(from: &str, to: &str, options: Value) -> Value {
    synced_by(&client(), from, to, options).unwrap_or_else(|error| panic!("{from} {to}: {error}"))
}

/// A file of an archive, read as any program reads it.
fn member(path: &Path, name: &str) -> Value {
    let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let entry = entries.find(|entry| entry.path_bytes().as_ref() == name.as_bytes()).unwrap();
    serde_json::from_reader(entry).unwrap()
}

/// The names that docker sees in an archive, those of one image joined by +.
fn names(path: &Path) -> String {
    let list = member(path, "manifest.json");
    let of = |image: &Value| {
        let tags = image["RepoTags"].as_array().unwrap().iter();
        let mut tags: Vec<&str> = tags.map(|tag| tag.as_str().unwrap().rsplit('/').next().unwrap()).collect();
        tags.sort_unstable();
        tags.join("+")
    };
    let mut names: Vec<String> = list.as_array().unwrap().iter().map(of).collect();
    names.sort();
    names.join(" ")
}

#[test]
fn many_images_come_to_one_archive_and_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let from = saved_shelf(&["1", "2", "3"]);
    save(&from, "also", "3");
    let planned = sync(&name(&from), &at(&path), json!({"dry_run": true}));
    assert_eq!((counts(&planned).as_str(), path.exists()), ("4 4 0 0 0", false));
    let first = sync(&name(&from), &at(&path), json!({}));
    assert_eq!((counts(&first).as_str(), names(&path).as_str()), ("4 4 0 0 0", "b:1 b:2 b:3+b:also"));
    assert_eq!(first["blobs"]["bytes_copied"], planned["blobs"]["bytes_copied"]);
    let mut images = first["images"].as_array().unwrap().iter();
    assert!(images.any(|one| one["destination"] == format!("{}:{}:1", at(&path), name(&from))), "{first}");
    let (before, asked) = (fs::read(&path).unwrap(), from.registry.server.count("GET", "/blobs/"));
    let again = sync(&name(&from), &at(&path), json!({}));
    assert_eq!((counts(&again).as_str(), &again["blobs"]["bytes_copied"]), ("4 0 4 0 0", &json!(0)));
    assert!(fs::read(&path).unwrap() == before && from.registry.server.count("GET", "/blobs/") == asked);
    // What has the name of a repository goes below the destination.
    let to = saved_shelf(&[]);
    let back = sync(&at(&path), &format!("{}/a", to.host()), json!({}));
    assert_eq!((counts(&back).as_str(), tags(&to).as_str()), ("4 4 0 0 0", "1 2 3 also"));
    assert!(["1", "also"].iter().all(|tag| to.tag(tag) == from.tag(tag) && to.tag(tag).is_some()));
    let again = sync(&at(&path), &format!("{}/a", to.host()), json!({"no_clobber": true}));
    assert_eq!(counts(&again), "4 0 4 0 0");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn tags_are_chosen_pruned_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let from = saved_shelf(&["v1", "v2", "v3", "edge"]);
    let chosen = sync(&name(&from), &at(&path), json!({"tags": ["v*"], "newest": 2}));
    assert_eq!((counts(&chosen).as_str(), names(&path).as_str()), ("2 2 0 0 0", "b:v2 b:v3"));
    let other = format!("{}:else.io/other", at(&path));
    assert_eq!(counts(&sync(&name(&from), &other, json!({"tags_regex": ["^v[12]$"]}))), "2 2 0 0 0");
    // One image has the names of both.
    assert_eq!(names(&path), "b:v2+other:v2 b:v3 other:v1");
    save(&from, "v3", "changed");
    let options = json!({"tags": ["v*"], "semver": [">=3"], "prune": true});
    let pruned = sync(&name(&from), &at(&path), json!({"tags": ["v*"], "newest": 1, "prune": true}));
    assert_eq!((counts(&pruned).as_str(), names(&path).as_str()), ("1 1 0 1 0", "b:v3 other:v1 other:v2"));
    assert_eq!(counts(&sync(&name(&from), &at(&path), options)), "1 0 1 0 0");
    let to = saved_shelf(&[]);
    let one = sync(&format!("{}:else.io/other:v1", at(&path)), &format!("{}/x", to.host()), json!({}));
    assert_eq!((counts(&one).as_str(), to.tag("v1")), ("1 1 0 0 0", from.tag("v1")));
    let (only, layout) = (saved_shelf(&["new"]), folder.path().join("l"));
    let layout = format!("oci:{}", layout.display());
    sync(&name(&only), &layout, json!({}));
    // A tag alone does not name an image.
    let error = synced_by(&client(), &layout, &at(&path), json!({})).unwrap_err();
    assert!(error.code() == Code::InvalidArgument && error.message().contains("tags without a repository"), "{error}");
    assert_eq!(counts(&sync(&layout, &other, json!({"prune": true}))), "1 1 0 2 0");
    assert_eq!(names(&path), "b:v3 other:new");
}

#[test]
fn what_the_form_cannot_hold_is_told_and_the_rest_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let from = saved_shelf(&["1", "2"]);
    let host = Platform::host();
    let entry = |tag: &str, architecture: &str| {
        let mut entry = save(&from, tag, tag);
        entry["platform"] = json!({"os": "linux", "architecture": architecture});
        entry
    };
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": [entry("1", "z80"), entry("2", &host.architecture)]});
    from.manifest("index", &index);
    from.manifest("foreign", &json!({"schemaVersion": 2, "mediaType": kind, "manifests": [entry("1", "z80")]}));
    from.manifest(
        "artifact",
        &json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/b",
        "config": from.blob("application/vnd.oci.empty.v1+json", b"{}"), "layers": [from.blob("a/c", b"c")]}),
    );
    for _ in 0..2 {
        let result = sync(&name(&from), &at(&path), json!({}));
        assert_eq!(counts(&result).rsplit(' ').next().unwrap(), "2", "{result}");
        let failed = result["images"].as_array().unwrap().iter().filter(|one| one["state"] == "failed");
        let mut failed: Vec<&str> = failed.map(|one| one["error"]["message"].as_str().unwrap()).collect();
        failed.sort_unstable();
        assert!(failed[0].contains("a docker-archive holds images") && failed[1].contains("linux/"), "{failed:?}");
        assert_eq!(names(&path), "b:1 b:2+b:index");
    }
}

/// As Docker before 25 and crane write it: the layers have no digests in their names, and several images have the same one.
#[test]
fn an_archive_of_several_images_is_brought_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let configs = ["1", "2"].map(|content| config(&[b"shared", content.as_bytes()]));
    let image = |number: usize, tags: &[&str]| json!({"Config": format!("{number}.json"), "RepoTags": tags, "Layers": ["s/layer.tar", format!("{number}/layer.tar")]});
    let mut list = json!([image(1, &["h.io/a/b:1", "h.io/a/b:one"]), image(2, &["h.io/a/b:2"])]);
    let archive = |list: &Value| {
        let entries = [
            text(list),
            bytes("1.json", configs[0].as_bytes()),
            bytes("2.json", configs[1].as_bytes()),
            bytes("s/layer.tar", b"shared"),
            bytes("1/layer.tar", b"1"),
            bytes("2/layer.tar", b"2"),
        ];
        fs::write(&path, crate::images::layer(&entries)).unwrap();
    };
    archive(&list);
    let to = saved_shelf(&[]);
    let place = format!("{}/a", to.host());
    assert_eq!(counts(&sync(&at(&path), &place, json!({}))), "3 3 0 0 0");
    assert_eq!((tags(&to).as_str(), to.tag("1")), ("1 2 one", to.tag("one")));
    assert_eq!(counts(&sync(&at(&path), &place, json!({}))), "3 0 3 0 0");
    list[0]["RepoTags"] = json!(["h.io/a/b:2"]);
    list[1]["RepoTags"] = json!(["h.io/a/b:2", "h.io/a/b:3"]);
    archive(&list);
    let result = sync(&at(&path), &place, json!({}));
    assert_eq!(counts(&result), "2 1 0 0 1", "{result}");
    assert!(result["error"]["message"].as_str().unwrap().contains("two images of one name"), "{result}");
    // Nothing is added to it, as by a copy.
    let from = saved_shelf(&["9"]);
    let error = synced_by(&client(), &name(&from), &at(&path), json!({})).unwrap_err();
    assert!(error.code() == Code::Unsupported && error.message().contains("cannot be changed"), "{error}");
}

#[test]
fn one_file_is_one_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let (one, other) = (saved_shelf(&["1"]), saved_shelf(&["2"]));
    let (one, other) = (name(&one), name(&other));
    let list = format!("{one} {}\n{other} {}:h.io/c\n", at(&path), at(&folder.path().join("./x.tar")));
    assert_eq!(counts(&listed(&client(), &list, None, json!({})).unwrap()), "2 2 0 0 0");
    assert_eq!(names(&path), "b:1 c:2");
    let list = format!("{one} {}\n{other} oci-archive:{}\n", at(&path), path.display());
    let result = listed(&client(), &list, None, json!({})).unwrap();
    assert_eq!(counts(&result).rsplit(' ').next().unwrap(), "1", "{result}");
    assert!(result["error"]["message"].as_str().unwrap().contains("both as"), "{result}");
    let list = format!("{one}\n{other}\n");
    let whole = folder.path().join("y.tar");
    assert_eq!(counts(&listed(&client(), &list, Some(&at(&whole)), json!({})).unwrap()), "2 2 0 0 0");
    assert_eq!(names(&whole), "b:1 b:2");
}

/// One image with so many names, each as a tag of a repository, with or without a layout in the same archive.
fn named_often(path: &Path, count: usize, is_layout: bool) {
    let config = config(&[b"shared"]);
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", digest(bytes).hex());
    let names: Vec<String> = (0..count).map(|number| format!("h.io/a/b:t{number}")).collect();
    let list = json!([{"Config": blob(config.as_bytes()), "RepoTags": names, "Layers": [blob(b"shared")]}]);
    let part = |bytes: &[u8], kind: &str| json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": part(config.as_bytes(), "application/vnd.oci.image.config.v1+json"),
        "layers": [part(b"shared", "application/vnd.oci.image.layer.v1.tar")]})
    .to_string();
    let entry = |name: &String| {
        let mut entry = part(manifest.as_bytes(), MANIFEST_TYPE);
        entry["annotations"] = json!({"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name});
        entry
    };
    let index = json!({"schemaVersion": 2, "manifests": names.iter().map(entry).collect::<Vec<_>>()}).to_string();
    let mut files =
        vec![text(&list), bytes(&blob(config.as_bytes()), config.as_bytes()), bytes(&blob(b"shared"), b"shared")];
    if is_layout {
        files.push(bytes("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#));
        files.push(bytes("index.json", index.as_bytes()));
        files.push(bytes(&blob(manifest.as_bytes()), manifest.as_bytes()));
    }
    fs::write(path, crate::images::layer(&files)).unwrap();
}

/// Nothing is looked for among all names once for each of them.
#[test]
fn many_names_of_one_image_cost_little_each() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("x.tar"), format!("oci:{}", folder.path().join("l").display()));
    for (kind, is_layout) in [("docker-archive", false), ("docker-archive", true), ("oci-archive", true)] {
        let took = [1_000, 4_000].map(|count| {
            named_often(&path, count, is_layout);
            let (from, begun) = (format!("{kind}:{}", path.display()), Instant::now());
            let planned = sync(&from, &to, json!({"dry_run": true}));
            assert_eq!(counts(&planned), format!("{count} {count} 0 0 0"));
            begun.elapsed()
        });
        // Four times as many: the square would be sixteen times.
        assert!(took[1] < took[0] * 10 + Duration::from_secs(1), "{kind} {is_layout}: {took:?}");
    }
}

#[test]
fn an_archive_of_more_names_than_anybody_gives_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    named_often(&path, 100_001, false);
    let to = format!("oci:{}", folder.path().join("l").display());
    let error = synced_by(&client(), &at(&path), &to, json!({"dry_run": true})).unwrap_err();
    assert!(error.message().contains("more than 100000 names"), "{error}");
}
