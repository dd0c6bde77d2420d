//! Pruning where the source's list, or the registry that is pruned, is not what it seems: a tag goes only if that is sure, and alone.

use std::sync::{Arc, Mutex};

use ocireg::call::context::Context;
use ocireg::error::Code;
use ocireg::place::{sync_list, SyncList, SyncListOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::{Abilities, Registry};
use crate::server::*;
use crate::shelf::Shelf;
use crate::synced::*;

#[test]
fn a_source_without_tags_spares_what_another_brought_to_the_same_place() {
    let empty = Registry::with(Abilities::default(), |seen, _| {
        seen.path().ends_with("/tags/list").then(|| reply(200).json(r#"{"name":"a/b","tags":null}"#))
    });
    let (other, to) = (shelf_of(&["3", "4"]), shelf_of(&["1", "2", "3", "4"]));
    let list = format!("{}/a/b {to}\n{} {to}\n", empty.server.host, name(&other), to = name(&to));
    let client = client();
    let result = listed(&client, &list, None, json!({"prune": true})).unwrap();
    assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("2 0 2 0 0", "1 2 3 4"));
    // Without it they are not selected.
    let list = format!("{} {}\n", name(&other), name(&to));
    let result = listed(&client, &list, None, json!({"prune": true})).unwrap();
    assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("2 0 2 2 0", "3 4"));
}

#[test]
fn what_a_mirror_lacks_is_not_pruned() {
    let (from, mirror, to) = (shelf_of(&["1", "2", "3"]), shelf_of(&["1"]), shelf_of(&["1", "2", "3", "old"]));
    let client = client();
    client.set_host(from.host(), host_options(json!({"mirrors": [mirror.host()]}))).unwrap();
    let result = synced_by(&client, &name(&from), &name(&to), json!({"prune": true})).unwrap();
    assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("3 0 3 1 0", "1 2 3"));
    assert_eq!(mirror.registry.server.count("GET", "/tags/list"), 0);
}

#[test]
fn a_tag_that_the_source_has_and_does_not_list_stays() {
    let to = shelf_of(&["1", "2"]);
    let from = Registry::with(Abilities::default(), |seen, _| {
        seen.path().ends_with("/tags/list").then(|| reply(200).json(r#"{"name":"a/b","tags":["1"]}"#))
    });
    *from.manifests.lock().unwrap() = ocireg_manifests(&to.registry.manifests.lock().unwrap());
    put(&to, "3", "3");
    let from = format!("{}/a/b", from.server.host);
    for dry_run in [true, false] {
        let options = json!({"prune": true, "dry_run": dry_run});
        let result = synced_by(&client(), &from, &name(&to), options).unwrap();
        assert_eq!(counts(&result), "1 0 1 1 1", "{result}");
        assert!(result["error"]["message"].as_str().unwrap().contains("did not list it"), "{result}");
        assert_eq!(result["error"]["side"], "source");
    }
    assert_eq!(tags(&to), "1 2");
}

#[test]
fn what_comes_while_both_sides_are_listed_stays() {
    let from = shelf_of(&["1"]);
    let (manifests, same) = (from.registry.manifests.clone(), from.tag("1").unwrap());
    // When the destination is asked what it has, another sync has just brought what has just been pushed.
    let to = Shelf::with(Abilities { tag_delete: true, ..Abilities::default() }, move |seen| {
        if seen.path().ends_with("/tags/list") {
            manifests.lock().unwrap().tags.insert("2".to_owned(), same.clone());
        }
    });
    put(&to, "1", "1");
    put(&to, "2", "1");
    let result = synced(&from, &to, json!({"prune": true})).unwrap();
    assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("2 0 2 0 0", "1 2"));
}

#[test]
fn a_registry_that_deletes_all_tags_of_a_manifest_is_left_alone() {
    let kept: Vec<String> = (0..260).map(|number| format!("a{number:03}")).chain(["z".to_owned()]).collect();
    let from = shelf_of(&[]);
    let to = Shelf::start(Abilities { tag_delete_of_all: true, ..Abilities::default() });
    for shelf in [&from, &to] {
        kept.iter().for_each(|tag| drop(put(shelf, tag, if tag == "z" { "z" } else { "all" })));
    }
    for tag in ["old", "older"] {
        put(&to, tag, "z");
    }
    put(&to, "oldest", "all");
    let result = synced(&from, &to, json!({"prune": true, "parallel": 1})).unwrap();
    let error = result["error"]["message"].as_str().unwrap();
    assert!(error.contains("deletes a manifest with its tag"), "{result}");
    // The one that was tried is gone, and others with it; what was to stay is brought again, and nothing else is tried.
    assert_eq!(result["tags"]["pruned"], 0, "{result}");
    assert_eq!(to.registry.server.count("DELETE", ""), 1);
    assert_eq!(kept.iter().filter(|tag| to.tag(tag).is_none()).count(), 0);
    assert_eq!((to.tag("z"), to.tag("oldest").is_some()), (from.tag("z"), true));
}

#[test]
fn the_newest_of_whatever_there_is_prune_nothing() {
    let (from, to) = (shelf_of(&["1.2", "20240131"]), shelf_of(&["1.1", "1.2"]));
    for narrow in [json!({}), json!({"exclude": ["x"]})] {
        let mut options = narrow;
        options["newest"] = json!(1);
        assert_eq!(counts(&synced(&from, &to, with(&options, "dry_run")).unwrap()), "1 1 0 0 0");
        fails(synced(&from, &to, with(&options, "prune")), Code::InvalidArgument, "counts as a version");
    }
    assert_eq!(tags(&to), "1.1 1.2");
    let result = synced(&from, &to, json!({"newest": 1, "semver": ["1.x"], "prune": true})).unwrap();
    assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("1 0 1 1 0", "1.2"));
}

#[test]
fn a_pre_release_of_what_a_range_ends_before_is_not_pruned() {
    let (from, to) = (shelf_of(&["1.2"]), shelf_of(&["1.2", "1.3-rc1", "2.0.0-rc1"]));
    for range in ["^1.2", "<2", ">=1.2.0 <2.0.0"] {
        put(&to, "1.3-rc1", "1");
        let result = synced(&from, &to, json!({"semver": [range], "prune": true})).unwrap();
        assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("1 0 1 1 0", "1.2 2.0.0-rc1"), "{range}");
    }
}

#[test]
fn of_each_place_that_is_not_pruned_the_log_says_so() {
    let (from, broken) = (shelf_of(&["1"]), shelf_of(&["1", "2"]));
    broken.held.lock().unwrap().blobs.remove(digest(b"2").as_str());
    let (one, two, none) = (shelf_of(&["1", "old"]), shelf_of(&["1", "old", "older"]), shelf_of(&[]));
    let list = format!(
        "{from} {}\n{from} {}\n{} {}\n",
        name(&one),
        name(&two),
        name(&broken),
        name(&none),
        from = name(&from)
    );
    let (client, told) = (client(), Arc::new(Mutex::new(Vec::new())));
    let (context, events) = (Context::new(), told.clone());
    context.set_log(Some(Arc::new(move |event: &Value| {
        if event["event"] == "warning" {
            events.lock().unwrap().push(format!(
                "{} {}",
                event["host"].as_str().unwrap(),
                event["text"].as_str().unwrap()
            ));
        }
        Ok(())
    })));
    let list = SyncList::read(&client, &list, None, None).unwrap();
    let mut options = SyncListOptions::default();
    options.sync.prune = true;
    let call = client.call(Some(Arc::new(context))).unwrap();
    assert_eq!(sync_list(&client, &call, &list, &options).unwrap().tags.failed, 1);
    for (shelf, count) in [(&one, 1), (&two, 2)] {
        let wanted = format!("docker://{} {count} tags are not pruned, because 1 failed", name(shelf));
        assert!(told.lock().unwrap().contains(&wanted), "{told:?}");
    }
    assert_eq!((tags(&one).as_str(), tags(&two).as_str()), ("1 old", "1 old older"));
}

#[test]
fn no_more_is_pruned_than_may_be() {
    let (from, to) = (shelf_of(&["1"]), shelf_of(&["1", "2", "3", "4"]));
    for dry_run in [true, false] {
        let result = synced(&from, &to, json!({"prune": true, "max_prune": 2, "dry_run": dry_run})).unwrap();
        assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("1 0 1 0 1", "1 2 3 4"));
        assert_eq!(result["error"]["name"], "LIMIT_EXCEEDED");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("3 tags would be pruned"), "{message}");
    }
    fails(
        synced(&from, &to, json!({"prune": true, "max_prune": 0, "stop_on_error": true})),
        Code::LimitExceeded,
        "3 tags",
    );
    let result = synced(&from, &to, json!({"prune": true, "max_prune": 3})).unwrap();
    assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("1 0 1 3 0", "1"));
}

#[test]
fn what_was_brought_to_an_archive_is_stored_though_too_much_would_be_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new, found) = (shelf_of(&["1", "2", "3"]), shelf_of(&["3", "4"]), shelf_of(&[]));
    let archive = format!("oci-archive:{}", folder.path().join("x.tar").display());
    synced_by(&client(), &name(&old), &archive, json!({})).unwrap();
    let options = json!({"prune": true, "max_prune": 1, "stop_on_error": true});
    fails(synced_by(&client(), &name(&new), &archive, options), Code::LimitExceeded, "2 tags would be pruned");
    synced_by(&client(), &archive, &name(&found), json!({})).unwrap();
    assert_eq!(tags(&found), "1 2 3 4");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn with(options: &serde_json::Value, key: &str) -> serde_json::Value {
    let mut options = options.clone();
    options[key] = json!(true);
    options
}
