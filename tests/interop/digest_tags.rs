//! Cosign's digest tags, `sha256-<hex>.sig` and the like: they are copied with their subject, through every place that
//! can hold them, and crane and skopeo find them under their names.

use ocireg::error::Code;
use ocireg::registry::manifest::{GetOptions, PutOptions};
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use ocireg::transfer::copy::CopyOptions;
use serde_json::json;

use super::copy::{copied, done, scratch};
use super::{push_image, sha256, TestRegistry};

/// What `cosign sign` and `cosign attest` leave: an image with one layer, under its subject's digest tag. Returns its
/// tag and bytes.
fn put_about(place: &TestRegistry, client: &Client, name: &str, subject: &[u8], kind: &str) -> (String, Vec<u8>) {
    let call = client.call(None).unwrap();
    let tag = format!("{}.{kind}", sha256(subject).as_str().replace(':', "-"));
    let payload = format!(r#"{{"critical":{{"type":"{kind}"}}}}"#);
    let config = format!(
        r#"{{"architecture":"","os":"","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        sha256(payload.as_bytes())
    );
    for blob in [&payload, &config] {
        client.put_blob(&call, &place.repository(name), blob.as_bytes(), &BlobPutOptions::default()).unwrap();
    }
    let entry =
        |kind: &str, bytes: &str| json!({"mediaType": kind, "digest": sha256(bytes.as_bytes()), "size": bytes.len()});
    let mut layer = entry("application/vnd.dev.cosign.simplesigning.v1+json", &payload);
    layer["annotations"] = json!({"dev.cosignproject.cosign/signature": "MEUCIQ=="});
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": entry("application/vnd.oci.image.config.v1+json", &config), "layers": [layer]});
    let bytes = manifest.to_string().into_bytes();
    client.put_manifest(&call, &place.reference(&format!("{name}:{tag}")), &bytes, &PutOptions::default()).unwrap();
    (tag, bytes)
}

/// A signed image with an attestation that is signed too. Returns the image and its signatures and attestations.
fn put_signed(place: &TestRegistry, client: &Client, name: &str) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let call = client.call(None).unwrap();
    let image = push_image(place, client, name, "amd64");
    client.put_manifest(&call, &place.reference(&format!("{name}:1")), &image, &PutOptions::default()).unwrap();
    let signature = put_about(place, client, name, &image, "sig");
    let attestation = put_about(place, client, name, &image, "att");
    let countersignature = put_about(place, client, name, &attestation.1, "sig");
    (image, vec![signature, attestation, countersignature])
}

fn with_referrers() -> CopyOptions {
    CopyOptions { referrers: true, ..CopyOptions::default() }
}

#[test]
fn they_travel_through_every_place() {
    let (from, to) = (TestRegistry::new("OCIREG_TEST_V3"), TestRegistry::new("OCIREG_TEST_REFERRERS"));
    let client = from.client();
    let (image, about) = put_signed(&from, &client, "digest-tags/source");
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let places = [
        format!("docker://{}/digest-tags/source:1", from.host),
        format!("oci:{}:v1", path("layout")),
        format!("oci-archive:{}:v1", path("layout.tar")),
        format!("dir:{}", path("dir")),
        format!("docker-archive:{}:example.org/a/b:v1", path("docker.tar")),
        format!("oci:{}", path("no-name")),
        format!("docker://{}/digest-tags/copy:1", to.host),
    ];
    for pair in places.windows(2) {
        let result =
            copied(&client, &pair[0], &pair[1], with_referrers()).unwrap_or_else(|error| panic!("{pair:?}: {error}"));
        assert_eq!(result.digest, sha256(&image));
        assert_eq!((&result.manifests["referrers"], &result.manifests["copied"]), (&json!(3), &json!(4)), "{pair:?}");
    }
    for (tag, bytes) in &about {
        assert_eq!(place_text(&to, &format!("digest-tags/copy:{tag}")), *bytes);
        let raw = to.run("skopeo", &["inspect", "--raw", &format!("oci:{}:{tag}", path("layout"))]);
        assert_eq!(raw.as_bytes(), bytes, "{tag}");
    }
    // Docker loads one image of the archive, not its signatures.
    let listed =
        std::process::Command::new("tar").args(["-xOf", &path("docker.tar"), "manifest.json"]).output().unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&listed.stdout).unwrap().as_array().unwrap().len(), 1);

    // Without the option none of them is looked for.
    let bare = format!("docker://{}/digest-tags/bare:1", to.host);
    assert_eq!(done(&client, &places[0], &bare).manifests["total"], 1);
    let missing = to.reference(&format!("digest-tags/bare:{}", about[0].0));
    let found = client.get_manifest(&client.call(None).unwrap(), &missing, &GetOptions::default());
    assert_eq!(found.err().unwrap().code(), Code::NotFound);
}

fn place_text(place: &TestRegistry, name: &str) -> Vec<u8> {
    place.crane(&["manifest", &format!("{}/{name}", place.host)]).into_bytes()
}

/// A layout that skopeo wrote, image and signature, is read with both.
#[test]
fn those_that_others_wrote_are_found() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let (image, about) = put_signed(&place, &client, "digest-tags/theirs");
    let folder = scratch();
    let layout = folder.path().join("l").display().to_string();
    for tag in ["1", about[0].0.as_str()] {
        let source = format!("docker://{}/digest-tags/theirs:{tag}", place.host);
        let flags = ["--insecure-policy", "copy", "--preserve-digests", "--src-tls-verify=false"];
        place.run("skopeo", &[&flags[..], &[&source, &format!("oci:{layout}:{tag}")]].concat());
    }
    let target = format!("docker://{}/digest-tags/ours:1", place.host);
    let result = copied(&client, &format!("oci:{layout}:1"), &target, with_referrers()).unwrap();
    assert_eq!((result.digest, &result.manifests["referrers"]), (sha256(&image), &json!(1)));
    assert_eq!(place_text(&place, &format!("digest-tags/ours:{}", about[0].0)), about[0].1);
}
