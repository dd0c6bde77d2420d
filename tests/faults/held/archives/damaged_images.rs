//! Images in an archive whose manifests or blobs are damaged or missing: they hold up no change of others, stay as they are, and are mended
//! by a copy of the right ones.

use ocireg::place::{SyncDestination, SyncOptions, SyncSource};

use super::kept::image_for;
use super::*;
use crate::common::call as call_of;

const DAMAGES: [&str; 6] =
    ["damaged manifest", "longer manifest", "missing manifest", "missing config", "missing layer", "damaged layer"];

const LAYER: &[u8] = b"some layer";

/// An image with a layer, in a layout too, and what is damaged of it in the archive.
fn damaged(kept: &Kept, first: &str, damage: &str) -> (String, Digest) {
    let config =
        json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(LAYER)]}})
            .to_string();
    let part = |bytes: &[u8], kind: &str| json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()});
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": part(config.as_bytes(), "application/vnd.oci.image.config.v1+json"),
        "layers": [part(LAYER, "application/vnd.oci.image.layer.v1.tar")]})
    .to_string();
    for bytes in [config.as_bytes(), LAYER] {
        kept.put_blob(bytes);
        kept.held.put_blob(bytes);
    }
    kept.put(&format!(":{first}"), &image, json!({})).unwrap();
    kept.held.put(":v1", &image, json!({})).unwrap();
    let of = match damage.rsplit(' ').next().unwrap() {
        "manifest" => digest(image.as_bytes()),
        "config" => digest(config.as_bytes()),
        _ => digest(LAYER),
    };
    kept.rewrite(|folder| {
        let path = folder.join("blobs/sha256").join(of.hex());
        let length = fs::metadata(&path).unwrap().len() as usize;
        match damage.split(' ').next().unwrap() {
            "missing" => fs::remove_file(path).unwrap(),
            "longer" => fs::write(path, vec![b'!'; length + 700]).unwrap(),
            _ => fs::write(path, vec![b'!'; length]).unwrap(),
        }
    });
    (image, of)
}

/// What an image needs, as it is in the archive.
fn parts(kept: &Kept, image: &str) -> Vec<Vec<u8>> {
    let document: Value = serde_json::from_str(image).unwrap();
    let digests =
        [&document["config"], &document["layers"][0]].map(|part| part["digest"].as_str().unwrap().parse().unwrap());
    digests.iter().chain([&digest(image.as_bytes())]).map(|digest: &Digest| kept.file(digest)).collect()
}

fn sync(kept: &Kept, call: &ocireg::call::Call, tag: &str, to: &str) -> u64 {
    let client = &kept.held.client;
    let from = SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
    let to = SyncDestination::named(client, to).unwrap();
    let options: SyncOptions = serde_json::from_value(json!({"tags": [tag]})).unwrap();
    place::sync(client, call, &from, &to, &options).unwrap().tags.copied
}

/// Changes another image in each way. A docker-archive takes no tags without a repository.
fn change(kept: &Kept, call: &ocireg::call::Call, how: &str, [second, third]: [&str; 2], other: &str) {
    let (client, from, to) = (&kept.held.client, kept.place(&format!(":{second}")), kept.place(&format!(":{third}")));
    match how {
        "tag" => drop(place::tag(client, call, &from, third, &TagOptions::default()).unwrap()),
        "put" => {
            let options = PutOptions::default();
            drop(place::put_manifest(client, call, &to, other.as_bytes(), &options).unwrap());
        }
        "copy" => drop(place::copy(client, call, &kept.held.place(":v9"), &to, &CopyOptions::default()).unwrap()),
        "sync" if kept.kind == "oci-archive" => {
            assert_eq!(sync(kept, call, "v9", &format!("oci-archive:{}", kept.held.path("a.tar"))), 1);
        }
        "sync" => {
            let to = format!("docker-archive:{}:docker.io/a/b", kept.held.path("a.tar"));
            assert_eq!(sync(kept, call, "v9", &to), 1);
        }
        _ => drop(place::delete_tag(client, call, &from, &Default::default()).unwrap()),
    }
}

#[test]
fn what_is_damaged_of_one_image_holds_up_no_change_of_others() {
    for (kind, [first, second, third]) in KINDS {
        for damage in DAMAGES {
            for how in ["tag", "put", "copy", "sync", "remove"] {
                let shown = format!("{kind}, {damage}, {how}");
                let kept = Kept::new(kind);
                let (image, of) = damaged(&kept, "docker.io/a/b:0", damage);
                let other = image_for(&kept, "arm64");
                kept.held.put_blob(
                    &String::from_utf8(small_image().0.to_vec()).unwrap().replace("amd64", "arm64").into_bytes(),
                );
                kept.held.put(":v9", &other, json!({})).unwrap();
                kept.put(&format!(":{second}"), &other, json!({})).unwrap();
                let before = parts(&kept, &image);
                let (context, call) = with_context(&kept.held.client);
                change(&kept, &call, how, [second, third], &other);
                let warned = context.warnings();
                assert!(warned.iter().any(|warning| warning.text.contains(of.as_str())), "{shown}: {warned:?}");
                assert!(parts(&kept, &image) == before && is_clean(kept.held.folder.path()), "{shown}");
                assert!(kept.json("index.json").to_string().contains("docker.io/a/b:0"), "{shown}");
                assert!(kind == "oci-archive" || kept.saved().to_string().contains("docker.io/a/b:0"), "{shown}");
                // The damaged one does not get another name. For docker its files are what counts: of them a manifest is made.
                let client = &kept.held.client;
                let tagged = place::tag(
                    client,
                    &call_of(client),
                    &kept.place(":docker.io/a/b:0"),
                    first,
                    &TagOptions::default(),
                );
                let is_made = kind == "docker-archive" && damage.ends_with("manifest");
                assert_eq!(tagged.is_ok(), is_made, "{shown}");
                // The right bytes mend it.
                let to = kept.place(":docker.io/a/b:0");
                place::copy(client, &call_of(client), &kept.held.place(":v1"), &to, &CopyOptions::default()).unwrap();
                let whole = parts(&kept, &image);
                assert!(digest(&whole[1]) == digest(LAYER) && whole[2] == image.as_bytes(), "{shown}");
                place::tag(client, &call_of(client), &to, first, &TagOptions::default()).unwrap();
                assert_eq!(kept.digest(&format!(":{first}")).unwrap(), digest(image.as_bytes()), "{shown}");
            }
        }
    }
}

/// Also by itself, where nothing of the lists changes: by its name, and by its digest, which a docker-archive does not take.
#[test]
fn the_right_manifest_mends_a_damaged_one() {
    for (kind, [first, ..]) in KINDS {
        for damage in ["damaged manifest", "longer manifest", "missing manifest"] {
            for by_digest in [false, true].into_iter().take(if kind == "oci-archive" { 2 } else { 1 }) {
                let kept = Kept::new(kind);
                let (image, of) = damaged(&kept, first, damage);
                let to = if by_digest { format!("@{of}") } else { format!(":{first}") };
                let outcome = kept.put(&to, &image, json!({}));
                outcome.unwrap_or_else(|error| panic!("{kind}, {damage}, {to}: {error}"));
                assert_eq!(kept.file(&of), image.as_bytes(), "{kind}, {damage}, {to}");
                assert_eq!(kept.digest(&format!(":{first}")).unwrap(), of, "{kind}, {damage}, {to}");
            }
        }
    }
}

#[test]
fn a_damaged_image_can_be_removed() {
    for (kind, [first, second, _]) in KINDS {
        for damage in DAMAGES {
            let kept = Kept::new(kind);
            let (image, _) = damaged(&kept, first, damage);
            let other = image_for(&kept, "arm64");
            kept.put(&format!(":{second}"), &other, json!({})).unwrap();
            kept.untag(&format!(":{first}")).unwrap();
            assert!(
                !kept.json("index.json").to_string().contains(digest(image.as_bytes()).as_str()),
                "{kind} {damage}"
            );
            assert_eq!(kept.digest(&format!(":{second}")).unwrap(), digest(other.as_bytes()), "{kind} {damage}");
            assert!(kind == "oci-archive" || kept.saved() == json!([[second]]), "{kind} {damage}");
            assert!(!kept.has_blob(&digest(image.as_bytes())) && is_clean(kept.held.folder.path()), "{kind} {damage}");
        }
    }
}

/// The lists have the names, whatever is damaged of the images.
#[test]
fn the_names_of_damaged_images_are_listed() {
    for (kind, [first, second, _]) in KINDS {
        for damage in DAMAGES {
            let kept = Kept::new(kind);
            damaged(&kept, first, damage);
            let other = image_for(&kept, "arm64");
            kept.put(&format!(":{second}"), &other, json!({})).unwrap();
            let mut names = kept.names();
            names.dedup();
            assert_eq!(names, [first, second], "{kind} {damage}");
            let options: TagsOptions = serde_json::from_value(json!({"digests": true})).unwrap();
            let (client, (context, call)) = (&kept.held.client, with_context(&kept.held.client));
            let listed = place::tags(client, &call, &kept.place(""), &options).unwrap();
            let digests = listed.digests.unwrap();
            assert_eq!(digests[second], digest(other.as_bytes()).as_str(), "{kind} {damage}");
            let is_unknown = digests[first].is_null();
            assert_eq!(is_unknown, !context.warnings().is_empty(), "{kind} {damage}: {digests:?}");
            assert!(!is_unknown || kind == "docker-archive", "{kind} {damage}");
            assert!(damage != "missing layer" || kind == "oci-archive" || is_unknown);
        }
    }
}
