//! Archives that nobody could read again are not written, and one that has something damaged in it can be changed and repaired.

use ocireg::place::{SyncDestination, SyncOptions, SyncSource};

use super::kept::image_for;
use super::*;

/// Other bytes of the same length under a digest.
fn damage(folder: &Path, digest: &Digest) {
    let path = folder.join("blobs/sha256").join(digest.hex());
    let length = fs::read(&path).unwrap().len();
    fs::write(path, vec![b'!'; length]).unwrap();
}

fn change_json(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

/// The same entry under so many names.
fn multiply(list: &mut Value, count: usize, named: impl Fn(&mut Value, usize)) {
    let one = list[0].clone();
    *list = (0..count)
        .map(|number| (one.clone(), number))
        .map(|(mut entry, number)| {
            named(&mut entry, number);
            entry
        })
        .collect();
}

fn multiply_index(index: &mut Value) {
    multiply(&mut index["manifests"], 100_000, |entry, number| {
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": format!("t{number}")});
    });
}

#[test]
fn more_images_than_a_reader_takes_are_not_written() {
    let kept = Kept::new("docker-archive");
    let (first, second) = (image_for(&kept, "amd64"), image_for(&kept, "arm64"));
    kept.put(":a/b:1", &first, json!({})).unwrap();
    kept.rewrite(|folder| {
        change_json(&folder.join("manifest.json"), |list| {
            multiply(list, 10_000, |entry, number| {
                entry["RepoTags"] = json!([format!("localhost/some/image:{number}")])
            });
        });
    });
    let before = kept.bytes();
    let error = fails(kept.put(":c/d:1", &second, json!({})), Code::LimitExceeded, "more than 10000 images");
    assert!(error.message().contains("in its manifest.json, and could not be read again"), "{error}");
    assert!(kept.bytes() == before && kept.is_alone());
    kept.put(":c/d:1", &first, json!({})).unwrap();
}

#[test]
fn more_names_than_a_reader_takes_are_not_written() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    kept.put(":t0", &image, json!({})).unwrap();
    kept.rewrite(|folder| change_json(&folder.join("index.json"), multiply_index));
    let before = kept.bytes();
    fails(kept.put(":more", &image, json!({})), Code::LimitExceeded, "more than 100000 entries in its index.json");
    assert!(kept.bytes() == before && kept.is_alone());
    let held = &kept.held;
    held.put_blob(config);
    held.put(":t0", &image, json!({})).unwrap();
    change_json(Path::new(&held.path("l/index.json")), multiply_index);
    let before = fs::read(held.path("l/index.json")).unwrap();
    fails(held.put(":more", &image, json!({})), Code::LimitExceeded, "would have more than 100000 entries");
    assert!(fs::read(held.path("l/index.json")).unwrap() == before);
    held.put(":t1", &image, json!({})).unwrap();
}

/// It would be copied each time, and is never right.
#[test]
fn a_damaged_blob_that_nothing_names_is_left_out_with_a_warning() {
    let (config, image) = small_image();
    for (kind, [first, second, _]) in KINDS {
        let kept = Kept::new(kind);
        for blob in [config, b"one", b"two", b"whole"] {
            kept.put_blob(blob);
        }
        kept.put(&format!(":{first}"), &image, json!({})).unwrap();
        kept.rewrite(|folder| [b"one", b"two"].iter().for_each(|blob| damage(folder, &digest(*blob))));
        let (client, (context, call)) = (&kept.held.client, with_context(&kept.held.client));
        let tagged = place::tag(client, &call, &kept.place(&format!(":{first}")), second, &TagOptions::default());
        assert_eq!(tagged.unwrap().digest, digest(image.as_bytes()));
        let warned: Vec<String> = context.warnings().into_iter().map(|warning| warning.text).collect();
        assert_eq!(warned.len(), 2, "{warned:?}");
        for blob in [b"one", b"two"] {
            let digest = digest(blob);
            assert!(
                warned.iter().any(|text| text.contains(digest.as_str()) && text.contains("left out")),
                "{warned:?}"
            );
            assert!(!kept.has_blob(&digest));
        }
        assert!(kept.has_blob(&digest(b"whole")) && kept.has_blob(&digest(config)) && kept.is_alone(), "{kind}");
        assert!(kept.untag(&format!(":{second}")).is_ok() && kept.names().contains(&first.to_owned()));
    }
}

/// What a manifest names is not left out, and can be replaced.
#[test]
fn a_damaged_blob_is_replaced_by_the_right_one() {
    let (config, image) = small_image();
    let server = Server::start(move |_| reply(200).body(config));
    for (kind, [first, second, _]) in KINDS {
        let kept = Kept::new(kind);
        kept.put_blob(config);
        kept.put(&format!(":{first}"), &image, json!({})).unwrap();
        let (client, place) = (&kept.held.client, kept.place(""));
        for by in ["put", "stream", "copy"] {
            kept.rewrite(|folder| damage(folder, &digest(config)));
            let before = kept.bytes();
            let tagged = kept.put(&format!(":{second}"), &image, json!({}));
            fails(tagged, Code::DigestMismatch, digest(config).as_str());
            assert!(kept.bytes() == before, "{kind} {by}");
            let is_new = match by {
                "put" => kept.put_blob(config),
                "stream" => {
                    let put =
                        place::put_blob_stream(client, &call(client), &place, &mut &config[..], &Default::default());
                    put.unwrap().uploaded
                }
                _ => {
                    let from = kept.held.blob(&format!("{}/a/b", server.host), &digest(config));
                    let options = place::BlobCopyOptions { size: Some(config.len() as u64) };
                    place::copy_blob(client, &call(client), &from, &place, &options).unwrap().uploaded
                }
            };
            assert!(is_new && kept.file(&digest(config)) == config && kept.is_alone(), "{kind} {by}");
        }
        assert!(!kept.put_blob(config), "it is right now");
    }
}

/// Whether something names it or nothing does: what is copied or synced has the right bytes.
#[test]
fn a_damaged_blob_is_replaced_by_a_copy_and_by_a_sync_of_an_image_that_has_it() {
    let (config, image) = small_image();
    for (kind, [first, second, third]) in KINDS {
        for is_named in [false, true] {
            let kept = Kept::new(kind);
            let other = image_for(&kept, "arm64");
            kept.put(&format!(":{first}"), &other, json!({})).unwrap();
            kept.put_blob(config);
            if is_named {
                kept.put(&format!(":{second}"), &image, json!({})).unwrap();
            }
            kept.rewrite(|folder| damage(folder, &digest(config)));
            let (client, held) = (&kept.held.client, &kept.held);
            held.put_blob(config);
            held.put(":v1", &image, json!({})).unwrap();
            let to = kept.place(&format!(":{third}"));
            let done = place::copy(client, &call(client), &held.place(":v1"), &to, &CopyOptions::default()).unwrap();
            assert_eq!(done.blobs["copied"], 1, "{kind}: the damaged one is not there");
            assert!(kept.file(&digest(config)) == config && is_clean(held.folder.path()), "{kind} {is_named}");
        }
    }
    let kept = Kept::new("oci-archive");
    kept.put(":v0", &image_for(&kept, "arm64"), json!({})).unwrap();
    kept.put_blob(config);
    kept.rewrite(|folder| damage(folder, &digest(config)));
    kept.held.put_blob(config);
    kept.held.put(":v1", &image, json!({})).unwrap();
    let client = &kept.held.client;
    let from = SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
    let to = SyncDestination::named(client, &format!("oci-archive:{}", kept.held.path("a.tar"))).unwrap();
    let done = place::sync(client, &call(client), &from, &to, &SyncOptions::default()).unwrap();
    assert!(done.tags.failed == 0 && kept.file(&digest(config)) == config, "{done:?}");
    assert_eq!(kept.names(), ["v0", "v1"]);
}

/// Whatever else makes it be written anew: an image that is new, or a name that goes.
#[test]
fn a_sync_repairs_what_it_leaves_as_it_is_where_that_is_written_anew() {
    let (config, image) = small_image();
    for (is_new, no_clobber) in [(true, false), (false, false), (true, true), (false, true)] {
        let kept = Kept::new("oci-archive");
        kept.put_blob(config);
        kept.put(":v1", &image, json!({})).unwrap();
        kept.put(":v0", &image_for(&kept, "arm64"), json!({})).unwrap();
        kept.rewrite(|folder| damage(folder, &digest(config)));
        kept.held.put_blob(config);
        kept.held.put(":v1", &image, json!({})).unwrap();
        if is_new {
            kept.held.put(":v2", &image, json!({})).unwrap();
        }
        let client = &kept.held.client;
        let from = SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
        let to = SyncDestination::named(client, &format!("oci-archive:{}", kept.held.path("a.tar"))).unwrap();
        let sync = |mut with: Value| {
            with["no_clobber"] = json!(no_clobber);
            let options: SyncOptions = serde_json::from_value(with).unwrap();
            let done = place::sync(client, &call(client), &from, &to, &options).unwrap();
            (done.tags.copied, done.tags.skipped, done.tags.pruned, done.tags.failed)
        };
        assert_eq!(sync(json!({"tags": ["v1"]})), (0, 1, 0, 0), "where nothing is written only sizes count");
        let wanted = if is_new { (2, 0, 0, 0) } else { (1, 0, 1, 0) };
        assert_eq!(sync(json!({"prune": !is_new})), wanted);
        assert!(kept.file(&digest(config)) == config);
        assert_eq!(kept.names(), if is_new { vec!["v0", "v1", "v2"] } else { vec!["v1"] });
    }
}

/// What is not to be replaced is not, and which of the names is damaged is said.
#[test]
fn what_is_damaged_is_not_mended_with_something_else_against_no_clobber() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    kept.put(":v1", &image, json!({})).unwrap();
    let other = image_for(&kept, "arm64");
    kept.rewrite(|folder| damage(folder, &digest(config)));
    let before = kept.bytes();
    kept.held.put_blob(&String::from_utf8(config.to_vec()).unwrap().replace("amd64", "arm64").into_bytes());
    for name in [":v1", ":v2"] {
        kept.held.put(name, &other, json!({})).unwrap();
    }
    let (client, (context, call)) = (&kept.held.client, with_context(&kept.held.client));
    let log = log_of(&context);
    let from = SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
    let to = SyncDestination::named(client, &format!("oci-archive:{}", kept.held.path("a.tar"))).unwrap();
    let options: SyncOptions = serde_json::from_value(json!({"no_clobber": true})).unwrap();
    let done = place::sync(client, &call, &from, &to, &options).unwrap();
    assert_eq!((done.tags.copied, done.tags.failed), (1, 1));
    let log = log.lock().unwrap();
    assert!(log.contains("is damaged and not replaced") && log.contains("a.tar:v1"), "{log}");
    assert!(before != kept.bytes() && kept.names() == ["v1", "v2"] && kept.file(&digest(config))[0] == b'!');
}

/// What is not meant stays as it is, and is told of.
#[test]
fn what_is_damaged_elsewhere_holds_up_nothing() {
    let (config, image) = small_image();
    for (kind, [first, second, third]) in KINDS {
        let kept = Kept::new(kind);
        let other = image_for(&kept, "arm64");
        kept.put_blob(config);
        kept.put(&format!(":{first}"), &image, json!({})).unwrap();
        kept.put(&format!(":{second}"), &other, json!({})).unwrap();
        kept.rewrite(|folder| damage(folder, &digest(config)));
        let is_told = |context: &ocireg::call::context::Context| {
            let texts: Vec<String> = context.warnings().into_iter().map(|warning| warning.text).collect();
            let told = format!("{} is damaged, and stays as it is", digest(config));
            assert!(texts.iter().any(|text| text.contains(&told)), "{texts:?}");
            assert!(kept.file(&digest(config)).iter().all(|byte| *byte == b'!') && kept.is_alone());
        };
        let (client, (context, call)) = (&kept.held.client, with_context(&kept.held.client));
        let from = kept.place(&format!(":{second}"));
        place::tag(client, &call, &from, third, &TagOptions::default()).unwrap();
        is_told(&context);
        let (context, call) = with_context(client);
        place::delete_tag(client, &call, &from, &Default::default()).unwrap();
        is_told(&context);
        assert_eq!(kept.digest(&format!(":{third}")).unwrap(), digest(other.as_bytes()));
        // A new name would need it.
        fails(kept.put(&format!(":{second}"), &image, json!({})), Code::DigestMismatch, digest(config).as_str());
        assert!(kept.put_blob(config) && kept.file(&digest(config)) == config);
    }
}

#[test]
fn a_damaged_image_that_a_sync_does_not_select_holds_up_nothing() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    kept.put(":old", &image, json!({})).unwrap();
    kept.rewrite(|folder| damage(folder, &digest(config)));
    let other = image_for(&kept, "arm64");
    kept.held.put_blob(&String::from_utf8(config.to_vec()).unwrap().replace("amd64", "arm64").into_bytes());
    kept.held.put(":v1", &other, json!({})).unwrap();
    let (client, (context, call)) = (&kept.held.client, with_context(&kept.held.client));
    let from = SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
    let to = SyncDestination::named(client, &format!("oci-archive:{}", kept.held.path("a.tar"))).unwrap();
    let done = place::sync(client, &call, &from, &to, &SyncOptions::default()).unwrap();
    assert_eq!((done.tags.copied, done.tags.failed), (1, 0));
    assert_eq!(
        (kept.names(), kept.digest(":v1").unwrap()),
        (vec!["old".to_owned(), "v1".to_owned()], digest(other.as_bytes()))
    );
    assert!(context.warnings().iter().any(|warning| warning.text.contains("stays as it is")));
}

/// A rehearsal says what would be moved.
#[test]
fn a_damaged_blob_is_missing_in_a_rehearsal_too() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    kept.put(":v1", &image, json!({})).unwrap();
    kept.held.put_blob(config);
    kept.held.put(":v1", &image, json!({})).unwrap();
    let (client, held) = (&kept.held.client, &kept.held);
    for (is_damaged, copied) in [(false, 0), (true, 1)] {
        if is_damaged {
            kept.rewrite(|folder| damage(folder, &digest(config)));
        }
        let options: CopyOptions = serde_json::from_value(json!({"dry_run": true})).unwrap();
        let done = place::copy(client, &call(client), &held.place(":v1"), &kept.place(":v3"), &options).unwrap();
        assert_eq!(done.blobs["copied"], copied);
    }
}

/// A killed call may have left something there, which has aged or was made by another program.
#[test]
fn what_lies_in_the_staging_folder_does_not_stand_before_the_archive() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    kept.put(":v1", &image, json!({"tags": ["v2", "v3"]})).unwrap();
    let child = json!({"mediaType": MANIFEST_TYPE, "digest": digest(b"elsewhere"), "size": 9});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [child]}).to_string();
    kept.put(":i", &index, json!({"allow_missing": true})).unwrap();
    let leave = |wrong: &Digest| kept.leave(wrong, "wrong");
    leave(&digest(image.as_bytes()));
    kept.untag(":v3").unwrap();
    assert!(kept.is_alone() && kept.digest(":v1").unwrap() == digest(image.as_bytes()));
    // Nor does it hold it up: of what the archive lacks it is seen that it is wrong.
    leave(&digest(b"elsewhere"));
    kept.untag(":v2").unwrap();
    assert_eq!(kept.names(), ["i", "v1"]);
    assert!(kept.is_alone());
}

/// The stream that has the right bytes is there only once. Small blobs are read anyway, to see whether they are right.
#[test]
fn a_callers_blob_replaces_what_lies_in_the_staging_folder() {
    for kind in ["oci-archive", "docker-archive"] {
        let kept = Kept::new(kind);
        for (by, bytes) in [("put", noise(9 << 20)), ("stream", noise(8 << 20)), ("put", noise(3))] {
            kept.leave(&digest(&bytes), &"!".repeat(bytes.len()));
            match by {
                "put" => assert!(kept.put_blob(&bytes)),
                _ => {
                    let (client, place) = (&kept.held.client, kept.place(""));
                    let options = BlobPutOptions { size: Some(bytes.len() as u64), ..BlobPutOptions::default() };
                    let put = place::put_blob_stream(client, &call(client), &place, &mut &bytes[..], &options);
                    assert!(put.unwrap().uploaded);
                }
            }
            assert!(kept.file(&digest(&bytes)) == bytes && kept.is_alone(), "{kind} {by}");
        }
        // What a killed call has left, and is right, is taken.
        kept.leave(&digest(b"three"), "three");
        assert!(kept.put_blob(b"three") && kept.file(&digest(b"three")) == b"three" && kept.is_alone(), "{kind}");
    }
}

/// As in a layout, where only a clean-up takes it: between the steps of a put another process may copy or tag.
#[test]
fn a_blob_that_nothing_names_yet_outlives_copies_and_tags() {
    let (config, image) = small_image();
    for (kind, [first, second, third]) in KINDS {
        let kept = Kept::new(kind);
        kept.put_blob(config);
        kept.put(&format!(":{first}"), &image, json!({})).unwrap();
        kept.put_blob(b"for later");
        let (client, from) = (&kept.held.client, kept.place(&format!(":{first}")));
        place::tag(client, &call(client), &from, second, &TagOptions::default()).unwrap();
        kept.held.put_blob(config);
        kept.held.put(":v1", &image, json!({})).unwrap();
        let copy =
            |to: &Place| place::copy(client, &call(client), &kept.held.place(":v1"), to, &CopyOptions::default());
        copy(&kept.place(&format!(":{third}"))).unwrap();
        assert!(kept.has_blob(&digest(b"for later")), "{kind}");
        // What only a moved name needed goes.
        let kept = Kept::new("oci-archive");
        let old = image_for(&kept, "arm64");
        kept.put(":v1", &old, json!({})).unwrap();
        place::copy(client, &call(client), &from, &kept.place(":v1"), &CopyOptions::default()).unwrap();
        assert!(!kept.has_blob(&digest(old.as_bytes())) && kept.has_blob(&digest(image.as_bytes())));
    }
}
