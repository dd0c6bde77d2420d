//! Lists of referrers: pages, filters, responses that are not lists, and registries without the API.

use ocireg::digest::Algorithm;
use ocireg::error::{Code, Result};
use ocireg::manifest::Descriptor;
use ocireg::place::Place;
use ocireg::reference::Reference;
use ocireg::registry::referrers::{Referrers, ReferrersOptions, ReferrersSource};
use ocireg::registry::{Client, RegistryStore};
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::Abilities;
use crate::server::*;
use crate::shelf::Shelf;

fn entry(number: u8, artifact_type: &str) -> Value {
    json!({"mediaType": MANIFEST_TYPE, "digest": digest(&[number]), "size": 1, "artifactType": artifact_type,
           "annotations": {"number": number.to_string()}})
}

fn index(entries: &[Value]) -> String {
    json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string()
}

fn page(entries: &[Value]) -> Reply {
    reply(200).header("Content-Type", INDEX_TYPE).body(index(entries))
}

fn list(client: &Client, server: &Server, options: ReferrersOptions) -> Result<Referrers> {
    client.referrers(&call(client), &at(&server.host, &digest(MANIFEST.as_bytes())), &options)
}

fn all(server: &Server) -> Result<Referrers> {
    list(&client(), server, ReferrersOptions::default())
}

fn of_type(artifact_type: &str) -> ReferrersOptions {
    ReferrersOptions { artifact_type: Some(artifact_type.to_owned()), ..ReferrersOptions::default() }
}

fn numbers(found: &Referrers) -> Vec<String> {
    let number = |entry: &Descriptor| entry.annotation("number").unwrap().to_owned();
    found.referrers.iter().map(number).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn every_page_is_read() {
    let server = Server::start(|seen| match seen.target.split_once("page=") {
        None => page(&[entry(1, "a/x"), entry(2, "a/y")]).header("Link", "<?page=2>; rel=\"next\""),
        Some((_, "2")) => page(&[entry(2, "a/y"), entry(3, "a/x")]).header("Link", "<?page=3>; rel=\"next\""),
        Some(_) => page(&[]),
    });
    let found = all(&server).unwrap();
    assert_eq!(
        (numbers(&found), found.source, found.truncated),
        (texts(&["1", "2", "3"]), ReferrersSource::Api, false)
    );
    assert_eq!(found.subject, digest(MANIFEST.as_bytes()));
    assert!(found.filters_applied.is_empty());
    assert_eq!(found.referrers[0].artifact_type.as_deref(), Some("a/x"));
    let seen = server.seen();
    assert_eq!((seen.len(), seen[0].header("accept")), (3, Some(INDEX_TYPE)));
    assert_eq!(seen[2].header("accept"), Some(INDEX_TYPE));
    assert_eq!(seen[0].target, format!("/v2/a/b/referrers/{}", found.subject));
}

#[test]
fn a_list_is_cut_at_its_most() {
    let server = Server::start(|seen| match seen.target.contains("page=2") {
        false => page(&[entry(1, "a/x"), entry(2, "a/x")]).header("Link", "<?page=2>; rel=\"next\""),
        true => page(&[entry(3, "a/x")]),
    });
    for (max, count, truncated, requests) in [(1, 1, true, 1), (2, 2, true, 1), (3, 3, false, 2), (9, 3, false, 2)] {
        let before = server.seen().len();
        let options = ReferrersOptions { max: Some(max), ..ReferrersOptions::default() };
        let found = list(&client(), &server, options).unwrap();
        assert_eq!((found.referrers.len(), found.truncated), (count, truncated), "{max}");
        assert_eq!(server.seen().len() - before, requests);
    }
    let bad = |options| fails(list(&client(), &server, options), Code::InvalidArgument, "the option");
    bad(ReferrersOptions { max: Some(0), ..Default::default() });
    bad(of_type(""));
    bad(ReferrersOptions { annotations: vec!["=x".to_owned()], ..Default::default() });
}

#[test]
fn filters_are_applied_here_unless_the_registry_says_it_did() {
    let entries = || [entry(1, "a/x"), entry(2, "a/y")];
    let ignores = Server::start(move |_| page(&entries()));
    let found = list(&client(), &ignores, of_type("a/y")).unwrap();
    assert_eq!((numbers(&found), found.filters_applied.len()), (texts(&["2"]), 0));
    assert!(ignores.seen()[0].target.ends_with("?artifactType=a%2Fy"));
    let other = Server::start(move |_| page(&entries()).header("OCI-Filters-Applied", "annotations"));
    let found = list(&client(), &other, of_type("a/y")).unwrap();
    assert_eq!((numbers(&found), found.filters_applied), (texts(&["2"]), texts(&["annotations"])));
    // A registry that filters may know a type that the descriptor does not show.
    let applies = Server::start(move |_| page(&entries()).header("OCI-Filters-Applied", "foo, artifactType"));
    let found = list(&client(), &applies, of_type("a/y")).unwrap();
    assert_eq!((numbers(&found), found.filters_applied), (texts(&["1", "2"]), texts(&["foo", "artifactType"])));
    for (annotations, expected) in
        [(&["number"][..], &["1", "2"][..]), (&["number=2"], &["2"]), (&["number=2", "more"], &[])]
    {
        let options = ReferrersOptions { annotations: texts(annotations), ..ReferrersOptions::default() };
        assert_eq!(numbers(&list(&client(), &ignores, options).unwrap()), expected);
    }
}

/// A response that is not meant as an index comes from something that does not know this path: the referrers tag has
/// the list.
#[test]
fn what_is_meant_as_no_index_is_no_api() {
    for (status, kind, body) in [
        (200, "application/json", "{}"),
        (200, "application/json", "null"),
        (200, "application/json", r#"{"errors":[]}"#),
        (200, "application/json", "<html>"),
        (200, "", ""),
        (200, "text/plain", "ok"),
        (200, MANIFEST_TYPE, MANIFEST),
        (410, "", ""),
        (415, "", ""),
        (422, "", ""),
        (501, "", ""),
    ] {
        let server = Server::start(move |seen| match seen.path().contains("/referrers/") {
            true => reply(status).header("Content-Type", kind).body(body),
            false => page(&[entry(1, "a/x")]),
        });
        let found = all(&server).unwrap_or_else(|error| panic!("{status} {kind} {body}: {error}"));
        assert_eq!((numbers(&found), found.source), (texts(&["1"]), ReferrersSource::Tag), "{status} {kind} {body}");
    }
}

#[test]
fn what_is_no_list_of_descriptors_is_refused() {
    let descriptor = |change: fn(&mut Value)| {
        let mut bad = entry(1, "a/x");
        change(&mut bad);
        index(&[bad])
    };
    for body in [
        MANIFEST.to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "nothing".to_owned(),
        String::new(),
        r#"{"schemaVersion":2,"manifests":{}}"#.to_owned(),
        index(&[json!("x")]),
        descriptor(|entry| entry["digest"] = "sha256:../../x".into()),
        descriptor(|entry| entry["size"] = (-1).into()),
        descriptor(|entry| entry["size"] = u64::MAX.into()),
        descriptor(|entry| drop(entry.as_object_mut().unwrap().remove("mediaType"))),
        descriptor(|entry| entry["annotations"] = json!({"number": 1})),
        index(&[]).replace("\"manifests\"", "\"manifests\":[],\"manifests\""),
    ] {
        let shown = body.clone();
        let server = Server::start(move |_| reply(200).header("Content-Type", INDEX_TYPE).body(&body));
        let error = all(&server).err().unwrap_or_else(|| panic!("{shown} was accepted"));
        assert_eq!(error.code(), Code::Protocol, "{shown}: {error}");
        assert_eq!(server.count("GET", "manifests"), 0, "{shown}");
    }
    let list = Server::start(|_| {
        let list = "application/vnd.docker.distribution.manifest.list.v2+json";
        reply(200).header("Content-Type", list).body(index(&[]).replace(INDEX_TYPE, list))
    });
    fails(all(&list), Code::Protocol, "not an image index");
    // Some registries write an empty list as null.
    let null = Server::start(|_| reply(200).json(r#"{"schemaVersion":2,"manifests":null}"#));
    assert_eq!(all(&null).unwrap().source, ReferrersSource::Api);
}

#[test]
fn links_that_go_round_or_away_are_refused() {
    let round = Server::start(|seen| page(&[]).header("Link", format!("<{}>; rel=next", seen.target)));
    fails(all(&round), Code::Protocol, "loop");
    let away = Server::start(|_| page(&[]).header("Link", "<http://evil.example/v2/>; rel=next"));
    fails(all(&away), Code::Protocol, "evil.example");
    let huge = Server::start(|_| reply(200).header("Content-Length", 64 << 20).then(Then::Close));
    fails(all(&huge), Code::LimitExceeded, "page");
}

#[test]
fn pages_may_be_empty_but_not_for_ever() {
    for found in [vec![], vec![entry(1, "a/x")]] {
        let endless =
            Server::start(move |seen| page(&found).header("Link", format!("<?page={}>; rel=next", seen.number)));
        for options in [ReferrersOptions::default(), of_type("a/y")] {
            let before = endless.seen().len();
            fails(list(&client(), &endless, options), Code::Protocol, "in a row");
            assert!(endless.seen().len() - before < 110, "{}", endless.seen().len());
        }
    }
    let some = Server::start(|seen| match seen.number {
        0..50 => page(&[]).header("Link", format!("<?page={}>; rel=next", seen.number)),
        _ => page(&[entry(1, "a/x")]),
    });
    assert_eq!(numbers(&all(&some).unwrap()), texts(&["1"]));
}

fn without_api(status: u16) -> Server {
    Server::start(move |seen| match seen.path().contains("/referrers/") {
        true if status == 200 => reply(200).header("Content-Type", "text/html; charset=utf-8").body("<html>"),
        true => reply(status),
        false => page(&[entry(1, "a/x"), entry(2, "a/y"), entry(1, "a/x")]),
    })
}

#[test]
fn without_the_api_the_tag_is_read() {
    for status in [404, 400, 405, 406, 200] {
        let server = without_api(status);
        let client = client();
        let found = list(&client, &server, of_type("a/x")).unwrap();
        assert_eq!((numbers(&found), found.source), (texts(&["1"]), ReferrersSource::Tag), "{status}");
        let tag = format!("/v2/a/b/manifests/sha256-{}", digest(MANIFEST.as_bytes()).hex());
        assert_eq!(server.seen()[1].target, tag);
        // The result of one probe is remembered.
        assert_eq!(list(&client, &server, ReferrersOptions::default()).unwrap().referrers.len(), 2);
        assert_eq!((server.seen().len(), server.count("GET", "/referrers/")), (3, 1));
        let other = ocireg::reference::Reference::parse(
            &format!("{}/other@{}", server.host, digest(MANIFEST.as_bytes())),
            None,
        );
        client.referrers(&call(&client), &other.unwrap(), &ReferrersOptions::default()).unwrap();
        assert_eq!(server.count("GET", "/referrers/"), 2);
    }
    for status in [401, 403, 500] {
        let server = Server::start(move |_| reply(status));
        assert!(all(&server).is_err(), "{status}");
        assert_eq!(server.count("GET", "/manifests/"), 0);
    }
}

#[test]
fn a_refusal_that_may_be_about_the_name_is_not_remembered() {
    let server = Server::start(|_| reply(404).json(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}"#));
    let client = client();
    for count in [1, 2] {
        let found = list(&client, &server, ReferrersOptions::default()).unwrap();
        assert_eq!((found.source, found.referrers.len()), (ReferrersSource::None, 0));
        assert_eq!(server.count("GET", "/referrers/"), count);
    }
}

#[test]
fn the_tag_must_be_a_list_too() {
    for (status, body, code) in [
        (200, r#"{"schemaVersion":2,"manifests":[{"mediaType":"x"}]}"#, Code::Protocol),
        (403, "", Code::Forbidden),
        (500, "", Code::Server),
    ] {
        let server = Server::start(move |seen| match seen.path().contains("/referrers/") {
            true => reply(404),
            false => reply(status).body(body),
        });
        fails(all(&server), code, "");
    }
}

/// Some registries interpret the tag as the digest in it, and return the subject itself; or an image happens to have
/// this tag.
#[test]
fn what_is_no_list_lists_nothing() {
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
        {"mediaType": MANIFEST_TYPE, "digest": digest(MANIFEST.as_bytes()), "size": MANIFEST.len()}]})
    .to_string();
    let null = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null}"#;
    for (subject, body, source) in [
        (MANIFEST, MANIFEST, ReferrersSource::None),
        (index.as_str(), index.as_str(), ReferrersSource::None),
        (index.as_str(), MANIFEST, ReferrersSource::None),
        (MANIFEST, null, ReferrersSource::Tag),
        (MANIFEST, "<html>", ReferrersSource::None),
        (MANIFEST, "", ReferrersSource::None),
        (MANIFEST, "null", ReferrersSource::None),
        (MANIFEST, "[]", ReferrersSource::None),
        (MANIFEST, r#"{"schemaVersion":2}"#, ReferrersSource::None),
    ] {
        let body = body.to_owned();
        let shown = body.clone();
        let server = Server::start(move |seen| match seen.path().contains("/referrers/") {
            true => reply(404),
            false => reply(200).body(&body),
        });
        for subject in [digest(subject.as_bytes()), Algorithm::Sha512.digest(subject.as_bytes())] {
            let client = client();
            let reference = at(&server.host, &subject);
            let found = client.referrers(&call(&client), &reference, &ReferrersOptions::default());
            let found = found.unwrap_or_else(|error| panic!("{shown}: {error}"));
            assert_eq!((found.source, found.referrers.len()), (source, 0), "{shown}");
        }
    }
}

/// GitLab has no referrers API, and interprets the tag as the digest in it.
#[test]
fn a_copy_from_gitlab_goes_on_without_referrers() {
    let source = Shelf::start(Abilities::default());
    let entries = [source.image("amd64"), source.image("arm64")];
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries});
    let root = source.manifest("v1", &index);
    for entry in entries.iter().chain([&root]) {
        let digest = entry["digest"].as_str().unwrap().to_owned();
        source.registry.manifests.lock().unwrap().tags.insert(digest.replace(':', "-"), digest);
    }
    let folder = tempfile::tempdir().unwrap();
    for platform in [vec![], vec!["linux/arm64".to_owned()]] {
        let to = Shelf::start(Abilities::default());
        let client = client();
        let from = Reference::parse(&format!("{}/a/b:v1", source.host()), None).unwrap();
        let from = RegistryStore::new(&client, from);
        let options = CopyOptions { referrers: true, platform: platform.clone(), ..CopyOptions::default() };
        let copied = copy(&call(&client), &from, &RegistryStore::new(&client, tag(to.host())), &options).unwrap();
        assert_eq!(copied.manifests["referrers"], 0);
        let wanted = if platform.is_empty() { &root } else { &entries[1] };
        assert_eq!((to.registry.tags(), to.tag("t").as_deref()), (vec!["t".to_owned()], wanted["digest"].as_str()));
        let layout = format!("oci:{}:v{}", folder.path().display(), platform.len());
        let layout = Place::parse(&layout).unwrap().destination(&client).unwrap();
        assert_eq!(copy(&call(&client), &from, &*layout, &options).unwrap().manifests["referrers"], 0);
    }
}

#[test]
fn a_404_on_a_later_page_is_an_error() {
    let server = Server::start(|seen| match seen.target.contains("page=2") {
        false => page(&[entry(1, "a/x")]).header("Link", "<?page=2>; rel=next"),
        true => reply(404),
    });
    fails(all(&server), Code::NotFound, "list the referrers");
    assert_eq!(server.count("GET", "/manifests/"), 0);
}

#[test]
fn a_tag_is_resolved_first() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
            .body(MANIFEST),
        _ => page(&[entry(1, "a/x")]),
    });
    let client = client();
    let found = client.referrers(&call(&client), &tag(&server.host), &ReferrersOptions::default()).unwrap();
    assert_eq!((found.subject, found.referrers.len()), (digest(MANIFEST.as_bytes()), 1));
    assert_eq!(server.seen()[0].target, "/v2/a/b/manifests/t");
}
