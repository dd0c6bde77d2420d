//! Validating what images hold: configs that say too little, layers that are not archives, and blobs of a layout that are not files.

use ocireg::image::validate::ValidateOptions;
use ocireg::place::{self, Place};
use ocireg::transfer::copy::CopyOptions;
use serde_json::json;

use crate::common::*;
use crate::images;
use crate::registry::*;
use crate::shelf::*;
use crate::validate::{
    changed, files, gzip, index, manifest, place, problems, quick, report, stored, text, CONFIG, LAYER,
};

/// It is not there, as a quick look says, and what else is wrong is told too.
#[test]
fn what_is_no_file_is_no_blob() {
    let shelf = Shelf::start(Abilities::default());
    let (image, other) = (stored(&shelf, "amd64"), stored(&shelf, "arm64"));
    index(&shelf, &[image.clone(), other.clone()]);
    let (document, client) = (manifest(&shelf, &image), client());
    let lost = text(&manifest(&shelf, &other)["layers"][0]["digest"]);
    for name in ["oci:L:t", "dir:L"] {
        for bad in [&document["layers"][0], &document["config"], &image] {
            for kind in ["a named pipe", "a directory", "a socket"] {
                let folder = tempfile::tempdir().unwrap();
                let root = folder.path().join("l");
                let layout = Place::parse(&name.replace('L', &root.display().to_string())).unwrap();
                let is_layout = name.starts_with("oci");
                let options = CopyOptions {
                    all: is_layout,
                    platform: if is_layout { vec![] } else { vec!["linux/amd64".into()] },
                    ..CopyOptions::default()
                };
                place::copy(&client, &call(&client), &place(&shelf), &layout, &options).unwrap();
                let path_of = |digest: &str| {
                    root.join(if is_layout { "blobs/sha256" } else { "" }).join(&digest["sha256:".len()..])
                };
                let digest = text(&bad["digest"]);
                if !is_layout && *bad == image {
                    continue; // It is the place's own manifest there.
                }
                std::fs::remove_file(path_of(&digest)).unwrap();
                let _socket = match kind {
                    "a named pipe" => {
                        nix::unistd::mkfifo(&path_of(&digest), nix::sys::stat::Mode::S_IRWXU).unwrap();
                        None
                    }
                    "a directory" => {
                        std::fs::create_dir(path_of(&digest)).unwrap();
                        None
                    }
                    _ => Some(std::os::unix::net::UnixListener::bind(path_of(&digest)).unwrap()),
                };
                let mut wanted = vec![(digest.clone(), "MISSING_BLOB")];
                if is_layout {
                    std::fs::remove_file(path_of(&lost)).unwrap();
                    wanted.push((lost.clone(), "MISSING_BLOB"));
                }
                let found = report(&layout, &ValidateOptions::default());
                assert_eq!(problems(&found), wanted, "{name} {kind}");
                assert!(found.problems[0].problem.contains(kind), "{:?}", found.problems);
                assert_eq!(problems(&report(&layout, &quick())), wanted, "{name} {kind}");
            }
        }
    }
}

#[test]
fn configs_that_cannot_be_read() {
    let shelf = Shelf::start(Abilities::default());
    let image = stored(&shelf, "amd64");
    let is = |bytes: &str, media_type: &str, wanted: &[&str]| {
        let entry = changed(&shelf, &image, |document| document["config"] = shelf.blob(media_type, bytes.as_bytes()));
        shelf.manifest("t", &manifest(&shelf, &entry));
        let found = report(&place(&shelf), &ValidateOptions::default());
        assert_eq!(found.problems.len(), wanted.len(), "{bytes}: {:?}", found.problems);
        for (problem, wanted) in found.problems.iter().zip(wanted) {
            assert!(problem.code == "INVALID_MANIFEST" && problem.problem.contains(wanted), "{bytes}: {problem:?}");
            assert_eq!(problem.digest, digest(bytes.as_bytes()), "{bytes}");
        }
    };
    let none = "the image has 1 layers, its config has 0 diff_ids";
    is("{", CONFIG, &["not valid JSON"]);
    is(r#"{"rootfs":{"diff_ids":["x"]}}"#, CONFIG, &["the diff_ids of the config"]);
    for about in [
        "",
        r#","rootfs":{"diff_ids":[]}"#,
        r#","rootfs":{"diff_ids":null}"#,
        r#","rootfs":null"#,
        r#","rootfs":{"diff_ids":"x"}"#,
    ] {
        is(&format!(r#"{{"os":"linux","architecture":"amd64"{about}}}"#), CONFIG, &[none]);
        is(&format!(r#"{{"os":1,"architecture":"amd64"{about}}}"#), CONFIG, &[none, "the config has no os"]);
    }
    for bytes in ["{}", r#"{"x":1}"#, "[]"] {
        is(bytes, CONFIG, &[none, "the config has no architecture and no os"]);
    }
    // Docker's does not require them.
    is("{}", "application/vnd.docker.container.image.v1+json", &[none]);
    let whole = format!(r#"{{"os":"","architecture":"","rootfs":{{"diff_ids":["{}"]}}}}"#, digest(&files("amd64")));
    is(&whole, CONFIG, &[]);
    // An artifact may have an image's config: it has no layers of files.
    let entry = changed(&shelf, &image, |document| {
        document["config"] = shelf.blob(CONFIG, b"{}");
        document["layers"] = json!([shelf.blob("text/plain", b"hello")]);
    });
    shelf.manifest("t", &manifest(&shelf, &entry));
    assert_eq!(problems(&report(&place(&shelf), &ValidateOptions::default())), []);
}

/// What extracting would refuse; also where the config does not say what a layer unpacks to.
#[test]
fn layers_that_are_no_archives() {
    let shelf = Shelf::start(Abilities::default());
    let bad_name = images::layer(&[images::file("../f", "x")]);
    let cut = files(&"cut".repeat(1000))[..1000].to_vec();
    let damaged = [&files("damaged")[..], &[7; 2048]].concat();
    let bad = [
        (b"hello".to_vec(), "not a valid tar archive"),
        (cut, "not a valid tar archive"),
        (bad_name, "'../f'"),
        (images::layer(&[images::file(".wh...", "")]), ".."),
        (vec![7; 4096], "not a valid tar archive"),
    ];
    for packed in [false, true] {
        for (bytes, why) in &bad {
            let layer = match packed {
                true => shelf.blob(&format!("{LAYER}+gzip"), &gzip(bytes)),
                false => shelf.blob(LAYER, bytes),
            };
            for ids in [json!([digest(bytes)]), json!([])] {
                let config =
                    json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}});
                let entry = changed(&shelf, &stored(&shelf, "amd64"), |document| {
                    document["layers"] = json!([layer]);
                    document["config"] = shelf.blob(CONFIG, config.to_string().as_bytes());
                });
                shelf.manifest("t", &manifest(&shelf, &entry));
                let found = report(&place(&shelf), &ValidateOptions::default());
                let last = found.problems.last().unwrap_or_else(|| panic!("{why} {packed} {ids}"));
                assert_eq!(found.problems.len(), if ids == json!([]) { 2 } else { 1 }, "{:?}", found.problems);
                assert_eq!((last.digest.to_string(), last.code), (text(&layer["digest"]), "INVALID_MANIFEST"));
                assert!(last.problem.contains(why), "{last:?}");
                assert_eq!(problems(&report(&place(&shelf), &quick())).len(), found.problems.len() - 1);
            }
        }
    }
    // What follows the end of an archive does not belong to it, and an empty layer is an archive of nothing.
    for good in [damaged, vec![0; 1024]] {
        let config =
            json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(&good)]}});
        let entry = changed(&shelf, &stored(&shelf, "amd64"), |document| {
            document["layers"] = json!([shelf.blob(LAYER, &good)]);
            document["config"] = shelf.blob(CONFIG, config.to_string().as_bytes());
        });
        shelf.manifest("t", &manifest(&shelf, &entry));
        assert_eq!(problems(&report(&place(&shelf), &ValidateOptions::default())), []);
    }
}

#[test]
fn a_layout_that_lost_bytes() {
    let shelf = Shelf::start(Abilities::default());
    let image = stored(&shelf, "amd64");
    index(&shelf, &[image.clone(), stored(&shelf, "arm64")]);
    let folder = tempfile::tempdir().unwrap();
    let layout = Place::parse(&format!("oci:{}:t", folder.path().display())).unwrap();
    let client = client();
    let all = CopyOptions { all: true, ..CopyOptions::default() };
    place::copy(&client, &call(&client), &place(&shelf), &layout, &all).unwrap();
    let document = manifest(&shelf, &image);
    let path = |digest: &str| folder.path().join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
    let (layer, config) = (text(&document["layers"][0]["digest"]), text(&document["config"]["digest"]));
    std::fs::write(path(&layer), "short").unwrap();
    assert_eq!(problems(&report(&layout, &quick())), [(layer.clone(), "SIZE_MISMATCH")]);
    std::fs::remove_file(path(&config)).unwrap();
    let wanted = [(config, "MISSING_BLOB"), (layer, "SIZE_MISMATCH")];
    assert_eq!(problems(&report(&layout, &ValidateOptions::default())), wanted);
    std::fs::remove_file(path(image["digest"].as_str().unwrap())).unwrap();
    let found = problems(&report(&layout, &ValidateOptions::default()));
    assert_eq!(found, [(text(&image["digest"]), "MISSING_BLOB")]);
}
