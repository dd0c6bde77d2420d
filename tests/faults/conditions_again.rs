//! A tag that is set on a condition, and a first try that may have been carried out or not: it is looked at again before each other try.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ocireg::error::Code;

use crate::common::*;
use crate::conditions::*;
use crate::registry::{Abilities, Manifests, Registry};
use crate::server::*;

fn is_set(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.path().ends_with("/t")
}

fn is_look(seen: &Seen) -> bool {
    seen.method != "PUT" && seen.path().ends_with("/t")
}

/// A registry that finds manifests by the Accept header only. The first time that the tag is set, something else happens.
fn first_time(can: bool, happens: impl Fn(&Seen, &mut Manifests) -> Reply + Send + Sync + 'static) -> Registry {
    let tried = AtomicUsize::new(0);
    let abilities = Abilities { by_accept: true, ..conditions(can) };
    Registry::with(abilities, move |seen, manifests| {
        let first = is_set(seen) && tried.fetch_add(1, Ordering::Relaxed) == 0;
        first.then(|| happens(seen, manifests))
    })
}

fn broken() -> Reply {
    reply(201).lost().then(Then::Reset)
}

#[test]
fn what_another_set_while_the_answer_was_lost_stays() {
    for can in [true, false] {
        let race = || {
            first_time(can, |_, manifests| {
                by_other(manifests, "t");
                broken()
            })
        };
        let registry = race();
        is_conflict(put(&registry, ":t", &[], exists("fail")), "t", others());
        assert_eq!((refers(&registry, "t"), registry.server.count("PUT", "/t")), (others(), 1));
        let registry = race();
        let found = put(&registry, ":t", &[], exists("skip")).unwrap();
        assert_eq!((found.skipped.join(" "), refers(&registry, "t")), ("t".to_owned(), others()));
        let registry = race();
        let before = referrer(&digest(b"x"), 1);
        registry.manifests.lock().unwrap().put("t", MANIFEST_TYPE, before.as_bytes());
        is_conflict(put(&registry, ":t", &[], refers_to(&before)), "t", others());
        assert_eq!(refers(&registry, "t"), others());
    }
}

#[test]
fn what_another_set_while_the_registry_was_busy_stays() {
    for can in [true, false] {
        for status in [408, 425, 429, 499, 500, 502, 503, 504, 522] {
            let registry = first_time(can, move |_, manifests| {
                by_other(manifests, "t");
                reply(status)
            });
            is_conflict(put(&registry, ":t", &[], exists("fail")), "t", others());
            assert_eq!((refers(&registry, "t"), registry.server.count("PUT", "/t")), (others(), 1), "{status}");
        }
    }
}

#[test]
fn a_busy_registry_is_tried_again_after_a_look() {
    for can in [true, false] {
        for status in [429, 503, 504] {
            let registry = first_time(can, move |_, _| reply(status));
            put(&registry, ":t", &[], exists("fail")).unwrap();
            assert_eq!((refers(&registry, "t"), registry.server.count("PUT", "/t")), (ours(), 2), "{status}");
        }
        // It is carried out, and then it is not sent again.
        let registry = first_time(can, |seen, manifests| {
            manifests.put("t", MANIFEST_TYPE, &seen.body);
            reply(504)
        });
        put(&registry, ":t", &[], exists("fail")).unwrap();
        assert_eq!((refers(&registry, "t"), registry.server.count("PUT", "/t")), (ours(), 1));
    }
    // It stays busy.
    let registry = Registry::with(conditions(false), |seen, _| is_set(seen).then(|| reply(503)));
    let error = fails(put(&registry, ":t", &[], exists("fail")), Code::Server, "the tag t");
    assert_eq!(error.http_status(), Some(503));
    assert_eq!(registry.server.count("PUT", "/t"), error.attempts() as usize);
}

#[test]
fn the_look_comes_after_the_wait() {
    let registry = first_time(false, |_, _| reply(503).header("Retry-After", 1));
    put(&registry, ":t", &[], exists("fail")).unwrap();
    let seen = registry.server.seen();
    let sent: Vec<Instant> = seen.iter().filter(|seen| is_set(seen)).map(|seen| seen.at).collect();
    let looks = seen.iter().filter(|seen| is_look(seen) && seen.at > sent[0]);
    let waited: Vec<Duration> = looks.map(|look| look.at - sent[0]).collect();
    assert!(sent.len() == 2 && !waited.is_empty());
    assert!(waited.iter().all(|waited| *waited >= Duration::from_millis(990)), "{waited:?}");
}

#[test]
fn without_a_look_it_is_not_sent_again() {
    for lost in [true, false] {
        for (status, code) in
            [(401, Code::Unauthenticated), (403, Code::Forbidden), (503, Code::Server), (0, Code::Network)]
        {
            let tried = AtomicUsize::new(0);
            let registry = Registry::with(conditions(false), move |seen, manifests| {
                if is_set(seen) && tried.fetch_add(1, Ordering::Relaxed) == 0 {
                    by_other(manifests, "t");
                    return Some(if lost { broken() } else { reply(504) });
                }
                let hidden = is_look(seen) && tried.load(Ordering::Relaxed) > 0;
                hidden.then(|| if status == 0 { broken() } else { reply(status) })
            });
            let error = fails(put(&registry, ":t", &[], exists("fail")), code, "the tag t");
            assert_eq!((refers(&registry, "t"), registry.server.count("PUT", "/t")), (others(), 1), "{status} {error}");
        }
    }
    // A look that names no digest is one at the bytes.
    let registry = Registry::with(conditions(false), |seen, manifests| {
        if is_set(seen) {
            by_other(manifests, "t");
            return Some(broken());
        }
        let there = is_look(seen) && manifests.tags.contains_key("t");
        there.then(|| reply(200).header("Content-Type", INDEX_TYPE).body(OTHER))
    });
    is_conflict(put(&registry, ":t", &[], exists("fail")), "t", others());
    assert_eq!(registry.server.count("PUT", "/t"), 1);
}

#[test]
fn a_conflict_at_the_second_tag_says_which_are_set() {
    for can in [true, false] {
        let race = || {
            let taken = AtomicUsize::new(0);
            Registry::with(conditions(can), move |seen, manifests| {
                let first_tag = seen.method == "PUT" && seen.path().ends_with("/a");
                if first_tag && taken.fetch_add(1, Ordering::Relaxed) == 0 {
                    by_other(manifests, "b");
                }
                None
            })
        };
        let registry = race();
        let outcome = put(&registry, "", &["a", "b", "c"], exists("fail"));
        let said = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        is_conflict(outcome, "b", others());
        assert!(said.contains("the tag b") && said.contains("set already: a:"), "{said}");
        assert_eq!([refers(&registry, "a"), refers(&registry, "b"), refers(&registry, "c")], [ours(), others(), None]);
        let registry = race();
        let found = put(&registry, "", &["a", "b", "c"], exists("skip")).unwrap();
        assert_eq!((found.tags.join(" "), found.skipped.join(" ")), ("a c".to_owned(), "b".to_owned()));
    }
}

/// Behind one name there may be servers that look at conditions and others that do not, or only under a digest.
#[test]
fn a_registry_that_looks_now_and_then_does_not_overwrite_what_was_there_before() {
    let registry = Registry::with(conditions(true), |seen, manifests| match seen.method.as_str() {
        "PUT" if seen.path().contains("sha256:") && !manifests.tags.contains_key("t") => {
            by_other(manifests, "t");
            None
        }
        "PUT" if is_set(seen) => {
            let digest = manifests.put("t", MANIFEST_TYPE, &seen.body);
            Some(reply(201).header("Docker-Content-Digest", digest))
        }
        _ => None,
    });
    is_conflict(put(&registry, ":t", &[], exists("fail")), "t", others());
    assert_eq!((refers(&registry, "t"), registry.server.count("PUT", "/t")), (others(), 0));
}
