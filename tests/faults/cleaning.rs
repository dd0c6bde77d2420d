//! Checking, cleaning and writing layouts in which not everything is what it seems.

use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};

use ocireg::digest::Digest;
use ocireg::error::{Code, Error};
use ocireg::image::Image;
use ocireg::layout::check::{check, clean, CheckResult, CleanOptions, CleanResult};
use ocireg::layout::directory::Directory;
use ocireg::layout::oci::OciLayout;
use ocireg::store::{ReadStore, WriteStore};
use ocireg::transfer::copy::{copy, Copied, CopyOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::memory::Memory;
use crate::own_process::{run_again, ANOTHER_USER};

/// A layout made by hand.
pub struct Layout(pub tempfile::TempDir);

impl Layout {
    pub fn new(entries: &[Value]) -> Layout {
        let layout = Layout(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(layout.0.path().join("blobs/sha256")).unwrap();
        std::fs::write(layout.0.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        layout.name(entries);
        layout
    }

    pub fn name(&self, entries: &[Value]) {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries});
        std::fs::write(self.0.path().join("index.json"), index.to_string()).unwrap();
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.0.path().join("blobs/sha256").join(digest.hex())
    }

    /// Puts a blob; its descriptor.
    pub fn put(&self, media_type: &str, bytes: &[u8]) -> Value {
        std::fs::write(self.blob(&digest(bytes)), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()})
    }

    /// Puts an image with a unique layer.
    pub fn image(&self, name: &str) -> Value {
        let config =
            self.put("application/vnd.oci.image.config.v1+json", format!("{{\"name\":\"{name}\"}}").as_bytes());
        let layer = self.put("application/vnd.oci.image.layer.v1.tar", name.as_bytes());
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer]}).to_string();
        self.put(MANIFEST_TYPE, manifest.as_bytes())
    }

    pub fn index(&self, entries: &[Value]) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string();
        self.put(INDEX_TYPE, index.as_bytes())
    }

    pub fn remove(&self, entry: &Value) {
        std::fs::remove_file(self.blob(&digest_of(entry))).unwrap();
    }

    pub fn blobs(&self) -> usize {
        std::fs::read_dir(self.0.path().join("blobs/sha256")).unwrap().count()
    }

    pub fn open(&self) -> OciLayout {
        OciLayout::open(self.0.path(), None).unwrap()
    }

    pub fn check(&self) -> CheckResult {
        check(&call(&client()), &self.open()).unwrap()
    }

    pub fn clean(&self, prune_sparse: bool) -> Result<CleanResult, Error> {
        clean(&call(&client()), &self.open(), &CleanOptions { prune_sparse })
    }
}

/// An entry with a name: only then it keeps what it refers to.
fn named(entry: &Value) -> Value {
    let mut named = entry.clone();
    named["annotations"] = json!({"org.opencontainers.image.ref.name": "named"});
    named
}

pub fn digest_of(entry: &Value) -> Digest {
    entry["digest"].as_str().unwrap().parse().unwrap()
}

pub fn copied(from: &dyn ReadStore, to: &OciLayout) -> Copied {
    copy(&call(&client()), from, to, &CopyOptions::default()).unwrap()
}

pub fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Changes the owner of a file, where the test may do that.
pub fn give_away(path: &Path) -> bool {
    std::os::unix::fs::lchown(path, Some(12345), None).is_ok()
}

/// What a missing manifest needs is not known: nothing is removed while one is missing, at any depth.
#[test]
fn a_missing_child_is_sparse_and_nothing_is_removed() {
    let layout = Layout::new(&[]);
    let (here, gone) = (layout.image("here"), layout.image("gone"));
    let inner = layout.index(std::slice::from_ref(&gone));
    for nested in [false, true] {
        let layout = Layout::new(&[]);
        let (here, gone) = (layout.image("here"), layout.image("gone"));
        let inner = if nested { layout.index(std::slice::from_ref(&gone)) } else { gone.clone() };
        let outer = layout.index(&[here.clone(), inner]);
        // A second entry, which the missing one is not a child of: the order must not matter.
        let other = layout.image("other");
        layout.name(&[other.clone(), outer.clone()]);
        assert!(layout.check().ok);
        let all = layout.blobs();
        layout.remove(&gone);

        let checked = layout.check();
        assert_eq!((checked.ok, checked.problems.len()), (false, 0), "{checked:?}");
        assert_eq!(checked.sparse, [digest_of(&gone)]);
        let cleaned = layout.clean(false).unwrap();
        assert_eq!((cleaned.removed.len(), cleaned.sparse), (0, vec![digest_of(&gone)]));
        assert_eq!(layout.blobs(), all - 1);
        let cleaned = layout.clean(true).unwrap();
        assert_eq!(cleaned.removed.len(), 2, "config and layer of the missing image: {cleaned:?}");
        assert!(cleaned.removed.contains(&digest(b"gone")));
    }
    // A missing manifest that index.json itself names is an error, not a permission to remove anything.
    layout.name(&[here, inner.clone()]);
    layout.remove(&inner);
    let checked = layout.check();
    assert_eq!((checked.ok, checked.sparse.len()), (false, 0), "{checked:?}");
    assert_eq!(checked.problems[0].digest, digest_of(&inner));
    for prune in [false, true] {
        fails(layout.clean(prune), Code::MissingBlob, inner["digest"].as_str().unwrap());
    }
    assert!(layout.blob(&digest(b"gone")).exists());
}

/// An index may say nothing about the types of its children, or name unknown types.
#[test]
fn a_child_without_a_known_type_is_looked_at() {
    for media_type in ["", "application/vnd.example.unknown"] {
        let layout = Layout::new(&[]);
        let mut child = layout.image("child");
        child["mediaType"] = media_type.into();
        let index = layout.index(std::slice::from_ref(&child));
        layout.name(&[index]);
        assert!(layout.check().ok);
        assert_eq!(layout.clean(false).unwrap().removed.len(), 0);
        layout.remove(&child);
        assert_eq!(layout.check().sparse, [digest_of(&child)]);
        assert_eq!(layout.clean(false).unwrap().removed.len(), 0);
    }
}

/// Manifests of unknown types: as an entry of `index.json`, as a child of an index, and in a document that names them
/// in its own way.
#[test]
fn what_is_of_no_known_kind_keeps_what_it_names() {
    let layer_type = "application/vnd.oci.image.layer.v1.tar";
    let custom_type = "application/vnd.custom.manifest.v1+json";
    for media_type in [custom_type, "application/json", "application/octet-stream", "x", layer_type] {
        for place in ["entry", "child", "named by another"] {
            let layout = Layout::new(&[]);
            let known = layout.image("known");
            let config = layout.put("application/vnd.custom.config", b"{\"c\": 1}");
            let layer = layout.put("application/vnd.custom.blob", b"layer");
            let (inner, subject) = (layout.image("inner"), layout.image("subject"));
            let document = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer],
                "more": {"deep": [inner]}, "subject": subject, "annotations": {"x": "sha256:no digest"}});
            let custom = layout.put(media_type, document.to_string().as_bytes());
            match place {
                "entry" => layout.name(&[known, named(&custom)]),
                "child" => layout.name(&[layout.index(&[known, custom])]),
                _ => {
                    let outer = json!({"mediaType": media_type, "things": [{"one": {"digest": custom["digest"]}}]});
                    let outer = layout.put(media_type, outer.to_string().as_bytes());
                    layout.name(&[known, outer]);
                }
            }
            let orphan = layout.put("", b"orphan");
            assert!(layout.check().ok, "{media_type} {place}: {:?}", layout.check());
            let cleaned = layout.clean(false).unwrap();
            assert_eq!(cleaned.removed, [digest_of(&orphan)], "{media_type} {place}");
            // A subject may be missing, a required blob may not; then what else is needed is not known.
            layout.remove(&subject);
            assert!(layout.check().ok, "{media_type} {place}");
            layout.put("", b"orphan");
            layout.remove(&inner);
            assert_eq!(layout.check().sparse, [digest_of(&inner)], "{media_type} {place}");
            assert_eq!(layout.clean(false).unwrap().removed, [], "{media_type} {place}");
        }
    }
}

/// A missing entry of `index.json` is an error whatever its type; one that exists but cannot be read may need anything.
#[test]
fn nothing_is_removed_for_entries_that_cannot_be_read() {
    for media_type in ["", "x", "application/vnd.custom.manifest.v1+json", "application/octet-stream", MANIFEST_TYPE] {
        let layout = Layout::new(&[]);
        let (here, gone) = (layout.image("here"), layout.put(media_type, b"{}"));
        layout.put("", b"orphan");
        layout.name(&[here, gone.clone()]);
        layout.remove(&gone);
        let checked = layout.check();
        assert_eq!(checked.problems.len(), 1, "{media_type}: {checked:?}");
        assert!(checked.problems[0].problem.contains("it is not there"), "{checked:?}");
        let before = layout.blobs();
        for prune in [false, true] {
            fails(layout.clean(prune), Code::MissingBlob, "it is not there");
        }
        assert_eq!(layout.blobs(), before);
    }
    for bytes in [&b"no JSON"[..], b"{\"config\": ", b"{\"a\": 1, \"a\": 2}", b"7"] {
        for child in [false, true] {
            let layout = Layout::new(&[]);
            let (here, obscure) = (layout.image("here"), layout.put("x", bytes));
            let orphan = layout.put("", b"orphan");
            match child {
                true => layout.name(&[layout.index(&[here, obscure.clone()])]),
                false => layout.name(&[here, obscure.clone()]),
            }
            assert!(layout.check().ok);
            let error = fails(layout.clean(false), Code::Unsupported, obscure["digest"].as_str().unwrap());
            assert!(error.to_json().to_string().contains("prune_sparse"), "{error:?}");
            assert_eq!(layout.clean(true).unwrap().removed, [digest_of(&orphan)]);
        }
    }
}

/// A document that is nested too deep to be read, wherever it is named, may need any blob.
#[test]
fn nothing_is_removed_for_documents_that_are_too_deep() {
    for place in ["entry", "child", "named by another", "mentioned"] {
        let layout = Layout::new(&[]);
        let (known, inner) = (layout.image("known"), layout.put("x", b"needed"));
        let deep = format!("{}{{\"blob\": {inner}}}{}", "[".repeat(60), "]".repeat(60));
        let deep = layout.put("x", deep.as_bytes());
        match place {
            "entry" => layout.name(&[known, deep.clone()]),
            "child" => layout.name(&[layout.index(&[known, deep.clone()])]),
            named => {
                let things = match named {
                    "mentioned" => json!({"mediaType": "x", "note": deep["digest"]}),
                    _ => json!({"mediaType": "x", "things": [{"digest": deep["digest"]}]}),
                };
                layout.name(&[known, layout.put("x", things.to_string().as_bytes())]);
            }
        }
        let before = layout.blobs();
        fails(layout.clean(false), Code::Unsupported, deep["digest"].as_str().unwrap());
        assert_eq!(layout.blobs(), before, "{place}");
    }
}

/// A layer of a manifest may itself be a manifest, even of the same layout; and a digest that is only mentioned is
/// kept.
#[test]
fn a_manifest_may_be_a_layer_of_another() {
    for layer_type in [MANIFEST_TYPE, "application/vnd.oci.image.layer.v1.tar"] {
        let layout = Layout::new(&[]);
        let (inner, subject) = (layout.image("inner"), layout.image("subject"));
        let config = layout.put("application/vnd.oci.empty.v1+json", b"{}");
        let mut layer = inner.clone();
        layer["mediaType"] = layer_type.into();
        let outer = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer],
            "subject": subject, "annotations": {"also": subject["digest"]}})
        .to_string();
        layout.name(&[named(&layout.put(MANIFEST_TYPE, outer.as_bytes())), inner]);
        assert!(layout.check().ok, "{:?}", layout.check());
        assert_eq!(layout.clean(false).unwrap().removed, [], "{layer_type}");
    }
}

/// In a folder where everybody may create links, a layout, a directory or an extracted image follows none of another
/// user's; nor one inside a layout, wherever that is.
#[test]
fn links_of_strangers_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["shared", "victim"] {
        std::fs::create_dir(path(name)).unwrap();
    }
    chmod(&path("shared"), 0o1777);
    symlink(path("victim"), path("shared/link")).unwrap();
    if !give_away(&path("shared/link")) {
        return;
    }
    let (image, call) = (Memory::new(&[]), call(&client()));
    let extracting = |path: &Path| ocireg::image::extract::extract(&call, &image, path, &Default::default());
    for target in ["shared/link", "shared/link/new"].map(path) {
        let copying = |to: &dyn WriteStore| copy(&call, &image, to, &CopyOptions::default()).map(drop);
        for outcome in [
            OciLayout::planned(&target, Some("1")).and_then(|to| copying(&to)),
            OciLayout::create(&target, Some("1")).map(drop),
            copying(&Directory::planned(&target)),
            Directory::create(&target).map(drop),
            extracting(&target).map(drop),
        ] {
            fails(outcome, Code::Io, "a symbolic link of another user");
        }
        assert_eq!(std::fs::read_dir(path("victim")).unwrap().count(), 0);
    }
    // A good layout, reached through such a link.
    let layout = Layout::new(&[]);
    std::fs::remove_file(path("shared/link")).unwrap();
    symlink(layout.0.path(), path("shared/link")).unwrap();
    layout.put("", b"orphan");
    give_away(&path("shared/link"));
    let opened = OciLayout::open(&path("shared/link"), None).unwrap();
    fails(clean(&call, &opened, &CleanOptions::default()), Code::Io, "a symbolic link of another user");
    fails(ocireg::inside::rewrite_index(&opened, &call), Code::Io, "a symbolic link of another user");
    for part in ["blobs", "blobs/sha256", "index.json"] {
        let layout = Layout::new(&[]);
        layout.put("", b"orphan");
        let (inner, moved) = (layout.0.path().join(part), layout.0.path().join(".moved"));
        std::fs::rename(&inner, &moved).unwrap();
        symlink(&moved, &inner).unwrap();
        give_away(&inner);
        fails(layout.clean(false), Code::Io, "a symbolic link of another user");
        let to = OciLayout::planned(layout.0.path(), Some("1")).unwrap();
        fails(copy(&call, &image, &to, &CopyOptions::default()), Code::Io, "a symbolic link of another user");
        assert_eq!(layout.blobs(), 1, "{part}");
        std::os::unix::fs::lchown(&inner, Some(0), None).unwrap();
        copied(&image, &to);
        drop(to);
        assert_eq!(layout.clean(false).unwrap().removed, [digest(b"orphan")], "{part}");
        assert!(inner.is_symlink() && layout.check().ok, "{part}");
    }
}

/// Everything that others wrote into `index.json` is kept.
#[test]
fn entries_keep_what_others_wrote() {
    let layout = Layout::new(&[]);
    let mut entry = layout.image("theirs");
    for (key, value) in [
        ("x-more", json!({"a": [1, null]})),
        ("annotations", json!({"n": 7, "org.opencontainers.image.ref.name": "theirs"})),
        ("platform", json!({"os": "linux", "architecture": "amd64", "x": true, "os.features": null})),
        ("data", Value::Null),
    ] {
        entry[key] = value;
    }
    let mut again = layout.image("again");
    (again["annotations"], again["x"]) = (json!({"org.opencontainers.image.ref.name": "1"}), json!(1));
    layout.name(&[again, entry.clone()]);
    copied(&Memory::new(&[]), &OciLayout::planned(layout.0.path(), Some("1")).unwrap());
    let index: Value = serde_json::from_slice(&std::fs::read(layout.0.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0], entry, "{index}");
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
}

/// Nested indexes are followed to the same depth by every operation, and no deeper.
#[test]
fn indexes_are_followed_to_one_depth() {
    for (indexes, good) in [(16, true), (17, false)] {
        let layout = Layout::new(&[]);
        let mut entry = layout.image("inner");
        let inner = digest_of(&entry);
        for _ in 0..indexes {
            entry["platform"] = json!({"os": "linux", "architecture": "amd64"});
            entry = layout.index(&[entry]);
        }
        layout.name(&[entry]);
        let (call, from, to) = (call(&client()), layout.open(), tempfile::tempdir().unwrap());
        let platform = vec!["linux/amd64".to_owned()];
        for (way, outcome) in [
            ("find", Image::find(&call, &from, Some("linux/amd64")).map(drop)),
            ("all", Image::all(&call, &from).map(drop)),
            ("copy", copy(&call, &from, &Directory::planned(to.path()), &CopyOptions::default()).map(drop)),
            (
                "platform",
                copy(&call, &from, &Directory::planned(to.path()), &CopyOptions { platform, ..CopyOptions::default() })
                    .map(drop),
            ),
        ] {
            match outcome {
                Ok(()) => assert!(good, "{way}"),
                Err(error) => assert!(!good && error.code() == Code::LimitExceeded, "{way}: {error}"),
            }
        }
        assert!(layout.check().ok && layout.clean(false).unwrap().removed.is_empty() && layout.blob(&inner).exists());
    }
}

/// An incomplete image can be copied by the platforms that are present; the message says how.
#[test]
fn a_sparse_source_says_what_can_be_done() {
    let layout = Layout::new(&[]);
    let (here, gone) = (layout.image("here"), layout.image("gone"));
    layout.name(&[layout.index(&[here, gone.clone()])]);
    layout.remove(&gone);
    let to = tempfile::tempdir().unwrap();
    let outcome = copy(&call(&client()), &layout.open(), &Directory::planned(to.path()), &CopyOptions::default());
    let error = fails(outcome, Code::NotFound, gone["digest"].as_str().unwrap());
    let hint = error.to_json()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("platform") && hint.contains("sparse"), "{hint}");
}

/// Anyone who can read a layout can lock it: a waiting call names the lock when its time is over.
#[test]
fn who_waits_for_a_lock_is_told_which() {
    let layout = Layout::new(&[]);
    let marker = layout.0.path().join("oci-layout");
    let stranger = std::fs::File::open(&marker).unwrap();
    stranger.try_lock().unwrap();
    let waiting = || {
        let (context, call) = with_context(&client());
        context.set_deadline(Some(std::time::Duration::from_millis(50)));
        call
    };
    let to = OciLayout::planned(layout.0.path(), Some("1")).unwrap();
    for outcome in [
        clean(&waiting(), &layout.open(), &CleanOptions::default()).map(drop),
        copy(&waiting(), &Memory::new(&[]), &to, &CopyOptions::default()).map(drop),
    ] {
        let error = fails(outcome, Code::Timeout, "lock");
        assert!(error.message().contains(marker.to_str().unwrap()), "{error}");
    }
    assert!(check(&waiting(), &layout.open()).unwrap().ok, "what only reads does not wait");
}

/// The size of a manifest in an index is checked; but cleaning only needs to know which blobs are needed.
#[test]
fn a_manifest_has_the_size_that_its_descriptor_says() {
    for size in [0u64, 7, 1 << 40] {
        for is_child in [false, true] {
            let layout = Layout::new(&[]);
            let mut entry = layout.image("a");
            entry["size"] = json!(size);
            entry["platform"] = json!({"os": "linux", "architecture": "amd64"});
            layout.name(&[if is_child { layout.index(&[entry]) } else { entry }]);
            let (client, to) = (client(), tempfile::tempdir().unwrap());
            let call = call(&client);
            let opened = OciLayout::open(layout.0.path(), None).unwrap();
            let found = check(&call, &opened).unwrap();
            assert!(!found.ok && found.problems.iter().any(|known| known.problem.contains(&format!("says {size}"))));
            let target = OciLayout::create(to.path(), Some("t")).unwrap();
            let copied = copy(&call, &opened, &target, &CopyOptions::default());
            fails(copied.map(drop), Code::SizeMismatch, &format!("says {size}"));
            let there = layout.blobs();
            clean(&call, &opened, &CleanOptions::default()).unwrap();
            assert_eq!(layout.blobs(), there);
        }
    }
}

/// Hidden files with the names that only this library gives, and only where their writers would hold a lock. What a broken copy can go
/// on with stays, and so does what another program has put there, for ever.
#[test]
fn what_killed_writers_have_left_is_removed() {
    let layout = Layout::new(&[]);
    let image = layout.image("one");
    layout.name(&[named(&image)]);
    let root = layout.0.path();
    let blob = digest(b"to be gone on with");
    let begun = format!("blobs/sha256/.{}.{}.partial", blob.hex(), &blob.hex()[..12]);
    let gone = [".ocireg-index-Ab3dE9.partial", "blobs/sha256/.ocireg-zZ09aa.partial"];
    // Of a new layout, or of a file that the caller wants here: they have no lock.
    let later = [".ocireg-Ab3dE9.partial", &begun];
    let others = [
        ".backup.partial",
        ".x.partial",
        ".x.27042f4e6eca.partial",
        "blobs/sha256/.images.partial",
        "blobs/sha256/.x.27042f4e6eca.partial",
        "blobs/sha256/.ocireg-Ab3dE9.part",
        "blobs/.ocireg-Ab3dE9.partial",
        "ocireg-Ab3dE9.partial",
    ];
    let all = || gone.into_iter().chain(later).chain(others);
    all().for_each(|name| std::fs::write(root.join(name), "half").unwrap());
    let there = |names: &[&str]| names.iter().filter(|name| root.join(name).exists()).count();
    let cleaned = layout.clean(false).unwrap();
    assert_eq!((cleaned.bytes, cleaned.removed.len()), (8, 0));
    assert_eq!((there(&gone), there(&later), there(&others)), (0, later.len(), others.len()));
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    for name in later.into_iter().chain(others) {
        std::fs::File::options().write(true).open(root.join(name)).unwrap().set_modified(old).unwrap();
    }
    assert_eq!(layout.clean(false).unwrap().bytes, 8);
    assert_eq!((there(&later), there(&others)), (0, others.len()));
    assert!(layout.check().ok);
}

/// Who holds the lock on the folder for longer than the call may wait finds nothing removed: a result tells what is.
#[test]
fn a_clean_up_that_cannot_lock_the_index_removes_nothing() {
    let layout = Layout::new(&[]);
    layout.name(&[named(&layout.image("one"))]);
    let useless = digest_of(&layout.put("application/octet-stream", b"useless"));
    let other = std::fs::File::open(layout.0.path()).unwrap();
    other.try_lock().unwrap();
    let (context, call) = with_context(&client());
    context.set_deadline(Some(std::time::Duration::from_millis(50)));
    fails(clean(&call, &layout.open(), &CleanOptions::default()), Code::Timeout, "lock");
    assert!(layout.blob(&useless).exists());
    drop(other);
    assert_eq!(layout.clean(false).unwrap().removed, [useless]);
}

/// In a folder that all may write to, each can remove only what is its own: what another user has left is told, and the rest goes.
#[test]
fn what_another_user_has_left_is_no_mistake() {
    if let Some(root) = std::env::var_os("OCIREG_TEST_CLEAN") {
        let (context, call) = with_context(&client());
        let layout = OciLayout::open(Path::new(&root), None).unwrap();
        assert_eq!(clean(&call, &layout, &CleanOptions::default()).unwrap().removed, [digest(b"useless")]);
        let warnings = context.warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings.iter().all(|warning| warning.text.contains("another user's")), "{warnings:?}");
        return;
    }
    let layout = Layout::new(&[]);
    let (root, useless) = (layout.0.path(), digest_of(&layout.put("application/octet-stream", b"useless")));
    let theirs = [root.join(".ocireg-index-Ab3dE9.partial"), layout.blob(&digest(b"theirs"))];
    theirs.iter().for_each(|path| std::fs::write(path, "theirs").unwrap());
    for path in ["", "blobs", "blobs/sha256"].map(|name| root.join(name)) {
        chmod(&path, 0o1777);
    }
    let all = [root.join("oci-layout"), root.join("index.json"), layout.blob(&useless)];
    if !all.iter().all(|path| std::os::unix::fs::lchown(path, Some(ANOTHER_USER), None).is_ok()) {
        return;
    }
    run_again("cleaning::what_another_user_has_left_is_no_mistake", "OCIREG_TEST_CLEAN", root);
    assert!(theirs.iter().all(|path| path.exists()) && !layout.blob(&useless).exists());
}
