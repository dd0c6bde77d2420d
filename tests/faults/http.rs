//! Retries and redirects.

use std::time::{Duration, Instant};

use ocireg::error::Code;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;

use crate::common::*;
use crate::server::*;

fn manifest() -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

#[test]
fn a_server_that_recovers_is_asked_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let server = Server::start(move |seen| if seen.number < 2 { reply(status) } else { manifest() });
        let client = client();
        let found = client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()).unwrap();
        assert_eq!(found.bytes, MANIFEST.as_bytes());
        assert_eq!(server.seen().len(), 3, "{status}");
    }
}

#[test]
fn a_server_that_does_not_recover_is_an_error_after_five_tries() {
    let server =
        Server::start(|_| reply(503).header("Content-Type", "text/html").body("<html><title>Down</title></html>"));
    let client = client();
    let error =
        fails(client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()), Code::Server, "Down");
    assert_eq!((error.http_status(), error.attempts(), server.seen().len()), (Some(503), 5, 5));
}

/// The same numbers in each run.
fn by_chance(number: usize) -> u64 {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

/// What goes wrong with a request: with every other one something, but with five in a row at most, as the last call waits for all of them.
fn storm(number: usize) -> Option<Reply> {
    let is_wrong = |number: usize| by_chance(number) & 1 == 1;
    let has_calmed = (1..=5).all(|before| number.checked_sub(before).is_some_and(is_wrong));
    let wrong = [reply(500), reply(502), reply(503), reply(504), lost()];
    (is_wrong(number) && !has_calmed).then(|| wrong[(by_chance(number) >> 1) as usize % wrong.len()].clone())
}

/// Every other answer is an error, or none comes: no call fails, and one takes hardly more than two requests.
#[test]
fn a_storm_of_errors_costs_no_call() {
    const THREADS: usize = 32;
    const CALLS: usize = 8;
    let server = Server::start(|seen| storm(seen.number).unwrap_or_else(manifest));
    // So many in a row are wrong for none of them.
    let client = Client::new(changed(options(), |options| options.http.retries = 20)).unwrap();
    let host = &server.host;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    let found = client.get_manifest(&call(&client), &tag(host), &GetOptions::default()).unwrap();
                    assert_eq!(found.bytes, MANIFEST.as_bytes());
                }
            });
        }
    });
    let asked = server.seen().len();
    assert!((THREADS * CALLS * 3 / 2..=THREADS * CALLS * 5 / 2).contains(&asked), "{asked} requests");
}

#[test]
fn a_reset_before_the_answer_is_tried_again() {
    let server = Server::start(|seen| match seen.number {
        0 => lost(),
        1 => manifest().cut(20, Then::Reset),
        _ => manifest(),
    });
    let client = client();
    assert!(client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()).is_ok());
}

#[test]
fn retry_after_is_kept() {
    let server = Server::start(|seen| match seen.number {
        0 => reply(429).header("Retry-After", 1),
        _ => manifest(),
    });
    let client = client();
    client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()).unwrap();
    let seen = server.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
}

#[test]
fn a_wait_that_is_too_long_is_the_callers_to_decide() {
    let server = Server::start(|_| reply(429).header("Retry-After", 3600));
    let client = client();
    let error =
        fails(client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()), Code::RateLimited, "");
    assert_eq!((error.retry_after(), server.seen().len()), (Some(3600), 1));
}

#[test]
fn what_was_refused_for_good_is_not_asked_again() {
    for (status, code) in [(400, Code::Http), (403, Code::Forbidden), (404, Code::NotFound), (405, Code::Unsupported)] {
        let server = Server::start(move |_| reply(status));
        let client = client();
        fails(client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()), code, "");
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn credentials_stay_at_home_and_queries_stay_as_they_are() {
    let blob = noise(1000);
    let copy = blob.clone();
    let store = Server::start(move |seen| serve(&copy, seen));
    let query = "/blob?sig=a%2Fb%20c+d~e&X-Amz-Signature=%2f%3D";
    let target = store.url(query);
    let home = Server::start(move |seen| match seen.header("authorization") {
        Some(_) => reply(307).header("Location", &target),
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    let client = client_for(&home.host);
    let (_, bytes) = client.get_blob(&call(&client), &at(&home.host, &digest(&blob)), &Default::default()).unwrap();
    assert_eq!(bytes, blob);
    let seen = store.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].target, query);
    for name in ["authorization", "cookie", "referer"] {
        assert_eq!(seen[0].header(name), None, "{name}");
    }
}

#[test]
fn the_same_host_on_another_port_is_another_origin() {
    let other = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"give me\""));
    let target = other.url("/x");
    let home = Server::start(move |seen| match seen.header("authorization") {
        Some(_) => reply(302).header("Location", &target),
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    let client = client_for(&home.host);
    fails(
        client.get_blob(&call(&client), &at(&home.host, &digest(b"")), &Default::default()),
        Code::Unauthenticated,
        "",
    );
    assert!(other.seen().iter().all(|seen| seen.header("authorization").is_none()));
    assert_eq!(other.seen().len(), 1, "its challenge is not answered");
}

#[test]
fn redirects_that_lead_nowhere_are_refused() {
    for (location, part) in [
        (Some("http://169.254.169.254/latest/meta-data"), "link-local"),
        (Some("file:///etc/passwd"), ""),
        (Some("ftp://127.0.0.1/x"), ""),
        (Some("http://u:p@127.0.0.1/x"), ""),
        (None, "without saying where"),
    ] {
        let server = Server::start(move |_| match location {
            Some(location) => reply(307).header("Location", location),
            None => reply(307),
        });
        let client = client();
        fails(
            client.get_blob(&call(&client), &at(&server.host, &digest(b"x")), &Default::default()),
            Code::Redirect,
            part,
        );
        assert_eq!(server.seen().len(), 1, "{location:?}");
    }
}

#[test]
fn chains_end() {
    let hops = |limit: usize| {
        Server::start(move |seen| {
            let at: usize = seen.path().rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(0);
            if at < limit {
                reply(302).header("Location", format!("/hop/{}", at + 1))
            } else {
                reply(200).body("x")
            }
        })
    };
    let client = client();
    let get = |server: &Server| client.get_blob(&call(&client), &at(&server.host, &digest(b"x")), &Default::default());
    assert!(get(&hops(5)).is_ok());
    assert!(get(&hops(10)).is_ok());
    fails(get(&hops(11)), Code::Redirect, "10");
    let endless = Server::start(|seen| reply(307).header("Location", seen.path()));
    let begun = Instant::now();
    fails(get(&endless), Code::Redirect, "loop");
    assert!(begun.elapsed() < Duration::from_secs(1));
}

/// Interim answers are skipped. The HTTP package has no bound for them; the time limit for an answer is one, however fast or slowly
/// they come.
#[test]
fn interim_answers_end() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    let some = verbatim(["HTTP/1.1 100 Continue\r\n\r\n", &interim.repeat(100), answer].concat());
    let client = Client::new(changed(options(), |options| options.http.retries = 0)).unwrap();
    let get = |server: &Server| client.get_blob(&call(&client), &at(&server.host, &digest(b"x")), &Default::default());
    assert_eq!(get(&Server::start(move |_| some.clone())).unwrap().1, b"x");
    for endless in [
        verbatim(interim.repeat(100_000)).then(Then::Stall),
        verbatim(interim.repeat(100)).paced(Duration::from_millis(2)).then(Then::Stall),
    ] {
        let (server, begun) = (Server::start(move |_| endless.clone()), Instant::now());
        fails(get(&server), Code::Timeout, "no answer from the server within 1 s");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

#[test]
fn an_old_signed_url_is_renewed_once() {
    let blob = noise(100);
    let copy = blob.clone();
    let server = Server::start(move |seen| match (seen.path(), seen.number) {
        ("/signed", 1) => reply(403).body("<Error>Request has expired</Error>"),
        ("/signed", _) => reply(200).body(&copy),
        _ => reply(307).header("Location", "/signed"),
    });
    let client = client();
    let (_, bytes) = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &Default::default()).unwrap();
    assert_eq!((bytes, server.seen().len()), (blob, 4));
}

#[test]
fn an_endpoint_with_a_path_prefix_is_used_for_everything() {
    let server = Server::start(|seen| match seen.path() {
        "/proxy/v2/a/b/manifests/t" => manifest(),
        _ => reply(404),
    });
    let client = client();
    client.set_host("example.test", host_options(serde_json::json!({"endpoint": server.url("/proxy")}))).unwrap();
    assert!(client.get_manifest(&call(&client), &tag("example.test"), &GetOptions::default()).is_ok());
}

#[test]
fn a_checksum_that_is_sent_is_checked() {
    let server = Server::start(|_| reply(200).header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==").body("x"));
    let client = client();
    fails(
        client.get_blob(&call(&client), &at(&server.host, &digest(b"x")), &Default::default()),
        Code::DigestMismatch,
        "Content-MD5",
    );
}

/// Whatever a server puts into its response, no message contains terminal control characters, and no JSON contains them
/// unescaped.
#[test]
fn what_a_terminal_would_obey_is_in_no_message() {
    const ODD: &str = "\u{202e}gnp.exe\u{2066}\u{9b}31m\u{85}\u{200f}\u{61c}\u{2028}";
    let json = format!(r#"{{"errors":[{{"code":"DENIED{ODD}","message":"no{ODD}","detail":{{"{ODD}":"{ODD}"}}}}]}}"#);
    let html = format!("<html><title>Down{ODD}</title></html>");
    let answers = [
        reply(403).json(&json),
        reply(404).json(&json),
        reply(400).header("Content-Type", "text/html; charset=utf-8").body(html),
        reply(418).header("Content-Type", "text/plain").body(format!("teapot{ODD}")),
        reply(200).header("Content-Type", format!("application/x{ODD}")).body(ODD),
        reply(200).header("Content-Type", MANIFEST_TYPE).body(format!(r#"{{"schemaVersion":2,"{ODD}":1,"{ODD}":2}}"#)),
        reply(200).header("Content-Type", MANIFEST_TYPE).body(format!(r#"{{"schemaVersion":2,"mediaType":"{ODD}"}}"#)),
        reply(302).header("Location", format!("/v2/{ODD}\u{1}")),
        reply(401).header("WWW-Authenticate", format!(r#"Bearer realm="x{ODD}://y",error="{ODD}""#)),
    ];
    for answer in answers {
        let server = Server::start(move |_| answer.clone());
        let client = client();
        let error = client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()).err().unwrap();
        let json = ocireg::inside::to_json_text(&error.to_json()).unwrap();
        assert!(!error.message().contains(ocireg::inside::is_obeyed), "{:?}", error.message());
        assert!(!json.contains(ocireg::inside::is_obeyed), "{json:?}");
        for text in
            [&error.to_json()["hint"], &error.to_json()["registry_errors"][0]["message"], &error.to_json()["cause"][0]]
        {
            assert!(!text.as_str().unwrap_or_default().contains(ocireg::inside::is_obeyed), "{text:?}");
        }
    }
}
