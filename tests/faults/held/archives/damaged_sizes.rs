//! A damaged blob of another size than its descriptor says: what stands after it in an archive is read as it was before.

use super::kept::{descriptor, image_for};
use super::*;

/// Other bytes under a digest, of so many more or fewer.
fn resize(folder: &Path, digest: &Digest, more: i64) {
    let path = folder.join("blobs/sha256").join(digest.hex());
    let length = fs::metadata(&path).unwrap().len();
    fs::write(path, vec![b'!'; usize::try_from(length.checked_add_signed(more).unwrap()).unwrap()]).unwrap();
}

/// Every blob of an archive has its digest but for one, and another program reads them too.
fn is_whole_but_for(kept: &Kept, damaged: Option<&Digest>) {
    let listed = Command::new("tar").args(["-tf", &kept.held.path("a.tar")]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let blobs: Vec<&str> = listed.lines().filter_map(|name| name.strip_prefix("blobs/sha256/")).collect();
    assert!(blobs.len() >= 4, "{listed}");
    for blob in blobs {
        let named: Digest = format!("sha256:{blob}").parse().unwrap();
        assert!(digest(&kept.file(&named)) == named || damaged == Some(&named), "{named}");
    }
}

#[test]
fn a_damaged_blob_of_another_size_shifts_nothing() {
    let (config, image) = small_image();
    for (kind, [first, second, third]) in KINDS {
        for more in [-1, -20, 1, 511, 512, 5000] {
            let kept = Kept::new(kind);
            kept.put_blob(config);
            kept.put(&format!(":{first}"), &image, json!({})).unwrap();
            let other = image_for(&kept, "arm64");
            kept.put(&format!(":{second}"), &other, json!({})).unwrap();
            kept.rewrite(|folder| resize(folder, &digest(config), more));
            let before = kept.file(&digest(config));
            let (client, (context, call)) = (&kept.held.client, with_context(&kept.held.client));
            let from = kept.place(&format!(":{second}"));
            place::tag(client, &call, &from, third, &TagOptions::default()).unwrap();
            let warned = context.warnings();
            assert!(warned.iter().any(|warning| warning.text.contains("stays as it is")), "{kind} {more}: {warned:?}");
            assert!(kept.file(&digest(config)) == before && kept.is_alone(), "{kind} {more}");
            is_whole_but_for(&kept, Some(&digest(config)));
            assert_eq!(kept.digest(&format!(":{third}")).unwrap(), digest(other.as_bytes()));
            let to = Place::parse(&format!("oci:{}", kept.held.path("out"))).unwrap();
            place::copy(client, &call, &kept.place(&format!(":{third}")), &to, &CopyOptions::default()).unwrap();
            assert!(kept.put_blob(config) && kept.file(&digest(config)) == config, "{kind} {more}");
            is_whole_but_for(&kept, None);
        }
    }
}

/// Whichever of the two manifests is met first.
#[test]
fn a_right_blob_that_another_manifest_is_wrong_about_shifts_nothing() {
    let (config, image) = small_image();
    for (kind, [first, second, third]) in KINDS {
        for (size, is_first) in [("7", true), ("7", false), ("5000", true), ("5000", false)] {
            let kept = Kept::new(kind);
            kept.put_blob(config);
            kept.put(&format!(":{first}"), &image, json!({})).unwrap();
            let other = image_for(&kept, "arm64");
            kept.put(&format!(":{second}"), &other, json!({})).unwrap();
            let wrong = image.replace(&format!("\"size\":{}", config.len()), &format!("\"size\":{size}"));
            assert_ne!(wrong, image);
            kept.rewrite(|folder| {
                fs::write(folder.join("blobs/sha256").join(digest(wrong.as_bytes()).hex()), &wrong).unwrap();
                let path = folder.join("index.json");
                let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                let entries = index["manifests"].as_array_mut().unwrap();
                let at = if is_first { 0 } else { entries.len() };
                entries.insert(at, descriptor(&wrong));
                fs::write(path, index.to_string()).unwrap();
            });
            let (client, place) = (&kept.held.client, kept.place(&format!(":{second}")));
            place::tag(client, &call(client), &place, third, &TagOptions::default()).unwrap();
            is_whole_but_for(&kept, None);
            assert_eq!(kept.digest(&format!(":{third}")).unwrap(), digest(other.as_bytes()), "{kind} {size}");
            assert!(kept.file(&digest(config)) == config && kept.is_alone(), "{kind} {size} {is_first}");
        }
    }
}
