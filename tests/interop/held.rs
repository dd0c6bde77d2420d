//! A layout that is made and changed call by call, beside other programs that read and change layouts: skopeo, crane and oras.

use std::path::Path;
use std::process::Command;

use ocireg::digest::Digest;
use ocireg::image::tag::TagOptions;
use ocireg::place::{self, BlobName, Place};
use ocireg::registry::delete_tag::DeleteTagOptions;
use ocireg::registry::manifest::{DeleteOptions, GetOptions, PutOptions};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;

use crate::{env, push_image, sha256, TestRegistry};

/// Runs oras on a layout.
fn oras(arguments: &[&str]) -> String {
    let program = format!("{}/oras", env("OCIREG_TEST_TOOLS"));
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "oras {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn named(client: &Client, layout: &Path, rest: &str) -> Place {
    Place::named(client, &format!("oci:{}{rest}", layout.display())).unwrap()
}

fn names(client: &Client, layout: &Path) -> Vec<String> {
    let call = client.call(None).unwrap();
    place::tags(client, &call, &named(client, layout, ""), &TagsOptions::default()).unwrap().tags.to_vec()
}

/// An image of a registry, brought into a layout of its own blob by blob, as flatpak does it.
fn brought(place: &TestRegistry, client: &Client, name: &str, layout: &Path) -> (Vec<u8>, Digest) {
    let call = client.call(None).unwrap();
    let manifest = push_image(place, client, name, "amd64");
    let from = |digest: &str| BlobName::named(client, &format!("{}/{name}@{digest}", place.host)).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    for digest in [&document["config"]["digest"], &document["layers"][0]["digest"]] {
        let to = named(client, layout, "");
        let copied = place::copy_blob(client, &call, &from(digest.as_str().unwrap()), &to, &Default::default());
        assert!(copied.unwrap().uploaded);
    }
    let digest = sha256(&manifest);
    let put = place::put_manifest(client, &call, &named(client, layout, ":v1"), &manifest, &PutOptions::default());
    assert_eq!(put.unwrap().digest, digest);
    (manifest, digest)
}

#[test]
fn what_is_put_call_by_call_others_read() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let call = client.call(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let (manifest, digest) = brought(&place, &client, "held/image", &layout);
    place::tag(&client, &call, &named(&client, &layout, ":v1"), "v2", &TagOptions::default()).unwrap();
    let shown = layout.display().to_string();
    assert_eq!(place.run("skopeo", &["inspect", "--raw", &format!("oci:{shown}:v2")]).as_bytes(), manifest);
    let copy = format!("dir:{}", folder.path().join("copy").display());
    place.run("skopeo", &["--insecure-policy", "copy", &format!("oci:{shown}:v1"), &copy]);
    assert_eq!(oras(&["manifest", "fetch", "--oci-layout", &format!("{shown}:v2")]).as_bytes(), manifest);
    let mut listed: Vec<String> = oras(&["repo", "tags", "--oci-layout", &shown]).lines().map(str::to_owned).collect();
    listed.sort();
    assert_eq!(listed, ["v1", "v2"]);
    // Of a layout crane pushes the only entry.
    let untagged = place::delete_tag(&client, &call, &named(&client, &layout, ":v1"), &DeleteTagOptions::default());
    assert_eq!(untagged.unwrap().digest, digest);
    let target = format!("{}/held/by-crane:1", place.host);
    place.crane(&["push", &shown, &target]);
    assert_eq!(place.crane(&["digest", &target]).trim(), digest.as_str());
    place::delete_manifest(&client, &call, &named(&client, &layout, &format!("@{digest}")), &DeleteOptions::default())
        .unwrap();
    assert_eq!(oras(&["repo", "tags", "--oci-layout", &shown]), "");
}

#[test]
fn what_others_change_in_a_layout_is_as_they_left_it() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let call = client.call(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let (_, digest) = brought(&place, &client, "held/changed", &layout);
    let shown = layout.display().to_string();
    oras(&["tag", "--oci-layout", &format!("{shown}:v1"), "by-oras"]);
    place.run("skopeo", &["--insecure-policy", "copy", &format!("oci:{shown}:v1"), &format!("oci:{shown}:by-skopeo")]);
    assert_eq!(names(&client, &layout), ["by-oras", "by-skopeo", "v1"]);
    for name in [":by-oras", ":by-skopeo"] {
        let found = place::manifest_digest(&client, &call, &named(&client, &layout, name), &GetOptions::default());
        assert_eq!(found.unwrap(), digest);
        place::delete_tag(&client, &call, &named(&client, &layout, name), &DeleteTagOptions::default()).unwrap();
    }
    assert_eq!(names(&client, &layout), ["v1"]);
    // oras puts a blob and an artifact, which are read as any.
    std::fs::write(folder.path().join("file"), "text of a file").unwrap();
    let file = folder.path().join("file").display().to_string();
    oras(&["blob", "push", "--oci-layout", &shown, &file]);
    let blob = BlobName::named(&client, &format!("oci:{shown}@{}", sha256(b"text of a file"))).unwrap();
    assert_eq!(place::get_blob(&client, &call, &blob, &Default::default()).unwrap().1, b"text of a file");
    let pushed = place::put_blob(&client, &call, &named(&client, &layout, ""), b"ours", &Default::default()).unwrap();
    let fetched = oras(&["blob", "fetch", "--oci-layout", &format!("{shown}@{}", pushed.digest), "--output", "-"]);
    assert_eq!(fetched, "ours");
}
