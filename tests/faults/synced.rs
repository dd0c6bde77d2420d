//! Whole repositories of which a part is broken, moves, is refused or is there already: what can be brought is brought, the rest is
//! reported, and nothing is taken away on a guess.

use std::sync::{Arc, Mutex, OnceLock};

use ocireg::call::context::{Context, Stop};
use ocireg::error::{Code, Error};
use ocireg::place::{sync, sync_list, SyncDestination, SyncList, SyncListOptions, SyncOptions, SyncSource, Synced};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::{Abilities, Registry};
use crate::server::*;
use crate::shelf::Shelf;

pub fn synced_by(client: &Client, from: &str, to: &str, options: Value) -> Result<Value, Error> {
    let (source, destination) = (SyncSource::named(client, from)?, SyncDestination::named(client, to)?);
    let options: SyncOptions = serde_json::from_value(options).unwrap();
    sync(client, &call(client), &source, &destination, &options).map(shown)
}

fn shown(synced: Synced) -> Value {
    serde_json::to_value(synced).unwrap()
}

pub fn synced(from: &Shelf, to: &Shelf, options: Value) -> Result<Value, Error> {
    synced_by(&client(), &name(from), &name(to), options)
}

pub fn listed(client: &Client, list: &str, to: Option<&str>, options: Value) -> Result<Value, Error> {
    let options: SyncListOptions = serde_json::from_value(options).unwrap();
    let list = SyncList::read(client, list, to, options.list_format.as_deref())?;
    sync_list(client, &call(client), &list, &options).map(shown)
}

pub fn name(shelf: &Shelf) -> String {
    format!("{}/a/b", shelf.host())
}

/// An image with a layer that is its own, and one that all have.
pub fn put(shelf: &Shelf, tag: &str, content: &str) -> Value {
    let layer = |text: &str| shelf.blob("application/vnd.oci.image.layer.v1.tar", text.as_bytes());
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": shelf.blob("application/vnd.oci.image.config.v1+json", b"{}"), "layers": [layer("shared"), layer(content)]});
    shelf.manifest(tag, &manifest)
}

pub fn shelf_of(tags: &[&str]) -> Shelf {
    let shelf = Shelf::start(Abilities { tag_delete: true, ..Abilities::default() });
    for tag in tags {
        put(&shelf, tag, tag);
    }
    shelf
}

pub fn counts(result: &Value) -> String {
    let tags = &result["tags"];
    ["selected", "copied", "skipped", "pruned", "failed"].map(|key| tags[key].to_string()).join(" ")
}

pub fn tags(shelf: &Shelf) -> String {
    shelf.registry.tags().join(" ")
}

#[test]
fn what_is_there_is_one_request_on_each_side() {
    let names: Vec<String> = (0..40).map(|number| format!("v{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (from, to) = (shelf_of(&names), shelf_of(&[]));
    let first = synced(&from, &to, json!({})).unwrap();
    assert_eq!(counts(&first), "40 40 0 0 0");
    assert_eq!(
        to.registry.server.count("HEAD", "/manifests/"),
        40,
        "of what is not listed nothing is asked but before it is set"
    );
    assert_eq!(from.registry.server.seen().len(), 1 + 40 + 42, "the list, each manifest, each blob");
    let before = [&from, &to].map(|shelf| shelf.registry.server.seen().len());
    let again = synced(&from, &to, json!({})).unwrap();
    assert_eq!((counts(&again), &again["images"]), ("40 0 40 0 0".to_owned(), &json!([])));
    for (shelf, before) in [&from, &to].into_iter().zip(before) {
        let seen = shelf.registry.server.seen().split_off(before);
        assert_eq!(seen.iter().filter(|one| one.method == "GET" && one.target.ends_with("/tags/list")).count(), 1);
        assert_eq!(seen.iter().filter(|one| one.method == "HEAD").count(), 40);
        assert_eq!(seen.len(), 41);
    }
    let before = [&from, &to].map(|shelf| shelf.registry.server.seen().len());
    assert_eq!(counts(&synced(&from, &to, json!({"no_clobber": true})).unwrap()), "40 0 40 0 0");
    for (shelf, before) in [&from, &to].into_iter().zip(before) {
        assert_eq!(shelf.registry.server.seen().len(), before + 1, "the lists alone");
    }
}

#[test]
fn a_layer_of_many_images_is_moved_once() {
    let names: Vec<String> = (0..16).map(|number| format!("v{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (from, to) = (shelf_of(&names), shelf_of(&[]));
    let rehearsed = synced(&from, &to, json!({"dry_run": true, "parallel": 16})).unwrap();
    assert_eq!((counts(&rehearsed), tags(&to)), ("16 16 0 0 0".to_owned(), String::new()));
    let result = synced(&from, &to, json!({"parallel": 16})).unwrap();
    let shared = digest(b"shared").hex().to_owned();
    let puts = |shelf: &Shelf, part: &str| {
        shelf.registry.server.seen().iter().filter(|one| one.method == "PUT" && one.target.contains(part)).count()
    };
    assert_eq!((puts(&to, &shared), puts(&to, "/uploads/")), (1, 18));
    let bytes: usize = names.iter().map(|tag| tag.len()).sum::<usize>() + "shared".len() + "{}".len();
    assert_eq!(result["blobs"]["bytes_copied"], json!(bytes));
    assert_eq!(rehearsed["blobs"]["bytes_copied"], json!(bytes), "what several need counts once");
    assert_eq!(rehearsed["blobs"]["copied"], json!(18));
}

#[test]
fn what_is_broken_does_not_hold_up_the_rest() {
    let (from, to) = (shelf_of(&["1", "2", "3", "4", "5"]), shelf_of(&["old"]));
    from.held.lock().unwrap().blobs.remove(digest(b"3").as_str());
    let result = synced(&from, &to, json!({"prune": true})).unwrap();
    assert_eq!((counts(&result), tags(&to)), ("5 4 0 0 1".to_owned(), "1 2 4 5 old".to_owned()));
    let failed: Vec<&Value> =
        result["images"].as_array().unwrap().iter().filter(|one| one["state"] == "failed").collect();
    assert!(failed.len() == 1 && failed[0]["source"].as_str().unwrap().ends_with("/a/b:3"), "{failed:?}");
    assert_eq!(failed[0]["error"], result["error"]);
    assert_eq!((&result["error"]["side"], &failed[0]["digest"]), (&json!("source"), &Value::Null));
    let error = synced(&from, &to, json!({"stop_on_error": true})).unwrap_err();
    assert!(error.message().contains("/a/b:3"), "{error}");
    // What was missing comes, and nothing else.
    put(&from, "3", "3");
    let result = synced(&from, &to, json!({"prune": true})).unwrap();
    assert_eq!((counts(&result), tags(&to)), ("5 1 4 1 0".to_owned(), "1 2 3 4 5".to_owned()));
    assert_eq!(result["blobs"]["bytes_copied"], json!(1));
}

#[test]
fn a_list_that_breaks_is_no_reason_to_remove_anything() {
    let to = shelf_of(&["1", "2", "3"]);
    for second in
        [reply(500), reply(200).json("{"), reply(404), reply(200).json(r#"{"tags":["1"]}"#).cut(5, Then::Close)]
    {
        let from = Registry::with(Abilities::default(), move |seen, _| {
            if !seen.path().ends_with("/tags/list") {
                return None;
            }
            Some(match seen.target.contains("last=") {
                true => second.clone(),
                false => reply(200)
                    .header("Link", "</v2/a/b/tags/list?last=1&n=1>; rel=\"next\"")
                    .json(r#"{"name":"a/b","tags":["1"]}"#),
            })
        });
        let from = format!("{}/a/b", from.server.host);
        let outcome = synced_by(&client(), &from, &name(&to), json!({"prune": true}));
        assert!(outcome.is_err(), "{outcome:?}");
    }
    assert_eq!((tags(&to), to.writes().len()), ("1 2 3".to_owned(), 0));
    assert_eq!(to.registry.server.count("DELETE", ""), 0);
    // The other list: what is there is not known, and nothing is written either.
    let (from, broken) = (shelf_of(&["1"]), Server::start(|_| reply(500)));
    let error = synced_by(&client(), &name(&from), &format!("{}/a/b", broken.host), json!({})).unwrap_err();
    assert_eq!(error.to_json()["side"], "destination");
}

#[test]
fn a_tag_that_moves_on_the_way_is_one_or_the_other() {
    let from = shelf_of(&["t"]);
    let old = from.tag("t").unwrap();
    put(&from, "sha256:", "new");
    let new = from.registry.manifests.lock().unwrap().stored.keys().find(|digest| **digest != old).unwrap().clone();
    let (tags, moved) = (from.registry.manifests.clone(), new.clone());
    let to = Shelf::with(Abilities::default(), move |seen| {
        if seen.method == "POST" {
            tags.lock().unwrap().tags.insert("t".to_owned(), moved.clone());
        }
    });
    let first = synced(&from, &to, json!({})).unwrap();
    assert_eq!((counts(&first), to.tag("t")), ("1 1 0 0 0".to_owned(), Some(old.clone())));
    assert_eq!(first["images"][0]["digest"], json!(old));
    assert_eq!(counts(&synced(&from, &to, json!({})).unwrap()), "1 1 0 0 0");
    assert_eq!(to.tag("t"), Some(new));
}

#[test]
fn a_tag_that_another_client_changes_on_the_way_stays() {
    let manifests = Arc::new(OnceLock::<Arc<Mutex<crate::registry::Manifests>>>::new());
    let inside = manifests.clone();
    let from = Shelf::with(Abilities::default(), move |seen| {
        if seen.target.contains(digest(b"t").as_str()) {
            let mut manifests = inside.get().unwrap().lock().unwrap();
            let other = manifests.tags["other"].clone();
            manifests.tags.insert("t".to_owned(), other);
        }
    });
    let to = shelf_of(&[]);
    for tag in ["t", "u", "v"] {
        put(&from, tag, tag);
        put(&to, tag, &format!("old {tag}"));
    }
    put(&to, "other", "other");
    manifests.set(to.registry.manifests.clone()).ok();
    let before = to.registry.server.count("HEAD", "/manifests/");
    let result = synced(&from, &to, json!({"parallel": 1})).unwrap();
    assert_eq!((counts(&result).as_str(), to.tag("t")), ("3 2 0 0 1", to.tag("other")));
    let error = &result["error"];
    assert_eq!((&error["name"], &error["conflict"]["name"]), (&json!("DIGEST_MISMATCH"), &json!("t")), "{error}");
    assert!(error["message"].as_str().unwrap().contains("changed by another client"), "{error}");
    assert_eq!(to.registry.server.count("HEAD", "/manifests/") - before, 6, "one more for each tag that is replaced");
    assert_eq!((to.tag("u"), to.tag("v")), (from.tag("u"), from.tag("v")));
}

/// The same of tags that are new, and of those that are synced with what refers to them.
#[test]
fn a_tag_that_another_client_sets_on_the_way_stays() {
    for options in [json!({}), json!({"referrers": true})] {
        for is_new in [true, false] {
            let manifests = Arc::new(OnceLock::<Arc<Mutex<crate::registry::Manifests>>>::new());
            let inside = manifests.clone();
            let from = Shelf::with(Abilities::default(), move |seen| {
                if seen.target.contains(digest(b"t").as_str()) {
                    let mut manifests = inside.get().unwrap().lock().unwrap();
                    let other = manifests.tags["other"].clone();
                    manifests.tags.insert("t".to_owned(), other);
                }
            });
            let to = shelf_of(&[]);
            for tag in ["t", "u"] {
                put(&from, tag, tag);
                if !is_new {
                    put(&to, tag, &format!("old {tag}"));
                }
            }
            put(&to, "other", "other");
            manifests.set(to.registry.manifests.clone()).ok();
            let mut options = options.clone();
            options["parallel"] = json!(1);
            let result = synced(&from, &to, options.clone()).unwrap();
            assert_eq!((counts(&result).as_str(), to.tag("t")), ("2 1 0 0 1", to.tag("other")), "{options} {is_new}");
            assert_eq!(to.tag("u"), from.tag("u"), "{options} {is_new}");
            let error = &result["error"];
            assert_eq!(
                (&error["name"], &error["conflict"]["name"]),
                (&json!("DIGEST_MISMATCH"), &json!("t")),
                "{error}"
            );
        }
    }
}

#[test]
fn only_what_is_covered_is_pruned() {
    let from = shelf_of(&["v1", "v2", "v3", "edge"]);
    let begin = ["v0", "v1", "other", "edge-old"];
    let to = shelf_of(&begin);
    let signature = format!("sha256-{}.sig", "0".repeat(64));
    put(&to, &signature, "signature");
    let narrowed = json!({"tags": ["v*"], "newest": 2, "prune": true});
    let mut plan = narrowed.clone();
    plan["dry_run"] = json!(true);
    let rehearsed = synced(&from, &to, plan).unwrap();
    assert_eq!(counts(&rehearsed), "2 2 0 2 0");
    let mut pruned: Vec<&str> = rehearsed["images"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["state"] == "pruned")
        .map(|one| one["destination"].as_str().unwrap().rsplit(':').next().unwrap())
        .collect();
    pruned.sort_unstable();
    assert_eq!((pruned, to.writes().len()), (vec!["v0", "v1"], 0));
    assert_eq!(to.registry.server.count("DELETE", ""), 0);
    let result = synced(&from, &to, narrowed).unwrap();
    assert_eq!((counts(&result), tags(&to)), ("2 2 0 2 0".to_owned(), format!("edge-old other {signature} v2 v3")));
    // Nothing of the source is meant: that does not plan anything for the destination.
    let result = synced(&from, &to, json!({"tags": ["other"], "prune": true})).unwrap();
    assert_eq!((counts(&result).as_str(), to.tag("other").is_some()), ("0 0 0 0 0", true));
}

#[test]
fn a_registry_that_deletes_no_tag_says_so_for_each() {
    let from = shelf_of(&["1"]);
    let to = Shelf::start(Abilities::default());
    for tag in ["1", "2", "3"] {
        put(&to, tag, tag);
    }
    let result = synced(&from, &to, json!({"prune": true})).unwrap();
    assert_eq!((counts(&result), tags(&to)), ("1 0 1 0 2".to_owned(), "1 2 3".to_owned()));
    assert_eq!((&result["error"]["name"], &result["error"]["side"]), (&json!("UNSUPPORTED"), &json!("destination")));
}

#[test]
fn a_repository_that_is_not_there_is_an_error_or_is_made() {
    let (from, to) = (shelf_of(&["1"]), shelf_of(&[]));
    let nothing = Server::start(|_| reply(404).json(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}"#));
    let missing = format!("{}/a/b", nothing.host);
    let error = fails(synced_by(&client(), &missing, &name(&to), json!({})), Code::NotFound, "");
    assert_eq!(error.to_json()["side"], "source");
    // In a list it is one failure.
    let list = format!("{missing} {}\n{} {}\n", name(&to), name(&from), name(&to));
    let result = listed(&client(), &list, None, json!({})).unwrap();
    assert_eq!((counts(&result), &result["source"]), ("1 1 0 0 1".to_owned(), &Value::Null));
    assert_eq!(result["images"][0]["source"], json!(format!("docker://{missing}")));
    // A destination is made by the first push; one that may not be listed is asked for each tag.
    for status in [404, 403] {
        let held = Arc::new(Mutex::new(Vec::new()));
        let puts = held.clone();
        let to = Server::start(move |seen| match seen.method.as_str() {
            _ if seen.path().ends_with("/tags/list") => reply(status),
            "POST" => reply(202).header("Location", "/v2/a/b/blobs/uploads/1"),
            "PUT" if seen.body.is_empty() => reply(500),
            "PUT" => {
                puts.lock().unwrap().push(seen.path().to_owned());
                created(seen)
            }
            _ => reply(404),
        });
        let to = format!("{}/a/b", to.host);
        assert_eq!(counts(&synced_by(&client(), &name(&from), &to, json!({})).unwrap()), "1 1 0 0 0");
        assert!(held.lock().unwrap().last().unwrap().ends_with("/manifests/1"));
        // What no source lists is not pruned; but it is copied.
        let pruned = synced_by(&client(), &name(&from), &to, json!({"prune": true})).unwrap();
        let wanted = if status == 403 { "1 1 0 0 1" } else { "1 1 0 0 0" };
        assert_eq!(counts(&pruned), wanted, "{pruned}");
        let error = pruned["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(error.contains("does not list its tags"), status == 403, "{pruned}");
    }
}

#[test]
fn a_name_that_is_there_stays_with_no_clobber() {
    let (from, to) = (shelf_of(&["1", "2"]), shelf_of(&[]));
    put(&to, "1", "mine");
    let mine = to.tag("1");
    assert_eq!(counts(&synced(&from, &to, json!({"no_clobber": true})).unwrap()), "2 1 1 0 0");
    assert_eq!((to.tag("1"), to.tag("2")), (mine, from.tag("2")));
    assert_eq!(counts(&synced(&from, &to, json!({})).unwrap()), "2 1 1 0 0");
    assert_eq!(to.tag("1"), from.tag("1"));
}

#[test]
fn what_a_list_says_of_a_registry_is_for_that_call_and_that_registry() {
    let behind = shelf_of(&["1.0", "1.1-rc1", "2.0"]);
    let seen = Arc::new(OnceLock::new());
    let (inside, host) = (behind.registry.manifests.clone(), seen.clone());
    let blobs = behind.held.clone();
    // A registry that wants a login.
    let from = Registry::with(Abilities::default(), move |one, manifests| {
        if one.header("authorization") != Some("Basic YWxpY2U6czNjcmV0") {
            return Some(reply(401).header("WWW-Authenticate", "Basic realm=\"r\""));
        }
        let _ = host.set(());
        *manifests = ocireg_manifests(&inside.lock().unwrap());
        let name = one.path().rsplit('/').next().unwrap_or_default();
        let blob = blobs.lock().unwrap().blobs.get(name).cloned();
        one.path().contains("/blobs/").then(|| blob.map_or(reply(404), |bytes| serve(&bytes, one)))
    });
    let to = shelf_of(&[]);
    let list = format!(
        "'{}':\n  images-by-semver: {{a/b: '>=1'}}\n  credentials: {{username: alice, password: s3cret}}\n  tls-verify: false\n",
        from.server.host
    );
    let client = client();
    let result = listed(&client, &list, Some(&format!("{}/a", to.host())), json!({"list_format": "skopeo"})).unwrap();
    assert_eq!((counts(&result), tags(&to)), ("2 2 0 0 0".to_owned(), "1.0 2.0".to_owned()));
    assert!(seen.get().is_some());
    assert!(to.registry.server.seen().iter().all(|one| one.header("authorization").is_none()));
    let error = client.tags(&call(&client), &format!("{}/a/b", from.server.host), &TagsOptions::default());
    assert_eq!(error.unwrap_err().code(), Code::Unauthenticated);
}

pub fn ocireg_manifests(of: &crate::registry::Manifests) -> crate::registry::Manifests {
    crate::registry::Manifests { stored: of.stored.clone(), tags: of.tags.clone() }
}

#[test]
fn the_log_has_each_image_and_may_end_the_call() {
    let (from, to) = (shelf_of(&["1", "2", "3"]), shelf_of(&["1"]));
    let run = |stop_at: usize| {
        let client = client();
        let context = Arc::new(Context::new());
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = events.clone();
        context.set_log(Some(Arc::new(move |event: &Value| {
            if event["event"] != "image" {
                return Ok(());
            }
            let mut told = told.lock().unwrap();
            told.push(event["state"].as_str().unwrap().to_owned());
            if told.len() == stop_at {
                Err(Stop)
            } else {
                Ok(())
            }
        })));
        let (source, destination) =
            (SyncSource::named(&client, &name(&from)).unwrap(), SyncDestination::named(&client, &name(&to)).unwrap());
        let call = client.call(Some(context)).unwrap();
        let outcome = sync(&client, &call, &source, &destination, &SyncOptions::default());
        let mut events = events.lock().unwrap().clone();
        events.sort();
        (outcome.map(|synced| synced.tags.copied), events)
    };
    assert_eq!(run(1).0.unwrap_err().code(), Code::Callback);
    let (copied, events) = run(usize::MAX);
    assert!(copied.unwrap() <= 2 && events.len() == 3, "{events:?}");
    assert_eq!(run(usize::MAX).1, ["skipped", "skipped", "skipped"]);
}

#[test]
fn referrers_come_with_what_they_are_about() {
    let from = shelf_of(&["1", "2"]);
    let to = shelf_of(&[]);
    assert_eq!(counts(&synced(&from, &to, json!({})).unwrap()), "2 2 0 0 0");
    // A signature comes later, which no tag tells.
    let subject = from.tag("1").unwrap();
    put(&from, &format!("{}.sig", subject.replace(':', "-")), "signature");
    assert_eq!(counts(&synced(&from, &to, json!({})).unwrap()), "2 0 2 0 0");
    let before = from.registry.server.seen().len();
    assert_eq!(counts(&synced(&from, &to, json!({"referrers": true})).unwrap()), "2 1 1 0 0");
    let seen = from.registry.server.seen().split_off(before);
    let asked = seen.iter().filter(|one| one.target.contains("/manifests/sha256-")).map(|one| one.target.clone());
    let asked: Vec<String> = asked.filter(|target| target.ends_with(".sig") || target.ends_with(".att")).collect();
    assert!(asked.iter().all(|target| target.contains(&subject[7..])), "{asked:?}");
    assert!(to.tag(&format!("{}.sig", subject.replace(':', "-"))).is_some());
    assert_eq!(counts(&synced(&from, &to, json!({"referrers": true})).unwrap()), "2 0 2 0 0");
}
