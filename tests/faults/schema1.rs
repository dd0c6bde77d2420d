//! Signed schema-1 manifests are verified when they are fetched, and an invalid one is refused.

use ocireg::digest::Algorithm;
use ocireg::error::{Code, Error};
use ocireg::registry::manifest::{GetOptions, HeadOptions, Manifest, PutOptions};
use ocireg::registry::Client;

use crate::common::*;
use crate::server::*;

const TYPE: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const GOOD: &[u8] = include_bytes!("../schema1/containers-image.json");
const GOOD_DIGEST: &str = "sha256:5a26403ca5f91c7f04300e397efc83960afbfe2d2b34314383a53e267a604455";
const BAD: &[u8] = include_bytes!("../schema1/bad-signature.json");
const BAD_DIGEST: &str = "sha256:7364fea9d84ee548ab67d4c46c6006289800c98de3fbf8c0a97138dfcc23f000";

fn serves(body: &'static [u8]) -> Server {
    Server::start(move |_| reply(200).header("Content-Type", TYPE).body(body))
}

fn get(client: &Client, host: &str, digest: Option<&str>) -> Result<Manifest, Error> {
    let reference = digest.map_or_else(|| tag(host), |digest| at(host, &digest.parse().unwrap()));
    client.get_manifest(&call(client), &reference, &GetOptions::default())
}

#[test]
fn a_good_one_is_verified_and_keeps_its_bytes() {
    let (client, server) = (client(), serves(GOOD));
    for digest in [None, Some(GOOD_DIGEST)] {
        let found = get(&client, &server.host, digest).unwrap();
        assert_eq!((found.document.digest.as_str(), found.bytes.as_slice()), (GOOD_DIGEST, GOOD));
        assert_eq!((found.document.media_type.as_str(), found.document.schema_version), (TYPE, 1));
        assert_eq!((found.signatures.len(), found.signatures[0].algorithm.as_str()), (1, "ES256"));
        assert!(found.to_json()["signatures"][0]["key_id"].as_str().unwrap().starts_with("DB2X:GSG2:"));
    }
    let other = Algorithm::Sha256.digest(GOOD).to_string();
    fails(get(&client, &server.host, Some(BAD_DIGEST)), Code::DigestMismatch, GOOD_DIGEST);
    // The digest of all bytes is not the manifest's digest.
    fails(get(&client, &server.host, Some(&other)), Code::DigestMismatch, GOOD_DIGEST);
}

#[test]
fn a_bad_one_is_refused_though_its_digest_is_right() {
    let (client, server) = (client(), serves(BAD));
    for digest in [None, Some(BAD_DIGEST)] {
        let error = fails(get(&client, &server.host, digest), Code::Signature, "does not verify");
        assert!(error.message().contains("get the manifest"), "{error}");
    }
}

#[test]
fn the_digest_of_a_put_is_the_payloads() {
    let client = client();
    let server = Server::start(|seen| match seen.method.as_str() {
        "PUT" => reply(201).header("Docker-Content-Digest", GOOD_DIGEST),
        _ => reply(405),
    });
    let put = client.put_manifest(&call(&client), &tag(&server.host), GOOD, &PutOptions::default()).unwrap();
    assert_eq!((put.digest.as_str(), put.media_type.as_str()), (GOOD_DIGEST, TYPE));
    let sent = server.seen();
    assert_eq!((sent[0].header("content-type"), sent[0].body.as_slice()), (Some(TYPE), GOOD));
    // No HEAD here: a GET finds the digest.
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(405),
        _ => reply(200).header("Content-Type", TYPE).body(GOOD),
    });
    let head = client.head_manifest(&call(&client), &tag(&server.host), &HeadOptions::default()).unwrap();
    assert_eq!(head.digest.as_str(), GOOD_DIGEST);
}
