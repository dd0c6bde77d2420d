//! Images that nobody could read from an archive, which does not take them, and what does not have to be right.

use ocireg::place::{SyncDestination, SyncOptions, SyncSource};

use super::*;

fn part(bytes: &[u8], kind: &str, more: usize) -> Value {
    json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len() + more})
}

/// An image with layers, and the diff_ids that its config says.
fn image(kept: &Kept, layers: &[(&[u8], usize)], says: &[&[u8]], config_more: usize) -> String {
    let ids: Vec<Digest> = says.iter().map(|layer| digest(layer)).collect();
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}});
    let config = config.to_string();
    let blobs = layers.iter().map(|(layer, _)| *layer).chain([config.as_bytes()]);
    for blob in blobs {
        kept.put_blob(blob);
        kept.held.put_blob(blob);
    }
    let layers: Vec<Value> =
        layers.iter().map(|(layer, more)| part(layer, "application/vnd.oci.image.layer.v1.tar", *more)).collect();
    let config = part(config.as_bytes(), "application/vnd.oci.image.config.v1+json", config_more);
    json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers}).to_string()
}

#[test]
fn blobs_of_another_size_are_not_those_of_an_image() {
    for (kind, [first, second, _]) in KINDS {
        let kept = Kept::new(kind);
        let right = image(&kept, &[(b"a layer", 0)], &[b"a layer"], 0);
        kept.put(&format!(":{first}"), &right, json!({})).unwrap();
        let (longer, other) =
            (image(&kept, &[(b"a layer", 4)], &[b"a layer"], 0), image(&kept, &[(b"a layer", 0)], &[b"a layer"], 4));
        let before = kept.bytes();
        for wrong in [longer, other] {
            let put = kept.put(&format!(":{second}"), &wrong, json!({"allow_missing": true}));
            fails(put, Code::SizeMismatch, "but it has");
            let put = kept.put(&format!(":{second}"), &wrong, json!({}));
            fails(put, Code::MissingBlob, "bytes there, the manifest says");
        }
        assert!(kept.bytes() == before && is_clean(kept.held.folder.path()), "{kind}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, bytes).unwrap();
    packed.finish().unwrap()
}

/// What a copy and a sync to an archive for docker say of an image of the layout.
fn into_docker(kept: &Kept, tag: &str, to: &str) -> (Result<(), Error>, (u64, u64)) {
    let client = &kept.held.client;
    let (from, place) = (kept.held.place(&format!(":{tag}")), format!("docker-archive:{to}:a/b"));
    let target = Place::parse(&format!("{place}:{tag}")).unwrap();
    let copied = place::copy(client, &call(client), &from, &target, &CopyOptions::default()).map(drop);
    let from = SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
    let to = SyncDestination::named(client, &place).unwrap();
    let options: SyncOptions = serde_json::from_value(json!({"tags": [tag, "right"]})).unwrap();
    let tags = place::sync(client, &call(client), &from, &to, &options).unwrap().tags;
    (copied, (tags.copied, tags.failed))
}

/// `docker load` refuses such an image, and so does whoever reads the archive: it comes in by no way, whether its blobs are there already
/// or have only just come, and holds up no other.
#[test]
fn an_image_whose_layers_are_not_those_of_its_config_is_none_for_docker() {
    let [one, other]: [&[u8]; 2] = [b"one layer", b"other layer"];
    let cases = [(vec![one], vec![one, other]), (vec![one, other], vec![one]), (vec![one, other], vec![other, one])];
    for (layers, says) in cases {
        let kept = Kept::new("docker-archive");
        let right = image(&kept, &[(one, 0), (other, 0)], &[one, other], 0);
        kept.put(":a/b:1", &right, json!({})).unwrap();
        kept.held.put(":right", &right, json!({})).unwrap();
        let layers: Vec<(&[u8], usize)> = layers.into_iter().map(|layer| (layer, 0)).collect();
        let wrong = image(&kept, &layers, &says, 0);
        let before = kept.bytes();
        fails(kept.put(":a/b:2", &wrong, json!({})), Code::InvalidManifest, "its config");
        kept.held.put(":2", &wrong, json!({})).unwrap();
        for number in 0..8 {
            let new = kept.held.path(&format!("new{number}.tar"));
            let (copied, synced) = into_docker(&kept, "2", &new);
            fails(copied, Code::InvalidManifest, "its config");
            assert_eq!(synced, (1, 1));
            let names = Place::parse(&format!("docker-archive:{new}")).unwrap();
            let client = &kept.held.client;
            let names = place::tags(client, &call(client), &names, &TagsOptions::default()).unwrap();
            assert_eq!(names.tags.to_vec(), ["docker.io/a/b:right"]);
        }
        let both = Kept { kind: "oci-archive", held: kept.held };
        fails(both.put(":a/b:2", &wrong, json!({})), Code::InvalidManifest, "its config");
        assert!(both.bytes() == before, "nothing of it is in the archive");
    }
}

/// A blob is there with the size that it has, whatever another image says: that one alone is refused.
#[test]
fn an_image_with_a_wrong_size_holds_up_no_other() {
    let kept = Kept::new("oci-archive");
    let layer: &[u8] = b"a layer";
    let right = image(&kept, &[(layer, 0)], &[layer], 0);
    kept.held.put(":right", &right, json!({})).unwrap();
    let wrong = image(&kept, &[(layer, 1)], &[layer], 0);
    kept.held.put(":wrong", &wrong, json!({"allow_missing": true})).unwrap();
    for (number, kind) in ["oci-archive", "docker-archive"].repeat(6).into_iter().enumerate() {
        let (client, to) = (&kept.held.client, kept.held.path(&format!("new{number}.tar")));
        let from = SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
        let place = if kind == "oci-archive" { format!("{kind}:{to}") } else { format!("{kind}:{to}:a/b") };
        let destination = SyncDestination::named(client, &place).unwrap();
        let synced = place::sync(client, &call(client), &from, &destination, &SyncOptions::default()).unwrap();
        assert_eq!((synced.tags.copied, synced.tags.failed), (1, 1), "{kind}");
        let place = Place::parse(&format!("{kind}:{to}")).unwrap();
        let names = place::tags(client, &call(client), &place, &TagsOptions::default()).unwrap().tags.to_vec();
        assert!(names.len() == 1 && names[0].ends_with("right"), "{kind}: {names:?}");
    }
}

/// With layers that would have to be unpacked, or whose names are digests of another algorithm, nothing tells that it is wrong.
#[test]
fn an_image_whose_layers_cannot_be_compared_is_taken() {
    let kept = Kept::new("docker-archive");
    let packed = gzip(b"a layer");
    let name = ":a/b:1";
    let right = image(&kept, &[(&packed, 0)], &[b"a layer"], 0);
    kept.put(name, &right, json!({})).unwrap();
    assert_eq!(kept.digest(name).unwrap(), digest(right.as_bytes()));
    // Some tools write no diff_ids at all.
    let silent = image(&kept, &[(b"a layer", 0)], &[], 0);
    kept.put(":a/b:0", &silent, json!({})).unwrap();
    assert_eq!(kept.digest(":a/b:0").unwrap(), digest(silent.as_bytes()));
    // A copy mends it, whatever its first bytes look like now.
    kept.held.put(":1", &right, json!({})).unwrap();
    for _ in 0..8 {
        let damaged = [b"!!", &packed[2..]].concat();
        kept.rewrite(|folder| fs::write(folder.join("blobs/sha256").join(digest(&packed).hex()), damaged).unwrap());
        let client = &kept.held.client;
        fails(kept.put(":a/b:2", &right, json!({"allow_missing": true})), Code::DigestMismatch, "");
        place::copy(client, &call(client), &kept.held.place(":1"), &kept.place(name), &CopyOptions::default()).unwrap();
        assert_eq!(kept.file(&digest(&packed)), packed);
    }
}

#[test]
fn an_image_with_sha512_layers_is_taken() {
    let kept = Kept::new("docker-archive");
    let layer: &[u8] = b"a layer";
    let long = ocireg::digest::Algorithm::Sha512.digest(layer);
    let by_512 = serde_json::from_value(json!({"digest": long})).unwrap();
    place::put_blob(&kept.held.client, &call(&kept.held.client), &kept.place(""), layer, &by_512).unwrap();
    let image = image(&kept, &[(layer, 0)], &[layer], 0);
    let [config, layers] = image.split("\"layers\"").collect::<Vec<_>>()[..] else { panic!("{image}") };
    let image = format!("{config}\"layers\"{}", layers.replace(digest(layer).as_str(), long.as_str()));
    kept.put(":a/b:1", &image, json!({})).unwrap();
    assert_eq!(kept.digest(":a/b:1").unwrap(), digest(image.as_bytes()));
}

/// Docker's list has no name for it: a tag alone is not the name of an image.
#[test]
fn a_damaged_image_with_a_tag_alone_is_mended_and_removed_in_an_archive_for_docker() {
    for remove in [false, true] {
        let kept = Kept::new("docker-archive");
        let right = image(&kept, &[(b"a layer", 0)], &[b"a layer"], 0);
        kept.put(":a/b:1", &right, json!({})).unwrap();
        let other = image(&kept, &[(b"other layer", 0)], &[b"other layer"], 0);
        kept.held.put(":v1", &other, json!({})).unwrap();
        let kept = Kept { kind: "oci-archive", held: kept.held };
        kept.put(":v1", &other, json!({})).unwrap();
        let manifest = digest(other.as_bytes());
        kept.rewrite(|folder| fs::write(folder.join("blobs/sha256").join(manifest.hex()), "{}").unwrap());
        let client = &kept.held.client;
        match remove {
            true => drop(kept.untag(":v1").unwrap()),
            false => {
                let (from, to) = (kept.held.place(":v1"), kept.place(":v1"));
                place::copy(client, &call(client), &from, &to, &CopyOptions::default()).unwrap();
                assert_eq!(kept.file(&manifest), other.as_bytes());
            }
        }
    }
}

/// The subject of a manifest may be missing, and so may it be damaged.
#[test]
fn what_refers_to_a_damaged_image_is_taken() {
    for (kind, [first, second, _]) in KINDS {
        let kept = Kept::new(kind);
        let subject = image(&kept, &[(b"a layer", 0)], &[b"a layer"], 0);
        let (config, small) = small_image();
        kept.put_blob(config);
        kept.put(&format!(":{first}"), &subject, json!({})).unwrap();
        let layer = digest(b"a layer");
        kept.rewrite(|folder| fs::write(folder.join("blobs/sha256").join(layer.hex()), "a lawyr").unwrap());
        let mut referrer: Value = serde_json::from_str(&small).unwrap();
        referrer["subject"] = part(subject.as_bytes(), MANIFEST_TYPE, 0);
        kept.put(&format!(":{second}"), &referrer.to_string(), json!({})).unwrap();
        assert_eq!(kept.file(&layer), b"a lawyr", "{kind}");
        // Which it is not, where it needs the layer itself.
        referrer["layers"] = json!([part(b"a layer", "application/vnd.oci.image.layer.v1.tar", 0)]);
        let put = kept.put(&format!(":{second}"), &referrer.to_string(), json!({}));
        assert!(put.is_err() && kept.file(&layer) == b"a lawyr", "{kind}");
    }
}
