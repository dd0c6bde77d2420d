//! Lists of repositories of which one is broken, odd or in the way of another: the others are brought all the same.

use std::fs;

use ocireg::error::Code;
use ocireg::place::{SyncList, SyncSource};
use serde_json::json;

use crate::common::*;
use crate::server::*;
use crate::synced::*;

#[test]
fn of_two_sources_for_one_name_the_first_has_it() {
    let (one, other, to) = (shelf_of(&["1"]), shelf_of(&[]), shelf_of(&["old"]));
    put(&other, "1", "another");
    put(&other, "2", "2");
    let list = format!("{one} {to}\n{other} {to}\n", one = name(&one), other = name(&other), to = name(&to));
    let result = listed(&client(), &list, None, json!({"prune": true})).unwrap();
    assert_eq!((counts(&result).as_str(), tags(&to).as_str()), ("3 2 0 0 1", "1 2 old"));
    assert_eq!(to.tag("1"), one.tag("1"));
    let failed = &result["images"].as_array().unwrap()[0];
    assert_eq!(failed["source"], json!(format!("docker://{}:1", name(&other))));
    assert!(result["error"]["message"].as_str().unwrap().contains("would be a copy of both"), "{result}");
    fails(
        listed(&client(), &list, None, json!({"stop_on_error": true})),
        Code::InvalidArgument,
        "would be a copy of both",
    );
    // The same twice is one.
    let list = format!("{0} {1}\n{0}:1 {1}\n{0} {1}\n", name(&one), name(&to));
    assert_eq!(counts(&listed(&client(), &list, None, json!({})).unwrap()), "1 0 1 0 0");
}

/// What goes to one layout or archive is there for all of the list.
#[test]
fn a_rehearsal_counts_what_two_sources_need_once() {
    let from = shelf_of(&["1", "2"]);
    let list = format!("{}\n{}/a/c\n", name(&from), from.host());
    let folder = tempfile::tempdir().unwrap();
    for kind in ["oci", "oci-archive"] {
        let to = format!("{kind}:{}/{kind}", folder.path().display());
        let [plan, done] =
            [true, false].map(|dry_run| listed(&client(), &list, Some(&to), json!({"dry_run": dry_run})).unwrap());
        assert_eq!((counts(&plan), counts(&done)), ("4 4 0 0 0".to_owned(), "4 4 0 0 0".to_owned()), "{kind}");
        let bytes = |result: &serde_json::Value| result["blobs"]["bytes_copied"].as_u64().unwrap();
        assert_eq!((bytes(&plan), bytes(&done)), (10, 10), "{kind}");
    }
}

#[test]
fn two_repositories_with_one_last_word_are_refused_before_anything_is_asked() {
    let (one, to) = (shelf_of(&["1"]), shelf_of(&[]));
    let below = format!("{}/m", to.host());
    let list = format!("{}\n{}/x/b\n", name(&one), one.host());
    let error =
        fails(listed(&client(), &list, Some(&below), json!({})), Code::InvalidArgument, "would be a copy of both");
    assert!(error.message().contains("line 1 of the list and line 2 of the list"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("scoped")));
    assert_eq!((one.registry.server.seen().len(), to.registry.server.seen().len()), (0, 0));
    // With their whole names they are two; a port has a place there too.
    let result = listed(&client(), &list, Some(&below), json!({"scoped": true})).unwrap();
    assert_eq!(counts(&result), "2 2 0 0 0", "{result}");
    let wanted = format!("docker://{below}/{}/a/b:1", one.host().replace(':', "_"));
    assert!(result["images"].as_array().unwrap().iter().any(|image| image["destination"] == wanted), "{result}");
}

#[test]
fn a_local_source_that_cannot_be_read_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (from, to) = (shelf_of(&["1"]), shelf_of(&[]));
    let place = |name: &str| format!("oci:{}", path(name).display());
    for name in ["broken", "odd"] {
        listed(&client(), &format!("{}\n", crate::synced::name(&from)), Some(&place(name)), json!({})).unwrap();
    }
    fs::write(path("broken").join("index.json"), "{").unwrap();
    let index = fs::read_to_string(path("odd").join("index.json")).unwrap();
    let odd = index.replace(from.host(), "[::1]:5000");
    assert_ne!(odd, index);
    fs::write(path("odd").join("index.json"), odd).unwrap();
    fs::write(path("x.tar"), "no archive").unwrap();
    let archive = format!("oci-archive:{}", path("x.tar").display());
    let bad = [place("missing"), place("broken"), place("odd"), archive];
    let list = format!("{}\n{}\n", bad.join("\n"), name(&from));
    let below = format!("{}/m", to.host());
    let result = listed(&client(), &list, Some(&below), json!({"scoped": true, "prune": true})).unwrap();
    assert_eq!(counts(&result), "1 1 0 0 4", "{result}");
    let failed: Vec<&str> =
        result["images"].as_array().unwrap().iter().filter_map(|one| one["error"]["message"].as_str()).collect();
    assert!(failed.iter().zip(1..).all(|(message, at)| message.contains(&format!("line {at} of the list")) || at == 3));
    fails(listed(&client(), &list, Some(&below), json!({"stop_on_error": true})), Code::NotFound, "");
    // Alone it is the call's.
    fails(listed(&client(), &place("missing"), Some(&below), json!({})), Code::NotFound, "");
}

#[test]
fn what_a_name_cannot_be_is_said() {
    for (list, part) in [
        ("h.io/a", "line 1 of the list: it has no destination"),
        ("h.io/a g.io/a\nH/a:: g.io/a", "line 2 of the list"),
        ("h.io/a dir:/x", "line 1 of the list: 'dir:/x' cannot be the source or the destination of a sync"),
        ("h.io/a h:5000", "is a registry: name a repository in it"),
    ] {
        let error = SyncList::read(&client(), list, None, None).err().unwrap();
        assert!(error.message().contains(part), "{error}");
    }
    // A client that cannot be asked is not a reason to take a repository for an image.
    let closed = client();
    closed.close();
    let source = SyncSource::named(&closed, "h.io/a");
    assert!(!matches!(source, Ok(SyncSource::Image(_))), "{source:?}");
}

#[test]
fn what_fails_again_and_again_is_not_tried_for_ever() {
    let names: Vec<String> = (0..100).map(|number| format!("v{number}")).collect();
    let (all, fine) = (names.join("\",\""), shelf_of(&["1"]));
    let list = format!("{{\"name\":\"a/b\",\"tags\":[\"{all}\"]}}");
    let from = Server::start(move |seen| match seen.path().ends_with("/tags/list") {
        true => reply(200).json(&list),
        false => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    let to = shelf_of(&[]);
    let list = format!("{}/a/b {to}\n{} {to}\n", from.host, name(&fine), to = name(&to));
    let result = listed(&client(), &list, None, json!({})).unwrap();
    assert_eq!(counts(&result), "101 1 0 0 100", "one registry's refusal is not about another");
    let asked = from.seen().iter().filter(|one| one.path().contains("/manifests/")).count();
    assert!((10..20).contains(&asked), "{asked} requests");
    let message = |at: usize| result["images"][at]["error"]["message"].as_str().unwrap().to_owned();
    assert!((0..101).any(|at| result["images"][at]["error"].is_object() && message(at).contains("not tried")));
    // What is wrong with some images does not hold up the others.
    let from = shelf_of(&names.iter().map(String::as_str).collect::<Vec<_>>());
    from.held.lock().unwrap().blobs.retain(|digest, _| !(0..50).any(|at| *digest == digest_of(&format!("v{at}"))));
    let result = synced(&from, &shelf_of(&[]), json!({})).unwrap();
    assert_eq!(counts(&result), "100 50 0 0 50");
}

fn digest_of(text: &str) -> String {
    digest(text.as_bytes()).to_string()
}
