//! What a change of an archive must not cost: names and images of either list, what was moved before, and the file itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::*;

/// An image without layers, for an architecture.
pub(super) fn image_for(kept: &Kept, architecture: &str) -> String {
    let (config, image) = small_image();
    let other = String::from_utf8(config.to_vec()).unwrap().replace("amd64", architecture);
    kept.put_blob(other.as_bytes());
    let image = image.replace(digest(config).as_str(), digest(other.as_bytes()).as_str());
    image.replace(&format!("\"size\":{}", config.len()), &format!("\"size\":{}", other.len()))
}

pub(super) fn descriptor(manifest: &str) -> Value {
    json!({"mediaType": MANIFEST_TYPE, "digest": digest(manifest.as_bytes()), "size": manifest.len()})
}

fn by_digest(manifest: &str) -> String {
    format!("@{}", digest(manifest.as_bytes()))
}

impl Kept {
    /// The names of each image in `manifest.json`.
    pub(super) fn saved(&self) -> Value {
        self.json("manifest.json").as_array().unwrap().iter().map(|image| image["RepoTags"].clone()).collect()
    }

    /// Changes the files in the archive, as another program would.
    pub(super) fn rewrite(&self, change: impl FnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        let run = |args: &[&str]| {
            let done = Command::new("tar").args(args).current_dir(folder.path()).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        let archive = self.held.path("a.tar");
        run(&["-xf", &archive]);
        change(folder.path());
        let mut files: Vec<String> = ["oci-layout", "index.json", "manifest.json"].map(str::to_owned).to_vec();
        files.retain(|name| folder.path().join(name).exists());
        let blobs = fs::read_dir(folder.path().join("blobs/sha256")).unwrap();
        files.extend(blobs.map(|blob| format!("blobs/sha256/{}", blob.unwrap().file_name().display())));
        run(&["-cf", &archive].into_iter().chain(files.iter().map(String::as_str)).collect::<Vec<_>>());
    }

    fn blob_count(&self) -> usize {
        let done = Command::new("tar").args(["-tf", &self.held.path("a.tar")]).output().unwrap();
        String::from_utf8(done.stdout).unwrap().lines().filter(|name| name.starts_with("blobs/sha256/")).count()
    }

    pub(super) fn file(&self, digest: &Digest) -> Vec<u8> {
        let name = format!("blobs/sha256/{}", digest.hex());
        Command::new("tar").args(["-xOf", &self.held.path("a.tar"), &name]).output().unwrap().stdout
    }

    /// A file in the staging folder, as a killed call may leave it.
    pub(super) fn leave(&self, blob: &Digest, content: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let blobs = self.held.folder.path().join(".a.tar.partial.d/blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        fs::set_permissions(self.held.path(".a.tar.partial.d"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(blobs.join(blob.hex()), content).unwrap();
    }

    fn put_wrong(&self) {
        let options = BlobPutOptions { digest: Some(digest(b"other")), ..BlobPutOptions::default() };
        let (client, place) = (&self.held.client, self.place(""));
        let put = place::put_blob(client, &call(client), &place, b"some", &options);
        fails(put, Code::DigestMismatch, "");
    }
}

fn shorten(folder: &Path, digest: &Digest) {
    let path = folder.join("blobs/sha256").join(digest.hex());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
}

/// In an oci-archive `alpine` may be a tag; the image `alpine:latest` is another.
#[test]
fn a_tag_alone_is_not_the_name_of_an_image() {
    let mut kept = Kept::new("docker-archive");
    let named = image_for(&kept, "arm64");
    kept.put(":alpine:latest", &named, json!({})).unwrap();
    kept.kind = "oci-archive";
    fails(kept.untag(":alpine"), Code::NotFound, "alpine");
    for by in ["name", "digest"] {
        let tagged = image_for(&kept, "amd64");
        kept.put(":alpine", &tagged, json!({})).unwrap();
        match by {
            "name" => drop(kept.untag(":alpine").unwrap()),
            _ => kept.delete(&by_digest(&tagged)).unwrap(),
        }
        let saved = kept.saved();
        assert_eq!(saved, json!([["alpine:latest"]]), "{by}");
        assert_eq!(kept.digest(":alpine:latest").unwrap(), digest(named.as_bytes()), "{by}");
    }
    kept.kind = "docker-archive";
    assert_eq!(kept.digest(":alpine:latest").unwrap(), digest(named.as_bytes()));
}

#[test]
fn a_name_of_several_images_is_taken_from_the_deleted_one() {
    let mut kept = Kept::new("docker-archive");
    let (first, second) = (image_for(&kept, "amd64"), image_for(&kept, "arm64"));
    kept.put(":a/b:1", &first, json!({})).unwrap();
    kept.put(":a/b:2", &second, json!({})).unwrap();
    kept.rewrite(|folder| {
        for list in ["index.json", "manifest.json"] {
            let path = folder.join(list);
            fs::write(&path, fs::read_to_string(&path).unwrap().replace("a/b:2", "a/b:1")).unwrap();
        }
    });
    assert_eq!(kept.saved(), json!([["a/b:1"], ["a/b:1"]]));
    kept.kind = "oci-archive";
    kept.delete(&by_digest(&first)).unwrap();
    assert_eq!(kept.saved(), json!([["a/b:1"]]));
    assert_eq!(kept.digest(":a/b:1").unwrap(), digest(second.as_bytes()));
    kept.kind = "docker-archive";
    assert_eq!(kept.digest(":a/b:1").unwrap(), digest(second.as_bytes()));
}

#[test]
fn an_index_takes_its_name_from_the_image_that_had_it() {
    let mut kept = Kept::new("docker-archive");
    let image = image_for(&kept, "amd64");
    kept.put(":a/b:1", &image, json!({"tags": ["a/b:2", "a/b:3"]})).unwrap();
    kept.kind = "oci-archive";
    let empty = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).to_string();
    kept.put(":a/b:1", &empty, json!({})).unwrap();
    assert_eq!(kept.digest(":a/b:1").unwrap(), digest(empty.as_bytes()));
    assert_eq!(kept.saved(), json!([["a/b:2", "a/b:3"]]));
    // One that lists the image leads to it.
    let whole = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [descriptor(&image)]}).to_string();
    kept.put(":a/b:2", &whole, json!({})).unwrap();
    assert_eq!(kept.digest(":a/b:2").unwrap(), digest(whole.as_bytes()));
    assert_eq!(kept.saved(), json!([["a/b:2", "a/b:3"]]));
    kept.untag(":a/b:2").unwrap();
    assert_eq!(kept.saved(), json!([["a/b:3"]]));
}

#[test]
fn what_is_refused_leaves_nothing() {
    let (_, image) = small_image();
    for kind in ["oci-archive", "docker-archive"] {
        let kept = Kept::new(kind);
        kept.put_blob(b"there");
        let before = kept.bytes();
        fails(kept.put(":a/b:1", &image, json!({})), Code::MissingBlob, "");
        assert!(kept.is_alone() && kept.bytes() == before, "{kind}");
        kept.put_wrong();
        assert!(!kept.put_blob(b"there"));
        assert!(kept.is_alone() && kept.bytes() == before, "{kind}");
    }
}

#[test]
fn a_failed_put_makes_no_archive() {
    for kind in ["oci-archive", "docker-archive"] {
        let kept = Kept::new(kind);
        kept.put_wrong();
        assert!(fs::read_dir(kept.held.folder.path()).unwrap().next().is_none(), "{kind}");
    }
}

/// Also when calls between that change nothing.
#[test]
fn a_broken_copy_of_a_blob_goes_on_where_it_stopped() {
    let (blob, is_broken) = (noise(3_000_000), Arc::new(AtomicBool::new(true)));
    let (sent, breaks) = (blob.clone(), is_broken.clone());
    let server = Server::start(move |seen| match (breaks.load(Ordering::SeqCst), seen.range_start()) {
        (true, None) => serve(&sent, seen).cut(2_000_000, Then::Close),
        (true, Some(_)) => reply(403),
        (false, _) => serve(&sent, seen),
    });
    for is_there in [false, true] {
        for kind in ["oci-archive", "docker-archive"] {
            is_broken.store(true, Ordering::SeqCst);
            let kept = Kept::new(kind);
            if is_there {
                kept.put_blob(b"there");
            }
            let from = kept.held.blob(&format!("{}/a/b", server.host), &digest(&blob));
            let (client, options) = (&kept.held.client, place::BlobCopyOptions { size: Some(3_000_000) });
            let copy = || place::copy_blob(client, &call(client), &from, &kept.place(""), &options);
            copy().unwrap_err();
            assert_eq!(Path::new(&kept.held.path("a.tar")).exists(), is_there, "{kind}");
            kept.put_wrong();
            assert!(!is_there || !kept.put_blob(b"there"));
            is_broken.store(false, Ordering::SeqCst);
            let copied = copy().unwrap();
            assert!(copied.uploaded && copied.resumed > 1_000_000, "{kind} {is_there}: {}", copied.resumed);
            assert!(kept.file(&digest(&blob)) == blob && kept.is_alone());
        }
    }
}

#[test]
fn a_blob_of_a_wrong_size_is_replaced() {
    let (config, image) = small_image();
    let server = Server::start(move |_| reply(200).body(b"alone"));
    for kind in ["oci-archive", "docker-archive"] {
        let kept = Kept::new(kind);
        kept.put_blob(config);
        kept.put_blob(b"alone");
        kept.put(":a/b:1", &image, json!({})).unwrap();
        kept.rewrite(|folder| shorten(folder, &digest(config)));
        assert!(kept.put_blob(config), "{kind}");
        assert_eq!(kept.file(&digest(config)), config);
        kept.rewrite(|folder| shorten(folder, &digest(b"alone")));
        assert!(kept.put_blob(b"alone") && kept.file(&digest(b"alone")) == b"alone", "{kind}");
        kept.rewrite(|folder| shorten(folder, &digest(b"alone")));
        let from = kept.held.blob(&format!("{}/a/b", server.host), &digest(b"alone"));
        let (client, options) = (&kept.held.client, place::BlobCopyOptions { size: Some(5) });
        let copied = place::copy_blob(client, &call(client), &from, &kept.place(""), &options).unwrap();
        assert!(copied.uploaded && kept.file(&digest(b"alone")) == b"alone", "{kind}");
        kept.rewrite(|folder| shorten(folder, &digest(b"alone")));
        // What is promised by its digest alone is read to its end before that is known.
        let options = BlobPutOptions { digest: Some(digest(b"alone")), ..BlobPutOptions::default() };
        let put = place::put_blob_stream(client, &call(client), &kept.place(""), &mut &b"alone"[..], &options).unwrap();
        assert!(put.uploaded && kept.file(&digest(b"alone")) == b"alone" && kept.is_alone(), "{kind}");
        assert_eq!(kept.blob_count(), 3, "{kind}: each once");
    }
}

/// A manifest that is wrong about a blob does not keep the right bytes out, and gets no new name.
#[test]
fn a_good_blob_stays_though_a_manifest_is_wrong_about_it() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    kept.put(":v1", &image, json!({})).unwrap();
    let wrong = image.replace(&format!("\"size\":{}", config.len()), "\"size\":7");
    kept.rewrite(|folder| {
        let path = folder.join("index.json");
        let index = fs::read_to_string(&path).unwrap();
        let index = index.replace(digest(image.as_bytes()).as_str(), digest(wrong.as_bytes()).as_str());
        let index = index.replace(&format!("\"size\":{}", image.len()), &format!("\"size\":{}", wrong.len()));
        fs::write(path, index).unwrap();
        let blobs = folder.join("blobs/sha256");
        fs::write(blobs.join(digest(config).hex()), "{}").unwrap();
        fs::remove_file(blobs.join(digest(image.as_bytes()).hex())).unwrap();
        fs::write(blobs.join(digest(wrong.as_bytes()).hex()), &wrong).unwrap();
    });
    assert!(kept.put_blob(config) && kept.file(&digest(config)) == config && kept.is_alone());
    let (client, before) = (&kept.held.client, kept.bytes());
    let tagged = place::tag(client, &call(client), &kept.place(":v1"), "v2", &TagOptions::default());
    fails(tagged, Code::SizeMismatch, "than 7");
    fails(kept.put(":v2", &wrong, json!({})), Code::MissingBlob, "7");
    assert!(kept.bytes() == before && kept.is_alone());
    kept.put(":v2", &image, json!({})).unwrap();
}
