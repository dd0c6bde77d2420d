//! Layers that write outside of their folder.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use ocireg::image::config::ImageConfig;
use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::image::Image;
use serde_json::json;

use super::*;
use crate::images::{file, folder, hard, layer, pax, raw, symlink, unpack};
use crate::memory::Memory;

/// A folder with something beside where an image is extracted to.
struct Ground(tempfile::TempDir);

impl Ground {
    fn new() -> Ground {
        let ground = Ground(tempfile::tempdir().unwrap());
        std::fs::create_dir(ground.outside()).unwrap();
        std::fs::write(ground.outside().join("file"), "untouched").unwrap();
        std::fs::set_permissions(ground.outside(), std::fs::Permissions::from_mode(0o700)).unwrap();
        ground
    }

    fn outside(&self) -> PathBuf {
        self.0.path().join("outside")
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("image")
    }

    #[track_caller]
    fn is_untouched(&self) {
        assert_eq!(std::fs::read_to_string(self.outside().join("file")).unwrap(), "untouched");
        assert_eq!(std::fs::metadata(self.outside().join("file")).unwrap().nlink(), 1);
        assert_eq!(std::fs::metadata(self.outside()).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(std::fs::read_dir(self.outside()).unwrap().count(), 1);
        assert!(std::fs::read_dir(self.0.path()).unwrap().count() <= 2);
    }
}

/// oras ("zip slip") wrote where `..` led, and oras-go (CVE-2026-50163) made hard links to what it had looked at somewhere else.
#[test]
fn cve_2021_21272_cve_2026_50163_names_and_links_stay_in_the_folder() {
    for entries in [
        vec![file("../outside/file", "evil")],
        vec![file("a/../../outside/file", "evil")],
        vec![pax(&[("path", "../outside/evil")]), file("x", "evil")],
        vec![hard("a", "../outside/file"), file("a", "evil")],
        vec![folder("d"), hard("d/a", "../outside/file"), file("d/a", "evil")],
        vec![symlink("out", "../outside"), hard("a", "out/file"), file("a", "evil")],
    ] {
        let ground = Ground::new();
        let _ = unpack(&[layer(&entries)], &ground.image());
        ground.is_untouched();
    }
}

/// tar-rs (RUSTSEC-2026-0067) followed a symbolic link when it made or changed a folder.
#[test]
fn rustsec_2021_0080_cve_2026_33056_no_folder_is_made_or_changed_through_a_link() {
    for last in [folder("out/new"), folder("out"), raw(b"out/", tar::EntryType::Directory, b"", 0o777, b"")] {
        for layers in [
            vec![layer(&[symlink("out", "../outside"), last.clone()])],
            vec![layer(&[symlink("out", "../outside")]), layer(std::slice::from_ref(&last))],
        ] {
            let ground = Ground::new();
            let _ = unpack(&layers, &ground.image());
            ground.is_untouched();
        }
    }
}

/// The tar readers of tokio's family (RUSTSEC-2025-0111, RUSTSEC-2026-0068, RUSTSEC-2026-0112) took the content of a file for entries,
/// where its size was in an extended header.
#[test]
fn cve_2025_62518_the_size_of_an_extended_header_counts() {
    let hidden = layer(&[file("smuggled", "evil")]);
    let size = hidden.len().to_string();
    let entry = raw(b"a", tar::EntryType::Regular, b"", 0o644, b"");
    let ground = Ground::new();
    unpack(&[layer(&[pax(&[("size", &size)]), entry, hidden.clone(), file("b", "")])], &ground.image()).unwrap();
    assert!(!ground.image().join("smuggled").exists() && ground.image().join("b").exists());
    assert_eq!(std::fs::read(ground.image().join("a")).unwrap(), hidden);
}

/// containerd's CRI followed what an image's config said about volumes.
#[test]
fn cve_2022_23648_a_config_is_data() {
    let lower = layer(&[symlink("volume", "../outside"), file("a", "a")]);
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(&lower)]},
                        "config": {"Volumes": {"../outside": {}, "/volume": {}, "volume/../../outside": {}},
                                   "WorkingDir": "/../../outside", "User": "../../root"}});
    let bytes = config.to_string().into_bytes();
    let entry = |kind: &str, bytes: &[u8]| json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest(bytes), "size": bytes.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": entry("config.v1+json", &bytes),
                          "layers": [entry("layer.v1.tar", &lower)]});
    let store = Memory::of(&manifest, [bytes.clone(), lower].into_iter());
    let (client, ground) = (client(), Ground::new());
    let call = call(&client);
    extract(
        &call,
        &store,
        &ground.image(),
        &ExtractOptions { platform: Some("linux/amd64".into()), ..Default::default() },
    )
    .unwrap();
    ground.is_untouched();
    let image = Image::find(&call, &store, Some("linux/amd64")).unwrap();
    assert_eq!(ImageConfig::read(&call, &store, &image).unwrap().value, config, "as it is written");
    assert!(!ground.image().join("outside").exists());
}
