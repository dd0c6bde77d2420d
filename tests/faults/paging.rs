//! Paging belongs to the registry: a list continues where its Link says, not after a name that the client chose.

use ocireg::error::{Code, Result};
use ocireg::registry::referrers::{ReferrersOptions, ReferrersSource};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::CatalogOptions;
use serde_json::json;

use crate::common::*;
use crate::server::*;

fn names(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("t{number:03}")).collect()
}

fn query<'a>(seen: &'a Seen, key: &str) -> Option<&'a str> {
    let (_, query) = seen.target.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

/// A page of tags and repositories.
fn page(names: &[String]) -> Reply {
    reply(200).json(&json!({"name": "a/b", "tags": names, "repositories": names}).to_string())
}

/// Registries whose cursor is their own token, in the parameter `key`. Anything else starts at the beginning (Quay), or
/// is refused (ECR). Pages have at most three names.
fn tokens(total: usize, key: &'static str, refuses: bool) -> Server {
    Server::start(move |seen| {
        let token = query(seen, "next_page").or(query(seen, "last"));
        let at = match token.map(|token| token.strip_prefix("gAAAA%3D-")) {
            Some(None) if refuses => return reply(400).json(r#"{"errors":[{"code":"UNSUPPORTED","message":"last"}]}"#),
            token => token.flatten().map_or(0, |at| at.parse().unwrap()),
        };
        let size = query(seen, "n").map_or(3, |n| n.parse().unwrap()).min(3);
        let end = total.min(at + size);
        let found = page(&names(at, end));
        match end < total {
            true => found.header("Link", format!("<{}?n={size}&{key}=gAAAA%3D-{end}>; rel=\"next\"", seen.path())),
            false => found,
        }
    })
}

fn page_of_tags(server: &Server, options: &TagsOptions) -> Result<(Vec<String>, Option<String>)> {
    let client = client();
    let found = client.tags(&call(&client), &format!("{}/a/b", server.host), options)?;
    assert_eq!(found.last.is_some(), found.next.is_some());
    Ok((found.tags.to_vec(), found.next))
}

fn page_of_catalog(server: &Server, options: &CatalogOptions) -> Result<(Vec<String>, Option<String>)> {
    let client = client();
    let found = client.catalog(&call(&client), &server.host, options)?;
    assert_eq!(found.last.is_some(), found.next.is_some());
    Ok((found.repositories.to_vec(), found.next))
}

/// A whole list, one call per page, following each page's `next`.
fn by_next(mut page: impl FnMut(Option<String>) -> Result<(Vec<String>, Option<String>)>) -> Result<Vec<Vec<String>>> {
    let (mut pages, mut next) = (Vec::new(), None);
    loop {
        assert!(pages.len() < 100, "it has no end");
        let (names, then) = page(next)?;
        pages.push(names);
        match then {
            Some(then) => next = Some(then),
            None => return Ok(pages),
        }
    }
}

fn tags_by_next(server: &Server, n: u64) -> Result<Vec<Vec<String>>> {
    by_next(|next| page_of_tags(server, &TagsOptions { n: Some(n), next, ..Default::default() }))
}

fn catalog_by_next(server: &Server, options: &CatalogOptions) -> Result<Vec<Vec<String>>> {
    by_next(|next| page_of_catalog(server, &CatalogOptions { next, ..options.clone() }))
}

#[test]
fn a_token_of_the_registry_leads_through_the_list() {
    for (key, refuses) in [("next_page", false), ("last", false), ("last", true)] {
        for (n, pages) in [(1, 10), (2, 5), (3, 4), (5, 2), (100, 1)] {
            let server = tokens(10, key, refuses);
            let tags = tags_by_next(&server, n).unwrap();
            assert_eq!((tags.len(), tags.concat()), (pages, names(0, 10)), "{key} {n}");
            let found = catalog_by_next(&server, &CatalogOptions { n: Some(n), ..Default::default() }).unwrap();
            assert_eq!((found.len(), found.concat()), (pages, names(0, 10)), "{key} {n}");
        }
        let server = tokens(10, key, refuses);
        tags_by_next(&server, 3).unwrap();
        assert!(server.seen()[3].target.ends_with(&format!("?n=3&{key}=gAAAA%3D-9")), "as the registry wrote it");
    }
}

#[test]
fn all_names_come_in_one_call_by_pages_of_a_size() {
    let server = tokens(10, "next_page", false);
    let options = TagsOptions { n: Some(2), all: true, ..Default::default() };
    assert_eq!(page_of_tags(&server, &options).unwrap(), (names(0, 10), None));
    let options = CatalogOptions { n: Some(2), all: true, search: Some("t".to_owned()), ..Default::default() };
    assert_eq!(page_of_catalog(&server, &options).unwrap(), (names(0, 10), None));
    assert!(server.seen().len() == 10 && server.seen().iter().all(|seen| query(seen, "n") == Some("2")));
    // Also from where another call stopped.
    let (_, next) = page_of_tags(&server, &TagsOptions { n: Some(3), ..Default::default() }).unwrap();
    let options = TagsOptions { n: Some(1), all: true, next, last: Some("t007".to_owned()), ..Default::default() };
    assert_eq!(page_of_tags(&server, &options).unwrap(), (names(3, 10), None));
}

#[test]
fn a_search_goes_on_in_the_middle_of_a_page() {
    let server = tokens(100, "next_page", false);
    let options = CatalogOptions { n: Some(4), regex: Some("[37]$".to_owned()), ..Default::default() };
    let found = catalog_by_next(&server, &options).unwrap();
    let wanted: Vec<String> = names(0, 100).into_iter().filter(|name| name.ends_with(['3', '7'])).collect();
    // After the last match there may be more pages.
    assert_eq!((found.len(), found.concat()), (6, wanted));
}

/// Referrers, signatures and ordinary tags in one list, in pages of four.
#[test]
fn tags_that_are_made_of_a_digest_are_left_out_on_request() {
    let value = "0a".repeat(32);
    let all: Vec<String> = (0..20)
        .map(|at| match at % 5 {
            0 => format!("t{at:03}"),
            1 => format!("sha256-{}{at:02}", &value[2..]),
            2 => format!("sha256-{}{at:02}.sig", &value[2..]),
            3 => format!("sha512-{}{at:02}.att", &value[2..]),
            _ => format!("sha256-{at}"),
        })
        .collect();
    let wanted: Vec<String> = all.iter().filter(|tag| tag.len() < 64).cloned().collect();
    let pages = all.clone();
    let server = Server::start(move |seen| {
        let at: usize = query(seen, "last").map_or(0, |at| at.parse().unwrap());
        let end = pages.len().min(at + 4);
        let found = page(&pages[at..end]);
        match end < pages.len() {
            true => found.header("Link", format!("<{}?last={end}>; rel=\"next\"", seen.path())),
            false => found,
        }
    });
    assert_eq!(page_of_tags(&server, &TagsOptions::default()).unwrap(), (all, None));
    let options = TagsOptions { digest_tags: false, ..Default::default() };
    assert_eq!(page_of_tags(&server, &options).unwrap(), (wanted.clone(), None));
    for n in [1, 3, 100] {
        let options = TagsOptions { n: Some(n), ..options.clone() };
        let parts = by_next(|next| page_of_tags(&server, &TagsOptions { next, ..options.clone() })).unwrap();
        assert!(parts.iter().all(|part| part.len() <= n as usize) && parts.concat() == wanted, "{n}");
    }
    let seen = server.seen();
    assert!(seen[seen.len() - 1].target.ends_with("last=16"), "to the end: {}", seen[seen.len() - 1].target);
}

/// A registry that ignores n returns everything each time. Names that are added or removed meanwhile do not shift the
/// others.
#[test]
fn a_whole_list_is_gone_through_by_parts() {
    for (change, wanted) in [
        (None, vec![0, 1, 2, 3, 4, 5, 6]),
        (Some(0), vec![0, 1, 2, 3, 4, 5, 6]),
        (Some(1), vec![0, 1, 2, 3, 4, 5, 6]),
        (Some(4), vec![0, 1, 2, 3, 5, 6]),
    ] {
        let server = Server::start(move |seen| {
            let mut all = names(0, 7);
            match change.filter(|_| seen.number > 0) {
                // If the last name was removed, the others moved up, and that is all that is known.
                Some(1) => drop(all.splice(1..2, names(90, 91))),
                Some(gone) => drop(all.remove(gone)),
                None => {}
            }
            page(&all)
        });
        let wanted: Vec<String> = wanted.into_iter().map(|number| names(number, number + 1).remove(0)).collect();
        assert_eq!(tags_by_next(&server, 2).unwrap().concat(), wanted, "{change:?}");
    }
}

#[test]
fn last_is_a_name_to_begin_after() {
    let after = |server: &Server, last: &str, n: Option<u64>| {
        page_of_tags(server, &TagsOptions { n, last: Some(last.to_owned()), ..Default::default() })
    };
    let honest = Server::start(|seen| match query(seen, "last") {
        Some(last) => page(&names(0, 9).into_iter().filter(|name| name.as_str() > last).collect::<Vec<_>>()),
        None => page(&names(0, 9)),
    });
    assert_eq!(after(&honest, "t003", None).unwrap().0, names(4, 9));
    assert_eq!(after(&honest, "t0", Some(2)).unwrap().0, names(0, 2));
    assert_eq!(after(&honest, "t008", None).unwrap().0, names(0, 0));
    assert_eq!(after(&honest, "", Some(9)).unwrap().0, names(0, 9));
    assert_eq!(honest.seen().len(), 4, "nothing is asked twice");
    // Another order is accepted, if the list continues in it.
    let newest = Server::start(|seen| {
        let mut all = names(0, 9);
        all.reverse();
        let begin = query(seen, "last").map_or(0, |last| all.iter().position(|name| name == last).unwrap() + 1);
        page(&all[begin..])
    });
    assert_eq!(after(&newest, "t006", None).unwrap().0[..2], ["t005", "t004"]);
    // A complete list is cut into pages here (distribution 2.8).
    let whole = Server::start(|_| page(&names(0, 9)));
    assert_eq!(after(&whole, "t003", Some(2)).unwrap().0, names(4, 6));
    assert_eq!(after(&whole, "t008", None).unwrap().0, names(0, 0));
}

/// Returning the first page again would never end.
#[test]
fn a_registry_that_takes_no_notice_of_last_is_an_error() {
    let quay = tokens(10, "next_page", false);
    for last in ["t001", "t002", "t003", "t007", "u"] {
        for n in [None, Some(2), Some(3), Some(100)] {
            let options = TagsOptions { n, last: Some(last.to_owned()), ..Default::default() };
            let error = fails(page_of_tags(&quay, &options), Code::Unsupported, "ignores last");
            assert!(error.to_json()["hint"].as_str().unwrap().contains("next"));
            let options =
                CatalogOptions { n, last: Some(last.to_owned()), search: Some("t".to_owned()), ..Default::default() };
            fails(page_of_catalog(&quay, &options), Code::Unsupported, "ignores last");
        }
    }
    let whole = Server::start(|_| page(&names(0, 9)));
    let options = TagsOptions { last: Some("t0035".to_owned()), ..Default::default() };
    fails(page_of_tags(&whole, &options), Code::Unsupported, "ignores last");
    // In another order, the first page may contain nothing that sorts before the name.
    let newest = Server::start(|seen| {
        let mut all = names(0, 9);
        all.reverse();
        let (at, size) =
            [("at", 0), ("n", 3)].map(|(key, usual)| query(seen, key).map_or(usual, |n| n.parse().unwrap())).into();
        page(&all[at..9.min(at + size)]).header("Link", format!("<?at={}&n={size}>", at + size))
    });
    for n in [None, Some(1), Some(2)] {
        let options = TagsOptions { n, last: Some("t002".to_owned()), ..Default::default() };
        fails(page_of_tags(&newest, &options), Code::Unsupported, "ignores last");
    }
    // The name sorts before all that exist, and one name per page shows no order.
    let after = Server::start(|seen| {
        let all = names(3, 6);
        let found: Vec<String> =
            all.into_iter().filter(|name| query(seen, "last").is_none_or(|last| name.as_str() > last)).collect();
        let one = page(&found[..found.len().min(1)]);
        if found.len() > 1 {
            one.header("Link", format!("<?n=1&last={}>; rel=next", found[0]))
        } else {
            one
        }
    });
    let options = TagsOptions { n: Some(1), last: Some("t001".to_owned()), ..Default::default() };
    assert_eq!(page_of_tags(&after, &options).unwrap().0, names(3, 4));
    let ecr = tokens(10, "last", true);
    let options = TagsOptions { last: Some("t003".to_owned()), ..Default::default() };
    assert_eq!(page_of_tags(&ecr, &options).unwrap_err().http_status(), Some(400));
}

/// A walk through a list that loops ends, although the calls do not remember each other.
#[test]
fn pages_that_go_round_end_in_every_walk() {
    type Answer = fn(&Seen) -> (Vec<String>, String);
    let servers: [(&str, Answer); 4] = [
        ("the same link", |seen| match query(seen, "at") {
            None => (names(0, 2), "at=2".to_owned()),
            Some(_) => (names(2, 4), "at=2".to_owned()),
        }),
        ("two links", |seen| match query(seen, "at") {
            Some("2") => (names(2, 4), "at=4".to_owned()),
            _ => (names(4, 6), "at=2".to_owned()),
        }),
        ("the first page again by other tokens", |seen| (names(0, 2), format!("at={}", seen.number))),
        ("a long way round", |seen| {
            let at = query(seen, "at").map_or(0, |at| at.parse().unwrap()) % 20;
            (names(at, at + 2), format!("at={}&token={}", at + 2, seen.number))
        }),
    ];
    for (which, answer) in servers {
        let start = || {
            Server::start(move |seen| {
                let (names, query) = answer(seen);
                page(&names).header("Link", format!("<{}?{query}>; rel=\"next\"", seen.path()))
            })
        };
        for n in [1, 2, 3] {
            let server = start();
            let error = tags_by_next(&server, n).unwrap_err();
            assert_eq!(error.code(), Code::Protocol, "{which} {n}: {error}");
            assert!(server.seen().len() < 220, "{which} {n}: {}", server.seen().len());
        }
        fails(page_of_tags(&start(), &TagsOptions { n: Some(2), all: true, ..Default::default() }), Code::Protocol, "");
        fails(catalog_by_next(&start(), &CatalogOptions { n: Some(2), ..Default::default() }), Code::Protocol, "loop");
    }
}

#[test]
fn what_is_given_back_leads_nowhere_else() {
    let (server, other) = (tokens(10, "next_page", false), tokens(10, "next_page", false));
    let n = Some(3);
    let (_, next) = page_of_tags(&server, &TagsOptions { n, ..Default::default() }).unwrap();
    let before = (server.seen().len(), other.seen().len());
    let refused = |outcome: Result<(Vec<String>, Option<String>)>, part: &str| {
        fails(outcome, Code::InvalidArgument, part);
    };
    let options = |next: &str| TagsOptions { n, next: Some(next.to_owned()), ..Default::default() };
    let next = next.unwrap();
    refused(page_of_tags(&other, &options(&next)), "another list");
    let client = client();
    let of_another = client.tags(&call(&client), &format!("{}/a/c", server.host), &options(&next));
    refused(of_another.map(|found| (found.tags.to_vec(), found.next)), "another list");
    let of_catalog = CatalogOptions { n, next: Some(next.clone()), ..Default::default() };
    refused(page_of_catalog(&server, &of_catalog), "another list");
    let subject = at(&server.host, &digest(MANIFEST.as_bytes()));
    let of_referrers = ReferrersOptions { next: Some(next.clone()), ..Default::default() };
    fails(client.referrers(&call(&client), &subject, &of_referrers).map(drop), Code::InvalidArgument, "another list");
    for forged in [
        "",
        "t002",
        "?n=3",
        "//evil.example/",
        "https://evil.example/v2/a/b/tags/list",
        &next[1..],
        &format!("{next}{next}"),
    ] {
        refused(page_of_tags(&server, &options(forged)), "the option next");
    }
    assert_eq!((server.seen().len(), other.seen().len()), before, "nobody was asked");
}

/// Proxies rewrite paths but not the links in responses: of a link to the same list only the query counts.
#[test]
fn a_link_by_another_path_is_the_same_list() {
    for path in [
        "/repository/p/v2/a/b/tags/list",
        "/v2/x/a/b/tags/list",
        "a/b/tags/list",
        "/",
        "/v2/b/tags/list",
        "list/page/2",
    ] {
        let server = Server::start(move |seen| match (query(seen, "at"), seen.path()) {
            (None, "/v2/a/b/tags/list") => page(&names(0, 2)).header("Link", format!("<{path}?at=2>")),
            (Some("2"), "/v2/a/b/tags/list" | "/v2/a/b/tags/list/page/2") => page(&names(2, 4)),
            _ => reply(404),
        });
        assert_eq!(page_of_tags(&server, &TagsOptions::default()).unwrap().0, names(0, 4), "{path}");
        assert_eq!(tags_by_next(&server, 2).unwrap().concat(), names(0, 4), "{path}");
        assert_eq!(tags_by_next(&server, 1).unwrap().concat(), names(0, 4), "{path}");
    }
    let elsewhere = Server::start(|_| page(&names(0, 2)).header("Link", "</token?service=x>; rel=\"next\""));
    fails(
        page_of_tags(&elsewhere, &TagsOptions { n: Some(2), ..Default::default() }),
        Code::Protocol,
        "does not lead to this list",
    );
    let long = Server::start(|_| page(&names(0, 2)).header("Link", format!("<?at={}>", "x".repeat(20_000))));
    fails(page_of_tags(&long, &TagsOptions { n: Some(2), ..Default::default() }), Code::Protocol, "too long");
}

/// A list that is answered by another host is requested from the original host again, whose credentials stay there.
#[test]
fn a_redirected_list_goes_on_by_way_of_its_own_registry() {
    ["", "/mirror"].into_iter().for_each(goes_on_by_way_of_its_own_registry);
}

fn goes_on_by_way_of_its_own_registry(prefix: &'static str) {
    let target = tokens(8, "next_page", false);
    let to = target.host.clone();
    let server = Server::start(move |seen| match seen.header("authorization") {
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"x\""),
        Some(_) => reply(307).header("Location", format!("http://{to}{prefix}{}", seen.target)),
    });
    let client = client_for(&server.host);
    let found = by_next(|next| {
        let options = TagsOptions { n: Some(2), next, ..Default::default() };
        let found = client.tags(&call(&client), &format!("{}/a/b", server.host), &options)?;
        Ok((found.tags.to_vec(), found.next))
    });
    assert_eq!(found.unwrap().concat(), names(0, 8));
    assert!(target.seen().len() == 4 && target.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn referrers_go_on_where_a_call_stopped() {
    let subject = digest(MANIFEST.as_bytes());
    let entries = |from: usize, to: usize| -> Vec<serde_json::Value> {
        let entry = |number: usize| json!({"mediaType": MANIFEST_TYPE, "digest": digest(&[number as u8]), "size": 1, "artifactType": if number < 5 { "a/x" } else { "a/y" }});
        (from..to).map(entry).collect()
    };
    let index = |entries: Vec<serde_json::Value>| {
        reply(200)
            .header("Content-Type", INDEX_TYPE)
            .body(json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string())
    };
    let api = Server::start(move |seen| match query(seen, "token") {
        None => index(entries(0, 4)).header("Link", "<?token=b>; rel=next"),
        Some("b") => index(entries(4, 8)).header("Link", "<?token=c>; rel=next"),
        Some(_) => index(entries(8, 10)),
    });
    let tag = Server::start(move |seen| match seen.path().contains("/referrers/") {
        true => reply(404),
        false => index(entries(0, 10)),
    });
    for (server, source) in [(&api, ReferrersSource::Api), (&tag, ReferrersSource::Tag)] {
        for (kind, count) in [(None, 10), (Some("a/y"), 5)] {
            for max in [1, 2, 3, 4, 5, 10] {
                let client = client();
                let found = by_next(|next| {
                    let options = ReferrersOptions {
                        artifact_type: kind.map(str::to_owned),
                        max: Some(max),
                        next,
                        ..Default::default()
                    };
                    let found = client.referrers(&call(&client), &at(&server.host, &subject), &options)?;
                    assert_eq!((found.source, found.truncated), (source, found.next.is_some()));
                    Ok((found.referrers.iter().map(|one| one.digest.to_string()).collect(), found.next))
                });
                let mut found = found.unwrap().concat();
                assert_eq!(found.len(), count, "{source:?} {kind:?} {max}");
                found.sort();
                found.dedup();
                assert_eq!(found.len(), count);
            }
        }
    }
    let client = client();
    let list = |options: ReferrersOptions| client.referrers(&call(&client), &at(&api.host, &subject), &options);
    let next = list(ReferrersOptions { max: Some(1), ..Default::default() }).unwrap().next;
    let filtered = ReferrersOptions { artifact_type: Some("a/x".to_owned()), next, ..Default::default() };
    fails(list(filtered), Code::InvalidArgument, "another list");
    let round = Server::start(move |_| index(entries(0, 2)).header("Link", "<?token=b>; rel=next"));
    let walk = by_next(|next| {
        let options = ReferrersOptions { max: Some(2), next, ..Default::default() };
        let found = client.referrers(&call(&client), &at(&round.host, &subject), &options)?;
        Ok((vec![], found.next))
    });
    fails(walk, Code::Protocol, "loop");
}
