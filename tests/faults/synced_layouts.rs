//! Layouts of many images as sources of a sync.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use crate::common::*;
use crate::synced::*;

fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = digest(bytes);
    fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

/// A layout of so many images, each with its own manifest and tag, and something that refers to it.
fn layout_of(layout: &Path, count: usize) {
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let config = blob(layout, "application/vnd.oci.image.config.v1+json", b"{}");
    let entries = |number: usize| {
        let mut manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [],
            "annotations": {"number": number.to_string()}});
        let mut image = blob(layout, MANIFEST_TYPE, manifest.to_string().as_bytes());
        manifest["subject"] = image.clone();
        image["annotations"] = json!({"org.opencontainers.image.ref.name": format!("t{number}")});
        [image, blob(layout, MANIFEST_TYPE, manifest.to_string().as_bytes())]
    };
    let entries: Vec<Value> = (0..count).flat_map(entries).collect();
    fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": entries}).to_string()).unwrap();
}

/// The whole index is not read once for each image.
#[test]
fn many_images_of_a_layout_cost_little_each() {
    let folder = tempfile::tempdir().unwrap();
    let counted = [50, 200].map(|count| {
        let (from, to) = (folder.path().join(format!("from{count}")), folder.path().join(format!("to{count}")));
        layout_of(&from, count);
        let wanted = [format!("{count} {count} 0 0 0"), format!("{count} 0 {count} 0 0")];
        let plans = [
            (json!({"dry_run": true}), 0),
            (json!({"dry_run": true, "referrers": true}), 0),
            (json!({}), 0),
            (json!({}), 1),
        ];
        plans.map(|(options, outcome)| {
            let begun = Instant::now();
            let at = |path: &Path| format!("oci:{}", path.display());
            let result = synced_by(&client(), &at(&from), &at(&to), options.clone()).unwrap();
            assert_eq!(counts(&result), wanted[outcome]);
            (options, begun.elapsed())
        })
    });
    for ((options, few), (_, many)) in counted[0].iter().zip(&counted[1]) {
        // Four times as many: the square would be sixteen times.
        assert!(*many < *few * 10 + Duration::from_secs(1), "{options}: {few:?} {many:?}");
    }
}
