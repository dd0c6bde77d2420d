//! Manifests with a subject at registries without the referrers API: the referrers tag is maintained, and nothing is
//! lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ocireg::error::{Code, Result};
use ocireg::inside::tag_of;
use ocireg::reference::Reference;
use ocireg::registry::manifest::{DeleteOptions, DeletedManifest, PutManifest, PutOptions};
use ocireg::registry::referrers::{ReferrersOptions, ReferrersSource};
use ocireg::registry::Client;
use serde_json::json;

use crate::common::*;
use crate::registry::*;
use crate::server::*;

const WITH_CONDITIONS: Abilities = Abilities {
    conditions: true,
    by_accept: false,
    referrers: false,
    tag_delete: false,
    tag_delete_of_all: false,
    delete: true,
    tags_stay: false,
    tags_at_once: 0,
};

fn subject() -> ocireg::digest::Digest {
    digest(MANIFEST.as_bytes())
}

fn push(client: &Client, host: &str, number: usize) -> Result<PutManifest> {
    let manifest = referrer(&subject(), number);
    let reference = at(host, &digest(manifest.as_bytes()));
    client.put_manifest(&call(client), &reference, manifest.as_bytes(), &PutOptions::default())
}

fn delete(client: &Client, host: &str, number: usize) -> Result<DeletedManifest> {
    let reference = at(host, &digest(referrer(&subject(), number).as_bytes()));
    client.delete_manifest(&call(client), &reference, &DeleteOptions::default())
}

/// The numbers of the referrers in a list.
fn listed(registry: &Registry) -> Vec<usize> {
    let list = registry.json(&tag_of(&subject())).unwrap_or_else(|| json!({"manifests": []}));
    let entries = list["manifests"].as_array().unwrap().iter();
    let mut numbers: Vec<usize> =
        entries.map(|entry| entry["annotations"]["number"].as_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_registry_that_lists_it_itself_is_left_to_it() {
    let registry = Registry::start(Abilities { referrers: true, ..Abilities::default() });
    let client = client();
    let put = push(&client, &registry.server.host, 1).unwrap();
    assert_eq!((put.referrers, put.subject), (Some(ReferrersSource::Api), Some(subject())));
    assert_eq!(registry.server.seen().len(), 1);
    let plain =
        client.put_manifest(&call(&client), &tag(&registry.server.host), MANIFEST.as_bytes(), &PutOptions::default());
    assert_eq!((plain.as_ref().unwrap().referrers, plain.unwrap().subject), (None, None));
}

#[test]
fn the_tag_lists_what_was_put() {
    for abilities in [Abilities::default(), WITH_CONDITIONS] {
        let registry = Registry::start(abilities);
        let client = client();
        let put = push(&client, &registry.server.host, 1).unwrap();
        assert_eq!((put.referrers, put.subject), (Some(ReferrersSource::Tag), Some(subject())));
        let list = registry.json(&tag_of(&subject())).unwrap();
        let manifest = referrer(&subject(), 1);
        let entry = json!({"mediaType": MANIFEST_TYPE, "digest": digest(manifest.as_bytes()), "size": manifest.len(),
                           "annotations": {"number": "1"}, "artifactType": "application/x.signature"});
        assert_eq!(list, json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}));
        push(&client, &registry.server.host, 2).unwrap();
        // An entry that exists is not added twice.
        let before = registry.server.count("PUT", "sha256-");
        push(&client, &registry.server.host, 1).unwrap();
        assert_eq!((registry.server.count("PUT", "sha256-"), listed(&registry)), (before, vec![1, 2]));
        let found =
            client.referrers(&call(&client), &at(&registry.server.host, &subject()), &Default::default()).unwrap();
        assert_eq!((found.referrers.len(), found.source), (2, ReferrersSource::Tag));
    }
}

#[test]
fn it_can_be_left_alone() {
    let registry = Registry::start(Abilities { delete: true, ..Abilities::default() });
    let client = client();
    let manifest = referrer(&subject(), 1);
    let options = PutOptions { referrers_tag: false, ..PutOptions::default() };
    let put = client.put_manifest(&call(&client), &tag(&registry.server.host), manifest.as_bytes(), &options).unwrap();
    assert_eq!((put.referrers, registry.server.seen().len()), (Some(ReferrersSource::None), 1));
    let reference = at(&registry.server.host, &put.digest);
    let deleted = client.delete_manifest(&call(&client), &reference, &DeleteOptions { referrers_tag: false }).unwrap();
    assert_eq!((deleted.status, deleted.subject, registry.server.seen().len()), (Some(202), None, 2));
}

#[test]
fn conditions_are_sent() {
    let registry = Registry::start(WITH_CONDITIONS);
    let client = client();
    push(&client, &registry.server.host, 1).unwrap();
    push(&client, &registry.server.host, 2).unwrap();
    let puts: Vec<Seen> = registry.server.seen().into_iter().filter(|seen| seen.path().contains("/sha256-")).collect();
    let puts: Vec<&Seen> = puts.iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!((puts[0].header("if-none-match"), puts[0].header("if-match")), (Some("*"), None));
    let tag = format!("\"{}\"", digest(&puts[0].body));
    assert_eq!((puts[1].header("if-none-match"), puts[1].header("if-match")), (None, Some(tag.as_str())));
    // A weak ETag cannot be used as a condition.
    let weak = Registry::with(Abilities::default(), |seen, manifests| {
        let (body, content_type) = (manifests.json("list")?.to_string(), INDEX_TYPE);
        let is_list = seen.method == "GET" && seen.path().contains("/sha256-") && manifests.tags.len() == 1;
        is_list.then(|| reply(200).header("Content-Type", content_type).header("ETag", "W/\"1\"").body(body))
    });
    weak.manifests.lock().unwrap().put("list", INDEX_TYPE, br#"{"schemaVersion":2,"manifests":[]}"#);
    push(&client, &weak.server.host, 1).unwrap();
    let seen = weak.server.seen();
    let put = seen.iter().find(|seen| seen.method == "PUT" && seen.path().contains("/sha256-")).unwrap();
    assert_eq!((put.header("if-match"), put.header("if-none-match")), (None, None));
}

#[test]
fn a_list_that_changed_meanwhile_is_merged() {
    // Another client writes after each of the first three reads of the list.
    let others = AtomicUsize::new(0);
    let registry = Registry::with(WITH_CONDITIONS, move |seen, manifests| {
        let tag = tag_of(&subject());
        if seen.method == "PUT" && seen.path().ends_with(&tag) && others.load(Ordering::SeqCst) < 3 {
            let number = 100 + others.fetch_add(1, Ordering::SeqCst);
            let mut list = manifests
                .json(&tag)
                .unwrap_or_else(|| json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}));
            list["manifests"].as_array_mut().unwrap().push(
                json!({"mediaType": MANIFEST_TYPE, "digest": digest(&[number as u8]), "size": 1, "annotations": {"number": number.to_string()}}),
            );
            manifests.put(&tag, INDEX_TYPE, list.to_string().as_bytes());
        }
        None
    });
    push(&client(), &registry.server.host, 1).unwrap();
    assert_eq!(listed(&registry), [1, 100, 101, 102]);
    assert_eq!(registry.server.count("PUT", "sha256-"), 4);
}

#[test]
fn a_lost_update_is_noticed() {
    // Without conditional requests: the first two lists are overwritten by a client that has not seen them.
    let lost = AtomicUsize::new(0);
    let registry = Registry::with(Abilities::default(), move |seen, manifests| {
        let tag = tag_of(&subject());
        let put = seen.method == "PUT" && seen.path().ends_with(&tag);
        if put && lost.fetch_add(1, Ordering::SeqCst) < 2 {
            let other = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
                {"mediaType": MANIFEST_TYPE, "digest": digest(b"other"), "size": 1, "annotations": {"number": "9"}}]});
            manifests.put(&tag, INDEX_TYPE, other.to_string().as_bytes());
            return Some(reply(201));
        }
        None
    });
    push(&client(), &registry.server.host, 1).unwrap();
    assert_eq!(listed(&registry), [1, 9]);
}

#[test]
fn a_list_that_never_stays_is_an_error() {
    let refuses =
        |seen: &Seen, _: &mut Manifests| (seen.method == "PUT" && seen.path().contains("/sha256-")).then(|| reply(412));
    let registry = Registry::with(Abilities::default(), refuses);
    let error = fails(push(&client(), &registry.server.host, 1), Code::Http, "is stored, but not listed");
    assert!(error.message().contains("keeps changing"), "{error}");
    assert_eq!(registry.server.count("PUT", "sha256-"), 16);
    // The deadline ends it too.
    let client = client();
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_millis(300)));
    let manifest = referrer(&subject(), 1);
    let outcome = client.put_manifest(&call, &tag(&registry.server.host), manifest.as_bytes(), &PutOptions::default());
    fails(outcome, Code::Timeout, "is stored, but not listed");
}

#[test]
fn a_registry_that_misunderstands_the_condition_still_gets_its_list() {
    let registry = Registry::with(Abilities::default(), |seen, _| seen.header("if-none-match").map(|_| reply(412)));
    push(&client(), &registry.server.host, 1).unwrap();
    assert_eq!(listed(&registry), [1]);
}

#[test]
fn what_is_no_list_is_not_overwritten() {
    let client = client();
    for (content_type, body) in [
        (MANIFEST_TYPE, MANIFEST.to_owned()),
        (
            "application/vnd.docker.distribution.manifest.list.v2+json",
            r#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}"#
                .to_owned(),
        ),
        ("text/html", "<html>".to_owned()),
        (INDEX_TYPE, r#"{"schemaVersion":2,"manifests":[{"digest":"x"}]}"#.to_owned()),
    ] {
        let registry = Registry::with(Abilities::default(), move |seen, _| {
            let is_list = seen.path().contains("/sha256-");
            is_list.then(|| reply(200).header("Content-Type", content_type).body(&body))
        });
        let error = fails(push(&client, &registry.server.host, 1), Code::Protocol, "is stored, but not listed");
        assert!(error.message().contains("not a list of referrers"), "{error}");
        assert_eq!(registry.server.count("PUT", "sha256-"), 0);
    }
    let refuses = Registry::with(Abilities::default(), |seen, _| {
        (seen.method == "PUT" && seen.path().contains("/sha256-")).then(|| reply(403))
    });
    fails(push(&client, &refuses.server.host, 1), Code::Forbidden, "is stored, but not listed");
}

#[test]
fn a_put_whose_answer_was_lost_asks_for_the_api() {
    for referrers in [true, false] {
        let lost_once = AtomicUsize::new(0);
        let registry = Registry::with(Abilities { referrers, ..Abilities::default() }, move |seen, manifests| {
            if seen.method == "PUT"
                && !seen.path().contains("/sha256-")
                && lost_once.fetch_add(1, Ordering::SeqCst) == 0
            {
                manifests.put("x", MANIFEST_TYPE, &seen.body);
                return Some(lost());
            }
            None
        });
        let put = push(&client(), &registry.server.host, 1).unwrap();
        assert_eq!(put.referrers, Some(if referrers { ReferrersSource::Api } else { ReferrersSource::Tag }));
        assert_eq!(registry.json(&tag_of(&subject())).is_some(), !referrers);
        assert_eq!(registry.server.count("PUT", "sha256:"), 1);
    }
}

#[test]
fn a_lost_answer_to_the_list_is_no_second_entry() {
    let lost_once = AtomicUsize::new(0);
    let registry = Registry::with(Abilities::default(), move |seen, manifests| {
        if seen.method == "PUT" && seen.path().contains("/sha256-") && lost_once.fetch_add(1, Ordering::SeqCst) == 0 {
            manifests.put(&tag_of(&subject()), INDEX_TYPE, &seen.body);
            return Some(lost());
        }
        None
    });
    push(&client(), &registry.server.host, 1).unwrap();
    assert_eq!((listed(&registry), registry.server.count("PUT", "sha256-")), (vec![1], 1));
}

/// Eight at once; within one client they take turns, with eight clients the conditions decide.
fn eight_at_once(registry: &Registry, clients: Vec<Client>) {
    let host = Arc::new(registry.server.host.clone());
    let workers: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, client)| {
            let host = host.clone();
            std::thread::spawn(move || push(&client, &host, number).unwrap())
        })
        .collect();
    for worker in workers {
        assert_eq!(worker.join().unwrap().referrers, Some(ReferrersSource::Tag));
    }
    assert_eq!(listed(registry), (0..8).collect::<Vec<_>>());
}

#[test]
fn eight_threads_of_one_client_lose_nothing() {
    for abilities in [Abilities::default(), WITH_CONDITIONS] {
        let registry = Registry::start(abilities);
        let client = client();
        eight_at_once(&registry, vec![client; 8]);
        // One writer at a time: none had to write twice.
        assert_eq!(registry.server.count("PUT", "sha256-"), 8);
    }
}

#[test]
fn eight_clients_lose_nothing_where_conditions_hold() {
    let registry = Registry::start(WITH_CONDITIONS);
    eight_at_once(&registry, (0..8).map(|_| client()).collect());
}

#[test]
fn who_waits_for_his_turn_can_be_cancelled() {
    let registry = Registry::with(Abilities::default(), |seen, _| {
        (seen.method == "GET" && seen.path().contains("/sha256-")).then(|| reply(200).then(Then::Stall))
    });
    let client = client();
    let holder = { (client.clone(), registry.server.host.clone()) };
    let first = std::thread::spawn(move || push(&holder.0, &holder.1, 1).is_err());
    while registry.server.count("GET", "sha256-") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (context, call) = with_context(&client);
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        context.cancel();
    });
    let manifest = referrer(&subject(), 2);
    let reference = at(&registry.server.host, &digest(manifest.as_bytes()));
    let taken = within(Duration::from_millis(900), || {
        let outcome = client.put_manifest(&call, &reference, manifest.as_bytes(), &PutOptions::default());
        fails(outcome, Code::Cancelled, "");
    });
    assert!(taken < Duration::from_millis(400), "{taken:?}");
    canceller.join().unwrap();
    client.close();
    assert!(first.join().unwrap());
}

#[test]
fn a_delete_takes_it_off_the_list() {
    let registry = Registry::start(WITH_CONDITIONS);
    let client = client();
    let host = &registry.server.host;
    push(&client, host, 1).unwrap();
    push(&client, host, 2).unwrap();
    let deleted = delete(&client, host, 1).unwrap();
    assert_eq!(
        (deleted.status, deleted.referrers, deleted.subject),
        (Some(202), Some(ReferrersSource::Tag), Some(subject()))
    );
    assert_eq!(listed(&registry), [2]);
    // The last one: the list itself is deleted.
    delete(&client, host, 2).unwrap();
    assert_eq!(registry.tags(), [""; 0]);
    let found = client.referrers(&call(&client), &at(host, &subject()), &ReferrersOptions::default()).unwrap();
    assert_eq!((found.referrers.len(), found.source), (0, ReferrersSource::None));
    // The API was probed once.
    assert_eq!(registry.server.count("GET", "/referrers/"), 1);
}

#[test]
fn a_list_that_cannot_be_deleted_is_left_empty() {
    let empty = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []});
    // A registry that keeps the tags of what is deleted, and one that refuses to delete the list.
    let stays = Registry::start(Abilities { delete: true, tags_stay: true, ..Abilities::default() });
    let kept = Registry::with(Abilities { delete: true, ..Abilities::default() }, |seen, manifests| {
        let name = seen.path().rsplit('/').next().unwrap();
        let is_list = seen.method == "DELETE" && manifests.json(name)?.get("manifests").is_some();
        is_list.then(|| reply(405))
    });
    for registry in [stays, kept] {
        let client = client();
        push(&client, &registry.server.host, 1).unwrap();
        delete(&client, &registry.server.host, 1).unwrap();
        assert_eq!(registry.json(&tag_of(&subject())), Some(empty.clone()));
    }
}

#[test]
fn a_delete_costs_nothing_where_the_registry_lists() {
    let registry = Registry::start(Abilities { referrers: true, delete: true, ..Abilities::default() });
    let client = client();
    push(&client, &registry.server.host, 1).unwrap();
    push(&client, &registry.server.host, 2).unwrap();
    let deleted = delete(&client, &registry.server.host, 1).unwrap();
    assert_eq!((deleted.referrers, registry.server.seen().len()), (None, 3));
    // Another client has to probe, once.
    let other = crate::common::client();
    delete(&other, &registry.server.host, 2).unwrap();
    assert_eq!((registry.server.count("GET", "/referrers/"), registry.server.count("GET", "/manifests/")), (1, 0));
}

#[test]
fn a_delete_of_what_has_no_subject_or_is_broken_goes_on() {
    let registry = Registry::start(Abilities { delete: true, ..Abilities::default() });
    let client = client();
    registry.manifests.lock().unwrap().put("t", MANIFEST_TYPE, MANIFEST.as_bytes());
    let deleted =
        client.delete_manifest(&call(&client), &at(&registry.server.host, &subject()), &Default::default()).unwrap();
    assert_eq!((deleted.status, deleted.referrers), (Some(202), None));
    registry.manifests.lock().unwrap().put("t", MANIFEST_TYPE, b"[]");
    let reference = at(&registry.server.host, &digest(b"[]"));
    assert_eq!(client.delete_manifest(&call(&client), &reference, &Default::default()).unwrap().status, Some(202));
    fails(client.delete_manifest(&call(&client), &reference, &Default::default()), Code::NotFound, "delete");
    // A manifest whose list cannot be changed is deleted all the same, and the error says so.
    let odd = Registry::with(Abilities { delete: true, ..Abilities::default() }, |seen, _| {
        (seen.method == "GET" && seen.path().contains("/sha256-")).then(|| reply(200).body("x"))
    });
    let manifest = referrer(&subject(), 1);
    odd.manifests.lock().unwrap().put("t", MANIFEST_TYPE, manifest.as_bytes());
    fails(delete(&client, &odd.server.host, 1), Code::Protocol, "is deleted, but still listed");
    assert!(odd.tags().is_empty());
}

#[test]
fn sha512_subjects_have_their_tag() {
    let subject = ocireg::digest::Algorithm::Sha512.digest(b"x");
    let registry = Registry::start(Abilities::default());
    let client = client();
    let manifest = referrer(&subject, 1);
    let reference = Reference::parse(&format!("{}/a/b:t", registry.server.host), None).unwrap();
    client.put_manifest(&call(&client), &reference, manifest.as_bytes(), &PutOptions::default()).unwrap();
    assert_eq!(registry.tags(), [format!("sha512-{}", &subject.hex()[..64]), "t".to_owned()]);
}
