//! Lists in every unusual form, and endless lists.

use std::time::Instant;

use ocireg::error::{Code, Error};
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::tags::{Tags, TagsOptions};
use ocireg::registry::{CatalogOptions, Client};

use crate::common::*;
use crate::server::*;

fn tags(server: &Server) -> Result<Tags, Error> {
    let client = client();
    client.tags(&call(&client), &format!("{}/a/b", server.host), &TagsOptions::default())
}

#[test]
fn odd_lists_are_lists() {
    for (body, wanted) in [
        (r#"{"name":"a/b","tags":null}"#, &[][..]),
        (r#"{"name":"a/b"}"#, &[]),
        (
            r#"{"tags":["z","a",null,"z","sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"]}"#,
            &["z", "a"],
        ),
    ] {
        let server = Server::start(move |_| reply(200).json(body));
        assert_eq!(tags(&server).unwrap().tags, wanted, "{body}");
    }
    let google = Server::start(|_| {
        reply(200).json(r#"{"child":["c"],"manifest":{"sha256:x":{"tag":["1"]}},"name":"a/b","tags":["1"]}"#)
    });
    let found = tags(&google).unwrap();
    assert_eq!((found.more["child"][0].as_str(), found.more["manifest"].is_object()), (Some("c"), true));
}

fn repositories(server: &Server) -> Result<Vec<String>, Error> {
    let client = client();
    let found = client.catalog(&call(&client), &server.host, &CatalogOptions::default())?;
    Ok(found.repositories.to_vec())
}

/// A response of another shape is not a list, and is never reported as a shorter one.
#[test]
fn what_has_another_shape_is_no_list() {
    for body in [
        r#"{"KEY":"a"}"#,
        r#"{"KEY":{"a":1}}"#,
        r#"{"KEY":true}"#,
        r#"{"KEY":0}"#,
        r#"{"KEY":["ok",1]}"#,
        r#"{"KEY":["ok",["a"]]}"#,
        r#"{"KEY":[{"name":"ok"}]}"#,
        r#"{"KEY":[false]}"#,
        r#"{"errors":[{"code":"UNKNOWN","message":"maintenance"}]}"#,
        r#"{"name":"a/b","errors":"maintenance"}"#,
    ] {
        let answer = |key| {
            let body = body.replace("KEY", key);
            Server::start(move |_| reply(200).json(&body))
        };
        let part = if body.contains("errors") { "maintenance" } else { "the response" };
        fails(tags(&answer("tags")), Code::Protocol, part);
        fails(repositories(&answer("repositories")), Code::Protocol, part);
    }
    // Some other response without a list; a repository without tags may be an object with only its name.
    for body in [r#"{"status":"ok"}"#, r#"{"Name":"a/b","Tags":["a"]}"#] {
        fails(tags(&Server::start(move |_| reply(200).json(body))), Code::Protocol, "no list tags");
        fails(repositories(&Server::start(move |_| reply(200).json(body))), Code::Protocol, "no list repositories");
    }
    for body in ["{}", r#"{"name":"a/b"}"#] {
        tags(&Server::start(move |_| reply(200).json(body))).unwrap();
    }
    let busy = Server::start(|_| reply(200).json(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"later"}]}"#));
    fails(tags(&busy), Code::RateLimited, "later");
}

/// Strings that cannot be names are left out, and the caller gets a warning with their number.
#[test]
fn what_can_be_no_name_is_left_out() {
    let server = Server::start(|seen| match seen.path().contains("tags") {
        true => reply(200).json(r#"{"tags":["ok","b c","","../x","-","v1"]}"#),
        false => reply(200).json(
            r#"{"repositories":["a/b","","../x","a/../b","a//b","/a","a\u001b[2J","a\u202eb","a\\b","A/B_c.d"]}"#,
        ),
    });
    let client = client();
    let (context, call) = with_context(&client);
    let found = client.tags(&call, &format!("{}/a/b", server.host), &TagsOptions::default()).unwrap();
    assert_eq!(found.tags, ["ok", "v1"]);
    let found = client.catalog(&call, &server.host, &CatalogOptions::default()).unwrap();
    assert_eq!(found.repositories, ["a/b", "A/B_c.d"]);
    let warnings: Vec<String> = context.warnings().into_iter().map(|warning| warning.text).collect();
    assert_eq!(
        warnings,
        [
            "left out of the list tags: 4 entries that cannot be names, the first 'b c'",
            "left out of the list repositories: 8 entries that cannot be names, the first ''"
        ]
    );
}

/// A page whose Link cannot be read is not the last one.
#[test]
fn a_link_that_cannot_be_read_is_no_end() {
    for link in ["garbage", "/v2/a/b/tags/list?last=1", "\"<x>\"", "<a>; rel=prev, junk", "next"] {
        let server = Server::start(move |_| reply(200).header("Link", link).json(r#"{"tags":["1"]}"#));
        fails(tags(&server), Code::Protocol, &format!("the Link header of {} ", server.host));
    }
    for link in ["", ",", "<https://docs.example/>; rel=help", "https://docs.example/; rel=\"help\""] {
        let server = Server::start(move |_| reply(200).header("Link", link).json(r#"{"tags":["1"]}"#));
        assert_eq!(tags(&server).unwrap().tags, ["1"], "{link}");
    }
}

#[test]
fn every_form_of_link_leads_on() {
    for link in [
        r#"</v2/a/b/tags/list?last=1&n=1>; rel="next""#,
        r#"<http://{host}/v2/a/b/tags/list?last=1>; rel="next""#,
        r#"<http://elsewhere.example/x>; rel="prev", </v2/a/b/tags/list?last=1,2>; title="a, b"; rel=next"#,
        r#"/v2/a/b/tags/list?last=1; rel=next"#,
        r#"<?last=1>; rel="next""#,
        r#"<list?last=1>; rel="next""#,
        r#"</v2/a/b/tags/list?next_page=gAAA%2BBB%3D%3D>; rel="next""#,
    ] {
        let server = Server::start(move |seen| match seen.target.contains('?') {
            false => reply(200)
                .header("Link", link.replace("{host}", seen.header("host").unwrap()))
                .json(r#"{"tags":["1"]}"#),
            true => reply(200).json(r#"{"tags":["2"]}"#),
        });
        let found = tags(&server).unwrap_or_else(|error| panic!("{link}: {error}"));
        assert_eq!(found.tags, ["1", "2"], "{link}");
        if link.contains("next_page") {
            assert!(server.seen()[1].target.contains("next_page=gAAA%2BBB%3D%3D"), "followed undecoded");
        }
    }
}

#[test]
fn links_that_go_round_or_away_are_refused() {
    let round =
        Server::start(|_| reply(200).header("Link", "</v2/a/b/tags/list?last=1>; rel=next").json(r#"{"tags":["1"]}"#));
    fails(tags(&round), Code::Protocol, "loop");
    let away =
        Server::start(|_| reply(200).header("Link", "<http://evil.example/v2/>; rel=next").json(r#"{"tags":["1"]}"#));
    fails(tags(&away), Code::Protocol, "evil.example");
    for link in ["rel=next", "</v2/a/b/tags/list?last=1; rel=next", "</v2/a/b/tags/list?last=1", "<>; rel=next", "<"] {
        let broken = Server::start(move |_| reply(200).header("Link", link).json(r#"{"tags":["1"]}"#));
        fails(tags(&broken), Code::Protocol, "");
    }
}

#[test]
fn a_list_is_cut_at_n_though_the_registry_ignores_it() {
    let server = Server::start(|_| reply(200).json(r#"{"tags":["1","2","3"]}"#));
    let client = client();
    let options = TagsOptions { n: Some(2), ..Default::default() };
    let found = client.tags(&call(&client), &format!("{}/a/b", server.host), &options).unwrap();
    assert_eq!((found.tags.len(), found.last.as_deref()), (2, Some("2")));
}

#[test]
fn a_registry_without_a_catalog_says_so() {
    for (status, code) in [(404, Code::Unsupported), (405, Code::Unsupported), (401, Code::Unauthenticated)] {
        let server = Server::start(move |_| reply(status));
        let client = client();
        fails(client.catalog(&call(&client), &server.host, &CatalogOptions::default()), code, "repositories");
    }
}

#[test]
fn bodies_that_are_no_lists() {
    for body in ["<html>", "", "[1", r#"{"tags":["a"],"tags":["b"]}"#] {
        let server = Server::start(move |_| reply(200).json(body));
        fails(tags(&server), Code::Protocol, "JSON");
    }
    for body in ["null", "[]", r#"["a"]"#, r#""a""#, "1", "true"] {
        let server = Server::start(move |_| reply(200).json(body));
        fails(tags(&server), Code::Protocol, "not an object");
        let client = client();
        let outcome = client.catalog(&call(&client), &server.host, &CatalogOptions::default());
        fails(outcome.map(drop), Code::Protocol, "not an object");
    }
    let huge = Server::start(|_| reply(200).header("Content-Length", 64 << 20).then(Then::Close));
    fails(tags(&huge), Code::LimitExceeded, "page");
}

#[test]
fn error_bodies_of_every_form_are_read() {
    for (kind, body, part) in [
        (
            "application/json",
            r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known","detail":{"name":"a/b"}}]}"#,
            "repository name not known",
        ),
        ("application/json", r#"{"errors":["just text"]}"#, "just text"),
        ("application/json", r#"{"error":{"code":"X","message":"nested"}}"#, "nested"),
        ("application/json", r#"{"code":"X","message":"flat"}"#, "flat"),
        ("application/json", r#"{"details":"old style"}"#, "old style"),
        ("text/html", "<html><head><title>Not here</title></head></html>", "Not here"),
        ("text/plain", "404 page not found", "404 page not found"),
        ("text/plain", "", "tags"),
    ] {
        let server = Server::start(move |_| reply(404).header("Content-Type", kind).body(body));
        let error = fails(tags(&server), Code::NotFound, part);
        assert_eq!(error.http_status(), Some(404));
        assert!(error.message().len() < 1000);
    }
}

/// Tells the measured process the address of its server.
const HOST: &str = "OCIREG_TEST_LONG_LIST";
const PAGE: usize = 25 << 20;

/// A page of about 16 MiB with many elements.
fn long_page(key: &str, element: impl Fn(usize) -> String) -> String {
    let mut page = format!(r#"{{"schemaVersion":2,"{key}":["#);
    for number in 0.. {
        page.push_str(&element(number));
        if page.len() > PAGE {
            break;
        }
        page.push(',');
    }
    page + "]}"
}

fn long_answer(path: &str) -> Reply {
    let name = |number: usize| format!("\"t{number}\"");
    match path {
        "/v2/_catalog" => reply(200).json(&long_page("repositories", name)),
        "/v2/long/tags/list" => reply(200).json(&long_page("tags", name)),
        "/v2/odd/tags/list" => reply(200).json(&long_page("odd", |_| "[]".to_owned())),
        path if path.contains("/referrers/") => reply(200).header("Content-Type", INDEX_TYPE).body(long_page(
            "manifests",
            |number| {
                let (digest, created) = (digest(&number.to_le_bytes()), "org.opencontainers.image.created");
                format!(
                    r#"{{"mediaType":"{MANIFEST_TYPE}","digest":"{digest}","size":512,"artifactType":"application/vnd.example.sbom.v1","annotations":{{"{created}":"2026-01-01T00:00:00Z"}}}}"#
                )
            },
        )),
        _ => reply(200).json(r#"{"tags":["1"],"repositories":["1"]}"#),
    }
}

/// Does what a call for a list does: the list becomes the caller's JSON.
fn ask(host: &str, what: &str) -> Result<usize, Error> {
    let client = Client::new(changed(options(), |options| options.http.idle_timeout_ms = 60_000)).unwrap();
    let call = call(&client);
    let text = match what {
        "catalog" => serde_json::to_string(&client.catalog(&call, host, &CatalogOptions::default())?),
        "referrers" => {
            let subject = at(host, &digest(MANIFEST.as_bytes()));
            serde_json::to_string(&client.referrers(&call, &subject, &ReferrersOptions::default())?)
        }
        name => serde_json::to_string(&client.tags(&call, &format!("{host}/{name}"), &TagsOptions::default())?),
    };
    Ok(text.unwrap().len())
}

/// A list is never parsed to a tree of values: millions of names take about as much memory as their text.
#[test]
fn a_long_page_takes_a_few_times_its_bytes() {
    if let Ok(wanted) = std::env::var(HOST) {
        let (what, host) = wanted.split_once(' ').unwrap();
        ask(host, "short").unwrap();
        let (before, begun) = (peak(), Instant::now());
        let outcome = ask(host, what);
        let (taken, memory) = (begun.elapsed(), peak() - before);
        println!("{what}: a page of {} MiB takes {} MiB and {taken:.2?}", PAGE >> 20, memory >> 20);
        match what {
            "odd" => drop(fails(outcome, Code::LimitExceeded, "small values")),
            _ => assert!(outcome.unwrap() > PAGE),
        }
        let most = match what {
            "long" | "catalog" => 4,
            // They are parsed for the caller.
            "referrers" => 4,
            _ => 10,
        };
        assert!(memory < most * PAGE as u64, "{what}: {} MiB", memory >> 20);
        return;
    }
    for (what, path) in [
        ("long", "/v2/long/tags/list"),
        ("catalog", "/v2/_catalog"),
        ("referrers", "/referrers/"),
        ("odd", "/v2/odd/tags/list"),
    ] {
        // Generated before the call, which has a time limit.
        let page = long_answer(path);
        let server = Server::start(move |seen| match seen.path().contains(path) {
            true => page.clone(),
            false => long_answer(seen.path()),
        });
        let this = std::env::current_exe().unwrap();
        let output = std::process::Command::new(this)
            .args(["--exact", "lists::a_long_page_takes_a_few_times_its_bytes", "--nocapture"])
            .env(HOST, format!("{what} {}", server.host))
            .output()
            .unwrap();
        print!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
