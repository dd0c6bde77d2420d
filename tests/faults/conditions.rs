//! Tags that are set only if they refer to nothing, or to what the caller has seen: at registries that look at conditions, and at
//! those that do not.

use std::sync::atomic::{AtomicUsize, Ordering};

use ocireg::error::{Code, Error};
use ocireg::image::append::AppendOptions;
use ocireg::image::tag::{tag as tag_image, TagOptions};
use ocireg::place::{append, copy as copy_places, Place};
use ocireg::reference::Reference;
use ocireg::registry::manifest::{PutManifest, PutOptions};
use ocireg::registry::{Client, RegistryStore};
use ocireg::store::condition::{ConditionCheck, NameOptions};
use ocireg::transfer::copy::{copy, Copied, CopyOptions};
use serde_json::json;

use crate::common::*;
use crate::memory::Memory;
use crate::registry::{Abilities, Manifests, Registry};
use crate::server::*;

/// Another manifest, which another client puts.
pub const OTHER: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

pub fn conditions(given: bool) -> Abilities {
    Abilities { conditions: given, ..Abilities::default() }
}

pub fn exists(what: &str) -> NameOptions {
    NameOptions { if_exists: Some(what.to_owned()), ..NameOptions::default() }
}

pub fn refers_to(manifest: &str) -> NameOptions {
    NameOptions { if_digest: Some(digest(manifest.as_bytes())), ..NameOptions::default() }
}

pub fn by_other(manifests: &mut Manifests, name: &str) {
    manifests.put(name, INDEX_TYPE, OTHER.as_bytes());
}

pub fn set(registry: &Registry, name: &str) {
    by_other(&mut registry.manifests.lock().unwrap(), name);
}

pub fn put_by(
    client: &Client,
    registry: &Registry,
    name: &str,
    tags: &[&str],
    names: NameOptions,
) -> Result<PutManifest, Error> {
    let reference = Reference::parse(&format!("{}/a/b{name}", registry.server.host), None).unwrap();
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let options = PutOptions { tags, names, ..PutOptions::default() };
    client.put_manifest(&call(client), &reference, MANIFEST.as_bytes(), &options)
}

pub fn put(registry: &Registry, name: &str, tags: &[&str], names: NameOptions) -> Result<PutManifest, Error> {
    put_by(&client(), registry, name, tags, names)
}

pub fn refers(registry: &Registry, name: &str) -> Option<String> {
    registry.manifests.lock().unwrap().tags.get(name).cloned()
}

pub fn ours() -> Option<String> {
    Some(digest(MANIFEST.as_bytes()).to_string())
}

pub fn others() -> Option<String> {
    Some(digest(OTHER.as_bytes()).to_string())
}

/// What the error says that the tag refers to.
#[track_caller]
pub fn is_conflict<T>(outcome: Result<T, Error>, name: &str, refers: Option<String>) {
    let error = fails(outcome, Code::DigestMismatch, name);
    assert_eq!(error.to_json()["conflict"], json!({"name": name, "digest": refers}), "{error}");
}

#[test]
fn a_tag_is_set_while_it_is_free() {
    for (can, seen_to) in [(true, ConditionCheck::Registry), (false, ConditionCheck::Looked)] {
        for what in ["fail", "skip"] {
            let registry = Registry::start(conditions(can));
            let found = put(&registry, ":t", &[], exists(what)).unwrap();
            assert_eq!((found.tags.join(" "), found.skipped.len()), ("t".to_owned(), 0));
            assert_eq!((found.condition, refers(&registry, "t")), (Some(seen_to), ours()));
        }
        let registry = Registry::start(conditions(can));
        set(&registry, "t");
        is_conflict(put(&registry, ":t", &[], exists("fail")), "t", others());
        let found = put(&registry, ":t", &[], exists("skip")).unwrap();
        assert_eq!((found.tags.len(), found.skipped.join(" "), found.condition), (0, "t".to_owned(), None));
        // Nothing is written for it, not even by its digest.
        assert_eq!((registry.server.count("PUT", ""), refers(&registry, "t")), (0, others()));
        // The same manifest is one too: the first client has it.
        let twice = Registry::start(conditions(can));
        put(&twice, ":t", &[], exists("fail")).unwrap();
        is_conflict(put(&twice, ":t", &[], exists("fail")), "t", ours());
    }
}

#[test]
fn a_tag_is_moved_while_it_refers_to_what_was_seen() {
    for (can, seen_to) in [(true, ConditionCheck::Registry), (false, ConditionCheck::Looked)] {
        let registry = Registry::start(conditions(can));
        is_conflict(put(&registry, ":t", &[], refers_to(OTHER)), "t", None);
        set(&registry, "t");
        is_conflict(put(&registry, ":t", &[], refers_to(MANIFEST)), "t", others());
        assert_eq!(registry.server.count("PUT", ""), 0);
        let found = put(&registry, ":t", &[], refers_to(OTHER)).unwrap();
        assert_eq!((found.condition, refers(&registry, "t")), (Some(seen_to), ours()));
    }
}

#[test]
fn each_of_several_tags_is_looked_at() {
    for can in [true, false] {
        let registry = Registry::start(Abilities { tags_at_once: 9, ..conditions(can) });
        set(&registry, "b");
        is_conflict(put(&registry, "", &["a", "b", "c"], exists("fail")), "b", others());
        assert_eq!(registry.tags(), ["b"], "none is set when one may not be");
        let found = put(&registry, "", &["a", "b", "c"], exists("skip")).unwrap();
        assert_eq!((found.tags.join(" "), found.skipped.join(" ")), ("a c".to_owned(), "b".to_owned()));
        assert_eq!((registry.tags().join(" "), refers(&registry, "b")), ("a b c".to_owned(), others()));
    }
}

/// At which request something happens.
type When = fn(&Seen) -> bool;

/// A registry where another client sets the tag `t` when `when` says so.
fn race(can: bool, before: bool, when: When) -> Registry {
    let set = AtomicUsize::new(0);
    let registry = Registry::with(conditions(can), move |seen, manifests| {
        if when(seen) && set.fetch_add(1, Ordering::Relaxed) == 0 {
            by_other(manifests, "t");
        }
        None
    });
    if before {
        registry.manifests.lock().unwrap().put("t", MANIFEST_TYPE, referrer(&digest(b"x"), 1).as_bytes());
    }
    registry
}

#[test]
fn who_was_faster_is_not_overwritten() {
    let by_digest = |seen: &Seen| seen.method == "PUT" && seen.path().contains("sha256:");
    // At the very moment: where the registry looks at conditions.
    let at_last = |seen: &Seen| seen.method == "PUT" && seen.path().ends_with("/t");
    let cases: [(bool, When); 3] = [(true, by_digest), (false, by_digest), (true, at_last)];
    for (can, when) in cases {
        is_conflict(put(&race(can, false, when), ":t", &[], exists("fail")), "t", others());
        let before = referrer(&digest(b"x"), 1);
        let registry = race(can, true, when);
        is_conflict(put(&registry, ":t", &[], refers_to(&before)), "t", others());
        assert_eq!(refers(&registry, "t"), others());
        let registry = race(can, false, when);
        let found = put(&registry, ":t", &[], exists("skip")).unwrap();
        assert_eq!((found.skipped.join(" "), found.tags.len(), refers(&registry, "t")), ("t".to_owned(), 0, others()));
    }
}

#[test]
fn whether_a_registry_looks_at_conditions_is_asked_once() {
    for can in [true, false] {
        let (registry, client) = (Registry::start(conditions(can)), client());
        for (name, most) in [(":one", 7), (":two", 6)] {
            let before = registry.server.seen().len();
            put_by(&client, &registry, name, &[], exists("fail")).unwrap();
            // Two looks, each a HEAD that finds nothing and is asked again by GET; and by digest, and by tag.
            let now = registry.server.seen().len() - before;
            assert!(now <= most, "{can} {name}: {now}");
        }
        let impossible = registry.server.seen().into_iter().filter(|seen| seen.path().contains("sha256:"));
        assert_eq!(impossible.filter(|seen| seen.header("if-none-match").is_some()).count(), 1);
    }
}

/// Before anything is written, and just before the tag is set: no more looks than that where nothing has to be found out.
#[test]
fn a_tag_that_must_refer_to_something_is_looked_at_twice() {
    for can in [true, false] {
        let (registry, client) = (Registry::start(conditions(can)), client());
        put_by(&client, &registry, ":t", &[], NameOptions::default()).unwrap();
        let looks = || registry.server.count("HEAD", "/manifests/t");
        for most in [3, 2] {
            let before = looks();
            put_by(&client, &registry, ":t", &[], refers_to(MANIFEST)).unwrap();
            assert!(looks() - before <= most, "{can}: {}", looks() - before);
        }
    }
}

#[test]
fn an_answer_that_is_lost_is_no_conflict() {
    for can in [true, false] {
        let lost = AtomicUsize::new(0);
        let registry = Registry::with(conditions(can), move |seen, manifests| {
            let first =
                seen.method == "PUT" && seen.path().ends_with("/t") && lost.fetch_add(1, Ordering::Relaxed) == 0;
            first.then(|| {
                manifests.put("t", MANIFEST_TYPE, &seen.body);
                reply(201).lost().then(Then::Reset)
            })
        });
        put(&registry, ":t", &[], exists("fail")).unwrap();
        // A gateway gave up, but the registry had done it: the second try is refused for the first.
        let lost = AtomicUsize::new(0);
        let registry = Registry::with(conditions(can), move |seen, manifests| {
            let first =
                seen.method == "PUT" && seen.path().ends_with("/t") && lost.fetch_add(1, Ordering::Relaxed) == 0;
            first.then(|| {
                manifests.put("t", MANIFEST_TYPE, &seen.body);
                reply(504)
            })
        });
        let found = put(&registry, ":t", &[], exists("fail")).unwrap();
        assert_eq!((found.tags.join(" "), refers(&registry, "t")), ("t".to_owned(), ours()));
    }
    // Lost, and another client was faster than the next try.
    let registry = Registry::with(conditions(false), |seen, manifests| {
        (seen.method == "PUT" && seen.path().ends_with("/t")).then(|| {
            by_other(manifests, "t");
            reply(201).lost().then(Then::Reset)
        })
    });
    is_conflict(put(&registry, ":t", &[], exists("fail")), "t", others());
}

#[test]
fn a_refusal_for_another_reason_stays_what_it_is() {
    for status in [409, 412] {
        let registry = Registry::with(conditions(true), move |seen, _| {
            (seen.method == "PUT" && seen.path().ends_with("/t")).then(|| reply(status))
        });
        let error = fails(put(&registry, ":t", &[], exists("fail")), Code::Http, "the tag t");
        assert_eq!((error.http_status(), error.conflict()), (Some(status), None));
    }
    // What may not be read cannot be looked at.
    let hidden = Registry::with(conditions(false), |seen, _| (seen.method != "PUT").then(|| reply(403)));
    fails(put(&hidden, ":t", &[], exists("skip")), Code::Forbidden, "the tag t");
    assert_eq!(hidden.server.count("PUT", ""), 0);
}

#[test]
fn conditions_that_make_no_sense_are_refused() {
    let registry = Registry::start(conditions(false));
    let pinned = format!("@{}", digest(MANIFEST.as_bytes()));
    fails(put(&registry, ":t", &[], exists("maybe")), Code::InvalidArgument, "if_exists");
    fails(put(&registry, &pinned, &[], exists("skip")), Code::InvalidArgument, "about tags");
    fails(put(&registry, &pinned, &[], refers_to(OTHER)), Code::InvalidArgument, "about tags");
    let both = NameOptions { if_exists: Some("skip".to_owned()), ..refers_to(OTHER) };
    fails(put(&registry, ":t", &[], both), Code::InvalidArgument, "exclude");
    assert!(registry.server.seen().is_empty());
}

#[test]
fn a_bare_repository_stands_for_latest_only_without_tags() {
    let registry = Registry::start(Abilities { tags_at_once: 9, ..Abilities::default() });
    let plain = NameOptions::default;
    assert_eq!(put(&registry, "", &["x", "y"], plain()).unwrap().tags, ["x", "y"]);
    assert_eq!(registry.tags(), ["x", "y"]);
    assert_eq!(put(&registry, ":latest", &["z"], plain()).unwrap().tags, ["latest", "z"]);
    let other = Registry::start(Abilities::default());
    assert_eq!(put(&other, "", &[], plain()).unwrap().tags, ["latest"]);
    assert_eq!(put(&other, ":own", &["x"], plain()).unwrap().tags, ["own", "x"]);
    assert_eq!(other.tags(), ["latest", "own", "x"]);
}

/// A registry that has all blobs.
fn full(abilities: Abilities) -> Registry {
    Registry::with(abilities, |seen, _| (seen.method == "HEAD" && seen.path().contains("/blobs/")).then(|| reply(200)))
}

fn push(registry: &Registry, names: NameOptions) -> Result<Copied, Error> {
    let client = client();
    let to = RegistryStore::new(&client, tag(&registry.server.host));
    let options = CopyOptions { names, ..CopyOptions::default() };
    copy(&call(&client), &Memory::new(&[noise(1000)]), &to, &options)
}

#[test]
fn a_copy_leaves_a_tag_that_is_there() {
    for (can, seen_to) in [(true, ConditionCheck::Registry), (false, ConditionCheck::Looked)] {
        let registry = full(conditions(can));
        set(&registry, "t");
        let found = push(&registry, exists("skip")).unwrap();
        assert_eq!((found.skipped.join(" "), Some(found.digest.to_string())), ("t".to_owned(), others()));
        assert_eq!((&found.manifests["copied"], &found.blobs["total"]), (&json!(0), &json!(0)));
        is_conflict(push(&registry, exists("fail")), "t", others());
        is_conflict(push(&registry, refers_to(MANIFEST)), "t", others());
        // One HEAD each, and nothing else.
        assert_eq!(registry.server.seen().len(), 3);
        let found = push(&registry, refers_to(OTHER)).unwrap();
        assert_eq!((found.skipped.len(), found.condition), (0, Some(seen_to)));
        assert_eq!(refers(&registry, "t"), Some(found.digest.to_string()));
        // It is there as it should be: nothing has to be set.
        let again = push(&registry, NameOptions { if_digest: Some(found.digest), ..NameOptions::default() }).unwrap();
        assert_eq!((again.condition, &again.manifests["copied"]), (Some(ConditionCheck::Looked), &json!(0)));
        let free = full(conditions(can));
        assert_eq!(push(&free, exists("skip")).unwrap().condition, Some(seen_to));
    }
}

#[test]
fn a_source_is_not_asked_for_what_is_not_copied() {
    let (from, to) = (full(Abilities::default()), full(Abilities::default()));
    set(&to, "t");
    let place = |registry: &Registry| Place::parse(&format!("{}/a/b:t", registry.server.host)).unwrap();
    let options = CopyOptions { names: exists("skip"), ..CopyOptions::default() };
    let client = client();
    let found = copy_places(&client, &call(&client), &place(&from), &place(&to), &options).unwrap();
    assert_eq!((found.skipped.join(" "), from.server.seen().len()), ("t".to_owned(), 0));
    let rehearsed = CopyOptions { dry_run: true, ..options };
    let found = copy_places(&client, &call(&client), &place(&from), &place(&to), &rehearsed).unwrap();
    assert_eq!((found.skipped.join(" "), from.server.seen().len()), ("t".to_owned(), 0));
}

#[test]
fn a_tag_for_an_image_that_is_there() {
    for (can, seen_to) in [(true, ConditionCheck::Registry), (false, ConditionCheck::Looked)] {
        let registry = full(conditions(can));
        registry.manifests.lock().unwrap().put("t", MANIFEST_TYPE, MANIFEST.as_bytes());
        set(&registry, "taken");
        let client = client();
        let name = |text: &str| Reference::parse(&format!("{}/{text}", registry.server.host), None).unwrap();
        let tagged = |to: &str, near: bool, names: NameOptions| {
            let (from, to) = (RegistryStore::new(&client, name("a/b:t")), RegistryStore::new(&client, name(to)));
            tag_image(&call(&client), &from, &to, near, &TagOptions { names, ..TagOptions::default() })
        };
        for (place, near) in [("a/b", true), ("c/d", false)] {
            let found = tagged(&format!("{place}:free{near}"), near, exists("fail")).unwrap();
            assert_eq!((found.condition, found.skipped.len()), (Some(seen_to), 0));
            is_conflict(tagged(&format!("{place}:taken"), near, exists("fail")), "taken", others());
            assert_eq!(tagged(&format!("{place}:taken"), near, exists("skip")).unwrap().skipped, ["taken"]);
        }
        assert_eq!(refers(&registry, "taken"), others());
        tagged("a/b:taken", true, refers_to(OTHER)).unwrap();
        assert_eq!(refers(&registry, "taken"), ours());
    }
}

#[test]
fn names_in_layouts_directories_and_archives() {
    let folder = tempfile::tempdir().unwrap();
    let at = |text: &str| text.replacen('/', &format!("{}/", folder.path().display()), 1);
    let client = client();
    let copied = |layer: usize, to: &str, names: NameOptions| {
        let to = Place::parse(&at(to)).unwrap().destination(&client).unwrap();
        let options = CopyOptions { names, ..CopyOptions::default() };
        copy(&call(&client), &Memory::new(&[noise(layer)]), to.as_ref(), &options)
    };
    for (to, seen_to) in [
        ("oci:/layout:v1", ConditionCheck::Locked),
        ("oci-archive:/a.tar:v1", ConditionCheck::Looked),
        ("docker-archive:/d.tar:x/y:v1", ConditionCheck::Looked),
        ("dir:/directory", ConditionCheck::Looked),
    ] {
        let first = copied(100, to, exists("fail")).unwrap();
        assert_eq!((first.condition, first.skipped.len()), (Some(seen_to), 0), "{to}");
        let error = fails(copied(200, to, exists("fail")), Code::DigestMismatch, "refers to");
        assert_eq!(error.conflict().unwrap().digest.as_deref(), Some(first.digest.as_str()), "{to}");
        let left = copied(200, to, exists("skip")).unwrap();
        assert_eq!((left.skipped.len(), &left.digest), (1, &first.digest), "{to}");
        fails(copied(200, to, refers_to(OTHER)), Code::DigestMismatch, "refers to");
        let seen = NameOptions { if_digest: Some(first.digest.clone()), ..NameOptions::default() };
        let moved = copied(200, to, seen.clone()).unwrap();
        assert!(moved.digest != first.digest && moved.condition == Some(seen_to), "{to}");
        fails(copied(100, to, seen), Code::DigestMismatch, moved.digest.as_str());
    }
    for nameless in ["oci:/layout", "oci-archive:/a.tar", "docker-archive:/d.tar"] {
        fails(copied(300, nameless, exists("skip")), Code::InvalidArgument, "no name");
    }
}

#[test]
fn layers_are_not_read_for_a_name_that_is_taken() {
    let registry = full(Abilities::default());
    set(&registry, "taken");
    let client = client();
    let image = Place::parse(&format!("{}/a/b:t", registry.server.host)).unwrap();
    let options = |names: NameOptions| AppendOptions {
        layers: vec!["/no/such/layer".to_owned()],
        to: Some(format!("{}/a/b:taken", registry.server.host)),
        scratch: true,
        names,
        ..AppendOptions::default()
    };
    let found = append(&client, &call(&client), &image, &options(exists("skip"))).unwrap();
    assert_eq!((found.skipped.join(" "), found.layers.len()), ("taken".to_owned(), 0));
    is_conflict(append(&client, &call(&client), &image, &options(exists("fail"))), "taken", others());
    fails(append(&client, &call(&client), &image, &options(refers_to(OTHER))), Code::Io, "/no/such/layer");
}
