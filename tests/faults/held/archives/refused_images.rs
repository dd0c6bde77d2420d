//! Images that nobody could read from an archive, which does not take them, and what does not have to be right.

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
            fails(put, Code::SizeMismatch, "its descriptor says");
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

/// `docker load` refuses such an image, and so does whoever reads the archive: it comes in by no way.
#[test]
fn an_image_whose_layers_are_not_those_of_its_config_is_none_for_docker() {
    let [one, other]: [&[u8]; 2] = [b"one layer", b"other layer"];
    for (layers, says) in
        [(vec![one], vec![one, other]), (vec![one, other], vec![one]), (vec![one, other], vec![other, one])]
    {
        let kept = Kept::new("docker-archive");
        let right = image(&kept, &[(one, 0), (other, 0)], &[one, other], 0);
        kept.put(":a/b:1", &right, json!({})).unwrap();
        let layers: Vec<(&[u8], usize)> = layers.into_iter().map(|layer| (layer, 0)).collect();
        let wrong = image(&kept, &layers, &says, 0);
        let before = kept.bytes();
        fails(kept.put(":a/b:2", &wrong, json!({})), Code::InvalidManifest, "its config");
        kept.held.put(":2", &wrong, json!({})).unwrap();
        let (client, options) = (&kept.held.client, CopyOptions::default());
        let copied = place::copy(client, &call(client), &kept.held.place(":2"), &kept.place(":a/b:2"), &options);
        fails(copied, Code::InvalidManifest, "its config");
        let from = ocireg::place::SyncSource::named(client, &format!("oci:{}", kept.held.path("l"))).unwrap();
        let to = format!("docker-archive:{}:a/b", kept.held.path("a.tar"));
        let to = ocireg::place::SyncDestination::named(client, &to).unwrap();
        let synced = place::sync(client, &call(client), &from, &to, &Default::default()).unwrap();
        assert_eq!((synced.tags.copied, synced.tags.failed), (0, 1));
        let both = Kept { kind: "oci-archive", held: kept.held };
        fails(both.put(":a/b:2", &wrong, json!({})), Code::InvalidManifest, "its config");
        assert!(both.bytes() == before, "nothing of it is in the archive");
    }
}

/// Without diff_ids, and with layers that would have to be unpacked, nothing tells that it is wrong.
#[test]
fn an_image_of_packed_layers_is_taken() {
    let kept = Kept::new("docker-archive");
    let packed = gzip(b"a layer");
    for (number, says) in [&[b"a layer" as &[u8]][..], &[]].into_iter().enumerate() {
        let image = image(&kept, &[(&packed, 0)], says, 0);
        let name = format!(":a/b:{number}");
        kept.put(&name, &image, json!({})).unwrap();
        assert_eq!(kept.digest(&name).unwrap(), digest(image.as_bytes()));
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
