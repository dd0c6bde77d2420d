//! Protocol v1 against docker-registry 0.9.1, its last server: as its own index, and as two servers with tokens between
//! them.

use ocireg::error::Code;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry_v1::detect::PingOptions;
use ocireg::registry_v1::id::ImageId;
use ocireg::registry_v1::index::SearchOptions;
use ocireg::registry_v1::login::V1LoginOptions;
use ocireg::registry_v1::write::PutLayerOptions;
use ocireg::registry_v1::V1Repository;
use serde_json::json;

use super::{noise, sha256, TestRegistry};

fn image(seed: u8, parent: Option<&ImageId>) -> (ImageId, String) {
    let id = sha256(&[seed, std::process::id() as u8]).hex().to_owned();
    let json = match parent {
        Some(parent) => json!({"id": id, "parent": parent, "os": "linux"}),
        None => json!({"id": id, "os": "linux"}),
    };
    // Whitespace that a parser would not keep.
    (id.parse().unwrap(), format!(" {json:#}\n"))
}

fn repo(place: &TestRegistry, client: &ocireg::registry::Client, name: &str) -> V1Repository {
    client.v1(&client.call(None).unwrap(), &place.repository(name)).unwrap()
}

fn put(repo: &V1Repository, json: &str, layer: &[u8]) {
    assert!(repo.put_image(json.as_bytes()).unwrap().uploaded);
    assert!(repo.put_layer(json.as_bytes(), layer, &PutLayerOptions::default()).unwrap().uploaded);
}

#[test]
fn an_image_goes_there_and_comes_back() {
    for (variable, alone) in [("OCIREG_TEST_V1", true), ("OCIREG_TEST_V1_TOKEN", false)] {
        let place = TestRegistry::new(variable);
        let client = place.client();
        let repo = repo(&place, &client, "v1/images");
        let (base, base_json) = image(1 + u8::from(alone), None);
        let layer = noise(300_000, 5);
        put(&repo, &base_json, &layer);
        repo.put_tag("base", &base).unwrap();

        assert_eq!(repo.tag("base").unwrap(), base);
        assert_eq!(repo.ancestry(&base).unwrap(), std::slice::from_ref(&base));
        let found = repo.image(&base).unwrap();
        assert_eq!(found.bytes, base_json.as_bytes());
        assert_eq!(found.size, Some(300_000));
        let expected = sha256(&[base_json.as_bytes(), b"\n", &layer].concat());
        assert_eq!(found.checksums.shown().unwrap(), expected.as_str());
        let (delivered, bytes) = repo.layer(&base, &ReadOptions::default()).unwrap();
        assert!(bytes == layer && delivered.verified, "{variable}");
        for (offset, length) in
            [(299_999, None), (1000, None), (1000, Some(1)), (1000, Some(1000)), (0, Some(5)), (299_000, Some(5000))]
        {
            let options = ReadOptions { offset, length, ..ReadOptions::default() };
            let (delivered, bytes) = repo.layer(&base, &options).unwrap();
            let end = length.map_or(300_000, |length| 300_000.min(offset + length));
            assert!(bytes == layer[offset as usize..end as usize] && !delivered.verified, "{offset} {length:?}");
        }
        let images = repo.images().unwrap();
        assert!(images.images.iter().any(|image| image["id"] == base.as_str()), "{images:?}");
        let store = std::env::var("OCIREG_TEST_V1_TOKEN_STORE").unwrap();
        let endpoint = if alone { place.host.clone() } else { store };
        assert_eq!(images.endpoint, format!("http://{endpoint}/"));

        assert!(!repo.put_image(base_json.as_bytes()).unwrap().uploaded, "it is there");
        let (child, child_json) = image(3 + u8::from(alone), Some(&base));
        put(&repo, &child_json, b"");
        repo.put_tag("latest", &child).unwrap();
        assert_eq!(repo.ancestry(&child).unwrap(), [child.clone(), base.clone()]);
        assert_eq!(repo.image(&child).unwrap().parent().unwrap(), Some(base.clone()));
        // It answers 416 to a request for an empty layer.
        let (delivered, bytes) = repo.layer(&child, &ReadOptions::default()).unwrap();
        assert!(bytes.is_empty() && delivered.verified);
        let tags = repo.tags().unwrap().tags;
        assert_eq!((tags["base"].as_str(), tags["latest"].as_str()), (Some(base.as_str()), Some(child.as_str())));

        repo.delete_tag("base").unwrap();
        assert_eq!(repo.tag("base").unwrap_err().code(), Code::NotFound);
        assert_eq!(repo.delete_tag("base").unwrap_err().code(), Code::NotFound);
    }
}

#[test]
fn a_repository_can_be_deleted() {
    let place = TestRegistry::new("OCIREG_TEST_V1");
    let client = place.client();
    let repo = repo(&place, &client, "v1/gone");
    let (id, json) = image(9, None);
    put(&repo, &json, b"layer");
    repo.put_tag("t", &id).unwrap();
    assert_eq!(repo.tags().unwrap().tags.len(), 1);
    repo.delete_repository().unwrap();
    assert_eq!(repo.tags().unwrap_err().code(), Code::NotFound);
}

#[test]
fn docker_registry_refuses_what_is_wrong() {
    let place = TestRegistry::new("OCIREG_TEST_V1");
    let client = place.client();
    let repo = repo(&place, &client, "v1/wrong");
    let (id, json) = image(20, None);
    let (missing, _) = image(21, None);
    let (_, orphan) = image(22, Some(&missing));
    assert_eq!(repo.put_image(orphan.as_bytes()).unwrap_err().code(), Code::Http);
    repo.put_image(json.as_bytes()).unwrap();
    let unfinished = PutLayerOptions { finish: false };
    let stored = repo.put_layer(json.as_bytes(), b"layer", &unfinished).unwrap();
    assert_eq!(repo.image(&id).unwrap_err().code(), Code::Http, "it is not whole yet");
    let other = sha256(b"other");
    assert_eq!(repo.put_checksum(&id, other.as_str()).unwrap_err().code(), Code::DigestMismatch);
    repo.put_checksum(&id, stored.checksum.as_str()).unwrap();
    repo.image(&id).unwrap();
    assert_eq!(repo.put_tag("t", &missing).unwrap_err().code(), Code::NotFound);
    assert_eq!(repo.image(&missing).unwrap_err().code(), Code::NotFound);
    let nobody = super::v1::repo(&place, &client, "v1/nobody");
    assert_eq!(nobody.tags().unwrap_err().code(), Code::NotFound);
}

#[test]
fn docker_registry_is_recognised() {
    let place = TestRegistry::new("OCIREG_TEST_V1");
    let client = place.client();
    let call = client.call(None).unwrap();
    let ping = client.v1_ping(&call, &place.host).unwrap();
    assert_eq!((ping.standalone, ping.version, ping.status), (Some(true), None, 200));
    assert_eq!(client.detect(&call, &place.host).unwrap().api_version, 1);
    assert_eq!(client.ping_as(&call, &place.host, &PingOptions { version: 1 }).unwrap().api_version, Some(1));
    let new = TestRegistry::new("OCIREG_TEST_V2");
    assert_eq!(new.client().detect(&call, &new.host).unwrap().api_version, 2);
    assert_eq!(client.v1_ping(&call, &new.host).unwrap_err().code(), Code::NotFound);

    // Another run of this test may have used the server.
    let name = format!("v1/search-me-{}", std::process::id());
    let repo = repo(&place, &client, &name);
    let (_, json) = image(30, None);
    repo.put_image(json.as_bytes()).unwrap();
    let found = client.v1_search(&call, &place.host, &name[3..], &SearchOptions::default()).unwrap();
    assert_eq!((found["num_results"].as_u64(), found["results"][0]["name"].as_str()), (Some(1), Some(name.as_str())));

    let mut options = V1LoginOptions { username: Some("u".into()), password: Some("p".to_owned().into()), email: None };
    assert_eq!(client.v1_login(&call, &place.host, &options).unwrap().status, "Login Succeeded");
    options.email = Some("u@example.com".into());
    assert!(client.v1_login(&call, &place.host, &options).unwrap().created);
}
