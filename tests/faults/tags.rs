//! Tags: several set in one request, and one deleted without its manifest.

use ocireg::error::{Code, Error};
use ocireg::reference::Reference;
use ocireg::registry::delete_tag::{DeleteTagOptions, DeletedTag, ManifestFate};
use ocireg::registry::manifest::PutOptions;

use crate::common::*;
use crate::registry::Abilities;
use crate::registry::Registry;
use crate::server::*;

fn put_tags(registry: &Registry, reference: &str, tags: &[&str]) -> Result<Vec<String>, Error> {
    let client = client();
    let reference = Reference::parse(&format!("{}/a/b{reference}", registry.server.host), None).unwrap();
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let options = PutOptions { tags, ..PutOptions::default() };
    client.put_manifest(&call(&client), &reference, MANIFEST.as_bytes(), &options).map(|put| put.tags)
}

#[test]
fn several_tags_are_one_request_where_the_registry_can() {
    let pinned = format!("@{}", digest(MANIFEST.as_bytes()));
    for (at_once, requests) in [(9, 1), (2, 2), (0, 4)] {
        let registry = Registry::start(Abilities { tags_at_once: at_once, ..Abilities::default() });
        assert_eq!(put_tags(&registry, &pinned, &["x", "y", "x", "z"]).unwrap(), ["x", "y", "z"]);
        assert_eq!((registry.tags().join(" "), registry.server.seen().len()), ("x y z".to_owned(), requests));
        assert!(registry.server.seen()[0].target.ends_with(&format!("{}?tag=x&tag=y&tag=z", &pinned[1..])));
    }
    let registry = Registry::start(Abilities { tags_at_once: 9, ..Abilities::default() });
    assert_eq!(put_tags(&registry, ":own", &["x"]).unwrap(), ["own", "x"]);
    assert_eq!(registry.tags(), ["own", "x"]);
    // One header may hold several.
    let joined = Server::start(|seen| created(seen).header("OCI-Tag", "x , y"));
    let joined = Registry { server: joined, manifests: Default::default() };
    assert_eq!(put_tags(&joined, &pinned, &["x", "y"]).unwrap(), ["x", "y"]);
    assert_eq!(joined.server.seen().len(), 1);
    fails(put_tags(&joined, &pinned, &["x", "-y"]), Code::InvalidArgument, "-y");
}

#[test]
fn a_query_that_is_refused_is_left_out() {
    let pinned = format!("@{}", digest(MANIFEST.as_bytes()));
    for status in [400, 405, 414, 431] {
        let registry =
            Registry::with(Abilities::default(), move |seen, _| seen.target.contains('?').then(|| reply(status)));
        assert_eq!(put_tags(&registry, &pinned, &["x", "y"]).unwrap(), ["x", "y"]);
        assert_eq!((registry.tags().join(" "), registry.server.seen().len()), ("x y".to_owned(), 4), "{status}");
    }
    let refuses = Registry::with(Abilities::default(), |_, _| Some(reply(403)));
    fails(put_tags(&refuses, &pinned, &["x"]), Code::Forbidden, "");
    assert_eq!(refuses.server.seen().len(), 1);
    let one = Registry::with(Abilities::default(), |seen, _| seen.path().ends_with("/y").then(|| reply(409)));
    fails(put_tags(&one, &pinned, &["x", "y"]), Code::Http, "is stored, but the tag y is not set; set already: x:");
}

#[test]
fn a_web_page_deletes_nothing() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "DELETE" => reply(200).header("Content-Type", "text/html; charset=utf-8").body("<html>"),
        _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
    });
    let (client, digested) = (client(), at(&server.host, &digest(MANIFEST.as_bytes())));
    let call = call(&client);
    fails(client.delete_tag(&call, &tag(&server.host), &DeleteTagOptions::default()), Code::Protocol, "a web page");
    fails(client.delete_manifest(&call, &digested, &Default::default()), Code::Protocol, "a web page");
    fails(client.delete_blob(&call, &digested), Code::Protocol, "a web page");
}

fn untag(registry: &Registry, options: DeleteTagOptions) -> Result<DeletedTag, Error> {
    let client = client();
    client.delete_tag(&call(&client), &tag(&registry.server.host), &options)
}

fn tagged(abilities: Abilities) -> Registry {
    let registry = Registry::start(abilities);
    for name in ["t", "same"] {
        registry.manifests.lock().unwrap().put(name, MANIFEST_TYPE, MANIFEST.as_bytes());
    }
    registry.manifests.lock().unwrap().put(
        "other",
        "application/vnd.oci.image.index.v1+json",
        br#"{"schemaVersion":2,"manifests":[]}"#,
    );
    registry
}

#[test]
fn a_tag_is_deleted_alone() {
    let registry = tagged(Abilities { tag_delete: true, ..Abilities::default() });
    let found = untag(&registry, DeleteTagOptions { list_others: true, ..DeleteTagOptions::default() }).unwrap();
    assert_eq!(
        (found.tag.as_str(), found.status, found.manifest, found.replaced),
        ("t", Some(202), ManifestFate::Kept, false)
    );
    assert_eq!((found.digest, found.other_tags), (digest(MANIFEST.as_bytes()), Some(vec!["same".to_owned()])));
    assert_eq!(registry.tags(), ["other", "same"]);
    let gone = fails(untag(&registry, DeleteTagOptions::default()), Code::NotFound, "manifest unknown");
    assert_eq!(gone.http_status(), Some(404));
    let client = client();
    let by_digest = at(&registry.server.host, &digest(b"x"));
    fails(
        client.delete_tag(&call(&client), &by_digest, &DeleteTagOptions::default()),
        Code::InvalidReference,
        "no tag",
    );
    let both = Reference::parse(&format!("{}/a/b:same@{}", registry.server.host, digest(b"x")), None).unwrap();
    fails(client.delete_tag(&call(&client), &both, &DeleteTagOptions::default()), Code::DigestMismatch, "names");
    assert_eq!(registry.server.count("DELETE", ""), 1);
}

#[test]
fn a_tag_that_takes_its_manifest_along_is_noticed() {
    let registry = tagged(Abilities { tag_delete_of_all: true, ..Abilities::default() });
    let client = client();
    let (context, call) = with_context(&client);
    let found = client.delete_tag(&call, &tag(&registry.server.host), &DeleteTagOptions::default()).unwrap();
    assert_eq!(found.manifest, ManifestFate::Restored);
    assert_eq!(registry.tags(), ["other"]);
    assert!(context.warnings()[0].text.contains("as far as list_others"), "{:?}", context.warnings());
    assert!(registry.json(found.digest.as_str()).is_some());
    let registry = tagged(Abilities { tag_delete_of_all: true, ..Abilities::default() });
    let (context, call) = with_context(&client);
    let listed = DeleteTagOptions { list_others: true, ..DeleteTagOptions::default() };
    client.delete_tag(&call, &tag(&registry.server.host), &listed).unwrap();
    assert_eq!((registry.tags(), context.warnings().len()), (vec!["other".to_owned(), "same".to_owned()], 0));
}

#[test]
fn a_registry_that_does_not_say_what_it_did_is_not_believed() {
    let registry = Registry::with(Abilities { tag_delete: true, ..Abilities::default() }, |seen, _| {
        (seen.method == "HEAD").then(|| reply(403))
    });
    registry.manifests.lock().unwrap().put("t", MANIFEST_TYPE, MANIFEST.as_bytes());
    assert_eq!(untag(&registry, DeleteTagOptions::default()).unwrap().manifest, ManifestFate::Unknown);
    let broken = tagged(Abilities { tag_delete: true, ..Abilities::default() });
    broken.manifests.lock().unwrap().put("t", MANIFEST_TYPE, b"{\"schemaVersion\":2}");
    assert_eq!(untag(&broken, DeleteTagOptions::default()).unwrap().manifest, ManifestFate::Kept);
    assert_eq!(broken.tags(), ["other", "same"]);
}

#[test]
fn a_registry_that_deletes_no_tag_says_so() {
    let registry = tagged(Abilities { delete: true, ..Abilities::default() });
    let error =
        fails(untag(&registry, DeleteTagOptions { list_others: true, ..Default::default() }), Code::Unsupported, "");
    let hint = error.to_json()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("also that of same") && hint.contains("replace"), "{hint}");
    assert_eq!(registry.tags(), ["other", "same", "t"]);
    // It can with a placeholder.
    let found = untag(&registry, DeleteTagOptions { replace: true, ..Default::default() }).unwrap();
    assert_eq!((found.replaced, found.manifest), (true, ManifestFate::Kept));
    assert_eq!(registry.tags(), ["other", "same"]);
    // Unless it deletes nothing, or keeps the tag: then the tag is unchanged.
    for abilities in [Abilities::default(), Abilities { delete: true, tags_stay: true, ..Abilities::default() }] {
        let registry = tagged(abilities);
        fails(untag(&registry, DeleteTagOptions { replace: true, ..Default::default() }), Code::Unsupported, "");
        assert_eq!(registry.json("t").unwrap()["config"]["size"], 2);
    }
}
