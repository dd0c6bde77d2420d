//! Unusual behaviour of several registries with writes, lists and deletes.

use std::sync::{Arc, Mutex};

use ocireg::error::Code;
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::upload::UploadOptions;
use ocireg::registry::CatalogOptions;

use crate::common::*;
use crate::registries::{bearer, errors, scopes, token, WITHOUT_REFERRERS};
use crate::server::*;

// --- 2.4 writes ---

#[test]
fn a_manifest_that_a_registry_cannot_take_is_its_own_error() {
    for (status, code, wanted) in [
        (400, "UNSUPPORTED", Code::Unsupported),
        (405, "UNSUPPORTED", Code::Unsupported),
        (400, "MANIFEST_INVALID", Code::InvalidManifest),
        (415, "MANIFEST_INVALID", Code::InvalidManifest),
        (413, "", Code::LimitExceeded),
        (404, "MANIFEST_BLOB_UNKNOWN", Code::MissingBlob),
        (404, "NAME_UNKNOWN", Code::NotFound),
        (403, "DENIED", Code::Forbidden),
    ] {
        let server = Server::start(move |_| errors(status, code, "Invalid JSON syntax"));
        let client = client();
        let outcome =
            client.put_manifest(&call(&client), &tag(&server.host), MANIFEST.as_bytes(), &PutOptions::default());
        fails(outcome, wanted, "Invalid JSON syntax");
    }
}

#[test]
fn an_early_401_is_answered_with_the_body_sent_again() {
    let blob = noise(3 << 20);
    let server = Server::start(|seen| match (seen.path(), seen.method.as_str(), seen.header("authorization")) {
        ("/token", ..) => token(if seen.number == 1 { "read" } else { "write" }),
        (_, _, None) => bearer(seen, ""),
        (_, "HEAD", _) => reply(404),
        (_, "POST", _) => reply(202).header("Location", "/up/1"),
        (_, "PUT", Some("Bearer write")) => created(seen),
        (_, "PUT", _) => bearer(seen, "").early().then(Then::Close),
        _ => reply(500),
    });
    let client = client();
    client.put_blob(&call(&client), &repository(&server.host), &blob[..], &Default::default()).unwrap();
    assert!(server.seen().last().unwrap().body == blob);
}

#[test]
fn a_range_may_have_a_unit() {
    let kept = Arc::<Mutex<Vec<u8>>>::default();
    let store = kept.clone();
    let server = Server::start(move |seen| {
        let mut kept = store.lock().unwrap();
        match seen.method.as_str() {
            "POST" => reply(202).header("Location", "/up/0").header("Range", "bytes=0-0"),
            "PATCH" if !seen.body.is_empty() => {
                kept.extend_from_slice(&seen.body);
                reply(202).header("Location", "/up/1").header("Range", format!("bytes=0-{}", kept.len() - 1))
            }
            "PATCH" => reply(202),
            _ => created(seen),
        }
    });
    let blob = noise(2500);
    let client = client();
    let options = UploadOptions { chunk_size: 1000 };
    let mut upload = client.start_upload(&call(&client), &repository(&server.host), &options).unwrap();
    upload.write(&blob).unwrap();
    upload.finish(None).unwrap();
    assert!(*kept.lock().unwrap() == blob);
}

// --- 2.5 lists, deletes ---

#[test]
fn pages_may_be_empty_but_not_for_ever() {
    let server = Server::start(|seen| match seen.number {
        0 => reply(200).header("Link", "</v2/a/b/tags/list?last=x>; rel=next").json(r#"{"tags":[]}"#),
        1 => reply(200).header("Link", "</v2/a/b/tags/list?last=y>; rel=next").json(r#"{"tags":["1"]}"#),
        _ => reply(200).json(r#"{"tags":null}"#),
    });
    let client = client();
    let tags = |server: &Server| {
        client.tags(&call(&client), &format!("{}/a/b", server.host), &TagsOptions::default()).map(|found| found.tags)
    };
    assert_eq!(tags(&server).unwrap(), ["1"]);
    for body in [r#"{"tags":[]}"#, r#"{"tags":["1","2"]}"#] {
        let endless = Server::start(move |seen| {
            let link = format!("</v2/a/b/tags/list?last={}>; rel=next", seen.number);
            reply(200).header("Link", link).json(body)
        });
        fails(tags(&endless), Code::Protocol, "in a row");
        assert!(endless.seen().len() < 110, "{}", endless.seen().len());
    }
}

#[test]
fn a_proxy_may_spell_the_scheme_of_a_link_wrong() {
    let server = Server::start(|seen| match seen.target.contains("last") {
        false => {
            let link = format!("<https://{}/v2/_catalog?last=a>; rel=\"next\"", seen.header("host").unwrap());
            reply(200).header("Link", link).json(r#"{"repositories":["a"]}"#)
        }
        true => reply(200).json(r#"{"repositories":["b"]}"#),
    });
    let client = client();
    let found = client.catalog(&call(&client), &server.host, &CatalogOptions::default()).unwrap();
    assert_eq!(found.repositories, ["a", "b"]);
}

#[test]
fn a_delete_that_cannot_be_done_says_so() {
    for (status, code) in
        [(405, Code::Unsupported), (501, Code::Unsupported), (400, Code::Unsupported), (404, Code::NotFound)]
    {
        let server = Server::start(move |_| errors(status, "X", "no"));
        let client = client();
        fails(client.delete_manifest(&call(&client), &tag(&server.host), &Default::default()), code, "no");
        let by_digest = client.delete_manifest(&call(&client), &at(&server.host, &digest(b"x")), &Default::default());
        fails(by_digest, if status == 400 { Code::Http } else { code }, "no");
    }
    for status in [200, 202, 204] {
        let server = Server::start(move |_| reply(status));
        let client = client();
        assert_eq!(client.delete_blob(&call(&client), &at(&server.host, &digest(b"x"))).unwrap().status, status);
    }
    // It was done; only the response was lost.
    let server = Server::start(|seen| if seen.number == 0 { lost() } else { reply(404) });
    let client = client();
    client.delete_manifest(&call(&client), &at(&server.host, &digest(b"x")), &WITHOUT_REFERRERS).unwrap();
}

#[test]
fn a_project_wide_catalog_needs_its_own_scope() {
    let server = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => match scopes(seen)[..] {
            [ref one] if one == "registry:catalog:*" => token("list"),
            _ => token("none"),
        },
        (_, Some("Bearer list")) => reply(200).json(r#"{"repositories":["a/b"]}"#),
        _ => bearer(seen, r#",scope="registry:catalog:*""#),
    });
    let client = client_for(&server.host);
    let found = client.catalog(&call(&client), &server.host, &CatalogOptions::default()).unwrap();
    assert_eq!(found.repositories, ["a/b"]);
}
