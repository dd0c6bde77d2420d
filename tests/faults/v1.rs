//! Protocol v1: an index and a registry that behave as such servers did, one oddity at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use ocireg::error::{Code, Error};
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::Client;
use ocireg::registry_v1::detect::PingOptions;
use ocireg::registry_v1::id::ImageId;
use ocireg::registry_v1::login::{V1Login, V1LoginOptions};
use ocireg::registry_v1::write::PutLayerOptions;
use ocireg::registry_v1::V1Repository;
use serde_json::json;

use crate::common::*;
use crate::server::*;

pub const TOKEN: &str = "signature=0123,repository=\"a/b\",access=read";

pub fn id(digit: char) -> ImageId {
    digit.to_string().repeat(64).parse().unwrap()
}

pub fn image(digit: char) -> String {
    format!(r#"{{"id":"{}","os":"linux"}}"#, id(digit))
}

pub fn checksum(image: &str, layer: &[u8]) -> String {
    digest(&[image.as_bytes(), b"\n", layer].concat()).to_string()
}

pub fn repo(client: &Client, host: &str) -> V1Repository {
    client.v1(&call(client), &repository(host)).unwrap()
}

pub fn is_images(seen: &Seen) -> bool {
    seen.path() == "/v1/repositories/a/b/images"
}

/// An index that is its own registry and needs no authentication; `answer` responds to everything but the session
/// request.
pub fn standalone(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen| match is_images(seen) {
        true => reply(200).header("X-Docker-Token", TOKEN).json("[]"),
        false => answer(seen),
    })
}

/// A registry whose images have this layer.
pub fn with_layer(layer: Vec<u8>, answer: impl Fn(&[u8], &Seen) -> Reply + Send + Sync + 'static) -> Server {
    standalone(move |seen| match seen.path().ends_with("/json") {
        true => {
            let json = image('a');
            let sum = checksum(&json, &layer);
            reply(200).header("X-Docker-Size", layer.len()).header("X-Docker-Checksum-Payload", sum).json(&json)
        }
        false => answer(&layer, seen),
    })
}

#[test]
fn a_ping_is_believed_only_when_it_looks_like_one() {
    let client = client();
    for (header, said) in [("True", Some(true)), ("1", Some(true)), ("0", Some(false)), ("mirror", Some(false))] {
        let server = Server::start(move |_| {
            let answer =
                reply(200).header("X-Docker-Registry-Standalone", header).header("X-Docker-Registry-Version", "0.9.1");
            answer.json("{}")
        });
        let ping = client.v1_ping(&call(&client), &server.host).unwrap();
        assert_eq!((ping.standalone, ping.version.as_deref(), ping.status), (said, Some("0.9.1"), 200));
        assert_eq!(ping.url, server.url("/v1/_ping"));
        assert_eq!(server.seen()[0].header("authorization"), None);
    }
    let bare = Server::start(|_| reply(200).body("true"));
    let ping = client.v1_ping(&call(&client), &bare.host).unwrap();
    assert_eq!((ping.standalone, ping.version, ping.body), (None, None, Some(json!(true))));
    let versions =
        r#"{"host":["Linux","x"],"launch":[],"versions":{"docker_registry.server":"0.9.1","gunicorn":"19.1"}}"#;
    let verbose = Server::start(move |_| reply(200).json(versions));
    let ping = client.v1_ping(&call(&client), &verbose.host).unwrap();
    assert_eq!(ping.body.unwrap()["versions"]["docker_registry.server"], "0.9.1");
    let words = Server::start(|_| reply(200).header("X-Docker-Registry-Version", "0.9.1").body("true\u{7f} as ever"));
    assert_eq!(client.v1_ping(&call(&client), &words.host).unwrap().body, None);
    let page = Server::start(|_| reply(200).header("Content-Type", "text/html").body("<html>welcome</html>"));
    fails(client.v1_ping(&call(&client), &page.host), Code::Protocol, "not one of protocol v1");
    let none = Server::start(|_| reply(404));
    fails(client.v1_ping(&call(&client), &none.host), Code::NotFound, "ping");
}

#[test]
fn only_ping_and_detect_choose_a_protocol() {
    let client = client();
    let old = Server::start(|seen| if seen.path() == "/v1/_ping" { reply(200).json("{}") } else { reply(404) });
    let api = |server: &Server, version| {
        client
            .ping_as(&call(&client), &server.host, &PingOptions { version })
            .map(|ping| (ping.status, ping.api_version))
    };
    assert_eq!(client.detect(&call(&client), &old.host).unwrap().api_version, 1);
    assert_eq!(api(&old, 0).unwrap(), (404, Some(1)));
    assert_eq!(api(&old, 1).unwrap(), (200, Some(1)));
    let before = old.seen().len();
    assert_eq!(api(&old, 2).unwrap(), (404, None));
    assert_eq!(old.seen().len(), before + 1);
    fails(api(&old, 3), Code::InvalidArgument, "version");

    for status in [200, 401] {
        let new = Server::start(move |seen| if seen.path() == "/v2/" { reply(status) } else { reply(200).json("{}") });
        assert_eq!(client.detect(&call(&client), &new.host).unwrap().api_version, 2);
        assert_eq!(new.count("GET", "/v1/"), 0);
    }
    let neither = Server::start(|seen| if seen.path() == "/v2/" { reply(404) } else { reply(200).body("<html>") });
    fails(client.detect(&call(&client), &neither.host), Code::Unsupported, "neither");
    for status in [400, 403, 500] {
        let broken =
            Server::start(move |seen| if seen.path() == "/v2/" { reply(status) } else { reply(200).json("{}") });
        let options = changed(options(), |options| options.http.retries = 0);
        let client = Client::new(options).unwrap();
        assert!(client.detect(&call(&client), &broken.host).is_err(), "{status}");
        assert_eq!(broken.count("GET", "/v1/"), 0);
    }

    // Another call must not be redirected.
    let reference = tag(&old.host);
    let before = old.count("GET", "/v1/");
    assert!(client.get_manifest(&call(&client), &reference, &Default::default()).is_err());
    assert_eq!(old.count("GET", "/v1/"), before);
}

#[test]
fn a_search_is_escaped_and_checked() {
    let client = client();
    let server =
        Server::start(|_| reply(200).json(r#"{"num_pages":3,"results":[{"name":"library/mongo","star_count":9}]}"#));
    let options = |n, page| ocireg::registry_v1::index::SearchOptions { n, page };
    let found = client.v1_search(&call(&client), &server.host, "a&b=ü /", &options(Some(5), Some(2))).unwrap();
    assert_eq!(found["query"], "a&b=ü /");
    assert_eq!(found["num_results"], 1);
    assert_eq!(found["num_pages"], 3);
    assert_eq!(found["results"][0]["star_count"], 9);
    assert_eq!(server.seen()[0].target, "/v1/search?q=a%26b%3D%C3%BC+%2F&n=5&page=2");
    assert_eq!(server.seen()[0].header("x-docker-token"), Some("true"));
    fails(
        client.v1_search(&call(&client), &server.host, "x", &options(Some(0), None)),
        Code::InvalidArgument,
        "n and page",
    );
    for bad in
        ["[]", "7", r#"{"results":{}}"#, r#"{"results":[1]}"#, r#"{"results":[{}]}"#, "<html>", r#"{"a":1,"a":2}"#]
    {
        let server = Server::start(move |_| reply(200).json(bad));
        fails(
            client.v1_search(&call(&client), &server.host, "x", &options(None, None)),
            Code::Protocol,
            "the result of the search",
        );
    }
}

/// A registry and the index that names it.
fn pair(
    token: &'static str,
    list: impl Fn(&str) -> String,
    at_registry: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Server, Server) {
    let registry = Server::start(at_registry);
    let list = list(&registry.host);
    let index = Server::start(move |seen| match is_images(seen) {
        true => reply(200)
            .header("X-Docker-Token", token)
            .header("X-Docker-Endpoints", &list)
            .header("Set-Cookie", "session=of-the-index; Path=/")
            .json("[]"),
        false => reply(404),
    });
    (index, registry)
}

#[test]
fn credentials_are_for_the_index_and_the_token_for_the_registry() {
    type List = fn(&str) -> String;
    let lists: [List; 4] = [
        |host| host.to_owned(),
        |host| format!("http://{host}"),
        |host| format!(" {host}/v1/ , other.example"),
        |host| format!(", ,{host}"),
    ];
    for list in lists {
        for token in [TOKEN, "Token signature=0123,repository=\"a/b\",access=read"] {
            let (index, registry) = pair(token, list, |seen| match seen.number {
                0 => reply(200).header("Set-Cookie", "session=of-the-registry").json("{}"),
                _ => reply(200).json(&format!("\"{}\"", "a".repeat(64))),
            });
            let client = client_for(&index.host);
            let repo = repo(&client, &index.host);
            assert!(repo.tags().unwrap().tags.is_empty());
            assert_eq!(repo.tag("t").unwrap(), id('a'));
            assert_eq!(index.seen().len(), 1, "one session is enough");
            let (asked, at_registry) = (&index.seen()[0], registry.seen());
            assert!(asked.header("authorization").unwrap().starts_with("Basic "));
            assert_eq!(asked.header("x-docker-token"), Some("true"));
            for seen in &at_registry {
                assert_eq!(seen.header("authorization"), Some(format!("Token {TOKEN}").as_str()));
            }
            assert_eq!(at_registry[0].header("cookie"), None);
            assert_eq!(at_registry[1].header("cookie"), Some("session=of-the-registry"));
            // Another call of the same client has the session already.
            assert_eq!(client.v1(&call(&client), &repository(&index.host)).unwrap().tag("t").unwrap(), id('a'));
            assert_eq!(index.seen().len(), 1);
        }
    }
}

#[test]
fn an_index_may_not_send_everywhere() {
    for (list, part) in [
        ("http://169.254.169.254", "link-local"),
        ("169.254.169.254:80", "link-local"),
        ("100.100.100.200", "metadata"),
        ("ftp://x", "neither http nor https"),
        ("user:pass@host", "user name"),
        ("http://", "not a URL"),
    ] {
        let (index, _registry) = pair(TOKEN, |_| list.to_owned(), |_| reply(200).json("{}"));
        let client = client_for(&index.host);
        let error = fails(repo(&client, &index.host).tags(), Code::Redirect, part);
        assert!(!error.to_json().to_string().contains("pass"), "{error}");
    }
}

#[test]
fn a_registry_that_is_the_index_keeps_the_cookies_and_may_want_basic() {
    // With its own name, as docker-registry does, and without a name.
    for named in [true, false] {
        let server = Server::start(move |seen| {
            let own = seen.header("host").unwrap().to_owned();
            match (is_images(seen), named) {
                (true, true) => {
                    reply(200).header("X-Docker-Endpoints", own).header("Set-Cookie", "s=1; HttpOnly").json("[]")
                }
                (true, false) => reply(200).header("Set-Cookie", "s=1; HttpOnly").json("[]"),
                _ => reply(200).json("{}"),
            }
        });
        let client = client_for(&server.host);
        repo(&client, &server.host).tags().unwrap();
        let seen = server.seen();
        // No token was issued: the index gets the usual credentials.
        assert!(seen[1].header("authorization").unwrap().starts_with("Basic "));
        assert_eq!(seen[1].header("cookie"), Some("s=1"));
    }
    // nginx in front requires Basic for every path; a token is not accepted there.
    let proxied = standalone(|seen| match seen.header("authorization").unwrap_or_default().starts_with("Basic ") {
        true => reply(200).json("{}"),
        false => reply(401).header("WWW-Authenticate", "Basic realm=\"x\""),
    });
    let client = client_for(&proxied.host);
    let repo = repo(&client, &proxied.host);
    repo.tags().unwrap();
    repo.tags().unwrap();
    assert_eq!(proxied.seen().len(), 4, "session, token, Basic; and then Basic at once");
}

#[test]
fn another_registry_never_gets_basic() {
    let (index, registry) =
        pair("", |host| host.to_owned(), |_| reply(401).header("WWW-Authenticate", "Basic realm=\"x\""));
    let client = client_for(&index.host);
    fails(repo(&client, &index.host).tags(), Code::Unauthenticated, "tags");
    assert!(registry.seen().iter().all(|seen| seen.header("authorization").is_none()));
    assert!(index.seen().len() <= 2);
}

#[test]
fn redirects_take_neither_token_nor_cookie_along() {
    let store = Server::start(|_| reply(200).json("{}"));
    let there = store.url("/v1/elsewhere");
    let server = Server::start(move |seen| match is_images(seen) {
        true => reply(200).header("X-Docker-Token", TOKEN).header("Set-Cookie", "s=1").json("[]"),
        false => reply(302).header("Location", &there),
    });
    let client = client_for(&server.host);
    repo(&client, &server.host).tags().unwrap();
    let home = &server.seen()[1];
    assert!(home.header("authorization").is_some() && home.header("cookie").is_some());
    let away = &store.seen()[0];
    assert_eq!((away.header("authorization"), away.header("cookie")), (None, None));
}

#[test]
fn a_session_that_ended_is_begun_anew_once() {
    let sessions = Arc::new(AtomicUsize::new(0));
    let given = sessions.clone();
    let server = Server::start(move |seen| match is_images(seen) {
        true => reply(200).header("X-Docker-Token", format!("n={}", given.fetch_add(1, Ordering::SeqCst))).json("[]"),
        false if seen.header("authorization") == Some("Token n=0") && seen.number > 1 => {
            reply(401).header("WWW-Authenticate", "Token")
        }
        false => reply(200).json("{}"),
    });
    let client = client();
    repo(&client, &server.host).tags().unwrap();
    repo(&client, &server.host).tags().unwrap();
    assert_eq!(sessions.load(Ordering::SeqCst), 2);

    let never = standalone(|_| reply(401).header("WWW-Authenticate", "Token"));
    let error = fails(repo(&client, &never.host).tags(), Code::Unauthenticated, "tags");
    assert_eq!(error.http_status(), Some(401));
    assert_eq!(never.seen().len(), 2);
}

#[test]
fn an_index_that_refuses_ends_every_call() {
    for (status, code) in
        [(401, Code::Unauthenticated), (403, Code::Forbidden), (404, Code::NotFound), (204, Code::Protocol)]
    {
        let server = Server::start(move |_| reply(status));
        let client = client_for(&server.host);
        fails(repo(&client, &server.host).tags(), code, "session");
        assert_eq!(server.count("GET", "/tags"), 0);
    }
}

#[test]
fn lists_of_images_and_tags() {
    let client = client();
    let of_images = |body: &'static str| {
        let server = Server::start(move |_| reply(200).json(body));
        repo(&client, &server.host).images()
    };
    let list: &'static str = format!(r#"[{{"id":"{}","checksum":"tarsum+sha256:1","Tag":"t"}}]"#, id('a')).leak();
    let images = of_images(list).unwrap();
    assert_eq!(images.name, "a/b");
    assert_eq!(images.images[0]["checksum"], "tarsum+sha256:1");
    assert!(images.endpoint.starts_with("http://127.0.0.1:"));
    for bad in ["{}", "[1]", "[{}]", r#"[{"id":"short"}]"#, r#"[{"id":7}]"#, "<html>", ""] {
        fails(of_images(bad), Code::Protocol, "the list of images");
    }

    let of_tags = |body: &'static str| {
        let server = standalone(move |_| reply(200).json(body));
        repo(&client, &server.host).tags()
    };
    let by_map: &'static str = format!(r#"{{"latest":"{}"}}"#, id('a')).leak();
    assert_eq!(of_tags(by_map).unwrap().tags["latest"], id('a').as_str());
    let by_list = of_tags(r#"[{"name":"latest","layer":"9cd978db"},{"name":"1","layer":"8dbd9e39"}]"#).unwrap();
    assert_eq!(
        serde_json::to_value(by_list).unwrap(),
        json!({"name": "a/b", "tags": {"latest": "9cd978db", "1": "8dbd9e39"}})
    );
    let twice = r#"[{"name":"t","layer":"aa"},{"name":"t","layer":"bb"}]"#;
    for bad in [
        "7",
        r#"{"t":7}"#,
        r#"{"t":"../../x"}"#,
        r#"{"t":""}"#,
        r#"[{"name":"t"}]"#,
        "[7]",
        twice,
        r#"{"t":"aa","t":"bb"}"#,
    ] {
        fails(of_tags(bad), Code::Protocol, "the list of tags");
    }
}

#[test]
fn a_tag_leads_to_an_id_or_nowhere() {
    let client = client();
    for bad in ["\"9cd978db\"", "\"../../../v2/\"", "7", "[]", "", &format!("\"{}\"", "A".repeat(64))] {
        let body = bad.to_owned();
        let server = standalone(move |_| reply(200).json(&body));
        fails(repo(&client, &server.host).tag("t"), Code::Protocol, "the tag t");
    }
    let server = standalone(|_| reply(200));
    for bad in ["", "a/b", "..", "a b", "-x", "é"] {
        fails(repo(&client, &server.host).tag(bad), Code::InvalidReference, "not a tag");
    }
    assert_eq!(server.seen().len(), 0, "nothing is sent for a tag that is none");
}

#[test]
fn ancestries_are_bounded_and_without_repeats() {
    let client = client();
    let get = |list: serde_json::Value| {
        let body = list.to_string();
        let server = standalone(move |_| reply(200).json(&body));
        repo(&client, &server.host).ancestry(&id('a'))
    };
    assert_eq!(get(json!([id('a'), id('b')])).unwrap(), [id('a'), id('b')]);
    fails(get(json!([id('a'), id('b'), id('a')])), Code::Protocol, "twice");
    fails(get(json!([id('b'), id('a')])), Code::Protocol, "begin");
    fails(get(json!([])), Code::Protocol, "begin");
    fails(get(json!([id('a'), "../etc"])), Code::Protocol, "not an image id");
    fails(get(json!([id('a'), 7])), Code::Protocol, "not an image id");
    fails(get(json!({})), Code::Protocol, "not a list");
    let many: Vec<String> = (0..5000).map(|number| format!("{number:064x}")).collect();
    fails(get(json!(many)), Code::LimitExceeded, "limit");
}

#[test]
fn images_are_exact_and_bounded() {
    let client = client();
    let spaced = format!("{{ \"os\" : \"linux\",\n\"id\":\"{}\" ,\"parent\":\"{}\"}}\n", id('a'), id('b'));
    let body = spaced.clone();
    let server = standalone(move |_| {
        reply(200).header("X-Docker-Checksum", "tarsum+sha256:00").header("X-Docker-Size", "junk").body(&body)
    });
    let image = repo(&client, &server.host).image(&id('a')).unwrap();
    assert_eq!(image.bytes, spaced.as_bytes());
    assert_eq!((image.size, image.checksums.shown().as_deref()), (None, Some("tarsum+sha256:00")));
    assert_eq!(image.parent().unwrap(), Some(id('b')));
    assert_eq!(server.seen()[1].target, format!("/v1/images/{}/json", id('a')));
    for (bad, part) in [
        ("[]", "not an object"),
        ("x", "not valid JSON"),
        (r#"{"id":"b"}"#, "another image"),
        (r#"{"id":7}"#, "another image"),
    ] {
        let server = standalone(move |_| reply(200).json(bad));
        fails(repo(&client, &server.host).image(&id('a')), Code::Protocol, part);
    }
    let large =
        Server::start(
            |seen| if is_images(seen) { reply(200).json("[]") } else { reply(200).body(vec![b' '; (4 << 20) + 1]) },
        );
    fails(repo(&client, &large.host).image(&id('a')), Code::LimitExceeded, "limit");
}

#[test]
fn layers_are_verified_against_the_payload() {
    let client = client();
    let layer = noise(100_000);
    let good = with_layer(layer.clone(), serve);
    let (delivered, bytes) = repo(&client, &good.host).layer(&id('a'), &ReadOptions::default()).unwrap();
    assert!(bytes == layer && delivered.verified);
    assert_eq!(delivered.checksum.unwrap(), checksum(&image('a'), &layer));
    assert_eq!((delivered.size, delivered.offset, delivered.length), (Some(100_000), 0, 100_000));

    let bad = with_layer(layer.clone(), |layer, _| reply(200).body([&layer[1..], b"x"].concat()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    fails(
        repo(&client, &bad.host).layer_file(&id('a'), &path, &SaveOptions::default()),
        Code::DigestMismatch,
        "checksum",
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(bad.count("GET", "/layer"), 2, "a wrong one is fetched once more");

    repo(&client, &good.host).layer_file(&id('a'), &path, &SaveOptions::default()).unwrap();
    assert!(std::fs::read(&path).unwrap() == layer);

    // A tarsum cannot be verified, nor can a missing checksum.
    for header in ["tarsum.v1+sha256:00", ""] {
        let copy = layer.clone();
        let server = standalone(move |seen| match seen.path().ends_with("/json") {
            true if header.is_empty() => reply(200).json(&image('a')),
            true => reply(200).header("X-Docker-Checksum-Payload", header).json(&image('a')),
            false => reply(200).body(&copy),
        });
        let (delivered, bytes) = repo(&client, &server.host).layer(&id('a'), &ReadOptions::default()).unwrap();
        assert!(bytes == layer && !delivered.verified);
        assert_eq!(delivered.checksum.as_deref().unwrap_or_default(), header);
    }
    let limit = ReadOptions { limit: Some(10), ..ReadOptions::default() };
    fails(repo(&client, &good.host).layer(&id('a'), &limit), Code::LimitExceeded, "limit");
    let bounded = Client::new(changed(options(), |options| options.blobs.max_blob_bytes = Some(10))).unwrap();
    for is_said in [true, false] {
        let server = with_layer(noise(1000), move |layer, _| {
            let answer = reply(200).body(layer);
            if is_said {
                answer
            } else {
                answer.unframed()
            }
        });
        let outcome = repo(&bounded, &server.host).layer(&id('a'), &ReadOptions::default());
        fails(outcome, Code::LimitExceeded, "more than max_blob_bytes, 10");
    }
}

/// docker-registry's ranges: no unit; an open-ended range is one byte too long, in Content-Length too; nothing for a
/// single byte.
pub fn odd_ranges(layer: &[u8], seen: &Seen) -> Reply {
    let Some(range) = seen.header("range").and_then(|range| range.strip_prefix("bytes=")) else {
        return reply(200).body(layer);
    };
    let (start, end) = range.split_once('-').unwrap();
    // Its connection stays open, and the byte that was promised never comes.
    let then = if end.is_empty() { Then::Stall } else { Then::KeepAlive };
    let start: usize = start.parse().unwrap();
    let end: usize = end.parse().unwrap_or(layer.len());
    if end < start + 1 {
        return reply(416);
    }
    reply(206)
        .header("Content-Range", format!("{start}-{end}/{}", layer.len()))
        .header("Content-Length", end - start + 1)
        .body(&layer[start..(end + 1).min(layer.len())])
        .then(then)
}

#[test]
fn docker_registrys_ranges_are_read() {
    let client = client();
    let layer = noise(50_000);
    // Broken off in the middle, one byte short, two bytes short, and before the first byte.
    for cut in [0, 1, 20_000, 49_998, 49_999] {
        let server = with_layer(layer.clone(), move |layer, seen| match seen.header("range") {
            None if seen.number < 3 => reply(200).body(layer).cut(cut, Then::Close),
            _ => odd_ranges(layer, seen),
        });
        let (delivered, bytes) = repo(&client, &server.host).layer(&id('a'), &ReadOptions::default()).unwrap();
        assert!(bytes == layer && delivered.verified, "cut at {cut}");
    }
    let server = with_layer(layer.clone(), odd_ranges);
    for (offset, length) in
        [(0, Some(10)), (100, None), (100, Some(10)), (49_990, Some(1000)), (49_999, None), (7, Some(1)), (5, Some(0))]
    {
        let options = ReadOptions { offset, length, ..ReadOptions::default() };
        let (delivered, bytes) = repo(&client, &server.host).layer(&id('a'), &options).unwrap();
        let end = length.map_or(layer.len(), |length| layer.len().min((offset + length) as usize));
        assert_eq!(bytes, layer[offset as usize..end], "{offset} {length:?}");
        assert!(!delivered.verified);
        assert_eq!((delivered.offset, delivered.length), (offset, bytes.len() as u64));
    }
    let beyond = ReadOptions { offset: 60_000, ..ReadOptions::default() };
    fails(
        repo(
            &client,
            &with_layer(layer.clone(), |layer, seen| match seen.header("range") {
                Some(_) => reply(416),
                None => reply(200).body(layer),
            })
            .host,
        )
        .layer(&id('a'), &beyond),
        Code::InvalidArgument,
        "offset",
    );
}

#[test]
fn ranges_that_are_ignored_or_wrong() {
    let client = client();
    let layer = noise(3000);
    let ignores = with_layer(layer.clone(), |layer, seen| match seen.number {
        2 => reply(200).body(layer).cut(1000, Then::Close),
        _ => reply(200).body(layer),
    });
    assert!(repo(&client, &ignores.host).layer(&id('a'), &ReadOptions::default()).unwrap().1 == layer);
    for (range, code) in
        [("bytes 0-2999/3000", Code::Protocol), ("junk", Code::Protocol), ("1000-2999/9999", Code::SizeMismatch)]
    {
        let server = with_layer(layer.clone(), move |layer, seen| match seen.number {
            2 => reply(200).body(layer).cut(1000, Then::Close),
            _ => reply(206).header("Content-Range", range).body(&layer[1000..]),
        });
        fails(repo(&client, &server.host).layer(&id('a'), &ReadOptions::default()), code, "");
    }
    let stingy = |piece| with_layer(layer.clone(), move |layer, seen| serve(layer, seen).cut(piece, Then::Close));
    assert!(repo(&client, &stingy(700).host).layer(&id('a'), &ReadOptions::default()).unwrap().1 == layer);
    fails(repo(&client, &stingy(10).host).layer(&id('a'), &ReadOptions::default()), Code::Network, "");
    let hinted = standalone(|seen| match seen.path().ends_with("/json") {
        true => reply(200).header("X-Docker-Size", 99).json(&image('a')),
        false => reply(200).body("abc"),
    });
    let (delivered, bytes) = repo(&client, &hinted.host).layer(&id('a'), &ReadOptions::default()).unwrap();
    assert_eq!((bytes.as_slice(), delivered.size), (&b"abc"[..], Some(3)), "X-Docker-Size is a hint");
}

#[test]
fn an_empty_layer_is_a_416() {
    let client = client();
    let server = with_layer(vec![], |_, _| reply(416));
    let (delivered, bytes) = repo(&client, &server.host).layer(&id('a'), &ReadOptions::default()).unwrap();
    assert!(bytes.is_empty() && delivered.verified);
    let other = with_layer(vec![1], |_, _| reply(416));
    fails(repo(&client, &other.host).layer(&id('a'), &ReadOptions::default()), Code::Http, "layer");
}

#[test]
fn a_layer_elsewhere_is_fetched_without_the_token() {
    let client = client();
    let layer = noise(1000);
    let copy = layer.clone();
    let store = Server::start(move |seen| serve(&copy, seen));
    let there = store.url("/bucket/layer?sig=1");
    let server = with_layer(layer.clone(), move |_, _| reply(302).header("Location", &there));
    assert!(repo(&client, &server.host).layer(&id('a'), &ReadOptions::default()).unwrap().1 == layer);
    assert_eq!(store.seen()[0].header("authorization"), None);
    assert_eq!(store.seen()[0].target, "/bucket/layer?sig=1");
}

fn login(status: u16, body: &'static str, get: u16, email: bool) -> (Result<V1Login, Error>, Server) {
    let server = Server::start(move |seen| match seen.method.as_str() {
        "POST" => reply(status).json(body),
        _ => reply(get).json("\"OK\""),
    });
    let client = client_for(&server.host);
    let email = email.then(|| "alice@example.com".to_owned());
    let outcome = client.v1_login(&call(&client), &server.host, &V1LoginOptions { email, ..V1LoginOptions::default() });
    (outcome, server)
}

#[test]
fn logins_and_new_accounts() {
    const TAKEN: &str = "\"Username or email already exists\"";
    let (outcome, server) = login(500, "", 200, false);
    assert_eq!(outcome.unwrap().status, "Login Succeeded");
    assert_eq!(server.count("POST", ""), 0, "no account is made unasked");
    assert_eq!(server.seen()[0].target, "/v1/users/");

    let (outcome, server) = login(201, "\"User Created\"", 500, true);
    let made = outcome.unwrap();
    assert!(
        made.created
            && made.status.starts_with("Account created. Please see the documentation of the registry 127.0.0.1")
    );
    let sent: serde_json::Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    assert_eq!(sent, json!({"username": "alice", "password": "s3cret", "email": "alice@example.com"}));

    for body in [TAKEN, r#"{"error":"Username or email already exists"}"#, "Username or email already exists"] {
        let login = login(400, body, 200, true).0.unwrap();
        assert_eq!((login.status.as_str(), login.created), ("Login Succeeded", false));
    }
    assert_eq!(login(401, "", 200, true).0.unwrap().status, "Login Succeeded");
    fails(login(400, TAKEN, 401, true).0, Code::Unauthenticated, "Wrong login/password, please try again");
    fails(login(400, TAKEN, 403, true).0, Code::Forbidden, "Login: Account is not Active");
    fails(login(400, "\"Bad e-mail\"", 200, true).0, Code::Http, "Registration: Bad e-mail");
    fails(login(418, "\"no\"", 200, true).0, Code::Http, "Unexpected status code [418]");
    fails(login(0, "", 418, false).0, Code::Http, "Login: Unexpected status code [418]");
}

#[test]
fn a_password_is_not_carried_elsewhere() {
    let other = Server::start(|_| reply(201));
    for status in [301, 302, 307, 308] {
        let there = other.url("/v1/users/");
        let server = Server::start(move |_| reply(status).header("Location", &there));
        let client = client_for(&server.host);
        let options = V1LoginOptions { email: Some("a@b".to_owned()), ..V1LoginOptions::default() };
        assert!(client.v1_login(&call(&client), &server.host, &options).is_err());
    }
    assert_eq!(other.seen().len(), 0);
    let client = client();
    for (options, part) in [
        (json!({}), "needs a username"),
        (json!({"username": "u"}), "together"),
        (json!({"password": "p"}), "together"),
        (json!({"username": "u:v", "password": "p"}), "colon"),
        (json!({"username": "", "password": "p"}), "empty"),
        (json!({"username": "u", "password": "p\n"}), "control"),
    ] {
        let options = serde_json::from_value(options).unwrap();
        fails(client.v1_login(&call(&client), &other.host, &options), Code::InvalidArgument, part);
    }
}

#[test]
fn an_image_is_put_in_its_order_with_a_token_for_writing() {
    let server = Server::start(|seen| match seen.path() {
        "/v1/repositories/a/b/" => reply(200).header("X-Docker-Token", "access=write").json("\"\""),
        _ => reply(200).json("true"),
    });
    let client = client_for(&server.host);
    let repo = repo(&client, &server.host);
    let (json, layer) = (image('a'), noise(300_000));
    assert!(repo.put_image(json.as_bytes()).unwrap().uploaded);
    let stored = repo.put_layer(json.as_bytes(), &layer, &PutLayerOptions::default()).unwrap();
    repo.put_tag("t", &id('a')).unwrap();
    assert_eq!((stored.size, stored.checksum.to_string()), (300_000, checksum(&json, &layer)));
    let seen = server.seen();
    let image = format!("/v1/images/{}", id('a'));
    let paths: Vec<String> = seen.iter().map(|seen| format!("{} {}", seen.method, seen.path())).collect();
    let expected = [
        "PUT /v1/repositories/a/b/".to_owned(),
        format!("PUT {image}/json"),
        format!("PUT {image}/layer"),
        format!("PUT {image}/checksum"),
        "PUT /v1/repositories/a/b/tags/t".to_owned(),
    ];
    assert_eq!(paths, expected);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&seen[0].body).unwrap(), json!([{"id": id('a')}]));
    assert!(seen[0].header("authorization").unwrap().starts_with("Basic "));
    assert!(seen[1..].iter().all(|seen| seen.header("authorization") == Some("Token access=write")));
    assert_eq!(seen[1].body, json.as_bytes());
    assert!(seen[2].body == layer);
    assert_eq!(seen[3].header("x-docker-checksum-payload"), Some(checksum(&json, &layer).as_str()));
    assert_eq!(seen[4].body, format!("\"{}\"", id('a')).as_bytes());
}

#[test]
fn an_image_that_is_there_is_not_put_again() {
    let server = Server::start(|seen| match seen.path() {
        "/v1/repositories/a/b/" => reply(200).json("\"\""),
        _ => reply(409).json(r#"{"error":"Image already exists"}"#),
    });
    let client = client();
    let repo = repo(&client, &server.host);
    assert!(!repo.put_image(image('a').as_bytes()).unwrap().uploaded);
    let layer = noise(200_000);
    let stored = repo.put_layer(image('a').as_bytes(), &layer, &PutLayerOptions::default()).unwrap();
    assert!(!stored.uploaded);
    assert_eq!(stored.checksum.to_string(), checksum(&image('a'), &layer));
    assert_eq!(server.count("PUT", "/checksum"), 0);
    fails(repo.put_image(b"{}"), Code::InvalidManifest, "no id");
    fails(repo.put_checksum(&id('a'), "md5:00"), Code::InvalidArgument, "not a checksum");
    fails(repo.put_tag("a/b", &id('a')), Code::InvalidReference, "not a tag");
}

#[test]
fn a_layer_is_put_again_when_its_session_has_ended() {
    let layer = noise(500_000);
    let server = Server::start(|seen| match seen.path() {
        "/v1/repositories/a/b/" => reply(200).header("X-Docker-Token", format!("n={}", seen.number)).json("\"\""),
        path if path.ends_with("/layer") && seen.header("authorization") == Some("Token n=0") => {
            reply(401).early().then(Then::Close)
        }
        _ => reply(200).json("true"),
    });
    let client = client();
    let repo = repo(&client, &server.host);
    repo.put_image(image('a').as_bytes()).unwrap();
    let stored = repo.put_layer(image('a').as_bytes(), &layer, &PutLayerOptions::default()).unwrap();
    assert_eq!(stored.checksum.to_string(), checksum(&image('a'), &layer));
    let last = server.seen().into_iter().rfind(|seen| seen.path().ends_with("/layer")).unwrap();
    assert!(last.body == layer);
}

#[test]
fn deletes_have_a_token_for_deleting() {
    let server = Server::start(|seen| match (seen.method.as_str(), is_images(seen)) {
        ("DELETE", true) => reply(204).header("X-Docker-Token", "access=delete"),
        ("DELETE", false) => reply(200).json("true"),
        _ => reply(404),
    });
    let client = client();
    let repo = repo(&client, &server.host);
    assert_eq!(repo.delete_tag("t").unwrap(), 200);
    assert_eq!(repo.delete_repository().unwrap(), 200);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(
        (seen[1].target.as_str(), seen[2].target.as_str()),
        ("/v1/repositories/a/b/tags/t", "/v1/repositories/a/b/")
    );
    assert!(seen[1..].iter().all(|seen| seen.header("authorization") == Some("Token access=delete")));
    // An index on another server has to forget it too.
    for (at_index, ends) in [(200, true), (404, true), (405, false)] {
        let registry = Server::start(|_| reply(200).json("true"));
        let list = registry.host.clone();
        let index = Server::start(move |seen| match is_images(seen) {
            true => reply(204).header("X-Docker-Token", "t=1").header("X-Docker-Endpoints", &list),
            false => reply(at_index),
        });
        let client = client_for(&index.host);
        assert_eq!(crate::v1::repo(&client, &index.host).delete_repository().is_ok(), ends, "{at_index}");
        assert_eq!((registry.count("DELETE", "/v1/repositories/a/b/"), index.seen().len()), (1, 2));
        assert!(index.seen()[1].header("authorization").unwrap().starts_with("Basic "));
    }
    let missing =
        Server::start(
            |seen| if is_images(seen) { reply(204) } else { reply(404).json(r#"{"error":"Tag not found: t"}"#) },
        );
    fails(crate::v1::repo(&client, &missing.host).delete_tag("t"), Code::NotFound, "Tag not found");
}

/// Docker keeps one for a registry that has given one: it is for a token server, and v1 has none.
#[test]
fn an_identity_token_is_of_no_use_and_the_error_says_so() {
    for status in [401, 403, 404] {
        let server = Server::start(move |_| reply(status));
        let client = client();
        client.set_host(&server.host, host_options(json!({"identity_token": "s3cret"}))).unwrap();
        let error = client.v1_search(&call(&client), &server.host, "x", &Default::default()).err().unwrap();
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains("is an identity token, which protocol v1 cannot use"), "{status}: {error:?}");
        assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
        let error = client.v1_login(&call(&client), &server.host, &V1LoginOptions::default());
        fails(error, Code::InvalidArgument, "identity token");
    }
}
