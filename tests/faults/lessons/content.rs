//! Content that is not what its digest, its signature or its type says.

use ocireg::error::Code;
use ocireg::registry::manifest::GetOptions;

use super::*;

const SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// docker believed IDs that were no digests, and fields outside of what was signed.
#[test]
fn cve_2014_8178_cve_2014_8179_only_what_is_signed_counts() {
    let good = String::from_utf8(include_bytes!("../../schema1/containers-image.json").to_vec()).unwrap();
    let at = good.find("\"signatures\"").unwrap();
    for more in ["\"fsLayers\": [],", "\"evil\": 1,", "\"name\": \"other/image\","] {
        let forged = format!("{}{more}{}", &good[..at], &good[at..]);
        let server = Server::start(move |_| reply(200).header("Content-Type", SIGNED).body(&forged));
        let error = get(&client(), &server.host).err().unwrap_or_else(|| panic!("{more} was accepted"));
        assert!(matches!(error.code(), Code::Signature | Code::InvalidManifest), "{more}: {error}");
    }
}

/// "Docker Image Insecurity", moby#13576, GHSA-qv35-3gw6-8q4j, rust-oci-client#149: the bytes were not compared with the digest that was
/// asked for, or only the server's header was.
#[test]
fn ghsa_qv35_3gw6_8q4j_a_digest_is_that_of_the_bytes() {
    let other = MANIFEST.replace("\"layers\":[]", "\"layers\": []");
    let wanted = digest(MANIFEST.as_bytes());
    let (says, blob) = (wanted.clone(), other.clone());
    let server = Server::start(move |_| {
        reply(200).header("Content-Type", MANIFEST_TYPE).header("Docker-Content-Digest", &says).body(&blob)
    });
    let client = client();
    let manifest = client.get_manifest(&call(&client), &at(&server.host, &wanted), &GetOptions::default());
    fails(manifest, Code::DigestMismatch, digest(other.as_bytes()).as_str());
    let blob = client.get_blob(&call(&client), &at(&server.host, &wanted), &Default::default());
    assert!(matches!(blob.err().unwrap().code(), Code::DigestMismatch | Code::SizeMismatch));
    // By a tag nothing is known before, but the header may not contradict the bytes.
    fails(get(&client, &server.host), Code::DigestMismatch, "");
}

/// One digest, two readings: by the type with which a document is served, it was an image or an index.
#[test]
fn cve_2021_41190_a_document_has_one_meaning() {
    let both = MANIFEST.replace("\"layers\":[]", "\"layers\":[],\"manifests\":[]");
    let untyped = both.replacen(&format!("\"mediaType\":\"{MANIFEST_TYPE}\","), "", 1);
    for (kind, body) in [
        (MANIFEST_TYPE, both.clone()),
        (INDEX_TYPE, both),
        (MANIFEST_TYPE, untyped.clone()),
        (INDEX_TYPE, untyped),
        (INDEX_TYPE, MANIFEST.to_owned()),
    ] {
        let shown = body.clone();
        let server = Server::start(move |_| reply(200).header("Content-Type", kind).body(&body));
        let error = get(&client(), &server.host).err().unwrap_or_else(|| panic!("{kind} {shown} was accepted"));
        assert_eq!(error.code(), Code::InvalidManifest, "{error}");
    }
}

/// Jackson and others ran out of stack on deep documents; and of a member that is there twice, each reader took another one.
#[test]
fn cve_2020_36518_deep_and_ambiguous_json_is_refused() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let nested = MANIFEST.replace("\"layers\":[]", &format!("\"layers\":[],\"x\":{deep}"));
    let twice = MANIFEST.replace("\"layers\":[]", "\"layers\":[],\"config\":null");
    for body in [nested, twice] {
        let server = Server::start(move |_| reply(200).header("Content-Type", MANIFEST_TYPE).body(&body));
        fails(get(&client(), &server.host), Code::InvalidManifest, "");
    }
    // What nobody reads of an answer is passed over, however deep.
    let (repeated, unread) = (r#"{"token":"a","token":"b"}"#.to_owned(), format!("{{\"token\":\"a\",\"x\":{deep}}}"));
    let read = format!("{{\"token\":\"a\",\"scope\":{deep}}}");
    for (body, code) in [(repeated, Code::Protocol), (read, Code::Protocol), (unread, Code::Unauthenticated)] {
        let server = Server::start(move |seen| match seen.path() {
            "/token" => reply(200).json(&body),
            _ => reply(401)
                .header("WWW-Authenticate", format!("Bearer realm=\"http://{}/token\"", seen.header("host").unwrap())),
        });
        let error = get(&client(), &server.host).err().unwrap();
        assert_eq!(error.code(), code, "{error}");
    }
    for body in [format!("{{\"auths\":{deep}}}"), r#"{"auths":{},"auths":{}}"#.to_owned()] {
        let folder = crate::stored::Folder::new(&serde_json::json!({}));
        crate::stored::write(&folder.config(), &body, 0o600);
        let server = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"r\""));
        let error = get(&folder.client(), &server.host).err().unwrap();
        assert!(error.message().contains("config.json"), "{error}");
    }
}
