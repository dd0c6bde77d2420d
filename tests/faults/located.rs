//! Where a caller's own downloader is sent: which requests that takes, which URLs and headers come of it, and what is refused.

use std::sync::{Arc, Mutex};

use ocireg::digest::Digest;
use ocireg::error::{Code, Error};
use ocireg::registry::locate::LocateOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::*;
use crate::registries::{bearer, token, tokens};
use crate::server::*;

const BASIC: &str = "Basic YWxpY2U6czNjcmV0";
const SIGNED: &str = "X-Amz-Date=20260102T030405Z&X-Amz-Expires=1200&X-Amz-Signature=SECRET%2B1";

fn blob() -> (Vec<u8>, Digest) {
    let bytes = noise(1000);
    let digest = digest(&bytes);
    (bytes, digest)
}

fn options(with: Value) -> LocateOptions {
    serde_json::from_value(with).unwrap()
}

fn locate(client: &Client, host: &str, with: Value) -> Result<Value, Error> {
    let reference = at(host, &blob().1);
    client.locate_blob(&call(client), &reference, &options(with)).map(|found| serde_json::to_value(found).unwrap())
}

fn locate_tag(client: &Client, host: &str, with: Value) -> Result<Value, Error> {
    client.locate_manifest(&call(client), &tag(host), &options(with)).map(|found| serde_json::to_value(found).unwrap())
}

/// The URLs and the Authorization of each.
fn places(found: &Value) -> Vec<(String, Option<String>)> {
    let list = found["locations"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    list.map(|place| (text(&place["url"]).unwrap(), text(&place["headers"]["Authorization"]))).collect()
}

/// The part of a blob that a range asks for.
fn first_byte(bytes: &[u8]) -> Reply {
    reply(206)
        .header("Content-Range", format!("bytes 0-0/{}", bytes.len()))
        .header("Content-Type", "text/plain")
        .body(&bytes[..1])
}

/// A registry whose answer to an authorized request is this.
fn behind(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => token("good"),
        (_, Some("Bearer good")) => answer(seen),
        _ => bearer(seen, ""),
    })
}

#[test]
fn a_registry_that_has_the_bytes_itself() {
    let server = behind(|_| first_byte(&blob().0));
    let client = client_for(&server.host);
    let found = locate(&client, &server.host, json!({})).unwrap();
    let digest = blob().1;
    let own = server.url(&format!("/v2/a/b/blobs/{digest}"));
    assert_eq!(places(&found), [(own.clone(), Some("Bearer good".to_owned()))]);
    assert_eq!(
        (&found["digest"], &found["size"], &found["mediaType"]),
        (&json!(digest), &json!(1000), &json!("text/plain"))
    );
    assert_eq!(found["reference"], format!("{}/a/b@{digest}", server.host));
    assert_eq!(found["repository"], format!("{}/a/b", server.host));
    let place = &found["locations"][0];
    assert_eq!((&place["redirected"], &place["endpoint"]), (&json!(false), &json!(format!("http://{}/", server.host))));
    let left = place["expires_in"].as_u64().unwrap();
    assert!((280..=300).contains(&left) && place["expires"].as_str().unwrap().ends_with('Z'), "{place}");
    // The request that is refused, its token, and the one byte.
    let asked = server.seen();
    assert_eq!(asked.iter().map(|seen| seen.method.as_str()).collect::<Vec<_>>(), ["GET", "GET", "GET"]);
    assert_eq!(asked[2].header("range"), Some("bytes=0-0"));
    // With what is known, one request; and without `follow` none.
    locate(&client, &server.host, json!({})).unwrap();
    assert_eq!(server.seen().len(), 4);
    let found = locate(&client, &server.host, json!({"follow": false})).unwrap();
    assert_eq!((places(&found), &found["size"]), (vec![(own, Some("Bearer good".to_owned()))], &Value::Null));
    assert_eq!(server.seen().len(), 4);
}

/// How many requests each way of asking takes, as the header says it.
#[test]
fn requests_are_as_many_as_is_said() {
    let count = |answer: fn(&Seen) -> Reply, ask: &dyn Fn(&Client, &str) -> Result<Value, Error>| {
        let server = Server::start(answer);
        ask(&client_for(&server.host), &server.host).unwrap();
        server.seen().into_iter().map(|seen| format!("{} {}", seen.method, seen.path())).collect::<Vec<_>>()
    };
    let of_blob = |with: Value| move |client: &Client, host: &str| locate(client, host, with.clone());
    let of_tag = |client: &Client, host: &str| locate_tag(client, host, json!({}));
    let open = |_: &Seen| first_byte(&blob().0);
    let no_range = |seen: &Seen| match seen.header("range") {
        Some(_) => reply(400),
        None => reply(200).body(blob().0),
    };
    let no_head = |seen: &Seen| match seen.method.as_str() {
        "HEAD" => reply(405),
        _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
    };
    let own = format!("GET /v2/a/b/blobs/{}", blob().1);
    assert_eq!(count(open, &of_blob(json!({}))), [own.as_str()]);
    assert_eq!(count(no_range, &of_blob(json!({}))), [own.as_str(), &own]);
    assert_eq!(count(no_head, &of_tag), ["HEAD /v2/a/b/manifests/t", "GET /v2/a/b/manifests/t"]);
    // Nothing of the blob, but what is required: of an open registry, by its ping and a tag.
    assert_eq!(count(|_| reply(200), &of_blob(json!({"follow": false}))), ["GET /v2/", "GET /v2/a/b/tags/list"]);
    // It redirected at once, without a token: what it requires itself is found out, which a token for elsewhere does not say.
    let moved = |seen: &Seen| match (seen.path(), seen.header("host")) {
        (path, Some(host)) if path.contains("/blobs/") && host.starts_with("127.") => {
            reply(307).header("Location", format!("http://localhost:{}/x", host.rsplit(':').next().unwrap()))
        }
        ("/x", _) => first_byte(&blob().0),
        _ => reply(200),
    };
    let asked = count(moved, &of_blob(json!({"check": true})));
    assert_eq!(asked, [own.as_str(), "GET /x", "GET /v2/", "GET /v2/a/b/tags/list"]);
    assert_eq!(count(moved, &of_blob(json!({}))).len(), 1);
}

#[test]
fn a_signed_url_comes_first_and_gets_no_header() {
    let cdn = Server::start(|_| reply(200));
    let signed = cdn.url(&format!("/blob?{SIGNED}"));
    let to = signed.clone();
    let server = behind(move |_| reply(307).header("Location", &to));
    let client = client_for(&server.host);
    client
        .set_host(
            &server.host,
            host_options(
                json!({"username": "alice", "password": "s3cret", "plain_http": true, "headers": ["X-Key: k1"]}),
            ),
        )
        .unwrap();
    let found = locate(&client, &server.host, json!({})).unwrap();
    let own = server.url(&format!("/v2/a/b/blobs/{}", blob().1));
    assert_eq!(places(&found), [(signed, None), (own, Some("Bearer good".to_owned()))]);
    let first = &found["locations"][0];
    assert_eq!((&first["headers"], &first["redirected"]), (&json!({}), &json!(true)));
    assert_eq!((&first["expires"], &first["expires_in"]), (&json!("2026-01-02T03:24:05Z"), &json!(0)));
    assert_eq!(found["locations"][1]["headers"]["X-Key"], "k1");
    assert_eq!((&found["size"], &found["mediaType"]), (&Value::Null, &Value::Null));
    assert_eq!(cdn.seen().len(), 0, "what it leads to is the caller's to ask");
}

#[test]
fn what_it_leads_to_is_asked_on_request() {
    let last = Server::start(|seen| match seen.path() {
        "/there" => first_byte(&blob().0),
        _ => reply(404),
    });
    let there = last.url("/there?sig=SECRET&se=2026-01-02T03%3A04%3A05Z");
    let to = there.clone();
    let middle = Server::start(move |_| reply(302).header("Location", &to));
    let to = middle.url("/moved?x=1");
    let server = behind(move |_| reply(302).header("Location", &to));
    let client = client_for(&server.host);
    let own = server.url(&format!("/v2/a/b/blobs/{}", blob().1));
    let bearer = Some("Bearer good".to_owned());
    // Without, the first one elsewhere is what there is.
    let found = locate(&client, &server.host, json!({})).unwrap();
    assert_eq!(places(&found), [(middle.url("/moved?x=1"), None), (own.clone(), bearer.clone())]);
    assert_eq!(found["locations"][0]["expires"], Value::Null);
    let found = locate(&client, &server.host, json!({"check": true})).unwrap();
    assert_eq!(places(&found), [(there, None), (own, bearer)]);
    assert_eq!((&found["size"], &found["locations"][0]["expires"]), (&json!(1000), &json!("2026-01-02T03:04:05Z")));
    let sent: Vec<Seen> = middle.seen().into_iter().chain(last.seen()).collect();
    assert!(sent.len() == 2 && sent.iter().all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn another_registry_gets_a_token_of_its_own() {
    let other = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", None) => token("anonymous"),
        ("/token", Some(_)) => reply(403),
        (_, Some("Bearer anonymous")) => first_byte(&blob().0),
        _ => bearer(seen, r#",service="other""#),
    });
    let to = other.url("/v2/x/blobs/y");
    let server = behind(move |_| reply(307).header("Location", &to));
    let client = client_for(&server.host);
    let own = (server.url(&format!("/v2/a/b/blobs/{}", blob().1)), Some("Bearer good".to_owned()));
    let theirs = other.url("/v2/x/blobs/y");
    let found = locate(&client, &server.host, json!({"check": true})).unwrap();
    assert_eq!(places(&found), [(theirs.clone(), Some("Bearer anonymous".to_owned())), own.clone()]);
    assert_eq!(places(&locate(&client, &server.host, json!({})).unwrap()), [(theirs, None), own]);
    assert_eq!(tokens(&server).len(), 1);
}

#[test]
fn a_relative_location_keeps_the_header() {
    let server = behind(|seen| match seen.path() {
        "/store/1" => first_byte(&blob().0),
        _ => reply(307).header("Location", format!("/store/1?{SIGNED}")),
    });
    let client = client_for(&server.host);
    let found = locate(&client, &server.host, json!({})).unwrap();
    let bearer = Some("Bearer good".to_owned());
    let own = server.url(&format!("/v2/a/b/blobs/{}", blob().1));
    assert_eq!(places(&found), [(server.url(&format!("/store/1?{SIGNED}")), bearer.clone()), (own, bearer)]);
    assert_eq!((&found["locations"][0]["redirected"], &found["size"]), (&json!(true), &json!(1000)));
    // What ends first counts.
    assert_eq!(found["locations"][0]["expires"], "2026-01-02T03:24:05Z");
}

#[test]
fn hostile_locations_are_refused() {
    for location in [
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/x",
        "http://metadata.google.internal/x",
        "http://10.0.0.1@169.254.169.254/",
        "http://u:p@cdn.example/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http:///x",
        "",
    ] {
        for with in [json!({}), json!({"check": true})] {
            // What is asked is resolved first, and has no address here.
            if with["check"] == true && location.contains("metadata.google") {
                continue;
            }
            let server = Server::start(move |_| reply(307).header("Location", location));
            let error = locate(&client_for(&server.host), &server.host, with).unwrap_err();
            assert_eq!(error.code(), Code::Redirect, "{location}: {error}");
        }
    }
    // A server on this machine may name this machine, as elsewhere; one that follows nothing is not led anywhere.
    let server = Server::start(|_| reply(307).header("Location", "http://localhost:1/x"));
    assert_eq!(
        places(&locate(&client_for(&server.host), &server.host, json!({})).unwrap())[0].0,
        "http://localhost:1/x"
    );
    let server = Server::start(|_| reply(307));
    fails(locate(&client_for(&server.host), &server.host, json!({})), Code::Redirect, "without saying where");
}

#[test]
fn each_way_of_authentication_has_its_header() {
    let basic = Server::start(|seen| match seen.header("authorization") {
        Some(BASIC) => first_byte(&blob().0),
        _ => reply(401).header("WWW-Authenticate", "Basic realm=x"),
    });
    let client = client_for(&basic.host);
    for with in [json!({}), json!({"follow": false})] {
        let found = locate(&client, &basic.host, with).unwrap();
        assert_eq!(places(&found)[0].1.as_deref(), Some(BASIC));
        assert_eq!(found["locations"][0]["expires"], Value::Null);
    }
    fails(locate(&crate::common::client(), &basic.host, json!({})), Code::Unauthenticated, "locate the blob");
    let open = Server::start(|_| first_byte(&blob().0));
    let client = client_for(&open.host);
    let found = locate(&client, &open.host, json!({})).unwrap();
    assert_eq!((&found["locations"][0]["headers"], open.seen().len()), (&json!({}), 1));
    let behind = behind(|_| first_byte(&blob().0));
    let found = locate(&crate::common::client(), &behind.host, json!({"follow": false})).unwrap();
    assert_eq!(places(&found)[0].1.as_deref(), Some("Bearer good"));
    assert!(behind.seen().iter().all(|seen| !seen.path().contains("/blobs/")));
}

#[test]
fn what_is_missing_or_odd() {
    for (answer, code) in [
        (reply(404), Code::NotFound),
        (reply(403), Code::Forbidden),
        (reply(416), Code::Http),
        (reply(304), Code::Redirect),
        (reply(204), Code::Protocol),
    ] {
        let server = Server::start(move |_| answer.clone());
        let error = locate(&client_for(&server.host), &server.host, json!({})).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    // A gateway that refuses ranges, a server that ignores them, and an empty blob.
    for (answer, size) in [(reply(400), json!(1000)), (reply(200).body(blob().0), json!(1000))] {
        let server = Server::start(move |seen| match seen.header("range") {
            Some(_) => answer.clone(),
            None => reply(200).body(blob().0),
        });
        assert_eq!(locate(&client_for(&server.host), &server.host, json!({})).unwrap()["size"], size);
    }
    let server = Server::start(|_| reply(416).header("Content-Range", "bytes */0"));
    assert_eq!(locate(&client_for(&server.host), &server.host, json!({})).unwrap()["size"], 0);
    let client = client();
    let error = client.locate_blob(&call(&client), &tag("reg.example"), &options(json!({}))).err().unwrap();
    assert_eq!(error.code(), Code::InvalidReference);
}

/// A registry that accepts one token only, which it can be told to replace.
fn moody(accepted: Arc<Mutex<String>>) -> Server {
    Server::start(move |seen| {
        let accepted = accepted.lock().unwrap();
        match (seen.path(), seen.header("authorization")) {
            ("/token", _) => token(&accepted),
            (_, Some(sent)) if sent.strip_prefix("Bearer ") == Some(&accepted) => first_byte(&blob().0),
            _ => bearer(seen, ""),
        }
    })
}

#[test]
fn after_a_refusal_there_is_another_one() {
    let accepted = Arc::new(Mutex::new("first".to_owned()));
    let server = moody(accepted.clone());
    let client = client_for(&server.host);
    let of = |with| places(&locate(&client, &server.host, with).unwrap())[0].1.clone().unwrap();
    let first = of(json!({}));
    *accepted.lock().unwrap() = "second".to_owned();
    assert_eq!(of(json!({"follow": false})), first, "it cannot know yet");
    // The registry itself says so to the library's own request.
    assert_eq!(of(json!({})), "Bearer second");
    *accepted.lock().unwrap() = "third".to_owned();
    // Nothing is asked but the token server, as the caller says so.
    assert_eq!(of(json!({"follow": false, "refused": "Bearer second"})), "Bearer third");
    let asked = tokens(&server).len();
    // A mistake costs no caller a token.
    assert_eq!(of(json!({"follow": false, "refused": "Bearer first"})), "Bearer third");
    assert_eq!(tokens(&server).len(), asked);
    let error = locate(&client, &server.host, json!({"refused": "Bearer third"})).unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
}

/// Each token is good for one request: the caller must not get the one that this library has used up.
#[test]
fn tokens_for_one_request_reach_the_caller_unused() {
    let used = Mutex::new(Vec::<String>::new());
    let given = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        if seen.path() == "/token" {
            return token(&format!("t{}", given.fetch_add(1, std::sync::atomic::Ordering::SeqCst)));
        }
        let Some(sent) = seen.header("authorization").map(str::to_owned) else { return bearer(seen, "") };
        let mut used = used.lock().unwrap();
        match used.contains(&sent) {
            true => bearer(seen, ""),
            false => {
                used.push(sent);
                first_byte(&blob().0)
            }
        }
    });
    let client = client_for(&server.host);
    let of = |with| places(&locate(&client, &server.host, with).unwrap())[0].1.clone().unwrap();
    let used: Vec<String> = vec![of(json!({}))];
    let next = of(json!({"refused": used[0]}));
    let sent: Vec<String> =
        server.seen().iter().filter_map(|seen| seen.header("authorization").map(str::to_owned)).collect();
    assert!(next.starts_with("Bearer t") && !sent.contains(&next), "{next} of {sent:?}");
}

/// The first endpoint that has it, without those of which the caller says that they failed: a program that goes on with them ends.
#[test]
fn mirrors_are_asked_in_order() {
    let [first, second] = [0, 1].map(|_| Server::start(|_| first_byte(&blob().0)));
    let origin = Server::start(|_| first_byte(&blob().0));
    let client = client();
    let mirrors = json!([first.url("/"), second.url("/")]);
    client.set_host(&origin.host, host_options(json!({"plain_http": true, "mirrors": mirrors}))).unwrap();
    let endpoint = |with| locate(&client, &origin.host, with).unwrap()["locations"][0]["endpoint"].clone();
    assert_eq!(endpoint(json!({})), first.url("/"));
    assert_eq!(endpoint(json!({"failed": first.url("/")})), second.url("/"));
    assert_eq!(endpoint(json!({"follow": false})), second.url("/"), "it is remembered");
    let all = json!([first.url("/"), second.url("/"), origin.url("/")]);
    for follow in [true, false] {
        let error = locate(&client, &origin.host, json!({"failed": all, "follow": follow}));
        fails(error, Code::Network, "the option failed lists");
    }
    // A misspelt one would be asked for ever.
    for name in ["http://nonsense/", "", "first", &first.url("/a")] {
        let error = locate(&client, &origin.host, json!({"failed": [name]}));
        fails(error, Code::InvalidArgument, "is not an endpoint of");
    }
    let error = locate_tag(&client, &origin.host, json!({"failed": "http://u:s3cret@nonsense/"})).unwrap_err();
    assert!(error.code() == Code::InvalidArgument && !error.message().contains("s3cret"), "{error}");
    assert_eq!(origin.seen().len(), 0);
}

/// A network that answers everything with its own page, and a mirror that says itself that it has something else.
#[test]
fn what_is_not_it_is_passed_over() {
    let page = |_: &Seen| reply(200).header("Content-Type", "text/html; charset=utf-8").body("<html>hi</html>");
    let other = |seen: &Seen| {
        let kind = if seen.path().contains("/manifests/") { MANIFEST_TYPE } else { "application/octet-stream" };
        let all = reply(200).header("Docker-Content-Digest", digest(b"something else")).header("Content-Type", kind);
        all.body(MANIFEST)
    };
    for (answer, is_page) in [(page as fn(&Seen) -> Reply, true), (other, false)] {
        let mirror = Server::start(answer);
        let origin = Server::start(|seen| match seen.method.as_str() {
            _ if seen.path().contains("/manifests/") => reply(200)
                .header("Content-Type", MANIFEST_TYPE)
                .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
                .body(MANIFEST),
            "HEAD" => reply(200).header("Content-Length", 1000),
            _ => first_byte(&blob().0),
        });
        let client = || {
            let client = client();
            client
                .set_host(&origin.host, host_options(json!({"plain_http": true, "mirrors": [mirror.url("/")]})))
                .unwrap();
            client
        };
        let found = locate(&client(), &origin.host, json!({})).unwrap();
        assert_eq!(found["locations"][0]["endpoint"], origin.url("/"));
        let manifest = at(&origin.host, &digest(MANIFEST.as_bytes()));
        let by_digest = client();
        let found = by_digest.locate_manifest(&call(&by_digest), &manifest, &options(json!({}))).unwrap();
        assert_eq!(serde_json::to_value(found).unwrap()["locations"][0]["endpoint"], origin.url("/"));
        if is_page {
            let found = locate_tag(&client(), &origin.host, json!({})).unwrap();
            assert_eq!(found["locations"][0]["endpoint"], origin.url("/"));
        } else {
            let of_blob = client();
            let head = of_blob.head_blob(&call(&of_blob), &at(&origin.host, &blob().1)).unwrap();
            assert_eq!((head.served_by.as_deref(), head.size), (Some(origin.host.as_str()), Some(1000)));
        }
    }
}

/// Two mirrors on one host are told apart by what comes before the names.
#[test]
fn one_of_two_mirrors_on_a_host_may_fail() {
    let mirror = Server::start(|_| first_byte(&blob().0));
    let origin = Server::start(|_| first_byte(&blob().0));
    let client = client();
    let mirrors = json!([mirror.url("/a"), mirror.url("/b")]);
    client.set_host(&origin.host, host_options(json!({"plain_http": true, "mirrors": mirrors}))).unwrap();
    let endpoint = |with| locate(&client, &origin.host, with).unwrap()["locations"][0]["endpoint"].clone();
    assert_eq!(endpoint(json!({})), mirror.url("/a"));
    assert_eq!(endpoint(json!({"failed": mirror.url("/a")})), mirror.url("/b"));
    assert_eq!(origin.seen().len(), 0);
}

fn manifest_head(seen: &Seen) -> Reply {
    assert_eq!(seen.method, "HEAD");
    reply(200)
        .header("Content-Type", MANIFEST_TYPE)
        .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
        .body(MANIFEST)
}

#[test]
fn a_manifest_is_asked_for_by_head() {
    let server = behind(manifest_head);
    let client = client_for(&server.host);
    let found = locate_tag(&client, &server.host, json!({})).unwrap();
    assert_eq!(places(&found), [(server.url("/v2/a/b/manifests/t"), Some("Bearer good".to_owned()))]);
    let said = (&found["digest"], &found["size"], &found["mediaType"]);
    assert_eq!(said, (&json!(digest(MANIFEST.as_bytes())), &json!(MANIFEST.len()), &json!(MANIFEST_TYPE)));
    assert!(found["locations"][0]["headers"]["Accept"].as_str().unwrap().contains(MANIFEST_TYPE));
    assert_eq!(found["repository"], format!("{}/a/b", server.host));
    let found = locate_tag(&client, &server.host, json!({"follow": false})).unwrap();
    assert_eq!((&found["digest"], &found["size"]), (&Value::Null, &Value::Null));
    assert_eq!(server.count("HEAD", "/manifests/"), 2, "one of them refused");
    // The registry says another digest than the reference.
    let other = digest(b"other");
    let reference = at(&server.host, &other);
    let error = client.locate_manifest(&call(&client), &reference, &options(json!({}))).err().unwrap();
    assert_eq!(error.code(), Code::DigestMismatch);
}

#[test]
fn a_manifest_elsewhere_and_one_signed_for_head() {
    for (query, led) in [("?x=1", true), ("?X-Amz-Signature=SECRET", false)] {
        let server = Server::start(move |_| reply(307).header("Location", format!("https://other.example/m{query}")));
        let found = locate_tag(&client(), &server.host, json!({})).unwrap();
        let urls: Vec<String> = places(&found).into_iter().map(|(url, _)| url).collect();
        let mut wanted = vec![server.url("/v2/a/b/manifests/t")];
        if led {
            wanted.insert(0, format!("https://other.example/m{query}"));
        }
        assert_eq!(urls, wanted);
        assert!(found["locations"].as_array().unwrap().iter().all(|place| place["headers"]["Accept"].is_string()));
    }
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(405),
        _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
    });
    let found = locate_tag(&client(), &server.host, json!({})).unwrap();
    assert_eq!((places(&found).len(), &found["digest"]), (1, &Value::Null));
    let server = Server::start(|_| reply(404).json(r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}"#));
    assert_eq!(locate_tag(&client(), &server.host, json!({})).unwrap_err().code(), Code::NotFound);
}

#[test]
fn no_secret_is_logged_or_in_an_error() {
    let server = behind(|_| reply(307).header("Location", format!("https://cdn.example/blob?{SIGNED}")));
    let client = client_for(&server.host);
    let (context, call) = with_context(&client);
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    context.set_log(Some(Arc::new(move |event| {
        kept.lock().unwrap().push(event.to_string());
        Ok(())
    })));
    let reference = at(&server.host, &blob().1);
    let found = client.locate_blob(&call, &reference, &options(json!({}))).unwrap();
    assert!(serde_json::to_string(&found).unwrap().contains("SECRET"));
    client.locate_manifest(&call, &tag(&server.host), &options(json!({}))).unwrap();
    let refused = json!({"refused": "Bearer good"});
    let error = client.locate_blob(&call, &reference, &options(refused)).err().unwrap();
    let bad = Server::start(|_| reply(307).header("Location", format!("http://169.254.169.254/?{SIGNED}")));
    let other = client.locate_blob(&call, &at(&bad.host, &blob().1), &options(json!({}))).err().unwrap();
    let shown =
        [events.lock().unwrap().join("\n"), error.to_json().to_string(), other.to_json().to_string()].join("\n");
    assert!(shown.contains("cdn.example") && shown.contains("169.254.169.254"), "{shown}");
    for secret in ["SECRET", "Bearer good", "YWxpY2U6czNjcmV0", "s3cret"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
