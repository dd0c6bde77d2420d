//! Referrers at real registries: distribution 2.8 and 3 and go-containerregistry's own have no referrers API, so the
//! referrers tag is maintained; go-containerregistry's with the API lists them itself. crane reads what the library
//! wrote.

use ocireg::digest::Digest;
use ocireg::error::Code;
use ocireg::inside::tag_of;
use ocireg::reference::Reference;
use ocireg::registry::delete_tag::{DeleteTagOptions, ManifestFate};
use ocireg::registry::manifest::{DeleteOptions, GetOptions, HeadOptions, PutManifest, PutOptions};
use ocireg::registry::referrers::{ReferrersOptions, ReferrersSource};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use serde_json::json;

use crate::{push_image, sha256, TestRegistry};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn referrer(subject: &[u8], number: usize) -> Vec<u8> {
    let empty = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2});
    let subject = json!({"mediaType": MANIFEST, "digest": sha256(subject), "size": subject.len()});
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": format!("application/x.{}", number % 2),
           "config": empty, "layers": [empty], "subject": subject, "annotations": {"number": number.to_string()}})
    .to_string()
    .into_bytes()
}

fn push(place: &TestRegistry, client: &Client, name: &str, bytes: &[u8]) -> PutManifest {
    let call = client.call(None).unwrap();
    client.put_blob(&call, &place.repository(name), b"{}", &BlobPutOptions::default()).unwrap();
    let reference = place.reference(&format!("{name}@{}", sha256(bytes)));
    client.put_manifest(&call, &reference, bytes, &PutOptions::default()).unwrap()
}

fn list(
    place: &TestRegistry,
    client: &Client,
    name: &str,
    subject: &Digest,
    only: Option<&str>,
) -> (Vec<Digest>, ReferrersSource) {
    let options = ReferrersOptions { artifact_type: only.map(str::to_owned), ..ReferrersOptions::default() };
    let reference = place.reference(&format!("{name}@{subject}"));
    let found = client.referrers(&client.call(None).unwrap(), &reference, &options).unwrap();
    (found.referrers.into_iter().map(|entry| entry.digest).collect(), found.source)
}

fn sorted(mut digests: Vec<Digest>) -> Vec<Digest> {
    digests.sort();
    digests
}

#[test]
fn referrers_are_found_and_deleted_again() {
    for variable in ["V2", "V3", "TOKEN", "GGCR"] {
        let place = TestRegistry::new(&format!("OCIREG_TEST_{variable}"));
        let (client, name) = (place.client(), "referrers/tag");
        let image = push_image(&place, &client, name, "amd64");
        let subject = sha256(&image);
        assert_eq!(list(&place, &client, name, &subject, None), (vec![], ReferrersSource::None));
        let manifests: Vec<Vec<u8>> = (0..3).map(|number| referrer(&image, number)).collect();
        for manifest in &manifests {
            assert_eq!(push(&place, &client, name, manifest).referrers, Some(ReferrersSource::Tag));
        }
        let digests: Vec<Digest> = manifests.iter().map(|bytes| sha256(bytes)).collect();
        assert_eq!(list(&place, &client, name, &subject, None), (digests.clone(), ReferrersSource::Tag));
        assert_eq!(list(&place, &client, name, &subject, Some("application/x.1")).0, [digests[1].clone()]);
        // The library writes an index that another client reads.
        let read: serde_json::Value =
            serde_json::from_str(&place.crane(&["manifest", &format!("{}/{name}:{}", place.host, tag_of(&subject))]))
                .unwrap();
        let numbers: Vec<_> =
            read["manifests"].as_array().unwrap().iter().map(|m| m["annotations"]["number"].clone()).collect();
        assert_eq!(numbers, ["0", "1", "2"]);
        let call = client.call(None).unwrap();
        for (at, digest) in digests.iter().enumerate() {
            let reference = place.reference(&format!("{name}@{digest}"));
            let deleted = client.delete_manifest(&call, &reference, &DeleteOptions::default()).unwrap();
            assert_eq!((deleted.subject, deleted.referrers), (Some(subject.clone()), Some(ReferrersSource::Tag)));
            assert_eq!(list(&place, &client, name, &subject, None).0, digests[at + 1..]);
        }
        // An empty list is deleted where possible.
        let tags = client.tags(&call, &format!("{}/{name}", place.host), &TagsOptions::default()).unwrap().tags;
        assert_eq!(tags.iter().any(|tag| tag == tag_of(&subject)), variable == "GGCR", "{tags:?}");
    }
}

#[test]
fn the_api_is_used_where_it_is() {
    let place = TestRegistry::new("OCIREG_TEST_REFERRERS");
    let (client, name) = (place.client(), "referrers/api");
    let image = push_image(&place, &client, name, "amd64");
    let manifests: Vec<Vec<u8>> = (0..3).map(|number| referrer(&image, number)).collect();
    for manifest in &manifests {
        // It has the API but does not send OCI-Subject: the specification then requires the tag too.
        assert_eq!(push(&place, &client, name, manifest).referrers, Some(ReferrersSource::Tag));
    }
    let expected = sorted(manifests.iter().map(|bytes| sha256(bytes)).collect());
    let (found, source) = list(&place, &client, name, &sha256(&image), None);
    assert_eq!((sorted(found), source), (expected, ReferrersSource::Api));
    let (none, source) = list(&place, &client, name, &sha256(b"nothing"), None);
    assert_eq!((none, source), (vec![], ReferrersSource::Api));
}

#[test]
fn crane_and_we_find_the_same() {
    // crane attaches its own list of contents to an image with the same tag.
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let (client, name) = (place.client(), "referrers/crane");
    let image = push_image(&place, &client, name, "amd64");
    for number in 0..2 {
        push(&place, &client, name, &referrer(&image, number));
    }
    let copy = format!("{}/referrers/copied:{}", place.host, tag_of(&sha256(&image)));
    place.crane(&["copy", &format!("{}/{name}:{}", place.host, tag_of(&sha256(&image))), &copy]);
    let (found, source) = list(&place, &client, "referrers/copied", &sha256(&image), None);
    assert_eq!((found.len(), source), (2, ReferrersSource::Tag));
}

#[test]
fn eight_threads_lose_nothing() {
    for variable in ["V2", "V3", "GGCR"] {
        let place = TestRegistry::new(&format!("OCIREG_TEST_{variable}"));
        let (client, name) = (place.client(), "referrers/threads");
        let image = push_image(&place, &client, name, "amd64");
        // distribution itself can fail on a manifest while another thread's first upload of its blob is being linked.
        client
            .put_blob(&client.call(None).unwrap(), &place.repository(name), b"{}", &BlobPutOptions::default())
            .unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (place, client, image) = (&place, &client, &image);
                scope.spawn(move || push(place, client, name, &referrer(image, number)));
            }
        });
        let expected = sorted((0..8).map(|number| sha256(&referrer(&image, number))).collect());
        assert_eq!(sorted(list(&place, &client, name, &sha256(&image), None).0), expected);
    }
}

fn tag(place: &TestRegistry, tag: &str) -> Reference {
    place.reference(&format!("referrers/untag:{tag}"))
}

#[test]
fn one_tag_goes_and_the_others_stay() {
    for (variable, can) in [("V2", false), ("V3", true), ("TOKEN", true), ("GGCR", true), ("V2_NODELETE", false)] {
        let place = TestRegistry::new(&format!("OCIREG_TEST_{variable}"));
        let client = place.client();
        let call = client.call(None).unwrap();
        let image = push_image(&place, &client, "referrers/untag", "amd64");
        let options = PutOptions { tags: vec!["one".to_owned(), "two".to_owned()], ..PutOptions::default() };
        let reference = place.reference(&format!("referrers/untag@{}", sha256(&image)));
        assert_eq!(client.put_manifest(&call, &reference, &image, &options).unwrap().tags, ["one", "two"]);
        let all = DeleteTagOptions { list_others: true, ..DeleteTagOptions::default() };
        let outcome = client.delete_tag(&call, &tag(&place, "one"), &all);
        let outcome = match can {
            true => outcome,
            false => {
                let error = outcome.err().unwrap();
                assert_eq!(error.code(), Code::Unsupported);
                assert!(error.to_json()["hint"].as_str().unwrap().contains("two"), "{error}");
                client.delete_tag(&call, &tag(&place, "one"), &DeleteTagOptions { replace: true, ..all })
            }
        };
        let head = |name: &str| client.head_manifest(&call, &tag(&place, name), &HeadOptions::default());
        if variable == "V2_NODELETE" {
            assert_eq!(outcome.err().unwrap().code(), Code::Unsupported);
            assert_eq!(head("one").unwrap().digest, sha256(&image));
            continue;
        }
        let untagged = outcome.unwrap();
        assert_eq!((untagged.manifest, untagged.replaced, untagged.status), (ManifestFate::Kept, !can, Some(202)));
        assert!(untagged.other_tags.unwrap().contains(&"two".to_owned()));
        assert_eq!(head("one").err().unwrap().code(), Code::NotFound);
        assert_eq!(head("two").unwrap().digest, sha256(&image));
        assert!(client.get_manifest(&call, &reference, &GetOptions::default()).is_ok());
    }
}
