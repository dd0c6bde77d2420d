//! Unusual behaviour of several registries, and the stores, proxies and caches around them, when they are read.

use std::io::Write;

use ocireg::digest::Algorithm;
use ocireg::error::{Code, Error};
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::{GetOptions, HeadOptions, PutOptions};
use ocireg::registry::Client;

use crate::common::*;
use crate::registries::{get, manifest, token};
use crate::server::*;

fn read(client: &Client, server: &Server, blob: &[u8]) -> Result<Vec<u8>, Error> {
    let reference = at(&server.host, &digest(blob));
    client.get_blob(&call(client), &reference, &ReadOptions::default()).map(|(_, bytes)| bytes)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

// --- 2.2 redirects and Locations ---

#[test]
fn range_and_accept_go_along_on_every_hop() {
    let blob = noise(1000);
    let copy = blob.clone();
    let store = Server::start(move |seen| match seen.path() {
        "/m" => manifest(),
        _ => reply(206).header("Content-Range", "bytes 10-19/1000").body(&copy[10..20]),
    });
    let (blobs, manifests) = (store.url("/b?sig=x"), store.url("/m"));
    let home = Server::start(move |seen| match (seen.path(), seen.path().contains("/blobs/")) {
        ("/hop", _) => reply(302).header("Location", &blobs),
        (_, true) => reply(307).header("Location", "/hop"),
        (_, false) => reply(301).header("Location", &manifests),
    });
    let client = client();
    let piece = ReadOptions { offset: 10, length: Some(10), ..Default::default() };
    let (_, bytes) = client.get_blob(&call(&client), &at(&home.host, &digest(&blob)), &piece).unwrap();
    assert_eq!(bytes, blob[10..20]);
    get(&client, &home.host).unwrap();
    let seen = store.seen();
    assert_eq!(seen[0].header("range"), Some("bytes=10-19"));
    assert!(seen[1].header("accept").unwrap().contains("oci.image.manifest"));
    assert_eq!(seen[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn a_head_stays_a_head_on_the_way() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |seen| match seen.path() {
            "/store" => reply(200).body("x"),
            _ => reply(status).header("Location", "/store"),
        });
        let client = client();
        let head = client.head_blob(&call(&client), &at(&server.host, &digest(b"x"))).unwrap();
        assert_eq!((head.exists, head.size, head.redirects.len()), (true, Some(1), 1));
        assert!(server.seen().iter().all(|seen| seen.method == "HEAD"), "{status}");
    }
}

#[test]
fn a_write_is_not_turned_into_a_get() {
    for status in [301, 302, 303] {
        let server = Server::start(move |seen| match seen.path() {
            "/elsewhere" => reply(201),
            _ => reply(status).header("Location", "/elsewhere"),
        });
        let client = client();
        let outcome =
            client.put_manifest(&call(&client), &tag(&server.host), MANIFEST.as_bytes(), &PutOptions::default());
        fails(outcome, Code::Redirect, "");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
    let server = Server::start(|seen| match seen.path() {
        "/elsewhere" => reply(201),
        _ => reply(307).header("Location", "/elsewhere"),
    });
    let client = client();
    client.put_manifest(&call(&client), &tag(&server.host), MANIFEST.as_bytes(), &PutOptions::default()).unwrap();
    assert_eq!(server.seen()[1].body, MANIFEST.as_bytes());
}

#[test]
fn a_continued_read_asks_the_registry_for_a_new_signature() {
    let blob = noise(400_000);
    let copy = blob.clone();
    let server = Server::start(move |seen| match seen.target.strip_prefix("/signed?") {
        // Every signed URL is valid once.
        Some("1") if seen.header("range").is_none() => serve(&copy, seen).cut(250_000, Then::Reset),
        Some("1") => reply(403),
        Some(_) => serve(&copy, seen),
        None if seen.number == 0 => reply(307).header("Location", "/signed?1"),
        None => reply(307).header("Location", "/signed?2"),
    });
    let client = client();
    assert!(read(&client, &server, &blob).unwrap() == blob);
    assert!(server.seen().last().unwrap().range_start().unwrap() > 0);
}

#[test]
fn a_signature_that_stores_call_bad_is_renewed_once_too() {
    for status in [400, 403, 410] {
        let blob = noise(100);
        let copy = blob.clone();
        let store = Server::start(move |seen| if seen.number == 0 { reply(status) } else { reply(200).body(&copy) });
        let target = store.url("/signed");
        let home = Server::start(move |_| reply(307).header("Location", &target));
        assert!(read(&client(), &home, &blob).unwrap() == blob, "{status}");
        assert_eq!((home.seen().len(), store.seen().len()), (2, 2));
    }
}

#[test]
fn credentials_come_back_with_the_way_home() {
    let blob = noise(100);
    let copy = blob.clone();
    let cache = Server::start(|seen| {
        assert_eq!(seen.header("authorization"), None);
        reply(307).header("Location", seen.target.trim_start_matches("/to="))
    });
    let through = cache.url("/to=");
    let home = Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
        ("/back", _) => reply(200).body(&copy),
        (_, Some(_)) => reply(307).header("Location", format!("{through}http://{}/back", seen.header("host").unwrap())),
        (_, None) => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    assert!(read(&client_for(&home.host), &home, &blob).unwrap() == blob);
    // Once dropped, credentials are not sent again: the hop that leads back was chosen by another host.
    assert_eq!(home.seen().last().unwrap().header("authorization"), None);
}

// --- 2.3 reads ---

/// One of the two is wrong, and other clients that trust the header would get another manifest.
#[test]
fn a_digest_header_that_contradicts_a_tags_manifest_is_an_error() {
    let other = || manifest().header("Docker-Content-Digest", digest(b"other"));
    let once = Server::start(move |seen| if seen.number == 0 { other() } else { manifest() });
    assert_eq!(get(&client(), &once.host).unwrap().document.digest, digest(MANIFEST.as_bytes()));
    let always = Server::start(move |_| other());
    fails(get(&client(), &always.host), Code::DigestMismatch, "the registry says sha256:");
    assert_eq!(always.seen().len(), 2);
    for fine in [Algorithm::Sha512.digest(MANIFEST.as_bytes()).to_string(), "junk".to_owned(), String::new()] {
        let server = Server::start(move |_| manifest().header("Docker-Content-Digest", &fine));
        get(&client(), &server.host).unwrap();
    }
    let wrong = Server::start(|_| manifest().header("Docker-Content-Digest", Algorithm::Sha512.digest(b"other")));
    fails(get(&client(), &wrong.host), Code::DigestMismatch, "the registry says sha512:");
}

#[test]
fn other_algorithms_are_read_with_their_own() {
    let blob = noise(1000);
    let copy = blob.clone();
    let server = Server::start(move |seen| match seen.path().contains("/manifests/") {
        true => manifest().header("Docker-Content-Digest", digest(MANIFEST.as_bytes())),
        false => reply(200).body(&copy),
    });
    let client = client();
    let sha512 = |bytes: &[u8]| at(&server.host, &Algorithm::Sha512.digest(bytes));
    assert!(client.get_blob(&call(&client), &sha512(&blob), &Default::default()).unwrap().1 == blob);
    fails(client.get_blob(&call(&client), &sha512(b"other"), &Default::default()), Code::DigestMismatch, "sha512");
    let found = client.get_manifest(&call(&client), &sha512(MANIFEST.as_bytes()), &GetOptions::default()).unwrap();
    assert_eq!(found.document.digest, Algorithm::Sha512.digest(MANIFEST.as_bytes()));
    // A header with another algorithm is not a contradiction.
    let head = client.head_manifest(&call(&client), &sha512(MANIFEST.as_bytes()), &HeadOptions::default()).unwrap();
    assert_eq!(head.digest, Algorithm::Sha512.digest(MANIFEST.as_bytes()));
}

#[test]
fn a_part_may_end_early() {
    let blob = noise(1000);
    let copy = blob.clone();
    let server = Server::start(move |seen| {
        let start = seen.range_start().unwrap();
        let end = (start + 300).min(1000);
        reply(206).header("Content-Range", format!("bytes {start}-{}/1000", end - 1)).body(&copy[start..end])
    });
    let client = client();
    let piece = ReadOptions { offset: 100, ..Default::default() };
    let (_, bytes) = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &piece).unwrap();
    assert!(bytes == blob[100..]);
    let asked: Vec<_> = server.seen().iter().map(|seen| seen.range_start().unwrap()).collect();
    assert_eq!(asked, [100, 400, 700]);
}

#[test]
fn an_index_within_an_index_ends_somewhere() {
    // Each index contains the next; because of the digests they are built from the inside out.
    let kind = "application/vnd.oci.image.index.v1+json";
    let mut documents = vec![(MANIFEST_TYPE, MANIFEST.to_owned())];
    for _ in 0..20 {
        let (inner_type, inner) = documents.last().unwrap();
        let entry = format!(
            r#"{{"mediaType":"{inner_type}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"amd64"}}}}"#,
            digest(inner.as_bytes()),
            inner.len()
        );
        documents.push((kind, format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{entry}]}}"#)));
    }
    let options = GetOptions { platform: Some("linux/amd64".to_owned()), ..Default::default() };
    for (depth, good) in [(1, true), (16, true), (17, false), (20, false)] {
        let all = documents.clone();
        let server = Server::start(move |seen| {
            let wanted = |(_, text): &&(&str, String)| seen.path().ends_with(digest(text.as_bytes()).as_str());
            let (kind, text) = all.iter().find(wanted).unwrap_or(&all[depth]);
            reply(200).header("Content-Type", kind).body(text)
        });
        let client = client();
        match client.get_manifest(&call(&client), &tag(&server.host), &options) {
            Ok(found) => assert!(good && found.bytes == MANIFEST.as_bytes(), "{depth}"),
            Err(error) => assert!(!good && error.code() == Code::LimitExceeded, "{depth}: {error}"),
        }
    }
}

#[test]
fn data_in_a_descriptor_is_what_it_is_of() {
    let with = |data: &str| MANIFEST.replace("\"size\":2", &format!("\"size\":2,\"data\":\"{data}\""));
    // An empty string counts as absent: Go clients read and write it that way.
    for (data, good) in [("e30=", true), ("", true), ("e31=", false), ("e30", false), ("e30K", false), ("?", false)] {
        let body = with(data);
        let server = Server::start(move |_| reply(200).header("Content-Type", MANIFEST_TYPE).body(&body));
        match get(&client(), &server.host) {
            Ok(_) => assert!(good, "{data}"),
            Err(error) => {
                assert!(!good && error.code() == Code::InvalidManifest, "{data}: {error}");
                assert!(error.message().contains("config has data"), "{error}");
            }
        }
    }
}

#[test]
fn an_encoded_blob_is_decoded_and_then_verified() {
    let blob: Vec<u8> = noise(300_000).into_iter().flat_map(|byte| [byte; 4]).collect();
    let body = gzip(&blob);
    let server = Server::start(move |_| reply(200).header("Content-Encoding", "gzip").body(&body));
    let client = client();
    assert!(read(&client, &server, &blob).unwrap() == blob);
    let known = |size| ReadOptions { size: Some(size), ..Default::default() };
    let sized = |size: usize| {
        client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &known(size as u64)).map(|found| found.1)
    };
    assert!(sized(blob.len()).unwrap() == blob);
    fails(sized(blob.len() - 1), Code::SizeMismatch, "longer");
    fails(read(&client, &server, b"other"), Code::DigestMismatch, "");
    // A range is counted in decoded bytes.
    let piece = ReadOptions { offset: 100, length: Some(50), ..Default::default() };
    let (_, bytes) = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &piece).unwrap();
    assert!(bytes == blob[100..150]);
    // The length of the encoded bytes is not the blob's.
    assert_eq!(client.head_blob(&call(&client), &at(&server.host, &digest(&blob))).unwrap().size, None);
}

#[test]
fn an_encoded_blob_that_breaks_is_begun_again() {
    let blob: Vec<u8> = noise(200_000).into_iter().flat_map(|byte| [byte; 4]).collect();
    let body = gzip(&blob);
    let server = Server::start(move |seen| {
        let whole = reply(200).header("Content-Encoding", "gzip").body(&body);
        if seen.number == 0 {
            whole.cut(body.len() / 2, Then::Reset)
        } else {
            whole
        }
    });
    assert!(read(&client(), &server, &blob).unwrap() == blob);
    assert!(server.seen().iter().all(|seen| seen.header("range").is_none()), "ranges would be of the encoded bytes");
}

#[test]
fn encoded_bombs_and_nonsense_are_refused() {
    let bomb = gzip(&vec![0; 64 << 20]);
    let cases = [
        ("gzip", bomb, Code::LimitExceeded),
        ("gzip", b"this is not gzip at all".to_vec(), Code::Protocol),
        ("zstd", b"x".to_vec(), Code::Protocol),
    ];
    for (encoding, body, code) in cases {
        let server = Server::start(move |_| reply(200).header("Content-Encoding", encoding).body(&body));
        let options = ReadOptions { limit: Some(1 << 30), ..Default::default() };
        let client = client();
        fails(client.get_blob(&call(&client), &at(&server.host, &digest(b"x")), &options), code, "encod");
    }
    let part = Server::start(|_| {
        reply(206).header("Content-Encoding", "gzip").header("Content-Range", "bytes 5-9/10").body("12345")
    });
    let client = client();
    let piece = ReadOptions { offset: 5, ..Default::default() };
    fails(client.get_blob(&call(&client), &at(&part.host, &digest(b"x")), &piece), Code::Protocol, "encoded");
}

#[test]
fn an_encoded_manifest_is_decoded_within_its_limit() {
    let body = gzip(MANIFEST.as_bytes());
    let server = Server::start(move |seen| {
        manifest().body(&body).header("Content-Encoding", "gzip").header("X-Method", &seen.method)
    });
    let client = client();
    assert_eq!(get(&client, &server.host).unwrap().bytes, MANIFEST.as_bytes());
    let head = client.head_manifest(&call(&client), &tag(&server.host), &HeadOptions::default()).unwrap();
    assert_eq!(head.size, MANIFEST.len() as u64);
    let large = gzip(&noise(8 << 20));
    let server = Server::start(move |_| manifest().body(&large).header("Content-Encoding", "gzip").unframed());
    fails(get(&client, &server.host), Code::LimitExceeded, "4194304");
}

#[test]
fn an_unquoted_scope_is_read_whole() {
    let server = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => token("good"),
        (_, Some(_)) => manifest(),
        _ => {
            let realm = format!("http://{}/token", seen.header("host").unwrap());
            let challenge = format!("Bearer scope=repository:a/b:pull,push,realm={realm},service=s");
            reply(401).header("WWW-Authenticate", challenge)
        }
    });
    get(&client(), &server.host).unwrap();
    assert!(server.seen()[1].target.contains("a%2Fb%3Apull%2Cpush"), "{}", server.seen()[1].target);
}
